/* The module's side of wire.h: makes the frame, lets client.c carry it, takes the reply apart. What
   isn't a whole, well-formed verdict counts as no answer. Way in: exchange_…(), one for each
   request. */
#include "config.h"

#include "exchange.h"

#include "utf8.h"

#include "cleanup.h"
#include "client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <security/pam_ext.h>
#include <string.h>
#include <syslog.h>

#define SOCKET_API     "api.sock"
#define SOCKET_ACCOUNT "account.sock"

/* PAM_RHOST, where it is an address. A name would be whatever the owner of that address says it is,
   and portald's throttle tells clients apart by it. */
static const char *client_address(const struct transaction *t)
{
    const void *item = NULL;
    struct in6_addr address;

    if (pam_get_item(t->pamh, PAM_RHOST, &item) != PAM_SUCCESS || !item)
        return NULL;
    if (inet_pton(AF_INET, item, &address) != 1 && inet_pton(AF_INET6, item, &address) != 1)
        return NULL;
    return item;
}

static void request_begin(struct wire_writer *w, const struct transaction *t, enum wire_type type)
{
    wire_begin(w, type);
    wire_put_string(w, WIRE_USER, t->user);
    wire_put_string(w, WIRE_SERVICE, t->service);
    wire_put_string(w, WIRE_LANGUAGE, options_language_code(&t->options));
    wire_put_string(w, WIRE_CLIENT, client_address(t));
}

static void put_purpose(struct wire_writer *w, enum wire_purpose purpose)
{
    if (purpose != WIRE_PURPOSE_LOGIN)
        wire_put_u8(w, WIRE_PURPOSE, (uint8_t)purpose);
}

/* 0 also when the field isn't there: ret is "" then. */
static int get_text(const struct wire_frame *f, enum wire_tag tag, char *ret, size_t size)
{
    int r = wire_get_string(f, tag, ret, size);

    if (r == -ENOENT) {
        *ret = '\0';
        return 0;
    }
    if (r < 0)
        return r;
    return utf8_valid(ret) ? 0 : -EILSEQ;
}

static int get_sealed(const struct wire_frame *f, enum wire_tag tag, struct sealed *ret)
{
    const uint8_t *value = NULL;
    size_t size = 0;

    if (wire_get(f, tag, &value, &size) != 0)
        return 0;
    if (size > sizeof ret->data)
        return -EMSGSIZE;
    memcpy(ret->data, value, size);
    ret->size = size;
    return 0;
}

static int answer_read(const struct wire_frame *f, struct answer *ret)
{
    int r;

    if (f->type != WIRE_VERDICT)
        return -EPROTO;
    r = wire_get_u8(f, WIRE_VERDICT_CODE, &ret->verdict);
    if (r < 0)
        return r;
    r = wire_get_u8(f, WIRE_ACCOUNT_CODE, &ret->account);
    if (r < 0 && r != -ENOENT)
        return r;
    ret->has_account = r == 0;
    r = get_text(f, WIRE_TEXT, ret->text, sizeof ret->text);
    if (r < 0)
        return r;
    r = get_text(f, WIRE_UID, ret->uid, sizeof ret->uid);
    if (r < 0)
        return r;
    r = get_sealed(f, WIRE_GRANT, &ret->grant);
    if (r < 0)
        return r;
    return get_sealed(f, WIRE_STATE, &ret->state);
}

static int offer_read(const struct wire_frame *f, struct offer *ret)
{
    int r = get_text(f, WIRE_URI, ret->uri, sizeof ret->uri);

    return r < 0 ? r : get_text(f, WIRE_QR, ret->qr, sizeof ret->qr);
}

/* WIRE_ERROR says what portald holds against the request: a bug, or two versions that don't go
   together, so it goes to the log. */
static void log_refusal(const struct transaction *t, const struct wire_frame *f)
{
    char text[EXCHANGE_TEXT_SIZE];

    if (get_text(f, WIRE_TEXT, text, sizeof text) < 0)
        *text = '\0';
    pam_syslog(t->pamh, LOG_ERR, "portald refused the request: %s", text);
}

static void log_failure(const struct transaction *t, const char *name, int error)
{
    const char *hint = "";

    if (error == -EPERM)
        hint = " (directory and socket must belong to root or to the user that peer= names, and "
               "the directory must not be writable by others)";
    else if (error == -EACCES)
        hint = " (account.sock is for root and group portal-pam)";
    errno = -error;
    pam_syslog(t->pamh, LOG_ERR, "no answer from portald at %s/%s: %m%s", t->options.socket_dir,
               name, hint);
}

/* ret_offer: NULL but where one is expected. */
static int exchange(const struct transaction *t, const char *name, struct wire_writer *w,
                    struct answer *ret, struct offer *ret_offer)
{
    const struct client_target target = {
        .directory = t->options.socket_dir,
        .socket = name,
        .peer = t->options.peer,
        .timeout_ms = t->options.timeout * 1000,
    };
    _cleanup_(client_reply_clear) struct client_reply reply = {0};
    int r;

    r = wire_end(w);
    if (r == 0)
        r = client_call(&target, w, &reply);
    if (r == 0 && reply.frame.type == WIRE_ERROR) {
        log_refusal(t, &reply.frame);
        return PAM_AUTHINFO_UNAVAIL;
    }
    if (r == 0)
        r = answer_read(&reply.frame, ret);
    if (r == 0 && ret_offer)
        r = offer_read(&reply.frame, ret_offer);
    if (r < 0) {
        log_failure(t, name, r);
        answer_clear(ret);
        return PAM_AUTHINFO_UNAVAIL;
    }
    return PAM_SUCCESS;
}

int exchange_authenticate(const struct transaction *t, const struct factors *factors,
                          struct answer *ret)
{
    _cleanup_(wire_writer_clear) struct wire_writer w = {0};

    request_begin(&w, t, WIRE_AUTHENTICATE);
    wire_put_string(&w, WIRE_PASSWORD, factors->password);
    if (factors->mode != WIRE_MODE_STEPS)
        wire_put_u8(&w, WIRE_MODE, (uint8_t)factors->mode);
    wire_put_string(&w, WIRE_CODE, factors->code);
    put_purpose(&w, factors->purpose);
    return exchange(t, SOCKET_API, &w, ret, NULL);
}

int exchange_second(const struct transaction *t, const struct sealed *state, const char *code,
                    struct answer *ret)
{
    _cleanup_(wire_writer_clear) struct wire_writer w = {0};

    request_begin(&w, t, WIRE_SECOND);
    wire_put(&w, WIRE_STATE, state->data, state->size);
    wire_put_string(&w, WIRE_CODE, code);
    return exchange(t, SOCKET_API, &w, ret, NULL);
}

int exchange_account(const struct transaction *t, struct answer *ret)
{
    _cleanup_(wire_writer_clear) struct wire_writer w = {0};

    request_begin(&w, t, WIRE_ACCOUNT);
    return exchange(t, SOCKET_ACCOUNT, &w, ret, NULL);
}

int exchange_change(const struct transaction *t, const struct sealed *grant, const char *password,
                    enum wire_purpose purpose, struct answer *ret)
{
    _cleanup_(wire_writer_clear) struct wire_writer w = {0};

    request_begin(&w, t, WIRE_CHANGE);
    wire_put(&w, WIRE_GRANT, grant->data, grant->size);
    wire_put_string(&w, WIRE_PASSWORD, password);
    put_purpose(&w, purpose);
    return exchange(t, SOCKET_API, &w, ret, NULL);
}

int exchange_enroll(const struct transaction *t, const struct sealed *grant, struct answer *ret,
                    struct offer *ret_offer)
{
    _cleanup_(wire_writer_clear) struct wire_writer w = {0};

    request_begin(&w, t, WIRE_ENROLL);
    wire_put(&w, WIRE_GRANT, grant->data, grant->size);
    return exchange(t, SOCKET_API, &w, ret, ret_offer);
}

int exchange_enroll_code(const struct transaction *t, const struct sealed *state, const char *code,
                         struct answer *ret)
{
    _cleanup_(wire_writer_clear) struct wire_writer w = {0};

    request_begin(&w, t, WIRE_ENROLL_CODE);
    wire_put(&w, WIRE_STATE, state->data, state->size);
    wire_put_string(&w, WIRE_CODE, code);
    return exchange(t, SOCKET_API, &w, ret, NULL);
}

int exchange_forgotten(const struct transaction *t, struct answer *ret)
{
    _cleanup_(wire_writer_clear) struct wire_writer w = {0};

    request_begin(&w, t, WIRE_FORGOTTEN);
    return exchange(t, SOCKET_API, &w, ret, NULL);
}

int exchange_recover(const struct transaction *t, const char *code, const char *puk,
                     struct answer *ret)
{
    _cleanup_(wire_writer_clear) struct wire_writer w = {0};

    request_begin(&w, t, WIRE_RECOVER);
    wire_put_string(&w, WIRE_CODE, code);
    wire_put_string(&w, WIRE_PUK, puk);
    return exchange(t, SOCKET_API, &w, ret, NULL);
}

void answer_clear(struct answer *answer)
{
    explicit_bzero(answer, sizeof *answer);
}

void offer_clear(struct offer *offer)
{
    explicit_bzero(offer, sizeof *offer);
}
