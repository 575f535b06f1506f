/* Mails: from a job's payload to the bytes that go to the relay. */
#pragma once

#include "address.h"
#include "cleanup.h"
#include "derive.h"
#include "keys.h"
#include "queue.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

/* Topics, each with templates/{de,en}/TOPIC.{subject,txt,html}:
     confirm            link to confirm the address; link, hours, reference
     mail-confirm       link to confirm that this is to be an account's address from now on; link,
                        hours, reference
     in-use             somebody registered with this address, which belongs to another customer's
                        account
     registered         you have an account already: how to log in, how to recover
     code               the code for a new password, asked for by whoever forgot it; code, minutes
   and the notices of what was done to an account:
     password-set       the first personal password was chosen
     password-changed   another one
     totp-on, totp-off  the second factor was set up, or removed by customer or support
     puk-used           the PUK was used, and is void; a letter with the next one comes
     puk-void           the same where no letter comes: there were too many of late
     mail-changed       an administrator of the directory has changed or removed this address
     mail-new           … has entered this one instead
     mail-moved         its customer has changed it, with a link that mail-confirm brought to the
   new address; who gets this can undo it, until the end of day at least mail-back          … has
   undone that: this is the account's address again mail-undone        … and this one isn't any more
     restarted          support started the account anew; a letter with initial password and PUK
                        comes
   and what comes of asking for a new letter:
     letter-new         one with initial password and PUK comes, since the last one has expired
     letter-valid       none: the present one works, until day at least
     letter-refused     none: the last one came back, or there were too many; ask support
     has-password       none: there is a personal password; how to recover it
   and of letters:
     letter-address     one goes to another postal address than the last one, and waits until day
     letter-posted      one was posted, and should arrive by day
     letter-returned    one came back: what it carried is void
     password-expires   the initial password works until the end of day
   Payload of a JOB_MAIL, JSON: {"to": address, "language": "de"|"en", "name": full name or absent,
   "day": YYYY-MM-DD, for those topics that have one}.
   Links, references and codes are not in it: they are derived from the job's id (derive.h).

   Names in templates: company, support, name, greeting ("Guten Tag Erika Mustermann,"), login_url,
   not_me (the link BASE/not-me/REFERENCE), reference (as printed), time (when the job was made: of
   a notice, when it happened), for confirm link and hours, for code code and minutes, for letters
   day ("23. November 2026").
   The txt and html of a topic are its own words. What all mails share stands around them, in
   templates/{de,en}/frame.{txt,html}, which must have a {{body}} and may have {{title}}, the
   subject. */

#define COMPOSE_LINK_HOURS   48
#define COMPOSE_CODE_MINUTES 30

struct compose_options {
    const char *templates;      /* directory */
    const char *sender;         /* From: address */
    const char *sender_name;    /* From: display name */
    const char *bounce_address; /* envelope senders are made from it (bounce.h); NULL, "": they are
                                   sender */
    const char *base_url; /* of portal-web, without trailing slash: links are BASE/confirm/TOKEN,
                             BASE/not-me/REFERENCE, BASE/login */
    const char *company;  /* the insurer's name, {{company}} in templates */
    const char *support;  /* how to reach support, one line, {{support}} */
    const char *message_domain; /* right side of Message-ID: ID@DOMAIN, ID being the job's */
    long link_hours;            /* how long a link works; 0: COMPOSE_LINK_HOURS */
    long code_minutes;          /* how long a code works; 0: COMPOSE_CODE_MINUTES */
};

struct compose;
/* Reads and checks all templates at once: an unknown {{name}} or a missing file is an error.
   problem (size bytes) gets a sentence. keys stays the caller's. */
int compose_open(const struct compose_options *options, const struct keys *keys, char *problem,
                 size_t size, struct compose **ret);
struct compose *compose_free(struct compose *compose);
DEFINE_CLEANUP(struct compose, compose_free)

struct mail {
    char *sender;     /* envelope */
    char *recipient;  /* envelope, ASCII domain (libidn2) */
    uint8_t *message; /* lines of ASCII, ended by CRLF */
    size_t message_size;
};
void mail_clear(struct mail *mail);
/* Composes; date is the Date header. Thread-safe. The same job gives the same bytes, but for Date.
   Returns 0; -EBADMSG when payload or topic isn't what it should be; -EINVAL when the address can't
   be mailed to; -ENOMEM. */
int compose_mail(const struct compose *compose, const struct job *job, time_t date,
                 struct mail *ret);
/* Whether entries note the ids of such mails (portalJob), and are to be told when one has ended. */
bool compose_topic_noted(const char *topic);
