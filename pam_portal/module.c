/* pam_portal.so: the six entry points that libpam looks for, and nothing else. Each reads its
   options and hands over to the file that knows the step: authenticate.c, account.c, password.c. */
#include "config.h"

#include "steps.h"

#include <security/pam_modules.h>

#define ENTRY __attribute__((visibility("default"))) int

ENTRY pam_sm_authenticate(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
    struct transaction t;
    int r = transaction_begin(&t, pamh, flags, argc, argv);

    return r == PAM_SUCCESS ? authenticate_person(&t) : r;
}

ENTRY pam_sm_setcred(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
    struct transaction t;
    int r = transaction_begin(&t, pamh, flags, argc, argv);

    return r == PAM_SUCCESS ? credentials_answer(&t) : r;
}

ENTRY pam_sm_acct_mgmt(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
    struct transaction t;
    int r = transaction_begin(&t, pamh, flags, argc, argv);

    return r == PAM_SUCCESS ? account_check(&t) : r;
}

ENTRY pam_sm_chauthtok(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
    struct transaction t;
    int r = transaction_begin(&t, pamh, flags, argc, argv);

    if (r != PAM_SUCCESS)
        return r;
    if (flags & PAM_PRELIM_CHECK)
        return password_prepare(&t);
    if (flags & PAM_UPDATE_AUTHTOK)
        return password_change(&t);
    return PAM_SERVICE_ERR;
}

/* Sessions: nothing of ours is opened or closed, for anybody. */
ENTRY pam_sm_open_session(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
    struct transaction t;

    return transaction_begin(&t, pamh, flags, argc, argv);
}

ENTRY pam_sm_close_session(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
    struct transaction t;

    return transaction_begin(&t, pamh, flags, argc, argv);
}
