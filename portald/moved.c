/* Changes of e-mail address, made and undone: moved_confirm(), moved_undo(). */
#include "config.h"

#include "moved.h"

#include "swap.h"

#include "cleanup.h"
#include "log.h"
#include "messages.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* Tells the second factor that there is from others, however it is sealed: rekey changes that. A
   secret of 160 random bits can't be searched for by its hash. */
static void factor_mark(const struct manager *manager, const struct entry *entry,
                        char ret[static JOB_HASH_SIZE])
{
    uint8_t secret[JOB_ENTRY_SIZE + TOTP_SECRET_BYTES] = {0};

    snprintf(ret, JOB_HASH_SIZE, ACCOUNT_NO_TOTP);
    if (entry->totp_size == 0)
        return;
    memcpy(secret, entry->uuid, JOB_ENTRY_SIZE);
    if (totp_unseal(manager->totp, entry->uuid, entry->totp_secret, entry->totp_size,
                    secret + JOB_ENTRY_SIZE) == 0)
        derive_hash(secret, sizeof secret, ret);
    else
        derive_hash(entry->totp_secret, entry->totp_size, ret);
    sodium_memzero(secret, sizeof secret);
}

/* Without the mail that can undo it, no change. */
static int stage_notice(const struct manager *manager, const struct entry *entry, time_t now,
                        struct notice *notice)
{
    time_t until = now + manager->settings->rules.mail_undo;

    return *notice->job ? 0 : notice_stage_dated(manager, entry, "mail-moved", until, now, notice);
}

int moved_confirm(const struct manager *manager, struct directory *directory,
                  const struct entry *entry, const struct entry_pending *link, time_t now,
                  long long deadline, struct notice *notice)
{
    _cleanup_(changes_clear) struct changes changes = {0};
    char totp[JOB_HASH_SIZE];
    const struct account_undoer undoer = {.job = notice->job, .totp = totp};
    int r = stage_notice(manager, entry, now, notice);

    if (r < 0)
        return r;
    factor_mark(manager, entry, totp);
    account_move(&manager->settings->rules, entry, link, &undoer, now, &changes);
    r = entry_swap(directory, entry, &changes, deadline);
    if (r == 0)
        log_event(LOG_NOTICE, MESSAGE_MAIL_CHANGED,
                  LOG_FIELDS("PORTAL_ENTRY", entry->uid, "PORTAL_JOB", notice->job),
                  "%s: the customer has changed the e-mail address; the one before is told, and "
                  "can undo it",
                  entry->uid);
    return r;
}

static int make_void(const struct manager *manager, long long deadline,
                     char ret[static SECRET_HASH_SIZE])
{
    int r = secret_gate_enter(manager->gate, deadline);

    if (r < 0)
        return r;
    r = secret_hash_void(ret);
    secret_gate_leave(manager->gate);
    return r;
}

/* Best effort, as all notices: the way back mustn't wait for a queue. */
static void stage_back(const struct manager *manager, const struct entry *entry,
                       const struct entry_former *former, time_t now, struct moved_back *mails)
{
    int r = 0;

    if (!*mails->back.job)
        r = notice_stage_to(manager, entry, "mail-back", former->address, true, now, &mails->back);
    if (r == 0 && !*mails->undone.job && entry->mail &&
        strcasecmp(entry->mail, former->address) != 0)
        r = notice_stage_to(manager, entry, "mail-undone", entry->mail, false, now, &mails->undone);
    if (r < 0)
        log_event(LOG_WARNING, MESSAGE_QUEUE_TROUBLE, LOG_FIELDS("PORTAL_ENTRY", entry->uid),
                  "%s gets no mail that a change of address was undone: %s", entry->uid,
                  strerror(-r));
}

int moved_undo(const struct manager *manager, struct directory *directory,
               const struct entry *entry, const struct entry_former *former, time_t now,
               long long deadline, struct moved_back *mails)
{
    _cleanup_(changes_clear) struct changes changes = {0};
    char hash[SECRET_HASH_SIZE], totp[JOB_HASH_SIZE];
    int r = make_void(manager, deadline, hash);

    if (r < 0)
        return r;
    stage_back(manager, entry, former, now, mails);
    factor_mark(manager, entry, totp);
    account_undo(entry, former, hash, totp, manager->settings->ppolicy, now, &changes);
    sodium_memzero(hash, sizeof hash);
    account_note_job(mails->back.job, &changes);
    account_note_job(mails->undone.job, &changes);
    return entry_swap(directory, entry, &changes, deadline);
}

void moved_back_settle(const struct manager *manager, const struct moved_back *mails, bool written)
{
    notice_settle(manager, &mails->back, written);
    notice_settle(manager, &mails->undone, written);
}
