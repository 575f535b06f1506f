/* The wording of letters: what a file may say, what is refused with its line, what is filled in. */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cleanup.h"
#include "print/texts.h"

#define WHOLE                                                                                      \
    "[subject]\nS\n[subject puk]\nP\n[date]\nD\n[number]\nN\n[greeting]\nHello {{name}},\n"        \
    "[intro]\none\ntwo\n\nthree\n[login]\nL\n[password]\nI\n[password-note]\nby\n\n"               \
    "**{{last_day}}**\n[puk]\nP\n[puk-note]\nK\n[typing]\nT\n[steps-title]\nT\n"                   \
    "[steps]\n- first\n  goes on\n- second\n[not-me-title]\nW\n[not-me]\nW\n[questions]\nQ\n"      \
    "[closing]\nC\n"

static const char *const values[TEXT_VALUES] = {
    [VALUE_NAME] = "{{login}} **Łukasz**",
    [VALUE_LAST_DAY] = "28 December 2026",
};

static int set_up(void **state)
{
    *state = texts_new();
    return *state ? 0 : -1;
}

static int tear_down(void **state)
{
    texts_free(*state);
    return 0;
}

static int load(void **state, const char *data, char problem[static 256])
{
    problem[0] = '\0';
    return texts_load_buffer(*state, LETTER_ENGLISH, "en.txt", data, strlen(data), problem, 256);
}

static const char *filled(void **state, enum letter_kind kind, enum text_section section,
                          char ret[static TEXT_SIZE])
{
    assert_int_equal(texts_fill(*state, LETTER_ENGLISH, kind, section, values, ret), 0);
    return ret;
}

static void test_lines_join_and_empty_lines_part(void **state)
{
    char problem[256], text[TEXT_SIZE];

    assert_int_equal(load(state, WHOLE, problem), 0);
    assert_string_equal(filled(state, LETTER_ACCESS, TEXT_INTRO, text), "one two\nthree");
    assert_string_equal(filled(state, LETTER_ACCESS, TEXT_STEPS, text), "first goes on\nsecond");
}

static void test_a_kind_may_have_a_wording_of_its_own(void **state)
{
    char problem[256], text[TEXT_SIZE];

    assert_int_equal(load(state, WHOLE, problem), 0);
    assert_string_equal(filled(state, LETTER_ACCESS, TEXT_SUBJECT, text), "S");
    assert_string_equal(filled(state, LETTER_PUK, TEXT_SUBJECT, text), "P");
}

static void test_asterisks_and_braces_in_values_stay_what_they_are(void **state)
{
    char problem[256], text[TEXT_SIZE];

    assert_int_equal(load(state, WHOLE, problem), 0);
    assert_string_equal(filled(state, LETTER_ACCESS, TEXT_GREETING, text),
                        "Hello {{login}} **Łukasz**,");
    assert_string_equal(filled(state, LETTER_ACCESS, TEXT_PASSWORD_NOTE, text),
                        "by\n\x01"
                        "28 December 2026\x01");
}

static void test_value_that_a_letter_lacks_is_an_error(void **state)
{
    char problem[256], text[TEXT_SIZE];
    const char *const none[TEXT_VALUES] = {0};

    assert_int_equal(load(state, WHOLE, problem), 0);
    assert_int_equal(texts_fill(*state, LETTER_ENGLISH, LETTER_ACCESS, TEXT_GREETING, none, text),
                     -ENOENT);
}

static void test_value_that_is_too_long_is_an_error(void **state)
{
    char problem[256], text[TEXT_SIZE], name[TEXT_SIZE];
    const char *const long_values[TEXT_VALUES] = {[VALUE_NAME] = name};

    memset(name, 'x', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    assert_int_equal(load(state, WHOLE, problem), 0);
    assert_int_equal(
        texts_fill(*state, LETTER_ENGLISH, LETTER_ACCESS, TEXT_GREETING, long_values, text),
        -E2BIG);
}

static void test_what_is_wrong_is_said_with_its_line(void **state)
{
    const struct {
        const char *data, *problem;
    } cases[] = {
        {"text\n", "en.txt:1: text before the first section: \"text\""},
        {"# fine\n\n[subjekt]\n", "en.txt:3: unknown section \"subjekt\""},
        {"[subject\n", "en.txt:1: expected \"]\" at the end of \"[subject\""},
        {"[]\n", "en.txt:1: unknown section"},
        {"[subject pukk]\n", "en.txt:1: expected access, password or puk instead of \"pukk\""},
        {"[subject]\nS\n[subject]\n", "en.txt:3: a second time: section \"subject\""},
        {"[subject]\n{{nmae}}\n", "en.txt:2: unknown value \"nmae\""},
        {"[subject]\n{{name\n", "en.txt:2: expected \"}}\" in \"{{name\""},
        {"[subject]\nS\n", "en.txt:0: missing: section \"date\""},
        {"[subject]\n\x07\n", "en.txt:2: a control character"},
    };

    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        char problem[256];
        struct texts *texts = texts_new();
        void *own = texts;
        assert_non_null(texts);
        assert_int_equal(load(&own, cases[i].data, problem), -EINVAL);
        assert_string_equal(problem, cases[i].problem);
        texts_free(texts);
    }
    (void)state;
}

static void test_letter_with_a_puk_alone_can_not_name_a_last_day(void **state)
{
    char problem[256], data[4096];

    snprintf(data, sizeof data, "%s[closing puk]\nby {{last_day}}\n", WHOLE);
    assert_int_equal(load(state, data, problem), -EINVAL);
    assert_non_null(strstr(problem, "has no {{last_day}}"));
}

static void test_files_without_end_are_refused(void **state)
{
    char problem[256];
    char *data = malloc(TEXT_FILE_MAX + 2);

    assert_non_null(data);
    memset(data, '\n', TEXT_FILE_MAX + 1);
    data[TEXT_FILE_MAX + 1] = '\0';
    assert_int_equal(load(state, data, problem), -EINVAL);
    memset(data, 'x', 1500);
    memcpy(data, "[intro]\n", 8);
    data[1500] = '\0';
    assert_int_equal(load(state, data, problem), -EINVAL);
    assert_string_equal(problem, "en.txt:2: this line is too long");
    assert_int_equal(
        texts_load_buffer(*state, LETTER_GERMAN, "x", "[a\0b]", 5, problem, sizeof problem),
        -EINVAL);
    free(data);
}

static void test_section_longer_than_a_page_is_refused(void **state)
{
    char problem[256];
    char *data = calloc(1, 8192);

    assert_non_null(data);
    strcpy(data, "[intro]\n");
    for (int i = 0; i < 60; i++)
        strcat(data,
               "0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 01234567\n");
    assert_int_equal(load(state, data, problem), -EINVAL);
    assert_non_null(strstr(problem, "this section is too long"));
    free(data);
}

static void test_shipped_files_are_whole(void **state)
{
    char problem[512] = "", path[4096];
    const char *source = getenv("PORTAL_SRCDIR");
    struct texts *texts = NULL;

    (void)state;
    assert_non_null(source);
    snprintf(path, sizeof path, "%s/config/letters", source);
    if (texts_load(path, problem, sizeof problem, &texts) < 0)
        fail_msg("%s", problem);
    texts_free(texts);
    assert_int_equal(texts_load("/nonexistent", problem, sizeof problem, &texts), -ENOENT);
    assert_string_equal(problem, "/nonexistent/de.txt: No such file or directory");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

static void test_remark_and_qr_may_be_missing(void **state)
{
    char problem[256], text[TEXT_SIZE];

    assert_int_equal(load(state, WHOLE, problem), 0);
    assert_string_equal(filled(state, LETTER_ACCESS, TEXT_REMARK, text), "");
    assert_string_equal(filled(state, LETTER_ACCESS, TEXT_QR, text), "");
}

/* Layouts of such sections aren't kept. */
static void test_section_that_names_the_customer_is_personal(void **state)
{
    char problem[256];

    assert_int_equal(load(state, WHOLE, problem), 0);
    assert_true(texts_is_personal(*state, LETTER_ENGLISH, LETTER_ACCESS, TEXT_GREETING));
    assert_false(texts_is_personal(*state, LETTER_ENGLISH, LETTER_ACCESS, TEXT_PASSWORD_NOTE));
    assert_false(texts_is_personal(*state, LETTER_ENGLISH, LETTER_ACCESS, TEXT_REMARK));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_lines_join_and_empty_lines_part),
        TEST(test_a_kind_may_have_a_wording_of_its_own),
        TEST(test_asterisks_and_braces_in_values_stay_what_they_are),
        TEST(test_remark_and_qr_may_be_missing),
        TEST(test_section_that_names_the_customer_is_personal),
        TEST(test_value_that_a_letter_lacks_is_an_error),
        TEST(test_value_that_is_too_long_is_an_error),
        TEST(test_what_is_wrong_is_said_with_its_line),
        TEST(test_letter_with_a_puk_alone_can_not_name_a_last_day),
        TEST(test_files_without_end_are_refused),
        TEST(test_section_longer_than_a_page_is_refused),
        TEST(test_shipped_files_are_whole),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
