/* Password and code at once, in two fields or in one: together_authenticate(). Neither verdict nor
   text, count nor time may tell which of the two was wrong, or whether there is a second one at
   all: both are always verified, and a failure counts for both. */
#include "config.h"

#include "together.h"

#include "password.h"
#include "second.h"
#include "texts.h"

#include "cleanup.h"

#include <errno.h>
#include <sodium.h>

#define CODE_DIGITS 6

/* What was typed. Whether a password ends in a code can only be said once the entry is known. */
struct typed {
    char whole[PASSWORD_SIZE], rest[PASSWORD_SIZE]; /* the password; without a code behind it */
    char code[PASSWORD_SIZE];
    enum second_kind kind;
    bool typing_error;
};

static void typed_clear(struct typed *typed)
{
    sodium_memzero(typed, sizeof *typed);
}

/* The length of what stands before six digits, or all of it where there are none. */
static size_t before_code(const char *raw)
{
    size_t length = strlen(raw), digits = 0;

    while (digits < CODE_DIGITS && digits < length && raw[length - digits - 1] >= '0' &&
           raw[length - digits - 1] <= '9')
        digits++;
    return digits == CODE_DIGITS ? length - digits : length;
}

/* A password with six digits behind it may happen to look like a letter's code with a typing error:
   refused like any other then. */
static void read_combined(char *raw, struct typed *ret)
{
    size_t length = before_code(raw);
    bool has_code = raw[length] != 0;

    ret->typing_error = password_read(raw, ret->whole) == CODE_TYPING_ERROR && !has_code;
    snprintf(ret->code, sizeof ret->code, "%s", raw + length);
    ret->kind = SECOND_CODE;
    raw[length] = 0;
    if (secret_normalize(raw, ret->rest, sizeof ret->rest) < 0)
        ret->rest[0] = 0;
}

static void read_both(const struct wire_frame *f, char *raw, struct typed *ret)
{
    ret->typing_error = password_read(raw, ret->whole) == CODE_TYPING_ERROR;
    memcpy(ret->rest, ret->whole, sizeof ret->rest);
    wire_get_string(f, WIRE_CODE, ret->code, sizeof ret->code);
    ret->kind = second_read(ret->code);
    ret->typing_error = ret->typing_error || ret->kind == SECOND_TYPING_ERROR;
}

static void read_typed(const struct wire_frame *f, enum wire_mode mode, struct typed *ret)
{
    char raw[PASSWORD_SIZE] = "";

    wire_get_string(f, WIRE_PASSWORD, raw, sizeof raw);
    if (mode == WIRE_MODE_COMBINED)
        read_combined(raw, ret);
    else
        read_both(f, raw, ret);
    sodium_memzero(raw, sizeof raw);
}

static bool needs_code(const struct login *login)
{
    return login_exists(login) && account_needs_code(login->entry);
}

/* The factors that hold this login up: those that it needs. */
static unsigned factors(const struct login *login, const struct typed *typed)
{
    if (!needs_code(login))
        return LOGIN_PASSWORD;
    return LOGIN_PASSWORD | (typed->kind == SECOND_PUK ? LOGIN_PUK : LOGIN_TOTP);
}

/* The code first, which costs next to nothing. Where it is wrong, nobody finds out about the
   password, not even we: the decoy's is verified, because slapd writes down a wrong bind and not a
   right one, and the time of that write would tell. 0, -EACCES, or an error that says nothing.
   *ret_why is for the journal. */
static int verify(struct login *login, const struct typed *typed, uint64_t *ret_step,
                  const char **ret_why)
{
    bool needed = needs_code(login);
    int code = second_check(login, typed->kind, typed->code, ret_step);
    int password = needed && code == -EACCES
                       ? password_verify_nobodys(login, typed->rest)
                       : password_verify(login, needed ? typed->rest : typed->whole);

    if (password < 0 && password != -EACCES)
        return password;
    /* A secret that can't be opened is this entry's own trouble: said behind a right password only,
       or it would tell that there is such an entry. */
    if (code < 0 && code != -EACCES && (code != -ENOKEY || password == 0))
        return code;
    *ret_why = !needed || code == 0        ? "wrong password"
               : typed->kind == SECOND_PUK ? "wrong PUK"
                                           : "wrong code";
    return password == 0 && needed ? code : password;
}

/* All was right: lets in, or says what keeps a right password out. -EACCES when the code was used
   meanwhile. */
static int accept(struct login *login, const struct typed *typed, uint64_t step, bool counted)
{
    int r = 0;

    if (account_login(login->entry, login->now) != WIRE_OK || !needs_code(login)) {
        if (counted)
            r = password_take_back(login, factors(login, typed));
    } else {
        r = second_accept(login, factors(login, typed), typed->kind, typed->code, step);
    }
    if (r == -EBADMSG) /* nobody's password any more */
        login->entry = entry_free(login->entry);
    else if (r < 0)
        return r;
    login_admit(login);
    return 0;
}

/* A wrong PUK is counted as a wrong password: as one of its own only behind a right password, which
   isn't looked at here. So nobody can use up a stranger's tries, and guesses are throttled all the
   same. */
static int count(struct login *login, const struct typed *typed, bool counted)
{
    return counted ? 0 : login_count(login, factors(login, typed) & ~LOGIN_PUK);
}

static void decide(struct login *login, const struct typed *typed)
{
    const char *why = "used code";
    bool counted = false;
    uint64_t step = 0;
    int r;

    if (login_throttled(login, factors(login, typed)) ||
        !login_count_first(login, factors(login, typed) & ~LOGIN_PUK, &counted))
        return;
    r = verify(login, typed, &step, &why);
    if (r == 0 && (r = accept(login, typed, step, counted)) == 0)
        return;
    if (r == -EACCES && (r = count(login, typed, counted)) == 0)
        r = -EACCES;
    if (r != -EACCES && r != -EDQUOT) {
        reply_error(login->reply, r, login->language);
        return;
    }
    login_failed(login, why);
    reply_verdict(
        login->reply, WIRE_WRONG,
        text(login->language, N_("The e-mail address, the password or the code is not right.")));
}

void together_authenticate(struct login *login, enum wire_mode mode)
{
    _cleanup_(typed_clear) struct typed typed = {0};
    int r;

    read_typed(&login->request->frame, mode, &typed);
    if (typed.typing_error)
        login_answer(login, WIRE_TYPING_ERROR);
    else if ((r = login_find(login, typed.kind == SECOND_PUK)) < 0)
        reply_error(login->reply, r, login->language);
    else
        decide(login, &typed);
}
