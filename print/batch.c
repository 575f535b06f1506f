/* Batch files: batch.h; what is in one, wire.h. */
#include "config.h"

#include "batch.h"

#include "cleanup.h"
#include "file.h"
#include "seal.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#define RESULT_VERSION 2
#define RESULT_MAX     (1u << 20)
#define ROWS_A_PART    25u /* with the longest reasons still a request to portald */
#define PART_MAX       (1u << 16)
#define KEYS_MOST      8u /* that seal a result */
#define SEAL_TEXT_SIZE sodium_base64_ENCODED_LEN(SEAL_RESULT, sodium_base64_VARIANT_ORIGINAL)

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

    while (r == 0 && claim_next(claim, &letter, &size)) {
        int64_t time = letter_time(letter, size);

        if (time > now + BATCH_AHEAD)
            r = -ERANGE;
        else if (now - time > BATCH_LIFE)
            r = -ETIME;
    }
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

/* ---- The result ---- */

static json_t *part_seals(const struct station_key *key, const uint8_t *portald, const char *text,
                          size_t size)
{
    json_auto_t *seals = json_array();
    char printed[SEAL_TEXT_SIZE];
    uint8_t seal[SEAL_RESULT];

    for (size_t i = 0; key && i < KEYS_MOST; key = key->older, i++) {
        if (seal_result(key->secret, portald, text, size, seal) < 0)
            return NULL;
        sodium_bin2base64(printed, sizeof printed, seal, sizeof seal,
                          sodium_base64_VARIANT_ORIGINAL);
        if (json_array_append_new(seals, json_string(printed)) < 0)
            return NULL;
    }
    return TAKE(seals);
}

/* Part number of count: its text, and the seals over exactly that. */
static json_t *part_make(const char *batch, const json_t *rows, size_t number, size_t count,
                         const struct station_key *key, const uint8_t *portald)
{
    _cleanup_free_ char *text = malloc(PART_MAX);
    json_auto_t *letters = json_array(), *said = NULL;
    size_t from = (number - 1) * ROWS_A_PART, size;

    for (size_t i = from; i < json_array_size(rows) && i < from + ROWS_A_PART; i++)
        if (json_array_append(letters, json_array_get(rows, i)) < 0)
            return NULL;
    said = json_pack("{s:s, s:I, s:I, s:O}", "batch", batch, "part", (json_int_t)number, "parts",
                     (json_int_t)count, "letters", letters);
    size = said && text ? json_dumpb(said, text, PART_MAX, JSON_COMPACT) : 0;
    if (size == 0 || size > PART_MAX)
        return NULL;
    return json_pack("{s:s%, s:o}", "text", text, size, "seals",
                     part_seals(key, portald, text, size));
}

static json_t *result_make(const char *batch, const json_t *rows, const struct station_key *key,
                           const uint8_t *portald)
{
    size_t size = json_array_size(rows);
    size_t count = size == 0 ? 1 : (size + ROWS_A_PART - 1) / ROWS_A_PART;
    json_auto_t *parts = json_array();

    for (size_t number = 1; number <= count; number++)
        if (json_array_append_new(parts, part_make(batch, rows, number, count, key, portald)) < 0)
            return NULL;
    return json_pack("{s:i, s:s, s:O}", "version", RESULT_VERSION, "batch", batch, "parts", parts);
}

int batch_answer(const char *file, const char *batch, const json_t *rows,
                 const struct station_key *key,
                 const uint8_t portald[static crypto_sign_PUBLICKEYBYTES])
{
    _cleanup_free_ char *directory = strdup(file), *text = malloc(RESULT_MAX);
    json_auto_t *result = result_make(batch, rows, key, portald);
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
