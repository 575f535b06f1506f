/* Recovery. portald answers alike for every name until code and PUK are right, and asks are alike
   here, too. Way in: recover_person() for authenticate, recover_prove() for chauthtok. */
#include "config.h"

#include "recover.h"

#include "admit.h"
#include "converse.h"
#include "factors.h"
#include "newpassword.h"

#include "cleanup.h"

#include <security/pam_ext.h>
#include <string.h>
#include <syslog.h>

static int code_order(const struct transaction *t, enum verdict_step step)
{
    _cleanup_(answer_clear) struct answer answer = {0};
    int r = exchange_forgotten(t, &answer);

    r = verdict_settle(t, step, "mailed code", r, &answer, TEXT_WRONG);
    if (r == PAM_SUCCESS)
        converse_say(t, false, answer.text);
    return r;
}

/* Answers that can't both be right, being empty, unreadable or the same, aren't sent: they would
   count. */
static bool can_be_right(const char *code, const char *puk)
{
    return converse_secret_fits(code) && converse_secret_fits(puk) && strcmp(code, puk) != 0;
}

int recover_prove(const struct transaction *t, enum verdict_step step, struct sealed *ret_grant)
{
    _cleanup_wipe_free_ char *code = NULL, *puk = NULL;
    _cleanup_(answer_clear) struct answer answer = {.verdict = WIRE_WRONG};
    int r;

    r = code_order(t, step);
    if (r != PAM_SUCCESS)
        return r;
    r = converse_ask(t, TEXT_ASK_MAILED_CODE, &code);
    if (r == PAM_SUCCESS)
        r = converse_ask(t, TEXT_ASK_PUK, &puk);
    if (r != PAM_SUCCESS)
        return r;
    if (can_be_right(code, puk))
        r = exchange_recover(t, code, puk, &answer);
    r = verdict_settle(t, step, "recovery", r, &answer, TEXT_WRONG_RECOVERY);
    if (r == PAM_SUCCESS && answer.grant.size == 0) {
        pam_syslog(t->pamh, LOG_ERR, "portald's answer lacks the grant");
        converse_say_own(t, true, TEXT_UNAVAILABLE);
        return PAM_AUTHINFO_UNAVAIL;
    }
    if (r != PAM_SUCCESS)
        return r;
    converse_say(t, false, answer.text);
    *ret_grant = answer.grant;
    return PAM_SUCCESS;
}

/* One new password. *ret_again: another one may be tried. */
static int try_password(const struct transaction *t, const struct sealed *grant, struct answer *ret,
                        bool *ret_again)
{
    _cleanup_wipe_free_ char *password = NULL;
    int r;

    *ret_again = false;
    r = newpassword_ask(t, &password);
    if (r == PAM_AUTHTOK_ERR) {
        *ret_again = true;
        return PAM_AUTH_ERR;
    }
    if (r != PAM_SUCCESS)
        return r;
    r = exchange_change(t, grant, password, WIRE_PURPOSE_LOGIN, ret);
    *ret_again =
        r == PAM_SUCCESS && (ret->verdict == WIRE_REFUSED || ret->verdict == WIRE_TYPING_ERROR);
    return verdict_settle(t, VERDICT_LATER, "new password", r, ret, TEXT_WRONG);
}

static int set_password(const struct transaction *t, struct answer *ret)
{
    struct sealed grant = {0};
    bool again = true;
    int r = recover_prove(t, VERDICT_AUTHENTICATE, &grant);

    if (r != PAM_SUCCESS)
        return r;
    for (int i = 0; i < RECOVER_TRIES && again; i++) {
        answer_clear(ret);
        r = try_password(t, &grant, ret, &again);
    }
    explicit_bzero(&grant, sizeof grant);
    return r;
}

/* The password is set. Where TOTP is set up, that alone opens nothing. */
static int finish(const struct transaction *t, struct ticket *ticket, const struct answer *changed)
{
    _cleanup_(answer_clear) struct answer answer = {0};
    int r;

    if (changed->state.size == 0)
        return admit_person(t, ticket, changed);
    converse_say(t, false, changed->text);
    r = factors_second(t, VERDICT_LATER, text_get(TEXT_CODE_STILL, t->options.language),
                       &changed->state, &answer);
    return r == PAM_SUCCESS ? admit_person(t, ticket, &answer) : r;
}

int recover_person(const struct transaction *t, struct ticket *ticket)
{
    _cleanup_(answer_clear) struct answer changed = {0};
    int r = set_password(t, &changed);

    if (r != PAM_SUCCESS)
        return r;
    r = finish(t, ticket, &changed);
    if (r != PAM_SUCCESS)
        converse_say_own(t, false, TEXT_PASSWORD_SET);
    return r;
}
