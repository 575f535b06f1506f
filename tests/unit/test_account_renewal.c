/* Asking for a new letter oneself: who gets one, who is told something else, and who hears
   nothing. */
#include "config.h"

#include "account_fixture.h"
#include "portald/account-letter.h"

#include <stdlib.h>

#define BORN    "1950-12-24"
#define ADDRESS "erika@example.org"
#define UNTIL   (NOON + 30 * DAY) /* the last second of the initial password */
#define AFTER   (UNTIL + 1)
#define JOB_B   "01JBZZZZZZ0000000000000000"
#define JOB_C   "01JCZZZZZZ0000000000000000"

static const unsigned char here[ENTRY_ADDRESS_BYTES] = {1}, elsewhere[ENTRY_ADDRESS_BYTES] = {2};

static struct entry_letter letter(const char *kind, const char *job, const char *state, time_t when)
{
    struct entry_letter l = {.time = when, .value = (char *)"as it stands"};

    strcpy(l.kind, kind);
    strcpy(l.job, job);
    strcpy(l.state, state);
    return l;
}

static struct entry initial(struct entry_letter *letters, size_t count)
{
    struct entry e = {.uid = "c-0001",
                      .mail = (char *)ADDRESS,
                      .state = ACCOUNT_INITIAL,
                      .initial_expires = UNTIL,
                      .password_changed = NOON,
                      .has_letter_address = true,
                      .letters = letters,
                      .letter_count = count};

    strcpy(e.birth_date, BORN);
    memcpy(e.letter_address, here, sizeof here);
    return e;
}

static enum account_renewal renew(const struct entry *entry, time_t now)
{
    return account_renew(&rules, entry, BORN, ADDRESS, here, now);
}

static void test_new_letter_comes_one_second_after_the_last_one_expired(void **state)
{
    struct entry_letter l = letter("access", JOB_A, "posted", NOON);
    struct entry e = initial(&l, 1);

    (void)state;
    assert_int_equal(renew(&e, UNTIL), RENEWAL_VALID);
    assert_int_equal(renew(&e, AFTER), RENEWAL_LETTER);
    e.letter_count = 0; /* the entry tells of recent letters only */
    assert_int_equal(renew(&e, AFTER), RENEWAL_LETTER);
}

static void test_all_three_must_match(void **state)
{
    struct entry e = initial(NULL, 0);

    (void)state;
    assert_int_equal(renew(NULL, AFTER), RENEWAL_NO_MATCH);
    assert_int_equal(account_renew(&rules, &e, "1950-12-25", ADDRESS, here, AFTER),
                     RENEWAL_NO_MATCH);
    assert_int_equal(account_renew(&rules, &e, BORN, "erik@example.org", here, AFTER),
                     RENEWAL_NO_MATCH);
    assert_int_equal(account_renew(&rules, &e, BORN, "Erika@Example.ORG", here, AFTER),
                     RENEWAL_LETTER);
    e.birth_date[0] = 0;
    assert_int_equal(account_renew(&rules, &e, "", ADDRESS, here, AFTER), RENEWAL_NO_MATCH);
    strcpy(e.birth_date, BORN);
    e.mail = NULL;
    assert_int_equal(account_renew(&rules, &e, BORN, "", here, AFTER), RENEWAL_NO_MATCH);
}

static void test_each_state_has_its_answer(void **state)
{
    static const enum account_renewal expected[ACCOUNT_STATES] = {
        [ACCOUNT_PROVISIONED] = RENEWAL_NO_MATCH, [ACCOUNT_PENDING] = RENEWAL_NO_MATCH,
        [ACCOUNT_INITIAL] = RENEWAL_LETTER,       [ACCOUNT_ACTIVE] = RENEWAL_HAS_PASSWORD,
        [ACCOUNT_LOCKED] = RENEWAL_LOCKED,        [ACCOUNT_CLOSED] = RENEWAL_CLOSED,
    };

    (void)state;
    for (int s = 0; s < ACCOUNT_STATES; s++) {
        struct entry e = initial(NULL, 0);
        e.state = (enum account_state)s;
        assert_int_equal(renew(&e, AFTER), expected[s]);
        /* Without the right birthdate none of them says anything. */
        assert_int_equal(account_renew(&rules, &e, "1950-12-25", ADDRESS, here, AFTER),
                         RENEWAL_NO_MATCH);
    }
}

static void test_what_came_back_is_not_sent_there_again(void **state)
{
    struct entry_letter letters[] = {letter("access", JOB_A, "posted", NOON),
                                     letter("access", JOB_B, "returned", NOON)};
    struct entry e = initial(letters, ELEMENTS(letters));

    (void)state;
    assert_int_equal(renew(&e, AFTER), RENEWAL_RETURNED);
    assert_int_equal(renew(&e, UNTIL), RENEWAL_RETURNED); /* its password is void already */
    assert_int_equal(account_renew(&rules, &e, BORN, ADDRESS, elsewhere, AFTER), RENEWAL_LETTER);
    e.has_letter_address = false;
    assert_int_equal(account_renew(&rules, &e, BORN, ADDRESS, elsewhere, AFTER), RENEWAL_RETURNED);
    strcpy(letters[1].state, "posted");
    strcpy(letters[0].state, "returned"); /* a later one didn't */
    assert_int_equal(renew(&e, AFTER), RENEWAL_LETTER);
}

static void test_a_puks_letter_that_came_back_stops_no_password(void **state)
{
    struct entry_letter letters[] = {letter("password", JOB_A, "posted", NOON),
                                     letter("puk", JOB_B, "returned", NOON)};
    struct entry e = initial(letters, ELEMENTS(letters));

    (void)state;
    assert_int_equal(renew(&e, AFTER), RENEWAL_LETTER);
}

static void test_fourth_letter_in_thirty_days_is_for_support(void **state)
{
    struct entry_letter letters[] = {letter("access", JOB_A, "posted", AFTER - 30 * DAY + 1),
                                     letter("access", JOB_B, "posted", AFTER - DAY),
                                     letter("access", JOB_C, "posted", AFTER - DAY)};
    struct entry e = initial(letters, ELEMENTS(letters));

    (void)state;
    assert_int_equal(renew(&e, AFTER), RENEWAL_TOO_MANY);
    assert_int_equal(renew(&e, AFTER + 1), RENEWAL_LETTER);
}

static void test_day_is_the_one_in_force_once_the_letter_is_printed(void **state)
{
    static const char *const printed[] = {"printed", "posted"}, *const waiting[] = {"queued",
                                                                                    "claimed",
                                                                                    "uncertain"};
    struct entry_letter l = letter("access", JOB_A, "", NOON);
    struct entry e = initial(&l, 1);

    (void)state;
    for (size_t i = 0; i < ELEMENTS(printed); i++) {
        strcpy(l.state, printed[i]);
        assert_int_equal(account_renewal_day(&rules, &e, NOON), UNTIL);
    }
    /* Until then the end in force is the latest one that is possible; the letter may say less. */
    e.initial_expires = NOON + 60 * DAY;
    for (size_t i = 0; i < ELEMENTS(waiting); i++) {
        strcpy(l.state, waiting[i]);
        assert_int_equal(account_renewal_day(&rules, &e, NOON),
                         account_letter_last(&rules, &e, "access", NOON));
        assert_true(account_renewal_day(&rules, &e, NOON) < e.initial_expires);
    }
}

static void test_mails_go_out_only_where_all_three_match(void **state)
{
    static const struct {
        enum account_renewal outcome;
        const char *topic;
    } cases[] = {
        {RENEWAL_NO_MATCH, NULL},
        {RENEWAL_LETTER, "letter-new"},
        {RENEWAL_VALID, "letter-valid"},
        {RENEWAL_HAS_PASSWORD, "has-password"},
        {RENEWAL_RETURNED, "letter-refused"},
        {RENEWAL_TOO_MANY, "letter-refused"},
        {RENEWAL_LOCKED, NULL},
        {RENEWAL_CLOSED, NULL},
    };

    (void)state;
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        const char *topic = account_renewal_topic(cases[i].outcome);
        if (cases[i].topic)
            assert_string_equal(topic, cases[i].topic);
        else
            assert_null(topic);
        assert_non_null(account_renewal_text(cases[i].outcome));
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_new_letter_comes_one_second_after_the_last_one_expired),
        cmocka_unit_test(test_all_three_must_match),
        cmocka_unit_test(test_each_state_has_its_answer),
        cmocka_unit_test(test_what_came_back_is_not_sent_there_again),
        cmocka_unit_test(test_a_puks_letter_that_came_back_stops_no_password),
        cmocka_unit_test(test_fourth_letter_in_thirty_days_is_for_support),
        cmocka_unit_test(test_day_is_the_one_in_force_once_the_letter_is_printed),
        cmocka_unit_test(test_mails_go_out_only_where_all_three_match),
    };

    setenv("TZ", "Europe/Berlin", 1);
    return cmocka_run_group_tests_name("account_renewal", tests, NULL, NULL);
}
