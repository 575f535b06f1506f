/* Days and times: as rules count them, as people type and read them, and as LDAP writes them. */
#include "config.h"

#include "calendar.h"

#include "cleanup.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define YEAR_FIRST       1850
#define GENERALIZED_LAST INT64_C(253402300799) /* 9999-12-31 23:59:59 */
#define GENERALIZED_ZERO INT64_C(-62167219200) /* 0000-01-01 00:00:00 */

/* How one language says it. */
struct language {
    const char *after_day, *after_time;
    const char *months[12];
    const char *units[4][2]; /* one, many */
};

static const struct language german = {
    .after_day = ".",
    .after_time = " Uhr",
    .months = {"Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September",
               "Oktober", "November", "Dezember"},
    .units = {{"Sekunde", "Sekunden"},
              {"Minute", "Minuten"},
              {"Stunde", "Stunden"},
              {"Tag", "Tage"}},
};

static const struct language english = {
    .after_day = "",
    .after_time = "",
    .months = {"January", "February", "March", "April", "May", "June", "July", "August",
               "September", "October", "November", "December"},
    .units = {{"second", "seconds"}, {"minute", "minutes"}, {"hour", "hours"}, {"day", "days"}},
};

/* A span is said in the first unit of which fewer than this many are needed. */
static const struct {
    time_t seconds, fewer_than;
} spans[] = {{1, 60}, {MINUTE, 120}, {HOUR, 48}, {DAY, INT32_MAX}};

static const struct language *language_find(const char *name)
{
    return strcmp(name, "de") == 0 ? &german : &english;
}

static bool same_day(const struct tm *a, const struct tm *b)
{
    return a->tm_year == b->tm_year && a->tm_yday == b->tm_yday;
}

time_t calendar_end_of_day(time_t t, int days)
{
    struct tm day, later;
    time_t end;

    localtime_r(&t, &day);
    day.tm_mday += days;
    day.tm_hour = 23;
    day.tm_min = 59;
    day.tm_sec = 59;
    day.tm_isdst = -1;
    end = mktime(&day);
    /* Where clocks go back at midnight, the last hour of the day comes twice. */
    if (localtime_r(&(time_t){end + HOUR}, &later) && same_day(&day, &later))
        end += HOUR;
    return end;
}

void calendar_day(time_t t, char ret[static CALENDAR_DAY_SIZE])
{
    struct tm day;

    if (!localtime_r(&t, &day) || strftime(ret, CALENDAR_DAY_SIZE, "%Y-%m-%d", &day) == 0)
        ret[0] = 0;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Reads a number of fewest to most digits, all of them. */
static bool read_number(const char **p, int fewest, int most, int *ret)
{
    int value = 0, digits = 0;

    for (; is_digit(**p); digits++, (*p)++) {
        if (digits == most)
            return false;
        value = value * 10 + (**p - '0');
    }
    *ret = value;
    return digits >= fewest;
}

static void skip_blanks(const char **p)
{
    *p += strspn(*p, " \t");
}

static bool skip_mark(const char **p, char mark)
{
    if (**p != mark)
        return false;
    (*p)++;
    return true;
}

static int days_of_month(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return days[month - 1] + (month == 2 && leap);
}

static bool day_exists(int year, int month, int day)
{
    return month >= 1 && month <= 12 && day >= 1 && day <= days_of_month(year, month);
}

/* YYYY-MM-DD, with nothing behind it. */
static bool read_year_first(const char **p, int *year, int *month, int *day)
{
    return read_number(p, 4, 4, year) && skip_mark(p, '-') && read_number(p, 2, 2, month) &&
           skip_mark(p, '-') && read_number(p, 2, 2, day);
}

/* D.M.YYYY or D/M/YYYY. */
static bool read_day_first(const char **p, int *year, int *month, int *day)
{
    char mark;

    if (!read_number(p, 1, 2, day))
        return false;
    mark = **p;
    if ((mark != '.' && mark != '/') || !skip_mark(p, mark))
        return false;
    skip_blanks(p);
    if (!read_number(p, 1, 2, month) || !skip_mark(p, mark))
        return false;
    skip_blanks(p);
    return read_number(p, 4, 4, year);
}

int calendar_read_day(const char *typed, char ret[static CALENDAR_DAY_SIZE])
{
    char text[CALENDAR_DAY_SIZE + 16];
    int year = 0, month = 0, day = 0;
    const char *p = typed;
    bool read;

    skip_blanks(&p);
    read = strspn(p, "0123456789") == 4 ? read_year_first(&p, &year, &month, &day)
                                        : read_day_first(&p, &year, &month, &day);
    skip_blanks(&p);
    if (!read || *p || year < YEAR_FIRST || !day_exists(year, month, day))
        return -EINVAL;
    snprintf(text, sizeof text, "%04d-%02d-%02d", year, month, day);
    memcpy(ret, text, CALENDAR_DAY_SIZE);
    return 0;
}

/* 0, or -E2BIG when what snprintf() returned didn't fit; ret is then empty. */
static int fitted(int length, char *ret, size_t size)
{
    if (length >= 0 && (size_t)length < size)
        return 0;
    if (size > 0)
        ret[0] = 0;
    return -E2BIG;
}

int calendar_say_day(const char *day, const char *language, char *ret, size_t size)
{
    const struct language *l = language_find(language);
    const char *p = day;
    int year, month, of_month;

    if (!read_year_first(&p, &year, &month, &of_month) || *p || !day_exists(year, month, of_month))
        return -EINVAL;
    return fitted(
        snprintf(ret, size, "%d%s %s %d", of_month, l->after_day, l->months[month - 1], year), ret,
        size);
}

int calendar_say_time(time_t t, const char *language, char *ret, size_t size)
{
    const struct language *l = language_find(language);
    struct tm tm;

    if (t > GENERALIZED_LAST || !localtime_r(&t, &tm))
        return -EINVAL;
    return fitted(snprintf(ret, size, "%d%s %s %d, %02d:%02d%s", tm.tm_mday, l->after_day,
                           l->months[tm.tm_mon], tm.tm_year + 1900, tm.tm_hour, tm.tm_min,
                           l->after_time),
                  ret, size);
}

void calendar_say_span(time_t seconds, const char *language, char *ret, size_t size)
{
    time_t count;
    size_t i = 0;

    if (seconds < 1)
        seconds = 1;
    for (;; i++) {
        count = (seconds - 1) / spans[i].seconds + 1;
        if (i + 1 == ELEMENTS(spans))
            break;
        /* "1 Stunde" rather than "60 Minuten", "2 Stunden" rather than "120 Minuten" */
        if (count < spans[i].fewer_than && count * spans[i].seconds % spans[i + 1].seconds != 0)
            break;
    }
    snprintf(ret, size, "%lld %s", (long long)count,
             language_find(language)->units[i][count == 1 ? 0 : 1]);
}

void calendar_generalized(time_t t, char ret[static CALENDAR_GENERALIZED_SIZE])
{
    time_t within = t > GENERALIZED_LAST   ? GENERALIZED_LAST
                    : t < GENERALIZED_ZERO ? GENERALIZED_ZERO
                                           : t;
    char text[64];
    struct tm tm;

    gmtime_r(&within, &tm);
    snprintf(text, sizeof text, "%04d%02d%02d%02d%02d%02dZ", tm.tm_year + 1900, tm.tm_mon + 1,
             tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
    memcpy(ret, text, CALENDAR_GENERALIZED_SIZE);
}

/* Reads exactly two digits. */
static bool read_two(const char **p, int most, int *ret)
{
    if (!is_digit((*p)[0]) || !is_digit((*p)[1]))
        return false;
    *ret = ((*p)[0] - '0') * 10 + ((*p)[1] - '0');
    *p += 2;
    return *ret <= most;
}

/* "Z", "+HH" or "-HHMM": seconds east of UTC. */
static bool read_zone(const char **p, int *ret)
{
    int hours, minutes = 0, sign = **p == '-' ? -1 : 1;

    *ret = 0;
    if (skip_mark(p, 'Z'))
        return true;
    if (!skip_mark(p, '+') && !skip_mark(p, '-'))
        return false;
    if (!read_two(p, 23, &hours) || (is_digit(**p) && !read_two(p, 59, &minutes)))
        return false;
    *ret = sign * (int)(hours * HOUR + minutes * MINUTE);
    return true;
}

/* Minutes, seconds, and a fraction that is dropped. A fraction of an hour or minute would be more
   than can be dropped; nobody writes one. */
static bool read_rest_of_hour(const char **p, struct tm *tm)
{
    if (is_digit(**p) && !read_two(p, 59, &tm->tm_min))
        return false;
    if (!is_digit(**p))
        return true;
    if (!read_two(p, 60, &tm->tm_sec))
        return false;
    if (**p != '.' && **p != ',')
        return true;
    (*p)++;
    if (!is_digit(**p))
        return false;
    *p += strspn(*p, "0123456789");
    return true;
}

int calendar_read_generalized(const char *value, size_t length, time_t *ret)
{
    struct tm tm = {0};
    char text[64];
    const char *p = text;
    int century, year, east;

    if (length >= sizeof text || memchr(value, 0, length))
        return -EINVAL;
    memcpy(text, value, length);
    text[length] = 0;
    if (!read_two(&p, 99, &century) || !read_two(&p, 99, &year) || !read_two(&p, 12, &tm.tm_mon) ||
        !read_two(&p, 31, &tm.tm_mday) || !read_two(&p, 23, &tm.tm_hour))
        return -EINVAL;
    if (!read_rest_of_hour(&p, &tm) || !read_zone(&p, &east) || *p)
        return -EINVAL;
    year += century * 100;
    if (!day_exists(year, tm.tm_mon, tm.tm_mday))
        return -EINVAL;
    tm.tm_year = year - 1900;
    tm.tm_mon -= 1;
    *ret = timegm(&tm) - east;
    return 0;
}
