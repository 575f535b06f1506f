/* What portald says, as the application hears it: the return code table of pam_portal(8). */
#pragma once

#include "exchange.h"
#include "texts.h"
#include "transaction.h"

#include <stdint.h>

enum verdict_step {
    VERDICT_AUTHENTICATE,
    VERDICT_LATER, /* in the same authentication: second factor, new password, set-up */
    VERDICT_ACCOUNT,
    VERDICT_CHANGE, /* chauthtok: what is said on the current password and on the new one */
    VERDICT_STEPS,
};

/* The PAM code of a verdict, logged under debug as "WHAT of USER: VERDICT". PAM_AUTHINFO_UNAVAIL
   for one that has no business here; WIRE_CODE_NEEDED has none anywhere: who expects it looks
   first. */
int verdict_judge(const struct transaction *t, enum verdict_step step, const char *what,
                  uint8_t verdict);
/* What an exchange that returned r and *answer comes to: verdict_judge(), and why it failed is
   shown, in portald's words, or where it sent none in our own, wrong being those for PAM_AUTH_ERR.
 */
int verdict_settle(const struct transaction *t, enum verdict_step step, const char *what, int r,
                   const struct answer *answer, enum text wrong);
