/* Each reason that explain gives: when it is found, and that what it says of a login is what the
   rules of login decide. */
#include "config.h"

#include "account_fixture.h"

#include "portald/explain.h"

#include <errno.h>
#include <stdio.h>

static const char *const policies[] = {"AB123456", NULL};

static struct entry customer(enum account_state state)
{
    return (struct entry){.uid = "c-0001",
                          .uuid = "11111111-1111-1111-1111-111111111111",
                          .mail = (char *)"a@example.org",
                          .policies = (char **)(uintptr_t)policies,
                          .puk = (char *)"$argon2id$",
                          .state = state,
                          .initial_expires = state == ACCOUNT_INITIAL ? NOON + DAY : 0,
                          .password_changed = NOON - DAY};
}

static struct explain_facts facts_of(const struct entry *entry)
{
    struct explain_facts facts = {.name = "a@example.org", .login = entry};

    memcpy(facts.failures, entry->failures, sizeof facts.failures);
    return facts;
}

static const struct explain_finding *found(const struct explanation *x, enum explain_reason reason)
{
    for (size_t i = 0; i < x->count; i++)
        if (x->findings[i].reason == reason)
            return &x->findings[i];
    return NULL;
}

static bool stops(const struct explanation *x)
{
    for (size_t i = 0; i < x->count; i++)
        if (explain_rules[x->findings[i].reason].effect <= EXPLAIN_WAITING)
            return true;
    return false;
}

static void test_every_reason_has_all_its_words(void **state)
{
    (void)state;
    for (int i = 0; i < EXPLAIN_REASONS; i++) {
        const struct explain_rule *rule = &explain_rules[i];
        const char *place;

        assert_non_null(rule->word);
        assert_non_null(rule->what);
        assert_non_null(rule->say);
        place = strchr(rule->say, '%');
        assert_int_equal(place != NULL, rule->names != EXPLAIN_NAMES_NOTHING);
        assert_true(!place || (place[1] == 's' && !strchr(place + 1, '%')));
        assert_true(!rule->wish || account_wish_read(rule->wish) >= 0);
        for (int j = 0; j < i; j++)
            assert_string_not_equal(rule->word, explain_rules[j].word);
    }
}

/* Every state with every counter: a reason that stops the login is given exactly when it is
   refused, and the verdict is the one of the rules. */
static void test_login_is_refused_exactly_when_a_reason_stops_it(void **state)
{
    static const struct entry_failures counters[] = {{0},
                                                     {.count = 3},
                                                     {.count = 9, .retry_after = NOON + 1},
                                                     {.count = 9, .retry_after = NOON},
                                                     {.count = 100}};
    struct explanation x;

    (void)state;
    for (int s = 0; s < ACCOUNT_STATES; s++)
        for (size_t p = 0; p < ELEMENTS(counters); p++)
            for (size_t t = 0; t < ELEMENTS(counters); t++)
                for (int odd = 0; odd < 16; odd++) {
                    struct entry e = customer((enum account_state)s);
                    struct explain_facts f;

                    e.failures[FACTOR_PASSWORD] = counters[p];
                    e.failures[FACTOR_TOTP] = counters[t];
                    e.totp_size = odd & 1 ? 60 : 0;
                    e.malformed = (odd & 2) != 0;
                    snprintf(e.problem, sizeof e.problem, "%s", odd & 2 ? "portalState: x" : "");
                    if (odd & 4 && s == ACCOUNT_INITIAL)
                        e.initial_expires = NOON - 1;
                    f = facts_of(&e);
                    f.totp_unreadable = (odd & 8) && e.totp_size;
                    account_explain(&rules, &e, &f, NOON, &x);
                    assert_int_equal(stops(&x), x.login != WIRE_OK);
                    assert_int_equal(x.account, account_access(&rules, &e, NOON));
                    if (!e.totp_size && p < 2 && account_has_login(&e))
                        assert_int_equal(x.login, account_login(&e, NOON));
                }
}

static void test_throttle_is_over_at_its_last_second(void **state)
{
    struct entry e = customer(ACCOUNT_ACTIVE);
    struct explain_facts f;
    struct explanation x;

    (void)state;
    e.failures[FACTOR_PASSWORD] = (struct entry_failures){.count = 6, .retry_after = NOON};
    f = facts_of(&e);
    account_explain(&rules, &e, &f, NOON - 1, &x);
    assert_int_equal(x.login, WIRE_THROTTLED);
    assert_int_equal(found(&x, EXPLAIN_PASSWORD_WAITING)->when, NOON);
    account_explain(&rules, &e, &f, NOON, &x);
    assert_int_equal(x.login, WIRE_OK);
    assert_null(found(&x, EXPLAIN_PASSWORD_WAITING));
}

static void test_what_became_of_the_mail_decides_what_a_link_is(void **state)
{
    static const struct {
        enum job_state state;
        const char *note;
        enum explain_reason reason;
    } mails[] = {
        {JOB_READY, "451 try later", EXPLAIN_LINK_WAITING},
        {JOB_CLAIMED, "", EXPLAIN_LINK_WAITING},
        {JOB_DONE, "", EXPLAIN_LINK_RUNNING},
        {JOB_FAILED, "bounced: 5.1.1 no such user", EXPLAIN_LINK_BOUNCED},
        {JOB_FAILED, "550 no such user", EXPLAIN_LINK_FAILED},
    };
    struct entry_pending link = {.expires = NOON + HOUR, .address = (char *)"a@example.org"};
    struct entry e = customer(ACCOUNT_PENDING);
    struct explanation x;

    (void)state;
    e.pending = &link;
    e.pending_count = 1;
    for (size_t i = 0; i < ELEMENTS(mails); i++) {
        struct job mail = {.id = JOB_A, .kind = JOB_MAIL, .topic = "confirm"};
        struct explain_facts f = facts_of(&e);

        mail.state = mails[i].state;
        snprintf(mail.note, sizeof mail.note, "%s", mails[i].note);
        f.jobs = &mail;
        f.job_count = 1;
        account_explain(&rules, &e, &f, NOON, &x);
        assert_non_null(found(&x, mails[i].reason));
        assert_int_equal(x.deadlines[0].when, NOON + HOUR);
        account_explain(&rules, &e, &f, NOON + HOUR, &x);
        assert_non_null(found(&x, EXPLAIN_LINK_EXPIRED));
    }
}

static void test_letter_that_waits_for_its_address_says_until_when(void **state)
{
    struct entry_letter letter = {.kind = "access", .job = JOB_A, .state = "queued", .time = NOON};
    struct job job = {.id = JOB_A, .kind = JOB_LETTER, .state = JOB_READY, .due = NOON + 3 * DAY};
    struct entry e = customer(ACCOUNT_INITIAL);
    struct explain_facts f = facts_of(&e);
    struct explanation x;

    (void)state;
    e.letters = &letter;
    e.letter_count = 1;
    f.jobs = &job;
    f.job_count = 1;
    account_explain(&rules, &e, &f, NOON, &x);
    assert_int_equal(found(&x, EXPLAIN_LETTER_HELD)->when, NOON + 3 * DAY);
    account_explain(&rules, &e, &f, NOON + 3 * DAY, &x);
    assert_null(found(&x, EXPLAIN_LETTER_HELD));
    assert_non_null(found(&x, EXPLAIN_LETTER_QUEUED));
}

static void test_letter_should_be_there_after_the_days_of_delivery(void **state)
{
    struct entry_letter letter = {.kind = "access", .job = JOB_A, .state = "posted", .time = NOON};
    struct entry e = customer(ACCOUNT_INITIAL);
    struct explain_facts f = facts_of(&e);
    struct explanation x;
    time_t expected = calendar_end_of_day(NOON, (int)rules.delivery_days);

    (void)state;
    e.initial_expires = NOON + 30 * DAY;
    e.letters = &letter;
    e.letter_count = 1;
    account_explain(&rules, &e, &f, expected, &x);
    assert_int_equal(found(&x, EXPLAIN_LETTER_POSTED)->when, expected);
    account_explain(&rules, &e, &f, expected + 1, &x);
    assert_non_null(found(&x, EXPLAIN_LETTER_DUE));
}

/* Or support would send the next one to the same address. */
static void test_letter_that_came_back_is_why_its_password_ended(void **state)
{
    struct entry_letter letter = {
        .kind = "access", .job = JOB_A, .state = "returned", .time = NOON - 1};
    struct entry e = customer(ACCOUNT_INITIAL);
    struct explain_facts f = facts_of(&e);
    struct explanation x;

    (void)state;
    e.initial_expires = NOON - 1;
    e.letters = &letter;
    e.letter_count = 1;
    account_explain(&rules, &e, &f, NOON, &x);
    assert_int_equal(x.login, WIRE_EXPIRED);
    assert_int_equal(x.findings[0].reason, EXPLAIN_LETTER_RETURNED);
    assert_true(stops(&x));
    assert_null(found(&x, EXPLAIN_EXPIRED));
}

static void test_lock_stands_before_an_address_that_there_never_was(void **state)
{
    struct entry e = customer(ACCOUNT_LOCKED);
    struct explain_facts f;
    struct explanation x;

    (void)state;
    e.mail = NULL;
    f = facts_of(&e);
    f.name = "";
    f.login = NULL;
    account_explain(&rules, &e, &f, NOON, &x);
    assert_int_equal(x.findings[0].reason, EXPLAIN_LOCKED);
    assert_null(found(&x, EXPLAIN_MAIL_MISSING));
    e.state = ACCOUNT_ACTIVE;
    account_explain(&rules, &e, &f, NOON, &x);
    assert_non_null(found(&x, EXPLAIN_MAIL_MISSING));
}

/* Exactly one of them: what is said of the PUK never contradicts itself. */
static void test_puk_is_offered_only_where_it_helps(void **state)
{
    static const struct {
        const char *letter;
        time_t time;
        bool puk;
        unsigned failures;
        enum explain_reason reason;
    } cases[] = {
        {NULL, 0, true, 0, EXPLAIN_PUK},
        {NULL, 0, true, 100, EXPLAIN_PUK_BLOCKED},
        {NULL, 0, false, 0, EXPLAIN_PUK_MISSING},
        {"queued", NOON, true, 0, EXPLAIN_PUK_SENT},
        {"posted", NOON - DAY, true, 0, EXPLAIN_PUK_SENT},
        {"posted", NOON - 10 * DAY, true, 0, EXPLAIN_PUK},
        {"returned", NOON, true, 0, EXPLAIN_PUK_RETURNED},
    };
    static const enum explain_reason all[] = {EXPLAIN_PUK, EXPLAIN_PUK_BLOCKED, EXPLAIN_PUK_SENT,
                                              EXPLAIN_PUK_MISSING, EXPLAIN_PUK_RETURNED};

    (void)state;
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        struct entry_letter letter = {.kind = "puk", .job = JOB_A, .time = cases[i].time};
        struct entry e = customer(ACCOUNT_ACTIVE);
        struct explain_facts f;
        struct explanation x;
        char hash[] = "$argon2id$";

        snprintf(letter.state, sizeof letter.state, "%s", cases[i].letter ? cases[i].letter : "");
        e.puk = cases[i].puk ? hash : NULL;
        e.letters = &letter;
        e.letter_count = cases[i].letter ? 1 : 0;
        e.failures[FACTOR_PUK].count = cases[i].failures;
        f = facts_of(&e);
        account_explain(&rules, &e, &f, NOON, &x);
        for (size_t j = 0; j < ELEMENTS(all); j++)
            assert_int_equal(found(&x, all[j]) != NULL, all[j] == cases[i].reason);
    }
}

static void test_directory_that_cannot_be_asked_is_no_unknown_customer(void **state)
{
    struct explain_facts f = {.error = -EHOSTDOWN, .name = "a@example.org"};
    struct explanation x;

    (void)state;
    account_explain(&rules, NULL, &f, NOON, &x);
    assert_int_equal(x.login, WIRE_UNAVAILABLE);
    assert_non_null(found(&x, EXPLAIN_DIRECTORY));
    assert_null(found(&x, EXPLAIN_UNKNOWN));
}

static void test_address_that_leads_to_another_entry_is_told(void **state)
{
    struct entry e = customer(ACCOUNT_ACTIVE), other = e;
    struct explain_facts f = facts_of(&other);
    struct explanation x;

    (void)state;
    other.uuid[0] = '2';
    account_explain(&rules, &e, &f, NOON, &x);
    assert_non_null(found(&x, EXPLAIN_OTHER_ENTRY));
    assert_true(stops(&x));
    assert_int_equal(x.login, WIRE_WRONG);
}

static void test_what_stops_a_login_comes_first(void **state)
{
    struct entry e = customer(ACCOUNT_ACTIVE);
    struct explain_facts f;
    struct explanation x;

    (void)state;
    e.failures[FACTOR_PASSWORD].count = 100;
    f = facts_of(&e);
    account_explain(&rules, &e, &f, NOON, &x);
    assert_int_equal(x.findings[0].reason, EXPLAIN_PASSWORD_BLOCKED);
    assert_true(x.count > 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_reason_has_all_its_words),
        cmocka_unit_test(test_login_is_refused_exactly_when_a_reason_stops_it),
        cmocka_unit_test(test_throttle_is_over_at_its_last_second),
        cmocka_unit_test(test_what_became_of_the_mail_decides_what_a_link_is),
        cmocka_unit_test(test_letter_that_waits_for_its_address_says_until_when),
        cmocka_unit_test(test_letter_should_be_there_after_the_days_of_delivery),
        cmocka_unit_test(test_letter_that_came_back_is_why_its_password_ended),
        cmocka_unit_test(test_lock_stands_before_an_address_that_there_never_was),
        cmocka_unit_test(test_puk_is_offered_only_where_it_helps),
        cmocka_unit_test(test_directory_that_cannot_be_asked_is_no_unknown_customer),
        cmocka_unit_test(test_address_that_leads_to_another_entry_is_told),
        cmocka_unit_test(test_what_stops_a_login_comes_first),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
