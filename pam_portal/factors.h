/* The factors of a login: password and code, asked for as prompt= says. */
#pragma once

#include "exchange.h"
#include "transaction.h"
#include "verdict.h"

/* Asks for what proves who it is, or takes what a module before us asked for, and lets portald
   verify it. Returns PAM_SUCCESS when portald said WIRE_OK, *ret being that answer; else the code
   of what went wrong, which was shown. */
int factors_prove(const struct transaction *t, struct answer *ret);
/* Was the password right, and does it need a code? answer->state is there then. */
bool factors_need_code(const struct transaction *t, const struct answer *answer);
/* Asks for the code, once, and lets portald verify it. help is shown before ("": our own words).
   Returns as factors_prove(); no answer, or an empty one, is never a success. */
int factors_second(const struct transaction *t, enum verdict_step step, const char *help,
                   const struct sealed *state, struct answer *ret);
