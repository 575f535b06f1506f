/* Gets the factors of a login, each in its own time or all at once, and has them verified. Way in:
   factors_prove(). */
#include "config.h"

#include "factors.h"

#include "converse.h"

#include "cleanup.h"

#include <security/pam_ext.h>
#include <string.h>
#include <syslog.h>

struct typed {
    char *password, *code; /* code: NULL where none was asked for */
    enum wire_mode mode;
};

static void typed_clear(struct typed *typed)
{
    wipe_free_p(&typed->password);
    wipe_free_p(&typed->code);
    *typed = (struct typed){0};
}

static bool is_same(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

/* What a module before us asked for. It is all that there is, so a code can only be behind it,
   unless there is a time of its own for that. Returns false where there is none. */
static bool typed_given(const struct transaction *t, struct typed *ret)
{
    const void *item = NULL;

    if (!t->options.try_first_pass && !t->options.use_first_pass)
        return false;
    if (pam_get_item(t->pamh, PAM_AUTHTOK, &item) != PAM_SUCCESS || !item)
        return false;
    ret->password = strdup(item); /* libpam frees its own when another one is set */
    ret->mode =
        t->options.prompt == OPTIONS_PROMPT_SEQUENTIAL ? WIRE_MODE_STEPS : WIRE_MODE_COMBINED;
    return true;
}

/* Both at once. Some applications answer the first question only, others give every question the
   same answer: what they have been given is then the password with the code behind it. */
static int typed_ask_both(const struct transaction *t, struct typed *ret)
{
    int r =
        converse_ask_both(t, TEXT_ASK_PASSWORD, TEXT_ASK_CODE_OR_NOT, &ret->password, &ret->code);

    if (r != PAM_SUCCESS)
        return r;
    ret->mode = WIRE_MODE_TOGETHER;
    if (!ret->code || strcmp(ret->password, ret->code) == 0) {
        wipe_free_p(&ret->code);
        ret->code = NULL;
        ret->mode = WIRE_MODE_COMBINED;
    }
    return PAM_SUCCESS;
}

/* Asks, and leaves the password to the modules behind us. */
static int typed_ask(const struct transaction *t, struct typed *ret)
{
    int r = PAM_SERVICE_ERR;

    switch (t->options.prompt) {
    case OPTIONS_PROMPT_SEQUENTIAL:
        ret->mode = WIRE_MODE_STEPS;
        r = converse_ask(t, TEXT_ASK_PASSWORD, &ret->password);
        break;
    case OPTIONS_PROMPT_TOGETHER:
        r = typed_ask_both(t, ret);
        break;
    case OPTIONS_PROMPT_COMBINED:
        ret->mode = WIRE_MODE_COMBINED;
        r = converse_ask(t, TEXT_ASK_COMBINED, &ret->password);
        break;
    }
    if (r == PAM_SUCCESS && pam_set_item(t->pamh, PAM_AUTHTOK, ret->password) != PAM_SUCCESS)
        return PAM_BUF_ERR;
    return r;
}

/* An answer for what can be nobody's. It isn't sent: an empty password would be an anonymous bind,
   and nobody has one that is over 511 bytes or not UTF-8. An empty code is for portald to judge,
   since only it knows whether one is needed. */
static int verify(const struct transaction *t, const struct typed *typed, struct answer *ret)
{
    const struct factors factors = {
        .password = typed->password,
        .code = typed->code,
        .mode = typed->mode,
        .purpose =
            t->options.enroll == OPTIONS_ENROLL_NO ? WIRE_PURPOSE_LOGIN : WIRE_PURPOSE_ENROLL,
    };

    if (!converse_secret_fits(typed->password) ||
        (typed->code && *typed->code && !converse_secret_fits(typed->code))) {
        ret->verdict = WIRE_WRONG;
        return PAM_SUCCESS;
    }
    return exchange_authenticate(t, &factors, ret);
}

static bool is_wrong(const struct answer *answer)
{
    return answer->verdict == WIRE_WRONG || answer->verdict == WIRE_TYPING_ERROR;
}

/* try_first_pass: the given password first; was it wrong, then another one is asked for. An
   application that gives the same answer to every question must not count twice. */
static int first_factor(const struct transaction *t, struct answer *ret)
{
    _cleanup_(typed_clear) struct typed given = {0}, asked = {0};
    bool has_given = typed_given(t, &given);
    int r;

    if (has_given && !given.password)
        return PAM_BUF_ERR;
    if (has_given) {
        r = verify(t, &given, ret);
        if (r != PAM_SUCCESS || t->options.use_first_pass || !is_wrong(ret))
            return r;
    } else if (t->options.use_first_pass) {
        return PAM_AUTH_ERR;
    }
    r = typed_ask(t, &asked);
    if (r != PAM_SUCCESS)
        return r;
    if (has_given && given.mode == asked.mode && is_same(given.password, asked.password) &&
        is_same(given.code, asked.code))
        return PAM_SUCCESS;
    answer_clear(ret);
    return verify(t, &asked, ret);
}

bool factors_need_code(const struct transaction *t, const struct answer *answer)
{
    if (answer->verdict != WIRE_CODE_NEEDED)
        return false;
    if (answer->state.size == 0)
        pam_syslog(t->pamh, LOG_ERR, "portald's answer lacks the state");
    return answer->state.size > 0;
}

/* Did the application give an earlier answer again? It is no code, and must not count as one. */
static bool is_repeated(const struct transaction *t, const char *code)
{
    static const int items[] = {PAM_AUTHTOK, PAM_OLDAUTHTOK};

    for (size_t i = 0; i < ELEMENTS(items); i++) {
        const void *item = NULL;

        if (pam_get_item(t->pamh, items[i], &item) == PAM_SUCCESS && item &&
            strcmp(item, code) == 0)
            return true;
    }
    return false;
}

int factors_second(const struct transaction *t, enum verdict_step step, const char *help,
                   const struct sealed *state, struct answer *ret)
{
    _cleanup_wipe_free_ char *code = NULL;
    int r;

    if (*help)
        converse_say(t, false, help);
    else
        converse_say_own(t, false, TEXT_CODE_HELP);
    r = converse_ask(t, TEXT_ASK_CODE, &code);
    if (r != PAM_SUCCESS)
        return r;
    if (converse_secret_fits(code) && !is_repeated(t, code))
        r = exchange_second(t, state, code, ret);
    else
        ret->verdict = WIRE_WRONG;
    return verdict_settle(t, step, "code", r, ret, TEXT_WRONG_CODE);
}

int factors_prove(const struct transaction *t, struct answer *ret)
{
    _cleanup_(answer_clear) struct answer answer = {0};
    int r = first_factor(t, &answer);

    if (r != PAM_SUCCESS && r != PAM_AUTHINFO_UNAVAIL)
        return r;
    if (r == PAM_SUCCESS && t->options.prompt == OPTIONS_PROMPT_SEQUENTIAL &&
        factors_need_code(t, &answer))
        return factors_second(t, VERDICT_LATER, answer.text, &answer.state, ret);
    r = verdict_settle(t, VERDICT_AUTHENTICATE, "authentication", r, &answer, TEXT_WRONG);
    if (r == PAM_SUCCESS)
        *ret = answer;
    return r;
}
