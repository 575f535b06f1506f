/* The life of letters: which step may follow which, what a returned one voids, who waits, and what
   is mailed about them. */
#include "config.h"

#include "account_fixture.h"
#include "portald/account-letter.h"

#include <stdlib.h>

#define JOB_B "01JAZZZZZZ0000000000000001"
#define JOB_C                                                                                      \
    "01JB000000"                                                                                   \
    "0000000000000000"
#define UNTIL (NOON + 30 * DAY) /* the initial password of initial() */

static const struct account_secrets nobodys = {.password_hash = "{ARGON2}void",
                                               .puk_hash = "$argon2id$void"};

static struct entry_letter letter(const char *kind, const char *job, const char *state)
{
    struct entry_letter l = {.time = NOON, .value = (char *)"as it stands"};

    strcpy(l.kind, kind);
    strcpy(l.job, job);
    strcpy(l.state, state);
    return l;
}

static struct entry with(enum account_state state, struct entry_letter *letters, size_t count)
{
    return (struct entry){.uid = "c-0001",
                          .mail = (char *)"erika@example.org",
                          .state = state,
                          .initial_expires = state == ACCOUNT_INITIAL ? UNTIL : 0,
                          .password_changed = NOON,
                          .letters = letters,
                          .letter_count = count};
}

static void test_a_letters_life_runs_one_way(void **state)
{
    static const char *const states[] = {"queued", "claimed",  "uncertain", "printed",
                                         "posted", "returned", "withdrawn"};
    static const char *const allowed[ELEMENTS(states)][ELEMENTS(states)] = {
        {"", "claimed", "uncertain", "printed", "posted", "", "withdrawn"},
        {"queued", "", "uncertain", "printed", "posted", "", "withdrawn"},
        {"queued", "claimed", "", "printed", "posted", "returned", "withdrawn"},
        {"", "", "", "", "posted", "returned", "withdrawn"},
        {"", "", "", "", "", "returned", ""},
        {"", "", "", "", "", "", ""},
        {"", "", "", "", "", "", ""},
    };

    (void)state;
    for (size_t from = 0; from < ELEMENTS(states); from++)
        for (size_t to = 0; to < ELEMENTS(states); to++) {
            _cleanup_(changes_clear) struct changes c = {0};
            struct entry_letter l = letter("access", JOB_A, states[from]);
            struct entry e = with(ACCOUNT_INITIAL, &l, 1);
            account_letter_became(&e, JOB_A, states[to], NOON, &c);
            if (!*allowed[from][to]) {
                assert_int_equal(c.count, 0);
                continue;
            }
            assert_true(has_change(&c, CHANGE_REMOVE, ATTRIBUTE_LETTER));
            assert_non_null(strstr(changed(&c, ATTRIBUTE_LETTER), states[to]));
        }
}

static void test_a_letter_that_nobody_knows_changes_nothing(void **state)
{
    _cleanup_(changes_clear) struct changes c = {0};
    struct entry_letter l = letter("access", JOB_A, "queued");
    struct entry e = with(ACCOUNT_INITIAL, &l, 1);

    (void)state;
    account_letter_became(&e, JOB_B, "claimed", NOON, &c);
    assert_int_equal(account_letter_returned(&e, JOB_B, &nobodys, NOON, &c), RETURNED_NOTHING);
    assert_int_equal(c.count, 0);
}

static void test_returned_letter_voids_what_is_still_in_force(void **state)
{
    static const struct {
        enum account_state state;
        const char *kind, *later; /* the kind of a later letter, or NULL */
        enum account_returned expected;
        bool password, puk;
    } cases[] = {
        {ACCOUNT_INITIAL, "access", NULL, RETURNED_PASSWORD, true, true},
        {ACCOUNT_INITIAL, "password", NULL, RETURNED_PASSWORD, true, false},
        {ACCOUNT_INITIAL, "puk", NULL, RETURNED_PUK, false, true},
        {ACCOUNT_INITIAL, "access", "access", RETURNED_NOTHING, false, false},
        {ACCOUNT_ACTIVE, "access", NULL, RETURNED_PUK, false, true},
        {ACCOUNT_ACTIVE, "access", "puk", RETURNED_NOTHING, false, false},
        {ACCOUNT_ACTIVE, "password", NULL, RETURNED_NOTHING, false, false},
        {ACCOUNT_ACTIVE, "puk", NULL, RETURNED_PUK, false, true},
    };

    (void)state;
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        _cleanup_(changes_clear) struct changes c = {0};
        struct entry_letter l[2] = {letter(cases[i].kind, JOB_A, "posted"),
                                    letter(cases[i].later ? cases[i].later : "", JOB_C, "queued")};
        struct entry e = with(cases[i].state, l, cases[i].later ? 2 : 1);
        assert_int_equal(account_letter_returned(&e, JOB_A, &nobodys, NOON, &c), cases[i].expected);
        assert_int_equal(changed(&c, ATTRIBUTE_USER_PASSWORD) != NULL, cases[i].password);
        assert_int_equal(changed(&c, ATTRIBUTE_PUK) != NULL, cases[i].puk);
        assert_non_null(strstr(changed(&c, ATTRIBUTE_LETTER), " returned "));
        assert_int_equal(account_letter_missed(&e, JOB_A), cases[i].expected != RETURNED_NOTHING);
    }
}

/* An operator or "this wasn't me" withdrew it while the print station had it. */
static void test_withdrawn_letter_that_comes_back_voids_what_is_still_in_force(void **state)
{
    static const struct {
        enum account_state state;
        const char *later; /* the kind of a later letter, or NULL */
        enum account_returned expected;
    } cases[] = {
        {ACCOUNT_INITIAL, NULL, RETURNED_PASSWORD}, {ACCOUNT_INITIAL, "access", RETURNED_NOTHING},
        {ACCOUNT_ACTIVE, NULL, RETURNED_PUK},       {ACCOUNT_ACTIVE, "puk", RETURNED_NOTHING},
        {ACCOUNT_LOCKED, NULL, RETURNED_PUK},       {ACCOUNT_CLOSED, NULL, RETURNED_PUK},
        {ACCOUNT_PENDING, NULL, RETURNED_NOTHING},  {ACCOUNT_PROVISIONED, NULL, RETURNED_NOTHING},
    };

    (void)state;
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        _cleanup_(changes_clear) struct changes c = {0};
        struct entry_letter l[2] = {letter("access", JOB_A, "withdrawn"),
                                    letter(cases[i].later ? cases[i].later : "", JOB_C, "queued")};
        struct entry e = with(cases[i].state, l, cases[i].later ? 2 : 1);
        assert_int_equal(account_letter_returned(&e, JOB_A, &nobodys, NOON, &c), cases[i].expected);
        assert_int_equal(changed(&c, ATTRIBUTE_USER_PASSWORD) != NULL,
                         cases[i].expected == RETURNED_PASSWORD);
        assert_int_equal(changed(&c, ATTRIBUTE_PUK) != NULL, cases[i].expected != RETURNED_NOTHING);
        assert_non_null(strstr(changed(&c, ATTRIBUTE_LETTER), " returned "));
    }
}

static void test_letter_returns_once(void **state)
{
    _cleanup_(changes_clear) struct changes c = {0};
    struct entry_letter l = letter("access", JOB_A, "returned");
    struct entry e = with(ACCOUNT_INITIAL, &l, 1);

    (void)state;
    assert_int_equal(account_letter_returned(&e, JOB_A, &nobodys, NOON, &c), RETURNED_NOTHING);
    assert_int_equal(c.count, 0);
}

static void test_only_another_address_than_the_last_one_is_elsewhere(void **state)
{
    static const unsigned char here[ENTRY_ADDRESS_BYTES] = {1}, there[ENTRY_ADDRESS_BYTES] = {2};
    struct entry e = with(ACCOUNT_ACTIVE, NULL, 0);

    (void)state;
    assert_false(account_letter_elsewhere(&e, here));
    e.has_letter_address = true;
    memcpy(e.letter_address, here, sizeof here);
    assert_false(account_letter_elsewhere(&e, here));
    assert_true(account_letter_elsewhere(&e, there));
}

static void test_announced_letter_waits_three_days_from_the_mails_acceptance(void **state)
{
    static const struct account_rules three_days = {.address_wait = 3 * DAY};
    static const struct {
        enum account_announced announced;
        time_t accepted, now, until;
    } cases[] = {
        {ANNOUNCED_ACCEPTED, NOON, NOON + 3 * DAY - 1, NOON + 3 * DAY},
        {ANNOUNCED_ACCEPTED, NOON, NOON + 3 * DAY, 0},
        /* Not yet told: three days from now at the earliest. */
        {ANNOUNCED_NOT, 0, NOON, NOON + 3 * DAY},
        {ANNOUNCED_NOT, 0, NOON + 9 * DAY, NOON + 12 * DAY},
        /* It can't be told, or came back: never, unless that changes. */
        {ANNOUNCED_FAILED, 0, NOON, NOON + DAY},
        {ANNOUNCED_FAILED, NOON, NOON + 90 * DAY, NOON + 91 * DAY},
    };

    (void)state;
    for (size_t i = 0; i < ELEMENTS(cases); i++)
        assert_int_equal(
            account_letter_waits(&three_days, cases[i].announced, cases[i].accepted, cases[i].now),
            cases[i].until);
}

static void test_where_a_letter_went_is_written_once_at_printing_or_posting(void **state)
{
    static const struct {
        const char *state;
        bool written;
    } cases[] = {{"queued", true},  {"claimed", true},    {"uncertain", true}, {"printed", false},
                 {"posted", false}, {"withdrawn", false}, {"returned", false}};
    static const unsigned char hash[ENTRY_ADDRESS_BYTES] = "there";

    (void)state;
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        _cleanup_(changes_clear) struct changes c = {0};
        struct entry_letter l = letter("access", JOB_A, cases[i].state);
        struct entry e = with(ACCOUNT_INITIAL, &l, 1);
        account_letter_went(&e, JOB_B, hash, &c); /* another's */
        account_letter_went(&e, JOB_A, NULL, &c); /* nobody knows */
        assert_int_equal(c.count, 0);
        account_letter_went(&e, JOB_A, hash, &c);
        assert_int_equal(c.count, cases[i].written);
    }
}

static void test_two_letters_of_one_moment_count_as_one(void **state)
{
    struct entry_letter l[6];
    struct entry e = with(ACCOUNT_ACTIVE, l, 6);

    (void)state;
    for (int i = 0; i < 6; i++) {
        l[i] = letter(i % 2 ? "puk" : "password", i % 2 ? JOB_B : JOB_A, "posted");
        l[i].job[9] = (char)('0' + i / 2);
    }
    e.letter_count = 4;
    assert_true(account_letter_allowed(&rules, &e, NOON));
    e.letter_count = 6;
    assert_false(account_letter_allowed(&rules, &e, NOON));
    e.letter_count = 4;
    l[3].job[9] = '7'; /* a PUK's letter by itself is one */
    assert_false(account_letter_allowed(&rules, &e, NOON));
}

static void test_two_letters_are_noted_with_their_kinds(void **state)
{
    static const struct account_secrets apart = {
        .password_hash = "p", .puk_hash = "q", .job = JOB_A, .puk_job = JOB_B};
    static const char *const expected[] = {"password " JOB_A " queued", "puk " JOB_B " queued"};
    _cleanup_(changes_clear) struct changes c = {0};
    struct entry e = with(ACCOUNT_PENDING, NULL, 0);
    size_t found = 0, jobs = 0;

    (void)state;
    account_issue_access(&rules, &e, &apart, true, NOON, &c);
    for (size_t i = 0; i < c.count; i++) {
        jobs += c.items[i].attribute == ATTRIBUTE_JOB;
        if (c.items[i].attribute == ATTRIBUTE_LETTER) {
            assert_true(found < ELEMENTS(expected));
            assert_memory_equal(c.items[i].value, expected[found], strlen(expected[found]));
            found++;
        }
    }
    assert_int_equal(found, 2);
    assert_int_equal(jobs, 2);
}

static void test_reminder_begins_7_days_before_and_ends_with_the_password(void **state)
{
    static const struct {
        time_t now;
        bool due;
    } cases[] = {
        {UNTIL - 7 * DAY - 1, false}, {UNTIL - 7 * DAY, true}, {UNTIL - 1, true}, {UNTIL, false},
        {UNTIL + DAY, false},
    };

    (void)state;
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        struct entry_letter l = letter("access", JOB_A, "posted");
        struct entry e = with(ACCOUNT_INITIAL, &l, 1);
        assert_int_equal(account_remind(&rules, &e, cases[i].now) != NULL, cases[i].due);
    }
}

static void test_nobody_is_reminded_of_what_they_cant_have(void **state)
{
    static const char *const not_sent[] = {"queued", "claimed", "uncertain", "returned",
                                           "withdrawn"};
    struct entry_letter l[2] = {letter("access", JOB_A, "posted"),
                                letter("access", JOB_C, "queued")};
    struct entry e = with(ACCOUNT_INITIAL, l, 1);
    struct account_rules never = rules;

    (void)state;
    for (int s = 0; s < ACCOUNT_STATES; s++) {
        e.state = (enum account_state)s;
        assert_int_equal(account_remind(&rules, &e, UNTIL - DAY) != NULL, s == ACCOUNT_INITIAL);
    }
    e.state = ACCOUNT_INITIAL;
    never.remind = 0;
    assert_null(account_remind(&never, &e, UNTIL - DAY));
    e.mail = NULL;
    assert_null(account_remind(&rules, &e, UNTIL - DAY));
    e = with(ACCOUNT_INITIAL, l, 2); /* a newer letter is on its way */
    assert_null(account_remind(&rules, &e, UNTIL - DAY));
    for (size_t i = 0; i < ELEMENTS(not_sent); i++) {
        l[0] = letter("access", JOB_A, not_sent[i]);
        e = with(ACCOUNT_INITIAL, l, 1);
        assert_null(account_remind(&rules, &e, UNTIL - DAY));
    }
}

static void test_posted_letter_is_expected_by_the_end_of_the_third_day(void **state)
{
    struct entry_letter l = letter("access", JOB_A, "printed");
    struct entry e = with(ACCOUNT_INITIAL, &l, 1);
    time_t expected = calendar_end_of_day(NOON, 3);

    (void)state;
    assert_int_equal(account_letter_expected(&rules, &e, JOB_A, NOON, NOON), expected);
    assert_int_equal(account_letter_expected(&rules, &e, JOB_A, NOON, expected), expected);
    assert_int_equal(account_letter_expected(&rules, &e, JOB_A, NOON, expected + 1), 0);
    assert_int_equal(account_letter_expected(&rules, &e, JOB_B, NOON, NOON), 0);
    strcpy(l.state, "returned");
    assert_int_equal(account_letter_expected(&rules, &e, JOB_A, NOON, NOON), 0);
    strcpy(l.state, "posted");
    e.state = ACCOUNT_LOCKED;
    assert_int_equal(account_letter_expected(&rules, &e, JOB_A, NOON, NOON), 0);
}

static void test_unconfirmed_registration_is_forgotten_30_days_after_the_last_link(void **state)
{
    struct entry_pending pending[2] = {{.hash = HASH_A, .expires = NOON - 5 * DAY},
                                       {.hash = HASH_B, .expires = NOON}};
    struct entry e = {.state = ACCOUNT_PENDING, .pending = pending, .pending_count = 2};
    _cleanup_(changes_clear) struct changes c = {0};

    (void)state;
    assert_false(account_pending_over(&rules, &e, NOON + 30 * DAY));
    assert_true(account_pending_over(&rules, &e, NOON + 30 * DAY + 1));
    for (int s = 0; s < ACCOUNT_STATES; s++) {
        e.state = (enum account_state)s;
        assert_int_equal(account_pending_over(&rules, &e, NOON + 31 * DAY), s == ACCOUNT_PENDING);
    }
    e.state = ACCOUNT_PENDING;
    account_forget_pending(&e, &c);
    assert_true(has_change(&c, CHANGE_CLEAR, ATTRIBUTE_PENDING));
    assert_true(has_change(&c, CHANGE_CLEAR, ATTRIBUTE_CONSENT));
    assert_string_equal(changed(&c, ATTRIBUTE_STATE), "provisioned");
    e.malformed = true;
    assert_false(account_pending_over(&rules, &e, NOON + 31 * DAY));
    e.malformed = false;
    e.pending_count = 0; /* made by hand: there is nothing to count from */
    assert_false(account_pending_over(&rules, &e, NOON + 31 * DAY));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_letters_life_runs_one_way),
        cmocka_unit_test(test_a_letter_that_nobody_knows_changes_nothing),
        cmocka_unit_test(test_returned_letter_voids_what_is_still_in_force),
        cmocka_unit_test(test_withdrawn_letter_that_comes_back_voids_what_is_still_in_force),
        cmocka_unit_test(test_letter_returns_once),
        cmocka_unit_test(test_only_another_address_than_the_last_one_is_elsewhere),
        cmocka_unit_test(test_announced_letter_waits_three_days_from_the_mails_acceptance),
        cmocka_unit_test(test_where_a_letter_went_is_written_once_at_printing_or_posting),
        cmocka_unit_test(test_two_letters_of_one_moment_count_as_one),
        cmocka_unit_test(test_two_letters_are_noted_with_their_kinds),
        cmocka_unit_test(test_reminder_begins_7_days_before_and_ends_with_the_password),
        cmocka_unit_test(test_nobody_is_reminded_of_what_they_cant_have),
        cmocka_unit_test(test_posted_letter_is_expected_by_the_end_of_the_third_day),
        cmocka_unit_test(test_unconfirmed_registration_is_forgotten_30_days_after_the_last_link),
    };

    setenv("TZ", "Europe/Berlin", 1);
    return cmocka_run_group_tests_name("account-letter", tests, NULL, NULL);
}
