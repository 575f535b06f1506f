/* portalctl bounce: called by the relay for what comes back to a return path. It exits as pipe
   transports understand it (sysexits.h). It needs no rights: the reference in the return path is
   what portald believes, so the message is parsed by a process that may do nothing else. */
#include "config.h"

#include "call.h"
#include "dsn.h"
#include "output.h"

#include "cleanup.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

#define CHUNK 65536u

static const struct {
    enum wire_verdict verdict;
    const char *word;
    int status;
} results[] = {
    {WIRE_OK, "noted", EX_OK},
    {WIRE_LINK_DONE, "known", EX_OK},
    {WIRE_UNKNOWN, "unknown", EX_NOUSER},
    {WIRE_REFUSED, "refused", EX_DATAERR},
    {WIRE_BUSY, "busy", EX_TEMPFAIL},
    {WIRE_UNAVAILABLE, "unavailable", EX_TEMPFAIL},
    {WIRE_THROTTLED, "busy", EX_TEMPFAIL},
};

/* All of standard input, but no more than DSN_MAX is kept: fields come first. */
static int input_read(char **ret, size_t *ret_size)
{
    _cleanup_free_ char *data = malloc(DSN_MAX);
    _cleanup_free_ char *rest = malloc(CHUNK);
    size_t size;

    if (!data || !rest)
        return -ENOMEM;
    size = fread(data, 1, DSN_MAX, stdin);
    while (size == DSN_MAX && fread(rest, 1, CHUNK, stdin) > 0)
        ;
    if (ferror(stdin))
        return -EIO;
    *ret = TAKE(data);
    *ret_size = size;
    return 0;
}

static int result_tell(const struct arguments *a, const struct wire_frame *frame)
{
    char text[512] = "";
    uint8_t verdict;

    if (frame->type != WIRE_VERDICT || wire_get_u8(frame, WIRE_VERDICT_CODE, &verdict) < 0) {
        output_error("portald answered something unexpected.");
        return EX_TEMPFAIL;
    }
    wire_get_string(frame, WIRE_TEXT, text, sizeof text);
    for (size_t i = 0; i < ELEMENTS(results); i++) {
        if (results[i].verdict != verdict)
            continue;
        if (arguments_json(a)) {
            json_auto_t *json = json_pack("{s:s, s:s}", "result", results[i].word, "text", text);

            output_json(json);
        } else if (results[i].status == EX_OK)
            output_text(text);
        else
            output_error("%s", text);
        return results[i].status;
    }
    output_error("portald answered something unexpected.");
    return EX_TEMPFAIL;
}

static int dsn_send(const struct arguments *a, const struct dsn *dsn)
{
    _cleanup_(client_reply_clear) struct client_reply reply = {0};
    _cleanup_(wire_writer_clear) struct wire_writer w = {0};

    wire_begin(&w, WIRE_BOUNCE);
    wire_put_string(&w, WIRE_REFERENCE_CODE, dsn->reference);
    wire_put_u8(&w, WIRE_REPORTED, (uint8_t)dsn->what);
    wire_put_string(&w, WIRE_CODE, dsn->status);
    wire_put_string(&w, WIRE_TEXT, dsn->diagnostic);
    wire_put_string(&w, WIRE_RECIPIENT, dsn->recipient);
    return call_anybody(a, &w, &reply) == STATUS_DONE ? result_tell(a, &reply.frame) : EX_TEMPFAIL;
}

int bounce_run(const struct arguments *a)
{
    _cleanup_free_ char *data = NULL;
    struct dsn dsn;
    size_t size;
    int r = input_read(&data, &size);

    if (r < 0) {
        output_error("Standard input can't be read.");
        return EX_TEMPFAIL;
    }
    dsn_start();
    r = dsn_read(data, size, a->operands > 0 ? a->operand[0] : NULL, &dsn);
    switch (r) {
    case 0:
        return dsn_send(a, &dsn);
    case -ENOENT:
        output_error("It didn't come to a return path of ours.");
        return EX_NOUSER;
    default:
        output_error("This isn't a delivery status notification (RFC 3464).");
        return EX_DATAERR;
    }
}
