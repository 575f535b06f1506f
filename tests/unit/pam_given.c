/* A PAM module for tests. In front of ours it leaves passwords: authtok=NEW, oldauthtok=OLD. Behind
   it expect=PASSWORD fails with PAM_AUTHTOK_ERR where ours left another one, and refuse-prelim
   fails chauthtok's first pass. Everything else succeeds. */
#include "config.h"

#include <security/pam_modules.h>
#include <string.h>

#define ENTRY __attribute__((visibility("default"))) int

static int expect(pam_handle_t *pamh, const char *password)
{
    const void *item = NULL;

    if (pam_get_item(pamh, PAM_AUTHTOK, &item) != PAM_SUCCESS || !item ||
        strcmp(item, password) != 0)
        return PAM_AUTHTOK_ERR;
    return PAM_SUCCESS;
}

static int give(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
    static const char new[] = "authtok=", old[] = "oldauthtok=", left[] = "expect=";

    for (int i = 0; i < argc; i++) {
        int r = PAM_SERVICE_ERR;

        if (strncmp(argv[i], new, strlen(new)) == 0)
            r = pam_set_item(pamh, PAM_AUTHTOK, argv[i] + strlen(new));
        else if (strncmp(argv[i], old, strlen(old)) == 0)
            r = pam_set_item(pamh, PAM_OLDAUTHTOK, argv[i] + strlen(old));
        else if (strncmp(argv[i], left, strlen(left)) == 0)
            r = expect(pamh, argv[i] + strlen(left));
        else if (strcmp(argv[i], "refuse-prelim") == 0)
            r = flags & PAM_PRELIM_CHECK ? PAM_AUTHTOK_ERR : PAM_SUCCESS;
        if (r != PAM_SUCCESS)
            return r;
    }
    return PAM_SUCCESS;
}

ENTRY pam_sm_authenticate(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
    return give(pamh, flags, argc, argv);
}

ENTRY pam_sm_setcred(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
    (void)pamh, (void)flags, (void)argc, (void)argv;
    return PAM_SUCCESS;
}

ENTRY pam_sm_chauthtok(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
    return give(pamh, flags, argc, argv);
}
