/* The print station's requests: WIRE_CLAIM hands out sealed letters with the address as it is now,
   WIRE_PRINTED takes back what became of them. */
#include "config.h"

#include "letters.h"

#include "letter.h"
#include "outcome.h"
#include "texts.h"

#include "cleanup.h"
#include "clock.h"
#include "log.h"
#include "messages.h"
#include "seal.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>

#define CLAIM_LEASE  (30 * MINUTE)
#define FAILED_RETRY HOUR

struct claim {
    struct worker *worker;
    const struct request *request;
    const struct letters_wanted *wanted;
    struct wire_writer *reply;
    struct seal_manifest manifest;
    size_t count;
    time_t now;
    struct queue_sent *sent; /* one for each letter that is given out … */
    char (*addresses)[JOB_HASH_SIZE];
    size_t sent_count;
};

static void claim_clear(struct claim *c)
{
    free(c->sent);
    free(c->addresses);
}

static void put_last_day(struct wire_writer *w, const struct account_rules *rules,
                         const struct entry *entry, const struct job *job, time_t now)
{
    char day[CALENDAR_DAY_SIZE];
    time_t last = account_letter_last(rules, entry, job->topic, now);

    if (last == 0)
        return;
    calendar_day(last, day);
    wire_put_string(w, WIRE_LAST_DAY, day);
}

static void put_reference(struct wire_writer *w, const struct keys *keys, const char *job)
{
    unsigned char reference[REFERENCE_BYTES];
    char printed[REFERENCE_PRINTED_SIZE];

    derive_reference(keys, job, reference);
    code_reference_print(reference, printed);
    wire_put_string(w, WIRE_REFERENCE_CODE, printed);
}

/* Everything that the letter needs but its secrets, which are sealed; all of it is covered by the
   signature. */
static int put_letter(struct claim *c, const struct job *job, const struct entry *entry)
{
    _cleanup_(wire_writer_clear) struct wire_writer w = {0};
    struct manager *m = c->worker->manager;

    wire_begin_fields(&w);
    wire_put_string(&w, WIRE_JOB, job->id);
    wire_put_string(&w, WIRE_KIND, job->topic);
    wire_put_string(&w, WIRE_ENTRY, entry->uuid);
    wire_put(&w, WIRE_SEALED, job->payload, job->payload_size);
    wire_put_string(&w, WIRE_ADDRESS, entry->postal_address);
    wire_put_string(&w, WIRE_NAME, entry->name);
    wire_put_string(&w, WIRE_LANGUAGE, entry->language);
    wire_put_string(&w, WIRE_LOGIN, entry->mail);
    wire_put_u64(&w, WIRE_TIME, (uint64_t)c->now);
    put_last_day(&w, &m->settings->rules, entry, job, c->now);
    put_reference(&w, m->keys, job->id);
    if (w.error)
        return w.error;
    seal_manifest_add(&c->manifest, w.data, w.size);
    wire_put(c->reply, WIRE_LETTER, w.data, w.size);
    c->count++;
    return 0;
}

/* Back into the queue, for somebody to mend what is wrong. */
static void put_back(const struct claim *c, const struct job *job, const char *why)
{
    queue_retry(c->worker->manager->queue, job->id, job->fence, c->now + FAILED_RETRY, why);
    log_event(LOG_ERR, MESSAGE_LETTER, LOG_FIELDS("PORTAL_JOB", job->id),
              "Letter %s of %s can't be printed: %s", job->id, job->subject, why);
}

/* Said when it isn't known yet: its row has said it since. */
static void hold_back(const struct claim *c, const struct job *job, time_t until, const char *why)
{
    queue_retry(c->worker->manager->queue, job->id, job->fence, until, why);
    if (strcmp(job->note, why) != 0)
        log_event(LOG_NOTICE, MESSAGE_LETTER, LOG_FIELDS("PORTAL_JOB", job->id),
                  "Letter %s of %s: %s", job->id, job->subject, why);
}

/* Where it is sent is on record before anybody has it. Given out twice, to two addresses, it may
   have gone to either: to none that the next letter could go to unannounced. */
static void note_sent(struct claim *c, const struct job *job, const struct entry *entry)
{
    static const struct entry nowhere = {0};
    char *address = c->addresses[c->sent_count];

    letter_sent_text(entry, address);
    if (*job->address && strcmp(job->address, address) != 0)
        letter_sent_text(&nowhere, address);
    c->sent[c->sent_count++] =
        (struct queue_sent){.id = job->id, .fence = job->fence, .address = address};
}

/* What was withdrawn in this moment isn't the claim's any more. */
static int write_sent(struct claim *c)
{
    queue_sent_to(c->worker->manager->queue, c->sent, c->sent_count);
    for (size_t i = 0; i < c->sent_count; i++)
        if (c->sent[i].result < 0 && c->sent[i].result != -ESTALE && c->sent[i].result != -ENOENT)
            return c->sent[i].result;
    return 0;
}

static int claim_one(struct claim *c, const struct job *job)
{
    _cleanup_(entry_free_p) struct entry *entry = NULL;
    struct manager *m = c->worker->manager;
    time_t until = 0;
    const char *why = NULL;
    int r;

    if (job->state != JOB_CLAIMED || !job->payload)
        return 0; /* of this batch, but reported already */
    r = directory_find(c->worker->directory, DIRECTORY_UUID, job->entry, false,
                       c->request->deadline, &entry);
    if (r < 0 && r != -ENOENT)
        return r;
    if (!entry || (!entry->malformed && !account_letter_wanted(entry, job->id, job->topic))) {
        log_event(LOG_INFO, MESSAGE_LETTER, LOG_FIELDS("PORTAL_JOB", job->id),
                  "Letter %s of %s: withdrawn", job->id, job->subject);
        return queue_finish(m->queue, job->id, job->fence, JOB_WITHDRAWN,
                            entry ? "the account has moved on" : "the entry has gone", c->now,
                            entry != NULL);
    }
    if (!entry->malformed && (r = letter_hold(m, entry, job, c->now, &until, &why)) < 0)
        return r;
    if (until)
        hold_back(c, job, until, why);
    else if (entry->malformed)
        put_back(c, job, "the entry holds values that can't be understood");
    else if (!entry->postal_address || !*entry->postal_address)
        put_back(c, job, "the entry has no postal address");
    else if (put_letter(c, job, entry) < 0)
        put_back(c, job, "address or name is too long");
    else
        note_sent(c, job, entry);
    return 0;
}

static int claim_all(struct claim *c)
{
    _cleanup_(job_list_clear) struct job_list jobs = {0};
    struct queue_claim claim = {.kind = JOB_LETTER,
                                .most = c->wanted->most,
                                .now = c->now,
                                .lease = c->now + c->wanted->lease,
                                .batch = c->wanted->batch};
    int r = queue_claim(c->worker->manager->queue, &claim, &jobs);

    if (r == 0 && jobs.count > 0) {
        c->sent = calloc(jobs.count, sizeof *c->sent);
        c->addresses = calloc(jobs.count, sizeof *c->addresses);
        r = c->sent && c->addresses ? 0 : -ENOMEM;
    }
    for (size_t i = 0; r == 0 && i < jobs.count; i++)
        r = claim_one(c, &jobs.items[i]);
    return r < 0 || jobs.count == 0 ? r : write_sent(c);
}

static void sign(struct claim *c)
{
    uint8_t digest[32], signature[crypto_sign_BYTES];

    seal_manifest_end(&c->manifest, digest);
    seal_claim(c->worker->manager->keys->sign_secret, c->wanted->batch, digest, signature);
    wire_put(c->reply, WIRE_MANIFEST, digest, sizeof digest);
    wire_put(c->reply, WIRE_SIGNATURE, signature, sizeof signature);
}

int letters_batch(struct worker *worker, const struct request *request,
                  const struct letters_wanted *wanted, struct wire_writer *reply, size_t *ret_count)
{
    _cleanup_(claim_clear) struct claim c = {
        .worker = worker, .request = request, .wanted = wanted, .reply = reply, .now = clock_now()};
    int r;

    seal_manifest_begin(&c.manifest);
    r = claim_all(&c);
    if (r < 0)
        return r;
    sign(&c);
    *ret_count = c.count;
    return 0;
}

static int read_batch(const struct request *request, char ret[static ULID_SIZE])
{
    char typed[ULID_SIZE];

    return wire_get_string(&request->frame, WIRE_BATCH, typed, sizeof typed) < 0
               ? -EINVAL
               : ulid_read(typed, ret);
}

void letters_claim(struct worker *worker, const struct request *request, struct wire_writer *reply)
{
    char batch[ULID_SIZE];
    struct letters_wanted wanted = {.batch = batch, .lease = CLAIM_LEASE};
    uint32_t count = 0;
    size_t given;
    int r;

    wire_begin(reply, WIRE_LETTERS);
    if (read_batch(request, batch) < 0 || wire_get_u32(&request->frame, WIRE_COUNT, &count) < 0 ||
        count == 0) {
        wire_writer_clear(reply);
        wire_begin(reply, WIRE_ERROR);
        wire_put_string(reply, WIRE_TEXT, "a claim needs a batch id (ULID) and a count");
        return;
    }
    wanted.most = count < WIRE_CLAIM_MAX ? count : WIRE_CLAIM_MAX;
    r = letters_batch(worker, request, &wanted, reply, &given);
    if (r == 0)
        return;
    wire_writer_clear(reply);
    wire_begin(reply, WIRE_VERDICT);
    reply_error(reply, r, "en");
}

static int report_printed(struct worker *worker, const struct request *request, const char *batch,
                          const char *id, long pages)
{
    _cleanup_(job_clear) struct job job = {0};
    struct queue *queue = worker->manager->queue;
    char note[JOB_NOTE_SIZE];
    int r;

    snprintf(note, sizeof note, "printed, %ld page%s", pages, pages == 1 ? "" : "s");
    if ((r = queue_printed(queue, id, batch, clock_now(), note)) < 0 ||
        (r = queue_get(queue, id, &job)) < 0)
        return r;
    log_event(LOG_INFO, MESSAGE_LETTER, LOG_FIELDS("PORTAL_JOB", id), "Letter %s of %s: printed",
              id, job.subject);
    if (job.untold)
        outcome_tell(worker->manager, worker->directory, &job, request->deadline);
    return 0;
}

/* A reason as the station gives it, for one line. */
static void note_plain(const char *why, char ret[static WIRE_WHY_MAX + 1])
{
    snprintf(ret, WIRE_WHY_MAX + 1, "%s", why);
    for (char *p = ret; *p; p++)
        if ((unsigned char)*p < ' ')
            *p = ' ';
}

static int report_failed(struct worker *worker, const char *batch, const char *id, const char *why)
{
    _cleanup_(job_clear) struct job job = {0};
    char note[WIRE_WHY_MAX + 1];
    int r = queue_get(worker->manager->queue, id, &job);

    if (r < 0)
        return r;
    if ((job.state != JOB_CLAIMED && job.state != JOB_UNCERTAIN) || strcmp(job.batch, batch) != 0)
        return 0;
    note_plain(why, note);
    log_event(LOG_ERR, MESSAGE_LETTER, LOG_FIELDS("PORTAL_JOB", id),
              "Letter %s of %s can't be printed: %s", id, job.subject, note);
    if (job.state == JOB_UNCERTAIN) /* its lease has ended meanwhile, and now somebody knows */
        return queue_again(worker->manager->queue, id, clock_now() + FAILED_RETRY, note);
    return queue_retry(worker->manager->queue, id, job.fence, clock_now() + FAILED_RETRY, note);
}

static int report_uncertain(struct worker *worker, const char *batch, const char *id,
                            const char *why)
{
    char note[WIRE_WHY_MAX + 1];
    int r;

    note_plain(why, note);
    r = queue_uncertain(worker->manager->queue, id, batch, note);
    if (r == 0)
        log_event(LOG_WARNING, MESSAGE_LETTER_UNCERTAIN, LOG_FIELDS("PORTAL_JOB", id),
                  "Letter %s may be on paper or not: %s", id, note);
    return r;
}

/* One row of the manifest. A job that isn't this batch's is passed over: the station may know
   better than we what it printed, but not whose it is. */
static int report_one(struct worker *worker, const struct request *request, const char *batch,
                      json_t *row)
{
    const char *typed = NULL, *why = NULL, *doubt = NULL;
    json_int_t pages = 0;
    char id[ULID_SIZE];
    int r;

    if (json_unpack(row, "{s:s, s?s, s?s, s?I}", "job", &typed, "failed", &why, "uncertain", &doubt,
                    "pages", &pages) < 0 ||
        ulid_read(typed, id) < 0)
        return -EINVAL;
    r = why     ? report_failed(worker, batch, id, why)
        : doubt ? report_uncertain(worker, batch, id, doubt)
                : report_printed(worker, request, batch, id, (long)pages);
    if (r == -ENOENT || r == -ESTALE || r == -EPERM) {
        log_event(LOG_WARNING, MESSAGE_LETTER, LOG_FIELDS("PORTAL_JOB", id),
                  "The print station reports letter %s, which batch %s doesn't hold", id, batch);
        return 0;
    }
    return r;
}

int letters_report(struct worker *worker, const struct request *request, const char *batch,
                   json_t *rows)
{
    int r = 0;
    json_t *row;
    size_t i;

    json_array_foreach(rows, i, row)
    {
        if ((r = report_one(worker, request, batch, row)) < 0)
            break;
    }
    return r;
}

void letters_printed(struct worker *worker, const struct request *request,
                     struct wire_writer *reply)
{
    json_auto_t *rows = NULL;
    char batch[ULID_SIZE];
    const uint8_t *manifest = NULL;
    size_t size = 0;
    int r;

    wire_begin(reply, WIRE_VERDICT);
    if (read_batch(request, batch) < 0 ||
        wire_get(&request->frame, WIRE_MANIFEST, &manifest, &size) < 0 ||
        !(rows = json_loadb((const char *)manifest, size, 0, NULL)) || !json_is_array(rows)) {
        reply_verdict(reply, WIRE_REFUSED,
                      "a report needs a batch id and a JSON array of what became of its letters");
        return;
    }
    r = letters_report(worker, request, batch, rows);
    if (r == -EINVAL)
        reply_verdict(reply, WIRE_REFUSED,
                      "a row of the report has no job, or one that isn't a ULID");
    else if (r < 0)
        reply_error(reply, r, "en");
    else
        reply_verdict(reply, WIRE_OK, "");
}
