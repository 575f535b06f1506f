/* Lets in whoever has proven who they are, and leaves to later calls and modules what they need.
   Way in: admit_person(). */
#include "config.h"

#include "admit.h"

#include "converse.h"
#include "enroll.h"

#include <security/pam_ext.h>
#include <stdio.h>
#include <syslog.h>

#define PORTAL_UID "PORTAL_UID"

/* A success must come whole: a verdict on the account and a uid that can stand in the
   environment. */
static bool is_whole(const struct answer *answer)
{
    if (!answer->has_account || !*answer->uid)
        return false;
    for (const char *p = answer->uid; *p; p++)
        if ((unsigned char)*p < ' ' || *p == 0x7f)
            return false;
    return true;
}

static int uid_export(const struct transaction *t, const char *uid)
{
    char line[sizeof PORTAL_UID "=" + EXCHANGE_UID_SIZE];

    snprintf(line, sizeof line, PORTAL_UID "=%s", uid);
    return pam_putenv(t->pamh, line) == PAM_SUCCESS ? PAM_SUCCESS : PAM_BUF_ERR;
}

int admit_forget(const struct transaction *t)
{
    if (!pam_getenv(t->pamh, PORTAL_UID))
        return PAM_SUCCESS;
    return pam_putenv(t->pamh, PORTAL_UID) == PAM_SUCCESS ? PAM_SUCCESS : PAM_BUF_ERR;
}

/* The set-up of TOTP, where it isn't done. With an initial password it comes after the change. A
   person may take minutes over it, so the verdict on the account ages meanwhile; that portald took
   the first code is a new one. */
static int set_up(const struct transaction *t, struct ticket *ticket, const struct answer *answer)
{
    bool done = false;
    int r;

    if (t->options.enroll == OPTIONS_ENROLL_NO || answer->account != WIRE_OK ||
        answer->grant.size == 0)
        return PAM_SUCCESS;
    r = enroll_person(t, &answer->grant, &done);
    if (r != PAM_SUCCESS)
        ticket_drop_sealed(ticket);
    else if (done)
        ticket_note_account(ticket, answer->account, false);
    return r;
}

int admit_person(const struct transaction *t, struct ticket *ticket, const struct answer *answer)
{
    bool forced = answer->account == WIRE_NEW_PASSWORD;
    int r;

    if (!is_whole(answer)) {
        pam_syslog(t->pamh, LOG_ERR, "portald's answer lacks the account's verdict or uid");
        converse_say_own(t, true, TEXT_UNAVAILABLE);
        return PAM_AUTHINFO_UNAVAIL;
    }
    if (t->options.change == OPTIONS_CHANGE_AUTH && answer->account != WIRE_OK) {
        converse_say_own(t, true, forced ? TEXT_CHANGE_FIRST : TEXT_WRONG);
        return PAM_AUTH_ERR;
    }
    ticket_note_account(ticket, answer->account, false);
    if (forced && answer->grant.size > 0)
        ticket_set_grant(ticket, &answer->grant, true);
    converse_say(t, false, answer->text);
    r = set_up(t, ticket, answer);
    if (r != PAM_SUCCESS)
        return r;
    return uid_export(t, answer->uid);
}
