/* Sessions: their cookie, their limits, and asking portald. */
#include "config.h"

#include "session.h"

#include "browser-label.h"
#include "cookie.h"
#include "pack.h"
#include "portald.h"
#include "web.h"

#include "cleanup.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>

#define PACK_VERSION 1
#define DEVICE_AGE   (400L * 86400) /* what browsers keep at most (RFC 6265bis, 5.5) */
#define DEVICE_BYTES 16

size_t session_pack(const struct session *session, uint8_t ret[static SESSION_PACKED])
{
    struct pack p = {.data = ret, .capacity = SESSION_PACKED};

    pack_u8(&p, PACK_VERSION);
    pack_fixed(&p, session->id, sizeof session->id);
    pack_u64(&p, (uint64_t)session->started);
    pack_u64(&p, (uint64_t)session->seen);
    pack_string(&p, session->uid);
    pack_string(&p, session->mail);
    pack_string(&p, session->host);
    pack_blob(&p, session->state, session->state_size);
    return p.failed ? 0 : p.size;
}
_Static_assert(1 + SESSION_ID + 8 + 8 + SESSION_UID + SESSION_MAIL + SESSION_HOST + SESSION_STATE +
                       4 * 2 <=
                   SESSION_PACKED,
               "every session can be packed");
_Static_assert(SESSION_PACKED <= COOKIE_VALUE_MAX, "and is a cookie");

int session_unpack(const uint8_t *data, size_t size, struct session *ret)
{
    struct unpack u = {.data = data, .size = size};
    struct session session = {0};
    bool ours = unpack_u8(&u) == PACK_VERSION;

    unpack_fixed(&u, session.id, sizeof session.id);
    session.started = (time_t)unpack_u64(&u);
    session.seen = (time_t)unpack_u64(&u);
    unpack_string(&u, session.uid, sizeof session.uid);
    unpack_string(&u, session.mail, sizeof session.mail);
    unpack_string(&u, session.host, sizeof session.host);
    session.state_size = unpack_blob(&u, session.state, sizeof session.state);
    if (ours && unpack_end(&u))
        *ret = session;
    sodium_memzero(&session, sizeof session);
    return ours && unpack_end(&u) ? 0 : -EBADMSG;
}

static int cookie_write(struct web *web, struct response *response, const char *name,
                        const struct session *session)
{
    uint8_t data[SESSION_PACKED];
    size_t size = session_pack(session, data);
    int r = cookie_set(web, response, name, data, size, 0);

    sodium_memzero(data, sizeof data);
    return r;
}

static int cookie_read(struct web *web, const struct request *request, const char *name,
                       struct session *ret)
{
    uint8_t data[SESSION_PACKED];
    size_t size;
    int r = cookie_get(web, request, name, data, sizeof data, &size);

    if (r == 0)
        r = session_unpack(data, size, ret);
    sodium_memzero(data, sizeof data);
    return r;
}

static void table_begin(struct web *web, const struct request *request,
                        const struct session *session, const uint8_t *parent)
{
    char label[SESSIONS_LABEL];

    browser_label(request_header(request, "User-Agent"), label);
    sessions_begin(web->sessions,
                   &(struct sessions_entry){.id = session->id,
                                            .parent = parent,
                                            .uid = session->uid,
                                            .host = session->host,
                                            .label = label,
                                            .started = session->started},
                   request->now);
}

/* By the table and the cookie's own times. An application's session that was pushed out begins
   anew: whose it is isn't in its cookie. */
static enum session_status use(struct web *web, const struct request *request,
                               const struct session *session, time_t *ret_asked)
{
    const struct settings *s = web->settings;
    int r;

    if (request->now - session->started >= s->absolute)
        return SESSION_IDLE;
    r = sessions_use(web->sessions, session->id, session->started, s->idle, request->now,
                     ret_asked);
    if (r == -ETIME || (r == -ENOENT && request->now - session->seen >= s->idle))
        return SESSION_IDLE;
    if (r == -ENOENT && !*session->host)
        table_begin(web, request, session, NULL);
    else if (r < 0)
        return SESSION_ENDED;
    return SESSION_GOOD;
}

static bool answer_string(const struct answer *answer, enum wire_tag tag, char *ret, size_t size)
{
    return wire_get_string(&answer->reply.frame, tag, ret, size) == 0 && *ret;
}

/* portald is asked whether the login still counts, and by what name. A change of that is taken over
   into the cookie. */
static enum session_status ask(struct web *web, const struct request *request,
                               struct session *session, bool *ret_changed)
{
    _cleanup_(wire_writer_clear) struct wire_writer w = {0};
    _cleanup_(answer_clear) struct answer answer = {0};
    char uid[SESSION_UID], mail[SESSION_MAIL];

    ask_begin(&w, request, WIRE_SESSION);
    wire_put(&w, WIRE_SESSION_STATE, session->state, session->state_size);
    ask_send(web, request, &w, &answer);
    if (answer.verdict == WIRE_GRANT_OVER)
        return SESSION_ENDED;
    if (answer.verdict != WIRE_OK || !answer_string(&answer, WIRE_UID, uid, sizeof uid) ||
        !answer_string(&answer, WIRE_LOGIN, mail, sizeof mail))
        return SESSION_UNKNOWN;
    if (strcmp(uid, session->uid) != 0)
        return SESSION_ENDED;
    *ret_changed = strcmp(mail, session->mail) != 0;
    strcpy(session->mail, mail);
    return SESSION_GOOD;
}

static bool asked_lately(const struct request *request, time_t asked)
{
    return asked != 0 && asked <= request->now && request->now - asked < SESSION_ASK;
}

static enum session_status ask_and_note(struct web *web, const struct request *request,
                                        struct session *session, bool *ret_changed)
{
    enum session_status status = ask(web, request, session, ret_changed);

    /* With an older address in the cookie it is asked each time, until the browser has the new one:
       not every proxy hands on what /auth sets. */
    if (status == SESSION_GOOD && !*ret_changed)
        sessions_asked(web->sessions, session->id, request->now);
    else if (status == SESSION_ENDED)
        sessions_end(web->sessions, session->id, request->now);
    return status;
}

static enum session_status check(struct web *web, const struct request *request,
                                 struct session *session, bool *ret_changed)
{
    time_t asked = 0;
    enum session_status status = use(web, request, session, &asked);
    bool may_ask;

    if (status != SESSION_GOOD || asked_lately(request, asked))
        return status;
    may_ask = sessions_ask_begin(web->sessions, session->id);
    status = use(web, request, session, &asked);
    if (status == SESSION_GOOD && !asked_lately(request, asked))
        status = may_ask ? ask_and_note(web, request, session, ret_changed) : SESSION_UNKNOWN;
    sessions_ask_end(web->sessions, session->id, status == SESSION_UNKNOWN);
    return status;
}

static enum session_status open_as(struct web *web, const struct request *request,
                                   struct response *response, const char *name, const char *host,
                                   struct session *ret)
{
    struct session session = {0};
    enum session_status status;
    bool changed = false;

    if (cookie_read(web, request, name, &session) < 0 || strcmp(session.host, host) != 0)
        return SESSION_NONE;
    status = check(web, request, &session, &changed);
    if (status == SESSION_GOOD) {
        /* A cookie that can't be set is an older one that goes on to be good for a while. */
        if (changed || request->now - session.seen >= SESSION_RENEW) {
            session.seen = request->now;
            (void)cookie_write(web, response, name, &session);
        }
    } else if (status != SESSION_UNKNOWN) {
        cookie_clear(web, response, name);
    }
    if (session_has_id(status))
        *ret = session;
    sodium_memzero(&session, sizeof session);
    return status;
}

enum session_status session_open(struct web *web, const struct request *request,
                                 struct response *response, struct session *ret)
{
    return open_as(web, request, response, COOKIE_SESSION, "", ret);
}

enum session_status session_open_app(struct web *web, const struct request *request,
                                     struct response *response, const char *host,
                                     struct session *ret)
{
    return open_as(web, request, response, COOKIE_APP, host, ret);
}

void session_device(struct web *web, struct request *request, struct response *response)
{
    uint8_t random[DEVICE_BYTES];

    if (!*request->device) {
        randombytes_buf(random, sizeof random);
        sodium_bin2hex(request->device, sizeof request->device, random, sizeof random);
    }
    /* Without it the login works all the same. */
    (void)cookie_set(web, response, COOKIE_DEVICE, request->device, 2 * DEVICE_BYTES, DEVICE_AGE);
}

/* What portald's answer says, in place of the session that the request has. */
static int start(struct web *web, struct request *request, struct response *response,
                 const struct answer *answer, struct session *session)
{
    int r = answer_bytes(answer, WIRE_SESSION_STATE, session->state, sizeof session->state,
                         &session->state_size);

    if (r < 0)
        return r;
    randombytes_buf(session->id, sizeof session->id);
    session->seen = request->now;
    r = cookie_write(web, response, COOKIE_SESSION, session);
    if (r < 0)
        return r;
    if (session_has_id(request->session_status))
        sessions_end(web->sessions, request->session.id, request->now);
    table_begin(web, request, session, NULL);
    sessions_asked(web->sessions, session->id, request->now);
    request->session = *session;
    request->session_status = SESSION_GOOD;
    return 0;
}

int session_begin(struct web *web, struct request *request, struct response *response,
                  const struct answer *answer, const char *mail)
{
    struct session session = {.started = request->now};
    int r = -EPROTO;

    if (strlen(mail) < sizeof session.mail &&
        answer_string(answer, WIRE_UID, session.uid, sizeof session.uid)) {
        strcpy(session.mail, mail);
        r = start(web, request, response, answer, &session);
    }
    sodium_memzero(&session, sizeof session);
    if (r == 0)
        session_device(web, request, response);
    return r;
}

int session_renew(struct web *web, struct request *request, struct response *response,
                  const struct answer *answer)
{
    struct session session = request->session;
    int r = -ENOENT;

    if (request->session_status == SESSION_GOOD)
        r = start(web, request, response, answer, &session);
    sodium_memzero(&session, sizeof session);
    return r;
}

int session_begin_app(struct web *web, const struct request *request, struct response *response,
                      const struct session *parent, const char *host)
{
    struct session session = *parent;
    int r;

    randombytes_buf(session.id, sizeof session.id);
    session.seen = request->now;
    snprintf(session.host, sizeof session.host, "%s", host);
    r = cookie_write(web, response, COOKIE_APP, &session);
    if (r == 0)
        table_begin(web, request, &session, parent->id);
    sodium_memzero(&session, sizeof session);
    return r;
}

void session_end(struct web *web, struct request *request, struct response *response)
{
    if (session_has_id(request->session_status))
        sessions_end(web->sessions, request->session.id, request->now);
    cookie_clear(web, response, COOKIE_SESSION);
    request->session_status = SESSION_NONE;
    sodium_memzero(&request->session, sizeof request->session);
}
