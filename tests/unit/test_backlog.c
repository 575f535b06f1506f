/* Entries that wait for their turn. */
#include "config.h"

#include "portald/backlog.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static void assert_next(struct backlog *b, const char *uuid)
{
    char taken[JOB_ENTRY_SIZE];

    assert_true(backlog_take(b, taken));
    assert_string_equal(taken, uuid);
}

static void test_first_come_first_served_and_none_twice(void **state)
{
    _cleanup_(backlog_free_p) struct backlog *b = NULL;
    char taken[JOB_ENTRY_SIZE];

    (void)state;
    assert_int_equal(backlog_open(3, &b), 0);
    assert_int_equal(backlog_add(b, "c", "1"), 0);
    assert_int_equal(backlog_add(b, "a", "2"), 0);
    assert_int_equal(backlog_add(b, "c", "3"), -EEXIST);
    assert_int_equal(backlog_count(b), 2);
    assert_next(b, "c");
    assert_int_equal(backlog_add(b, "c", "4"), 0);
    assert_next(b, "a");
    assert_next(b, "c");
    assert_false(backlog_take(b, taken));
}

static void test_what_has_no_room_is_refused(void **state)
{
    _cleanup_(backlog_free_p) struct backlog *b = NULL;

    (void)state;
    assert_int_equal(backlog_open(2, &b), 0);
    assert_int_equal(backlog_add(b, "a", ""), 0);
    assert_int_equal(backlog_add(b, "b", ""), 0);
    assert_int_equal(backlog_add(b, "c", ""), -ENOBUFS);
    assert_next(b, "a");
    assert_int_equal(backlog_add(b, "c", ""), 0);
    assert_next(b, "b");
    assert_next(b, "c");
}

/* At every place of the ring, wrapped around or not. */
static void test_sorting_keeps_all_wherever_they_lie(void **state)
{
    (void)state;
    for (size_t turned = 0; turned < 8; turned++)
        for (size_t count = 0; count <= 8; count++) {
            _cleanup_(backlog_free_p) struct backlog *b = NULL;
            char taken[JOB_ENTRY_SIZE], name[JOB_ENTRY_SIZE], order[BACKLOG_ORDER_SIZE];

            assert_int_equal(backlog_open(8, &b), 0);
            for (size_t i = 0; i < turned; i++) {
                assert_int_equal(backlog_add(b, "x", ""), 0);
                assert_next(b, "x");
            }
            for (size_t i = 0; i < count; i++) {
                snprintf(name, sizeof name, "entry-%zu", i);
                snprintf(order, sizeof order, "%zu", (i * 5 + 3) % 8);
                assert_int_equal(backlog_add(b, name, order), 0);
            }
            backlog_sort(b);
            for (size_t i = 0, last = 0; i < count; i++) {
                size_t which, now;
                assert_true(backlog_take(b, taken));
                assert_int_equal(sscanf(taken, "entry-%zu", &which), 1);
                now = (which * 5 + 3) % 8;
                assert_true(i == 0 || now > last);
                last = now;
            }
            assert_false(backlog_take(b, taken));
        }
}

static void test_many_come_and_go(void **state)
{
    _cleanup_(backlog_free_p) struct backlog *b = NULL;
    char name[JOB_ENTRY_SIZE];

    (void)state;
    assert_int_equal(backlog_open(100, &b), 0);
    for (unsigned i = 0; i < 10000; i++) {
        if (i >= 100) {
            snprintf(name, sizeof name, "%u", i - 100);
            assert_next(b, name);
        }
        snprintf(name, sizeof name, "%u", i);
        assert_int_equal(backlog_add(b, name, ""), 0);
        assert_int_equal(backlog_add(b, name, ""), -EEXIST);
    }
    assert_int_equal(backlog_count(b), 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_first_come_first_served_and_none_twice),
        cmocka_unit_test(test_what_has_no_room_is_refused),
        cmocka_unit_test(test_sorting_keeps_all_wherever_they_lie),
        cmocka_unit_test(test_many_come_and_go),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
