/* The set-up of TOTP in the middle of a login. */
#pragma once

#include "exchange.h"
#include "transaction.h"

#include <stdbool.h>

#define ENROLL_TRIES 3

/* Shows secret and QR code and asks for the app's first code. enroll=offer: PAM_SUCCESS, *ret_done
   saying whether TOTP is set up now; or PAM_PERM_DENIED when the account has just been locked or
   closed. enroll=require: PAM_SUCCESS only when it is set up, else PAM_AUTH_ERR, or what the
   conversation or portald failed with. What went wrong was shown. */
int enroll_person(const struct transaction *t, const struct sealed *grant, bool *ret_done);
