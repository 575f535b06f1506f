/* Days in the configured zone, which is the process's TZ (process_set_zone()). */
#pragma once

#include <time.h>

/* Spans, in seconds. */
#define MINUTE 60L
#define HOUR   3600L
#define DAY    86400L

#define CALENDAR_DAY_SIZE 11 /* YYYY-MM-DD and NUL */

/* The last second of the day that is days after the one that holds t. Days with 23 or 25 hours
   count as one day. */
time_t calendar_end_of_day(time_t t, int days);
/* The day that holds t, as YYYY-MM-DD; "" where its year has more than four digits. */
void calendar_day(time_t t, char ret[static CALENDAR_DAY_SIZE]);
/* Reads what a person typed as a date of birth: YYYY-MM-DD, DD.MM.YYYY, D.M.YYYY, DD/MM/YYYY (day
   first), with blanks around and after the dots. Returns 0 and YYYY-MM-DD, or -EINVAL when it isn't
   a date that exists, or lies before 1850. */
int calendar_read_day(const char *typed, char ret[static CALENDAR_DAY_SIZE]);
/* "23. November 2026" or "23 November 2026"; language "de", or else English. From YYYY-MM-DD.
   Returns 0; -EINVAL: no such day; -E2BIG: doesn't fit. */
int calendar_say_day(const char *day, const char *language, char *ret, size_t size);
/* "23. November 2026, 14:05 Uhr" or "23 November 2026, 14:05". As above; -EINVAL: so far away that
   no calendar goes there. */
int calendar_say_time(time_t t, const char *language, char *ret, size_t size);
/* How long somebody has to wait, rounded up: "30 Sekunden", "1 Minute", "2 Stunden"; language "de"
   or "en". */
void calendar_say_span(time_t seconds, const char *language, char *ret, size_t size);
/* LDAP's generalized time in UTC, YYYYMMDDHHMMSSZ (RFC 4517, 3.3.13); reading accepts fractions and
   drops them. */
#define CALENDAR_GENERALIZED_SIZE 16
void calendar_generalized(time_t t, char ret[static CALENDAR_GENERALIZED_SIZE]);
int calendar_read_generalized(const char *value, size_t length, time_t *ret);
