/* The requests of the print station: claim.h. */
#include "config.h"

#include "claim.h"

#include "cleanup.h"
#include "log.h"
#include "seal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define ROWS_A_REPORT 100u /* so that the longest reasons fit into one request */
#define TEXT_BYTES    401

static int call(const struct settings *s, const struct wire_writer *request,
                struct client_reply *ret)
{
    const struct client_target target = {.directory = s->socket_dir,
                                         .socket = s->socket,
                                         .peer = s->peer_uid,
                                         .timeout_ms = (unsigned)s->timeout * 1000};

    return client_call(&target, request, ret);
}

/* An answer that isn't the one that was hoped for. */
static int refusal(const struct wire_frame *reply)
{
    char text[TEXT_BYTES] = "";
    uint8_t verdict = WIRE_REFUSED;

    wire_get_string(reply, WIRE_TEXT, text, sizeof text);
    if (reply->type == WIRE_VERDICT)
        wire_get_u8(reply, WIRE_VERDICT_CODE, &verdict);
    log_line(LOG_ERR, "portald answers: %s", text[0] ? text : "(without a reason)");
    return verdict == WIRE_BUSY || verdict == WIRE_UNAVAILABLE || verdict == WIRE_THROTTLED
               ? -EAGAIN
               : -EPROTO;
}

int claim_check(struct claim *claim, const uint8_t portald[static crypto_sign_PUBLICKEYBYTES],
                const char *batch)
{
    struct seal_manifest manifest;
    const uint8_t *letter, *signature, *announced;
    size_t size, signature_size, announced_size;
    uint8_t digest[32];

    seal_manifest_begin(&manifest);
    while (claim_next(claim, &letter, &size)) {
        seal_manifest_add(&manifest, letter, size);
        claim->letters++;
    }
    seal_manifest_end(&manifest, digest);
    claim->offset = 0;
    if (wire_get(&claim->reply.frame, WIRE_SIGNATURE, &signature, &signature_size) < 0 ||
        wire_get(&claim->reply.frame, WIRE_MANIFEST, &announced, &announced_size) < 0 ||
        announced_size != sizeof digest || sodium_memcmp(announced, digest, sizeof digest) != 0)
        return -EBADMSG;
    return seal_claim_check(portald, batch, digest, signature, signature_size);
}

int claim_ask(const struct settings *settings,
              const uint8_t portald[static crypto_sign_PUBLICKEYBYTES], const char *batch,
              uint32_t count, struct claim *ret)
{
    _cleanup_(wire_writer_clear) struct wire_writer request = {0};
    int r;

    wire_begin(&request, WIRE_CLAIM);
    wire_put_string(&request, WIRE_BATCH, batch);
    wire_put_u32(&request, WIRE_COUNT, count);
    r = wire_end(&request);
    if (r == 0)
        r = call(settings, &request, &ret->reply);
    if (r < 0)
        return r;
    if (ret->reply.frame.type != WIRE_LETTERS)
        return refusal(&ret->reply.frame);
    return claim_check(ret, portald, batch);
}

int claim_next(struct claim *claim, const uint8_t **ret, size_t *ret_size)
{
    enum wire_tag tag;

    while (wire_next(&claim->reply.frame, &claim->offset, &tag, ret, ret_size))
        if (tag == WIRE_LETTER)
            return 1;
    return 0;
}

void claim_clear(struct claim *claim)
{
    client_reply_clear(&claim->reply);
}

static int report_part(const struct settings *settings, const char *batch, const json_t *rows)
{
    _cleanup_(wire_writer_clear) struct wire_writer request = {0};
    _cleanup_(client_reply_clear) struct client_reply reply = {0};
    const size_t most = wire_limit(WIRE_MANIFEST);
    _cleanup_free_ char *text = malloc(most);
    uint8_t verdict = 0;
    size_t size;
    int r;

    if (!text)
        return -ENOMEM;
    size = json_dumpb(rows, text, most, JSON_COMPACT);
    if (size == 0 || size > most)
        return -EMSGSIZE;
    wire_begin(&request, WIRE_PRINTED);
    wire_put_string(&request, WIRE_BATCH, batch);
    wire_put(&request, WIRE_MANIFEST, text, size);
    r = wire_end(&request);
    if (r == 0)
        r = call(settings, &request, &reply);
    if (r < 0)
        return r;
    if (reply.frame.type != WIRE_VERDICT ||
        wire_get_u8(&reply.frame, WIRE_VERDICT_CODE, &verdict) < 0 || verdict != WIRE_OK)
        return refusal(&reply.frame);
    return 0;
}

int claim_report(const struct settings *settings, const char *batch, const json_t *rows)
{
    int r = 0;

    for (size_t from = 0; r == 0 && from < json_array_size(rows); from += ROWS_A_REPORT) {
        json_t *part = json_array();

        for (size_t i = from; part && i < json_array_size(rows) && i < from + ROWS_A_REPORT; i++)
            if (json_array_append(part, json_array_get(rows, i)) < 0)
                r = -ENOMEM;
        if (!part)
            r = -ENOMEM;
        if (r == 0)
            r = report_part(settings, batch, part);
        json_decref(part);
    }
    return r;
}
