/* The second factor; second_verify() handles WIRE_SECOND. */
#include "config.h"

#include "second.h"

#include "notice.h"
#include "puk.h"
#include "swap.h"
#include "texts.h"

#include "cleanup.h"
#include "code.h"
#include "log.h"
#include "messages.h"

#include <errno.h>
#include <sodium.h>

enum second_kind second_read(const char *typed)
{
    char code[CODE_SIZE];
    enum code_form form = code_read(typed, code);

    sodium_memzero(code, sizeof code);
    return form == CODE_RIGHT          ? SECOND_PUK
           : form == CODE_TYPING_ERROR ? SECOND_TYPING_ERROR
                                       : SECOND_CODE;
}

/* The operator learns which key is missing; the customer, that it isn't their fault. */
static int tell_unreadable(const struct entry *entry, int error)
{
    char why[TOTP_WHY_SIZE];

    totp_explain(entry->totp_secret, entry->totp_size, error, why);
    log_event(LOG_ERR, MESSAGE_TOTP_KEY, LOG_FIELDS("PORTAL_ENTRY", entry->uid),
              "%s can't log in: the TOTP secret can't be opened: %s", entry->uid, why);
    return -ENOKEY;
}

static int check_code(struct login *login, const char *typed, uint64_t *ret_step)
{
    static const uint8_t nobodys[TOTP_SECRET_BYTES] = {0};
    int r;

    if (login_exists(login) && account_needs_code(login->entry)) {
        r = totp_verify(login->manager->totp, login->entry, typed, login->now, ret_step);
        return r == -ENOKEY || r == -EBADMSG ? tell_unreadable(login->entry, r) : r;
    }
    (void)totp_check(nobodys, typed, login->now, 0, ret_step);
    return -EACCES;
}

int second_check(struct login *login, enum second_kind kind, const char *typed, uint64_t *ret_step)
{
    uint64_t step = 0;
    int r;

    switch (kind) {
    case SECOND_CODE:
        if ((r = check_code(login, typed, &step)) == 0)
            *ret_step = step;
        return r;
    case SECOND_PUK:
        return puk_verify(login->manager, login_exists(login) ? login->entry : NULL, typed,
                          login->request->deadline);
    case SECOND_TYPING_ERROR:
        break;
    }
    return -EACCES;
}

/* After a lost race: what the winner left. 1 when no code is needed any more. */
static int look_again(struct login *login)
{
    int r = login_find(login, login->secrets);

    if (r < 0)
        return r;
    if (!login_exists(login) || !proof_holds(&login->proof, login->entry))
        return -EBADMSG;
    return !account_needs_code(login->entry);
}

/* A step is accepted once, ever: by the swap that carries it. -EUCLEAN when it was found accepted
   after an outcome that isn't known: nobody can tell whose swap that was. */
static int accept_step(struct login *login, unsigned set, const char *typed, uint64_t step)
{
    int r = -ESTALE;

    for (int i = 0; i < SWAP_TRIES && (r == -ESTALE || r == -EUCLEAN); i++) {
        _cleanup_(changes_clear) struct changes changes = {0};
        bool unknown = r == -EUCLEAN;

        if (i > 0 && (r = look_again(login)) != 0)
            return r < 0 ? r : 0;
        if (i > 0 && (r = check_code(login, typed, &step)) < 0)
            return unknown && r == -EACCES ? -EUCLEAN : r;
        account_accept_step(step, &changes);
        r = login_succeed(login, set, &changes);
    }
    return r;
}

/* What goes with a PUK that was used. */
struct replacement {
    struct letter letter;
    struct notice used_notice, off_notice;
    char used[SECRET_HASH_SIZE]; /* the hash of the PUK that was verified */
};

static void replacement_clear(struct replacement *r)
{
    letter_clear(&r->letter);
    sodium_memzero(r->used, sizeof r->used);
}

static int write_replacement(struct login *login, unsigned set, const struct replacement *new)
{
    const struct account_rules *rules = &login->manager->settings->rules;
    _cleanup_(changes_clear) struct changes changes = {0};

    account_drop_totp(&changes);
    account_replace_puk(rules, login->entry, new->letter.puk_hash, new->letter.job, login->now,
                        &changes);
    account_note_job(new->used_notice.job, &changes);
    account_note_job(new->off_notice.job, &changes);
    return login_succeed(login, set | LOGIN_TOTP | LOGIN_PUK, &changes);
}

/* What became of a replacement. */
enum fate {
    FATE_OPEN,    /* not written: may be tried again */
    FATE_WRITTEN, /* after all */
    FATE_NEEDLESS /* somebody else has removed TOTP: the password suffices, the PUK stays unused */
};

/* After a lost race or an unknown outcome. -EACCES when the PUK is another one by now. */
static int look_for_replacement(struct login *login, const struct replacement *new,
                                enum fate *ret_fate)
{
    int r = look_again(login);
    const char *puk;

    if (r < 0)
        return r;
    puk = login->entry->puk ? login->entry->puk : "";
    if (strcmp(puk, new->letter.puk_hash) == 0)
        *ret_fate = FATE_WRITTEN;
    else if (r > 0)
        *ret_fate = FATE_NEEDLESS;
    else if (strcmp(puk, new->used) != 0)
        return -EACCES;
    return 0;
}

/* -EUCLEAN when it still isn't known whether it is written. */
static int swap_replacement(struct login *login, unsigned set, const struct replacement *new,
                            enum fate *ret_fate)
{
    int r = -ESTALE;

    for (int i = 0; i < SWAP_TRIES && (r == -ESTALE || r == -EUCLEAN); i++) {
        bool unknown = r == -EUCLEAN;

        if (i > 0 && (r = look_for_replacement(login, new, ret_fate)) < 0)
            return unknown && r != -EACCES && r != -EBADMSG ? -EUCLEAN : r;
        if (*ret_fate != FATE_OPEN)
            return 0;
        r = write_replacement(login, set, new);
    }
    if (r == 0)
        *ret_fate = FATE_WRITTEN;
    return r;
}

/* Where it isn't known whether it is written, the clerk finds out. */
static void settle_replacement(const struct login *login, const struct replacement *new,
                               bool written)
{
    letter_settle(login->manager, &new->letter, written);
    notice_settle(login->manager, &new->used_notice, written);
    notice_settle(login->manager, &new->off_notice, written);
}

/* The phone is lost, the PUK void: the person must hear of both, and of what comes next. */
static const char *replacement_news(const struct replacement *new)
{
    return *new->letter.job
               ? N_("Logging in with a code from the app is switched off now. The PUK can be used "
                    "only once, so we are sending you a letter with a new one.")
               : N_("Logging in with a code from the app is switched off now. The PUK can be used "
                    "only once. Since several letters have been sent to you within a short time, "
                    "please ask our customer service for a new one.");
}

static int use_puk(struct login *login, unsigned set)
{
    _cleanup_(replacement_clear) struct replacement new = {0};
    enum fate fate = FATE_OPEN;
    int r;

    snprintf(new.used, sizeof new.used, "%s", login->entry->puk);
    if ((r = puk_replace(login->manager, login->entry, login->now, login->request->deadline,
                         &new.letter)) < 0)
        return r;
    notice_stage(login->manager, login->entry, puk_topic(&new.letter), login->now,
                 &new.used_notice);
    notice_stage(login->manager, login->entry, "totp-off", login->now, &new.off_notice);
    r = swap_replacement(login, set, &new, &fate);
    if (r != -EUCLEAN)
        settle_replacement(login, &new, fate == FATE_WRITTEN);
    if (r < 0)
        return r;
    login->entry->totp_size = 0;
    if (fate == FATE_WRITTEN) {
        login->news = replacement_news(&new);
        login_log(login, MESSAGE_TOTP, "with the PUK", "TOTP is removed, the PUK is void");
    }
    return 0;
}

int second_accept(struct login *login, unsigned set, enum second_kind kind, const char *typed,
                  uint64_t step)
{
    return kind == SECOND_PUK ? use_puk(login, set) : accept_step(login, set, typed, step);
}

static void answer_over(struct login *login)
{
    reply_verdict(login->reply, WIRE_GRANT_OVER,
                  text(login->language, N_("Too much time has passed. Please log in again.")));
}

/* Behind a right password it may be said what is wrong. */
static void answer_wrong(struct login *login, enum second_kind kind)
{
    const char *original =
        kind == SECOND_PUK
            ? N_("The PUK is not right, or it has been used before. Please compare it with your "
                 "latest letter.")
            : N_("The code is not right, or it has been used before. Please wait for the next one "
                 "and try again. If that doesn't help, the clock of your phone may be wrong: "
                 "please let the phone set the time by itself.");

    reply_verdict(login->reply, WIRE_WRONG, text(login->language, original));
}

/* Opens the state and finds what it is about. False when the request is answered. */
static bool open_state(struct login *login, bool secrets)
{
    const struct state_bounds bounds = login_bounds(login);
    const uint8_t *state;
    size_t size;
    int r;

    if (wire_get(&login->request->frame, WIRE_STATE, &state, &size) < 0 ||
        state_open(login->manager->keys, state, size, &bounds, login->now, &login->proof,
                   &login->purpose) < 0) {
        answer_over(login);
        return false;
    }
    if ((r = login_find(login, secrets)) < 0) {
        reply_error(login->reply, r, login->language);
        return false;
    }
    if (!login_exists(login) || !proof_holds(&login->proof, login->entry)) {
        answer_over(login);
        return false;
    }
    return true;
}

/* Whether the password, which was right, suffices to say what there is to say: a code isn't needed
   any more, or doesn't help. */
static bool is_through(const struct login *login)
{
    return login_exists(login) && (account_login(login->entry, login->now) != WIRE_OK ||
                                   !account_needs_code(login->entry));
}

static unsigned set_of(enum second_kind kind)
{
    return kind == SECOND_PUK ? LOGIN_PUK : LOGIN_TOTP;
}

static int verify(struct login *login, enum second_kind kind, const char *typed)
{
    uint64_t step = 0;
    int r;

    /* Counting may have read the entry again. */
    if (!login_exists(login) || !proof_holds(&login->proof, login->entry))
        return -EBADMSG;
    if (is_through(login))
        return 0;
    r = second_check(login, kind, typed, &step);
    return r == 0 ? second_accept(login, set_of(kind), kind, typed, step) : r;
}

static void decide(struct login *login, enum second_kind kind, const char *typed)
{
    bool counted = false;
    int r;

    if (login_throttled(login, set_of(kind)) || !login_count_first(login, set_of(kind), &counted))
        return;
    r = verify(login, kind, typed);
    if (r == 0) {
        login_admit(login);
        return;
    }
    if (r == -EACCES && !counted && (r = login_count(login, set_of(kind))) == 0)
        r = -EACCES;
    if (r == -EBADMSG) {
        answer_over(login);
    } else if (r != -EACCES && r != -EDQUOT) {
        reply_error(login->reply, r, login->language);
    } else {
        login_failed(login, kind == SECOND_PUK ? "wrong PUK" : "wrong code");
        answer_wrong(login, kind);
    }
}

void second_verify(struct worker *worker, const struct request *request, struct wire_writer *reply)
{
    _cleanup_(login_clear) struct login login = login_make(worker, request, reply);
    char typed[PASSWORD_SIZE] = "";
    enum second_kind kind;

    if (!login_read(&login)) {
        answer_over(&login);
        return;
    }
    wire_get_string(&request->frame, WIRE_CODE, typed, sizeof typed);
    kind = second_read(typed);
    if (!open_state(&login, kind == SECOND_PUK))
        ; /* answered */
    else if (is_through(&login))
        login_admit(&login);
    else if (kind == SECOND_TYPING_ERROR)
        reply_verdict(login.reply, WIRE_TYPING_ERROR, text(login.language, puk_typing_error()));
    else
        decide(&login, kind, typed);
    sodium_memzero(typed, sizeof typed);
}
