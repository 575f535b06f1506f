/* PUK, mailed code and recovery: the edges of account-recovery.c, and what a new letter does to
   those before it. */
#include "config.h"

#include "account_fixture.h"

#define JOB_B "01JBZZZZZZ0000000000000000"

static struct entry active(void)
{
    return (struct entry){.uid = "c-0001",
                          .uuid = "11111111-2222-3333-4444-555555555555",
                          .mail = (char *)"erika@example.org",
                          .state = ACCOUNT_ACTIVE,
                          .password_changed = NOON - DAY,
                          .session_epoch = 7,
                          .language = "de"};
}

static struct entry with_code(unsigned tries, time_t retry_after)
{
    struct entry e = active();

    e.code = (struct entry_code){
        .hash = HASH_A, .expires = NOON + 10 * MINUTE, .tries = tries, .retry_after = retry_after};
    return e;
}

/* "HASH EXPIRES TRIES" or with RETRYAFTER, as changes have it. */
static void assert_code(const struct changes *c, const char *hash, time_t expires, unsigned tries,
                        time_t retry_after)
{
    char until[CALENDAR_GENERALIZED_SIZE], retry[CALENDAR_GENERALIZED_SIZE], expected[256];

    calendar_generalized(expires, until);
    calendar_generalized(retry_after, retry);
    snprintf(expected, sizeof expected, "%s %s %u%s%s", hash, until, tries, retry_after ? " " : "",
             retry_after ? retry : "");
    assert_non_null(changed(c, ATTRIBUTE_CODE));
    assert_string_equal(changed(c, ATTRIBUTE_CODE), expected);
}

static void test_puk_does_nothing_before_the_first_personal_password(void **state)
{
    static const struct {
        enum account_state state;
        time_t initial_expires, password_changed;
        bool expected;
    } cases[] = {
        {ACCOUNT_PROVISIONED, 0, 0, false},
        {ACCOUNT_PENDING, 0, 0, false},
        {ACCOUNT_INITIAL, NOON + DAY, NOON, false},
        {ACCOUNT_ACTIVE, 0, NOON, true},
        {ACCOUNT_LOCKED, 0, NOON, true},
        {ACCOUNT_LOCKED, NOON + DAY, NOON, false},
        {ACCOUNT_LOCKED, 0, 0, false},
        {ACCOUNT_CLOSED, 0, NOON, true},
        {ACCOUNT_CLOSED, NOON + DAY, NOON, false},
    };
    struct entry e = active();

    (void)state;
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        e.state = cases[i].state;
        e.initial_expires = cases[i].initial_expires;
        e.password_changed = cases[i].password_changed;
        assert_int_equal(account_may_use_puk(&e), cases[i].expected);
    }
    e = active();
    e.malformed = true;
    assert_false(account_may_use_puk(&e));
    assert_false(account_may_use_puk(NULL));
}

static void test_code_works_30_minutes(void **state)
{
    _cleanup_(changes_clear) struct changes c = {0};
    struct entry e = active();

    (void)state;
    account_set_code(&rules, &e, HASH_B, JOB_A, NOON, &c);
    assert_code(&c, HASH_B, NOON + 30 * MINUTE, 0, 0);
    assert_string_equal(changed(&c, ATTRIBUTE_JOB), JOB_A);
}

static void test_tries_go_on_across_codes(void **state)
{
    _cleanup_(changes_clear) struct changes c = {0};
    struct entry e = with_code(42, NOON + 20 * MINUTE);

    (void)state;
    account_set_code(&rules, &e, HASH_B, JOB_A, NOON, &c);
    assert_code(&c, HASH_B, NOON + 30 * MINUTE, 42, NOON + 20 * MINUTE);
}

static void test_a_wait_that_is_over_is_not_carried_on(void **state)
{
    _cleanup_(changes_clear) struct changes c = {0};
    struct entry e = with_code(3, NOON);

    (void)state;
    account_set_code(&rules, &e, HASH_B, JOB_A, NOON, &c);
    assert_code(&c, HASH_B, NOON + 30 * MINUTE, 3, 0);
}

static void test_99_wrong_codes_are_counted_and_the_100th_waits_an_hour(void **state)
{
    _cleanup_(changes_clear) struct changes c = {0}, last = {0};
    struct entry e = with_code(98, 0);

    (void)state;
    account_count_code(&rules, &e, NOON, &c);
    assert_code(&c, HASH_A, NOON + 10 * MINUTE, 99, 0);
    e.code.tries = 99;
    account_count_code(&rules, &e, NOON, &last);
    assert_code(&last, HASH_A, NOON + 10 * MINUTE, 0, NOON + HOUR);
}

static void test_nothing_is_counted_where_no_code_is_out(void **state)
{
    _cleanup_(changes_clear) struct changes c = {0};
    struct entry e = active();

    (void)state;
    account_count_code(&rules, &e, NOON, &c);
    assert_int_equal(c.count, 0);
}

static void test_wait_holds_to_its_last_second(void **state)
{
    struct entry e = with_code(0, NOON);
    time_t wait = 0;

    (void)state;
    assert_int_equal(account_attempt_code(&rules, &e, NOON - 1, &wait), ATTEMPT_WAIT);
    assert_int_equal(wait, 1);
    assert_int_equal(account_attempt_code(&rules, &e, NOON, &wait), ATTEMPT_VERIFY);
}

static void test_used_puk_is_replaced_and_its_letter_noted(void **state)
{
    _cleanup_(changes_clear) struct changes c = {0};
    struct entry e = active();

    (void)state;
    account_replace_puk(&rules, &e, "$argon2id$new", JOB_A, NOON, &c);
    assert_string_equal(changed(&c, ATTRIBUTE_PUK), "$argon2id$new");
    assert_string_equal(changed(&c, ATTRIBUTE_JOB), JOB_A);
    assert_non_null(strstr(changed(&c, ATTRIBUTE_LETTER), "puk " JOB_A " queued "));
    assert_true(has_change(&c, CHANGE_CLEAR, ATTRIBUTE_PUK_FAILURES));
    assert_true(has_change(&c, CHANGE_CLEAR, ATTRIBUTE_PUK_RETRY_AFTER));
}

static void test_used_puk_is_void_also_without_a_letter(void **state)
{
    _cleanup_(changes_clear) struct changes c = {0};
    struct entry e = active();

    (void)state;
    account_replace_puk(&rules, &e, "$argon2id$void", "", NOON, &c);
    assert_string_equal(changed(&c, ATTRIBUTE_PUK), "$argon2id$void");
    assert_null(changed(&c, ATTRIBUTE_JOB));
    assert_null(changed(&c, ATTRIBUTE_LETTER));
}

static void test_recovery_sets_the_password_and_ends_code_failures_and_sessions(void **state)
{
    static const enum attribute ended[] = {ATTRIBUTE_CODE, ATTRIBUTE_PASSWORD_FAILURES,
                                           ATTRIBUTE_PASSWORD_RETRY_AFTER, ATTRIBUTE_TOTP_FAILURES,
                                           ATTRIBUTE_TOTP_RETRY_AFTER};
    _cleanup_(changes_clear) struct changes c = {0};
    struct entry e = with_code(3, 0);

    (void)state;
    e.totp_size = 3;
    e.failures[FACTOR_PASSWORD].count = 100;
    account_recover(&e, "{ARGON2}new", true, NOON, &c);
    assert_string_equal(changed(&c, ATTRIBUTE_USER_PASSWORD), "{ARGON2}new");
    assert_string_equal(changed(&c, ATTRIBUTE_SESSION_EPOCH), "8");
    assert_time(&c, ATTRIBUTE_PASSWORD_CHANGED, NOON);
    for (size_t i = 0; i < ELEMENTS(ended); i++)
        assert_true(has_change(&c, CHANGE_CLEAR, ended[i]));
}

static void test_recovery_leaves_totp_alone(void **state)
{
    _cleanup_(changes_clear) struct changes c = {0};
    struct entry e = active();

    (void)state;
    e.totp_size = 3;
    account_recover(&e, "{ARGON2}new", false, NOON, &c);
    assert_false(has_change(&c, CHANGE_CLEAR, ATTRIBUTE_TOTP_SECRET));
    assert_false(has_change(&c, CHANGE_CLEAR, ATTRIBUTE_TOTP_LAST_STEP));
    assert_null(changed(&c, ATTRIBUTE_TOTP_SECRET));
}

/* --- A new letter takes the place of others --- */

static struct entry with_letter(const char *kind, const char *letter_state, time_t when)
{
    static struct entry_letter letters[1];
    struct entry e = active();

    letters[0] = (struct entry_letter){.job = JOB_A, .time = when, .value = (char *)"old value"};
    strcpy(letters[0].kind, kind);
    strcpy(letters[0].state, letter_state);
    e.letters = letters;
    e.letter_count = 1;
    return e;
}

static bool withdraws(const struct changes *c)
{
    for (size_t i = 0; i < c->count; i++)
        if (c->items[i].attribute == ATTRIBUTE_LETTER && c->items[i].op == CHANGE_ADD &&
            strstr(c->items[i].value, "withdrawn"))
            return true;
    return false;
}

static void test_a_letter_that_is_not_printed_yet_gives_way_to_the_next(void **state)
{
    static const struct {
        const char *state;
        bool expected;
    } cases[] = {
        {"queued", true},  {"claimed", true},   {"uncertain", true},  {"printed", false},
        {"posted", false}, {"returned", false}, {"withdrawn", false},
    };

    (void)state;
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        _cleanup_(changes_clear) struct changes c = {0};
        struct entry e = with_letter("puk", cases[i].state, NOON - DAY);
        account_replace_puk(&rules, &e, "$argon2id$new", JOB_B, NOON, &c);
        assert_int_equal(withdraws(&c), cases[i].expected);
    }
}

static void test_withdrawn_letters_are_not_wanted(void **state)
{
    struct entry e = with_letter("puk", "queued", NOON - DAY);

    (void)state;
    assert_true(account_letter_wanted(&e, JOB_A, "puk"));
    e = with_letter("puk", "withdrawn", NOON - DAY);
    assert_false(account_letter_wanted(&e, JOB_A, "puk"));
}

static void test_an_older_letter_that_is_posted_after_all_moves_no_day(void **state)
{
    _cleanup_(changes_clear) struct changes c = {0};
    struct entry_letter letters[2] = {
        {.kind = "access", .job = JOB_A, .state = "printed", .time = NOON, .value = (char *)"a"},
        {.kind = "access", .job = JOB_B, .state = "queued", .time = NOON, .value = (char *)"b"}};
    struct entry e = active();

    (void)state;
    e.state = ACCOUNT_INITIAL;
    e.initial_expires = NOON + DAY;
    e.letters = letters;
    e.letter_count = 2;
    account_letter_posted(&rules, &e, JOB_A, NOON, &c);
    assert_null(changed(&c, ATTRIBUTE_INITIAL_EXPIRES));
    changes_clear(&c);
    account_letter_posted(&rules, &e, JOB_B, NOON, &c);
    assert_non_null(changed(&c, ATTRIBUTE_INITIAL_EXPIRES));
}

/* --- How a customer stands with the PUK --- */

static void test_puk_is_usable_awaited_or_none_by_its_last_letter(void **state)
{
    static const struct {
        const char *kind, *state;
        time_t when;
        enum account_puk expected;
    } cases[] = {
        {"access", "posted", NOON - 40 * DAY, ACCOUNT_PUK_USABLE},
        {"puk", "queued", NOON, ACCOUNT_PUK_AWAITED},
        {"puk", "claimed", NOON, ACCOUNT_PUK_AWAITED},
        {"puk", "printed", NOON, ACCOUNT_PUK_AWAITED},
        {"puk", "posted", NOON, ACCOUNT_PUK_AWAITED},
        {"puk", "posted", NOON - 3 * DAY, ACCOUNT_PUK_AWAITED},
        {"puk", "posted", NOON - 4 * DAY, ACCOUNT_PUK_USABLE},
        {"puk", "returned", NOON, ACCOUNT_PUK_NONE},
        {"access", "returned", NOON, ACCOUNT_PUK_NONE},
        {"puk", "withdrawn", NOON, ACCOUNT_PUK_NONE},
        {"password", "returned", NOON, ACCOUNT_PUK_USABLE}, /* has none */
    };

    (void)state;
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        struct entry e = with_letter(cases[i].kind, cases[i].state, cases[i].when);

        e.puk = (char *)"$argon2id$";
        assert_int_equal(account_puk(&rules, &e, NOON), cases[i].expected);
    }
}

static void test_puk_that_does_nothing_is_none(void **state)
{
    struct entry e = active();

    (void)state;
    assert_int_equal(account_puk(&rules, &e, NOON), ACCOUNT_PUK_NONE);
    e.puk = (char *)"$argon2id$";
    assert_int_equal(account_puk(&rules, &e, NOON), ACCOUNT_PUK_USABLE);
    e.failures[FACTOR_PUK].count = 99;
    assert_int_equal(account_puk(&rules, &e, NOON), ACCOUNT_PUK_USABLE);
    e.failures[FACTOR_PUK].count = 100;
    assert_int_equal(account_puk(&rules, &e, NOON), ACCOUNT_PUK_NONE);
    e.failures[FACTOR_PUK].count = 0;
    e.state = ACCOUNT_INITIAL;
    assert_int_equal(account_puk(&rules, &e, NOON), ACCOUNT_PUK_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_puk_does_nothing_before_the_first_personal_password),
        cmocka_unit_test(test_code_works_30_minutes),
        cmocka_unit_test(test_tries_go_on_across_codes),
        cmocka_unit_test(test_a_wait_that_is_over_is_not_carried_on),
        cmocka_unit_test(test_99_wrong_codes_are_counted_and_the_100th_waits_an_hour),
        cmocka_unit_test(test_nothing_is_counted_where_no_code_is_out),
        cmocka_unit_test(test_wait_holds_to_its_last_second),
        cmocka_unit_test(test_used_puk_is_replaced_and_its_letter_noted),
        cmocka_unit_test(test_used_puk_is_void_also_without_a_letter),
        cmocka_unit_test(test_recovery_sets_the_password_and_ends_code_failures_and_sessions),
        cmocka_unit_test(test_recovery_leaves_totp_alone),
        cmocka_unit_test(test_a_letter_that_is_not_printed_yet_gives_way_to_the_next),
        cmocka_unit_test(test_withdrawn_letters_are_not_wanted),
        cmocka_unit_test(test_an_older_letter_that_is_posted_after_all_moves_no_day),
        cmocka_unit_test(test_puk_is_usable_awaited_or_none_by_its_last_letter),
        cmocka_unit_test(test_puk_that_does_nothing_is_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
