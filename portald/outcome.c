/* From a job that has ended, or been printed, to what follows for its entry; outcome_tell() is the
   way in. */
#include "config.h"

#include "outcome.h"

#include "account-letter.h"
#include "letter.h"
#include "swap.h"

#include "clock.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>

/* The 48 hours of a link count from when the relay accepted it. */
static void link_changes(const struct manager *manager, const struct entry *entry,
                         const struct job *job, struct changes *changes)
{
    unsigned char token[TOKEN_BYTES];
    char hash[JOB_HASH_SIZE];

    derive_token(manager->keys, job->id, token);
    derive_hash(token, sizeof token, hash);
    sodium_memzero(token, sizeof token);
    account_link_accepted(&manager->settings->rules, entry, job->id, hash, job->happened, changes);
}

static void mail_changes(const struct manager *manager, const struct entry *entry,
                         const struct job *job, struct changes *changes)
{
    bool sent = job->state == JOB_DONE;

    if (sent && (strcmp(job->topic, "confirm") == 0 || strcmp(job->topic, "mail-confirm") == 0))
        link_changes(manager, entry, job, changes);
    else if (sent && strcmp(job->topic, "mail-moved") == 0)
        account_move_told(&manager->settings->rules, entry, job->id, job->happened, changes);
    else
        account_job_done(entry, job->id, changes);
}

/* What portalLetter calls what became of a letter. Printed and posted are more than a word. */
static const char *const words[JOB_STATES] = {
    [JOB_READY] = "queued",        [JOB_CLAIMED] = "claimed",     [JOB_FAILED] = "withdrawn",
    [JOB_WITHDRAWN] = "withdrawn", [JOB_UNCERTAIN] = "uncertain",
};

/* It went where the claim sent it: the entry's address may have changed since. */
static void letter_changes(const struct manager *manager, const struct entry *entry,
                           const struct job *job, struct changes *changes)
{
    const struct account_rules *rules = &manager->settings->rules;
    unsigned char sent_to[ENTRY_ADDRESS_BYTES];
    const unsigned char *known = letter_sent_to(job, sent_to) == 0 ? sent_to : NULL;

    if (job->state == JOB_PRINTED) {
        account_letter_printed(rules, entry, job->id, known, job->happened, changes);
    } else if (job->state == JOB_DONE) {
        account_letter_went(entry, job->id, known, changes);
        account_letter_posted(rules, entry, job->id, job->happened, changes);
    } else if (words[job->state]) {
        account_letter_became(entry, job->id, words[job->state], clock_now(), changes);
    }
}

/* "Expect it by …". Before the queue knows that it was told, so that a second run finds the first
   one's mail. */
static int mail_posted(const struct manager *manager, const struct entry *entry,
                       const struct job *job)
{
    time_t now = clock_now(), day;

    if (job->kind != JOB_LETTER || job->state != JOB_DONE)
        return 0;
    day = account_letter_expected(&manager->settings->rules, entry, job->id, job->happened, now);
    return day ? letter_mail(manager, entry, job->id, "letter-posted", day, now) : 0;
}

int outcome_tell(const struct manager *manager, struct directory *directory, const struct job *job,
                 long long deadline)
{
    int r = -ESTALE;

    for (int i = 0; i < SWAP_TRIES && (r == -ESTALE || r == -EUCLEAN); i++) {
        _cleanup_(entry_free_p) struct entry *entry = NULL;
        _cleanup_(changes_clear) struct changes changes = {0};
        r = directory_find(directory, DIRECTORY_UUID, job->entry, false, deadline, &entry);
        if (r == -ENOENT) { /* an entry that has gone need not be told */
            r = 0;
            break;
        }
        if (r < 0)
            return r;
        if (job->kind == JOB_LETTER)
            letter_changes(manager, entry, job, &changes);
        else
            mail_changes(manager, entry, job, &changes);
        if (changes.count > 0)
            r = entry_swap(directory, entry, &changes, deadline);
        if (r == 0)
            r = mail_posted(manager, entry, job);
    }
    if (r == 0)
        r = queue_told(manager->queue, job);
    return r;
}
