/* Letters are made here; letter_stage() is the way in. The plain codes live only in this file's
   stack, and are wiped. */
#include "config.h"

#include "letter.h"

#include "cleanup.h"
#include "clock.h"
#include "log.h"
#include "messages.h"
#include "seal.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>

#define CONTENT_SIZE 512

struct codes {
    char password[CODE_SIZE], puk[CODE_SIZE];
};

static void codes_clear(struct codes *codes)
{
    sodium_memzero(codes, sizeof *codes);
}

void letter_clear(struct letter *letter)
{
    sodium_memzero(letter, sizeof *letter);
}

static bool has_password(const char *kind)
{
    return strcmp(kind, "puk") != 0;
}

static int hash_codes(const struct manager *m, const char *kind, const struct codes *codes,
                      long long deadline, struct letter *ret)
{
    char puk[SECRET_HASH_SIZE];
    int r = secret_gate_enter(m->gate, deadline);

    if (r < 0)
        return r;
    r = has_password(kind) ? secret_hash(codes->password, ret->password_hash) : 0;
    if (r == 0)
        r = secret_hash(codes->puk, puk);
    secret_gate_leave(m->gate);
    if (r == 0)
        snprintf(ret->puk_hash, sizeof ret->puk_hash, "%s", puk + strlen(SECRET_SCHEME));
    sodium_memzero(puk, sizeof puk);
    return r;
}

/* Codes and ids are letters, digits and hyphens, so that this is JSON as it stands; a JSON library
   would leave copies behind. */
static int seal_codes(const struct manager *m, const struct entry *entry, const char *kind,
                      const struct codes *codes, struct job *job)
{
    char content[CONTENT_SIZE];
    int n, r;

    if (has_password(kind))
        n = snprintf(content, sizeof content,
                     "{\"version\":1,\"job\":\"%s\",\"entry\":\"%s\",\"kind\":\"%s\",\"password\":"
                     "\"%s\",\"puk\":\"%s\"}",
                     job->id, entry->uuid, kind, codes->password, codes->puk);
    else
        n = snprintf(
            content, sizeof content,
            "{\"version\":1,\"job\":\"%s\",\"entry\":\"%s\",\"kind\":\"%s\",\"puk\":\"%s\"}",
            job->id, entry->uuid, kind, codes->puk);
    r = n < (int)sizeof content
            ? seal_letter(m->station, content, (size_t)n, &job->payload, &job->payload_size)
            : -E2BIG;
    sodium_memzero(content, sizeof content);
    return r;
}

static void describe(const struct manager *m, const struct entry *entry, const char *kind,
                     time_t now, struct job *job)
{
    unsigned char reference[REFERENCE_BYTES];

    ulid_make(clock_now_ms(), job->id);
    snprintf(job->topic, sizeof job->topic, "%s", kind);
    snprintf(job->entry, sizeof job->entry, "%s", entry->uuid);
    snprintf(job->subject, sizeof job->subject, "%.*s", JOB_SUBJECT_SIZE - 1, entry->uid);
    derive_reference(m->keys, job->id, reference);
    derive_hash(reference, sizeof reference, job->reference);
    job->created = job->due = now;
    job->lease = now + STAGED_LEASE;
}

int letter_stage(const struct manager *manager, const struct entry *entry, const char *kind,
                 time_t now, long long deadline, struct letter *ret)
{
    _cleanup_(codes_clear) struct codes codes;
    _cleanup_(letter_clear) struct letter letter = {0};
    _cleanup_(job_clear) struct job job = {.kind = JOB_LETTER, .state = JOB_STAGED};
    int r;

    code_make(codes.password);
    code_make(codes.puk);
    describe(manager, entry, kind, now, &job);
    if ((r = hash_codes(manager, kind, &codes, deadline, &letter)) < 0 ||
        (r = seal_codes(manager, entry, kind, &codes, &job)) < 0 ||
        (r = queue_put(manager->queue, &job)) < 0)
        return r;
    memcpy(letter.job, job.id, sizeof letter.job);
    *ret = letter;
    return 0;
}

void letter_settle(const struct manager *manager, const struct letter *letter, bool written)
{
    int r;

    if (!*letter->job)
        return;
    r = written ? queue_ready(manager->queue, letter->job)
                : queue_drop_staged(manager->queue, letter->job);
    if (r < 0)
        log_event(LOG_WARNING, MESSAGE_QUEUE_TROUBLE, LOG_FIELDS("PORTAL_JOB", letter->job),
                  "Letter %s stays staged until the clerk looks at it: %s", letter->job,
                  strerror(-r));
    else if (written)
        log_event(LOG_INFO, MESSAGE_LETTER, LOG_FIELDS("PORTAL_JOB", letter->job),
                  "Letter %s: queued", letter->job);
}
