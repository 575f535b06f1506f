/* Cookies: sealed with the cookie key (XChaCha20-Poly1305, the cookie's name bound in), base64url.
   With https their names get __Host- in front (RFC 6265bis 4.1.3.2) and they are Secure; all are
   HttpOnly, Path=/, SameSite=Lax: a link in a mail finds its reader logged in, and a POST from
   another site comes without any of them. */
#pragma once

#include "request.h"
#include "response.h"

#include <stdint.h>

struct web;

#define COOKIE_SESSION   "portal-session"
#define COOKIE_STEP      "portal-step"     /* step.h */
#define COOKIE_FORM      "portal-form"     /* token.h */
#define COOKIE_DEVICE    "portal-device"   /* known clients, 400 days */
#define COOKIE_LANGUAGE  "portal-language" /* not sealed: "de" or "en" */
#define COOKIE_APP       "portal-app"      /* on hosts other than ours: auth.h */
#define COOKIE_BROWSER   "portal-browser"  /* likewise: what a one-time code is bound to */
#define COOKIE_VALUE_MAX 2048              /* bytes before sealing */

/* seconds: how long the browser keeps it; 0: until it is closed. Sealed anew each time. Returns 0,
   -EMSGSIZE or -ENOMEM. */
int cookie_set(struct web *web, struct response *response, const char *name, const void *value,
               size_t size, long seconds);
/* Opens one of the request. Returns 0; -ENOENT; -EBADMSG when it isn't ours. */
int cookie_get(struct web *web, const struct request *request, const char *name, void *ret,
               size_t capacity, size_t *ret_size);
/* The same of a cookie's text; name with its prefix. Returns 0 or -EBADMSG. */
int cookie_open(const uint8_t key[static 32], const char *name, const char *text, void *ret,
                size_t capacity, size_t *ret_size);
/* Not sealed, for COOKIE_LANGUAGE: value is a plain word. */
int cookie_set_plain(struct web *web, struct response *response, const char *name,
                     const char *value, long seconds);
const char *cookie_get_plain(struct web *web, const struct request *request, const char *name);
void cookie_clear(struct web *web, struct response *response, const char *name);
