/* The table of verdicts and PAM codes, to be read down. A verdict without a row, or "-" in one, is
   never a success. Way in: verdict_judge(). */
#include "config.h"

#include "verdict.h"

#include "converse.h"

#include "cleanup.h"

#include <security/pam_ext.h>
#include <syslog.h>

/* Not an answer to this question: portald isn't to be trusted. */
#define NONE PAM_AUTHINFO_UNAVAIL
#define AWAY PAM_AUTHINFO_UNAVAIL

static const struct {
    enum wire_verdict verdict;
    const char *name;
    int codes[VERDICT_STEPS];
} table[] = {
    /* authenticate, later in it, account, chauthtok */
    {WIRE_OK, "ok", {PAM_SUCCESS, PAM_SUCCESS, PAM_SUCCESS, PAM_SUCCESS}},
    {WIRE_WRONG, "wrong", {PAM_AUTH_ERR, PAM_AUTH_ERR, NONE, PAM_AUTH_ERR}},
    {WIRE_TYPING_ERROR, "typing error", {PAM_AUTH_ERR, PAM_AUTH_ERR, NONE, PAM_AUTH_ERR}},
    {WIRE_THROTTLED, "throttled", {PAM_MAXTRIES, PAM_MAXTRIES, NONE, PAM_MAXTRIES}},
    {WIRE_EXPIRED, "expired", {PAM_AUTH_ERR, PAM_AUTH_ERR, PAM_AUTHTOK_EXPIRED, PAM_AUTHTOK_ERR}},
    {WIRE_NEW_PASSWORD, "new password needed", {NONE, NONE, PAM_NEW_AUTHTOK_REQD, NONE}},
    {WIRE_LOCKED, "locked", {PAM_PERM_DENIED, PAM_PERM_DENIED, PAM_PERM_DENIED, PAM_PERM_DENIED}},
    {WIRE_CLOSED, "closed", {PAM_PERM_DENIED, PAM_PERM_DENIED, PAM_ACCT_EXPIRED, PAM_PERM_DENIED}},
    {WIRE_UNKNOWN, "unknown", {NONE, NONE, PAM_USER_UNKNOWN, PAM_AUTH_ERR}},
    {WIRE_NOT_CONFIRMED, "not confirmed", {NONE, NONE, PAM_PERM_DENIED, PAM_AUTH_ERR}},
    {WIRE_BLOCKED, "blocked", {NONE, NONE, PAM_PERM_DENIED, PAM_MAXTRIES}},
    {WIRE_REFUSED, "refused", {PAM_AUTH_ERR, PAM_AUTH_ERR, NONE, PAM_AUTHTOK_ERR}},
    {WIRE_GRANT_OVER, "grant over", {NONE, PAM_AUTH_ERR, NONE, PAM_AUTHTOK_ERR}},
    {WIRE_BUSY, "busy", {AWAY, AWAY, AWAY, AWAY}},
    {WIRE_UNAVAILABLE, "unavailable", {AWAY, AWAY, AWAY, AWAY}},
    {WIRE_CODE_NEEDED, "code needed", {NONE, NONE, NONE, NONE}},
};

static int verdict_code(enum verdict_step step, uint8_t verdict, const char **ret_name)
{
    for (size_t i = 0; i < ELEMENTS(table); i++)
        if (table[i].verdict == (enum wire_verdict)verdict) {
            *ret_name = table[i].name;
            return table[i].codes[step];
        }
    *ret_name = "no verdict that is known";
    return PAM_AUTHINFO_UNAVAIL;
}

int verdict_judge(const struct transaction *t, enum verdict_step step, const char *what,
                  uint8_t verdict)
{
    const char *name;
    int code = verdict_code(step, verdict, &name);

    if (t->options.debug)
        pam_syslog(t->pamh, LOG_DEBUG, "%s of %s: %s", what, t->user, name);
    return code;
}

int verdict_settle(const struct transaction *t, enum verdict_step step, const char *what, int r,
                   const struct answer *answer, enum text wrong)
{
    if (r == PAM_SUCCESS)
        r = verdict_judge(t, step, what, answer->verdict);
    if (r == PAM_SUCCESS)
        return r;
    if (*answer->text)
        converse_say(t, true, answer->text);
    else if (r == PAM_AUTHINFO_UNAVAIL)
        converse_say_own(t, true, TEXT_UNAVAILABLE);
    else if (r == PAM_AUTH_ERR)
        converse_say_own(t, true, wrong);
    return r;
}
