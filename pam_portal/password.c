/* pam_chauthtok, in libpam's two passes. The first gets the grant to change the password, or proves
   that nothing has to change; the second asks for the new password and has it set. Way in:
   password_prepare(), password_change(). */
#include "config.h"

#include "steps.h"

#include "converse.h"
#include "exchange.h"
#include "ticket.h"
#include "verdict.h"

#include "cleanup.h"
#include "wire.h"

#include <security/pam_ext.h>
#include <string.h>
#include <syslog.h>

/* Shows what went wrong, and returns code. */
static int fail(const struct transaction *t, int code, const struct answer *answer)
{
    if (*answer->text)
        converse_say(t, true, answer->text);
    else if (code == PAM_AUTHINFO_UNAVAIL)
        converse_say_own(t, true, TEXT_UNAVAILABLE);
    else if (code == PAM_AUTH_ERR)
        converse_say_own(t, true, TEXT_WRONG);
    return code;
}

static int verdict_log(const struct transaction *t, const char *what, uint8_t verdict)
{
    const char *name;
    int code = verdict_code(VERDICT_CHANGE, verdict, &name);

    if (t->options.debug)
        pam_syslog(t->pamh, LOG_DEBUG, "%s of %s: %s", what, t->user, name);
    return code;
}

/* PAM_CHANGE_EXPIRED_AUTHTOK: does this account need a new password? *ret is told only by a
   verdict: one that this transaction has just had, a grant that came with an initial password, or
   portald asked anew. */
static int change_needed(const struct transaction *t, struct ticket *ticket, bool *ret)
{
    _cleanup_(answer_clear) struct answer answer = {0};
    const uint8_t *grant;
    bool forced = false;
    size_t size;
    int r;

    if (ticket_grant(ticket, &grant, &size, &forced) == 0 && forced) {
        *ret = true;
        return PAM_SUCCESS;
    }
    if (ticket_look_account(ticket, &answer.verdict) != 0) {
        r = exchange_account(t, &answer);
        if (r != PAM_SUCCESS)
            return fail(t, r, &answer);
    }
    if (answer.verdict == WIRE_OK || answer.verdict == WIRE_NEW_PASSWORD ||
        answer.verdict == WIRE_EXPIRED) {
        *ret = answer.verdict != WIRE_OK;
        return PAM_SUCCESS;
    }
    return fail(t, verdict_log(t, "account", answer.verdict), &answer);
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

static int grant_get(const struct transaction *t, struct ticket *ticket)
{
    _cleanup_wipe_free_ char *password = NULL;
    _cleanup_(answer_clear) struct answer answer = {.verdict = WIRE_WRONG};
    int r;

    r = current_password(t, &password);
    if (r != PAM_SUCCESS)
        return r;
    r = PAM_SUCCESS;
    if (converse_secret_fits(password)) /* else wrong, unsent, as in authenticate */
        r = exchange_authenticate(t, password, true, &answer);
    if (r == PAM_SUCCESS)
        r = verdict_log(t, "current password", answer.verdict);
    if (r == PAM_SUCCESS && answer.grant_size == 0) {
        pam_syslog(t->pamh, LOG_ERR, "portald's answer lacks the grant");
        r = PAM_AUTHINFO_UNAVAIL;
        *answer.text = '\0';
    }
    if (r != PAM_SUCCESS)
        return fail(t, r, &answer);
    ticket_set_grant(ticket, answer.grant, answer.grant_size,
                     answer.has_account && answer.account == WIRE_NEW_PASSWORD);
    return PAM_SUCCESS;
}

int password_prepare(struct transaction *t)
{
    struct ticket *ticket;
    const uint8_t *grant;
    bool needed = true, forced;
    size_t size;
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
    if (ticket_grant(ticket, &grant, &size, &forced) == 0)
        return PAM_SUCCESS; /* the password was given a moment ago */
    return grant_get(t, ticket);
}

/* A new password that can't be sent is refused here, with the reason. */
static int new_password_check(const struct transaction *t, const char *password)
{
    if (converse_secret_fits(password))
        return PAM_SUCCESS;
    converse_say_own(t, true, *password ? TEXT_UNFIT : TEXT_NONE);
    return PAM_AUTHTOK_ERR;
}

static int new_password_ask(const struct transaction *t, char **ret)
{
    _cleanup_wipe_free_ char *password = NULL, *again = NULL;
    int r;

    if (t->flags & PAM_CHANGE_EXPIRED_AUTHTOK)
        converse_say_own(t, false, TEXT_CHANGE_NOW);
    r = converse_ask(t, TEXT_ASK_NEW, &password);
    if (r != PAM_SUCCESS)
        return r;
    r = new_password_check(t, password);
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

/* The new password: from the module before us, or asked twice. */
static int new_password(const struct transaction *t, char **ret)
{
    bool given = t->options.use_authtok || t->options.try_first_pass;
    const void *item = NULL;

    if (given && pam_get_item(t->pamh, PAM_AUTHTOK, &item) == PAM_SUCCESS && item) {
        *ret = strdup(item);
        return *ret ? new_password_check(t, *ret) : PAM_BUF_ERR;
    }
    if (t->options.use_authtok) {
        pam_syslog(t->pamh, LOG_ERR, "use_authtok, but no module before set a new password");
        return PAM_AUTHTOK_ERR;
    }
    return new_password_ask(t, ret);
}

/* WIRE_CHANGE. A refused password keeps the grant, so that the application may ask again. */
static int change(const struct transaction *t, struct ticket *ticket, const char *password)
{
    _cleanup_(answer_clear) struct answer answer = {0};
    const uint8_t *grant;
    bool forced;
    size_t size;
    int r;

    if (ticket_grant(ticket, &grant, &size, &forced) != 0)
        return PAM_AUTHTOK_ERR; /* ended while the person thought; the next try asks again */
    r = exchange_change(t, grant, size, password, &answer);
    if (r == PAM_SUCCESS)
        r = verdict_log(t, "change", answer.verdict);
    if (answer.verdict == WIRE_TYPING_ERROR) /* about the new password, here */
        r = PAM_AUTHTOK_ERR;
    if (r == PAM_SUCCESS || answer.verdict == WIRE_GRANT_OVER)
        ticket_drop_grant(ticket);
    if (r != PAM_SUCCESS)
        return fail(t, r, &answer);
    converse_say(t, false, answer.text);
    return PAM_SUCCESS;
}

int password_change(struct transaction *t)
{
    _cleanup_wipe_free_ char *password = NULL;
    struct ticket *ticket;
    const uint8_t *grant;
    bool forced;
    size_t size;
    int r;

    r = transaction_identify(t, false);
    if (r != PAM_SUCCESS)
        return r;
    ticket = ticket_find(t);
    if (ticket && ticket_unneeded(ticket)) {
        ticket_set_unneeded(ticket, false);
        return PAM_SUCCESS;
    }
    if (!ticket || ticket_grant(ticket, &grant, &size, &forced) != 0)
        return PAM_AUTHTOK_ERR;
    r = new_password(t, &password);
    if (r != PAM_SUCCESS)
        return r;
    return change(t, ticket, password);
}
