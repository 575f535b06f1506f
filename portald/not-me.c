/* "This wasn't me": WIRE_REFERENCE looks, WIRE_NOT_ME presses the button. Before the first personal
   password the registration is wiped, afterwards the account is locked; a change of e-mail address
   is undone while that can be. Support is told each time. */
#include "config.h"

#include "account-letter.h"
#include "handlers.h"
#include "move.h"
#include "moved.h"
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

#define REFERENCE_SECONDS (30 * DAY)

/* The job that the reference belongs to. Returns 0, -ENOENT for an unknown or old one, or the
   queue's error. */
static int find_job(struct worker *worker, const struct request *request, struct job *ret)
{
    char typed[LINK_SIZE], hash[JOB_HASH_SIZE];
    unsigned char reference[REFERENCE_BYTES];
    int r;

    if (wire_get_string(&request->frame, WIRE_REFERENCE_CODE, typed, sizeof typed) < 0 ||
        code_reference_read(typed, reference) < 0)
        return -ENOENT;
    derive_hash(reference, sizeof reference, hash);
    r = queue_by_reference(worker->manager->queue, hash, ret);
    return r == 0 && clock_now() - ret->created > REFERENCE_SECONDS ? -ENOENT : r;
}

static void answer_unknown(struct wire_writer *reply, const char *language)
{
    reply_verdict(
        reply, WIRE_UNKNOWN,
        text(language,
             N_("We don't know this reference, or it is older than 30 days. Please check it, or "
                "contact our customer service.")));
}

/* Whether the reference would undo a change of address: 1, 0, or an error. */
static int would_undo(struct worker *worker, const struct job *job, long long deadline)
{
    _cleanup_(entry_free_p) struct entry *entry = NULL;
    int r;

    if (job->kind != JOB_MAIL || strcmp(job->topic, "mail-moved") != 0)
        return 0;
    r = directory_find(worker->directory, DIRECTORY_UUID, job->entry, false, deadline, &entry);
    if (r < 0)
        return r == -ENOENT ? 0 : r;
    return account_undoable(entry, job->id, clock_now()) != NULL;
}

void not_me_look(struct worker *worker, const struct request *request, struct wire_writer *reply)
{
    _cleanup_(job_clear) struct job job = {0};
    char language[LANGUAGE_SIZE];
    int r, undo = 0;

    wire_begin(reply, WIRE_VERDICT);
    request_language(worker->manager, request, language);
    r = find_job(worker, request, &job);
    if (r == 0)
        r = undo = would_undo(worker, &job, request->deadline);
    if (r == -ENOENT) {
        answer_unknown(reply, language);
        return;
    }
    if (r < 0) {
        reply_error(reply, r, language);
        return;
    }
    reply_verdict(
        reply, WIRE_LINK_GOOD,
        text(language, undo ? N_("If you didn't change your e-mail address, please press the "
                                 "button. Your account then gets this address back, and nobody can "
                                 "log in until you have set a new password.")
                            : N_("If this wasn't you, please press the button. We will then "
                                 "protect the account and look into it.")));
    wire_put_string(reply, WIRE_KIND, undo ? "mail" : "account");
}

/* Whether job is a mail that went to another address than the entry's. */
static bool went_elsewhere(const struct manager *m, const struct job *job,
                           const struct entry *entry)
{
    char hash[JOB_HASH_SIZE];

    if (job->kind != JOB_MAIL || !entry || !entry->mail)
        return false;
    derive_address_hash(m->keys, entry->mail, hash);
    return strcmp(hash, job->address) != 0;
}

/* What was decided, and what goes with it. */
struct protection {
    struct worker *worker;
    const struct job *job;
    long long deadline;
    char uid[ENTRY_UID_SIZE];
    enum account_not_me done;
    struct moved_back mails; /* of an undoing */
    bool written;            /* … and it was */
    bool taken; /* another customer has the former address by now: it can't be given back */
};

static int lock_or_wipe(struct protection *p, const struct entry *entry, enum account_not_me what)
{
    _cleanup_(changes_clear) struct changes changes = {0};
    const struct manager *m = p->worker->manager;

    if (what == NOT_ME_WIPE)
        account_wipe(entry, m->settings->ppolicy, clock_now(), &changes);
    else {
        account_lock(entry, "reported as \"this wasn't me\"", &changes);
        account_withdraw_letters(entry, clock_now(), &changes);
    }
    return entry_swap(p->worker->directory, entry, &changes, p->deadline);
}

static int undo(struct protection *p, const struct entry *entry, const struct entry_former *former)
{
    const struct worker *w = p->worker;
    int r =
        moved_undo(w->manager, w->directory, entry, former, clock_now(), p->deadline, &p->mails);

    p->taken = r == -EEXIST;
    p->written = r == 0;
    return p->taken ? -ESTALE : r;
}

/* The link that the job's mail brought to a new address, if it may still be pressed; or NULL. */
static const struct entry_pending *open_link(const struct manager *m, const struct job *job,
                                             const struct entry *entry)
{
    const struct entry_pending *link;
    unsigned char token[TOKEN_BYTES];
    char hash[JOB_HASH_SIZE];

    if (!entry || job->kind != JOB_MAIL || strcmp(job->topic, MOVE_LINK) != 0)
        return NULL;
    derive_token(m->keys, job->id, token);
    derive_hash(token, sizeof token, hash);
    sodium_memzero(token, sizeof token);
    link = account_find_link(entry, hash);
    return link && account_link_open(entry, link) ? link : NULL;
}

static int unlink_address(struct protection *p, const struct entry *entry,
                          const struct entry_pending *link)
{
    _cleanup_(changes_clear) struct changes changes = {0};

    account_end_link(link, &changes);
    return entry_swap(p->worker->directory, entry, &changes, p->deadline);
}

/* One look, and the write that it asks for. */
static int protect_once(struct protection *p, const struct entry *entry)
{
    const struct manager *m = p->worker->manager;
    const struct entry_pending *link = open_link(m, p->job, entry);
    const struct entry_former *former =
        p->taken ? NULL : account_undoable(entry, p->job->id, clock_now());
    enum account_not_me what =
        former ? NOT_ME_UNDO
               : account_not_me(entry, p->job->topic, went_elsewhere(m, p->job, entry));

    if (link) {
        p->done = NOT_ME_UNLINK;
        return unlink_address(p, entry, link);
    }
    if (what == NOT_ME_NOTHING) {
        /* Done by an earlier try whose outcome wasn't known, or by somebody else. */
        p->written = entry && account_has_job(entry, p->mails.back.job);
        return 0;
    }
    p->done = what;
    return former ? undo(p, entry, former) : lock_or_wipe(p, entry, what);
}

/* Reads, decides, writes, until nobody else was faster. What was decided stays decided when the
   write's outcome was unknown and there is nothing left to do. */
static int protect(struct protection *p)
{
    int r = -ESTALE;

    for (int i = 0; i < SWAP_TRIES && (r == -ESTALE || r == -EUCLEAN); i++) {
        _cleanup_(entry_free_p) struct entry *entry = NULL;
        r = directory_find(p->worker->directory, DIRECTORY_UUID, p->job->entry, false, p->deadline,
                           &entry);
        if (r < 0 && r != -ENOENT)
            return r;
        snprintf(p->uid, sizeof p->uid, "%s", entry ? entry->uid : "");
        r = protect_once(p, entry);
    }
    if (r != -EUCLEAN)
        moved_back_settle(p->worker->manager, &p->mails, p->written);
    return r;
}

static void tell_support(const struct job *job, const char *uid, enum account_not_me done)
{
    static const char *const what[] = {
        [NOT_ME_UNDO] = "the e-mail address before is back and the password is void",
        [NOT_ME_UNLINK] = "the link to that address does nothing any more",
        [NOT_ME_WIPE] = "the registration was wiped",
        [NOT_ME_LOCK] = "the account was locked and all sessions ended",
        [NOT_ME_NOTHING] = "nothing had to be changed",
    };

    log_event(LOG_WARNING, MESSAGE_NOT_ME, LOG_FIELDS("PORTAL_ENTRY", uid, "PORTAL_JOB", job->id),
              "\"This wasn't me\" was reported for %s %s of %s: %s", job_kind_word(job->kind),
              job->id, *uid ? uid : "an entry that has gone", what[done]);
}

static const char *thanks(enum account_not_me done)
{
    if (done == NOT_ME_UNDO)
        return N_("Thank you for telling us. Your account has this e-mail address again, and the "
                  "password doesn't work any more. Please set a new one with \"Forgotten "
                  "password\": we mail you a code, and you need the PUK from your letter. Our "
                  "customer service has been told, too.");
    return N_("Thank you for telling us. We have protected the account, and our customer service "
              "will look into it. You don't have to do anything else.");
}

void not_me_press(struct worker *worker, const struct request *request, struct wire_writer *reply)
{
    _cleanup_(job_clear) struct job job = {0};
    struct protection p = {
        .worker = worker, .job = &job, .deadline = request->deadline, .done = NOT_ME_NOTHING};
    char language[LANGUAGE_SIZE];
    unsigned withdrawn = 0;
    int r;

    wire_begin(reply, WIRE_VERDICT);
    request_language(worker->manager, request, language);
    r = find_job(worker, request, &job);
    if (r == 0)
        r = protect(&p);
    /* What isn't withdrawn here goes when it is claimed: the entry doesn't want it any more. */
    if (r == 0 && (p.done == NOT_ME_WIPE || p.done == NOT_ME_LOCK))
        queue_withdraw(worker->manager->queue, job.entry, p.done == NOT_ME_WIPE ? -1 : JOB_LETTER,
                       "reported as \"this wasn't me\"", &withdrawn);
    if (r == -ENOENT)
        answer_unknown(reply, language);
    else if (r < 0)
        reply_error(reply, r, language);
    else {
        tell_support(&job, p.uid, p.done);
        reply_verdict(reply, WIRE_OK, text(language, thanks(p.done)));
    }
}
