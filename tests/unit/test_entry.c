/* What an entry says is understood whole or not at all; changes keep their first error. */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cleanup.h"
#include "portald/entry.h"

#define DN        "uid=c-0001,ou=customers,dc=example,dc=org"
#define UUID      "3f0c9d3e-7c55-103f-8a8e-4d8e3a3f9c11"
#define HASH      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNO-_"
#define OTHERHASH "bbcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNO-_"
#define ULID      "01ARYZ6S41TSV4RRFFQ69G5FAV"

#define _entry_ _cleanup_(entry_free_p) struct entry *

struct value {
    enum attribute attribute;
    const char *text;
};

static void put_all(struct entry_reader *reader, const struct value *values, size_t count)
{
    for (size_t i = 0; i < count; i++)
        entry_put(reader, values[i].attribute, values[i].text, strlen(values[i].text));
}

/* An entry with all that every entry has, and these values. */
static struct entry *parse(const struct value *values, size_t count)
{
    static const struct value ALWAYS[] = {{ATTRIBUTE_UID, "c-0001"},
                                          {ATTRIBUTE_ENTRY_UUID, UUID},
                                          {ATTRIBUTE_POLICY_NUMBER, "VN1008922"}};
    struct entry_reader reader;
    struct entry *entry = NULL;
    entry_begin(&reader, DN, strlen(DN));
    put_all(&reader, ALWAYS, ELEMENTS(ALWAYS));
    put_all(&reader, values, count);
    assert_int_equal(entry_end(&reader, &entry), 0);
    assert_non_null(entry);
    return entry;
}

#define PARSE(...)                                                                                 \
    parse((const struct value[]){__VA_ARGS__}, ELEMENTS(((const struct value[]){__VA_ARGS__})))

static void test_state_that_is_absent_is_provisioned(void **state)
{
    _entry_ e = PARSE({ATTRIBUTE_CN, "Anna Beispiel"});
    (void)state;
    assert_false(e->malformed);
    assert_int_equal(e->state, ACCOUNT_PROVISIONED);
    assert_false(e->has_revision);
    assert_string_equal(e->dn, DN);
    assert_string_equal(e->uid, "c-0001");
    assert_string_equal(e->uuid, UUID);
    assert_string_equal(e->language, "de");
    assert_string_equal(e->policies[0], "VN1008922");
    assert_null(e->policies[1]);
    assert_null(e->mail);
    assert_null(e->jobs);
}

static void test_everything_is_read_into_its_place(void **state)
{
    _entry_ e = PARSE(
        {ATTRIBUTE_CN, "Anna Beispiel"}, {ATTRIBUTE_CN, "A. Beispiel"}, {ATTRIBUTE_SN, "Beispiel"},
        {ATTRIBUTE_GIVEN_NAME, "Anna"}, {ATTRIBUTE_MAIL, "anna@example.org"},
        {ATTRIBUTE_LANGUAGE, "en-GB"}, {ATTRIBUTE_POSTAL_ADDRESS, "Anna Beispiel$Weg 1$1 Ort"},
        {ATTRIBUTE_POLICY_NUMBER, "HR7"}, {ATTRIBUTE_BIRTH_DATE, "1984-03-17"},
        {ATTRIBUTE_STATE, "initial"}, {ATTRIBUTE_REVISION, "41"}, {ATTRIBUTE_JOB, ULID},
        {ATTRIBUTE_CONSENT, "privacy 1 00ff 20261122110000Z"},
        {ATTRIBUTE_INITIAL_EXPIRES, "20261122110000Z"},
        {ATTRIBUTE_PASSWORD_CHANGED, "20261022110000Z"}, {ATTRIBUTE_PUK, "$argon2id$puk"},
        {ATTRIBUTE_USER_PASSWORD, "{ARGON2}$argon2id$x"}, {ATTRIBUTE_PASSWORD_FAILURES, "7"},
        {ATTRIBUTE_PASSWORD_RETRY_AFTER, "20261122110030Z"}, {ATTRIBUTE_SESSION_EPOCH, "3"},
        {ATTRIBUTE_LOCK_REASON, "an administrator"}, {ATTRIBUTE_LAST_LOGIN, "20261121000000.5Z"});
    (void)state;
    assert_string_equal(e->problem, "");
    assert_string_equal(e->name, "Anna Beispiel");
    assert_string_equal(e->surname, "Beispiel");
    assert_string_equal(e->given_name, "Anna");
    assert_string_equal(e->mail, "anna@example.org");
    assert_string_equal(e->language, "en");
    assert_string_equal(e->postal_address, "Anna Beispiel\nWeg 1\n1 Ort");
    assert_string_equal(e->policies[1], "HR7");
    assert_string_equal(e->birth_date, "1984-03-17");
    assert_int_equal(e->state, ACCOUNT_INITIAL);
    assert_true(e->has_revision);
    assert_int_equal(e->revision, 41);
    assert_string_equal(e->jobs[0], ULID);
    assert_string_equal(e->consents[0], "privacy 1 00ff 20261122110000Z");
    assert_int_equal(e->initial_expires, 1795345200);
    assert_int_equal(e->password_changed, 1792666800);
    assert_string_equal(e->puk, "$argon2id$puk");
    assert_string_equal(e->password, "{ARGON2}$argon2id$x");
    assert_int_equal(e->failures[FACTOR_PASSWORD].count, 7);
    assert_int_equal(e->failures[FACTOR_PASSWORD].retry_after, 1795345230);
    assert_int_equal(e->session_epoch, 3);
    assert_string_equal(e->lock_reason, "an administrator");
    assert_int_equal(e->last_login, 1795219200);
}

static void test_pending_links_keep_the_value_to_be_removed_by(void **state)
{
    static const char FIRST[] = HASH " 20261122110000Z anna@example.org",
                      SECOND[] = OTHERHASH " 20261122110001Z other@example.org";
    _entry_ e = PARSE({ATTRIBUTE_PENDING, FIRST}, {ATTRIBUTE_PENDING, SECOND});
    (void)state;
    assert_false(e->malformed);
    assert_int_equal(e->pending_count, 2);
    assert_string_equal(e->pending[0].hash, HASH);
    assert_int_equal(e->pending[0].expires, 1795345200);
    assert_string_equal(e->pending[0].address, "anna@example.org");
    assert_string_equal(e->pending[0].value, FIRST);
    assert_string_equal(e->pending[1].hash, OTHERHASH);
    assert_string_equal(e->pending[1].value, SECOND);
}

static void test_links_of_changes_say_what_they_rest_on(void **state)
{
    _entry_ e =
        PARSE({ATTRIBUTE_PENDING, HASH " 20261122110000Z a@example.org change 7 20261122110001Z"},
              {ATTRIBUTE_PENDING, OTHERHASH " 20261122110000Z b@example.org ended"});
    (void)state;
    assert_false(e->malformed);
    assert_int_equal(e->pending[0].kind, LINK_CHANGE);
    assert_int_equal(e->pending[0].epoch, 7);
    assert_int_equal(e->pending[0].password_changed, 1795345201);
    assert_string_equal(e->pending[0].address, "a@example.org");
    assert_int_equal(e->pending[1].kind, LINK_ENDED);
}

static void test_former_addresses_are_read(void **state)
{
    static const char VALUE[] = "a@example.org 20261122110000Z " ULID " " HASH;
    _entry_ e = PARSE({ATTRIBUTE_FORMER_MAIL, VALUE},
                      {ATTRIBUTE_FORMER_MAIL, "b@example.org 20261122110001Z " ULID " -"});
    (void)state;
    assert_false(e->malformed);
    assert_int_equal(e->former_count, 2);
    assert_string_equal(e->formers[0].address, "a@example.org");
    assert_int_equal(e->formers[0].until, 1795345200);
    assert_string_equal(e->formers[0].job, ULID);
    assert_string_equal(e->formers[0].totp, HASH);
    assert_string_equal(e->formers[0].value, VALUE);
    assert_string_equal(e->formers[1].totp, "-");
}

static void test_letters_are_read(void **state)
{
    static const char VALUE[] = "access " ULID " posted 20261122110000Z";
    _entry_ e = PARSE({ATTRIBUTE_LETTER, VALUE});
    (void)state;
    assert_false(e->malformed);
    assert_int_equal(e->letter_count, 1);
    assert_string_equal(e->letters[0].kind, "access");
    assert_string_equal(e->letters[0].job, ULID);
    assert_string_equal(e->letters[0].state, "posted");
    assert_int_equal(e->letters[0].time, 1795345200);
    assert_string_equal(e->letters[0].value, VALUE);
}

static void test_password_history_comes_newest_first(void **state)
{
    _entry_ e = PARSE({ATTRIBUTE_PWD_HISTORY, "20250101000000Z#1.3.6#4#{A}1"},
                      {ATTRIBUTE_PWD_HISTORY, "20260101000000Z#1.3.6#6#{A}3#5"},
                      {ATTRIBUTE_PWD_HISTORY, "20250601000000Z#1.3.6#4#{A}2"});
    (void)state;
    assert_string_equal(e->problem, "");
    assert_int_equal(e->history_count, 3);
    assert_string_equal(e->history[0].hash, "{A}3#5");
    assert_string_equal(e->history[1].hash, "{A}2");
    assert_string_equal(e->history[2].hash, "{A}1");
}

static const struct value MALFORMED[] = {
    {ATTRIBUTE_UID, ""},
    {ATTRIBUTE_CN, "two\nlines"},
    {ATTRIBUTE_MAIL, ""},
    {ATTRIBUTE_MAIL, "a@example.org\r\nBcc: b@example.org"},
    {ATTRIBUTE_POSTAL_ADDRESS, "Anna\nBeispiel"},
    {ATTRIBUTE_POLICY_NUMBER, "vn1"},
    {ATTRIBUTE_POLICY_NUMBER, "VN 1"},
    {ATTRIBUTE_POLICY_NUMBER, ""},
    {ATTRIBUTE_BIRTH_DATE, "17.03.1984"},
    {ATTRIBUTE_BIRTH_DATE, "1984-02-30"},
    {ATTRIBUTE_BIRTH_DATE, "1984-3-1"},
    {ATTRIBUTE_STATE, "Active"},
    {ATTRIBUTE_STATE, "active "},
    {ATTRIBUTE_STATE, "actively"},
    {ATTRIBUTE_STATE, ""},
    {ATTRIBUTE_REVISION, "-1"},
    {ATTRIBUTE_REVISION, "01"},
    {ATTRIBUTE_REVISION, "1a"},
    {ATTRIBUTE_REVISION, ""},
    {ATTRIBUTE_REVISION, "18446744073709551615"},
    {ATTRIBUTE_REVISION, "18446744073709551616"},
    {ATTRIBUTE_REVISION, "99999999999999999999"},
    {ATTRIBUTE_PENDING, HASH},
    {ATTRIBUTE_PENDING, HASH " 20261122110000Z"},
    {ATTRIBUTE_PENDING, HASH " 20261122110000Z "},
    {ATTRIBUTE_PENDING, HASH " 20261122110000Z a@example.org b@example.org"},
    {ATTRIBUTE_PENDING, HASH "  20261122110000Z a@example.org"},
    {ATTRIBUTE_PENDING, HASH " soon a@example.org"},
    {ATTRIBUTE_PENDING, HASH "x 20261122110000Z a@example.org"},
    {ATTRIBUTE_PENDING, "short 20261122110000Z a@example.org"},
    {ATTRIBUTE_PENDING, "*bcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNO-_ 20261122110000Z a@b.c"},
    {ATTRIBUTE_PENDING, " " HASH " 20261122110000Z a@example.org"},
    {ATTRIBUTE_PENDING, HASH " 20261122110000Z a@example.org change"},
    {ATTRIBUTE_PENDING, HASH " 20261122110000Z a@example.org change 7"},
    {ATTRIBUTE_PENDING, HASH " 20261122110000Z a@example.org change -7 20261122110000Z"},
    {ATTRIBUTE_PENDING, HASH " 20261122110000Z a@example.org change 7 20261122110000Z "},
    {ATTRIBUTE_PENDING, HASH " 20261122110000Z a@example.org change 7 20261122110000Z x"},
    {ATTRIBUTE_PENDING, HASH " 20261122110000Z a@example.org ended x"},
    {ATTRIBUTE_PENDING, HASH " 20261122110000Z a@example.org ended "},
    {ATTRIBUTE_FORMER_MAIL, "a@example.org 20261122110000Z " ULID},
    {ATTRIBUTE_FORMER_MAIL, "a@example.org 20261122110000Z job -"},
    {ATTRIBUTE_FORMER_MAIL, "a@example.org soon " ULID " -"},
    {ATTRIBUTE_FORMER_MAIL, " 20261122110000Z " ULID " -"},
    {ATTRIBUTE_FORMER_MAIL, "a@example.org 20261122110000Z " ULID " - x"},
    {ATTRIBUTE_FORMER_MAIL, "a@example.org 20261122110000Z " ULID " " HASH "x"},
    {ATTRIBUTE_JOB, "01aryz6s41tsv4rrffq69g5fav"},
    {ATTRIBUTE_JOB, "01ARYZ6S41TSV4RRFFQ69G5FA"},
    {ATTRIBUTE_JOB, "job"},
    {ATTRIBUTE_INITIAL_EXPIRES, "2026-11-22"},
    {ATTRIBUTE_INITIAL_EXPIRES, ""},
    {ATTRIBUTE_LETTER, "access " ULID " lost 20261122110000Z"},
    {ATTRIBUTE_LETTER, "access " ULID " posted"},
    {ATTRIBUTE_LETTER, "access " ULID " posted 20261122110000Z more"},
    {ATTRIBUTE_LETTER, "access job posted 20261122110000Z"},
    {ATTRIBUTE_LETTER, "a-kind-that-is-much-longer-than-any " ULID " posted 20261122110000Z"},
    {ATTRIBUTE_LETTER_ADDRESS, "thirty-one bytes are not enough"},
    {ATTRIBUTE_LETTER_ADDRESS, "thirty-three bytes are one too many"},
    {ATTRIBUTE_PASSWORD_FAILURES, "-3"},
    {ATTRIBUTE_PASSWORD_FAILURES, "4294967296"},
    {ATTRIBUTE_PASSWORD_RETRY_AFTER, "now"},
    {ATTRIBUTE_PWD_HISTORY, "{SSHA}x"},
    {ATTRIBUTE_PWD_HISTORY, "20250101000000Z#1.3.6#5#{A}1"},
    {ATTRIBUTE_PWD_HISTORY, "20250101000000Z#1.3.6#0#"},
    {ATTRIBUTE_PWD_HISTORY, "then#1.3.6#4#{A}1"},
    {ATTRIBUTE_PWD_HISTORY, "20250101000000Z#1.3.6#4"},
};

static void test_what_is_not_understood_makes_the_entry_malformed(void **state)
{
    (void)state;
    for (size_t i = 0; i < ELEMENTS(MALFORMED); i++) {
        _entry_ e = parse(&MALFORMED[i], 1);
        const char *name = attribute_name(MALFORMED[i].attribute);
        if (!e->malformed)
            fail_msg("%s: \"%s\" was taken", name, MALFORMED[i].text);
        assert_memory_equal(e->problem, name, strlen(name));
    }
}

static void test_a_nul_in_a_value_makes_the_entry_malformed(void **state)
{
    struct entry_reader reader;
    _entry_ e = NULL;
    (void)state;
    entry_begin(&reader, DN, strlen(DN));
    entry_put(&reader, ATTRIBUTE_STATE, "active\0", 7);
    assert_int_equal(entry_end(&reader, &e), 0);
    assert_true(e->malformed);
    assert_int_equal(e->state, ACCOUNT_PROVISIONED);
}

static void test_a_second_value_where_one_may_be_makes_the_entry_malformed(void **state)
{
    static const struct value VALUES[] = {
        {ATTRIBUTE_MAIL, "a@example.org"},
        {ATTRIBUTE_STATE, "active"},
        {ATTRIBUTE_REVISION, "1"},
        {ATTRIBUTE_BIRTH_DATE, "1984-03-17"},
        {ATTRIBUTE_USER_PASSWORD, "{ARGON2}x"},
        {ATTRIBUTE_PUK, "$argon2id$x"},
        {ATTRIBUTE_PASSWORD_FAILURES, "1"},
        {ATTRIBUTE_INITIAL_EXPIRES, "20261122110000Z"},
    };
    (void)state;
    for (size_t i = 0; i < ELEMENTS(VALUES); i++) {
        _entry_ one = PARSE(VALUES[i]);
        _entry_ two = PARSE(VALUES[i], VALUES[i]);
        assert_false(one->malformed);
        assert_true(two->malformed);
        assert_non_null(strstr(two->problem, "several values"));
    }
}

static void test_a_problem_never_shows_a_value(void **state)
{
    _entry_ e = PARSE({ATTRIBUTE_PUK, "se\tcret"});
    (void)state;
    assert_true(e->malformed);
    assert_null(strstr(e->problem, "cret"));
}

static void test_more_than_an_entry_can_hold_makes_it_malformed(void **state)
{
    struct entry_reader reader;
    static char huge[ENTRY_VALUE_MAX + 1];
    (void)state;
    memset(huge, 'x', sizeof huge);
    for (int over = 0; over < 2; over++) {
        _entry_ e = NULL;
        entry_begin(&reader, DN, strlen(DN));
        entry_put(&reader, ATTRIBUTE_UID, "c-0001", 6);
        entry_put(&reader, ATTRIBUTE_ENTRY_UUID, UUID, strlen(UUID));
        entry_put(&reader, ATTRIBUTE_POLICY_NUMBER, "V", 1);
        entry_put(&reader, ATTRIBUTE_CN, huge, sizeof huge - 1 + (size_t)over);
        assert_int_equal(entry_end(&reader, &e), 0);
        assert_int_equal(e->malformed, over);
    }
    for (size_t count = ENTRY_VALUES_MAX; count <= ENTRY_VALUES_MAX + 1; count++) {
        _entry_ e = NULL;
        entry_begin(&reader, DN, strlen(DN));
        entry_put(&reader, ATTRIBUTE_UID, "c-0001", 6);
        entry_put(&reader, ATTRIBUTE_ENTRY_UUID, UUID, strlen(UUID));
        for (size_t i = 0; i < count; i++)
            entry_put(&reader, ATTRIBUTE_POLICY_NUMBER, "V", 1);
        assert_int_equal(entry_end(&reader, &e), 0);
        assert_int_equal(e->malformed, count > ENTRY_VALUES_MAX);
    }
}

static void test_an_entry_that_is_no_customer_is_malformed(void **state)
{
    struct entry_reader reader;
    _entry_ e = NULL;
    (void)state;
    entry_begin(&reader, DN, strlen(DN));
    entry_put(&reader, ATTRIBUTE_UID, "c-0001", 6);
    entry_put(&reader, ATTRIBUTE_ENTRY_UUID, UUID, strlen(UUID));
    assert_int_equal(entry_end(&reader, &e), 0);
    assert_true(e->malformed);
    assert_string_equal(e->problem, "portalPolicyNumber: absent");
}

static void test_of_several_uids_the_one_in_the_name_counts(void **state)
{
    struct entry_reader reader;
    _entry_ e = NULL;
    (void)state;
    entry_begin(&reader, DN, strlen(DN));
    entry_put(&reader, ATTRIBUTE_UID, "alias", 5);
    entry_put(&reader, ATTRIBUTE_UID, "c-0001", 6);
    entry_put(&reader, ATTRIBUTE_UID, "c-00", 4);
    assert_int_equal(entry_end(&reader, &e), 0);
    assert_string_equal(e->uid, "c-0001");
}

static void test_nobody_guesses_between_two_postal_addresses(void **state)
{
    _entry_ e = PARSE({ATTRIBUTE_POSTAL_ADDRESS, "A$B"}, {ATTRIBUTE_POSTAL_ADDRESS, "C$D"});
    (void)state;
    assert_false(e->malformed);
    assert_null(e->postal_address);
}

static void test_a_postal_address_is_unescaped(void **state)
{
    _entry_ e = PARSE({ATTRIBUTE_POSTAL_ADDRESS, "Price \\24\\5c\\5C$100\\2"});
    (void)state;
    assert_string_equal(e->postal_address, "Price $\\\\\n100\\2");
}

static void test_language_is_german_unless_it_is_english(void **state)
{
    static const struct {
        const char *value, *language;
    } CASES[] = {{"en", "en"},    {"EN", "en"}, {"en-gb;q=0.8, de", "en"},
                 {"de-AT", "de"}, {"fr", "de"}, {"e", "de"},
                 {"eng", "de"},   {"", "de"},   {"de, en", "de"}};
    (void)state;
    for (size_t i = 0; i < ELEMENTS(CASES); i++) {
        _entry_ e = PARSE({ATTRIBUTE_LANGUAGE, CASES[i].value});
        assert_string_equal(e->language, CASES[i].language);
    }
}

static void test_names_are_found_in_either_case_and_whole(void **state)
{
    (void)state;
    assert_int_equal(attribute_find("PORTALSTATE", 11), ATTRIBUTE_STATE);
    assert_int_equal(attribute_find("cn", 2), ATTRIBUTE_CN);
    assert_int_equal(attribute_find("c", 1), -ENOENT);
    assert_int_equal(attribute_find("", 0), -ENOENT);
    assert_int_equal(attribute_find("cn;lang-de", 10), -ENOENT);
    assert_int_equal(attribute_find("portalTOTPSecrets", 17), -ENOENT);
    assert_int_equal(attribute_find("userCertificate", 15), -ENOENT);
    for (enum attribute a = 0; a < ATTRIBUTES; a++)
        assert_int_equal(attribute_find(attribute_name(a), strlen(attribute_name(a))), a);
}

static void test_exactly_the_secrets_are_secret(void **state)
{
    (void)state;
    for (enum attribute a = 0; a < ATTRIBUTES; a++)
        assert_int_equal(attribute_secret(a), a == ATTRIBUTE_USER_PASSWORD ||
                                                  a == ATTRIBUTE_PWD_HISTORY ||
                                                  a == ATTRIBUTE_PUK || a == ATTRIBUTE_CODE);
}

static void test_states_have_their_words(void **state)
{
    (void)state;
    for (int s = 0; s < ACCOUNT_STATES; s++)
        assert_int_equal(account_state_read(account_state_word((enum account_state)s)), s);
    assert_int_equal(account_state_read("Active"), -EINVAL);
    assert_int_equal(account_state_read(""), -EINVAL);
}

static void test_changes_are_kept_in_order(void **state)
{
    struct changes c = {0};
    (void)state;
    changes_string(&c, CHANGE_SET, ATTRIBUTE_STATE, "active");
    changes_number(&c, ATTRIBUTE_PASSWORD_FAILURES, 12);
    changes_time(&c, ATTRIBUTE_LAST_LOGIN, 1795345200);
    changes_drop(&c, ATTRIBUTE_INITIAL_EXPIRES);
    changes_format(&c, CHANGE_ADD, ATTRIBUTE_CONSENT, "%s %d", "privacy", 1);
    changes_bytes(&c, CHANGE_SET, ATTRIBUTE_LETTER_ADDRESS, "\0\1\2", 3);
    assert_int_equal(c.error, 0);
    assert_int_equal(c.count, 6);
    assert_string_equal(c.items[1].value, "12");
    assert_string_equal(c.items[2].value, "20261122110000Z");
    assert_int_equal(c.items[3].op, CHANGE_CLEAR);
    assert_null(c.items[3].value);
    assert_int_equal(c.items[4].op, CHANGE_ADD);
    assert_string_equal(c.items[4].value, "privacy 1");
    assert_int_equal(c.items[5].length, 3);
    assert_memory_equal(c.items[5].value, "\0\1\2", 3);
    changes_clear(&c);
    assert_int_equal(c.count, 0);
}

static void test_one_change_too_many_sticks(void **state)
{
    struct changes c = {0};
    (void)state;
    for (int i = 0; i < CHANGES_MAX; i++)
        changes_number(&c, ATTRIBUTE_PASSWORD_FAILURES, 1);
    assert_int_equal(c.error, 0);
    changes_drop(&c, ATTRIBUTE_STATE);
    assert_int_equal(c.error, -E2BIG);
    assert_int_equal(c.count, CHANGES_MAX);
    changes_clear(&c);
}

static void test_a_value_that_is_too_long_sticks(void **state)
{
    struct changes c = {0};
    static char huge[ENTRY_VALUE_MAX + 2];
    (void)state;
    memset(huge, 'x', sizeof huge - 1);
    changes_format(&c, CHANGE_SET, ATTRIBUTE_LOCK_REASON, "%s", huge);
    assert_int_equal(c.error, -E2BIG);
    changes_string(&c, CHANGE_SET, ATTRIBUTE_STATE, "active");
    assert_int_equal(c.count, 0);
    changes_clear(&c);
    changes_string(&c, CHANGE_SET, ATTRIBUTE_LOCK_REASON, huge);
    assert_int_equal(c.error, -E2BIG);
    changes_clear(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_state_that_is_absent_is_provisioned),
        cmocka_unit_test(test_everything_is_read_into_its_place),
        cmocka_unit_test(test_pending_links_keep_the_value_to_be_removed_by),
        cmocka_unit_test(test_links_of_changes_say_what_they_rest_on),
        cmocka_unit_test(test_former_addresses_are_read),
        cmocka_unit_test(test_letters_are_read),
        cmocka_unit_test(test_password_history_comes_newest_first),
        cmocka_unit_test(test_what_is_not_understood_makes_the_entry_malformed),
        cmocka_unit_test(test_a_nul_in_a_value_makes_the_entry_malformed),
        cmocka_unit_test(test_a_second_value_where_one_may_be_makes_the_entry_malformed),
        cmocka_unit_test(test_a_problem_never_shows_a_value),
        cmocka_unit_test(test_more_than_an_entry_can_hold_makes_it_malformed),
        cmocka_unit_test(test_an_entry_that_is_no_customer_is_malformed),
        cmocka_unit_test(test_of_several_uids_the_one_in_the_name_counts),
        cmocka_unit_test(test_nobody_guesses_between_two_postal_addresses),
        cmocka_unit_test(test_a_postal_address_is_unescaped),
        cmocka_unit_test(test_language_is_german_unless_it_is_english),
        cmocka_unit_test(test_names_are_found_in_either_case_and_whole),
        cmocka_unit_test(test_exactly_the_secrets_are_secret),
        cmocka_unit_test(test_states_have_their_words),
        cmocka_unit_test(test_changes_are_kept_in_order),
        cmocka_unit_test(test_one_change_too_many_sticks),
        cmocka_unit_test(test_a_value_that_is_too_long_sticks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
