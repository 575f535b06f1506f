/* One question to portald and its answer. */
#pragma once

#include "transaction.h"
#include "wire.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EXCHANGE_TEXT_SIZE 4097 /* wire.h, WIRE_TEXT, and NUL */
#define EXCHANGE_UID_SIZE  257
#define EXCHANGE_SEALED    512
#define EXCHANGE_URI_SIZE  1025
#define EXCHANGE_QR_SIZE   8193

/* What only portald can read: a grant or a state. */
struct sealed {
    size_t size; /* 0 where none came */
    uint8_t data[EXCHANGE_SEALED];
};

struct answer {
    uint8_t verdict; /* enum wire_verdict, or anything else that came */
    bool has_account;
    uint8_t account;
    char uid[EXCHANGE_UID_SIZE];   /* "" where none came */
    char text[EXCHANGE_TEXT_SIZE]; /* for the person; "" where none came */
    struct sealed grant, state;
};

/* What the person's app needs to know. */
struct offer {
    char uri[EXCHANGE_URI_SIZE], qr[EXCHANGE_QR_SIZE]; /* "" where none came */
};

/* What is to prove who it is, and for what. */
struct factors {
    const char *password;
    const char *code; /* NULL unless mode is WIRE_MODE_TOGETHER */
    enum wire_mode mode;
    enum wire_purpose purpose;
};

/* Each returns PAM_SUCCESS when an answer came, whatever it says; else it has logged why and
   returns PAM_AUTHINFO_UNAVAIL. The caller wipes *ret with answer_clear(). */
int exchange_authenticate(const struct transaction *t, const struct factors *factors,
                          struct answer *ret);
int exchange_second(const struct transaction *t, const struct sealed *state, const char *code,
                    struct answer *ret);
int exchange_account(const struct transaction *t, struct answer *ret);
int exchange_change(const struct transaction *t, const struct sealed *grant, const char *password,
                    enum wire_purpose purpose, struct answer *ret);
int exchange_enroll(const struct transaction *t, const struct sealed *grant, struct answer *ret,
                    struct offer *ret_offer);
int exchange_enroll_code(const struct transaction *t, const struct sealed *state, const char *code,
                         struct answer *ret);
int exchange_forgotten(const struct transaction *t, struct answer *ret);
int exchange_recover(const struct transaction *t, const char *code, const char *puk,
                     struct answer *ret);
void answer_clear(struct answer *answer);
void offer_clear(struct offer *offer);
