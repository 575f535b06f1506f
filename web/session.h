/* Sessions: who has logged in, in a sealed cookie, so that a restart loses none. What the cookie
   can't know is kept in a table of fixed size in the state directory (sessions.h): when each was
   last used, and which were logged out. portald is asked whether the login still counts (password
   changed, account locked, "log out everywhere"), at most once in SESSION_ASK seconds for each. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

struct web;
struct request;
struct response;
struct answer;

#define SESSION_ID    16
#define SESSION_STATE 512
#define SESSION_UID   257
#define SESSION_MAIL  255
#define SESSION_HOST  254
#define SESSION_ASK   2  /* seconds */
#define SESSION_RENEW 60 /* seconds: no cookie is set more often than this for being used */

enum session_status {
    SESSION_NONE, /* nobody is logged in here */
    SESSION_GOOD,
    SESSION_IDLE,    /* was not used for too long, or has lasted for as long as it may */
    SESSION_ENDED,   /* by a new password, a lock, or from elsewhere */
    SESSION_UNKNOWN, /* portald or the directory can't be asked: neither let in nor thrown out */
};

struct session {
    uint8_t id[SESSION_ID];
    time_t started, seen;
    char uid[SESSION_UID];
    char mail[SESSION_MAIL];
    char host[SESSION_HOST];      /* "" for ours, else the application's (auth.h) */
    uint8_t state[SESSION_STATE]; /* portald's SESSION */
    size_t state_size;
};

/* Whether a session's own id is known, if not whether it still counts: enough for its form token,
   and to end it. */
static inline bool session_has_id(enum session_status status)
{
    return status == SESSION_GOOD || status == SESSION_UNKNOWN;
}

/* Whose session the request's cookie is. Asks portald where it has to, so not for the thread that
   serves connections. Notes that it was used; renews the cookie where that is due. *ret is set with
   SESSION_GOOD and SESSION_UNKNOWN. */
enum session_status session_open(struct web *web, const struct request *request,
                                 struct response *response, struct session *ret);
/* After a login: answer has SESSION and UID. A new id, always (fixation). mail: the login name.
   Returns 0 or a negative errno: then nobody is
   logged in. */
int session_begin(struct web *web, struct request *request, struct response *response,
                  const struct answer *answer, const char *mail);
/* After a new password: the same session goes on with what answer has, under a new id. */
int session_renew(struct web *web, struct request *request, struct response *response,
                  const struct answer *answer);
/* What this browser is known by (request.device): made where it has none yet, and sealed into the
   device cookie. To be called before a password is sent to portald, so that the login that follows
   makes it known; session_begin() does it again. */
void session_device(struct web *web, struct request *request, struct response *response);
/* Logged out: for good, also for whoever kept a copy of the cookie, and at all hosts. */
void session_end(struct web *web, struct request *request, struct response *response);
/* The same for an application's session, whose cookie is at host (auth.h). */
enum session_status session_open_app(struct web *web, const struct request *request,
                                     struct response *response, const char *host,
                                     struct session *ret);
/* An application's session at host begins, out of parent, with which it ends. */
int session_begin_app(struct web *web, const struct request *request, struct response *response,
                      const struct session *parent, const char *host);
/* As cookies and codes hold it: ret has SESSION_PACKED bytes. */
#define SESSION_PACKED 1400
size_t session_pack(const struct session *session, uint8_t ret[static SESSION_PACKED]);
/* 0 or -EBADMSG. */
int session_unpack(const uint8_t *data, size_t size, struct session *ret);
