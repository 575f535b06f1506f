/* Forward auth: a proxy asks /auth who uses an application (nginx auth_request, Caddy forward_auth,
   Traefik forwardAuth). On our own host the session's cookie comes along. On another host of [site]
   hosts the application gets a cookie of its own:

       application's host                          ours
       /auth: 401, or a redirect to
       /auth/callback?to=PATH
           cookie: a random value        ->        /auth/continue?request=REQUEST
                                                   where nobody is logged in: /login, and back
       /auth/callback?code=CODE          <-        CODE, once, for 30 s
           cookie: the application's session
       PATH

   REQUEST and CODE are sealed. Both are bound to the host and to the browser, by the hash of the
   random value: whoever is handed somebody else's can do nothing with it. */
#pragma once

#include "session.h"
#include "target.h"

#define AUTH_BROWSER 16   /* bytes of the hash */
#define AUTH_WAIT    3600 /* seconds that somebody may take to log in */
#define AUTH_ROUNDS  20   /* within AUTH_ROUND seconds: a browser that keeps no cookie goes round */
#define AUTH_ROUND   60
/* So that it fits, behind its path, where a target does. */
#define AUTH_REQUEST_MAX (TARGET_MAX - 40)
#define AUTH_CODE_MAX    3072

struct web;
struct request;

struct auth_request {
    char host[SESSION_HOST];
    char to[TARGET_MAX + 1];
    uint8_t browser[AUTH_BROWSER];
    time_t made;
};
struct auth_code {
    struct auth_request request; /* made: when the code was */
    uint8_t id[16];              /* begins with web.process */
    struct session session;      /* that it was made from */
};

/* The application's host that a request is about, as [site] hosts spells it; "" for our own, NULL
   for one that isn't there. Only a proxy is believed. */
const char *auth_host(const struct web *web, const struct request *request);
/* As text, base64url. Where to is too long for that, "/" takes its place. */
int auth_request_seal(const uint8_t key[static 32], const struct auth_request *request,
                      char ret[static AUTH_REQUEST_MAX]);
int auth_request_open(const uint8_t key[static 32], const char *text, struct auth_request *ret);
int auth_code_seal(const uint8_t key[static 32], const struct auth_code *code,
                   char ret[static AUTH_CODE_MAX]);
int auth_code_open(const uint8_t key[static 32], const char *text, struct auth_code *ret);
/* value behind path, percent-encoded: what both are handed on with. -EMSGSIZE when it doesn't
   fit. */
int auth_link(const char *path, const char *value, char *ret, size_t size);
