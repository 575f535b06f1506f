/* Batch files: batch.h; what is in one, wire.h. */
#include "config.h"

#include "batch.h"

#include "cleanup.h"
#include "file.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#define RESULT_VERSION 1
#define RESULT_MAX     (1u << 20)

/* A letter's own time, which the signature covers: a file can't be made younger. */
static int64_t letter_time(const uint8_t *letter, size_t size)
{
    struct wire_frame fields;
    uint64_t time = 0;

    if (wire_parse_fields(letter, size, &fields) < 0 || wire_get_u64(&fields, WIRE_TIME, &time) < 0)
        return 0;
    return time > INT64_MAX ? 0 : (int64_t)time;
}

static int age_check(struct claim *claim, int64_t now)
{
    const uint8_t *letter;
    size_t size;
    int r = 0;

    while (claim_next(claim, &letter, &size))
        if (now - letter_time(letter, size) > BATCH_LIFE)
            r = -ETIME;
    claim->offset = 0;
    return r;
}

int batch_read(const char *file, const uint8_t portald[static crypto_sign_PUBLICKEYBYTES],
               int64_t now, struct claim *ret, char ret_batch[static ULID_SIZE])
{
    char batch[ULID_SIZE], typed[ULID_SIZE];
    size_t whole = 0;
    int r = file_read(file, WIRE_REPLY_MAX, &ret->reply.data, &ret->reply.size);

    if (r < 0)
        return r;
    if (wire_frame_size(ret->reply.data, ret->reply.size, WIRE_REPLY_MAX, &whole) < 0 ||
        whole != ret->reply.size ||
        wire_parse(ret->reply.data, ret->reply.size, &ret->reply.frame) < 0 ||
        ret->reply.frame.type != WIRE_LETTERS ||
        wire_get_string(&ret->reply.frame, WIRE_BATCH, typed, sizeof typed) < 0 ||
        ulid_read(typed, batch) < 0)
        return -EBADMSG;
    r = claim_check(ret, portald, batch);
    if (r == 0)
        r = age_check(ret, now);
    if (r == 0)
        memcpy(ret_batch, batch, sizeof batch);
    return r;
}

int batch_answer(const char *file, const char *batch, json_t *rows)
{
    _cleanup_free_ char *directory = strdup(file), *text = malloc(RESULT_MAX);
    json_auto_t *result =
        json_pack("{s:i, s:s, s:O}", "version", RESULT_VERSION, "batch", batch, "letters", rows);
    char name[NAME_MAX + 1], *slash;
    size_t size;

    if (!directory || !text || !result)
        return -ENOMEM;
    size = json_dumpb(result, text, RESULT_MAX, JSON_INDENT(1));
    if (size == 0 || size > RESULT_MAX)
        return -EMSGSIZE;
    slash = strrchr(directory, '/');
    if (slash)
        slash[slash == directory ? 1 : 0] = '\0';
    snprintf(name, sizeof name, "%s" RESULT_SUFFIX, batch);
    return file_write(slash ? directory : ".", name, text, size);
}
