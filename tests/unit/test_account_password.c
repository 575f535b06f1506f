/* What may be a personal password, and what setting one changes: the edges of account-password.c.
   Guessable ones are test_quality.c's. */
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

static void test_personal_passwords(void **state)
{
    static const struct {
        const char *password;
        enum account_password expected;
    } cases[] = {
        {"elf Zeichen", PASSWORD_TOO_SHORT},
        {"zwölf Zeiche", PASSWORD_GOOD},
        {"ÄÖÜäöüßéèêñç", PASSWORD_GOOD},
        {"ABCD-EFGH-JKMN-PQRS", PASSWORD_LIKE_A_CODE},
        {"abcdefghjkmnpqrs", PASSWORD_LIKE_A_CODE},
        {"abababababababab", PASSWORD_LIKE_A_CODE},
        {"aaaaaaaaaaaaaaaaaaaa", PASSWORD_REPEATED},
        {"abcabcabcabcabcabc", PASSWORD_REPEATED},
        {"mein WIESBADEN-Geheimnis", PASSWORD_OWN_DATA},
        {"JÜRGEN mag Kartoffeln", PASSWORD_OWN_DATA},
        {"geboren am 24121950 ja", PASSWORD_OWN_DATA},
        {"geboren am 1950-12-24!", PASSWORD_OWN_DATA},
        {"police ab123456 hihi", PASSWORD_OWN_DATA},
        {"juergen.gross war hier", PASSWORD_OWN_DATA},
        {"JURGEN mag Kartoffeln", PASSWORD_OWN_DATA},
        {"juergen mag kartoffeln", PASSWORD_OWN_DATA},
        {"ein GROSS gemeintes Wort", PASSWORD_OWN_DATA},
        {"κάτι τελείως διαφορετικό", PASSWORD_GOOD},
        {"regen fällt auf das dach", PASSWORD_GOOD},
        {"J0HANN mag keinen k0hl", PASSWORD_GOOD},
        {"der jürg3n hat einen hut", PASSWORD_OWN_DATA},
        {"das ist w1e5b4d3n doch", PASSWORD_OWN_DATA},
        {"nedabseiw, von hinten", PASSWORD_OWN_DATA},
        {"ssorg und klein, 77 mal", PASSWORD_OWN_DATA},
        {"police AB-123.456 hihi", PASSWORD_OWN_DATA},
        {"police ab 123 456 hihi", PASSWORD_OWN_DATA},
        {"654321ba umgedreht", PASSWORD_OWN_DATA},
        {"am 24.12.1950 geboren", PASSWORD_OWN_DATA},
        {"am 24 12 50 geboren", PASSWORD_OWN_DATA},
        {"12/24/1950 is the day", PASSWORD_OWN_DATA},
        {"am 05912142 zurück", PASSWORD_OWN_DATA},
        {"am 24.11.1950 geboren", PASSWORD_GOOD},
        {"ein example für alle", PASSWORD_OWN_DATA},
    };
    struct entry e = customer(ACCOUNT_INITIAL);
    char longest[130];

    (void)state;
    for (size_t i = 0; i < ELEMENTS(cases); i++)
        if (account_check_password(&rules, &e, cases[i].password) != cases[i].expected)
            fail_msg("%s: %d instead of %d", cases[i].password,
                     account_check_password(&rules, &e, cases[i].password), cases[i].expected);
    for (size_t i = 0; i < sizeof longest; i++)
        longest[i] = (char)('a' + i % 23);
    longest[128] = 0;
    assert_int_equal(account_check_password(&rules, &e, longest), PASSWORD_GOOD);
    longest[128] = 'x';
    longest[129] = 0;
    assert_int_equal(account_check_password(&rules, &e, longest), PASSWORD_TOO_LONG);
}

static void test_a_turkish_name_is_found_however_it_is_spelled(void **state)
{
    static const char *const spelled[] = {"der YILDIRIM und ich", "der yildirim und ich",
                                          "der Yıldırım und ich", "DER YILDıRıM UND ICH"};
    struct entry e = customer(ACCOUNT_INITIAL);

    (void)state;
    e.surname = (char *)"Yıldırım";
    for (size_t i = 0; i < ELEMENTS(spelled); i++)
        if (account_check_password(&rules, &e, spelled[i]) != PASSWORD_OWN_DATA)
            fail_msg("%s is taken", spelled[i]);
}

static void test_setting_a_password_ends_the_initial_one(void **state)
{
    struct entry e = customer(ACCOUNT_INITIAL);
    _cleanup_(changes_clear) struct changes c = {0};

    (void)state;
    account_set_password(&e, "{ARGON2}x", true, NOON, &c);
    assert_string_equal(changed(&c, ATTRIBUTE_STATE), "active");
    assert_true(has_change(&c, CHANGE_CLEAR, ATTRIBUTE_INITIAL_EXPIRES));
    assert_true(has_change(&c, CHANGE_CLEAR, ATTRIBUTE_PWD_RESET));
    assert_true(has_change(&c, CHANGE_CLEAR, ATTRIBUTE_PASSWORD_FAILURES));
    assert_string_equal(changed(&c, ATTRIBUTE_SESSION_EPOCH), "1");
}

static void test_short_domains_that_many_share_are_no_own_data(void **state)
{
    struct entry e = customer(ACCOUNT_INITIAL);

    (void)state;
    e.mail = (char *)"x@post.example";
    assert_int_equal(account_check_password(&rules, &e, "die Post kommt spät"), PASSWORD_GOOD);
}

static void test_a_birthday_without_zeros_is_found(void **state)
{
    struct entry e = customer(ACCOUNT_INITIAL);

    (void)state;
    strcpy(e.birth_date, "1950-03-04");
    assert_int_equal(account_check_password(&rules, &e, "seit dem 4.3.1950"), PASSWORD_OWN_DATA);
    assert_int_equal(account_check_password(&rules, &e, "seit dem 4.4.1950"), PASSWORD_GOOD);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_personal_passwords),
        cmocka_unit_test(test_a_turkish_name_is_found_however_it_is_spelled),
        cmocka_unit_test(test_short_domains_that_many_share_are_no_own_data),
        cmocka_unit_test(test_a_birthday_without_zeros_is_found),
        cmocka_unit_test(test_setting_a_password_ends_the_initial_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
