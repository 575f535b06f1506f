/* Days, dates and spans. The zone is Europe/Berlin unless a test says otherwise. */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "calendar.h"
#include "cleanup.h"
#include "process.h"

/* The moment that a generalized time names. */
static time_t at(const char *generalized)
{
    time_t t = 0;

    assert_int_equal(calendar_read_generalized(generalized, strlen(generalized), &t), 0);
    return t;
}

static const struct {
    const char *zone, *moment;
    int days;
    const char *end;
} ends_of_days[] = {
    {"Europe/Berlin", "20260722120000Z", 0, "20260722215959Z"},
    {"Europe/Berlin", "20260722215959Z", 0, "20260722215959Z"}, /* its last second */
    {"Europe/Berlin", "20260722220000Z", 0, "20260723215959Z"}, /* a second later */
    {"Europe/Berlin", "20260722120000Z", 35, "20260826215959Z"},
    /* 29 March 2026 has 23 hours. */
    {"Europe/Berlin", "20260328225959Z", 0, "20260328225959Z"},
    {"Europe/Berlin", "20260328230000Z", 0, "20260329215959Z"},
    {"Europe/Berlin", "20260329215959Z", 0, "20260329215959Z"},
    {"Europe/Berlin", "20260328120000Z", 1, "20260329215959Z"},
    {"Europe/Berlin", "20260328120000Z", 35, "20260502215959Z"},
    /* 25 October 2026 has 25. */
    {"Europe/Berlin", "20261024220000Z", 0, "20261025225959Z"},
    {"Europe/Berlin", "20261025003000Z", 0, "20261025225959Z"}, /* 2:30, the first time */
    {"Europe/Berlin", "20261025013000Z", 0, "20261025225959Z"}, /* … and the second */
    {"Europe/Berlin", "20261024120000Z", 1, "20261025225959Z"},
    {"Europe/Berlin", "20261024120000Z", 35, "20261128225959Z"},
    {"Europe/Berlin", "20261225120000Z", 35, "20270129225959Z"}, /* over the year's end */
    {"Europe/Berlin", "20280128120000Z", 32, "20280229225959Z"}, /* to a leap day */
    {"UTC", "20260722120000Z", 1, "20260723235959Z"},
    /* Where the clock goes back at midnight, the hour before it comes twice. */
    {"America/Sao_Paulo", "20180217120000Z", 0, "20180218025959Z"},
    {"America/Sao_Paulo", "20180216120000Z", 1, "20180218025959Z"},
    /* Where it goes forward at midnight, the next day begins at one. */
    {"America/Sao_Paulo", "20181103120000Z", 0, "20181104025959Z"},
};

static void test_a_day_ends_with_its_last_second_in_the_zone(void **state)
{
    (void)state;
    for (size_t i = 0; i < ELEMENTS(ends_of_days); i++) {
        char end[CALENDAR_GENERALIZED_SIZE];

        assert_int_equal(process_set_zone(ends_of_days[i].zone), 0);
        calendar_generalized(calendar_end_of_day(at(ends_of_days[i].moment), ends_of_days[i].days),
                             end);
        assert_string_equal(end, ends_of_days[i].end);
    }
    assert_int_equal(process_set_zone("Europe/Berlin"), 0);
}

static void test_the_day_is_that_of_the_zone(void **state)
{
    char day[CALENDAR_DAY_SIZE];

    (void)state;
    calendar_day(at("20260722215959Z"), day);
    assert_string_equal(day, "2026-07-22");
    calendar_day(at("20260722220000Z"), day);
    assert_string_equal(day, "2026-07-23");
    calendar_day(at("20261231230000Z"), day);
    assert_string_equal(day, "2027-01-01");
}

static const struct {
    const char *typed, *day; /* NULL: refused */
} typed_days[] = {
    {"1950-03-07", "1950-03-07"},
    {"07.03.1950", "1950-03-07"},
    {"7.3.1950", "1950-03-07"},
    {"7. 3. 1950", "1950-03-07"},
    {"  7.3.1950\t", "1950-03-07"},
    {"07/03/1950", "1950-03-07"},
    {"31.12.1999", "1999-12-31"},
    {"29.02.2000", "2000-02-29"},
    {"29.02.2024", "2024-02-29"},
    {"1850-01-01", "1850-01-01"},
    {"1849-12-31", NULL},
    {"29.02.1900", NULL},
    {"29.02.2023", NULL},
    {"31.04.1990", NULL},
    {"32.01.1990", NULL},
    {"0.1.1990", NULL},
    {"1.0.1990", NULL},
    {"1.13.1990", NULL},
    {"1990-13-01", NULL},
    {"1990-00-10", NULL},
    {"12/31/1990", NULL}, /* the month first */
    {"7.3.50", NULL},
    {"7.3.19500", NULL},
    {"007.3.1950", NULL},
    {"7.3/1950", NULL},
    {"7 3 1950", NULL},
    {"7-3-1950", NULL},
    {"1950-3-7", NULL},
    {"1950-03-07T00:00", NULL},
    {"1950-03-07 x", NULL},
    {"07.03.1950.", NULL},
    {"-7.3.1950", NULL},
    {"+7.3.1950", NULL},
    {"", NULL},
    {" ", NULL},
    {"..", NULL},
    {"99999999999999999999.1.1990", NULL},
    {"\xd9\xa7.3.1950", NULL}, /* another script's digits */
};

static void test_a_birthdate_is_read_as_people_type_it(void **state)
{
    (void)state;
    for (size_t i = 0; i < ELEMENTS(typed_days); i++) {
        char day[CALENDAR_DAY_SIZE] = "untouched";
        int r = calendar_read_day(typed_days[i].typed, day);

        assert_int_equal(r, typed_days[i].day ? 0 : -EINVAL);
        assert_string_equal(day, typed_days[i].day ? typed_days[i].day : "untouched");
    }
}

static void test_every_day_from_1850_on_exists_once(void **state)
{
    char day[CALENDAR_DAY_SIZE], read[CALENDAR_DAY_SIZE];

    (void)state;
    assert_int_equal(process_set_zone("UTC"), 0);
    for (time_t t = at("18500101120000Z"); t < at("21000101000000Z"); t += 86400) {
        calendar_day(t, day);
        assert_int_equal(calendar_read_day(day, read), 0);
        assert_string_equal(read, day);
    }
    assert_int_equal(process_set_zone("Europe/Berlin"), 0);
}

static void test_days_and_times_are_said_in_both_languages(void **state)
{
    char said[64];

    (void)state;
    assert_int_equal(calendar_say_day("2026-11-23", "de", said, sizeof said), 0);
    assert_string_equal(said, "23. November 2026");
    assert_int_equal(calendar_say_day("2026-03-01", "de", said, sizeof said), 0);
    assert_string_equal(said, "1. März 2026");
    assert_int_equal(calendar_say_day("2026-03-01", "en", said, sizeof said), 0);
    assert_string_equal(said, "1 March 2026");
    assert_int_equal(calendar_say_time(at("20261123130500Z"), "de", said, sizeof said), 0);
    assert_string_equal(said, "23. November 2026, 14:05 Uhr");
    assert_int_equal(calendar_say_time(at("20260723130500Z"), "en", said, sizeof said), 0);
    assert_string_equal(said, "23 July 2026, 15:05");
}

static void test_what_is_no_day_or_does_not_fit_is_not_said(void **state)
{
    static const char *const days[] = {"", "2026-02-29", "2026-1-1", "01.01.2026", "2026-01-01 "};
    char said[64];

    (void)state;
    for (size_t i = 0; i < ELEMENTS(days); i++)
        assert_int_equal(calendar_say_day(days[i], "de", said, sizeof said), -EINVAL);
    assert_int_equal(calendar_say_day("2026-11-23", "de", said, strlen("23. November 2026")),
                     -E2BIG);
    assert_string_equal(said, "");
    assert_int_equal(calendar_say_day("2026-11-23", "de", said, strlen("23. November 2026") + 1),
                     0);
    assert_int_equal(calendar_say_time(0, "de", said, 5), -E2BIG);
}

static const struct {
    time_t seconds;
    const char *german, *english;
} said_spans[] = {
    {-5, "1 Sekunde", "1 second"},      {0, "1 Sekunde", "1 second"},
    {1, "1 Sekunde", "1 second"},       {30, "30 Sekunden", "30 seconds"},
    {59, "59 Sekunden", "59 seconds"},  {60, "1 Minute", "1 minute"},
    {61, "2 Minuten", "2 minutes"},     {900, "15 Minuten", "15 minutes"},
    {3541, "1 Stunde", "1 hour"},       {3600, "1 Stunde", "1 hour"},
    {3601, "61 Minuten", "61 minutes"}, {7200, "2 Stunden", "2 hours"},
    {7201, "3 Stunden", "3 hours"},     {86400, "1 Tag", "1 day"},
    {86401, "25 Stunden", "25 hours"},  {259200, "3 Tage", "3 days"},
    {259201, "4 Tage", "4 days"},
};

static void test_spans_are_said_rounded_up(void **state)
{
    char said[64];

    (void)state;
    for (size_t i = 0; i < ELEMENTS(said_spans); i++) {
        calendar_say_span(said_spans[i].seconds, "de", said, sizeof said);
        assert_string_equal(said, said_spans[i].german);
        calendar_say_span(said_spans[i].seconds, "en", said, sizeof said);
        assert_string_equal(said, said_spans[i].english);
    }
}

static const struct {
    const char *value;
    const char *same; /* NULL: refused */
} generalized[] = {
    {"20260722120000Z", "20260722120000Z"},
    {"20260722120000.5Z", "20260722120000Z"},
    {"20260722120000,999999Z", "20260722120000Z"},
    {"202607221200Z", "20260722120000Z"},
    {"2026072212Z", "20260722120000Z"},
    {"20260722140000+0200", "20260722120000Z"},
    {"20260722140000+02", "20260722120000Z"},
    {"20260722083000-0330", "20260722120000Z"},
    {"19691231235959Z", "19691231235959Z"},
    {"99991231235959Z", "99991231235959Z"},
    {"00000101000000Z", "00000101000000Z"},
    {"20240229000000Z", "20240229000000Z"},
    {"20161231235960Z", "20170101000000Z"}, /* a leap second */
    {"20260229000000Z", NULL},
    {"20261301000000Z", NULL},
    {"20260001000000Z", NULL},
    {"20260722240000Z", NULL},
    {"20260722126000Z", NULL},
    {"20260722120061Z", NULL},
    {"20260722120000", NULL},
    {"20260722120000ZZ", NULL},
    {"20260722120000.Z", NULL},
    {"2026072212.5Z", NULL}, /* half an hour can't be dropped */
    {"20260722120000+2", NULL},
    {"20260722120000+2400", NULL},
    {"2026072Z", NULL},
    {" 20260722120000Z", NULL},
    {"-0260722120000Z", NULL},
    {"Z", NULL},
    {"", NULL},
    {"20260722120000.00000000000000000000000000000000000000000000000000000Z", NULL},
};

static void test_generalized_times_are_read_as_rfc_4517_has_them(void **state)
{
    (void)state;
    for (size_t i = 0; i < ELEMENTS(generalized); i++) {
        char same[CALENDAR_GENERALIZED_SIZE];
        time_t t = 42;
        int r;

        r = calendar_read_generalized(generalized[i].value, strlen(generalized[i].value), &t);
        assert_int_equal(r, generalized[i].same ? 0 : -EINVAL);
        if (r == 0) {
            calendar_generalized(t, same);
            assert_string_equal(same, generalized[i].same);
        } else {
            assert_int_equal(t, 42);
        }
    }
    assert_int_equal(calendar_read_generalized("20260722120000Z\0", 16, &(time_t){0}), -EINVAL);
}

static void test_times_beyond_four_digits_of_year_stay_within(void **state)
{
    char said[CALENDAR_GENERALIZED_SIZE];

    (void)state;
    calendar_generalized(INT64_MAX, said);
    assert_string_equal(said, "99991231235959Z");
    calendar_generalized(INT64_MIN, said);
    assert_string_equal(said, "00000101000000Z");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_day_ends_with_its_last_second_in_the_zone),
        cmocka_unit_test(test_the_day_is_that_of_the_zone),
        cmocka_unit_test(test_a_birthdate_is_read_as_people_type_it),
        cmocka_unit_test(test_every_day_from_1850_on_exists_once),
        cmocka_unit_test(test_days_and_times_are_said_in_both_languages),
        cmocka_unit_test(test_what_is_no_day_or_does_not_fit_is_not_said),
        cmocka_unit_test(test_spans_are_said_rounded_up),
        cmocka_unit_test(test_generalized_times_are_read_as_rfc_4517_has_them),
        cmocka_unit_test(test_times_beyond_four_digits_of_year_stay_within),
    };

    if (process_set_zone("Europe/Berlin") < 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
