/* Form tokens against forged requests (CSRF): BLAKE2b with the cookie key over what ties them to
   the browser, the session's id or, before login, a random cookie (SameSite=Strict). page_render()
   puts {{token}} into every page, server.c refuses a POST without a good one, unless the route says
   that its path holds a secret of its own. */
#pragma once

#include "request.h"
#include "response.h"

#define TOKEN_SIZE 44 /* 32 bytes, base64url, NUL */

struct web;

/* Makes the cookie where there is none. Returns 0 or a negative errno. */
int token_make(struct web *web, const struct request *request, struct response *response,
               char ret[static TOKEN_SIZE]);
/* Whether the form's "token" is good, and neither Origin nor Sec-Fetch-Site says that another site
   sent it. */
bool token_check(struct web *web, const struct request *request);
