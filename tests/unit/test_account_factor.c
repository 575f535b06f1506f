/* When a code is needed, and what a second factor writes: the edges of account-factor.c. */
#include "config.h"

#include "account_fixture.h"

static struct entry customer(enum account_state state, size_t totp_size)
{
    return (struct entry){.uid = "c-0001", .state = state, .totp_size = totp_size};
}

static void test_code_is_needed_exactly_while_totp_is_set_up(void **state)
{
    struct entry with = customer(ACCOUNT_ACTIVE, 77), without = customer(ACCOUNT_ACTIVE, 0);

    (void)state;
    assert_true(account_needs_code(&with));
    assert_false(account_needs_code(&without));
}

static void test_state_does_not_excuse_from_the_code(void **state)
{
    (void)state;
    for (enum account_state s = 0; s < ACCOUNT_STATES; s++) {
        struct entry e = customer(s, 1);
        assert_true(account_needs_code(&e));
    }
}

static void test_totp_may_be_set_up_once_and_behind_a_personal_password_only(void **state)
{
    (void)state;
    for (enum account_state s = 0; s < ACCOUNT_STATES; s++) {
        struct entry e = customer(s, 0);
        assert_int_equal(account_may_enroll(&e), s == ACCOUNT_ACTIVE);
        e.totp_size = 77;
        assert_false(account_may_enroll(&e));
    }
}

static void test_malformed_entry_enrolls_nobody(void **state)
{
    struct entry e = customer(ACCOUNT_ACTIVE, 0);

    (void)state;
    e.malformed = true;
    assert_false(account_may_enroll(&e));
}

/* They may be a known client's: then the entry's stay. */
static void test_accepting_a_step_leaves_the_counters_to_who_writes_it(void **state)
{
    _cleanup_(changes_clear) struct changes c = {0};

    (void)state;
    account_accept_step(UINT64_C(59761440), &c);
    assert_string_equal(changed(&c, ATTRIBUTE_TOTP_LAST_STEP), "59761440");
    assert_int_equal(c.count, 1);
}

static void test_setting_up_writes_secret_step_and_no_failures(void **state)
{
    static const unsigned char sealed[] = {1, 0, 2};
    _cleanup_(changes_clear) struct changes c = {0};

    (void)state;
    account_set_totp(sealed, sizeof sealed, 7, &c);
    assert_memory_equal(changed(&c, ATTRIBUTE_TOTP_SECRET), sealed, sizeof sealed);
    assert_string_equal(changed(&c, ATTRIBUTE_TOTP_LAST_STEP), "7");
    assert_true(has_change(&c, CHANGE_CLEAR, ATTRIBUTE_TOTP_FAILURES));
    assert_true(has_change(&c, CHANGE_CLEAR, ATTRIBUTE_TOTP_RETRY_AFTER));
    assert_int_equal(c.error, 0);
}

static void test_removing_leaves_nothing_of_it(void **state)
{
    static const enum attribute attributes[] = {ATTRIBUTE_TOTP_SECRET, ATTRIBUTE_TOTP_LAST_STEP,
                                                ATTRIBUTE_TOTP_FAILURES,
                                                ATTRIBUTE_TOTP_RETRY_AFTER};
    _cleanup_(changes_clear) struct changes c = {0};

    (void)state;
    account_drop_totp(&c);
    assert_int_equal(c.count, ELEMENTS(attributes));
    for (size_t i = 0; i < ELEMENTS(attributes); i++)
        assert_true(has_change(&c, CHANGE_CLEAR, attributes[i]));
}

static void test_access_is_blocked_by_a_hundred_wrong_codes_while_codes_are_needed(void **state)
{
    struct entry e = customer(ACCOUNT_ACTIVE, 77);

    (void)state;
    e.failures[FACTOR_TOTP] = (struct entry_failures){.count = 99, .retry_after = NOON + 900};
    e.failures[FACTOR_PUK].count = 100;
    assert_int_equal(account_access(&rules, &e, NOON), WIRE_OK);
    e.failures[FACTOR_TOTP].count = 100;
    assert_int_equal(account_access(&rules, &e, NOON), WIRE_BLOCKED);
    e.totp_size = 0;
    assert_int_equal(account_access(&rules, &e, NOON), WIRE_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_code_is_needed_exactly_while_totp_is_set_up),
        cmocka_unit_test(test_state_does_not_excuse_from_the_code),
        cmocka_unit_test(test_totp_may_be_set_up_once_and_behind_a_personal_password_only),
        cmocka_unit_test(test_malformed_entry_enrolls_nobody),
        cmocka_unit_test(test_accepting_a_step_leaves_the_counters_to_who_writes_it),
        cmocka_unit_test(test_setting_up_writes_secret_step_and_no_failures),
        cmocka_unit_test(test_removing_leaves_nothing_of_it),
        cmocka_unit_test(test_access_is_blocked_by_a_hundred_wrong_codes_while_codes_are_needed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
