/* An address that somebody else than portald has changed. */
#include "config.h"

#include "account_fixture.h"

static struct entry with(const char *mail, const char *confirmed)
{
    return (struct entry){.uid = "c-0001",
                          .uuid = "11111111-2222-3333-4444-555555555555",
                          .mail = (char *)mail,
                          .confirmed_mail = (char *)confirmed,
                          .state = ACCOUNT_ACTIVE,
                          .session_epoch = 7};
}

static void test_difference_counts_and_case_does_not(void **state)
{
    static const struct {
        const char *mail, *confirmed;
        bool changed;
    } cases[] = {
        {"a@example.org", "a@example.org", false},
        {"A@Example.org", "a@example.org", false},
        {"b@example.org", "a@example.org", true},
        {NULL, "a@example.org", true},
        {"a@example.org", ACCOUNT_NO_MAIL, true},
        {NULL, ACCOUNT_NO_MAIL, false},
        {"nonsense", "a@example.org", true},
        {"a@example.org", NULL, false},
        {NULL, NULL, false},
    };

    (void)state;
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        struct entry e = with(cases[i].mail, cases[i].confirmed);
        assert_int_equal(account_mail_changed(&e), cases[i].changed);
    }
}

static void test_it_counts_for_accounts_with_a_login_only(void **state)
{
    static const bool counts[ACCOUNT_STATES] = {[ACCOUNT_INITIAL] = true,
                                                [ACCOUNT_ACTIVE] = true,
                                                [ACCOUNT_LOCKED] = true,
                                                [ACCOUNT_CLOSED] = true};
    struct entry e = with("b@example.org", "a@example.org");

    (void)state;
    for (int s = 0; s < ACCOUNT_STATES; s++) {
        e.state = (enum account_state)s;
        assert_int_equal(account_mail_changed(&e), counts[s]);
    }
    e.state = ACCOUNT_ACTIVE;
    e.malformed = true;
    assert_false(account_mail_changed(&e));
}

static void test_accepting_ends_sessions_and_codes_and_keeps_the_rest(void **state)
{
    static const char *const mails[] = {"b@example.org", NULL};

    (void)state;
    for (size_t i = 0; i < ELEMENTS(mails); i++) {
        _cleanup_(changes_clear) struct changes c = {0};
        struct entry e = with(mails[i], "a@example.org");
        account_accept_mail(&e, &c);
        assert_string_equal(changed(&c, ATTRIBUTE_CONFIRMED_MAIL),
                            mails[i] ? mails[i] : ACCOUNT_NO_MAIL);
        assert_string_equal(changed(&c, ATTRIBUTE_SESSION_EPOCH), "8");
        assert_true(has_change(&c, CHANGE_CLEAR, ATTRIBUTE_CODE));
        assert_int_equal(c.count, 3);
    }
}

static void test_login_puts_an_address_on_record_where_there_is_none(void **state)
{
    static const struct {
        const char *confirmed;
        bool written;
    } cases[] = {{NULL, true}, {"a@example.org", false}, {"b@example.org", false}};

    (void)state;
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        _cleanup_(changes_clear) struct changes c = {0};
        struct entry e = with("a@example.org", cases[i].confirmed);
        account_note_login(&e, NOON, &c);
        assert_time(&c, ATTRIBUTE_LAST_LOGIN, NOON);
        assert_int_equal(has_change(&c, CHANGE_SET, ATTRIBUTE_CONFIRMED_MAIL), cases[i].written);
    }
}

static void test_unblock_lifts_the_lock_of_slapd_where_it_has_one(void **state)
{
    static const struct {
        bool ppolicy;
        const char *locked;
        bool lifted;
    } cases[] = {
        {true, "000001010000Z", true}, {true, NULL, false}, {false, "000001010000Z", false}};

    (void)state;
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        _cleanup_(changes_clear) struct changes c = {0};
        const struct account_wish_means means = {.job = "", .ppolicy = cases[i].ppolicy};
        struct entry e = with("a@example.org", NULL);
        e.pwd_locked = (char *)cases[i].locked;
        account_grant_wish(&rules, &e, WISH_UNBLOCK, &means, NOON, &c);
        assert_int_equal(has_change(&c, CHANGE_CLEAR, ATTRIBUTE_PWD_LOCKED), cases[i].lifted);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_difference_counts_and_case_does_not),
        cmocka_unit_test(test_it_counts_for_accounts_with_a_login_only),
        cmocka_unit_test(test_accepting_ends_sessions_and_codes_and_keeps_the_rest),
        cmocka_unit_test(test_login_puts_an_address_on_record_where_there_is_none),
        cmocka_unit_test(test_unblock_lifts_the_lock_of_slapd_where_it_has_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
