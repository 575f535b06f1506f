/* From a job that has ended, or been printed, to what follows for its entry; outcome_tell() is the
   way in. */
#include "config.h"

#include "outcome.h"

#include "account.h"
#include "swap.h"

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
    if (job->state == JOB_DONE && strcmp(job->topic, "confirm") == 0)
        link_changes(manager, entry, job, changes);
    else
        account_job_done(entry, job->id, changes);
}

static void address_hash(const struct entry *entry, unsigned char ret[static ENTRY_ADDRESS_BYTES])
{
    const char *address = entry->postal_address ? entry->postal_address : "";

    crypto_generichash(ret, ENTRY_ADDRESS_BYTES, (const uint8_t *)address, strlen(address), NULL,
                       0);
}

/* Printed, posted, or ended otherwise. */
static void letter_changes(const struct account_rules *rules, const struct entry *entry,
                           const struct job *job, struct changes *changes)
{
    unsigned char hash[ENTRY_ADDRESS_BYTES];

    if (job->state == JOB_PRINTED) {
        address_hash(entry, hash);
        account_letter_printed(rules, entry, job->id, hash, job->happened, changes);
    } else if (job->state == JOB_DONE)
        account_letter_posted(rules, entry, job->id, job->happened, changes);
    else
        account_job_done(entry, job->id, changes);
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
            letter_changes(&manager->settings->rules, entry, job, &changes);
        else
            mail_changes(manager, entry, job, &changes);
        if (changes.count > 0)
            r = entry_swap(directory, entry, &changes, deadline);
    }
    if (r == 0)
        r = queue_told(manager->queue, job);
    return r;
}
