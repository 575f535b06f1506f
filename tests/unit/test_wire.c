/* Frames: what is written is read back, and what breaks a rule of wire.h never parses. */
#include "config.h"

#include <errno.h>
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "cleanup.h"
#include "wire.h"

#define SECRET "correct horse battery"

/* Every block that is freed during a test is searched for the secret first (-Wl,--wrap=free). */
static bool secret_was_freed;

void __real_free(void *p);
void __wrap_free(void *p);

void __wrap_free(void *p)
{
    if (p && memmem(p, malloc_usable_size(p), SECRET, strlen(SECRET)))
        secret_was_freed = true;
    __real_free(p);
}

static void test_every_field_reads_back(void **state)
{
    _cleanup_(wire_writer_clear) struct wire_writer w = {0};
    struct wire_frame f;
    char text[300];
    uint8_t u8;
    uint16_t u16;
    uint32_t u32;
    uint64_t u64;

    (void)state;
    wire_begin(&w, WIRE_VERDICT);
    wire_put_u8(&w, WIRE_VERDICT_CODE, WIRE_THROTTLED);
    wire_put_u16(&w, WIRE_FIELD, WIRE_MAIL_AGAIN);
    wire_put_u32(&w, WIRE_COUNT, 0x01020304);
    wire_put_u64(&w, WIRE_TIME, UINT64_C(0x0102030405060708));
    wire_put_string(&w, WIRE_USER, "änne@example.org");
    wire_put_string(&w, WIRE_TEXT, "");
    wire_put_string(&w, WIRE_UID, NULL);
    assert_int_equal(wire_end(&w), 0);

    assert_int_equal(wire_parse(w.data, w.size, &f), 0);
    assert_int_equal(f.type, WIRE_VERDICT);
    assert_int_equal(wire_get_u8(&f, WIRE_VERDICT_CODE, &u8), 0);
    assert_int_equal(u8, WIRE_THROTTLED);
    assert_int_equal(wire_get_u16(&f, WIRE_FIELD, &u16), 0);
    assert_int_equal(u16, WIRE_MAIL_AGAIN);
    assert_int_equal(wire_get_u32(&f, WIRE_COUNT, &u32), 0);
    assert_int_equal(u32, 0x01020304);
    assert_int_equal(wire_get_u64(&f, WIRE_TIME, &u64), 0);
    assert_true(u64 == UINT64_C(0x0102030405060708));
    assert_int_equal(wire_get_string(&f, WIRE_USER, text, sizeof text), 0);
    assert_string_equal(text, "änne@example.org");
    assert_int_equal(wire_get_string(&f, WIRE_TEXT, text, sizeof text), 0);
    assert_string_equal(text, "");
    assert_int_equal(wire_get_string(&f, WIRE_UID, text, sizeof text), -ENOENT);
}

static void test_bytes_on_the_wire_are_those_of_the_header(void **state)
{
    static const uint8_t expected[] = {0, 0, 0, 10, 1, 64, 0, 19, 0, 0, 0, 2, 1, 2};
    _cleanup_(wire_writer_clear) struct wire_writer w = {0};

    (void)state;
    wire_begin(&w, WIRE_VERDICT);
    wire_put_u16(&w, WIRE_FIELD, 0x0102);
    assert_int_equal(wire_end(&w), 0);
    assert_int_equal(w.size, sizeof expected);
    assert_memory_equal(w.data, expected, sizeof expected);
}

static void test_get_leaves_the_output_alone_on_failure(void **state)
{
    _cleanup_(wire_writer_clear) struct wire_writer w = {0};
    char text[4] = "abc";
    uint8_t u8 = 7;
    uint64_t u64 = 7;
    struct wire_frame f;

    (void)state;
    wire_begin(&w, WIRE_VERDICT);
    wire_put_u16(&w, WIRE_FIELD, 1);
    wire_put_string(&w, WIRE_USER, "four");
    wire_put(&w, WIRE_GRANT, "a\0b", 3);
    assert_int_equal(wire_end(&w), 0);
    assert_int_equal(wire_parse(w.data, w.size, &f), 0);
    assert_int_equal(wire_get_u8(&f, WIRE_FIELD, &u8), -EPROTO);
    assert_int_equal(wire_get_u64(&f, WIRE_FIELD, &u64), -EPROTO);
    assert_int_equal(wire_get_u8(&f, WIRE_EXIT, &u8), -ENOENT);
    assert_int_equal(wire_get_string(&f, WIRE_USER, text, sizeof text), -E2BIG);
    assert_int_equal(wire_get_string(&f, WIRE_GRANT, text, sizeof text), -EILSEQ);
    assert_int_equal(u8, 7);
    assert_int_equal(u64, 7);
    assert_string_equal(text, "abc");
}

/* Writes one field of length bytes, past the writer's checks. */
static size_t raw_field(uint8_t *out, unsigned tag, size_t length, char fill)
{
    out[0] = (uint8_t)(tag >> 8);
    out[1] = (uint8_t)tag;
    out[2] = (uint8_t)(length >> 24);
    out[3] = (uint8_t)(length >> 16);
    out[4] = (uint8_t)(length >> 8);
    out[5] = (uint8_t)length;
    memset(out + 6, fill, length);
    return 6 + length;
}

static void raw_header(uint8_t *frame, size_t size, enum wire_type type)
{
    frame[0] = (uint8_t)((size - 4) >> 24);
    frame[1] = (uint8_t)((size - 4) >> 16);
    frame[2] = (uint8_t)((size - 4) >> 8);
    frame[3] = (uint8_t)(size - 4);
    frame[4] = WIRE_VERSION;
    frame[5] = (uint8_t)type;
}

static void test_every_limit_is_kept_by_writer_and_reader(void **state)
{
    _cleanup_free_ uint8_t *frame = malloc(WIRE_REPLY_MAX + 16);
    struct wire_frame f;

    (void)state;
    assert_non_null(frame);
    for (unsigned tag = 1; tag <= WIRE_TAG_LAST; tag++) {
        size_t limit = wire_limit((enum wire_tag)tag), size;

        assert_true(limit > 0);
        for (size_t length = limit; length <= limit + 1; length++) {
            _cleanup_(wire_writer_clear) struct wire_writer w = {0};
            bool fits = length == limit;

            size = WIRE_HEADER_SIZE + raw_field(frame + WIRE_HEADER_SIZE, tag, length, 'x');
            raw_header(frame, size, WIRE_REPORT);
            assert_int_equal(wire_parse(frame, size, &f), fits ? 0 : -EPROTO);
            wire_begin(&w, WIRE_REPORT);
            wire_put(&w, (enum wire_tag)tag, frame + 12, length);
            assert_int_equal(wire_end(&w), fits ? 0 : -EMSGSIZE);
        }
    }
}

static void test_unknown_tags_are_passed_over_but_never_written(void **state)
{
    static const unsigned tags[] = {0, WIRE_TAG_LAST + 1, 63, 64, 65, 0xffff};
    _cleanup_(wire_writer_clear) struct wire_writer w = {0};
    uint8_t frame[64], code = 0;
    struct wire_frame f;
    size_t size;

    (void)state;
    for (size_t i = 0; i < ELEMENTS(tags); i++) {
        size = WIRE_HEADER_SIZE;
        size += raw_field(frame + size, tags[i], 3, 0);
        size += raw_field(frame + size, tags[i], 3, 0);
        size += raw_field(frame + size, WIRE_VERDICT_CODE, 1, 5);
        raw_header(frame, size, WIRE_VERDICT);
        assert_int_equal(wire_parse(frame, size, &f), 0);
        assert_int_equal(wire_get_u8(&f, WIRE_VERDICT_CODE, &code), 0);
        assert_int_equal(code, 5);
        assert_int_equal(wire_limit((enum wire_tag)tags[i]), 0);
    }
    wire_begin(&w, WIRE_VERDICT);
    wire_put(&w, (enum wire_tag)(WIRE_TAG_LAST + 1), "", 0);
    assert_int_equal(wire_end(&w), -EMSGSIZE);
}

static void test_a_tag_comes_once_unless_many_may(void **state)
{
    uint8_t frame[64];
    struct wire_frame f;

    (void)state;
    for (unsigned tag = 1; tag <= WIRE_TAG_LAST; tag++) {
        size_t size = WIRE_HEADER_SIZE;

        size += raw_field(frame + size, tag, 1, 'x');
        size += raw_field(frame + size, tag, 1, 'x');
        raw_header(frame, size, WIRE_LETTERS);
        assert_int_equal(wire_parse(frame, size, &f), tag == WIRE_LETTER ? 0 : -EPROTO);
    }
}

static void test_strings_with_nul_make_the_frame_invalid(void **state)
{
    static const enum wire_tag texts[] = {WIRE_USER,     WIRE_PASSWORD,     WIRE_POLICY,
                                          WIRE_TOKEN,    WIRE_MAIL_ADDRESS, WIRE_JSON,
                                          WIRE_RECIPIENT};
    uint8_t frame[64];
    struct wire_frame f;
    size_t size;

    (void)state;
    for (size_t i = 0; i < ELEMENTS(texts); i++) {
        size = WIRE_HEADER_SIZE + raw_field(frame + WIRE_HEADER_SIZE, texts[i], 3, 'x');
        frame[size - 1] = 0;
        raw_header(frame, size, WIRE_REGISTER);
        assert_int_equal(wire_parse(frame, size, &f), -EPROTO);
    }
}

static void test_frames_cut_or_stretched_anywhere_are_refused(void **state)
{
    _cleanup_(wire_writer_clear) struct wire_writer w = {0};
    struct wire_frame f;

    (void)state;
    wire_begin(&w, WIRE_AUTHENTICATE);
    wire_put_string(&w, WIRE_USER, "a@example.org");
    wire_put_string(&w, WIRE_PASSWORD, "secret");
    wire_put_string(&w, WIRE_LANGUAGE, "de");
    assert_int_equal(wire_end(&w), 0);
    for (size_t size = 0; size < w.size; size++) {
        _cleanup_free_ uint8_t *cut = malloc(size + 1);

        assert_non_null(cut);
        memcpy(cut, w.data, size);
        assert_int_equal(wire_parse(cut, size, &f), -EPROTO);
        if (size < WIRE_HEADER_SIZE)
            continue;
        /* The length right, the fields not: good only between two of them. */
        raw_header(cut, size, WIRE_AUTHENTICATE);
        assert_int_equal(wire_parse(cut, size, &f),
                         size == 6 || size == 25 || size == 37 ? 0 : -EPROTO);
    }
    wire_put_u8(&w, WIRE_PURPOSE, 1);
    assert_int_equal(wire_parse(w.data, w.size, &f), -EPROTO);
}

static void test_length_of_a_field_cannot_reach_outside(void **state)
{
    static const uint32_t lengths[] = {2, 0x7fffffff, 0x80000000, 0xfffffffa, 0xffffffff};
    uint8_t frame[WIRE_HEADER_SIZE + 7];
    struct wire_frame f;

    (void)state;
    for (size_t i = 0; i < ELEMENTS(lengths); i++) {
        raw_field(frame + WIRE_HEADER_SIZE, WIRE_TEXT, 1, 'x');
        raw_header(frame, sizeof frame, WIRE_VERDICT);
        for (size_t byte = 0; byte < 4; byte++)
            frame[8 + byte] = (uint8_t)(lengths[i] >> (24 - 8 * byte));
        assert_int_equal(wire_parse(frame, sizeof frame, &f), -EPROTO);
    }
}

static void test_another_version_or_type_is_refused(void **state)
{
    uint8_t frame[WIRE_HEADER_SIZE];
    struct wire_frame f;

    (void)state;
    raw_header(frame, sizeof frame, WIRE_VERDICT);
    frame[4] = WIRE_VERSION + 1;
    assert_int_equal(wire_parse(frame, sizeof frame, &f), -EPROTONOSUPPORT);
    frame[4] = 0;
    assert_int_equal(wire_parse(frame, sizeof frame, &f), -EPROTONOSUPPORT);
    for (unsigned type = 0; type < 256; type++) {
        bool known = (type >= WIRE_AUTHENTICATE && type <= WIRE_LINK_AGAIN) || type == WIRE_MAIL ||
                     type == WIRE_MAIL_RESULT || (type >= WIRE_VERDICT && type <= WIRE_REPORT) ||
                     type == WIRE_ERROR;

        raw_header(frame, sizeof frame, (enum wire_type)type);
        assert_int_equal(wire_parse(frame, sizeof frame, &f), known ? 0 : -EPROTO);
    }
}

static void test_frame_size_is_judged_by_its_first_four_bytes(void **state)
{
    static const struct {
        uint8_t data[4];
        size_t have;
        int r;
        size_t size;
    } cases[] = {
        {{0, 0, 0, 2}, 3, -EAGAIN, 0},
        {{0, 0, 0, 0}, 4, -EPROTO, 0},
        {{0, 0, 0, 1}, 4, -EPROTO, 0},
        {{0, 0, 0, 2}, 4, 0, 6},
        {{0, 0, 0xff, 0xfc}, 4, 0, WIRE_REQUEST_MAX},
        {{0, 0, 0xff, 0xfd}, 4, -EMSGSIZE, 0},
        {{0xff, 0xff, 0xff, 0xff}, 4, -EMSGSIZE, 0}, /* a frame of 4 GB */
    };

    (void)state;
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        size_t size = 0;

        assert_int_equal(wire_frame_size(cases[i].data, cases[i].have, WIRE_REQUEST_MAX, &size),
                         cases[i].r);
        assert_int_equal(size, cases[i].size);
    }
}

static void test_requests_are_smaller_than_replies(void **state)
{
    static uint8_t json[WIRE_REQUEST_MAX];
    _cleanup_(wire_writer_clear) struct wire_writer request = {0}, reply = {0};
    struct wire_frame f;

    (void)state;
    memset(json, ' ', sizeof json);
    wire_begin(&request, WIRE_CONTROL);
    wire_put(&request, WIRE_JSON, json, WIRE_REQUEST_MAX - WIRE_HEADER_SIZE - 6);
    assert_int_equal(wire_end(&request), 0);
    wire_put_u8(&request, WIRE_PURPOSE, 1);
    assert_int_equal(wire_end(&request), -EMSGSIZE);
    wire_begin(&reply, WIRE_REPORT);
    wire_put(&reply, WIRE_JSON, json, sizeof json);
    assert_int_equal(wire_end(&reply), 0);
    assert_int_equal(wire_parse(reply.data, reply.size, &f), 0);
    reply.data[5] = WIRE_CONTROL;
    assert_int_equal(wire_parse(reply.data, reply.size, &f), -EPROTO);
}

static void test_errors_of_a_writer_stick(void **state)
{
    _cleanup_(wire_writer_clear) struct wire_writer w = {0};
    char long_name[300];

    (void)state;
    memset(long_name, 'a', sizeof long_name - 1);
    long_name[sizeof long_name - 1] = 0;
    wire_begin(&w, WIRE_AUTHENTICATE);
    wire_put_string(&w, WIRE_USER, long_name);
    wire_put_string(&w, WIRE_SERVICE, "login");
    assert_int_equal(wire_end(&w), -EMSGSIZE);
    assert_int_equal(wire_end(&w), -EMSGSIZE);
}

static void test_letters_nest(void **state)
{
    _cleanup_(wire_writer_clear) struct wire_writer w = {0};
    struct wire_frame f, letter;
    const uint8_t *value;
    enum wire_tag tag;
    size_t offset = 0, length;
    char job[27];

    (void)state;
    wire_begin(&w, WIRE_LETTERS);
    for (int i = 0; i < 3; i++) {
        _cleanup_(wire_writer_clear) struct wire_writer fields = {0};
        char id[3] = {'j', (char)('0' + i), 0};

        wire_begin_fields(&fields);
        wire_put_string(&fields, WIRE_JOB, id);
        assert_int_equal(fields.error, 0);
        wire_put(&w, WIRE_LETTER, fields.data, fields.size);
    }
    assert_int_equal(wire_end(&w), 0);
    assert_int_equal(wire_parse(w.data, w.size, &f), 0);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(wire_next(&f, &offset, &tag, &value, &length), 1);
        assert_int_equal(tag, WIRE_LETTER);
        assert_int_equal(wire_parse_fields(value, length, &letter), 0);
        assert_int_equal(wire_get_string(&letter, WIRE_JOB, job, sizeof job), 0);
        assert_int_equal(job[1], '0' + i);
    }
    assert_int_equal(wire_next(&f, &offset, &tag, &value, &length), 0);
    assert_int_equal(wire_parse_fields(value, length - 1, &letter), -EPROTO);
    assert_int_equal(wire_parse_fields(NULL, 0, &letter), 0);
    assert_int_equal(wire_next(&letter, &(size_t){0}, &tag, &value, &length), 0);
}

static void test_no_freed_memory_holds_a_password(void **state)
{
    struct wire_writer w = {0};

    (void)state;
    secret_was_freed = false;
    wire_begin(&w, WIRE_MAIL);
    wire_put_string(&w, WIRE_PASSWORD, SECRET);
    /* Make it grow several times. */
    for (int i = 0; i < 5; i++) {
        static const uint8_t letter[4000];

        wire_put(&w, WIRE_LETTER, letter, sizeof letter);
    }
    assert_int_equal(wire_end(&w), 0);
    assert_non_null(memmem(w.data, w.size, SECRET, strlen(SECRET)));
    wire_writer_clear(&w);
    assert_false(secret_was_freed);
    assert_null(w.data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_field_reads_back),
        cmocka_unit_test(test_bytes_on_the_wire_are_those_of_the_header),
        cmocka_unit_test(test_get_leaves_the_output_alone_on_failure),
        cmocka_unit_test(test_every_limit_is_kept_by_writer_and_reader),
        cmocka_unit_test(test_unknown_tags_are_passed_over_but_never_written),
        cmocka_unit_test(test_a_tag_comes_once_unless_many_may),
        cmocka_unit_test(test_strings_with_nul_make_the_frame_invalid),
        cmocka_unit_test(test_frames_cut_or_stretched_anywhere_are_refused),
        cmocka_unit_test(test_length_of_a_field_cannot_reach_outside),
        cmocka_unit_test(test_another_version_or_type_is_refused),
        cmocka_unit_test(test_frame_size_is_judged_by_its_first_four_bytes),
        cmocka_unit_test(test_requests_are_smaller_than_replies),
        cmocka_unit_test(test_errors_of_a_writer_stick),
        cmocka_unit_test(test_letters_nest),
        cmocka_unit_test(test_no_freed_memory_holds_a_password),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
