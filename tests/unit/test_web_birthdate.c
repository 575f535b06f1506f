/* Dates of birth as people type them, and slips in the domains of mail addresses. */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "web/birthdate.h"
#include "cleanup.h"
#include "web/misspelt.h"

#define TODAY "2026-11-22"

static const struct {
    const char *typed, *day;
} certain[] = {
    {"3.5.1948", "1948-05-03"},      {"03.05.1948", "1948-05-03"},
    {"1948-05-03", "1948-05-03"},    {" 3. 5. 1948 ", "1948-05-03"},
    {"3 5 1948", "1948-05-03"},      {"03051948", "1948-05-03"},
    {"19480503", "1948-05-03"},      {"20121950", "1950-12-20"},
    {"3.5.48", "1948-05-03"},        {"3.5.27", "1927-05-03"},
    {"3. Mai 1948", "1948-05-03"},   {"3.Mai 1948", "1948-05-03"},
    {"3 May 1948", "1948-05-03"},    {"3rd May 1948", "1948-05-03"},
    {"May 3, 1948", "1948-05-03"},   {"MAY 3rd, 1948", "1948-05-03"},
    {"1. März 1950", "1950-03-01"},  {"1. Maerz 1950", "1950-03-01"},
    {"1 Mar 1950", "1950-03-01"},    {"6. Jänner 1950", "1950-01-06"},
    {"24. Dez. 1950", "1950-12-24"}, {"24 dec 1950", "1950-12-24"},
    {"2. Okt 1950", "1950-10-02"},   {"25/12/1950", "1950-12-25"}, /* there is no month 25 */
    {"12/25/1950", "1950-12-25"},    {"5/5/1948", "1948-05-05"},
    {"29.2.2000", "2000-02-29"},     {TODAY, TODAY},
};

static void test_what_is_certain_is_understood(void **state)
{
    (void)state;
    for (size_t i = 0; i < ELEMENTS(certain); i++) {
        char day[CALENDAR_DAY_SIZE] = "", other[CALENDAR_DAY_SIZE] = "";

        assert_int_equal(birthdate_read(certain[i].typed, TODAY, day, other), BIRTHDATE_RIGHT);
        assert_string_equal(day, certain[i].day);
        assert_string_equal(other, "");
    }
}

static void test_two_possible_days_are_both_named(void **state)
{
    static const char *const typed[] = {"3/5/1948", "03/05/1948", "3-5-1948"};

    (void)state;
    for (size_t i = 0; i < ELEMENTS(typed); i++) {
        char day[CALENDAR_DAY_SIZE] = "", other[CALENDAR_DAY_SIZE] = "";

        assert_int_equal(birthdate_read(typed[i], TODAY, day, other), BIRTHDATE_AMBIGUOUS);
        assert_string_equal(day, "1948-05-03");
        assert_string_equal(other, "1948-03-05");
    }
}

static const struct {
    const char *typed;
    enum birthdate_form form;
} refused[] = {
    {"3.5.20", BIRTHDATE_YEAR},
    {"3.5.26", BIRTHDATE_YEAR},
    {"23.11.2026", BIRTHDATE_FUTURE},
    {"3. Mai 2048", BIRTHDATE_FUTURE},
    {"", BIRTHDATE_OTHER},
    {" ", BIRTHDATE_OTHER},
    {"gestern", BIRTHDATE_OTHER},
    {"30.2.1950", BIRTHDATE_OTHER},
    {"29.2.1900", BIRTHDATE_OTHER},
    {"0.5.1948", BIRTHDATE_OTHER},
    {"3.13.1948", BIRTHDATE_OTHER}, /* dots: the day comes first */
    {"13/13/1948", BIRTHDATE_OTHER},
    {"3.5.1849", BIRTHDATE_OTHER},
    {"3.5.948", BIRTHDATE_OTHER},
    {"3.5", BIRTHDATE_OTHER},
    {"3.5.1948.1", BIRTHDATE_OTHER},
    {"3. Ma 1948", BIRTHDATE_OTHER}, /* March or May */
    {"3. Maier 1948", BIRTHDATE_OTHER},
    {"Mai Mai 1948", BIRTHDATE_OTHER},
    {"3 5 Mai", BIRTHDATE_OTHER},
    {"1948 Mai 3", BIRTHDATE_OTHER},
    {"3;5;1948", BIRTHDATE_OTHER},
    {"99999999999999999999", BIRTHDATE_OTHER},
    {"3. Mai 19480000000000000000000000000000000000", BIRTHDATE_OTHER},
    {"\xff\xfe", BIRTHDATE_OTHER},
};

static void test_the_rest_is_refused_with_its_reason(void **state)
{
    (void)state;
    for (size_t i = 0; i < ELEMENTS(refused); i++) {
        char day[CALENDAR_DAY_SIZE] = "-", other[CALENDAR_DAY_SIZE] = "-";

        assert_int_equal(birthdate_read(refused[i].typed, TODAY, day, other), refused[i].form);
        assert_string_equal(day, "-");
        assert_string_equal(other, "-");
    }
}

static const struct {
    const char *typed, *meant;
} slips[] = {
    {"anna@gmial.com", "anna@gmail.com"},    {"anna@gmai.com", "anna@gmail.com"},
    {"anna@gmail.con", "anna@gmail.com"},    {"anna@gmaill.com", "anna@gmail.com"},
    {"anna@gnail.com", "anna@gmail.com"},    {"anna@gmail.co", "anna@gmail.com"},
    {"anna@t-onlin.de", "anna@t-online.de"}, {"anna@tonline.de", "anna@t-online.de"},
    {"anna@gmx.d", "anna@gmx.de"},           {"anna@gxm.de", "anna@gmx.de"},
    {"anna@wbe.de", "anna@web.de"},          {"anna@web.ed", "anna@web.de"},
    {"A.B+c@GMIAL.COM", "A.B+c@gmail.com"},
};

static void test_a_slip_in_a_known_domain_is_found(void **state)
{
    (void)state;
    for (size_t i = 0; i < ELEMENTS(slips); i++) {
        char meant[MISSPELT_SIZE] = "";

        assert_int_equal(misspelt_find(slips[i].typed, meant), 0);
        assert_string_equal(meant, slips[i].meant);
    }
}

static void test_other_domains_are_left_alone(void **state)
{
    static const char *const fine[] = {
        "anna@gmail.com",
        "anna@GMX.DE",
        "anna@gmx.net",
        "anna@gmx.at",
        "anna@gmx.org",
        "anna@live.nl",
        "anna@versicherung.example",
        "anna@example.org",
        "anna@gml.net.example",
        "anna",
        "@gmial.com",
        "",
        "anna@",
        "anna@a",
        "anna@a-domain-that-is-longer-than-all-that-are-known.example.org",
    };

    (void)state;
    for (size_t i = 0; i < ELEMENTS(fine); i++) {
        char meant[MISSPELT_SIZE] = "-";

        assert_int_equal(misspelt_find(fine[i], meant), -ENOENT);
        assert_string_equal(meant, "-");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_certain_is_understood),
        cmocka_unit_test(test_two_possible_days_are_both_named),
        cmocka_unit_test(test_the_rest_is_refused_with_its_reason),
        cmocka_unit_test(test_a_slip_in_a_known_domain_is_found),
        cmocka_unit_test(test_other_domains_are_left_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
