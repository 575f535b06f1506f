/* Gets the new password. Whether it is good enough is for portald to say; what can't be sent is
   refused here. Way in: newpassword_get(). */
#include "config.h"

#include "newpassword.h"

#include "converse.h"

#include "cleanup.h"

#include <security/pam_ext.h>
#include <string.h>
#include <syslog.h>

static int check(const struct transaction *t, const char *password)
{
    if (converse_secret_fits(password))
        return PAM_SUCCESS;
    converse_say_own(t, true, *password ? TEXT_UNFIT : TEXT_NONE);
    return PAM_AUTHTOK_ERR;
}

int newpassword_ask(const struct transaction *t, char **ret)
{
    _cleanup_wipe_free_ char *password = NULL, *again = NULL;
    int r;

    r = converse_ask(t, TEXT_ASK_NEW, &password);
    if (r != PAM_SUCCESS)
        return r;
    r = check(t, password);
    if (r != PAM_SUCCESS)
        return r;
    r = converse_ask(t, TEXT_ASK_AGAIN, &again);
    if (r != PAM_SUCCESS)
        return r;
    if (strcmp(password, again) != 0) {
        converse_say_own(t, true, TEXT_MISMATCH);
        return PAM_AUTHTOK_ERR;
    }
    if (pam_set_item(t->pamh, PAM_AUTHTOK, password) != PAM_SUCCESS)
        return PAM_BUF_ERR;
    *ret = TAKE(password);
    return PAM_SUCCESS;
}

int newpassword_get(const struct transaction *t, char **ret)
{
    _cleanup_wipe_free_ char *password = NULL;
    const void *item = NULL;
    int r;

    if ((t->options.use_authtok || t->options.try_first_pass) &&
        pam_get_item(t->pamh, PAM_AUTHTOK, &item) == PAM_SUCCESS && item) {
        password = strdup(item);
        r = password ? check(t, password) : PAM_BUF_ERR;
        if (r == PAM_SUCCESS)
            *ret = TAKE(password);
        return r;
    }
    if (t->options.use_authtok) {
        pam_syslog(t->pamh, LOG_ERR, "use_authtok, but no module before set a new password");
        return PAM_AUTHTOK_ERR;
    }
    if (t->flags & PAM_CHANGE_EXPIRED_AUTHTOK)
        converse_say_own(t, false, TEXT_CHANGE_NOW);
    return newpassword_ask(t, ret);
}
