/* Asking somebody who is logged in for the password again, and for the code where TOTP is set up,
   before what changes the account. Ends with a GRANT in a step of kind STEP_PASSWORD. */
#pragma once

#include "page.h"

struct again {
    const char *path;    /* of the page: its forms go there */
    const char *purpose; /* of the step, so that a grant serves only what it was asked for */
    enum wire_purpose asks;
    const char *heading, *why; /* originals */
    /* What follows at once; NULL: the step is kept, and the page shown again. */
    void (*then)(struct web *web, struct request *request, struct response *response,
                 const struct step *step);
};

/* The form, or the one for the code. */
void again_show(struct web *web, struct request *request, struct response *response,
                const struct again *again);
/* Whether what was posted belongs to these forms; then it is answered. */
bool again_post(struct web *web, struct request *request, struct response *response,
                const struct again *again);
/* The step with the grant. Returns 0 or -ENOENT. */
int again_load(struct web *web, const struct request *request, const struct again *again,
               struct step *ret);
