/* Policy numbers and postal addresses: the forms that the directory keeps, and what the address
   field holds. */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cleanup.h"
#include "policy.h"
#include "postal.h"

#define TEN "0123456789"

static void test_policy_numbers_are_read_as_people_write_them(void **state)
{
    char number[POLICY_NUMBER_SIZE];

    (void)state;
    assert_int_equal(policy_number_read(" vn 12.34-56/7\t", number), 0);
    assert_string_equal(number, "VN1234567");
    assert_int_equal(policy_number_read(TEN TEN TEN TEN, number), 0);
}

static void test_what_is_no_policy_number_leaves_the_output_alone(void **state)
{
    static const char *const wrong[] = {"", " -./", "VN_1", "VN1*", "VÜ1", TEN TEN TEN TEN "0"};
    char number[POLICY_NUMBER_SIZE] = "before";

    (void)state;
    for (size_t i = 0; i < ELEMENTS(wrong); i++) {
        assert_int_equal(policy_number_read(wrong[i], number), -EINVAL);
        assert_string_equal(number, "before");
    }
}

static void test_addresses_come_back_as_they_were(void **state)
{
    static const struct {
        const char *lines, *value;
    } pairs[] = {
        {"Jo Au\nKai 1\n20457 Hamburg", "Jo Au$Kai 1$20457 Hamburg"},
        {"a$b\\c\nd", "a\\24b\\5Cc$d"},
        {"\\24", "\\5C24"},
    };

    (void)state;
    for (size_t i = 0; i < ELEMENTS(pairs); i++) {
        _cleanup_free_ char *lines = NULL, *value = NULL;

        assert_int_equal(postal_write(pairs[i].lines, &value), 0);
        assert_string_equal(value, pairs[i].value);
        assert_int_equal(postal_read(value, strlen(value), &lines), 0);
        assert_string_equal(lines, pairs[i].lines);
    }
}

static void test_a_line_of_over_80_characters_takes_two(void **state)
{
    char line[2 * POSTAL_LINE_CHARS + 2] = "";

    (void)state;
    assert_int_equal(postal_lines(""), 0);
    assert_int_equal(postal_lines("a\nb\nc"), 3);
    for (int i = 0; i < POSTAL_LINE_CHARS; i++)
        strcat(line, "ß");
    assert_int_equal(postal_lines(line), 1);
    strcat(line, "s");
    assert_int_equal(postal_lines(line), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_policy_numbers_are_read_as_people_write_them),
        cmocka_unit_test(test_what_is_no_policy_number_leaves_the_output_alone),
        cmocka_unit_test(test_addresses_come_back_as_they_were),
        cmocka_unit_test(test_a_line_of_over_80_characters_takes_two),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
