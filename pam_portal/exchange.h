/* One question to portald and its answer. */
#pragma once

#include "transaction.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EXCHANGE_TEXT_SIZE 4097 /* wire.h, WIRE_TEXT, and NUL */
#define EXCHANGE_UID_SIZE  257
#define EXCHANGE_GRANT     512

struct answer {
    uint8_t verdict; /* enum wire_verdict, or anything else that came */
    bool has_account;
    uint8_t account;
    char uid[EXCHANGE_UID_SIZE];   /* "" where none came */
    char text[EXCHANGE_TEXT_SIZE]; /* for the person; "" where none came */
    size_t grant_size;             /* 0 where none came */
    uint8_t grant[EXCHANGE_GRANT];
};

/* Each returns PAM_SUCCESS when an answer came, whatever it says; else it has logged why and
   returns PAM_AUTHINFO_UNAVAIL. The caller wipes *ret with answer_clear(). */
int exchange_authenticate(const struct transaction *t, const char *password, bool for_change,
                          struct answer *ret);
int exchange_account(const struct transaction *t, struct answer *ret);
int exchange_change(const struct transaction *t, const uint8_t *grant, size_t size,
                    const char *password, struct answer *ret);
void answer_clear(struct answer *answer);
