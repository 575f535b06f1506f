/* pam_chauthtok, in libpam's two passes. The first has the current password verified, or in a
   service for recovery code and PUK, or proves that nothing has to change. The second asks for the
   code where one is needed, since the first pass must burn none, then for the new password, and has
   it set. Way in: password_prepare(), password_change(). */
#include "config.h"

#include "steps.h"

#include "converse.h"
#include "enroll.h"
#include "factors.h"
#include "newpassword.h"
#include "recover.h"
#include "ticket.h"

#include "cleanup.h"

#include <security/pam_ext.h>
#include <string.h>
#include <syslog.h>

/* PAM_CHANGE_EXPIRED_AUTHTOK: does this account need a new password? *ret is told only by a
   verdict: one that this transaction has just had, a grant that came with an initial password, or
   portald asked anew. */
static int change_needed(const struct transaction *t, struct ticket *ticket, bool *ret)
{
    _cleanup_(answer_clear) struct answer answer = {0};
    int r = PAM_SUCCESS;

    if (ticket_forced(ticket)) {
        *ret = true;
        return PAM_SUCCESS;
    }
    if (ticket_look_account(ticket, &answer.verdict) != 0)
        r = exchange_account(t, &answer);
    if (r == PAM_SUCCESS && (answer.verdict == WIRE_OK || answer.verdict == WIRE_NEW_PASSWORD ||
                             answer.verdict == WIRE_EXPIRED)) {
        *ret = answer.verdict != WIRE_OK;
        return PAM_SUCCESS;
    }
    return verdict_settle(t, VERDICT_CHANGE, "account", r, &answer, TEXT_WRONG);
}

/* The current password: from the module before us, or asked. */
static int current_password(const struct transaction *t, char **ret)
{
    bool given = t->options.try_first_pass || t->options.use_first_pass;
    const void *item = NULL;
    int r;

    if (given && pam_get_item(t->pamh, PAM_OLDAUTHTOK, &item) == PAM_SUCCESS && item) {
        *ret = strdup(item);
        return *ret ? PAM_SUCCESS : PAM_BUF_ERR;
    }
    if (t->options.use_first_pass)
        return PAM_AUTH_ERR;
    r = converse_ask(t, TEXT_ASK_CURRENT, ret);
    if (r != PAM_SUCCESS)
        return r;
    return pam_set_item(t->pamh, PAM_OLDAUTHTOK, *ret) == PAM_SUCCESS ? PAM_SUCCESS : PAM_BUF_ERR;
}

static int grant_keep(const struct transaction *t, struct ticket *ticket,
                      const struct answer *answer)
{
    if (answer->grant.size == 0) {
        pam_syslog(t->pamh, LOG_ERR, "portald's answer lacks the grant");
        converse_say_own(t, true, TEXT_UNAVAILABLE);
        return PAM_AUTHINFO_UNAVAIL;
    }
    ticket_set_grant(ticket, &answer->grant,
                     answer->has_account && answer->account == WIRE_NEW_PASSWORD);
    return PAM_SUCCESS;
}

/* The first factor: leads to a grant, or to a state that the second turns into one. */
static int prove_password(const struct transaction *t, struct ticket *ticket)
{
    _cleanup_wipe_free_ char *password = NULL;
    _cleanup_(answer_clear) struct answer answer = {.verdict = WIRE_WRONG};
    struct factors factors = {.mode = WIRE_MODE_STEPS, .purpose = WIRE_PURPOSE_CHANGE};
    int r;

    r = current_password(t, &password);
    if (r != PAM_SUCCESS)
        return r;
    factors.password = password;
    if (converse_secret_fits(password)) /* else wrong, unsent, as in authenticate */
        r = exchange_authenticate(t, &factors, &answer);
    if (r == PAM_SUCCESS && factors_need_code(t, &answer)) {
        ticket_set_state(ticket, &answer.state);
        return PAM_SUCCESS;
    }
    r = verdict_settle(t, VERDICT_CHANGE, "current password", r, &answer, TEXT_WRONG);
    return r == PAM_SUCCESS ? grant_keep(t, ticket, &answer) : r;
}

static int prove_recovery(const struct transaction *t, struct ticket *ticket)
{
    struct sealed grant = {0};
    int r = recover_prove(t, VERDICT_CHANGE, &grant);

    if (r == PAM_SUCCESS)
        ticket_set_grant(ticket, &grant, false);
    explicit_bzero(&grant, sizeof grant);
    return r;
}

int password_prepare(struct transaction *t)
{
    struct ticket *ticket;
    bool needed = true;
    int r;

    r = transaction_identify(t, true);
    if (r != PAM_SUCCESS)
        return r;
    ticket = ticket_find(t);
    if (!ticket) {
        r = ticket_renew(t, &ticket);
        if (r != PAM_SUCCESS)
            return r;
    }
    ticket_set_unneeded(ticket, false);
    if (t->flags & PAM_CHANGE_EXPIRED_AUTHTOK) {
        r = change_needed(t, ticket, &needed);
        if (r != PAM_SUCCESS)
            return r;
    }
    if (!needed) {
        ticket_set_unneeded(ticket, true);
        return PAM_SUCCESS;
    }
    if (ticket_grant(ticket) || ticket_state(ticket))
        return PAM_SUCCESS; /* the password was given a moment ago */
    return t->options.recover ? prove_recovery(t, ticket) : prove_password(t, ticket);
}

/* The second factor. A wrong code may be tried again, without the password that was right. */
static int prove_code(const struct transaction *t, struct ticket *ticket)
{
    _cleanup_(answer_clear) struct answer answer = {0};
    const struct sealed *state = ticket_state(ticket);
    int r;

    if (!state)
        return PAM_AUTHTOK_ERR; /* ended while the person thought; the next try asks again */
    r = factors_second(t, VERDICT_CHANGE, "", state, &answer);
    if (r != PAM_SUCCESS && r != PAM_AUTH_ERR)
        ticket_drop_sealed(ticket);
    return r == PAM_SUCCESS ? grant_keep(t, ticket, &answer) : r;
}

/* enroll=: after a forced change, for until then portald gives no secret. */
static int set_up(const struct transaction *t, const struct sealed *grant)
{
    bool done = false;
    int r = enroll_person(t, grant, &done);

    if (r != PAM_SUCCESS)
        converse_say_own(t, false, TEXT_PASSWORD_SET);
    return r;
}

/* WIRE_CHANGE. A refused password keeps the grant, so that the application may ask again. */
static int change(const struct transaction *t, struct ticket *ticket, const char *password)
{
    _cleanup_(answer_clear) struct answer answer = {0};
    bool enrolls = ticket_forced(ticket) && t->options.enroll != OPTIONS_ENROLL_NO;
    const struct sealed *grant = ticket_grant(ticket);
    int r;

    if (!grant)
        return PAM_AUTHTOK_ERR; /* ended while the person thought, as above */
    r = exchange_change(t, grant, password, enrolls ? WIRE_PURPOSE_ENROLL : WIRE_PURPOSE_LOGIN,
                        &answer);
    if (r == PAM_SUCCESS && (answer.verdict == WIRE_OK || answer.verdict == WIRE_GRANT_OVER))
        ticket_drop_sealed(ticket);
    if (r == PAM_SUCCESS && answer.verdict == WIRE_TYPING_ERROR)
        answer.verdict = WIRE_REFUSED; /* about the new password, here */
    r = verdict_settle(t, VERDICT_CHANGE, "change", r, &answer, TEXT_WRONG);
    if (r != PAM_SUCCESS)
        return r;
    converse_say(t, false, answer.text);
    return enrolls && answer.grant.size > 0 ? set_up(t, &answer.grant) : PAM_SUCCESS;
}

int password_change(struct transaction *t)
{
    _cleanup_wipe_free_ char *password = NULL;
    struct ticket *ticket;
    int r;

    r = transaction_identify(t, false);
    if (r != PAM_SUCCESS)
        return r;
    ticket = ticket_find(t);
    if (!ticket)
        return PAM_AUTHTOK_ERR;
    if (ticket_unneeded(ticket)) {
        ticket_set_unneeded(ticket, false);
        return PAM_SUCCESS;
    }
    if (!ticket_grant(ticket)) {
        r = prove_code(t, ticket);
        if (r != PAM_SUCCESS)
            return r;
    }
    r = newpassword_get(t, &password);
    return r == PAM_SUCCESS ? change(t, ticket, password) : r;
}
