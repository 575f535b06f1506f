/* Mails: from a job's payload to the bytes that go to the relay. */
#pragma once

#include "keys.h"
#include "queue.h"
#include <stddef.h>
#include <stdint.h>

/* Topics, each with templates/{de,en}/TOPIC.{subject,txt,html}:
     confirm      link to confirm the address; link, reference
     in-use       somebody registered with this address, which belongs to another customer's account
     registered   you have an account already: how to log in, how to recover
   Payload of a JOB_MAIL, JSON: {"to": address, "language": "de"|"en", "name": full name or absent}.
   Links and references are not in it: they are derived here from the job's id. */

struct compose_options {
    const char *templates;   /* directory */
    const char *sender;      /* From: address */
    const char *sender_name; /* From: display name */
    const char *base_url;    /* of portal-web, without trailing slash: links are BASE/confirm/TOKEN,
                                BASE/not-me/REFERENCE */
    const char *company;     /* the insurer's name, {{company}} in templates */
    const char *support;     /* how to reach support, one line, {{support}} */
    const char *message_domain; /* right side of Message-ID: ID@DOMAIN, ID being the job's */
};

struct compose;
/* Reads and checks all templates at once: an unknown {{name}} or a missing file is an error.
 * problem (size bytes) gets a sentence. */
int compose_open(const struct compose_options *options, const struct keys *keys, char *problem,
                 size_t size, struct compose **ret);
struct compose *compose_free(struct compose *compose);

struct mail {
    char *sender;    /* envelope */
    char *recipient; /* envelope, ASCII domain (libidn2) */
    uint8_t *message;
    size_t message_size;
};
void mail_clear(struct mail *mail);
/* Composes; date is the Date header. Thread-safe. Returns 0; -EBADMSG when payload isn't what it
 * should be; -EINVAL when the address can't be mailed to. */
int compose_mail(const struct compose *compose, const struct job *job, time_t date,
                 struct mail *ret);

/* Derivations, shared with the handlers. */
void compose_token(const struct keys *keys, const char *job, unsigned char ret[static 32]);
void compose_reference(const struct keys *keys, const char *job, unsigned char ret[static 16]);
/* base64url of BLAKE2b-256: what directory and queue hold of tokens and references. */
void compose_hash(const void *secret, size_t size, char ret[static JOB_HASH_SIZE]);
/* Keyed hash of an address (lower case), for limits. */
void compose_address_hash(const struct keys *keys, const char *address,
                          char ret[static JOB_HASH_SIZE]);

/* Whether address is one that we accept from a customer: RFC 5321 path of at most 254 bytes, local
   part ≤ 64, a domain that libidn2 takes, no control characters, blanks, quotes, <> or source
   routes. Returns 0 and the canonical form (trimmed; domain lower case; local part as typed), or
   -EINVAL. */
#define MAIL_ADDRESS_SIZE 255
int mail_address_read(const char *typed, char ret[static MAIL_ADDRESS_SIZE]);
/* The form in which login names and addresses are compared: all lower case. */
void mail_address_fold(const char *address, char ret[static MAIL_ADDRESS_SIZE]);
