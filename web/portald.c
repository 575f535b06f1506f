/* Asking portald; ask_send() is the way in. */
#include "config.h"

#include "portald.h"

#include "web.h"

#include "cleanup.h"
#include "clock.h"
#include "log.h"
#include "texts.h"

#include <errno.h>
#include <stdio.h>

/* Which of the common fields a type takes: wire.h. */
static const struct {
    enum wire_type type;
    bool service, client;
} types[] = {
    {WIRE_AUTHENTICATE, true, true}, {WIRE_SECOND, true, true},
    {WIRE_CHANGE, true, true},       {WIRE_ENROLL, true, false},
    {WIRE_ENROLL_CODE, true, true},  {WIRE_FORGOTTEN, true, true},
    {WIRE_RECOVER, true, true},      {WIRE_NEW_MAIL, true, true},
    {WIRE_TOTP_OFF, true, true},     {WIRE_QUALITY, true, false},
    {WIRE_REGISTER, false, true},    {WIRE_LETTER_WANTED, false, true},
    {WIRE_LINK_AGAIN, false, true},
};

void ask_begin(struct wire_writer *w, const struct request *request, enum wire_type type)
{
    wire_begin(w, type);
    if (type == WIRE_SITE)
        return;
    wire_put_string(w, WIRE_LANGUAGE, request->language);
    for (size_t i = 0; i < ELEMENTS(types); i++)
        if (types[i].type == type) {
            if (types[i].service)
                wire_put_string(w, WIRE_SERVICE, WEB_SERVICE);
            if (types[i].client && *request->client)
                wire_put_string(w, WIRE_CLIENT, request->client);
            if (types[i].client && *request->device)
                wire_put_string(w, WIRE_DEVICE, request->device);
        }
}

static void answer_unavailable(const struct request *request, struct answer *ret)
{
    ret->verdict = WIRE_UNAVAILABLE;
    snprintf(ret->text, sizeof ret->text, "%s",
             text(request->language,
                  N_("This service is not available at the moment. Please try again in a few "
                     "minutes. Nothing has been lost.")));
}

/* portald says WIRE_ERROR to what it takes for our mistake. */
static int answer_read(struct answer *ret)
{
    const struct wire_frame *frame = &ret->reply.frame;
    uint8_t code = 0;
    uint16_t field = 0;

    if (frame->type == WIRE_REPORT)
        return 0;
    if (frame->type != WIRE_VERDICT || wire_get_u8(frame, WIRE_VERDICT_CODE, &code) < 0)
        return -EPROTO;
    ret->verdict = code;
    if (wire_get_u8(frame, WIRE_ACCOUNT_CODE, &code) == 0)
        ret->account = code;
    if (wire_get_u16(frame, WIRE_FIELD, &field) == 0)
        ret->field = field;
    if (wire_get_string(frame, WIRE_TEXT, ret->text, sizeof ret->text) < 0)
        ret->text[0] = '\0';
    return 0;
}

static int call(struct web *web, const struct wire_writer *w, struct client_reply *ret)
{
    struct client_target target = {
        .directory = web->settings->socket_dir,
        .socket = "web.sock",
        .peer = web->peer,
        .timeout_ms = (unsigned)web->settings->timeout * 1000,
    };
    int64_t began = clock_monotonic_ms();
    bool probe;
    int r;

    if (!hung_begin(&web->hung, &probe))
        return -EHOSTDOWN;
    r = client_call(&target, w, ret);
    hung_end(&web->hung, probe, r == -ETIMEDOUT, began);
    return r;
}

void ask_send(struct web *web, const struct request *request, struct wire_writer *w,
              struct answer *ret)
{
    int r = wire_end(w);

    memset(ret, 0, sizeof *ret);
    if (r == 0)
        r = call(web, w, &ret->reply);
    if (r == 0)
        r = answer_read(ret);
    if (r < 0) {
        if (r != -EHOSTDOWN) /* which was said when it began */
            log_line(LOG_WARNING, "portald can't be asked: %s", strerror(-r));
        answer_unavailable(request, ret);
    }
}

int answer_bytes(const struct answer *answer, enum wire_tag tag, void *ret, size_t capacity,
                 size_t *ret_size)
{
    const uint8_t *value;
    size_t size;

    if (!answer->reply.data || wire_get(&answer->reply.frame, tag, &value, &size) < 0 ||
        size > capacity)
        return -ENOENT;
    memcpy(ret, value, size);
    *ret_size = size;
    return 0;
}

void answer_clear(struct answer *answer)
{
    client_reply_clear(&answer->reply);
    explicit_bzero(answer, sizeof *answer);
}
