/* `portalctl lock|unlock|unblock|totp-off|restart|letter|close|reopen WHO`: an administrator's wish
   for one account. What it needs is staged, written with it in one modify, and settled, as ever. */
#include "config.h"

#include "control.h"

#include "known.h"
#include "letter.h"
#include "notice.h"
#include "recovery.h"
#include "swap.h"

#include "cleanup.h"
#include "clock.h"
#include "log.h"
#include "messages.h"

#include <errno.h>
#include <stdio.h>

struct fulfilment {
    struct control *control;
    enum account_wish wish;
    const char *reason;  /* or NULL */
    struct entry *entry; /* as it is now */
    const char *kind;    /* of the letter, once it is staged */
    struct letter letter;
    struct notice notice;
    time_t now;
    bool unsure; /* whether an earlier try was written */
};

static void fulfilment_clear(struct fulfilment *f)
{
    f->entry = entry_free(f->entry);
    letter_clear(&f->letter);
}

static const char *notice_topic(enum account_wish wish)
{
    switch (wish) {
    case WISH_TOTP_OFF:
        return "totp-off";
    case WISH_RESTART:
        return "restarted";
    default:
        return NULL;
    }
}

/* What the wish needs of the queue, once. A letter of another kind than an earlier try's is made
   anew: the account has moved on meanwhile. */
static int stage(struct fulfilment *f)
{
    const struct manager *m = f->control->worker->manager;
    const char *kind = account_wish_letter(f->entry, f->wish), *topic = notice_topic(f->wish);
    int r;

    if (f->kind && (!kind || strcmp(kind, f->kind) != 0)) {
        letter_settle(m, &f->letter, false);
        letter_clear(&f->letter);
        f->kind = NULL;
    }
    if (kind && !f->kind) {
        r = letter_stage(m, f->entry, kind, f->now, f->control->request->deadline, &f->letter);
        if (r < 0)
            return r;
        f->kind = kind;
    }
    if (topic && !*f->notice.job)
        notice_stage(m, f->entry, topic, f->now, &f->notice);
    return 0;
}

static int write_wish(struct fulfilment *f)
{
    _cleanup_(changes_clear) struct changes changes = {0};
    struct worker *w = f->control->worker;
    const struct settings *s = w->manager->settings;
    const struct account_wish_means means = {.reason = f->reason,
                                             .job = f->letter.job,
                                             .puk_job = f->letter.puk_job,
                                             .puk_hash = f->letter.puk_hash,
                                             .password_hash = f->letter.password_hash,
                                             .ppolicy = s->ppolicy};

    account_grant_wish(&s->rules, f->entry, f->wish, &means, f->now, &changes);
    account_note_job(f->notice.job, &changes);
    return entry_swap(w->directory, f->entry, &changes, f->control->request->deadline);
}

/* Whether an earlier try whose outcome wasn't known was written: its jobs are in the entry, or what
   was wished for is so already. */
static bool is_done(const struct fulfilment *f)
{
    if (!f->unsure)
        return false;
    if (*f->letter.job)
        return account_has_job(f->entry, f->letter.job);
    if (*f->notice.job)
        return account_has_job(f->entry, f->notice.job);
    return account_wish_refused(f->entry, f->wish) != NULL;
}

static int read_again(struct fulfilment *f)
{
    struct entry *entry = NULL;
    struct control *c = f->control;
    int r = directory_find(c->worker->directory, DIRECTORY_UUID, f->entry->uuid, true,
                           c->request->deadline, &entry);

    if (r < 0)
        return r;
    entry_free(f->entry);
    f->entry = entry;
    return 0;
}

/* Stages and writes until nobody else was faster. 0; -EPERM and why; or an error. */
static int fulfil(struct fulfilment *f, const char **ret_why)
{
    int r = -ESTALE;

    for (int i = 0; i < SWAP_TRIES && (r == -ESTALE || r == -EUCLEAN); i++) {
        f->unsure |= r == -EUCLEAN;
        if (i > 0 && (r = read_again(f)) < 0)
            return r;
        if (is_done(f))
            return 0;
        if ((*ret_why = account_wish_refused(f->entry, f->wish)))
            return -EPERM;
        if ((r = stage(f)) < 0)
            return r;
        r = write_wish(f);
    }
    return r;
}

/* Where it isn't known whether the write happened, the clerk finds out. */
static void settle(struct fulfilment *f, int r)
{
    const struct manager *m = f->control->worker->manager;

    if (r == -EUCLEAN || (r < 0 && f->unsure))
        return;
    letter_settle(m, &f->letter, r == 0);
    notice_settle(m, &f->notice, r == 0);
}

/* What isn't counted in the entry: the tries of clients, by the name that they type. */
static void unblock_clients(const struct fulfilment *f)
{
    const struct manager *m = f->control->worker->manager;
    char name[MAIL_ADDRESS_SIZE];

    if (f->wish != WISH_UNBLOCK)
        return;
    known_unblock(m->known, f->entry, f->now);
    if (f->entry->mail && login_name_read(f->entry->mail, name) == 0)
        recovery_unblock(m, name, f->now);
}

static const char *done_text(const struct fulfilment *f)
{
    static const char *const texts[WISHES] = {
        [WISH_LOCK] = "The account is locked, and all sessions have ended.",
        [WISH_UNLOCK] = "The account is what it was before it was locked.",
        [WISH_UNBLOCK] = "All failed attempts are forgotten: logging in may be tried again.",
        [WISH_TOTP_OFF] = "TOTP is off: the password suffices. The customer is told by mail.",
        [WISH_RESTART] = ("TOTP, PUK, password and sessions have ended. A letter with a new "
                          "initial password and PUK is queued, and the customer is told by mail."),
        [WISH_LETTER] = "A letter with a new initial password and PUK is queued.",
        [WISH_CLOSE] = "The account is closed, and all sessions have ended.",
        [WISH_REOPEN] = "The account is what it was before it was closed.",
    };

    if (f->wish == WISH_LETTER && f->kind && strcmp(f->kind, "puk") == 0)
        return "A letter with a new PUK is queued. The password stays.";
    return texts[f->wish];
}

static json_t *report(const struct fulfilment *f)
{
    log_event(LOG_NOTICE, MESSAGE_WISH,
              LOG_FIELDS("PORTAL_ENTRY", f->entry->uid, "PORTAL_JOB", f->letter.job),
              "%s for %s%s%s", account_wish_word(f->wish), f->entry->uid,
              f->reason && *f->reason ? ": " : "", f->reason ? f->reason : "");
    return json_pack("{s:s, s:s, s:s, s:s*}", "text", done_text(f), "uid", f->entry->uid, "wish",
                     account_wish_word(f->wish), "letter", *f->letter.job ? f->letter.job : NULL);
}

json_t *control_wish(struct control *control)
{
    _cleanup_(fulfilment_clear) struct fulfilment f = {
        .control = control, .reason = control_string(control, "reason"), .now = clock_now()};
    const char *word = control_string(control, "wish"), *why = NULL;
    int wish = word ? account_wish_read(word) : -EINVAL, r;
    json_t *answer;

    if (wish < 0)
        return control_refuse(control, 2, "This portald has no such command");
    f.wish = (enum account_wish)wish;
    if ((answer = control_customer(control, true, &f.entry)))
        return answer;
    r = fulfil(&f, &why);
    settle(&f, r);
    if (r == -EPERM && why)
        return control_refuse(control, 1, "%s: %s", f.entry->uid, why);
    if (r == -ENOENT)
        return control_refuse(control, 1, "The entry has gone");
    if (r < 0)
        return control_fail(control, r);
    unblock_clients(&f);
    return report(&f);
}
