/* Ids sort by time, read back, and nothing else is one. */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#include "cleanup.h"
#include "ulid.h"

/* The example of the ULID specification. */
static void test_time_comes_first(void **state)
{
    char id[ULID_SIZE];

    (void)state;
    ulid_make(INT64_C(1469918176385), id);
    assert_memory_equal(id, "01ARYZ6S41", 10);
    assert_int_equal(strlen(id), ULID_SIZE - 1);
}

static void test_ids_sort_by_time(void **state)
{
    char earlier[ULID_SIZE], later[ULID_SIZE];

    (void)state;
    for (int64_t t = INT64_C(1700000000000); t < INT64_C(1700000001000); t++) {
        ulid_make(t, earlier);
        ulid_make(t + 1, later);
        assert_true(strcmp(earlier, later) < 0);
    }
}

static void test_ids_of_one_millisecond_differ(void **state)
{
    char one[ULID_SIZE], other[ULID_SIZE];

    (void)state;
    for (int n = 0; n < 1000; n++) {
        ulid_make(1, one);
        ulid_make(1, other);
        assert_string_not_equal(one, other);
    }
}

static void test_either_case_is_read(void **state)
{
    char read[ULID_SIZE];

    (void)state;
    assert_int_equal(ulid_read("01ARYZ6S41TSV4RRFFQ69G5FAV", read), 0);
    assert_string_equal(read, "01ARYZ6S41TSV4RRFFQ69G5FAV");
    assert_int_equal(ulid_read("01aryz6s41tsv4rrffq69g5fav", read), 0);
    assert_string_equal(read, "01ARYZ6S41TSV4RRFFQ69G5FAV");
}

static void test_anything_else_is_refused(void **state)
{
    static const char *const typed[] = {
        "",
        "01ARYZ6S41TSV4RRFFQ69G5FA",   /* 25 */
        "01ARYZ6S41TSV4RRFFQ69G5FAVV", /* 27 */
        "01ARYZ6S41-TSV4RRFFQ69G5FAV", /* a hyphen too many */
        "01ARYZ6S41-TSV4RRFFQ69G5FA",  /* … and as one of the 26 */
        "81ARYZ6S41TSV4RRFFQ69G5FAV",  /* more than 128 bits */
        "01ARYZ6S41TSV4RRFFQ69G5FAU",  /* no symbol */
        "../../../../../etc/passwd.",
    };
    char read[ULID_SIZE] = "untouched";

    (void)state;
    for (size_t i = 0; i < ELEMENTS(typed); i++)
        assert_int_equal(ulid_read(typed[i], read), -EINVAL);
    assert_string_equal(read, "untouched");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_time_comes_first),
        cmocka_unit_test(test_ids_sort_by_time),
        cmocka_unit_test(test_ids_of_one_millisecond_differ),
        cmocka_unit_test(test_either_case_is_read),
        cmocka_unit_test(test_anything_else_is_refused),
    };

    if (sodium_init() < 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
