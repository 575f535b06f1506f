/* Throttle and verdicts: the edges of account-login.c. */
#include "config.h"

#include "account_fixture.h"

static struct entry customer(enum account_state state)
{
    static const char *policies[] = {"AB123456", NULL};

    return (struct entry){.uid = "c-0001",
                          .name = (char *)"Jürgen Groß-Wiesbaden",
                          .given_name = (char *)"Jürgen",
                          .surname = (char *)"Groß-Wiesbaden",
                          .mail = (char *)"juergen.gross@example.org",
                          .policies = (char **)policies,
                          .birth_date = "1950-12-24",
                          .state = state,
                          .initial_expires = NOON};
}

static void test_fifth_failure_is_free_and_the_sixth_waits_30_seconds(void **state)
{
    struct entry_failures f = {0};
    time_t wait = 0;

    (void)state;
    for (int i = 0; i < 5; i++) {
        f = account_count_failure(&rules, &f, NOON);
        assert_int_equal(account_attempt(&rules, &f, NOON, &wait), ATTEMPT_VERIFY);
    }
    f = account_count_failure(&rules, &f, NOON);
    assert_int_equal(f.count, 6);
    assert_int_equal(account_attempt(&rules, &f, NOON, &wait), ATTEMPT_WAIT);
    assert_int_equal(wait, 30);
    assert_int_equal(account_attempt(&rules, &f, NOON + 29, &wait), ATTEMPT_WAIT);
    assert_int_equal(wait, 1);
    assert_int_equal(account_attempt(&rules, &f, NOON + 30, &wait), ATTEMPT_VERIFY);
}

static void test_waits_double_to_15_minutes(void **state)
{
    static const int expected[] = {30, 60, 120, 240, 480, 900, 900, 900};
    struct entry_failures f = {.count = 5};

    (void)state;
    for (size_t i = 0; i < ELEMENTS(expected); i++) {
        f = account_count_failure(&rules, &f, NOON);
        assert_int_equal(f.retry_after - NOON, expected[i]);
    }
    f.count = 98;
    f = account_count_failure(&rules, &f, NOON);
    assert_int_equal(f.retry_after - NOON, 900);
}

static void test_hundredth_failure_blocks_whatever_the_time(void **state)
{
    struct entry_failures f = {.count = 99};
    time_t wait;

    (void)state;
    assert_int_equal(account_attempt(&rules, &f, NOON, &wait), ATTEMPT_VERIFY);
    f = account_count_failure(&rules, &f, NOON);
    assert_int_equal(account_attempt(&rules, &f, NOON + 365 * DAY, &wait), ATTEMPT_BLOCKED);
}

static void test_initial_password_works_to_the_end_of_its_last_second(void **state)
{
    struct entry e = customer(ACCOUNT_INITIAL);

    (void)state;
    assert_int_equal(account_login(&e, NOON), WIRE_OK);
    assert_int_equal(account_access(&rules, &e, NOON), WIRE_NEW_PASSWORD);
    assert_int_equal(account_login(&e, NOON + 1), WIRE_EXPIRED);
    assert_int_equal(account_access(&rules, &e, NOON + 1), WIRE_EXPIRED);
}

static void test_every_state_has_its_verdicts(void **state)
{
    static const struct {
        enum account_state state;
        bool has_login;
        enum wire_verdict login, access;
    } cases[] = {
        {ACCOUNT_PROVISIONED, false, WIRE_WRONG, WIRE_NOT_CONFIRMED},
        {ACCOUNT_PENDING, false, WIRE_WRONG, WIRE_NOT_CONFIRMED},
        {ACCOUNT_INITIAL, true, WIRE_OK, WIRE_NEW_PASSWORD},
        {ACCOUNT_ACTIVE, true, WIRE_OK, WIRE_OK},
        {ACCOUNT_LOCKED, true, WIRE_LOCKED, WIRE_LOCKED},
        {ACCOUNT_CLOSED, true, WIRE_CLOSED, WIRE_CLOSED},
    };

    (void)state;
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        struct entry e = customer(cases[i].state);
        assert_int_equal(account_has_login(&e), cases[i].has_login);
        assert_int_equal(account_login(&e, NOON), cases[i].login);
        assert_int_equal(account_access(&rules, &e, NOON), cases[i].access);
    }
    assert_int_equal(account_access(&rules, NULL, NOON), WIRE_UNKNOWN);
    assert_false(account_has_login(NULL));
}

static void test_access_ignores_waits_but_not_a_block(void **state)
{
    struct entry e = customer(ACCOUNT_ACTIVE);

    (void)state;
    e.failures[FACTOR_PASSWORD] = (struct entry_failures){.count = 99, .retry_after = NOON + 900};
    assert_int_equal(account_access(&rules, &e, NOON), WIRE_OK);
    e.failures[FACTOR_PASSWORD].count = 100;
    assert_int_equal(account_access(&rules, &e, NOON), WIRE_BLOCKED);
}

static void test_malformed_entry_opens_nothing(void **state)
{
    struct entry e = customer(ACCOUNT_ACTIVE);

    (void)state;
    e.malformed = true;
    assert_false(account_has_login(&e));
    assert_int_equal(account_access(&rules, &e, NOON), WIRE_LOCKED);
}

static void test_last_login_is_noted_once_a_day(void **state)
{
    struct entry e = customer(ACCOUNT_ACTIVE);

    (void)state;
    assert_true(account_login_due(&rules, &e, NOON));
    e.last_login = NOON;
    assert_false(account_login_due(&rules, &e, NOON + DAY - 1));
    assert_true(account_login_due(&rules, &e, NOON + DAY));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fifth_failure_is_free_and_the_sixth_waits_30_seconds),
        cmocka_unit_test(test_waits_double_to_15_minutes),
        cmocka_unit_test(test_hundredth_failure_blocks_whatever_the_time),
        cmocka_unit_test(test_initial_password_works_to_the_end_of_its_last_second),
        cmocka_unit_test(test_every_state_has_its_verdicts),
        cmocka_unit_test(test_access_ignores_waits_but_not_a_block),
        cmocka_unit_test(test_malformed_entry_opens_nothing),
        cmocka_unit_test(test_last_login_is_noted_once_a_day),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
