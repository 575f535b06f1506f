/* What administrators and support may wish for: every wish in every state, and what it writes. */
#include "config.h"

#include "account_fixture.h"

static const struct account_wish_means means = {.job = JOB_A,
                                                .puk_hash = "$argon2id$puk",
                                                .password_hash = "{ARGON2}password",
                                                .ppolicy = true};

static struct entry in_state(enum account_state state)
{
    return (struct entry){.uid = "c-0001",
                          .uuid = "11111111-2222-3333-4444-555555555555",
                          .mail = (char *)"erika@example.org",
                          .state = state,
                          .session_epoch = 7,
                          .totp_size = 3,
                          .language = "de"};
}

static struct entry aside(enum account_state state, const char *reason)
{
    struct entry e = in_state(state);

    e.lock_reason = (char *)reason;
    return e;
}

static void grant(const struct entry *e, enum account_wish wish, const char *reason,
                  struct changes *c)
{
    struct account_wish_means with_reason = means;

    with_reason.reason = reason;
    account_grant_wish(&rules, e, wish, &with_reason, NOON, c);
    assert_int_equal(c->error, 0);
}

static void test_every_state_allows_these_wishes_and_no_others(void **state)
{
    static const unsigned allowed[ACCOUNT_STATES] = {
        [ACCOUNT_PROVISIONED] = 1u << WISH_LOCK | 1u << WISH_CLOSE,
        [ACCOUNT_PENDING] = 1u << WISH_LOCK | 1u << WISH_CONFIRMATION | 1u << WISH_CLOSE,
        [ACCOUNT_INITIAL] =
            1u << WISH_LOCK | 1u << WISH_UNBLOCK | 1u << WISH_LETTER | 1u << WISH_CLOSE,
        [ACCOUNT_ACTIVE] = 1u << WISH_LOCK | 1u << WISH_UNBLOCK | 1u << WISH_TOTP_OFF |
                           1u << WISH_RESTART | 1u << WISH_LETTER | 1u << WISH_CLOSE,
        [ACCOUNT_LOCKED] =
            1u << WISH_UNLOCK | 1u << WISH_UNBLOCK | 1u << WISH_TOTP_OFF | 1u << WISH_CLOSE,
        [ACCOUNT_CLOSED] = 1u << WISH_REOPEN,
    };

    (void)state;
    for (int s = 0; s < ACCOUNT_STATES; s++)
        for (int w = 0; w < WISHES; w++) {
            struct entry_pending link = {.address = (char *)"erika@example.org"};
            struct entry e = in_state((enum account_state)s);
            const char *why;

            e.pending = &link;
            e.pending_count = 1;
            why = account_wish_refused(&e, (enum account_wish)w);
            if (allowed[s] & 1u << w || w == WISH_FORGET)
                assert_null(why);
            else
                assert_non_null(why);
        }
}

static void test_nothing_is_decided_on_a_malformed_entry(void **state)
{
    struct entry e = in_state(ACCOUNT_ACTIVE);

    (void)state;
    e.malformed = true;
    for (int w = 0; w < WISHES; w++)
        if (w != WISH_FORGET) /* rests on nothing that the entry says */
            assert_non_null(account_wish_refused(&e, (enum account_wish)w));
    assert_null(account_wish_refused(&e, WISH_FORGET));
}

static void test_no_link_where_no_address_waits(void **state)
{
    struct entry e = in_state(ACCOUNT_PENDING);

    (void)state;
    assert_non_null(account_wish_refused(&e, WISH_CONFIRMATION));
}

static void test_totp_that_is_not_set_up_cant_be_taken_away(void **state)
{
    struct entry e = in_state(ACCOUNT_ACTIVE);

    (void)state;
    e.totp_size = 0;
    assert_non_null(account_wish_refused(&e, WISH_TOTP_OFF));
}

static void test_no_letter_for_an_account_without_an_address(void **state)
{
    struct entry e = in_state(ACCOUNT_ACTIVE);

    (void)state;
    e.mail = NULL;
    assert_non_null(account_wish_refused(&e, WISH_LETTER));
    assert_non_null(account_wish_refused(&e, WISH_RESTART));
    assert_null(account_wish_refused(&e, WISH_LOCK));
}

static void test_words_and_wishes_belong_together(void **state)
{
    (void)state;
    for (int w = 0; w < WISHES; w++)
        assert_int_equal(account_wish_read(account_wish_word((enum account_wish)w)), w);
    assert_true(account_wish_read("forget-me-not") < 0);
    assert_true(account_wish_read("") < 0);
}

static void test_letter_carries_what_is_missing(void **state)
{
    struct entry initial = in_state(ACCOUNT_INITIAL), active = in_state(ACCOUNT_ACTIVE);

    (void)state;
    assert_string_equal(account_wish_letter(&initial, WISH_LETTER), "access");
    assert_string_equal(account_wish_letter(&active, WISH_LETTER), "puk");
    assert_string_equal(account_wish_letter(&active, WISH_RESTART), "access");
    assert_null(account_wish_letter(&active, WISH_LOCK));
}

static void test_lock_says_why_and_remembers_what_was(void **state)
{
    _cleanup_(changes_clear) struct changes c = {0}, without = {0};
    struct entry e = in_state(ACCOUNT_ACTIVE);

    (void)state;
    grant(&e, WISH_LOCK, "phoned, letter stolen", &c);
    assert_string_equal(changed(&c, ATTRIBUTE_STATE), "locked");
    assert_string_equal(changed(&c, ATTRIBUTE_LOCK_REASON),
                        "phoned, letter stolen; before: active");
    assert_string_equal(changed(&c, ATTRIBUTE_SESSION_EPOCH), "8");
    grant(&e, WISH_LOCK, NULL, &without);
    assert_string_equal(changed(&without, ATTRIBUTE_LOCK_REASON),
                        "by an administrator; before: active");
}

static void test_lock_and_close_leave_password_and_secrets_alone(void **state)
{
    static const enum account_wish cases[] = {WISH_LOCK, WISH_CLOSE};
    static const enum attribute kept[] = {ATTRIBUTE_USER_PASSWORD, ATTRIBUTE_PUK,
                                          ATTRIBUTE_TOTP_SECRET, ATTRIBUTE_MAIL};

    (void)state;
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        _cleanup_(changes_clear) struct changes c = {0};
        struct entry e = in_state(ACCOUNT_ACTIVE);
        grant(&e, cases[i], NULL, &c);
        for (size_t k = 0; k < ELEMENTS(kept); k++)
            for (size_t n = 0; n < c.count; n++)
                assert_int_not_equal(c.items[n].attribute, kept[k]);
    }
}

static void test_a_reason_cant_pretend_to_be_the_state_before(void **state)
{
    _cleanup_(changes_clear) struct changes c = {0}, back = {0};
    struct entry e = in_state(ACCOUNT_INITIAL);

    (void)state;
    grant(&e, WISH_LOCK, "bad; before: active\nmore", &c);
    assert_string_equal(changed(&c, ATTRIBUTE_LOCK_REASON),
                        "bad, before: active more; before: initial");
    e = aside(ACCOUNT_LOCKED, changed(&c, ATTRIBUTE_LOCK_REASON));
    grant(&e, WISH_UNLOCK, NULL, &back);
    assert_string_equal(changed(&back, ATTRIBUTE_STATE), "initial");
}

static void test_a_long_reason_is_cut_between_characters(void **state)
{
    (void)state;
    for (size_t first = 0; first < 4; first++) {
        _cleanup_(changes_clear) struct changes c = {0};
        struct entry e = in_state(ACCOUNT_ACTIVE);
        char reason[1001] = {0};

        memset(reason, 'a', first);
        for (size_t i = first; i + 4 < sizeof reason; i += 4)
            memcpy(reason + i, "\xf0\x9f\x94\x92", 4);
        grant(&e, WISH_LOCK, reason, &c);
        assert_in_range(strlen(changed(&c, ATTRIBUTE_LOCK_REASON)), 400, 450);
        assert_non_null(
            strstr(changed(&c, ATTRIBUTE_LOCK_REASON), "\xf0\x9f\x94\x92; before: active"));
    }
}

/* portal.schema has room for 512 bytes. */
static void test_closing_what_an_administrator_has_locked_by_hand_has_room_too(void **state)
{
    (void)state;
    for (size_t length = 10; length <= 512; length++) {
        _cleanup_(changes_clear) struct changes c = {0};
        char before[513] = {0};
        struct entry e = aside(ACCOUNT_LOCKED, before);

        memset(before, 'x', length);
        memcpy(before, "; before: ", 10);
        grant(&e, WISH_CLOSE, "left", &c);
        assert_in_range(strlen(changed(&c, ATTRIBUTE_LOCK_REASON)), 1, 512);
        assert_non_null(strstr(changed(&c, ATTRIBUTE_LOCK_REASON), "left; before: locked"));
    }
}

static void test_closing_what_is_locked_has_room_whatever_the_reasons(void **state)
{
    (void)state;
    for (size_t length = 0; length <= 512; length++) {
        _cleanup_(changes_clear) struct changes c = {0}, back = {0};
        char before[513] = {0}, given[1001] = {0};
        struct entry e = aside(ACCOUNT_LOCKED, before);

        memset(before, 'x', length);
        if (length > strlen("; before: initial"))
            memcpy(before + length - strlen("; before: initial"), "; before: initial",
                   strlen("; before: initial"));
        memset(given, 'y', sizeof given - 1);
        grant(&e, WISH_CLOSE, given, &c);
        assert_in_range(strlen(changed(&c, ATTRIBUTE_LOCK_REASON)), 1, 512);
        assert_non_null(strstr(changed(&c, ATTRIBUTE_LOCK_REASON), "y; before: locked"));
        e = aside(ACCOUNT_CLOSED, changed(&c, ATTRIBUTE_LOCK_REASON));
        grant(&e, WISH_REOPEN, NULL, &back);
        assert_string_equal(changed(&back, ATTRIBUTE_STATE), "locked");
        if (length > strlen("; before: initial"))
            assert_non_null(strstr(changed(&back, ATTRIBUTE_LOCK_REASON), "; before: initial"));
    }
}

static void test_unlock_restores_what_was(void **state)
{
    static const struct {
        const char *reason;
        const char *expected;
    } cases[] = {
        {"by an administrator; before: active", "active"},
        {"by an administrator; before: initial", "initial"},
        {"reported as \"this wasn't me\"; before: active", "active"},
        {"x; before: pending", "pending"},
        {"x; before: provisioned", "provisioned"},
    };

    (void)state;
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        _cleanup_(changes_clear) struct changes c = {0};
        struct entry e = aside(ACCOUNT_LOCKED, cases[i].reason);
        grant(&e, WISH_UNLOCK, NULL, &c);
        assert_string_equal(changed(&c, ATTRIBUTE_STATE), cases[i].expected);
        assert_true(has_change(&c, CHANGE_CLEAR, ATTRIBUTE_LOCK_REASON));
    }
}

static void test_unlock_finds_out_what_was_where_nobody_wrote_it_down(void **state)
{
    static const struct {
        const char *reason;
        time_t initial_expires, password_changed;
        const char *expected;
    } cases[] = {
        {NULL, 0, NOON, "active"},
        {NULL, NOON, NOON, "initial"},
        {NULL, 0, 0, "provisioned"},
        {"by hand", 0, NOON, "active"},
        {"x; before: nonsense", 0, NOON, "active"},
        {"x; before: locked", 0, NOON, "active"},
    };

    (void)state;
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        _cleanup_(changes_clear) struct changes c = {0};
        struct entry e = aside(ACCOUNT_LOCKED, cases[i].reason);
        e.initial_expires = cases[i].initial_expires;
        e.password_changed = cases[i].password_changed;
        grant(&e, WISH_UNLOCK, NULL, &c);
        assert_string_equal(changed(&c, ATTRIBUTE_STATE), cases[i].expected);
    }
}

static void test_what_was_locked_is_locked_again_after_close_and_reopen(void **state)
{
    _cleanup_(changes_clear) struct changes closed = {0}, open = {0}, unlocked = {0};
    struct entry e = aside(ACCOUNT_LOCKED, "stolen; before: active");

    (void)state;
    grant(&e, WISH_CLOSE, "sold the car", &closed);
    assert_string_equal(changed(&closed, ATTRIBUTE_STATE), "closed");
    e = aside(ACCOUNT_CLOSED, changed(&closed, ATTRIBUTE_LOCK_REASON));
    grant(&e, WISH_REOPEN, NULL, &open);
    assert_string_equal(changed(&open, ATTRIBUTE_STATE), "locked");
    assert_string_equal(changed(&open, ATTRIBUTE_LOCK_REASON), "stolen; before: active");
    e = aside(ACCOUNT_LOCKED, changed(&open, ATTRIBUTE_LOCK_REASON));
    grant(&e, WISH_UNLOCK, NULL, &unlocked);
    assert_string_equal(changed(&unlocked, ATTRIBUTE_STATE), "active");
}

static void test_unblock_forgets_failures_and_nothing_else(void **state)
{
    static const enum attribute expected[] = {
        ATTRIBUTE_PASSWORD_FAILURES,    ATTRIBUTE_TOTP_FAILURES,    ATTRIBUTE_PUK_FAILURES,
        ATTRIBUTE_PASSWORD_RETRY_AFTER, ATTRIBUTE_TOTP_RETRY_AFTER, ATTRIBUTE_PUK_RETRY_AFTER,
    };
    _cleanup_(changes_clear) struct changes c = {0};
    struct entry e = in_state(ACCOUNT_ACTIVE);

    (void)state;
    grant(&e, WISH_UNBLOCK, NULL, &c);
    for (size_t i = 0; i < ELEMENTS(expected); i++)
        assert_true(has_change(&c, CHANGE_CLEAR, expected[i]));
    assert_int_equal(c.count, ELEMENTS(expected));
}

static void test_unblock_gives_a_code_that_is_out_fresh_tries(void **state)
{
    _cleanup_(changes_clear) struct changes c = {0};
    struct entry e = in_state(ACCOUNT_ACTIVE);
    char until[CALENDAR_GENERALIZED_SIZE], expected[128];

    (void)state;
    e.code = (struct entry_code){
        .hash = HASH_A, .expires = NOON + 60, .tries = 9, .retry_after = NOON + 600};
    calendar_generalized(NOON + 60, until);
    snprintf(expected, sizeof expected, HASH_A " %s 0", until);
    grant(&e, WISH_UNBLOCK, NULL, &c);
    assert_string_equal(changed(&c, ATTRIBUTE_CODE), expected);
}

static void test_totp_off_takes_the_secret_and_nothing_else(void **state)
{
    static const enum attribute expected[] = {ATTRIBUTE_TOTP_SECRET, ATTRIBUTE_TOTP_LAST_STEP,
                                              ATTRIBUTE_TOTP_FAILURES, ATTRIBUTE_TOTP_RETRY_AFTER};
    _cleanup_(changes_clear) struct changes c = {0};
    struct entry e = in_state(ACCOUNT_ACTIVE);

    (void)state;
    grant(&e, WISH_TOTP_OFF, NULL, &c);
    for (size_t i = 0; i < ELEMENTS(expected); i++)
        assert_true(has_change(&c, CHANGE_CLEAR, expected[i]));
    assert_int_equal(c.count, ELEMENTS(expected));
}

static void test_restart_begins_again_with_a_letter(void **state)
{
    static const enum attribute ended[] = {ATTRIBUTE_TOTP_SECRET,   ATTRIBUTE_TOTP_LAST_STEP,
                                           ATTRIBUTE_CODE,          ATTRIBUTE_PASSWORD_FAILURES,
                                           ATTRIBUTE_TOTP_FAILURES, ATTRIBUTE_PUK_FAILURES};
    _cleanup_(changes_clear) struct changes c = {0};
    struct entry e = in_state(ACCOUNT_ACTIVE);

    (void)state;
    grant(&e, WISH_RESTART, NULL, &c);
    assert_string_equal(changed(&c, ATTRIBUTE_STATE), "initial");
    assert_string_equal(changed(&c, ATTRIBUTE_USER_PASSWORD), means.password_hash);
    assert_string_equal(changed(&c, ATTRIBUTE_PUK), means.puk_hash);
    assert_string_equal(changed(&c, ATTRIBUTE_PWD_RESET), "TRUE");
    assert_string_equal(changed(&c, ATTRIBUTE_SESSION_EPOCH), "8");
    assert_string_equal(changed(&c, ATTRIBUTE_JOB), JOB_A);
    assert_non_null(strstr(changed(&c, ATTRIBUTE_LETTER), "access " JOB_A " queued "));
    assert_time(&c, ATTRIBUTE_INITIAL_EXPIRES, calendar_end_of_day(NOON, 60));
    for (size_t i = 0; i < ELEMENTS(ended); i++)
        assert_true(has_change(&c, CHANGE_CLEAR, ended[i]));
    assert_null(changed(&c, ATTRIBUTE_MAIL));
}

static void test_letter_to_an_active_account_never_touches_the_password(void **state)
{
    _cleanup_(changes_clear) struct changes c = {0};
    struct entry e = in_state(ACCOUNT_ACTIVE);

    (void)state;
    grant(&e, WISH_LETTER, NULL, &c);
    assert_string_equal(changed(&c, ATTRIBUTE_PUK), means.puk_hash);
    assert_null(changed(&c, ATTRIBUTE_USER_PASSWORD));
    assert_null(changed(&c, ATTRIBUTE_STATE));
    assert_null(changed(&c, ATTRIBUTE_SESSION_EPOCH));
    assert_null(changed(&c, ATTRIBUTE_PWD_RESET));
    assert_non_null(strstr(changed(&c, ATTRIBUTE_LETTER), "puk " JOB_A " queued "));
}

static void test_letter_to_an_initial_account_issues_a_new_initial_password(void **state)
{
    _cleanup_(changes_clear) struct changes c = {0};
    struct entry e = in_state(ACCOUNT_INITIAL);

    (void)state;
    grant(&e, WISH_LETTER, NULL, &c);
    assert_string_equal(changed(&c, ATTRIBUTE_USER_PASSWORD), means.password_hash);
    assert_string_equal(changed(&c, ATTRIBUTE_PUK), means.puk_hash);
    assert_time(&c, ATTRIBUTE_INITIAL_EXPIRES, calendar_end_of_day(NOON, 60));
    assert_null(changed(&c, ATTRIBUTE_STATE));
    assert_non_null(strstr(changed(&c, ATTRIBUTE_LETTER), "access " JOB_A " queued "));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_state_allows_these_wishes_and_no_others),
        cmocka_unit_test(test_nothing_is_decided_on_a_malformed_entry),
        cmocka_unit_test(test_no_link_where_no_address_waits),
        cmocka_unit_test(test_totp_that_is_not_set_up_cant_be_taken_away),
        cmocka_unit_test(test_no_letter_for_an_account_without_an_address),
        cmocka_unit_test(test_words_and_wishes_belong_together),
        cmocka_unit_test(test_letter_carries_what_is_missing),
        cmocka_unit_test(test_lock_says_why_and_remembers_what_was),
        cmocka_unit_test(test_lock_and_close_leave_password_and_secrets_alone),
        cmocka_unit_test(test_a_reason_cant_pretend_to_be_the_state_before),
        cmocka_unit_test(test_a_long_reason_is_cut_between_characters),
        cmocka_unit_test(test_closing_what_an_administrator_has_locked_by_hand_has_room_too),
        cmocka_unit_test(test_closing_what_is_locked_has_room_whatever_the_reasons),
        cmocka_unit_test(test_unlock_restores_what_was),
        cmocka_unit_test(test_unlock_finds_out_what_was_where_nobody_wrote_it_down),
        cmocka_unit_test(test_what_was_locked_is_locked_again_after_close_and_reopen),
        cmocka_unit_test(test_unblock_forgets_failures_and_nothing_else),
        cmocka_unit_test(test_unblock_gives_a_code_that_is_out_fresh_tries),
        cmocka_unit_test(test_totp_off_takes_the_secret_and_nothing_else),
        cmocka_unit_test(test_restart_begins_again_with_a_letter),
        cmocka_unit_test(test_letter_to_an_active_account_never_touches_the_password),
        cmocka_unit_test(test_letter_to_an_initial_account_issues_a_new_initial_password),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
