/* The second factor: the page that asks for the app's code, the one that takes the PUK instead, and
   the request that both lead to. The same at login, after a recovery, and in the account. */
#pragma once

#include "page.h"

/* The page path/code or path/puk. answer: why it is shown again, or NULL. */
void second_show(struct web *web, struct request *request, struct response *response,
                 const struct step *step, const char *path, const struct answer *answer);
/* Asks portald about the code or PUK that was posted. */
void second_send(struct web *web, const struct request *request, const struct step *step,
                 struct answer *ret);
/* Whether the PUK was posted. Where it was right, TOTP is switched off now. */
bool second_is_puk(const struct request *request);
/* Whether the same step may be tried again after answer. */
bool second_again(const struct answer *answer);
