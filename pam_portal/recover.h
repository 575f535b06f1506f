/* A forgotten password: the code from a mail and the PUK from the letter, then a new one. */
#pragma once

#include "exchange.h"
#include "ticket.h"
#include "transaction.h"
#include "verdict.h"

#define RECOVER_TRIES 3 /* of the new password */

/* Has a code mailed, asks for it and the PUK, and has both verified. Returns PAM_SUCCESS and
 *ret_grant, or the code of what went wrong by that step's column, which was shown. */
int recover_prove(const struct transaction *t, enum verdict_step step, struct sealed *ret_grant);
/* authenticate in a service for recovery: PAM_SUCCESS only when the new password is set and, where
   TOTP is set up, a code was right. */
int recover_person(const struct transaction *t, struct ticket *ticket);
