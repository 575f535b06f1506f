/* What every entry point begins with. Way in: transaction_begin(), then transaction_identify(). */
#include "config.h"

#include "transaction.h"

#include "texts.h"
#include "utf8.h"

#include <security/pam_ext.h>
#include <string.h>
#include <syslog.h>

int transaction_begin(struct transaction *t, pam_handle_t *pamh, int flags, int argc,
                      const char **argv)
{
    struct options_error error;
    const void *service = NULL;

    *t = (struct transaction){.pamh = pamh, .flags = (unsigned)flags};
    if (options_parse(argc, argv, &t->options, &error) != 0) {
        pam_syslog(pamh, LOG_ERR, "%s: expected %s", error.argument, error.expected);
        return PAM_SERVICE_ERR;
    }
    if (pam_get_item(pamh, PAM_SERVICE, &service) != PAM_SUCCESS || !service)
        return PAM_SERVICE_ERR;
    t->service = service;
    return PAM_SUCCESS;
}

/* slapd passes over blanks and control characters when it compares, so names that hold some would
   be other spellings of one account. portald refuses more; these need no question at all. */
static bool name_possible(const char *name)
{
    const unsigned char *p = (const unsigned char *)name;

    if (strnlen(name, TRANSACTION_NAME_MAX + 1) > TRANSACTION_NAME_MAX || !strchr(name, '@') ||
        !utf8_valid(name))
        return false;
    for (; *p; p++)
        if (*p <= ' ' || *p == 0x7f || (*p == 0xc2 && p[1] <= 0xa0)) /* C1 and no-break space */
            return false;
    return true;
}

int transaction_identify(struct transaction *t, bool may_ask)
{
    const void *item = NULL;
    const char *user = NULL;
    int r;

    r = pam_get_item(t->pamh, PAM_USER, &item);
    if (r == PAM_SUCCESS && item) {
        user = item;
    } else if (may_ask) {
        r = pam_get_user(t->pamh, &user, text_get(TEXT_ASK_USER, t->options.language));
        if (r == PAM_CONV_AGAIN)
            return PAM_INCOMPLETE;
        if (r != PAM_SUCCESS)
            return PAM_CONV_ERR;
    }
    if (!user || !name_possible(user))
        return PAM_USER_UNKNOWN;
    t->user = user;
    return PAM_SUCCESS;
}
