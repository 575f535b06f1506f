/* Which of several directory servers is in use. */
#include "config.h"

#include "common/clock.h"
#include "portald/directory-servers-private.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static int make(void **state)
{
    const struct directory_options options = {.uri = "ldap://a ldap://b  ldap://c",
                                              .network_timeout = 1};
    return directory_servers_open(&options, (struct directory_servers **)state);
}

static int unmake(void **state)
{
    *state = directory_servers_free(*state);
    return 0;
}

static size_t pick(struct directory_servers *s, unsigned tried)
{
    return directory_servers_pick(s, tried, clock_monotonic_ms() + 1000);
}

static void test_first_is_in_use_and_those_not_tried_follow(void **state)
{
    struct directory_servers *s = *state;
    assert_true(directory_servers_good(s, 0));
    assert_int_equal(pick(s, 0), 0);
    assert_int_equal(pick(s, 1), 1);
    assert_int_equal(pick(s, 3), 2);
    assert_int_equal(pick(s, 7), 3);
}

static void test_server_that_answers_takes_over_only_from_one_that_cannot_be_used(void **state)
{
    struct directory_servers *s = *state;
    assert_false(directory_servers_answered(s, 1, 0));
    assert_true(directory_servers_good(s, 0));
    assert_true(directory_servers_answered(s, 1, 1));
    assert_true(directory_servers_good(s, 1));
    directory_servers_failed(s, 1, "gone");
    assert_false(directory_servers_good(s, 1));
    assert_true(directory_servers_answered(s, 2, 0));
    assert_true(directory_servers_good(s, 2));
}

static void test_dead_servers_are_tried_last(void **state)
{
    struct directory_servers *s = *state;
    directory_servers_failed(s, 0, "gone");
    assert_int_equal(pick(s, 0), 1);
    directory_servers_failed(s, 1, "gone");
    assert_int_equal(pick(s, 0), 2);
    assert_int_equal(pick(s, 4), 0);
    assert_int_equal(pick(s, 5), 1);
}

static void test_who_waits_for_a_dead_server_sees_that(void **state)
{
    struct directory_servers *s = *state;
    const atomic_bool *lost = directory_servers_lost(s, 0);
    assert_false(atomic_load(lost));
    directory_servers_failed(s, 0, "gone");
    assert_true(atomic_load(lost));
}

static void test_write_is_refused_on_a_server_that_is_not_in_use(void **state)
{
    struct directory_servers *s = *state;
    long long deadline = clock_monotonic_ms() + 1000;
    assert_int_equal(directory_servers_write_begin(s, 1, deadline), -EHOSTDOWN);
    assert_int_equal(directory_servers_write_begin(s, 0, deadline), 0);
    directory_servers_write_end(s);
    directory_servers_failed(s, 0, "gone");
    assert_int_equal(directory_servers_write_begin(s, 0, deadline), -EHOSTDOWN);
}

static void test_write_waits_while_the_use_moves_but_not_past_its_deadline(void **state)
{
    struct directory_servers *s = *state;
    long long began = clock_monotonic_ms();
    s->moving = true;
    assert_int_equal(directory_servers_write_begin(s, 0, began + 50), -ETIMEDOUT);
    assert_true(clock_monotonic_ms() - began >= 50);
    assert_int_equal(s->writers, 0);
}

static void test_one_server_is_never_given_up(void **state)
{
    const struct directory_options options = {.uri = "ldapi:///", .network_timeout = 1};
    struct directory_servers *s = NULL;
    (void)state;
    assert_int_equal(directory_servers_open(&options, &s), 0);
    directory_servers_failed(s, 0, "gone");
    assert_true(directory_servers_good(s, 0));
    assert_null(directory_servers_lost(s, 0));
    assert_int_equal(directory_servers_write_begin(s, 0, 0), 0);
    directory_servers_write_end(s);
    directory_servers_free(s);
}

static void test_uris_are_counted_and_checked(void **state)
{
    static const char *const wrong[] = {
        "", " ", "nonsense", "ldap://a nonsense",
        "ldap:// ldap:// ldap:// ldap:// ldap:// ldap:// ldap:// ldap:// ldap://"};
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct directory_servers *s = NULL;
        const struct directory_options options = {.uri = wrong[i]};
        assert_int_equal(directory_servers_open(&options, &s), -EINVAL);
        assert_null(s);
    }
}

#define EARLY_1 "20261122120000.000001Z#000000#001#000000"
#define LATE_1  "20261122120000.000002Z#000000#001#000000"
#define EARLY_2 "20261122110000.000000Z#000000#002#000000"
#define LATE_2  "20261122130000.000000Z#000000#002#000000"

static void test_a_server_is_behind_whose_changes_of_any_server_are_older(void **state)
{
    static const struct {
        struct csns a, b;
        bool behind;
    } cases[] = {
        {{0, {""}}, {0, {""}}, false},
        {{1, {LATE_1}}, {1, {LATE_1}}, false},
        {{1, {EARLY_1}}, {1, {LATE_1}}, true},
        {{1, {LATE_1}}, {1, {EARLY_1}}, false},
        {{1, {LATE_1}}, {1, {EARLY_2}}, true},
        {{2, {LATE_1, EARLY_2}}, {2, {EARLY_1, LATE_2}}, true},
        {{2, {EARLY_2, LATE_1}}, {2, {EARLY_1, EARLY_2}}, false},
        {{0, {""}}, {1, {EARLY_1}}, true},
        {{1, {EARLY_1}}, {0, {""}}, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(csns_behind(&cases[i].a, &cases[i].b), cases[i].behind);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_first_is_in_use_and_those_not_tried_follow, make,
                                        unmake),
        cmocka_unit_test_setup_teardown(
            test_server_that_answers_takes_over_only_from_one_that_cannot_be_used, make, unmake),
        cmocka_unit_test_setup_teardown(test_dead_servers_are_tried_last, make, unmake),
        cmocka_unit_test_setup_teardown(test_who_waits_for_a_dead_server_sees_that, make, unmake),
        cmocka_unit_test_setup_teardown(test_write_is_refused_on_a_server_that_is_not_in_use, make,
                                        unmake),
        cmocka_unit_test_setup_teardown(
            test_write_waits_while_the_use_moves_but_not_past_its_deadline, make, unmake),
        cmocka_unit_test(test_one_server_is_never_given_up),
        cmocka_unit_test(test_uris_are_counted_and_checked),
        cmocka_unit_test(test_a_server_is_behind_whose_changes_of_any_server_are_older),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
