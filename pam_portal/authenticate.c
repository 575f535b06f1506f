/* pam_authenticate: gets the password, lets portald verify it, keeps what comes with the answer.
   Way in: authenticate_person(). */
#include "config.h"

#include "steps.h"

#include "converse.h"
#include "exchange.h"
#include "ticket.h"
#include "verdict.h"

#include "cleanup.h"
#include "wire.h"

#include <security/pam_ext.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

#define PORTAL_UID "PORTAL_UID"

/* The password that a module before us asked for. NULL where there is none. */
static const char *password_given(const struct transaction *t)
{
    const void *item = NULL;

    if (!t->options.try_first_pass && !t->options.use_first_pass)
        return NULL;
    if (pam_get_item(t->pamh, PAM_AUTHTOK, &item) != PAM_SUCCESS)
        return NULL;
    return item;
}

/* Asks, and leaves the answer to the modules behind us. */
static int password_ask(const struct transaction *t, char **ret)
{
    _cleanup_wipe_free_ char *password = NULL;
    int r;

    r = converse_ask(t, TEXT_ASK_PASSWORD, &password);
    if (r != PAM_SUCCESS)
        return r;
    if (pam_set_item(t->pamh, PAM_AUTHTOK, password) != PAM_SUCCESS)
        return PAM_BUF_ERR;
    *ret = TAKE(password);
    return PAM_SUCCESS;
}

/* An answer for a password that can be nobody's. It isn't sent: an empty one would be an anonymous
   bind, and no account has one that is over 511 bytes or not UTF-8. */
static int verify(const struct transaction *t, const char *password, struct answer *ret)
{
    if (!converse_secret_fits(password)) {
        ret->verdict = WIRE_WRONG;
        return PAM_SUCCESS;
    }
    return exchange_authenticate(t, password, false, ret);
}

static bool is_wrong(const struct answer *answer)
{
    return answer->verdict == WIRE_WRONG || answer->verdict == WIRE_TYPING_ERROR;
}

/* A success must come whole: a verdict on the account and a uid that can stand in the
   environment. */
static bool success_is_whole(const struct answer *answer)
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

/* What an earlier success in this transaction left must not vouch for this one. */
static int uid_forget(const struct transaction *t)
{
    if (!pam_getenv(t->pamh, PORTAL_UID))
        return PAM_SUCCESS;
    return pam_putenv(t->pamh, PORTAL_UID) == PAM_SUCCESS ? PAM_SUCCESS : PAM_BUF_ERR;
}

static int succeed(const struct transaction *t, struct ticket *ticket, const struct answer *answer)
{
    bool forced = answer->account == WIRE_NEW_PASSWORD;

    if (!success_is_whole(answer)) {
        pam_syslog(t->pamh, LOG_ERR, "portald's answer lacks the account's verdict or uid");
        converse_say_own(t, true, TEXT_UNAVAILABLE);
        return PAM_AUTHINFO_UNAVAIL;
    }
    if (t->options.change == OPTIONS_CHANGE_AUTH && answer->account != WIRE_OK) {
        converse_say_own(t, true, forced ? TEXT_CHANGE_FIRST : TEXT_WRONG);
        return PAM_AUTH_ERR;
    }
    ticket_note_account(ticket, answer->account, false);
    if (answer->grant_size > 0)
        ticket_set_grant(ticket, answer->grant, answer->grant_size, forced);
    converse_say(t, false, answer->text);
    return uid_export(t, answer->uid);
}

static int conclude(const struct transaction *t, struct ticket *ticket, const struct answer *answer)
{
    const char *name;
    int code = verdict_code(VERDICT_AUTHENTICATE, answer->verdict, &name);

    if (t->options.debug)
        pam_syslog(t->pamh, LOG_DEBUG, "authentication of %s: %s", t->user, name);
    if (code == PAM_SUCCESS)
        return succeed(t, ticket, answer);
    if (*answer->text)
        converse_say(t, true, answer->text);
    else
        converse_say_own(t, true, code == PAM_AUTHINFO_UNAVAIL ? TEXT_UNAVAILABLE : TEXT_WRONG);
    return code;
}

/* try_first_pass: the given password first; was it wrong, then another one is asked for. An
   application that gives the same answer to every question must not count twice. */
static int attempt(const struct transaction *t, struct answer *ret)
{
    _cleanup_wipe_free_ char *password = NULL;
    const char *given = password_given(t);
    int r;

    if (!given && t->options.use_first_pass)
        return PAM_AUTH_ERR;
    if (given) {
        r = verify(t, given, ret);
        if (r != PAM_SUCCESS || t->options.use_first_pass || !is_wrong(ret))
            return r;
        password = strdup(given); /* libpam frees its own when another one is set */
        if (!password)
            return PAM_BUF_ERR;
    }
    {
        _cleanup_wipe_free_ char *asked = NULL;

        r = password_ask(t, &asked);
        if (r != PAM_SUCCESS)
            return r;
        if (password && strcmp(password, asked) == 0)
            return PAM_SUCCESS;
        answer_clear(ret);
        return verify(t, asked, ret);
    }
}

int authenticate_person(struct transaction *t)
{
    _cleanup_(answer_clear) struct answer answer = {0};
    struct ticket *ticket = NULL;
    int r;

    r = uid_forget(t);
    if (r != PAM_SUCCESS)
        return r;
    r = transaction_identify(t, true);
    if (r != PAM_SUCCESS)
        return r;
    r = ticket_renew(t, &ticket);
    if (r != PAM_SUCCESS)
        return r;
    r = attempt(t, &answer);
    if (r == PAM_AUTHINFO_UNAVAIL)
        converse_say_own(t, true, TEXT_UNAVAILABLE);
    if (r == PAM_SUCCESS)
        r = conclude(t, ticket, &answer);
    ticket_set_result(ticket, r);
    return r;
}
