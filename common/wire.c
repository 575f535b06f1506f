/* Frames: written field by field, parsed once as a whole, then asked for fields. The protocol is
   in wire.h. libc only. */
#include "config.h"

#include "wire.h"

#include "cleanup.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FIELD_HEADER_SIZE 6u /* tag and length */
#define LENGTH_SIZE       4u
#define WRITER_FIRST      512u

enum field_kind {
    TEXT = 1, /* UTF-8 without NUL */
    BYTES,
};

struct field_rule {
    enum field_kind kind; /* 0: no such tag */
    uint32_t limit;
    bool many;
};

static const struct field_rule rules[WIRE_TAG_LAST + 1] = {
    [WIRE_USER] = {TEXT, 254},
    [WIRE_SERVICE] = {TEXT, 64},
    [WIRE_LANGUAGE] = {TEXT, 8},
    [WIRE_PASSWORD] = {TEXT, 511},
    [WIRE_CLIENT] = {TEXT, 64},
    [WIRE_PURPOSE] = {BYTES, 1},
    [WIRE_GRANT] = {BYTES, 512},
    [WIRE_VERDICT_CODE] = {BYTES, 1},
    [WIRE_ACCOUNT_CODE] = {BYTES, 1},
    [WIRE_TEXT] = {TEXT, 4096},
    [WIRE_UID] = {TEXT, 256},
    [WIRE_TIME] = {BYTES, 8},
    [WIRE_POLICY] = {TEXT, 64},
    [WIRE_BIRTHDATE] = {TEXT, 32},
    [WIRE_MAIL_ADDRESS] = {TEXT, 254},
    [WIRE_MAIL_AGAIN] = {TEXT, 254},
    [WIRE_PRIVACY] = {TEXT, 32},
    [WIRE_TERMS] = {TEXT, 32},
    [WIRE_FIELD] = {BYTES, 2},
    [WIRE_TOKEN] = {TEXT, 512},
    [WIRE_REFERENCE_CODE] = {TEXT, 512},
    [WIRE_BATCH] = {TEXT, 26},
    [WIRE_COUNT] = {BYTES, 4},
    [WIRE_LETTER] = {BYTES, 8192, true},
    [WIRE_MANIFEST] = {BYTES, 60000},
    [WIRE_SIGNATURE] = {BYTES, 64},
    [WIRE_JOB] = {TEXT, 26},
    [WIRE_KIND] = {TEXT, 16},
    [WIRE_ENTRY] = {TEXT, 36},
    [WIRE_SEALED] = {BYTES, 2048},
    [WIRE_ADDRESS] = {TEXT, 1024},
    [WIRE_NAME] = {TEXT, 512},
    [WIRE_LAST_DAY] = {TEXT, 10},
    [WIRE_LOGIN] = {TEXT, 254},
    [WIRE_JSON] = {TEXT, WIRE_REPLY_MAX - 64},
    [WIRE_EXIT] = {BYTES, 1},
    [WIRE_SENDER] = {TEXT, 320},
    [WIRE_RECIPIENT] = {TEXT, 320},
    [WIRE_MESSAGE] = {BYTES, 262144},
    [WIRE_STATUS] = {BYTES, 4},
    [WIRE_RESULT] = {BYTES, 1},
    [WIRE_MODE] = {BYTES, 1},
    [WIRE_CODE] = {TEXT, 511},
    [WIRE_PUK] = {TEXT, 511},
    [WIRE_STATE] = {BYTES, 512},
    [WIRE_QR] = {TEXT, 8192},
    [WIRE_URI] = {TEXT, 1024},
    [WIRE_REPORTED] = {BYTES, 1},
    [WIRE_SESSION_STATE] = {BYTES, 512},
    [WIRE_DEVICE] = {TEXT, 32},
};
_Static_assert(WIRE_TAG_LAST < 64, "parse_fields() keeps the tags it has seen in 64 bits");

static const struct field_rule *field_rule(enum wire_tag tag)
{
    if ((unsigned)tag > WIRE_TAG_LAST || !rules[tag].kind)
        return NULL;
    return &rules[tag];
}

size_t wire_limit(enum wire_tag tag)
{
    const struct field_rule *rule = field_rule(tag);

    return rule ? rule->limit : 0;
}

/* The most bytes of a frame of this type, 0 for a type that doesn't exist. */
static size_t type_limit(enum wire_type type)
{
    switch (type) {
    case WIRE_AUTHENTICATE:
    case WIRE_ACCOUNT:
    case WIRE_CHANGE:
    case WIRE_REGISTER:
    case WIRE_LINK:
    case WIRE_CONFIRM:
    case WIRE_REFERENCE:
    case WIRE_NOT_ME:
    case WIRE_CLAIM:
    case WIRE_PRINTED:
    case WIRE_CONTROL:
    case WIRE_SECOND:
    case WIRE_ENROLL:
    case WIRE_ENROLL_CODE:
    case WIRE_FORGOTTEN:
    case WIRE_RECOVER:
    case WIRE_BOUNCE:
    case WIRE_LETTER_WANTED:
    case WIRE_SITE:
    case WIRE_SESSION:
    case WIRE_PROFILE:
    case WIRE_END_SESSIONS:
    case WIRE_NEW_MAIL:
    case WIRE_TOTP_OFF:
    case WIRE_QUALITY:
    case WIRE_LINK_AGAIN:
        return WIRE_REQUEST_MAX;
    case WIRE_MAIL:
    case WIRE_MAIL_RESULT:
    case WIRE_VERDICT:
    case WIRE_LETTERS:
    case WIRE_REPORT:
    case WIRE_ERROR:
        return WIRE_REPLY_MAX;
    }
    return 0;
}

static uint32_t read_u32(const uint8_t *data)
{
    uint32_t value;

    memcpy(&value, data, sizeof value);
    return be32toh(value);
}

static uint16_t read_u16(const uint8_t *data)
{
    uint16_t value;

    memcpy(&value, data, sizeof value);
    return be16toh(value);
}

/* Makes room for more bytes. No realloc(): it would leave a copy of a password behind. */
static uint8_t *writer_extend(struct wire_writer *w, size_t more)
{
    size_t capacity = w->capacity ? w->capacity : WRITER_FIRST;
    uint8_t *data;

    if (w->error)
        return NULL;
    if (more > WIRE_REPLY_MAX - w->size) {
        w->error = -EMSGSIZE;
        return NULL;
    }
    while (capacity < w->size + more)
        capacity *= 2;
    if (capacity > w->capacity) {
        data = malloc(capacity);
        if (!data) {
            w->error = -ENOMEM;
            return NULL;
        }
        if (w->data) {
            memcpy(data, w->data, w->size);
            explicit_bzero(w->data, w->size);
            free(w->data);
        }
        w->data = data;
        w->capacity = capacity;
    }
    w->size += more;
    return w->data + w->size - more;
}

void wire_begin_fields(struct wire_writer *w)
{
    *w = (struct wire_writer){0};
}

void wire_begin(struct wire_writer *w, enum wire_type type)
{
    uint8_t *header;

    wire_begin_fields(w);
    header = writer_extend(w, WIRE_HEADER_SIZE);
    if (!header)
        return;
    memset(header, 0, LENGTH_SIZE);
    header[4] = WIRE_VERSION;
    header[5] = (uint8_t)type;
}

void wire_put(struct wire_writer *w, enum wire_tag tag, const void *value, size_t length)
{
    const struct field_rule *rule = field_rule(tag);
    uint8_t *field;

    if (w->error)
        return;
    if (!rule || length > rule->limit) {
        w->error = -EMSGSIZE;
        return;
    }
    field = writer_extend(w, FIELD_HEADER_SIZE + length);
    if (!field)
        return;
    memcpy(field, &(uint16_t){htobe16((uint16_t)tag)}, 2);
    memcpy(field + 2, &(uint32_t){htobe32((uint32_t)length)}, 4);
    if (length > 0)
        memcpy(field + FIELD_HEADER_SIZE, value, length);
}

void wire_put_string(struct wire_writer *w, enum wire_tag tag, const char *value)
{
    if (value)
        wire_put(w, tag, value, strlen(value));
}

void wire_put_u8(struct wire_writer *w, enum wire_tag tag, uint8_t value)
{
    wire_put(w, tag, &value, sizeof value);
}

void wire_put_u16(struct wire_writer *w, enum wire_tag tag, uint16_t value)
{
    value = htobe16(value);
    wire_put(w, tag, &value, sizeof value);
}

void wire_put_u32(struct wire_writer *w, enum wire_tag tag, uint32_t value)
{
    value = htobe32(value);
    wire_put(w, tag, &value, sizeof value);
}

void wire_put_u64(struct wire_writer *w, enum wire_tag tag, uint64_t value)
{
    value = htobe64(value);
    wire_put(w, tag, &value, sizeof value);
}

int wire_end(struct wire_writer *w)
{
    if (!w->error && w->size > type_limit((enum wire_type)w->data[5]))
        w->error = -EMSGSIZE;
    if (w->error)
        return w->error;
    memcpy(w->data, &(uint32_t){htobe32((uint32_t)(w->size - LENGTH_SIZE))}, LENGTH_SIZE);
    return 0;
}

void wire_writer_clear(struct wire_writer *w)
{
    if (w->data) {
        explicit_bzero(w->data, w->size);
        free(w->data);
    }
    *w = (struct wire_writer){0};
}

int wire_frame_size(const uint8_t *data, size_t have, size_t max, size_t *ret_size)
{
    size_t announced;

    if (have < LENGTH_SIZE)
        return -EAGAIN;
    announced = read_u32(data);
    if (announced > max - LENGTH_SIZE)
        return -EMSGSIZE;
    if (announced < WIRE_HEADER_SIZE - LENGTH_SIZE)
        return -EPROTO;
    *ret_size = announced + LENGTH_SIZE;
    return 0;
}

/* Steps over one field: 1, 0 behind the last, or -EPROTO when it reaches over the end. */
static int field_next(const struct wire_frame *f, size_t *offset, unsigned *ret_tag,
                      const uint8_t **ret, size_t *ret_length)
{
    const uint8_t *field;
    size_t left, length;

    if (*offset >= f->size)
        return 0;
    left = f->size - *offset;
    if (left < FIELD_HEADER_SIZE)
        return -EPROTO;
    field = f->fields + *offset;
    length = read_u32(field + 2);
    if (length > left - FIELD_HEADER_SIZE)
        return -EPROTO;
    *ret_tag = read_u16(field);
    *ret = field + FIELD_HEADER_SIZE;
    *ret_length = length;
    *offset += FIELD_HEADER_SIZE + length;
    return 1;
}

/* Whether every field keeps its rule. */
static int fields_check(const struct wire_frame *f)
{
    uint64_t seen = 0;
    size_t offset = 0, length;
    const uint8_t *value;
    unsigned tag;
    int r;

    while ((r = field_next(f, &offset, &tag, &value, &length)) > 0) {
        const struct field_rule *rule = field_rule((enum wire_tag)tag);

        if (!rule)
            continue;
        if (length > rule->limit)
            return -EPROTO;
        if (!rule->many && seen & UINT64_C(1) << tag)
            return -EPROTO;
        if (rule->kind == TEXT && memchr(value, 0, length))
            return -EPROTO;
        seen |= UINT64_C(1) << tag;
    }
    return r;
}

int wire_parse_fields(const uint8_t *data, size_t size, struct wire_frame *ret)
{
    struct wire_frame f = {.fields = data, .size = size};
    int r;

    r = fields_check(&f);
    if (r < 0)
        return r;
    *ret = f;
    return 0;
}

int wire_parse(const uint8_t *data, size_t size, struct wire_frame *ret)
{
    struct wire_frame f;
    size_t announced;

    if (wire_frame_size(data, size, WIRE_REPLY_MAX, &announced) < 0 || announced != size)
        return -EPROTO;
    if (data[4] != WIRE_VERSION)
        return -EPROTONOSUPPORT;
    f = (struct wire_frame){.type = (enum wire_type)data[5],
                            .fields = data + WIRE_HEADER_SIZE,
                            .size = size - WIRE_HEADER_SIZE};
    if (size > type_limit(f.type) || fields_check(&f) < 0)
        return -EPROTO;
    *ret = f;
    return 0;
}

int wire_next(const struct wire_frame *f, size_t *offset, enum wire_tag *ret_tag,
              const uint8_t **ret, size_t *ret_length)
{
    unsigned tag;

    if (field_next(f, offset, &tag, ret, ret_length) <= 0)
        return 0;
    *ret_tag = (enum wire_tag)tag;
    return 1;
}

int wire_get(const struct wire_frame *f, enum wire_tag tag, const uint8_t **ret, size_t *ret_length)
{
    size_t offset = 0, length;
    const uint8_t *value;
    enum wire_tag found;

    while (wire_next(f, &offset, &found, &value, &length) > 0)
        if (found == tag) {
            *ret = value;
            *ret_length = length;
            return 0;
        }
    return -ENOENT;
}

int wire_get_string(const struct wire_frame *f, enum wire_tag tag, char *buffer, size_t size)
{
    const uint8_t *value;
    size_t length;
    int r;

    r = wire_get(f, tag, &value, &length);
    if (r < 0)
        return r;
    if (length >= size)
        return -E2BIG;
    if (memchr(value, 0, length))
        return -EILSEQ;
    memcpy(buffer, value, length);
    buffer[length] = 0;
    return 0;
}

/* The bytes of an integer of exactly size bytes. */
static int get_exactly(const struct wire_frame *f, enum wire_tag tag, void *ret, size_t size)
{
    const uint8_t *value;
    size_t length;
    int r;

    r = wire_get(f, tag, &value, &length);
    if (r < 0)
        return r;
    if (length != size)
        return -EPROTO;
    memcpy(ret, value, size);
    return 0;
}

int wire_get_u8(const struct wire_frame *f, enum wire_tag tag, uint8_t *ret)
{
    return get_exactly(f, tag, ret, sizeof *ret);
}

int wire_get_u16(const struct wire_frame *f, enum wire_tag tag, uint16_t *ret)
{
    int r = get_exactly(f, tag, ret, sizeof *ret);

    if (r == 0)
        *ret = be16toh(*ret);
    return r;
}

int wire_get_u32(const struct wire_frame *f, enum wire_tag tag, uint32_t *ret)
{
    int r = get_exactly(f, tag, ret, sizeof *ret);

    if (r == 0)
        *ret = be32toh(*ret);
    return r;
}

int wire_get_u64(const struct wire_frame *f, enum wire_tag tag, uint64_t *ret)
{
    int r = get_exactly(f, tag, ret, sizeof *ret);

    if (r == 0)
        *ret = be64toh(*ret);
    return r;
}
