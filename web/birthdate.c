/* Reading a date of birth; birthdate_read() is the way in. What was typed is cut into at most three
   words, numbers or a month's name; the marks between them only say in which order they may be. */
#include "config.h"

#include "birthdate.h"

#include "cleanup.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define WORDS       3
#define WORD_SIZE   16
#define TYPED_MAX   40
#define MONTHS      12
#define MONTH_LEAST 3 /* letters of a shortened name */

struct words {
    char word[WORDS][WORD_SIZE];
    size_t count;
    bool either_order; /* slashes or hyphens between numbers */
};

struct date {
    int year, month, day;
    bool short_year;
};

/* Lower case, with ä as in "märz" and as people write it who have no such key. */
static const char *const months[][MONTHS] = {
    {"januar", "februar", "märz", "april", "mai", "juni", "juli", "august", "september", "oktober",
     "november", "dezember"},
    {"january", "february", "march", "april", "may", "june", "july", "august", "september",
     "october", "november", "december"},
    {"jänner", "feber", "maerz", "", "", "juno", "julei", "", "sept", "", "", ""},
    {"jaenner", "", "marz", "", "", "", "", "", "", "", "", ""},
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* What may stand in a word: a letter, also one of several bytes. */
static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (unsigned char)c >= 0x80;
}

static char lower(char c)
{
    return (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

/* "3rd": the ending of an English number. */
static void skip_ending(const char **p)
{
    static const char *const endings[] = {"st", "nd", "rd", "th"};

    for (size_t i = 0; i < ELEMENTS(endings); i++)
        if (strncasecmp(*p, endings[i], 2) == 0 && !is_letter((*p)[2])) {
            *p += 2;
            return;
        }
}

static bool take_word(const char **p, struct words *words)
{
    bool digits = is_digit(**p);
    char *word = words->word[words->count];
    size_t length = 0;

    if (words->count == WORDS)
        return false;
    for (; digits ? is_digit(**p) : is_letter(**p); (*p)++) {
        if (length + 1 == WORD_SIZE)
            return false;
        word[length++] = lower(**p);
    }
    word[length] = 0;
    words->count++;
    if (digits)
        skip_ending(p);
    return length > 0;
}

static bool cut(const char *typed, struct words *ret)
{
    const char *p = typed;

    if (strlen(typed) > TYPED_MAX)
        return false;
    while (*p) {
        size_t marks = strspn(p, " .,/-\t");
        if (memchr(p, '/', marks) || memchr(p, '-', marks))
            ret->either_order = true;
        p += marks;
        if (*p && !take_word(&p, ret))
            return false;
    }
    return ret->count > 0;
}

/* 1 to 12, or 0. */
static int month_of(const char *word)
{
    size_t length = strlen(word);

    if (length < MONTH_LEAST)
        return 0;
    for (size_t i = 0; i < ELEMENTS(months); i++)
        for (int m = 0; m < MONTHS; m++)
            if (strncmp(months[i][m], word, length) == 0)
                return m + 1;
    return 0;
}

/* A number of one or two digits, or of four; -1 for anything else. */
static int number_of(const char *word)
{
    size_t length = strlen(word);
    int value = 0;

    if (strspn(word, "0123456789") != length || length == 0 || length == 3 || length > 4)
        return -1;
    for (; *word; word++)
        value = value * 10 + (*word - '0');
    return value;
}

/* Two digits stand for a year of the last century where this one hasn't come that far. */
static bool set_year(struct date *date, const char *word, const char *today)
{
    int this_year = 0;

    date->year = number_of(word);
    if (strlen(word) == 4)
        return true;
    if (strlen(word) != 2 || date->year < 0 || sscanf(today, "%4d", &this_year) != 1)
        return false;
    date->short_year = date->year <= this_year % 100;
    date->year += 1900;
    return true;
}

/* As YYYY-MM-DD; false when there is no such day. */
static bool date_put(const struct date *date, char ret[static CALENDAR_DAY_SIZE])
{
    char text[48];

    if (date->year < 0 || date->month < 1 || date->day < 1)
        return false;
    snprintf(text, sizeof text, "%04d-%02d-%02d", date->year, date->month, date->day);
    return calendar_read_day(text, ret) == 0;
}

/* Eight digits without marks. What ends like a year, 1850 or later, is DDMMYYYY: it could be no
   month of YYYYMMDD. */
static void spread(struct words *words)
{
    char all[WORD_SIZE], (*w)[WORD_SIZE] = words->word;

    if (words->count != 1 || strspn(w[0], "0123456789") != 8 || w[0][8])
        return;
    memcpy(all, w[0], sizeof all);
    words->count = WORDS;
    if (strcmp(all + 4, "1850") >= 0) {
        snprintf(w[0], WORD_SIZE, "%.2s", all);
        snprintf(w[1], WORD_SIZE, "%.2s", all + 2);
        snprintf(w[2], WORD_SIZE, "%.4s", all + 4);
    } else {
        snprintf(w[0], WORD_SIZE, "%.4s", all);
        snprintf(w[1], WORD_SIZE, "%.2s", all + 4);
        snprintf(w[2], WORD_SIZE, "%.2s", all + 6);
    }
}

/* Puts what the words say in day, month, year: the order with the month first goes to other, where
   it is possible. */
static bool arrange(const struct words *words, const char *today, struct date *date,
                    struct date *other)
{
    const char(*w)[WORD_SIZE] = words->word;
    int named = 0;

    for (int i = 0; i < WORDS; i++)
        if ((named = month_of(w[i])) && i < 2) {
            date->month = named;
            date->day = number_of(w[1 - i]);
            return set_year(date, w[2], today);
        }
    if (named)
        return false;
    if (strlen(w[0]) == 4) {
        date->month = number_of(w[1]);
        date->day = number_of(w[2]);
        return set_year(date, w[0], today);
    }
    date->day = number_of(w[0]);
    date->month = number_of(w[1]);
    if (!set_year(date, w[2], today))
        return false;
    if (words->either_order) {
        *other = *date;
        other->day = date->month;
        other->month = date->day;
    }
    return true;
}

static enum birthdate_form decide(const struct date *date, const struct date *other,
                                  const char *today, char *ret, char *ret_other)
{
    char day[CALENDAR_DAY_SIZE], month_first[CALENDAR_DAY_SIZE];
    bool good = date_put(date, day), also = date_put(other, month_first);

    if (!good && !also)
        return BIRTHDATE_OTHER;
    if (!good)
        memcpy(day, month_first, sizeof day);
    if (date->short_year)
        return BIRTHDATE_YEAR;
    if (strcmp(day, today) > 0)
        return BIRTHDATE_FUTURE;
    memcpy(ret, day, sizeof day);
    if (!good || !also || strcmp(day, month_first) == 0)
        return BIRTHDATE_RIGHT;
    memcpy(ret_other, month_first, sizeof month_first);
    return BIRTHDATE_AMBIGUOUS;
}

enum birthdate_form birthdate_read(const char *typed, const char *today,
                                   char ret[static CALENDAR_DAY_SIZE],
                                   char ret_other[static CALENDAR_DAY_SIZE])
{
    struct words words = {0};
    struct date date = {0}, other = {0};

    if (!cut(typed, &words))
        return BIRTHDATE_OTHER;
    spread(&words);
    if (words.count != WORDS || !arrange(&words, today, &date, &other))
        return BIRTHDATE_OTHER;
    return decide(&date, &other, today, ret, ret_other);
}
