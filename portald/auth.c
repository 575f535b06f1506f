/* Logging in: WIRE_AUTHENTICATE in steps, and WIRE_ACCOUNT. What an answer may tell, and in which
   time, is the point of the order of things here: a name that doesn't exist goes the same way as
   one that does, against the decoy. */
#include "config.h"

#include "password.h"
#include "together.h"

#include "cleanup.h"

#include <errno.h>
#include <sodium.h>

/* The password was right, and nothing but the code is missing. */
static void ask_for_code(struct login *login)
{
    const struct state_bounds bounds = login_bounds(login);
    uint8_t state[STATE_SIZE];
    size_t size = 0;
    int r = state_make(login->manager->keys, &bounds, &login->proof, login->purpose, login->now,
                       state, &size);

    if (r < 0) {
        reply_error(login->reply, r, login->language);
        return;
    }
    login_answer(login, WIRE_CODE_NEEDED);
    wire_put(login->reply, WIRE_STATE, state, size);
}

/* The password was right. */
static void proceed(struct login *login, bool counted)
{
    int r = counted ? password_take_back(login, LOGIN_PASSWORD) : 0;

    if (r < 0 && r != -EBADMSG) {
        reply_error(login->reply, r, login->language);
        return;
    }
    if (r == -EBADMSG) /* nobody's password any more */
        login->entry = entry_free(login->entry);
    if (login_exists(login) && account_login(login->entry, login->now) == WIRE_OK &&
        account_needs_code(login->entry))
        ask_for_code(login);
    else
        login_admit(login);
}

static void decide(struct login *login, const char *password)
{
    bool counted = false;
    int r;

    if (login_throttled(login, LOGIN_PASSWORD) ||
        !login_count_first(login, LOGIN_PASSWORD, &counted))
        return;
    r = password_verify(login, password);
    if (r == 0) {
        proceed(login, counted);
        return;
    }
    if (r == -EACCES && !counted && (r = login_count(login, LOGIN_PASSWORD)) == 0)
        r = -EACCES;
    if (r != -EACCES && r != -EDQUOT) {
        reply_error(login->reply, r, login->language);
        return;
    }
    login_failed(login, "wrong password");
    login_answer(login, WIRE_WRONG);
}

static void in_steps(struct login *login)
{
    char typed[PASSWORD_SIZE] = "", password[PASSWORD_SIZE] = "";
    enum code_form form;
    int r = 0;

    wire_get_string(&login->request->frame, WIRE_PASSWORD, typed, sizeof typed);
    form = password_read(typed, password);
    sodium_memzero(typed, sizeof typed);
    if (form == CODE_TYPING_ERROR)
        login_answer(login, WIRE_TYPING_ERROR);
    else if ((r = login_find(login, false)) < 0)
        reply_error(login->reply, r, login->language);
    else
        decide(login, password);
    sodium_memzero(password, sizeof password);
}

void auth_authenticate(struct worker *worker, const struct request *request,
                       struct wire_writer *reply)
{
    _cleanup_(login_clear) struct login login = login_make(worker, request, reply);
    uint8_t mode = WIRE_MODE_STEPS;

    if (!login_read(&login)) {
        login_answer(&login, WIRE_WRONG);
        return;
    }
    wire_get_u8(&request->frame, WIRE_MODE, &mode);
    switch (mode) {
    case WIRE_MODE_STEPS:
        in_steps(&login);
        break;
    case WIRE_MODE_TOGETHER:
    case WIRE_MODE_COMBINED:
        together_authenticate(&login, mode);
        break;
    default: /* of a client that is newer than we are */
        login_answer(&login, WIRE_WRONG);
    }
}

/* Blocked or not is a matter of the counters that this client has. */
static void take_counters(struct login *login)
{
    for (enum entry_factor f = 0; login->known && f < FACTORS; f++)
        login->entry->failures[f] = login_failures(login, f);
}

void auth_account(struct worker *worker, const struct request *request, struct wire_writer *reply)
{
    _cleanup_(login_clear) struct login login = login_make(worker, request, reply);
    enum wire_verdict verdict;
    int r;

    if (!login_read(&login)) {
        login_answer(&login, WIRE_UNKNOWN);
        return;
    }
    if ((r = login_find(&login, false)) < 0) {
        reply_error(reply, r, login.language);
        return;
    }
    take_counters(&login);
    verdict = account_access(&worker->manager->settings->rules, login.entry, login.now);
    login_answer(&login, verdict);
    if (login.entry && verdict == WIRE_OK)
        wire_put_string(reply, WIRE_UID, login.entry->uid);
}
