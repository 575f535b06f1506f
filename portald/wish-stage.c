/* What a wish needs beside the modify that fulfils it: letters and mails, staged before it and
   settled after it, and what isn't kept in the entry. wish_stage() is the way in. */
#include "config.h"

#include "wish.h"

#include "holder.h"
#include "known.h"
#include "mail-job.h"
#include "recovery.h"

#include "cleanup.h"
#include "log.h"
#include "messages.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#define FORGOTTEN "the customer is forgotten"

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

/* Once. A letter of another kind than an earlier try's is made anew: the account has moved on
   meanwhile. */
static int stage_letter(struct wish *w)
{
    const struct manager *m = w->manager;
    const char *kind = account_wish_letter(w->entry, w->wish);
    int r;

    if (w->kind && (!kind || strcmp(kind, w->kind) != 0)) {
        letter_settle(m, &w->letter, false);
        letter_clear(&w->letter);
        w->kind = NULL;
    }
    if (kind && !w->kind) {
        r = letter_stage(m, w->entry, kind, w->now, w->deadline, &w->letter);
        if (r < 0)
            return r;
        w->kind = kind;
    }
    return 0;
}

static void hash_token(const struct manager *m, const char *job, char ret[static JOB_HASH_SIZE])
{
    unsigned char token[TOKEN_BYTES];

    derive_token(m->keys, job, token);
    derive_hash(token, sizeof token, ret);
    sodium_memzero(token, sizeof token);
}

/* The link that the customer asked for last, by its mail: its own time says only when it ends. Once
   the queue has forgotten that mail, the one that ends last. */
static const struct entry_pending *last_link(const struct manager *m, const struct entry *entry)
{
    struct queue_filter filter = {
        .kind = JOB_MAIL, .state = -1, .entry = entry->uuid, .most = QUEUE_LIST_MAX};
    _cleanup_(job_list_clear) struct job_list jobs = {0};
    const struct entry_pending *last = &entry->pending[0], *found;
    char hash[JOB_HASH_SIZE];

    if (queue_list(m->queue, &filter, &jobs) == 0)
        for (size_t i = jobs.count; i-- > 0;) {
            if (strcmp(jobs.items[i].topic, "confirm") != 0)
                continue;
            hash_token(m, jobs.items[i].id, hash);
            if ((found = account_find_link(entry, hash)))
                return found;
        }
    for (size_t i = 1; i < entry->pending_count; i++)
        if (entry->pending[i].expires > last->expires)
            last = &entry->pending[i];
    return last;
}

static int put_link(struct wish *w, struct job *mail)
{
    int r;

    mail->state = JOB_STAGED;
    mail->lease = w->now + STAGED_LEASE;
    if ((r = queue_put(w->manager->queue, mail)) < 0)
        return r;
    memcpy(w->notice.job, mail->id, sizeof w->notice.job);
    hash_token(w->manager, mail->id, w->link_hash);
    return 0;
}

static int stage_link(struct wish *w, const char **ret_why)
{
    _cleanup_(job_clear) struct job mail = {0};
    int r;

    if (*w->notice.job)
        return 0;
    snprintf(w->link_address, sizeof w->link_address, "%s",
             last_link(w->manager, w->entry)->address);
    if ((r = address_in_use(w->directory, w->link_address, w->entry->uuid, w->now, w->deadline)) <
        0)
        return r;
    if (r > 0) {
        *ret_why =
            "Meanwhile another customer has confirmed this e-mail address: the customer must "
            "register again with another one.";
        return -EPERM;
    }
    if ((r = mail_job_make(w->manager, NULL, "confirm", w->entry, w->link_address, false, w->now,
                           &mail)) < 0 ||
        (r = mail_job_allowed(w->manager, &mail, w->now)) < 0)
        return r;
    if (r == 0) {
        *ret_why = "Too many mails have gone to this address or customer lately: try again in an "
                   "hour, or tomorrow.";
        return -EPERM;
    }
    return put_link(w, &mail);
}

/* The tries of clients, by the name that they type. Before the write, which takes the wish away: so
   this isn't lost with the process in between. */
static void unblock_clients(const struct wish *w)
{
    char name[MAIL_ADDRESS_SIZE];

    known_unblock(w->manager->known, w->entry, w->now);
    if (w->entry->mail && login_name_read(w->entry->mail, name) == 0)
        recovery_unblock(w->manager, name, w->now);
}

/* The queue forgets first, while the wish is still there to be begun again, and once more
   afterwards: something may have been queued in between. */
static int stage_forget(struct wish *w)
{
    int r = queue_forget(w->manager->queue, w->entry->uuid, w->entry->policies, FORGOTTEN);

    if (r < 0)
        return r;
    w->others = directory_names_free(w->others);
    w->classes = directory_names_free(w->classes);
    return directory_names(w->directory, w->entry, w->deadline, &w->others);
}

int wish_stage(struct wish *w, const char **ret_why)
{
    const char *topic = notice_topic(w->wish);
    int r = stage_letter(w);

    if (r < 0)
        return r;
    if (topic && !*w->notice.job)
        notice_stage(w->manager, w->entry, topic, w->now, &w->notice);
    switch (w->wish) {
    case WISH_CONFIRMATION:
        return stage_link(w, ret_why);
    case WISH_FORGET:
        return stage_forget(w);
    case WISH_UNBLOCK:
        unblock_clients(w);
        return 0;
    default:
        return 0;
    }
}

void wish_settle(struct wish *w, bool written)
{
    int r;

    letter_settle(w->manager, &w->letter, written);
    notice_settle(w->manager, &w->notice, written);
    if (w->wish != WISH_FORGET || !written)
        return;
    r = queue_forget(w->manager->queue, w->entry->uuid, w->entry->policies, FORGOTTEN);
    if (r < 0)
        log_event(LOG_WARNING, MESSAGE_QUEUE_TROUBLE, LOG_FIELDS("PORTAL_ENTRY", w->entry->uid),
                  "What was queued for %s in the moment when it was forgotten may still be there: "
                  "%s",
                  w->entry->uid, strerror(-r));
}
