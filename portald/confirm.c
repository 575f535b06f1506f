/* Confirming an address: WIRE_LINK looks, WIRE_CONFIRM presses the button. For a registration,
   pressing makes initial password and PUK, stores their hashes, and queues the sealed letter:
   staged before the LDAP write, ready after it. For a change of address: moved.c. */
#include "config.h"

#include "handlers.h"
#include "holder.h"
#include "letter.h"
#include "moved.h"
#include "readdress.h"
#include "swap.h"
#include "texts.h"

#include "cleanup.h"
#include "clock.h"
#include "code.h"
#include "log.h"
#include "messages.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>

struct press {
    struct worker *worker;
    const struct request *request;
    struct wire_writer *reply;
    char language[LANGUAGE_SIZE], hash[JOB_HASH_SIZE];
    struct entry *entry;
    struct letter letter; /* staged once letter.job is set */
    struct notice notice; /* of a change: likewise */
    bool change;          /* what the link confirms, as far as it is known */
    time_t now;
};

static void press_clear(struct press *p)
{
    p->entry = entry_free(p->entry);
    letter_clear(&p->letter);
}

struct verdict_text {
    enum wire_verdict verdict;
    const char *original;
};

static const struct verdict_text registration_texts[] = {
    {WIRE_OK, N_("Thank you, your e-mail address is confirmed. We are now sending you a letter "
                 "by post with your "
                 "initial password. It should arrive within a few days.")},
    {WIRE_LINK_GOOD, N_("Please press the button to confirm your e-mail address.")},
    {WIRE_LINK_DONE,
     N_("Your e-mail address is already confirmed. Your letter is on its way to you by post.")},
    {WIRE_LINK_EXPIRED, N_("This link is no longer valid, because too much time has passed. "
                           "Please register again; you will receive a new one.")},
    {WIRE_LINK_TAKEN,
     N_("Meanwhile this e-mail address has been confirmed for another account. Please register "
        "again with another address, or contact our customer service.")},
    {WIRE_LINK_OVER,
     N_("This link can't be used any more, because your account was set up with another e-mail "
        "address or has changed since. If that wasn't you, please contact our customer "
        "service.")},
    {WIRE_UNKNOWN, N_("We don't know this link. Please check that it is complete, or register "
                      "again to receive a "
                      "new one.")},
    {0, NULL},
};

static const struct verdict_text change_texts[] = {
    {WIRE_OK, N_("Thank you, your new e-mail address is confirmed. From now on, please log in with "
                 "it; your password stays the same. We have told your former address.")},
    {WIRE_LINK_GOOD, N_("Please press the button if you want to log in with this e-mail address "
                        "from now on.")},
    {WIRE_LINK_DONE, N_("This is your e-mail address already. Please log in with it; your "
                        "password stays the same.")},
    {WIRE_LINK_EXPIRED, N_("This link is no longer valid, because too much time has passed. Your "
                           "account still has its former e-mail address. You can have a new link "
                           "sent to you.")},
    {WIRE_LINK_TAKEN, N_("Meanwhile another customer has this e-mail address. Your account still "
                         "has its former one. Please choose another address, or contact our "
                         "customer service.")},
    {WIRE_LINK_OVER, N_("This link can't be used any more, because your account has changed since "
                        "you asked for it. Your e-mail address is as it was. If you still want to "
                        "change it, please log in and ask for a new link.")},
    {0, NULL},
};

static void answer(struct press *p, enum wire_verdict verdict)
{
    const struct verdict_text *texts = p->change ? change_texts : registration_texts;

    for (; texts->original; texts++)
        if (texts->verdict == verdict)
            reply_verdict(p->reply, verdict, text(p->language, texts->original));
}

/* Reads the entry that has the link, and what the rules say. */
static int look(struct press *p, enum wire_verdict *ret)
{
    const struct entry_pending *link;
    int r, in_use = 0;

    p->entry = entry_free(p->entry);
    r = directory_find(p->worker->directory, DIRECTORY_PENDING, p->hash, false,
                       p->request->deadline, &p->entry);
    if (r == -ENOENT) {
        *ret = WIRE_UNKNOWN;
        return 0;
    }
    if (r < 0)
        return r;
    if (p->entry->malformed)
        return -EIO;
    link = account_find_link(p->entry, p->hash);
    p->change = link && link->kind != LINK_REGISTRATION;
    if (link && account_link_open(p->entry, link) &&
        (in_use = address_in_use(p->worker->directory, link->address, p->entry->uuid, p->now,
                                 p->request->deadline)) < 0)
        return in_use;
    *ret = account_check_link(p->entry, p->hash, in_use, p->now);
    return 0;
}

static bool read_token(struct press *p)
{
    char typed[LINK_SIZE];
    unsigned char token[TOKEN_BYTES];

    request_language(p->worker->manager, p->request, p->language);
    if (wire_get_string(&p->request->frame, WIRE_TOKEN, typed, sizeof typed) < 0 ||
        code_token_read(typed, token) < 0) {
        answer(p, WIRE_UNKNOWN);
        return false;
    }
    derive_hash(token, sizeof token, p->hash);
    sodium_memzero(token, sizeof token);
    sodium_memzero(typed, sizeof typed);
    return true;
}

void confirm_look(struct worker *worker, const struct request *request, struct wire_writer *reply)
{
    _cleanup_(press_clear) struct press p = {
        .worker = worker, .request = request, .reply = reply, .now = clock_now()};
    enum wire_verdict verdict = WIRE_UNKNOWN;
    int r;

    wire_begin(reply, WIRE_VERDICT);
    if (!read_token(&p))
        return;
    r = look(&p, &verdict);
    if (r < 0)
        reply_error(reply, r, p.language);
    else
        answer(&p, verdict);
}

/* The one write of a confirmation. 0; -ESTALE: look again; -EEXIST: the address went to somebody
   else this moment. */
static int write_entry(struct press *p)
{
    _cleanup_(changes_clear) struct changes changes = {0};
    struct manager *m = p->worker->manager;
    struct account_secrets secrets = {.password_hash = p->letter.password_hash,
                                      .puk_hash = p->letter.puk_hash,
                                      .job = p->letter.job,
                                      .puk_job = p->letter.puk_job};

    account_confirm(&m->settings->rules, p->entry, account_find_link(p->entry, p->hash), &secrets,
                    m->settings->ppolicy, p->now, &changes);
    return entry_swap(p->worker->directory, p->entry, &changes, p->request->deadline);
}

/* Confirms what look() found good. Returns 0 and the verdict, -ESTALE to look again, or an
   error. */
static int confirm(struct press *p, enum wire_verdict *ret)
{
    struct manager *m = p->worker->manager;
    int r;

    if (!account_letter_allowed(&m->settings->rules, p->entry, p->now)) {
        *ret = WIRE_REFUSED;
        return 0;
    }
    if (!*p->letter.job &&
        (r = letter_stage(m, p->entry, "access", p->now, p->request->deadline, &p->letter)) < 0)
        return r;
    r = write_entry(p);
    if (r == -EEXIST) {
        *ret = WIRE_LINK_TAKEN;
        return 0;
    }
    if (r < 0)
        return r == -EUCLEAN ? -ESTALE : r;
    *ret = WIRE_OK;
    return 0;
}

/* The same for a change. An administrator may have changed the address this moment: that is told
   first, and ends the link. */
static int change(struct press *p, enum wire_verdict *ret)
{
    struct worker *w = p->worker;
    int r;

    if (account_mail_changed(p->entry)) {
        r = readdress(w->manager, w->directory, p->entry->uuid, p->request->deadline);
        return r < 0 ? r : -ESTALE;
    }
    r = moved_confirm(w->manager, w->directory, p->entry, account_find_link(p->entry, p->hash),
                      p->now, p->request->deadline, &p->notice);
    if (r < 0 && r != -EEXIST)
        return r == -EUCLEAN ? -ESTALE : r;
    *ret = r == 0 ? WIRE_OK : WIRE_LINK_TAKEN;
    return 0;
}

/* Whether an earlier try was written after all. */
static bool is_written(const struct press *p)
{
    const char *job = *p->letter.job ? p->letter.job : p->notice.job;

    return *job && p->entry && account_has_job(p->entry, job);
}

/* Looks and confirms until it is decided. The outcome of a write that wasn't known shows in the
   entry: it holds our job. */
static int press(struct press *p, enum wire_verdict *ret)
{
    int r = -ESTALE;

    for (int i = 0; r == -ESTALE && i < SWAP_TRIES; i++) {
        if ((r = look(p, ret)) < 0)
            return r;
        if (is_written(p)) {
            *ret = WIRE_OK;
            return 0;
        }
        if (*ret != WIRE_LINK_GOOD)
            return 0;
        r = p->change ? change(p, ret) : confirm(p, ret);
    }
    return r;
}

void confirm_press(struct worker *worker, const struct request *request, struct wire_writer *reply)
{
    _cleanup_(press_clear) struct press p = {
        .worker = worker, .request = request, .reply = reply, .now = clock_now()};
    enum wire_verdict verdict = WIRE_UNKNOWN;
    int r;

    wire_begin(reply, WIRE_VERDICT);
    if (!read_token(&p))
        return;
    r = press(&p, &verdict);
    if (r < 0) {
        /* What is staged stays as it is: the clerk asks the directory whether it counts. */
        reply_error(reply, r, p.language);
        return;
    }
    if (*p.letter.job)
        letter_settle(worker->manager, &p.letter, verdict == WIRE_OK);
    notice_settle(worker->manager, &p.notice, verdict == WIRE_OK);
    if (verdict == WIRE_REFUSED)
        reply_verdict(
            reply, verdict,
            text(p.language,
                 N_("Several letters have been sent to you within a short time. Please contact "
                    "our customer service.")));
    else
        answer(&p, verdict);
}
