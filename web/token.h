/* Form tokens against forged requests (CSRF): BLAKE2b with the cookie key over what ties them to
   the browser, the session's id or, before login, a random cookie. That one is SameSite=Lax, which
   keeps it from another site's POST as Strict would; but a Strict one isn't sent with a link from a
   mail either, so that it would be made anew and a form in another tab be refused. page_render()
   puts {{token}} into every page, server.c refuses a POST without a good one, unless the route says
   that its path holds a secret of its own. */
#pragma once

#include "request.h"
#include "response.h"

#define TOKEN_SIZE 44 /* 32 bytes, base64url, NUL */

struct web;
struct settings;

/* Makes the cookie where there is none. Returns 0 or a negative errno. */
int token_make(struct web *web, const struct request *request, struct response *response,
               char ret[static TOKEN_SIZE]);
/* Whether the form's "token" is good, and neither Origin nor Sec-Fetch-Site says that another site
   sent it. */
bool token_check(struct web *web, const struct request *request);
/* What the headers Origin and Sec-Fetch-Site, each or NULL, say of who sent a form. */
bool token_origin(const struct settings *settings, const char *origin, const char *site);
