/* An entry to try the rules on, and a look into the changes that come out. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "portald/account.h"
#include "cleanup.h"

#define NOON 1792843200 /* 2026-10-24 12:00 UTC: the last day of summer time in Berlin */

#define HASH_A "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
#define HASH_B "BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB"
#define JOB_A  "01JAZZZZZZ0000000000000000"

static const struct account_rules rules = {
    .link_valid = 48 * HOUR,
    .link_kept = 30 * DAY,
    .mail_undo = 7 * DAY,
    .mail_life = 5 * DAY,
    .posting_days = 2,
    .delivery_days = 3,
    .initial_days = 30,
    .initial_ceiling = 60,
    .free_failures = 5,
    .retry_first = 30,
    .retry_most = 900,
    .block_failures = 100,
    .letters_most = 3,
    .letters_window = 30 * DAY,
    .address_wait = 3 * DAY,
    .remind = 7 * DAY,
    .password_least = 12,
    .password_most = 128,
    .code_life = 30 * MINUTE,
    .code_tries = 5,
    .code_wait = HOUR,
    .codes_hour = 3,
    .codes_day = 10,
    .login_note = DAY,
};

/* The value that SET or ADD gives attribute, the last one where there are several; NULL: none. */
static inline const char *changed(const struct changes *c, enum attribute attribute)
{
    const char *value = NULL;

    for (size_t i = 0; i < c->count; i++)
        if (c->items[i].attribute == attribute && c->items[i].value &&
            c->items[i].op != CHANGE_REMOVE)
            value = c->items[i].value;
    return value;
}

static inline bool has_change(const struct changes *c, enum change_op op, enum attribute attribute)
{
    for (size_t i = 0; i < c->count; i++)
        if (c->items[i].op == op && c->items[i].attribute == attribute)
            return true;
    return false;
}

static inline void assert_time(const struct changes *c, enum attribute attribute, time_t expected)
{
    char text[CALENDAR_GENERALIZED_SIZE];

    calendar_generalized(expected, text);
    assert_non_null(changed(c, attribute));
    assert_string_equal(changed(c, attribute), text);
}
