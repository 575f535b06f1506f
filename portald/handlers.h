/* What portald does for each request: a table of types, sockets and functions in handlers.c; each
   handler is a plain function of its own file. */
#pragma once

#include "manager.h"

extern const struct server_handlers portald_handlers;

typedef void handler(struct worker *worker, const struct request *request,
                     struct wire_writer *reply);

handler auth_authenticate; /* auth.c */
handler auth_account;
handler change_password; /* change.c */
handler change_look;
handler second_verify; /* second.c */
handler enroll_begin;  /* enroll.c */
handler enroll_confirm;
handler enroll_remove;
handler recover_ask; /* recover.c */
handler recover_verify;
handler visit_look; /* visit.c */
handler visit_end_all;
handler profile_show;    /* profile.c */
handler site_show;       /* site.c */
handler register_accept; /* register.c */
handler register_letter;
handler new_mail_ask; /* new-mail.c */
handler link_again;   /* link-again.c */
handler confirm_look; /* confirm.c */
handler confirm_press;
handler not_me_look; /* not-me.c */
handler not_me_press;
handler letters_claim; /* letters.c */
handler letters_printed;
handler control_handle; /* control.c */
handler bounce_handle;  /* bounce-report.c */

/* Fields of requests as strings: the limits of wire.h, and NUL. */
#define PASSWORD_SIZE 512
#define SERVICE_SIZE  65
#define CLIENT_SIZE   65
#define TYPED_SIZE    65  /* policy number, birthdate */
#define LINK_SIZE     513 /* token or reference, or the whole link around it */
#define VERSION_SIZE  33  /* of a text that is consented to */

/* Puts a verdict and a text into a reply of WIRE_VERDICT. */
void reply_verdict(struct wire_writer *reply, enum wire_verdict verdict, const char *text);
/* The same with the text that goes with every such verdict. */
void reply_standard(struct wire_writer *reply, enum wire_verdict verdict, const char *language);
/* For an error of directory or queue, which is logged: WIRE_BUSY or WIRE_UNAVAILABLE. */
void reply_error(struct wire_writer *reply, int error, const char *language);

/* The language of a request: "de" or "en". */
#define LANGUAGE_SIZE 3
void request_language(const struct manager *manager, const struct request *request,
                      char ret[static LANGUAGE_SIZE]);
/* Where it comes from, as throttle_client() makes it: what limits count. */
void request_client(const struct request *request, char ret[static THROTTLE_CLIENT_SIZE]);
/* What accounts know it by (known.h): where it comes from; on the web socket the browser's device
   alone, or "" without one, for many people share an address there. */
void request_known_as(const struct request *request, char ret[static THROTTLE_CLIENT_SIZE]);
/* Of an authentication or what follows it: WIRE_PURPOSE_LOGIN for one that we don't know. */
enum wire_purpose request_purpose(const struct request *request);
