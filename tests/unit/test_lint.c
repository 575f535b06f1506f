/* What lint says of one entry: each rule, and silence about what is well. */
#include "config.h"

#include "account_fixture.h"

#include "portald/lint.h"
#include "portald/secret.h"

#include <stdio.h>

#define STRONG "$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA"

static const char *const policies[] = {"AB123456", NULL};
static struct entry_letter letter = {
    .kind = "access", .job = JOB_A, .state = "posted", .time = NOON - DAY};

/* As the journey leaves it. */
static struct entry customer(enum account_state state)
{
    struct entry e = {.uid = "c-0001", .policies = (char **)(uintptr_t)policies, .state = state};
    static struct entry_pending link = {.expires = NOON + HOUR};

    if (state == ACCOUNT_PENDING) {
        e.pending = &link;
        e.pending_count = 1;
    }
    if (state == ACCOUNT_LOCKED || state == ACCOUNT_CLOSED)
        e.lock_reason = (char *)"so; before: active";
    if (state == ACCOUNT_INITIAL)
        e.initial_expires = NOON + 30 * DAY;
    if (state == ACCOUNT_INITIAL || state == ACCOUNT_ACTIVE) {
        e.mail = (char *)"a@example.org";
        e.puk = (char *)STRONG;
        e.password_changed = NOON - DAY;
        e.letters = &letter;
        e.letter_count = 1;
        e.postal_address = (char *)"Frau\nAnna Muster\nWeg 1\n65183 Wiesbaden";
    }
    return e;
}

static void count(void *userdata, const struct lint_finding *finding)
{
    unsigned *rules_found = userdata;

    *rules_found |= 1u << finding->rule;
}

static unsigned found_with(const struct entry *e, const struct lint_facts *facts)
{
    unsigned rules_found = 0;

    lint_entry(&rules, e, facts, NOON, count, &rules_found);
    return rules_found;
}

static unsigned found(const struct entry *e)
{
    static const struct lint_facts none = {0};

    return found_with(e, &none);
}

static void test_nothing_is_said_of_an_entry_that_is_well(void **state)
{
    (void)state;
    for (int s = 0; s < ACCOUNT_STATES; s++) {
        struct entry e = customer((enum account_state)s);
        assert_int_equal(found(&e), 0);
    }
}

static void test_every_rule_has_words(void **state)
{
    (void)state;
    for (int r = 0; r < LINT_RULES; r++) {
        assert_non_null(lint_words[r].word);
        assert_non_null(lint_words[r].what);
        assert_non_null(lint_words[r].help);
    }
}

static void test_initial_password_without_its_end_is_missing_something(void **state)
{
    struct entry e = customer(ACCOUNT_INITIAL);

    (void)state;
    e.initial_expires = 0;
    assert_int_equal(found(&e), 1u << LINT_MISSING);
}

static void test_personal_password_has_no_end(void **state)
{
    struct entry e = customer(ACCOUNT_ACTIVE);

    (void)state;
    e.initial_expires = NOON;
    assert_int_equal(found(&e), 1u << LINT_EXCESS);
}

static void test_initial_password_ends_by_its_ceiling(void **state)
{
    struct entry e = customer(ACCOUNT_INITIAL);

    (void)state;
    e.initial_expires = calendar_end_of_day(e.password_changed, (int)rules.initial_ceiling);
    assert_int_equal(found(&e), 0);
    e.initial_expires++;
    assert_int_equal(found(&e), 1u << LINT_TIMES);
}

static void test_wait_is_never_longer_than_the_longest(void **state)
{
    struct entry e = customer(ACCOUNT_ACTIVE);

    (void)state;
    e.failures[FACTOR_PUK] =
        (struct entry_failures){.count = 9, .retry_after = NOON + rules.retry_most};
    assert_int_equal(found(&e), 0);
    e.failures[FACTOR_PUK].retry_after += HOUR;
    assert_int_equal(found(&e), 1u << LINT_TIMES);
}

static void test_address_has_six_lines(void **state)
{
    struct entry e = customer(ACCOUNT_ACTIVE);

    (void)state;
    e.postal_address = (char *)"1\n2\n3\n4\n5\n6";
    assert_int_equal(found(&e), 0);
    e.postal_address = (char *)"1\n2\n3\n4\n5\n6\n7";
    assert_int_equal(found(&e), 1u << LINT_ADDRESS);
}

static void test_malformed_entry_is_told_once(void **state)
{
    struct entry e = customer(ACCOUNT_ACTIVE);

    (void)state;
    e.malformed = true;
    e.puk = NULL;
    assert_int_equal(found(&e), 1u << LINT_MALFORMED);
}

static void test_what_others_found_is_told(void **state)
{
    const struct lint_facts facts = {
        .mail_double = "c-0002", .policy_double = "AB123456", .totp_why = "no such key"};
    struct entry e = customer(ACCOUNT_ACTIVE);

    (void)state;
    assert_int_equal(found_with(&e, &facts),
                     1u << LINT_MAIL_DOUBLE | 1u << LINT_POLICY_DOUBLE | 1u << LINT_TOTP);
}

static void test_hash_is_weak_below_what_is_made_now(void **state)
{
    char made[SECRET_HASH_SIZE];

    (void)state;
    assert_int_equal(secret_hash_void(made), 0);
    assert_false(secret_is_weak(made));
    assert_false(secret_is_weak(STRONG));
    assert_false(secret_is_weak("$argon2id$v=19$m=65536,t=3,p=1$c2FsdA$aGFzaA"));
    assert_true(secret_is_weak("$argon2id$v=19$m=19455,t=2,p=1$c2FsdA$aGFzaA"));
    assert_true(secret_is_weak("$argon2id$v=19$m=19456,t=1,p=1$c2FsdA$aGFzaA"));
    assert_true(secret_is_weak("$argon2i$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA"));
    assert_true(secret_is_weak("{SSHA}aGFzaA=="));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_is_said_of_an_entry_that_is_well),
        cmocka_unit_test(test_every_rule_has_words),
        cmocka_unit_test(test_initial_password_without_its_end_is_missing_something),
        cmocka_unit_test(test_personal_password_has_no_end),
        cmocka_unit_test(test_initial_password_ends_by_its_ceiling),
        cmocka_unit_test(test_wait_is_never_longer_than_the_longest),
        cmocka_unit_test(test_address_has_six_lines),
        cmocka_unit_test(test_malformed_entry_is_told_once),
        cmocka_unit_test(test_what_others_found_is_told),
        cmocka_unit_test(test_hash_is_weak_below_what_is_made_now),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
