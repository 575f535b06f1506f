/* What the entry points do, one step of the login each. All return PAM codes as pam_portal(8)
   lists them. */
#pragma once

#include "transaction.h"

int authenticate_person(struct transaction *t); /* authenticate.c */
int account_check(struct transaction *t);       /* account.c */
int password_prepare(struct transaction *t);    /* password.c: PAM_PRELIM_CHECK */
int password_change(struct transaction *t);     /* password.c: PAM_UPDATE_AUTHTOK */
/* setcred: there is nothing to set. account.c says what is answered and why. */
int credentials_answer(struct transaction *t);
