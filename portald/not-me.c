/* "This wasn't me": WIRE_REFERENCE looks, WIRE_NOT_ME presses the button. Before the first personal
   password the registration is wiped, afterwards the account is locked; support is told either
   way. */
#include "config.h"

#include "account-letter.h"
#include "handlers.h"
#include "swap.h"
#include "texts.h"

#include "cleanup.h"
#include "clock.h"
#include "code.h"
#include "log.h"
#include "messages.h"

#include <errno.h>
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

void not_me_look(struct worker *worker, const struct request *request, struct wire_writer *reply)
{
    _cleanup_(job_clear) struct job job = {0};
    char language[LANGUAGE_SIZE];
    int r;

    wire_begin(reply, WIRE_VERDICT);
    request_language(worker->manager, request, language);
    r = find_job(worker, request, &job);
    if (r == -ENOENT)
        answer_unknown(reply, language);
    else if (r < 0)
        reply_error(reply, r, language);
    else
        reply_verdict(
            reply, WIRE_LINK_GOOD,
            text(language,
                 N_("If this wasn't you, please press the button. We will then protect the account "
                    "and look into it.")));
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

/* Reads, decides, writes, until nobody else was faster. What was decided stays decided when the
   write's outcome was unknown and there is nothing left to do. */
static int protect(struct worker *worker, const struct job *job, long long deadline,
                   enum account_not_me *ret, char *ret_uid, size_t size)
{
    struct manager *m = worker->manager;
    int r = -ESTALE;

    for (int i = 0; i < SWAP_TRIES && (r == -ESTALE || r == -EUCLEAN); i++) {
        _cleanup_(entry_free_p) struct entry *entry = NULL;
        _cleanup_(changes_clear) struct changes changes = {0};
        enum account_not_me what;
        r = directory_find(worker->directory, DIRECTORY_UUID, job->entry, false, deadline, &entry);
        if (r < 0 && r != -ENOENT)
            return r;
        snprintf(ret_uid, size, "%s", entry ? entry->uid : "");
        what = account_not_me(entry, job->topic, went_elsewhere(m, job, entry));
        if (what == NOT_ME_NOTHING)
            return 0;
        *ret = what;
        if (what == NOT_ME_WIPE)
            account_wipe(entry, m->settings->ppolicy, clock_now(), &changes);
        else {
            account_lock(entry, "reported as \"this wasn't me\"", &changes);
            account_withdraw_letters(entry, clock_now(), &changes);
        }
        r = entry_swap(worker->directory, entry, &changes, deadline);
    }
    return r;
}

static void tell_support(const struct job *job, const char *uid, enum account_not_me done)
{
    static const char *const what[] = {
        [NOT_ME_WIPE] = "the registration was wiped",
        [NOT_ME_LOCK] = "the account was locked and all sessions ended",
        [NOT_ME_NOTHING] = "nothing had to be changed",
    };

    log_event(LOG_WARNING, MESSAGE_NOT_ME, LOG_FIELDS("PORTAL_ENTRY", uid, "PORTAL_JOB", job->id),
              "\"This wasn't me\" was reported for %s %s of %s: %s", job_kind_word(job->kind),
              job->id, *uid ? uid : "an entry that has gone", what[done]);
}

void not_me_press(struct worker *worker, const struct request *request, struct wire_writer *reply)
{
    _cleanup_(job_clear) struct job job = {0};
    char language[LANGUAGE_SIZE], uid[ENTRY_UID_SIZE] = "";
    enum account_not_me done = NOT_ME_NOTHING;
    unsigned withdrawn = 0;
    int r;

    wire_begin(reply, WIRE_VERDICT);
    request_language(worker->manager, request, language);
    r = find_job(worker, request, &job);
    if (r == 0)
        r = protect(worker, &job, request->deadline, &done, uid, sizeof uid);
    /* What isn't withdrawn here goes when it is claimed: the entry doesn't want it any more. */
    if (r == 0 && done != NOT_ME_NOTHING)
        queue_withdraw(worker->manager->queue, job.entry, done == NOT_ME_WIPE ? -1 : JOB_LETTER,
                       "reported as \"this wasn't me\"", &withdrawn);
    if (r == -ENOENT)
        answer_unknown(reply, language);
    else if (r < 0)
        reply_error(reply, r, language);
    else {
        tell_support(&job, uid, done);
        reply_verdict(
            reply, WIRE_OK,
            text(language,
                 N_("Thank you for telling us. We have protected the account, and our customer "
                    "service will look into it. You don't have to do anything else.")));
    }
}
