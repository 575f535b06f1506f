/* The last step of every authentication that has succeeded. */
#pragma once

#include "exchange.h"
#include "ticket.h"
#include "transaction.h"

/* portald said WIRE_OK: answer must be whole, the account such as change= lets in, and TOTP set up
   where enroll= says so. Then keeps what later calls need in the ticket, shows portald's words and
   exports PORTAL_UID. Returns PAM_SUCCESS, or what kept the person out, which was shown. */
int admit_person(const struct transaction *t, struct ticket *ticket, const struct answer *answer);
/* What an earlier success in this transaction left must not vouch for the next. */
int admit_forget(const struct transaction *t);
