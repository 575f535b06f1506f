/* The clerk's side of another e-mail address: move_run(). */
#include "config.h"

#include "move.h"

#include "holder.h"
#include "letter.h"
#include "mail-job.h"
#include "swap.h"

#include "cleanup.h"
#include "clock.h"
#include "log.h"
#include "messages.h"

#include <errno.h>
#include <jansson.h>
#include <sodium.h>
#include <stdio.h>

static const char mailed[] = "a link is mailed to the new address";

struct moving {
    const struct manager *manager;
    struct directory *directory;
    const struct job *job;
    long long deadline;
    struct move move;
    struct entry *entry, *holder; /* or NULL */
    time_t now;
};

static void moving_clear(struct moving *m)
{
    m->entry = entry_free(m->entry);
    m->holder = entry_free(m->holder);
    sodium_memzero(&m->move, sizeof m->move);
}

int move_write(const struct move *move, uint8_t **ret, size_t *ret_size)
{
    json_t *json = json_pack("{sssIsI}", "address", move->address, "epoch", (json_int_t)move->epoch,
                             "changed", (json_int_t)move->password_changed);
    char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;

    json_decref(json);
    if (!text)
        return -ENOMEM;
    *ret_size = strlen(text);
    *ret = (uint8_t *)text;
    return 0;
}

int move_read(const uint8_t *payload, size_t size, struct move *ret)
{
    const char *address;
    json_int_t epoch, changed;
    json_t *json = json_loadb((const char *)payload, size, 0, NULL);
    int r = -EBADMSG;

    if (json &&
        json_unpack(json, "{sssIsI}", "address", &address, "epoch", &epoch, "changed", &changed) ==
            0 &&
        strlen(address) < sizeof ret->address) {
        snprintf(ret->address, sizeof ret->address, "%s", address);
        ret->epoch = (uint64_t)epoch;
        ret->password_changed = (time_t)changed;
        r = 0;
    }
    json_decref(json);
    return r;
}

static void log_move(const struct moving *m, const char *note)
{
    log_event(LOG_INFO, MESSAGE_MAIL_CHANGED,
              LOG_FIELDS("PORTAL_ENTRY", m->job->subject, "PORTAL_JOB", m->job->id),
              "%s wants another e-mail address (%s): %s", m->job->subject, m->job->id, note);
}

static int finish(const struct moving *m, const char *note)
{
    log_move(m, note);
    return queue_finish(m->manager->queue, m->job->id, m->job->fence, JOB_DONE, note, m->now,
                        false);
}

/* The mailbox hears that its address is in use; whoever wished for it doesn't. */
static int tell_holder(const struct moving *m)
{
    _cleanup_(job_clear) struct job mail = {0};
    bool present = m->holder->mail && strcasecmp(m->holder->mail, m->move.address) == 0;
    int r = mail_job_child(m->manager, m->job->id, "in-use", m->holder, m->move.address, present,
                           m->now, &mail);

    if (r < 0 || (r = mail_job_allowed(m->manager, &mail, m->now)) < 0)
        return r;
    if (r == 0)
        return finish(m, "not sent: too many mails to this address");
    r = queue_put(m->manager->queue, &mail);
    if (r < 0 && r != -EEXIST)
        return r;
    return finish(m, "the address belongs to another account: its mailbox is told");
}

static int write_link(const struct moving *m, const struct job *mail)
{
    _cleanup_(changes_clear) struct changes changes = {0};
    unsigned char token[TOKEN_BYTES];
    char hash[JOB_HASH_SIZE];
    const struct account_link link = {.job = mail->id, .hash = hash, .address = m->move.address};

    derive_token(m->manager->keys, mail->id, token);
    derive_hash(token, sizeof token, hash);
    sodium_memzero(token, sizeof token);
    account_wish_move(&m->manager->settings->rules, m->entry, &link, m->now, &changes);
    return entry_swap(m->directory, m->entry, &changes, m->deadline);
}

/* Staged, written to the directory, ready: in this order, and each step finds what an earlier run
   left. */
static int send_link(const struct moving *m)
{
    _cleanup_(job_clear) struct job mail = {0};
    int r = mail_job_child(m->manager, m->job->id, MOVE_LINK, m->entry, m->move.address, false,
                           m->now, &mail);

    if (r < 0 || (r = mail_job_allowed(m->manager, &mail, m->now)) < 0)
        return r;
    if (r == 0)
        return finish(m, "not sent: too many confirmation mails to this address or customer");
    mail.state = JOB_STAGED;
    mail.lease = m->now + STAGED_LEASE;
    r = queue_put(m->manager->queue, &mail);
    if (r < 0 && r != -EEXIST)
        return r;
    if (!account_has_job(m->entry, mail.id) && (r = write_link(m, &mail)) < 0)
        return r;
    r = queue_ready_and_finish(m->manager->queue, mail.id, m->job->id, m->job->fence, mailed);
    if (r == 0)
        log_move(m, mailed);
    return r;
}

/* Whether an earlier run came to an end but for saying so: 1, 0, or an error. */
static int link_is_out(const struct moving *m)
{
    _cleanup_(job_clear) struct job mail = {0};
    char id[ULID_SIZE];
    int r;

    if (m->job->attempts <= 1)
        return 0;
    mail_job_child_id(m->manager, m->job->id, MOVE_LINK, id);
    r = queue_get(m->manager->queue, id, &mail);
    return r == -ENOENT ? 0 : r < 0 ? r : mail.state != JOB_STAGED;
}

/* Why nothing comes of it any more, or NULL. A lock, another password or the end of all sessions in
   between takes back what was proven. */
static const char *refused(const struct moving *m)
{
    if (!m->entry)
        return "the entry has gone: nothing sent";
    if (account_may_move(m->entry, m->move.address, m->now) != MOVE_GOOD ||
        account_mail_changed(m->entry))
        return "the account is locked or closed, or its address has changed: nothing sent";
    if (m->entry->session_epoch != m->move.epoch ||
        m->entry->password_changed != m->move.password_changed)
        return "sessions or password have ended since: nothing sent";
    return NULL;
}

static int look_and_send(struct moving *m)
{
    const char *why;
    int r =
        directory_find(m->directory, DIRECTORY_UUID, m->job->entry, false, m->deadline, &m->entry);

    if (r < 0 && r != -ENOENT)
        return r;
    if ((why = refused(m)))
        return finish(m, why);
    r = address_holder(m->directory, m->move.address, m->now, m->deadline, &m->holder);
    if (r < 0 && r != -ENOENT)
        return r;
    return r == 0 && strcmp(m->holder->uuid, m->entry->uuid) != 0 ? tell_holder(m) : send_link(m);
}

int move_run(const struct manager *manager, struct directory *directory, const struct job *job,
             long long deadline)
{
    int r = -ESTALE;

    for (int i = 0; i < SWAP_TRIES && (r == -ESTALE || r == -EUCLEAN); i++) {
        _cleanup_(moving_clear) struct moving m = {.manager = manager,
                                                   .directory = directory,
                                                   .job = job,
                                                   .deadline = deadline,
                                                   .now = clock_now()};
        if (!job->payload || move_read(job->payload, job->payload_size, &m.move) < 0)
            return finish(&m, "the stored wish can't be read");
        if ((r = link_is_out(&m)) != 0)
            return r < 0 ? r : finish(&m, mailed);
        r = look_and_send(&m);
    }
    return r;
}
