/* From a registration to the mail that follows it; matching_run() is the way in. */
#include "config.h"

#include "matching.h"

#include "holder.h"
#include "letter.h"
#include "mail-job.h"
#include "registration.h"
#include "swap.h"

#include "cleanup.h"
#include "clock.h"
#include "log.h"
#include "messages.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <strings.h>

struct matching {
    const struct manager *manager;
    struct directory *directory;
    const struct job *job;
    long long deadline;
    struct registration registration;
    struct entry *entry; /* whose policy number it is, or NULL */
    struct entry *owner; /* who has the address, or NULL */
    time_t now;
};

static void matching_clear(struct matching *m)
{
    m->entry = entry_free(m->entry);
    m->owner = entry_free(m->owner);
    sodium_memzero(&m->registration, sizeof m->registration);
}

/* A mail to address about entry. The name goes only to an address that is confirmed as its
   owner's. */
static int make_mail(const struct matching *m, const char *topic, const struct entry *entry,
                     const char *address, bool confirmed, struct job *mail)
{
    return mail_job_child(m->manager, m->job->id, topic, entry, address, confirmed, m->now, mail);
}

static int finish(const struct matching *m, const char *note)
{
    log_event(LOG_INFO, MESSAGE_REGISTRATION,
              LOG_FIELDS("PORTAL_ENTRY", m->entry ? m->entry->uid : "", "PORTAL_JOB", m->job->id),
              "Registration %s: %s", m->job->id, note);
    return queue_finish(m->manager->queue, m->job->id, m->job->fence, JOB_DONE, note, m->now,
                        false);
}

/* Tells a mailbox something that needs no change in the directory. */
static int send_notice(const struct matching *m, const char *topic, const struct entry *entry,
                       const char *address, enum account_registration outcome)
{
    _cleanup_(job_clear) struct job mail = {0};
    bool present = entry->mail && strcasecmp(entry->mail, address) == 0;
    int r = make_mail(m, topic, entry, address, present, &mail);

    if (r < 0 || (r = mail_job_allowed(m->manager, &mail, m->now)) < 0)
        return r;
    if (r == 0)
        return finish(m, "not sent: too many mails to this address");
    r = queue_put(m->manager->queue, &mail);
    if (r < 0 && r != -EEXIST)
        return r;
    return finish(m, account_registration_text(outcome));
}

static int write_link(const struct matching *m, const struct job *mail)
{
    _cleanup_(changes_clear) struct changes changes = {0};
    const struct settings *s = m->manager->settings;
    unsigned char token[TOKEN_BYTES];
    char hash[JOB_HASH_SIZE];
    struct account_link link = {.job = mail->id, .hash = hash, .address = m->registration.address};
    struct account_consents consents = {.privacy_version = s->privacy_version,
                                        .privacy_sha256 = m->manager->privacy_sha256,
                                        .terms_version = s->terms_version,
                                        .terms_sha256 = m->manager->terms_sha256};

    derive_token(m->manager->keys, mail->id, token);
    derive_hash(token, sizeof token, hash);
    sodium_memzero(token, sizeof token);
    account_add_link(&s->rules, m->entry, &link, &consents, m->now, &changes);
    return entry_swap(m->directory, m->entry, &changes, m->deadline);
}

/* Staged, written to the directory, ready: in this order, and each step finds what an earlier run
   left. */
static int send_link(const struct matching *m)
{
    _cleanup_(job_clear) struct job mail = {0};
    const char *note = account_registration_text(REGISTRATION_CONFIRM);
    int r = make_mail(m, "confirm", m->entry, m->registration.address, false, &mail);

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
    r = queue_ready_and_finish(m->manager->queue, mail.id, m->job->id, m->job->fence, note);
    if (r == 0)
        log_event(LOG_INFO, MESSAGE_REGISTRATION,
                  LOG_FIELDS("PORTAL_ENTRY", m->entry->uid, "PORTAL_JOB", m->job->id),
                  "Registration %s: %s", m->job->id, note);
    return r;
}

static int find(struct matching *m)
{
    const struct registration *registration = &m->registration;
    int r = directory_find(m->directory, DIRECTORY_POLICY, registration->policy, false, m->deadline,
                           &m->entry);

    if (r < 0 && r != -ENOENT)
        return r;
    r = address_holder(m->directory, registration->address, m->now, m->deadline, &m->owner);
    return r == -ENOENT ? 0 : r;
}

/* Whether an earlier run of this registration brought its link as far as into the directory: 1, 0,
 * or an error. What happened since is no reason to decide again. */
static int link_is_out(const struct matching *m)
{
    struct job mail = {0};
    char id[ULID_SIZE];
    int r;

    if (m->job->attempts <= 1)
        return 0;
    mail_job_child_id(m->manager, m->job->id, "confirm", id);
    r = queue_get(m->manager->queue, id, &mail);
    return r == -ENOENT ? 0 : r < 0 ? r : mail.state != JOB_STAGED;
}

static int decide(struct matching *m)
{
    bool in_use = m->owner && (!m->entry || strcmp(m->owner->uuid, m->entry->uuid) != 0);
    enum account_registration outcome =
        account_register(m->entry, m->registration.birth_date, in_use);

    switch (outcome) {
    case REGISTRATION_CONFIRM:
        return send_link(m);
    case REGISTRATION_IN_USE:
        return send_notice(m, "in-use", m->owner, m->registration.address, outcome);
    case REGISTRATION_ALREADY:
        if (!m->entry->mail) /* an administrator may have taken it away */
            return finish(m, "has an account already, but no address: nothing sent");
        return send_notice(m, "registered", m->entry, m->entry->mail, outcome);
    default:
        return finish(m, account_registration_text(outcome));
    }
}

int matching_run(const struct manager *manager, struct directory *directory, const struct job *job,
                 long long deadline)
{
    int r = -ESTALE;

    for (int i = 0; i < SWAP_TRIES && (r == -ESTALE || r == -EUCLEAN); i++) {
        _cleanup_(matching_clear) struct matching m = {.manager = manager,
                                                       .directory = directory,
                                                       .job = job,
                                                       .deadline = deadline,
                                                       .now = clock_now()};
        if (!job->payload ||
            registration_read(job->payload, job->payload_size, &m.registration) < 0)
            return finish(&m, "the stored registration can't be read");
        if ((r = link_is_out(&m)) != 0)
            return r < 0 ? r : finish(&m, account_registration_text(REGISTRATION_CONFIRM));
        if ((r = find(&m)) < 0)
            return r;
        if (m.entry && m.entry->malformed)
            return finish(
                &m,
                "matched, but the entry holds values that can't be understood: see portalctl lint");
        r = decide(&m);
    }
    return r;
}
