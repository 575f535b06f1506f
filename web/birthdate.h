/* Dates of birth as people type them: more forms than portald takes, turned into its one form where
   it is certain which day was meant. */
#pragma once

#include "calendar.h"

enum birthdate_form {
    BIRTHDATE_RIGHT,
    BIRTHDATE_AMBIGUOUS, /* 3/5/1948: two days are possible */
    BIRTHDATE_YEAR,      /* 3.5.20: the year needs four digits */
    BIRTHDATE_FUTURE,
    BIRTHDATE_OTHER,
};

/* Reads 3.5.1948, 03.05.1948, 1948-05-03, 03051948, 3.5.48, 3. Mai 1948, 3rd May 1948,
   May 3, 1948; months in German and English, whole or shortened to three letters or more. With
   slashes or hyphens day and month may come in either order, so that they must tell themselves
   which is which. today: YYYY-MM-DD. With BIRTHDATE_RIGHT *ret is YYYY-MM-DD; with
   BIRTHDATE_AMBIGUOUS it is the day with the day first, and *ret_other with the month first;
   otherwise both are untouched. */
enum birthdate_form birthdate_read(const char *typed, const char *today,
                                   char ret[static CALENDAR_DAY_SIZE],
                                   char ret_other[static CALENDAR_DAY_SIZE]);
