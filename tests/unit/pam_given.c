/* A PAM module for tests that stands in front of ours and leaves it passwords: authtok=NEW,
   oldauthtok=OLD. It succeeds with everything. */
#include "config.h"

#include <security/pam_modules.h>
#include <string.h>

#define ENTRY __attribute__((visibility("default"))) int

static int give(pam_handle_t *pamh, int argc, const char **argv)
{
    static const char new[] = "authtok=", old[] = "oldauthtok=";

    for (int i = 0; i < argc; i++) {
        int r = PAM_SERVICE_ERR;

        if (strncmp(argv[i], new, strlen(new)) == 0)
            r = pam_set_item(pamh, PAM_AUTHTOK, argv[i] + strlen(new));
        else if (strncmp(argv[i], old, strlen(old)) == 0)
            r = pam_set_item(pamh, PAM_OLDAUTHTOK, argv[i] + strlen(old));
        if (r != PAM_SUCCESS)
            return r;
    }
    return PAM_SUCCESS;
}

ENTRY pam_sm_authenticate(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
    (void)flags;
    return give(pamh, argc, argv);
}

ENTRY pam_sm_setcred(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
    (void)pamh, (void)flags, (void)argc, (void)argv;
    return PAM_SUCCESS;
}

ENTRY pam_sm_chauthtok(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
    (void)flags;
    return give(pamh, argc, argv);
}
