/* From a request for a new letter to that letter, or to the mail that says why none comes;
   renewal_run() is the way in. */
#include "config.h"

#include "renewal.h"

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

struct renewal {
    const struct manager *manager;
    struct directory *directory;
    const struct job *job;
    long long deadline;
    struct registration asked;
    struct entry *entry; /* whose policy number it is, or NULL */
    struct letter letter;
    time_t now;
};

static void renewal_clear(struct renewal *r)
{
    r->entry = entry_free(r->entry);
    letter_clear(&r->letter);
    sodium_memzero(&r->asked, sizeof r->asked);
}

static void log_renewal(const struct renewal *r, const char *note)
{
    log_event(LOG_INFO, MESSAGE_REGISTRATION,
              LOG_FIELDS("PORTAL_ENTRY", r->entry ? r->entry->uid : "", "PORTAL_JOB", r->job->id),
              "A new letter was asked for (%s): %s", r->job->id, note);
}

static int finish(const struct renewal *r, const char *note)
{
    log_renewal(r, note);
    return queue_finish(r->manager->queue, r->job->id, r->job->fence, JOB_DONE, note, r->now,
                        false);
}

/* To the confirmed address. Its id follows from the request's, so that a second run finds it. */
static int make_mail(const struct renewal *r, const char *topic, time_t day, struct job *mail)
{
    char id[ULID_SIZE];
    int e;

    mail_job_child_id(r->manager, r->job->id, topic, id);
    e = mail_job_make_dated(r->manager, id, topic, r->entry, day, r->now, mail);
    if (e < 0)
        return e;
    memcpy(mail->parent, r->job->id, sizeof mail->parent);
    if (day && mail->expires > day)
        mail->expires = day;
    return 0;
}

/* Says why no letter comes. */
static int send_notice(const struct renewal *r, enum account_renewal outcome)
{
    _cleanup_(job_clear) struct job mail = {0};
    time_t day = 0;
    int e;

    if (outcome == RENEWAL_VALID)
        day = account_renewal_day(&r->manager->settings->rules, r->entry, r->now);
    if ((e = make_mail(r, account_renewal_topic(outcome), day, &mail)) < 0 ||
        (e = mail_job_allowed(r->manager, &mail, r->now)) < 0)
        return e;
    if (e == 0)
        return finish(r, "not sent: too many mails to this address");
    e = queue_put(r->manager->queue, &mail);
    if (e < 0 && e != -EEXIST)
        return e;
    return finish(r, account_renewal_text(outcome));
}

/* The same change as when support wishes for a letter. */
static int write_letter(const struct renewal *r, const struct job *mail)
{
    _cleanup_(changes_clear) struct changes changes = {0};
    const struct settings *s = r->manager->settings;
    const struct account_wish_means means = {.job = r->letter.job,
                                             .puk_job = r->letter.puk_job,
                                             .puk_hash = r->letter.puk_hash,
                                             .password_hash = r->letter.password_hash,
                                             .ppolicy = s->ppolicy};

    account_grant_wish(&s->rules, r->entry, WISH_LETTER, &means, r->now, &changes);
    account_note_job(mail->id, &changes);
    return entry_swap(r->directory, r->entry, &changes, r->deadline);
}

static int finish_with(const struct renewal *r, const char *mail)
{
    const char *note = account_renewal_text(RENEWAL_LETTER);
    int e = queue_ready_and_finish(r->manager->queue, mail, r->job->id, r->job->fence, note);

    if (e == 0)
        log_renewal(r, note);
    return e;
}

/* Mail and letter are staged, written to the directory in one change, and ready: in this order. The
   mail isn't counted against its address: without it no letter goes out, and one comes at most when
   the one before has expired. */
static int send_letter(struct renewal *r)
{
    _cleanup_(job_clear) struct job mail = {0};
    int e = make_mail(r, account_renewal_topic(RENEWAL_LETTER), 0, &mail);

    if (e < 0)
        return e;
    mail.state = JOB_STAGED;
    mail.lease = r->now + STAGED_LEASE;
    e = queue_put(r->manager->queue, &mail);
    if (e < 0 && e != -EEXIST)
        return e;
    if ((e = letter_stage(r->manager, r->entry, "access", r->now, r->deadline, &r->letter)) < 0)
        return e;
    e = write_letter(r, &mail);
    /* Where it isn't known whether it was written, the next look finds out, and the clerk settles
       the letter. */
    if (e != -EUCLEAN)
        letter_settle(r->manager, &r->letter, e == 0);
    return e < 0 ? e : finish_with(r, mail.id);
}

/* Whether an earlier run came as far as into the directory: 1 and the request is finished, 0, or an
   error. What happened since is no reason to decide again. */
static int finish_earlier(const struct renewal *r)
{
    _cleanup_(job_clear) struct job mail = {0};
    char id[ULID_SIZE];
    int e;

    mail_job_child_id(r->manager, r->job->id, account_renewal_topic(RENEWAL_LETTER), id);
    e = queue_get(r->manager->queue, id, &mail);
    if (e < 0)
        return e == -ENOENT ? 0 : e;
    if (mail.state != JOB_STAGED)
        e = finish(r, account_renewal_text(RENEWAL_LETTER));
    else if (r->entry && account_has_job(r->entry, id))
        e = finish_with(r, id);
    else
        return 0;
    return e < 0 ? e : 1;
}

static int decide(struct renewal *r)
{
    unsigned char hash[ENTRY_ADDRESS_BYTES] = {0};
    enum account_renewal outcome;

    if (r->entry)
        letter_address_hash(r->entry, hash);
    outcome = account_renew(&r->manager->settings->rules, r->entry, r->asked.birth_date,
                            r->asked.address, hash, r->now);
    if (outcome == RENEWAL_LETTER)
        return send_letter(r);
    return account_renewal_topic(outcome) ? send_notice(r, outcome)
                                          : finish(r, account_renewal_text(outcome));
}

static int look_and_decide(struct renewal *r, bool again)
{
    int e = directory_find(r->directory, DIRECTORY_POLICY, r->asked.policy, false, r->deadline,
                           &r->entry);

    if (e == -ENOTUNIQ)
        return finish(r, "several entries have this policy number: nothing sent");
    if (e < 0 && e != -ENOENT)
        return e;
    if (r->entry && r->entry->malformed)
        return finish(r, "the entry holds values that can't be understood: see portalctl lint");
    if (again && (e = finish_earlier(r)) != 0)
        return e < 0 ? e : 0;
    return decide(r);
}

int renewal_run(const struct manager *manager, struct directory *directory, const struct job *job,
                long long deadline)
{
    int e = -ESTALE;

    for (int i = 0; i < SWAP_TRIES && (e == -ESTALE || e == -EUCLEAN); i++) {
        _cleanup_(renewal_clear) struct renewal r = {.manager = manager,
                                                     .directory = directory,
                                                     .job = job,
                                                     .deadline = deadline,
                                                     .now = clock_now()};
        if (!job->payload || registration_read(job->payload, job->payload_size, &r.asked) < 0)
            return finish(&r, "the stored request can't be read");
        e = look_and_decide(&r, i > 0 || job->attempts > 1);
    }
    return e;
}
