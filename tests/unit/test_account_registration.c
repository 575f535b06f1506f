/* Registration, link, confirmation, letter, "this wasn't me": the edges of account.c. */
#include "config.h"

#include "account_fixture.h"

static struct entry_pending pending[2];
static struct entry_letter letters[4];

static struct entry provisioned(void)
{
    return (struct entry){.uid = "c-0001",
                          .uuid = "11111111-2222-3333-4444-555555555555",
                          .birth_date = "1950-12-24",
                          .state = ACCOUNT_PROVISIONED,
                          .language = "de"};
}

/* Pending with a link that works until expires. */
static struct entry with_link(time_t expires)
{
    struct entry e = provisioned();

    e.state = ACCOUNT_PENDING;
    pending[0] = (struct entry_pending){.hash = HASH_A,
                                        .expires = expires,
                                        .address = (char *)"erika@example.org",
                                        .value = (char *)HASH_A " x y"};
    e.pending = pending;
    e.pending_count = 1;
    return e;
}

static struct entry with_letter(time_t issued, const char *state)
{
    struct entry e = provisioned();

    e.state = ACCOUNT_INITIAL;
    e.mail = (char *)"erika@example.org";
    e.password_changed = issued;
    e.initial_expires = calendar_end_of_day(issued, 60);
    letters[0] = (struct entry_letter){
        .kind = "access", .job = JOB_A, .time = issued, .value = (char *)"access x"};
    strcpy(letters[0].state, state);
    e.letters = letters;
    e.letter_count = 1;
    return e;
}

static void test_unknown_policy_and_wrong_birthdate_are_alike(void **state)
{
    struct entry e = provisioned(), without = provisioned();

    (void)state;
    without.birth_date[0] = 0;
    assert_int_equal(account_register(NULL, "1950-12-24", false), REGISTRATION_NO_MATCH);
    assert_int_equal(account_register(&e, "1950-12-25", false), REGISTRATION_NO_MATCH);
    assert_int_equal(account_register(&e, "", false), REGISTRATION_NO_MATCH);
    assert_int_equal(account_register(&without, "", false), REGISTRATION_NO_MATCH);
}

static void test_what_follows_a_match_depends_on_state_and_address(void **state)
{
    static const struct {
        enum account_state state;
        bool in_use;
        enum account_registration expected;
    } cases[] = {
        {ACCOUNT_PROVISIONED, false, REGISTRATION_CONFIRM},
        {ACCOUNT_PROVISIONED, true, REGISTRATION_IN_USE},
        {ACCOUNT_PENDING, false, REGISTRATION_CONFIRM},
        {ACCOUNT_PENDING, true, REGISTRATION_IN_USE},
        {ACCOUNT_INITIAL, false, REGISTRATION_ALREADY},
        {ACCOUNT_ACTIVE, false, REGISTRATION_ALREADY},
        {ACCOUNT_ACTIVE, true, REGISTRATION_ALREADY},
        {ACCOUNT_LOCKED, false, REGISTRATION_LOCKED},
        {ACCOUNT_CLOSED, false, REGISTRATION_CLOSED},
    };

    (void)state;
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        struct entry e = provisioned();
        e.state = cases[i].state;
        assert_int_equal(account_register(&e, "1950-12-24", cases[i].in_use), cases[i].expected);
    }
}

static void test_link_is_good_at_47_59_59_and_refused_at_48_hours_exactly(void **state)
{
    struct entry e = with_link(NOON + 5 * DAY + 48 * HOUR);
    _cleanup_(changes_clear) struct changes c = {0};

    (void)state;
    account_link_accepted(&rules, &e, JOB_A, HASH_A, NOON, &c);
    assert_true(has_change(&c, CHANGE_REMOVE, ATTRIBUTE_PENDING));
    assert_string_equal(changed(&c, ATTRIBUTE_PENDING),
                        HASH_A " 20261026120000Z erika@example.org");
    e = with_link(NOON + 48 * HOUR);
    assert_int_equal(account_check_link(&e, HASH_A, false, NOON + 48 * HOUR - 1), WIRE_LINK_GOOD);
    assert_int_equal(account_check_link(&e, HASH_A, false, NOON + 48 * HOUR), WIRE_LINK_EXPIRED);
}

static void test_telling_the_acceptance_twice_changes_nothing_more(void **state)
{
    struct entry e = with_link(NOON + 48 * HOUR);
    _cleanup_(changes_clear) struct changes c = {0};

    (void)state;
    account_link_accepted(&rules, &e, JOB_A, HASH_A, NOON, &c);
    assert_int_equal(c.count, 0);
}

static void test_link_works_before_its_acceptance_was_written_down(void **state)
{
    struct entry e = provisioned();
    struct account_link link = {.job = JOB_A, .hash = HASH_A, .address = "erika@example.org"};
    struct account_consents consents = {"1", "aa", "2", "bb"};
    _cleanup_(changes_clear) struct changes c = {0};

    (void)state;
    account_add_link(&rules, &e, &link, &consents, NOON, &c);
    assert_string_equal(changed(&c, ATTRIBUTE_STATE), "pending");
    assert_string_equal(changed(&c, ATTRIBUTE_JOB), JOB_A);
    assert_string_equal(changed(&c, ATTRIBUTE_PENDING),
                        HASH_A " 20261031120000Z erika@example.org");
    assert_string_equal(changed(&c, ATTRIBUTE_CONSENT), "terms 2 bb 20261024120000Z");
    assert_null(changed(&c, ATTRIBUTE_MAIL)); /* nobody can squat on an address */
}

static void test_link_confirms_only_what_it_was_mailed_to(void **state)
{
    struct entry e = with_link(NOON + HOUR);

    (void)state;
    assert_int_equal(account_check_link(&e, HASH_B, false, NOON), WIRE_UNKNOWN);
    assert_int_equal(account_check_link(NULL, HASH_A, false, NOON), WIRE_UNKNOWN);
    assert_int_equal(account_check_link(&e, HASH_A, true, NOON), WIRE_LINK_TAKEN);
    e.state = ACCOUNT_INITIAL;
    e.mail = (char *)"another@example.org";
    assert_int_equal(account_check_link(&e, HASH_A, false, NOON), WIRE_LINK_OVER);
}

static void test_used_link_says_done_even_after_its_time(void **state)
{
    struct entry e = with_link(NOON);

    (void)state;
    e.state = ACCOUNT_ACTIVE;
    e.mail = (char *)"Erika@Example.org";
    assert_int_equal(account_check_link(&e, HASH_A, false, NOON + 20 * DAY), WIRE_LINK_DONE);
    e.state = ACCOUNT_LOCKED;
    assert_int_equal(account_check_link(&e, HASH_A, false, NOON), WIRE_LINK_OVER);
}

static void test_links_are_forgotten_30_days_after_they_ended(void **state)
{
    struct account_link link = {.job = JOB_A, .hash = HASH_B, .address = "erika@example.org"};
    struct account_consents consents = {"1", "aa", "2", "bb"};
    struct entry e = with_link(NOON - 30 * DAY);
    _cleanup_(changes_clear) struct changes kept = {0}, gone = {0};

    (void)state;
    account_add_link(&rules, &e, &link, &consents, NOON, &kept);
    assert_false(has_change(&kept, CHANGE_REMOVE, ATTRIBUTE_PENDING));
    account_add_link(&rules, &e, &link, &consents, NOON + 1, &gone);
    assert_true(has_change(&gone, CHANGE_REMOVE, ATTRIBUTE_PENDING));
}

static void test_confirmation_sets_everything_at_once(void **state)
{
    struct entry e = with_link(NOON + HOUR);
    struct account_secrets secrets = {"{ARGON2}x", "$argon2id$y", JOB_A};
    _cleanup_(changes_clear) struct changes c = {0};

    (void)state;
    account_confirm(&rules, &e, &pending[0], &secrets, true, NOON, &c);
    assert_int_equal(c.error, 0);
    assert_string_equal(changed(&c, ATTRIBUTE_MAIL), "erika@example.org");
    assert_string_equal(changed(&c, ATTRIBUTE_STATE), "initial");
    assert_string_equal(changed(&c, ATTRIBUTE_USER_PASSWORD), "{ARGON2}x");
    assert_string_equal(changed(&c, ATTRIBUTE_PUK), "$argon2id$y");
    assert_string_equal(changed(&c, ATTRIBUTE_PWD_RESET), "TRUE");
    assert_string_equal(changed(&c, ATTRIBUTE_JOB), JOB_A);
    assert_string_equal(changed(&c, ATTRIBUTE_LETTER), "access " JOB_A " queued 20261024120000Z");
    assert_time(&c, ATTRIBUTE_INITIAL_EXPIRES, calendar_end_of_day(NOON, 60));
    assert_false(has_change(&c, CHANGE_REMOVE, ATTRIBUTE_PENDING)); /* the used link stays, inert */
}

static void test_fourth_letter_in_30_days_is_not_allowed(void **state)
{
    struct entry e = with_letter(NOON, "posted");

    (void)state;
    for (size_t i = 1; i < 3; i++)
        letters[i] = letters[0];
    e.letter_count = 2;
    assert_true(account_letter_allowed(&rules, &e, NOON + DAY));
    e.letter_count = 3;
    assert_false(account_letter_allowed(&rules, &e, NOON + 30 * DAY - 1));
    assert_true(account_letter_allowed(&rules, &e, NOON + 30 * DAY));
}

static void test_printed_letter_ends_35_days_later_at_the_end_of_the_day(void **state)
{
    struct entry e = with_letter(NOON, "queued");
    unsigned char hash[32] = {0};
    _cleanup_(changes_clear) struct changes c = {0};

    (void)state;
    assert_int_equal(account_letter_last(&rules, &e, "access", NOON),
                     calendar_end_of_day(NOON, 35));
    assert_int_equal(account_letter_last(&rules, &e, "puk", NOON), 0);
    account_letter_printed(&rules, &e, JOB_A, hash, NOON, &c);
    /* 2026-11-28 23:59:59 in Berlin, though summer time ended in between. */
    assert_string_equal(changed(&c, ATTRIBUTE_INITIAL_EXPIRES), "20261128225959Z");
}

static void test_posting_moves_the_last_day_later_never_earlier(void **state)
{
    static const struct {
        int posted_after, last_after; /* days after printing */
    } cases[] = {{0, 35}, {1, 35}, {2, 35}, {3, 36}, {10, 43}, {40, 60}};

    (void)state;
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        struct entry e = with_letter(NOON, "printed");
        _cleanup_(changes_clear) struct changes c = {0};
        e.initial_expires = calendar_end_of_day(NOON, 35);
        account_letter_posted(&rules, &e, JOB_A, NOON + cases[i].posted_after * DAY, &c);
        if (cases[i].last_after == 35)
            assert_null(changed(&c, ATTRIBUTE_INITIAL_EXPIRES));
        else
            assert_time(&c, ATTRIBUTE_INITIAL_EXPIRES,
                        calendar_end_of_day(NOON, cases[i].last_after));
        assert_non_null(changed(&c, ATTRIBUTE_LETTER));
    }
}

static void test_password_ends_60_days_after_issue_whatever_happens(void **state)
{
    struct entry e = with_letter(NOON, "queued");

    (void)state;
    assert_int_equal(account_letter_last(&rules, &e, "access", NOON + 50 * DAY),
                     calendar_end_of_day(NOON, 60));
}

static void test_letter_is_not_wanted_once_the_account_has_moved_on(void **state)
{
    struct entry e = with_letter(NOON, "queued");

    (void)state;
    assert_true(account_letter_wanted(&e, JOB_A, "access"));
    assert_false(account_letter_wanted(&e, "01JAZZZZZZ0000000000000001", "access"));
    e.state = ACCOUNT_ACTIVE;
    assert_false(account_letter_wanted(&e, JOB_A, "access"));
    e.state = ACCOUNT_LOCKED;
    assert_false(account_letter_wanted(&e, JOB_A, "access"));
}

static void test_reports_twice_change_nothing_more(void **state)
{
    struct entry e = with_letter(NOON, "posted");
    unsigned char hash[32] = {0};
    _cleanup_(changes_clear) struct changes c = {0};

    (void)state;
    account_letter_printed(&rules, &e, JOB_A, hash, NOON, &c);
    account_letter_posted(&rules, &e, JOB_A, NOON, &c);
    assert_int_equal(c.count, 0);
}

static void test_not_me_wipes_before_the_first_personal_password_and_locks_after(void **state)
{
    static const enum account_not_me expected[ACCOUNT_STATES] = {
        [ACCOUNT_PROVISIONED] = NOT_ME_NOTHING, [ACCOUNT_PENDING] = NOT_ME_WIPE,
        [ACCOUNT_INITIAL] = NOT_ME_WIPE,        [ACCOUNT_ACTIVE] = NOT_ME_LOCK,
        [ACCOUNT_LOCKED] = NOT_ME_NOTHING,      [ACCOUNT_CLOSED] = NOT_ME_NOTHING,
    };

    (void)state;
    for (int s = 0; s < ACCOUNT_STATES; s++) {
        struct entry e = provisioned();
        e.state = (enum account_state)s;
        assert_int_equal(account_not_me(&e, "confirm", false), expected[s]);
        assert_int_equal(account_not_me(&e, "access", true), expected[s]);
        assert_int_equal(account_not_me(&e, "in-use", false), NOT_ME_NOTHING);
    }
    assert_int_equal(account_not_me(NULL, "confirm", false), NOT_ME_NOTHING);
}

static void test_not_me_on_a_notice_locks_and_never_loses_the_address(void **state)
{
    static const char *const notices[] = {
        "code",     "password-set", "password-changed", "totp-on",        "totp-off",    "puk-used",
        "puk-void", "restarted",    "mail-changed",     "letter-address", "has-password"};
    static const enum account_not_me expected[ACCOUNT_STATES] = {
        [ACCOUNT_PROVISIONED] = NOT_ME_NOTHING, [ACCOUNT_PENDING] = NOT_ME_NOTHING,
        [ACCOUNT_INITIAL] = NOT_ME_LOCK,        [ACCOUNT_ACTIVE] = NOT_ME_LOCK,
        [ACCOUNT_LOCKED] = NOT_ME_NOTHING,      [ACCOUNT_CLOSED] = NOT_ME_NOTHING,
    };

    (void)state;
    for (size_t i = 0; i < ELEMENTS(notices); i++)
        for (int s = 0; s < ACCOUNT_STATES; s++) {
            struct entry e = provisioned();
            e.state = (enum account_state)s;
            assert_int_equal(account_not_me(&e, notices[i], false), expected[s]);
            assert_int_equal(account_not_me(&e, notices[i], true), expected[s]);
            assert_int_equal(account_not_me(NULL, notices[i], false), NOT_ME_NOTHING);
        }
}

static void test_not_me_on_a_letter_or_a_second_registration(void **state)
{
    static const char *const topics[] = {"access", "password", "puk", "registered"};
    static const enum account_not_me expected[ACCOUNT_STATES] = {
        [ACCOUNT_PROVISIONED] = NOT_ME_NOTHING, [ACCOUNT_PENDING] = NOT_ME_WIPE,
        [ACCOUNT_INITIAL] = NOT_ME_WIPE,        [ACCOUNT_ACTIVE] = NOT_ME_LOCK,
        [ACCOUNT_LOCKED] = NOT_ME_NOTHING,      [ACCOUNT_CLOSED] = NOT_ME_NOTHING,
    };

    (void)state;
    for (size_t i = 0; i < ELEMENTS(topics); i++)
        for (int s = 0; s < ACCOUNT_STATES; s++) {
            struct entry e = provisioned();
            e.state = (enum account_state)s;
            assert_int_equal(account_not_me(&e, topics[i], false), expected[s]);
        }
}

static void test_not_me_of_another_mailbox_undoes_only_what_nobody_confirmed(void **state)
{
    (void)state;
    for (int s = 0; s < ACCOUNT_STATES; s++) {
        struct entry e = provisioned();
        e.state = (enum account_state)s;
        assert_int_equal(account_not_me(&e, "confirm", true),
                         s == ACCOUNT_PENDING ? NOT_ME_WIPE : NOT_ME_NOTHING);
    }
}

static void test_not_me_on_mails_of_letters_counts_from_the_accounts_own_mailbox(void **state)
{
    static const char *const topics[] = {"letter-posted", "letter-returned", "password-expires",
                                         "letter-new",    "letter-valid",    "letter-refused"};
    static const enum account_not_me expected[ACCOUNT_STATES] = {
        [ACCOUNT_PROVISIONED] = NOT_ME_NOTHING, [ACCOUNT_PENDING] = NOT_ME_NOTHING,
        [ACCOUNT_INITIAL] = NOT_ME_WIPE,        [ACCOUNT_ACTIVE] = NOT_ME_LOCK,
        [ACCOUNT_LOCKED] = NOT_ME_NOTHING,      [ACCOUNT_CLOSED] = NOT_ME_NOTHING,
    };

    (void)state;
    for (size_t i = 0; i < ELEMENTS(topics); i++)
        for (int s = 0; s < ACCOUNT_STATES; s++) {
            struct entry e = provisioned();
            e.state = (enum account_state)s;
            assert_int_equal(account_not_me(&e, topics[i], false), expected[s]);
            assert_int_equal(account_not_me(&e, topics[i], true), NOT_ME_NOTHING);
        }
}

static void test_wiping_leaves_nothing_of_the_registration(void **state)
{
    static const enum attribute gone[] = {
        ATTRIBUTE_MAIL,    ATTRIBUTE_USER_PASSWORD,   ATTRIBUTE_PUK,
        ATTRIBUTE_PENDING, ATTRIBUTE_INITIAL_EXPIRES, ATTRIBUTE_PWD_RESET,
        ATTRIBUTE_CODE,    ATTRIBUTE_TOTP_SECRET,     ATTRIBUTE_PUK_FAILURES};
    struct entry e = with_letter(NOON, "printed");
    _cleanup_(changes_clear) struct changes c = {0};

    (void)state;
    account_wipe(&e, true, NOON, &c);
    for (size_t i = 0; i < ELEMENTS(gone); i++)
        assert_true(has_change(&c, CHANGE_CLEAR, gone[i]));
    assert_string_equal(changed(&c, ATTRIBUTE_STATE), "provisioned");
    assert_string_equal(changed(&c, ATTRIBUTE_LETTER),
                        "access " JOB_A " withdrawn 20261024120000Z");
}

static void test_locking_remembers_what_was_before(void **state)
{
    struct entry e = provisioned();
    _cleanup_(changes_clear) struct changes c = {0};

    (void)state;
    e.state = ACCOUNT_ACTIVE;
    e.session_epoch = 7;
    account_lock(&e, "because", &c);
    assert_string_equal(changed(&c, ATTRIBUTE_STATE), "locked");
    assert_string_equal(changed(&c, ATTRIBUTE_LOCK_REASON), "because; before: active");
    assert_string_equal(changed(&c, ATTRIBUTE_SESSION_EPOCH), "8");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unknown_policy_and_wrong_birthdate_are_alike),
        cmocka_unit_test(test_what_follows_a_match_depends_on_state_and_address),
        cmocka_unit_test(test_link_is_good_at_47_59_59_and_refused_at_48_hours_exactly),
        cmocka_unit_test(test_telling_the_acceptance_twice_changes_nothing_more),
        cmocka_unit_test(test_link_works_before_its_acceptance_was_written_down),
        cmocka_unit_test(test_link_confirms_only_what_it_was_mailed_to),
        cmocka_unit_test(test_used_link_says_done_even_after_its_time),
        cmocka_unit_test(test_links_are_forgotten_30_days_after_they_ended),
        cmocka_unit_test(test_confirmation_sets_everything_at_once),
        cmocka_unit_test(test_fourth_letter_in_30_days_is_not_allowed),
        cmocka_unit_test(test_printed_letter_ends_35_days_later_at_the_end_of_the_day),
        cmocka_unit_test(test_posting_moves_the_last_day_later_never_earlier),
        cmocka_unit_test(test_password_ends_60_days_after_issue_whatever_happens),
        cmocka_unit_test(test_letter_is_not_wanted_once_the_account_has_moved_on),
        cmocka_unit_test(test_reports_twice_change_nothing_more),
        cmocka_unit_test(test_not_me_wipes_before_the_first_personal_password_and_locks_after),
        cmocka_unit_test(test_not_me_on_a_notice_locks_and_never_loses_the_address),
        cmocka_unit_test(test_not_me_on_a_letter_or_a_second_registration),
        cmocka_unit_test(test_not_me_of_another_mailbox_undoes_only_what_nobody_confirmed),
        cmocka_unit_test(test_not_me_on_mails_of_letters_counts_from_the_accounts_own_mailbox),
        cmocka_unit_test(test_wiping_leaves_nothing_of_the_registration),
        cmocka_unit_test(test_locking_remembers_what_was_before),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
