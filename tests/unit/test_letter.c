/* What makes a letter one: fields, seal, and that they belong together. */
#include "config.h"

#include <errno.h>
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "cleanup.h"
#include "print/letter.h"
#include "seal.h"
#include "wire.h"

#define JOB   "01KAN0PQ7ZJ3S8V4W6X9Y2T5RB"
#define ENTRY "6f1d1c4e-0000-4000-8000-000000000001"

/* What goes into a LETTER field; NULL leaves a field out. */
struct given {
    const char *job, *kind, *entry, *address, *name, *language, *login, *reference, *last_day;
    const char *content; /* of the seal; NULL: what fits */
    bool other_station;  /* sealed to another key */
    bool no_time;
};

struct fixture {
    struct station_key key;
    struct letter *letter;
    char password[CODE_SIZE], puk[CODE_SIZE];
    char password_printed[CODE_PRINTED_SIZE], puk_printed[CODE_PRINTED_SIZE];
    char reference[REFERENCE_PRINTED_SIZE];
    char content[512];
    char why[LETTER_WHY_SIZE];
};

static int set_up(void **state)
{
    unsigned char reference[REFERENCE_BYTES];
    struct fixture *f = calloc(1, sizeof *f);

    if (!f || sodium_init() < 0 || !(f->letter = letter_new()))
        return -1;
    crypto_box_keypair(f->key.public_key, f->key.secret);
    code_make(f->password);
    code_make(f->puk);
    code_print(f->password, f->password_printed);
    code_print(f->puk, f->puk_printed);
    randombytes_buf(reference, sizeof reference);
    code_reference_print(reference, f->reference);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    letter_free(f->letter);
    free(f);
    return 0;
}

static struct given good(const struct fixture *f)
{
    return (struct given){.job = JOB,
                          .kind = "access",
                          .entry = ENTRY,
                          .address = "Erika Beispiel\nMusterstraße 1\n12345 Musterstadt",
                          .name = "Erika Beispiel",
                          .language = "de",
                          .login = "erika@example.org",
                          .reference = f->reference,
                          .last_day = "2026-12-28"};
}

static const char *content(struct fixture *f, const char *job, const char *entry, const char *kind,
                           const char *more)
{
    snprintf(f->content, sizeof f->content,
             "{\"version\":1,\"job\":\"%s\",\"entry\":\"%s\",\"kind\":\"%s\"%s}", job, entry, kind,
             more);
    return f->content;
}

static const char *codes(struct fixture *f, bool password, bool puk)
{
    static char more[128];

    snprintf(more, sizeof more, "%s%s%s%s%s%s", password ? ",\"password\":\"" : "",
             password ? f->password : "", password ? "\"" : "", puk ? ",\"puk\":\"" : "",
             puk ? f->puk : "", puk ? "\"" : "");
    return more;
}

static int read_given(struct fixture *f, const struct given *g)
{
    _cleanup_(wire_writer_clear) struct wire_writer w = {0};
    uint8_t other[crypto_box_PUBLICKEYBYTES];
    uint8_t *sealed = NULL;
    size_t size;
    const char *inside =
        g->content ? g->content : content(f, g->job, g->entry, g->kind, codes(f, true, true));
    int r;

    randombytes_buf(other, sizeof other);
    assert_int_equal(seal_letter(g->other_station ? other : f->key.public_key, inside,
                                 strlen(inside), &sealed, &size),
                     0);
    wire_begin_fields(&w);
    wire_put_string(&w, WIRE_JOB, g->job);
    wire_put_string(&w, WIRE_KIND, g->kind);
    wire_put_string(&w, WIRE_ENTRY, g->entry);
    wire_put(&w, WIRE_SEALED, sealed, size);
    wire_put_string(&w, WIRE_ADDRESS, g->address);
    wire_put_string(&w, WIRE_NAME, g->name);
    wire_put_string(&w, WIRE_LANGUAGE, g->language);
    wire_put_string(&w, WIRE_LOGIN, g->login);
    wire_put_string(&w, WIRE_LAST_DAY, g->last_day);
    wire_put_string(&w, WIRE_REFERENCE_CODE, g->reference);
    if (!g->no_time)
        wire_put_u64(&w, WIRE_TIME, 1795000000);
    assert_int_equal(w.error, 0);
    f->why[0] = '\0';
    r = letter_read(&f->key, w.data, w.size, f->letter, f->why);
    free(sealed);
    return r;
}

static void expect_refused(struct fixture *f, const struct given *g, const char *why)
{
    assert_int_equal(read_given(f, g), -EBADMSG);
    assert_string_equal(f->why, why);
    assert_null(strstr(f->why, f->password_printed));
}

static void test_letter_that_belongs_to_its_seal_is_read(void **state)
{
    struct fixture *f = *state;
    struct given g = good(f);

    assert_int_equal(read_given(f, &g), 0);
    assert_string_equal(f->letter->job, JOB);
    assert_string_equal(f->letter->entry, ENTRY);
    assert_int_equal(f->letter->kind, LETTER_ACCESS);
    assert_int_equal(f->letter->language, LETTER_GERMAN);
    assert_string_equal(f->letter->password, f->password_printed);
    assert_string_equal(f->letter->puk, f->puk_printed);
    assert_string_equal(f->letter->reference, f->reference);
    assert_string_equal(f->letter->last_day, "2026-12-28");
    assert_int_equal(f->letter->time, 1795000000);
}

static void test_kind_puk_needs_no_last_day_and_holds_a_puk_alone(void **state)
{
    struct fixture *f = *state;
    struct given g = good(f);

    g.kind = "puk";
    g.last_day = NULL;
    g.content = content(f, JOB, ENTRY, "puk", codes(f, false, true));
    assert_int_equal(read_given(f, &g), 0);
    assert_string_equal(f->letter->password, "");
    assert_string_equal(f->letter->last_day, "");
    assert_string_equal(f->letter->puk, f->puk_printed);
}

static void test_kind_password_holds_a_password_alone(void **state)
{
    struct fixture *f = *state;
    struct given g = good(f);

    g.kind = "password";
    g.content = content(f, JOB, ENTRY, "password", codes(f, true, false));
    assert_int_equal(read_given(f, &g), 0);
    assert_string_equal(f->letter->puk, "");
}

static void test_seal_of_another_job_entry_or_kind_is_refused(void **state)
{
    struct fixture *f = *state;
    struct given g = good(f);

    g.content = content(f, "01KAN0PQ7ZJ3S8V4W6X9Y2T5RC", ENTRY, "access", codes(f, true, true));
    expect_refused(f, &g, "the seal was made for another job");
    g.content =
        content(f, JOB, "6f1d1c4e-0000-4000-8000-000000000002", "access", codes(f, true, true));
    expect_refused(f, &g, "the seal was made for another entry");
    g.content = content(f, JOB, ENTRY, "password", codes(f, true, false));
    expect_refused(f, &g, "the seal was made for another kind of letter");
}

static void test_seal_to_another_station_is_refused(void **state)
{
    struct fixture *f = *state;
    struct given g = good(f);

    g.other_station = true;
    expect_refused(f, &g, "the seal can't be opened with this print station's key");
}

static void test_codes_must_be_those_of_the_kind_and_right(void **state)
{
    struct fixture *f = *state;
    struct given g = good(f);
    char wrong[CODE_SIZE], more[64];

    g.content = content(f, JOB, ENTRY, "access", codes(f, true, false));
    expect_refused(f, &g, "the seal holds no valid code");
    g.kind = "puk";
    g.last_day = NULL;
    g.content = content(f, JOB, ENTRY, "puk", codes(f, true, true));
    expect_refused(f, &g, "the seal holds a code that this kind of letter hasn't");
    memcpy(wrong, f->puk, sizeof wrong);
    wrong[3] = wrong[3] == '7' ? '8' : '7';
    snprintf(more, sizeof more, ",\"puk\":\"%s\"", wrong);
    g.content = content(f, JOB, ENTRY, "puk", more);
    expect_refused(f, &g, "the seal holds no valid code");
}

static void test_content_that_is_not_understood_is_refused(void **state)
{
    struct fixture *f = *state;
    struct given g = good(f);

    g.content = "[]";
    expect_refused(f, &g, "the seal's content can't be read");
    g.content = "{\"version\":1,\"version\":1}";
    expect_refused(f, &g, "the seal's content can't be read");
    g.content = "{\"version\":2}";
    expect_refused(f, &g, "the seal's content has a version that is not known here");
    g.content = "";
    expect_refused(f, &g, "the seal's content can't be read");
}

static void test_fields_that_are_missing_or_wrong_are_named(void **state)
{
    struct fixture *f = *state;
    const struct {
        size_t member;
        const char *value, *why;
    } cases[] = {
        {offsetof(struct given, kind), "postcard", "a kind that this print station doesn't know"},
        {offsetof(struct given, address), NULL, "no valid postal address"},
        {offsetof(struct given, address), "Erika\tBeispiel", "no valid postal address"},
        {offsetof(struct given, name), NULL, "no valid name"},
        {offsetof(struct given, name), "", "no valid name"},
        {offsetof(struct given, name), "Erika\nBeispiel", "no valid name"},
        {offsetof(struct given, name), "Erika\x01 Beispiel", "no valid name"},
        {offsetof(struct given, login), NULL, "no valid login name"},
        {offsetof(struct given, reference), NULL, "no valid reference"},
        {offsetof(struct given, reference), "12345", "no valid reference"},
        {offsetof(struct given, last_day), NULL, "an initial password without its last valid day"},
    };

    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        struct given g = good(f);
        *(const char **)((char *)&g + cases[i].member) = cases[i].value;
        if (!g.address || !g.name)
            g.content = content(f, JOB, ENTRY, "access", codes(f, true, true));
        expect_refused(f, &g, cases[i].why);
    }
    struct given g = good(f);
    g.no_time = true;
    expect_refused(f, &g, "no valid time");
}

static void test_language_without_texts_is_german(void **state)
{
    struct fixture *f = *state;
    struct given g = good(f);

    g.language = "en-GB";
    assert_int_equal(read_given(f, &g), 0);
    assert_int_equal(f->letter->language, LETTER_ENGLISH);
    g.language = "fr";
    assert_int_equal(read_given(f, &g), 0);
    assert_int_equal(f->letter->language, LETTER_GERMAN);
    g.language = NULL;
    assert_int_equal(read_given(f, &g), 0);
    assert_int_equal(f->letter->language, LETTER_GERMAN);
}

static void test_bytes_that_are_no_fields_are_refused(void **state)
{
    struct fixture *f = *state;
    uint8_t noise[64];

    for (int i = 0; i < 1000; i++) {
        char job[ULID_SIZE];
        size_t size = randombytes_uniform(sizeof noise);
        randombytes_buf(noise, sizeof noise);
        assert_int_equal(letter_job(noise, size, job), -EPROTO);
        assert_int_equal(letter_read(&f->key, noise, size, f->letter, f->why), -EBADMSG);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_letter_that_belongs_to_its_seal_is_read),
        cmocka_unit_test(test_kind_puk_needs_no_last_day_and_holds_a_puk_alone),
        cmocka_unit_test(test_kind_password_holds_a_password_alone),
        cmocka_unit_test(test_seal_of_another_job_entry_or_kind_is_refused),
        cmocka_unit_test(test_seal_to_another_station_is_refused),
        cmocka_unit_test(test_codes_must_be_those_of_the_kind_and_right),
        cmocka_unit_test(test_content_that_is_not_understood_is_refused),
        cmocka_unit_test(test_fields_that_are_missing_or_wrong_are_named),
        cmocka_unit_test(test_language_without_texts_is_german),
        cmocka_unit_test(test_bytes_that_are_no_fields_are_refused),
    };

    letter_wipe_json();
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
