/* What is between two pages of one way (password given, code wanted; grant held, new password
   wanted): in a sealed cookie, so that no page holds it and nothing is held here. A way that ends,
   or was left for longer than [sessions] step, starts over. Way in: step_save(). */
#pragma once

#include "request.h"
#include "response.h"

#include <stdint.h>

enum step_kind {
    STEP_CODE = 1,   /* login: the password was right; blob is STATE */
    STEP_FIRST,      /* login: a personal password must be chosen; blob is GRANT */
    STEP_PASSWORD,   /* account: password (and code) given again; blob is GRANT */
    STEP_AGAIN_CODE, /* account: the password was given again, the code is wanted; blob is STATE */
    STEP_TOTP,       /* TOTP: the app has the secret, its first code is wanted; blob is STATE */
    STEP_FORGOTTEN,  /* recovery: a code was mailed to user, if that exists; no blob */
    STEP_RECOVER,    /* recovery: code and PUK were right; blob is GRANT */
    STEP_RECOVER_CODE, /* recovery: the new password is set, TOTP's code is wanted; blob is STATE */
};

#define STEP_ID   23 /* 16 bytes, base64url, NUL */
#define STEP_USER 255
#define STEP_TO   513
#define STEP_BLOB 512

struct step {
    enum step_kind kind;
    char id[STEP_ID]; /* the page's form has it as "step", so that a second tab's cookie isn't taken
                         for this one's */
    char user[STEP_USER];
    char to[STEP_TO]; /* where to go afterwards: checked by target.h again when it is used */
    char purpose[16]; /* the page's own: what a way through /password is for */
    char extra[1025]; /* likewise: the URI of TOTP */
    uint8_t blob[STEP_BLOB];
    size_t blob_size;
    time_t made;
};

struct web;

/* Sets the cookie; fills in id and made. Returns 0 or a negative errno. */
int step_save(struct web *web, struct response *response, struct step *step);
/* The step of this browser, if it is one of kind and not over. With POST, its id must be the
   form's. Returns 0 or -ENOENT. */
int step_load(struct web *web, const struct request *request, enum step_kind kind,
              struct step *ret);
void step_clear(struct step *step); /* wipes; for _cleanup_ */
/* The way is over: the cookie goes. */
void step_end(struct web *web, struct response *response);
