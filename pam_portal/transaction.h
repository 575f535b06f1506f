/* One call of the application into the module: whose, with which options, for whom. */
#pragma once

#include "options.h"

#include <security/pam_modules.h>

#define TRANSACTION_NAME_MAX 254 /* bytes of a login name: wire.h, WIRE_USER */

struct transaction {
    pam_handle_t *pamh;
    unsigned flags; /* PAM_SILENT and its kind */
    struct options options;
    const char *service; /* libpam's */
    const char *user;    /* libpam's; set by transaction_identify() */
};

/* Reads options and service. Returns PAM_SUCCESS, or PAM_SERVICE_ERR for a bad option (logged). */
int transaction_begin(struct transaction *t, pam_handle_t *pamh, int flags, int argc,
                      const char **argv);
/* Who it is about, asked for where PAM_USER is unset and the call may ask. Returns PAM_SUCCESS;
   PAM_USER_UNKNOWN for what can't be a customer's login name: no "@", blanks, control characters,
   not UTF-8, too long; PAM_CONV_ERR or PAM_INCOMPLETE from the conversation. */
int transaction_identify(struct transaction *t, bool may_ask);
