/* Doubles in a file: found in whichever case they are, however many keys there are. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>
#include <sodium.h>

#include "portalctl/seen.h"

#define MANY 20000

static void test_a_double_names_the_line_of_the_first(void **state)
{
    struct seen *seen = NULL;
    unsigned long line = 0;

    (void)state;
    assert_int_equal(seen_open(&seen), 0);
    assert_int_equal(seen_note(seen, "policy VN1", 7, &line), 0);
    assert_int_equal(seen_note(seen, "policy VN2", 8, &line), 0);
    assert_int_equal(line, 0);
    assert_int_equal(seen_note(seen, "POLICY vn1", 9, &line), 1);
    assert_int_equal(line, 7);
    seen_free(seen);
}

static void test_many_keys_are_all_kept_apart(void **state)
{
    struct seen *seen = NULL;
    unsigned long line = 0;
    char key[32];

    (void)state;
    assert_int_equal(seen_open(&seen), 0);
    for (unsigned long i = 1; i <= MANY; i++) {
        snprintf(key, sizeof key, "policy %lu", i);
        assert_int_equal(seen_note(seen, key, i, &line), 0);
    }
    for (unsigned long i = 1; i <= MANY; i++) {
        snprintf(key, sizeof key, "policy %lu", i);
        assert_int_equal(seen_note(seen, key, 0, &line), 1);
        assert_int_equal(line, i);
    }
    seen_free(seen);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_double_names_the_line_of_the_first),
        cmocka_unit_test(test_many_keys_are_all_kept_apart),
    };

    if (sodium_init() < 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
