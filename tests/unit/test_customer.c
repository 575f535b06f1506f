/* Columns of a CSV file, the rules of what stands in them, and in what a customer differs. */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cleanup.h"
#include "portalctl/customer.h"
#include "portalctl/existing.h"

#define TODAY "2026-11-22"
#define TEN   "0123456789"

static struct record record_of(const char *const *fields)
{
    struct record r = {.line = 1};

    while (*fields)
        r.field[r.count++] = *fields++;
    return r;
}
#define RECORD(...) record_of((const char *const[]){__VA_ARGS__, NULL})

/* Given name, surname, policies, birthdate, language, address, uid. */
static struct columns all_columns(void)
{
    struct record header = RECORD("GivenName", "surname", "policyNumber", "birthDate", "language",
                                  "postalAddress", "uid", "cn", "portalState");
    struct columns columns;
    char why[CUSTOMER_WHY_SIZE];

    assert_int_equal(columns_read(&header, &columns, why), 0);
    return columns;
}

static int read_line(const struct record *record, struct customer *ret, char *why)
{
    struct columns columns = all_columns();

    why[0] = '\0';
    return customer_read(&columns, record, TODAY, ret, why);
}

#define UNKNOWN(name)                                                                              \
    "unknown column \"" name "\"; there are sn, givenName, cn, portalPolicyNumber, "               \
    "portalBirthDate, preferredLanguage, postalAddress or address1 to address6, and uid"

static void test_a_header_that_lacks_or_doubles_a_column_is_refused(void **state)
{
    const struct {
        struct record header;
        const char *why;
    } wrong[] = {
        {RECORD("sn", "uid"), "column portalPolicyNumber is missing"},
        {RECORD("policyNumber", "cn"), "column sn is missing"},
        {RECORD("sn", "policyNumber", "colour"), UNKNOWN("colour")},
        {RECORD("sn", "policyNumber", ""), UNKNOWN("")},
        {RECORD("sn", "policyNumber", "Surname"), "column \"Surname\" stands there twice"},
        {RECORD("sn", "policyNumber", "address7"), UNKNOWN("address7")},
        {RECORD("sn", "policyNumber", "address0"), UNKNOWN("address0")},
        {RECORD("sn", "policyNumber", "userPassword"), UNKNOWN("userPassword")},
        {RECORD("sn", "policyNumber", "address1", "postalAddress"),
         "either column postalAddress or address1 to address6, not both"},
    };

    (void)state;
    for (size_t i = 0; i < ELEMENTS(wrong); i++) {
        struct columns columns;
        char why[CUSTOMER_WHY_SIZE];

        assert_int_equal(columns_read(&wrong[i].header, &columns, why), -EINVAL);
        assert_string_equal(why, wrong[i].why);
    }
}

static void test_a_line_is_put_into_the_directorys_forms(void **state)
{
    struct record line = RECORD(" Jürgen ", "Groß", "vn 12-34/5 | HR.7", "3.4.1950", "de",
                                "Jürgen Groß$ Weg 1 $12345 Ort\\24", "c-1", "", "active");
    struct customer c;
    char why[CUSTOMER_WHY_SIZE];

    (void)state;
    assert_int_equal(read_line(&line, &c, why), 0);
    assert_string_equal(c.value[IDENTITY_GIVEN_NAME], "Jürgen");
    assert_string_equal(c.value[IDENTITY_NAME], "Jürgen Groß");
    assert_true(c.name_made);
    assert_string_equal(c.value[IDENTITY_BIRTH_DATE], "1950-04-03");
    assert_string_equal(c.value[IDENTITY_ADDRESS], "Jürgen Groß\nWeg 1\n12345 Ort$");
    assert_int_equal(c.policy_count, 2);
    assert_string_equal(c.policies[0], "VN12345");
    assert_string_equal(c.policies[1], "HR7");
    customer_clear(&c);
}

static void test_each_rule_refuses_what_breaks_it_and_says_which(void **state)
{
    static const char seven[] = "1\n2\n3\n4\n5\n6\n7";
    static const char long_name[] = TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN "012345678";
    const struct {
        struct record line;
        const char *why;
    } wrong[] = {
        {RECORD("A", "", "1", "", "", "", "", "", ""), "sn: there is none"},
        {RECORD("A", "B", "", "", "", "", "", "", ""), "portalPolicyNumber: there is none"},
        {RECORD("A", "B", " | ", "", "", "", "", "", ""), "portalPolicyNumber: there is none"},
        {RECORD("A", "B", "1_2", "", "", "", "", "", ""), "portalPolicyNumber: no policy number"},
        {RECORD("A", "B", "1|0-1|1", "", "", "", "", "", ""), "1 stands there twice"},
        {RECORD("A", "B", "1", "31.2.1950", "", "", "", "", ""), "portalBirthDate"},
        {RECORD("A", "B", "1", "2026-11-23", "", "", "", "", ""), "portalBirthDate"},
        {RECORD("A", "B", "1", "", "fr", "", "", "", ""), "preferredLanguage"},
        {RECORD("A", "B", "1", "", "deutsch", "", "", "", ""), "preferredLanguage"},
        {RECORD("A", "B", "1", "", "", seven, "", "", ""), "it takes 7 lines"},
        {RECORD("A", "B", "1", "", "", "1$2$3$4$5$6$7", "", "", ""), "it takes 7 lines"},
        {RECORD("A", "B", "1", "", "", "$", "", "", ""), "postalAddress"},
        {RECORD(long_name, "B", "1", "", "", "", "", "", ""), "longer than 128 characters"},
        {RECORD("A\nB", "B", "1", "", "", "", "", "", ""), "several lines"},
        {RECORD("A", "B", "1", "", "", "", TEN TEN TEN TEN TEN TEN "01234", "", ""), "uid"},
        {RECORD("A", "B", "1"), "it has 3 fields, the header has 9"},
    };

    (void)state;
    for (size_t i = 0; i < ELEMENTS(wrong); i++) {
        struct customer c = {.policy_count = 99};
        char why[CUSTOMER_WHY_SIZE];

        assert_int_equal(read_line(&wrong[i].line, &c, why), -EINVAL);
        if (!strstr(why, wrong[i].why))
            fail_msg("expected \"%s\", got \"%s\"", wrong[i].why, why);
        assert_int_equal(c.policy_count, 99);
    }
}

static void test_the_last_birthdate_and_the_longest_name_are_taken(void **state)
{
    static const char name[] = TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN "ßßßßßßßß";
    struct record line = RECORD(name, "B", "1", TODAY, "EN-gb", "1$2$3$4$5$6",
                                TEN TEN TEN TEN TEN TEN "0123", "", "");
    struct customer c;
    char why[CUSTOMER_WHY_SIZE];

    (void)state;
    assert_int_equal(read_line(&line, &c, why), 0);
    customer_clear(&c);
}

static void test_address_columns_make_one_address_without_gaps(void **state)
{
    struct record header = RECORD("sn", "policyNumber", "address2", "address1", "address5");
    struct record line = RECORD("B", "1", "", " Jo Au", "12345 Ort ");
    struct record empty = RECORD("B", "1", "", "", "");
    struct columns columns;
    struct customer c;
    char why[CUSTOMER_WHY_SIZE];

    (void)state;
    assert_int_equal(columns_read(&header, &columns, why), 0);
    assert_int_equal(customer_read(&columns, &line, TODAY, &c, why), 0);
    assert_string_equal(c.value[IDENTITY_ADDRESS], "Jo Au\n12345 Ort");
    customer_clear(&c);
    assert_int_equal(customer_read(&columns, &empty, TODAY, &c, why), 0);
    assert_null(c.value[IDENTITY_ADDRESS]);
    customer_clear(&c);
}

static void test_only_the_apostrophe_of_a_formula_is_taken_away(void **state)
{
    static const struct {
        const char *field, *name;
    } pairs[] = {{"'=1+1", "=1+1"}, {"''@x", "'@x"}, {"'t Hooft", "'t Hooft"}, {"-x", "-x"}};

    (void)state;
    for (size_t i = 0; i < ELEMENTS(pairs); i++) {
        struct record line = RECORD("A", pairs[i].field, "1", "", "", "", "", "", "");
        struct customer c;
        char why[CUSTOMER_WHY_SIZE];

        assert_int_equal(read_line(&line, &c, why), 0);
        assert_string_equal(c.value[IDENTITY_SURNAME], pairs[i].name);
        customer_clear(&c);
    }
    assert_true(customer_text_is_formula("=1"));
    assert_true(customer_text_is_formula("''+1"));
    assert_false(customer_text_is_formula("'t Hooft"));
    assert_false(customer_text_is_formula(""));
}

static void test_a_uid_that_tells_something_is_found_out(void **state)
{
    const struct {
        struct record line;
        const char *tells;
    } cases[] = {
        {RECORD("A", "B", "VN 1", "", "", "", "vn-1", "", ""), "the policy number"},
        {RECORD("A", "B", "VN1", "", "", "", "a@b.example", "", ""), "an e-mail address"},
        {RECORD("A", "B", "VN1", "", "", "", "c-1", "", ""), NULL},
        {RECORD("A", "B", "VN1", "", "", "", "", "", ""), NULL},
    };

    (void)state;
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        struct customer c;
        char why[CUSTOMER_WHY_SIZE];

        assert_int_equal(read_line(&cases[i].line, &c, why), 0);
        if (cases[i].tells)
            assert_string_equal(customer_uid_tells(&c), cases[i].tells);
        else
            assert_null(customer_uid_tells(&c));
        customer_clear(&c);
    }
}

/* --- Differences --- */

#define VALUES(...) ((char **)(uintptr_t)(const char *const[]){__VA_ARGS__, NULL})

static void test_what_differs_is_named_and_what_is_empty_does_not_differ(void **state)
{
    char *none = NULL;
    struct existing e = {.value = {[IDENTITY_UID] = VALUES("c-1"),
                                   [IDENTITY_GIVEN_NAME] = VALUES("Jo"),
                                   [IDENTITY_SURNAME] = VALUES("Au"),
                                   [IDENTITY_NAME] = VALUES("Jo  Au "),
                                   [IDENTITY_BIRTH_DATE] = VALUES("1950-04-03"),
                                   [IDENTITY_LANGUAGE] = &none,
                                   [IDENTITY_ADDRESS] = VALUES("Jo Au$Weg\\5c1"),
                                   [IDENTITY_POLICIES] = VALUES("VN1", "HR2")}};
    const struct {
        struct record line;
        const char *names;
    } cases[] = {
        {RECORD("Jo", "Au", "VN1", "3.4.1950", "", "Jo Au$ Weg\\5C1", "", "", ""), ""},
        {RECORD("", "Au", "HR2", "", "", "", "", "Jo Au", ""), ""},
        {RECORD("", "Au", "HR2", "", "", "", "", "", ""), ""},
        {RECORD("Jo", "Ay", "VN1", "", "", "", "", "", ""), "sn, cn"},
        {RECORD("", "Ay", "VN1", "", "", "", "", "", ""), "sn, cn"},
        {RECORD("Jo", "Au", "VN1", "", "", "", "", "Dr. Jo Au", ""), "cn"},
        {RECORD("Jo", "Au", "VN1|VN3", "", "en", "X", "", "", ""),
         "preferredLanguage, postalAddress, portalPolicyNumber"},
        {RECORD("Joe", "Au", "VN1", "1950-04-04", "", "", "", "", ""),
         "givenName, cn, portalBirthDate"},
    };

    (void)state;
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        struct customer c;
        char why[CUSTOMER_WHY_SIZE], names[DIFFERENCES_SIZE];

        assert_int_equal(read_line(&cases[i].line, &c, why), 0);
        differences_name(existing_differs(&e, &c), names);
        assert_string_equal(names, cases[i].names);
        customer_clear(&c);
    }
}

static void test_a_name_that_somebody_chose_stays_when_the_surname_changes(void **state)
{
    char *none = NULL;
    struct existing e = {.value = {[IDENTITY_UID] = VALUES("c-1"),
                                   [IDENTITY_GIVEN_NAME] = VALUES("Jo"),
                                   [IDENTITY_SURNAME] = VALUES("Au"),
                                   [IDENTITY_NAME] = VALUES("Dr. Jo Au"),
                                   [IDENTITY_BIRTH_DATE] = &none,
                                   [IDENTITY_LANGUAGE] = &none,
                                   [IDENTITY_ADDRESS] = &none,
                                   [IDENTITY_POLICIES] = VALUES("VN1")}};
    struct record line = RECORD("Jo", "Ay", "VN1", "", "", "", "", "", "");
    struct customer c;
    char why[CUSTOMER_WHY_SIZE];

    (void)state;
    assert_int_equal(read_line(&line, &c, why), 0);
    assert_int_equal(existing_differs(&e, &c), IDENTITY_BIT(IDENTITY_SURNAME));
    customer_clear(&c);
}

static void test_any_uid_makes_one_name_below_the_base(void **state)
{
    _cleanup_free_ char *plain = existing_dn("c-0001", "ou=x"), *odd = existing_dn("a,b+ü", "ou=x");

    (void)state;
    assert_string_equal(plain, "uid=c-0001,ou=x");
    assert_string_equal(odd, "uid=a\\2Cb\\2B\\C3\\BC,ou=x");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_header_that_lacks_or_doubles_a_column_is_refused),
        cmocka_unit_test(test_a_line_is_put_into_the_directorys_forms),
        cmocka_unit_test(test_each_rule_refuses_what_breaks_it_and_says_which),
        cmocka_unit_test(test_the_last_birthdate_and_the_longest_name_are_taken),
        cmocka_unit_test(test_address_columns_make_one_address_without_gaps),
        cmocka_unit_test(test_only_the_apostrophe_of_a_formula_is_taken_away),
        cmocka_unit_test(test_a_uid_that_tells_something_is_found_out),
        cmocka_unit_test(test_what_differs_is_named_and_what_is_empty_does_not_differ),
        cmocka_unit_test(test_a_name_that_somebody_chose_stays_when_the_surname_changes),
        cmocka_unit_test(test_any_uid_makes_one_name_below_the_base),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
