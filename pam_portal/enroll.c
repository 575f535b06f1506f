/* Sets TOTP up: portald makes the secret and keeps it only when the first code shows that the app
   has it, so that leaving at any point leaves nothing. Way in: enroll_person(). */
#include "config.h"

#include "enroll.h"

#include "converse.h"
#include "verdict.h"

#include "cleanup.h"

#include <security/pam_ext.h>
#include <syslog.h>

/* All of it must be seen: who has no secret can give no code. */
static int show(const struct transaction *t, const char *text, const struct offer *offer)
{
    int r = converse_show(t, text);

    if (r == PAM_SUCCESS)
        r = converse_show(t, offer->qr);
    if (r == PAM_SUCCESS)
        r = converse_show(t, offer->uri);
    return r == PAM_SUCCESS ? PAM_SUCCESS : PAM_AUTH_ERR;
}

/* Gets a secret from portald and shows it. */
static int begin(const struct transaction *t, const struct sealed *grant, struct sealed *ret_state)
{
    _cleanup_(offer_clear) struct offer offer = {0};
    _cleanup_(answer_clear) struct answer answer = {0};
    int r;

    r = exchange_enroll(t, grant, &answer, &offer);
    r = verdict_settle(t, VERDICT_LATER, "set-up", r, &answer, TEXT_WRONG);
    if (r != PAM_SUCCESS)
        return r;
    if (answer.state.size == 0 || !*offer.uri) {
        pam_syslog(t->pamh, LOG_ERR, "portald's answer lacks the new secret");
        converse_say_own(t, true, TEXT_UNAVAILABLE);
        return PAM_AUTHINFO_UNAVAIL;
    }
    r = show(t, answer.text, &offer);
    if (r == PAM_SUCCESS)
        *ret_state = answer.state;
    return r;
}

/* One code. *ret_again: it was wrong, and may be tried again. */
static int try_code(const struct transaction *t, const struct sealed *state, bool *ret_again)
{
    _cleanup_wipe_free_ char *code = NULL;
    _cleanup_(answer_clear) struct answer answer = {.verdict = WIRE_WRONG};
    int r;

    *ret_again = false;
    r = converse_ask(t, TEXT_ASK_FIRST_CODE, &code);
    if (r != PAM_SUCCESS)
        return r;
    if (!*code)
        return PAM_AUTH_ERR; /* not now */
    if (converse_secret_fits(code))
        r = exchange_enroll_code(t, state, code, &answer);
    *ret_again =
        r == PAM_SUCCESS && (answer.verdict == WIRE_WRONG || answer.verdict == WIRE_TYPING_ERROR);
    r = verdict_settle(t, VERDICT_LATER, "first code", r, &answer, TEXT_WRONG_CODE);
    if (r == PAM_SUCCESS)
        converse_say(t, false, answer.text);
    return r;
}

static int set_up(const struct transaction *t, const struct sealed *grant)
{
    struct sealed state = {0};
    bool again = true;
    int r;

    if (t->flags & PAM_SILENT) /* nothing may be shown, so nothing need be made */
        return PAM_AUTH_ERR;
    r = begin(t, grant, &state);
    if (r != PAM_SUCCESS)
        return r;
    if (t->options.enroll == OPTIONS_ENROLL_OFFER)
        converse_say_own(t, false, TEXT_ENROLL_SKIP);
    for (int i = 0; i < ENROLL_TRIES && again; i++)
        r = try_code(t, &state, &again);
    explicit_bzero(&state, sizeof state);
    return r;
}

int enroll_person(const struct transaction *t, const struct sealed *grant, bool *ret_done)
{
    bool required = t->options.enroll == OPTIONS_ENROLL_REQUIRE;
    int r = set_up(t, grant);

    *ret_done = r == PAM_SUCCESS;
    if (r == PAM_SUCCESS)
        return PAM_SUCCESS;
    if (r == PAM_PERM_DENIED) /* locked or closed a moment ago */
        return r;
    converse_say_own(t, required, required ? TEXT_ENROLL_REQUIRED : TEXT_ENROLL_LATER);
    return required ? r : PAM_SUCCESS;
}
