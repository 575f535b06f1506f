/* Letters are made here; letter_stage() is the way in, letter_hold() the way out. The plain codes
   live only in this file's stack, and are wiped. */
#include "config.h"

#include "letter.h"

#include "account-letter.h"
#include "mail-job.h"

#include "cleanup.h"
#include "clock.h"
#include "log.h"
#include "messages.h"
#include "seal.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>

#define CONTENT_SIZE 512
#define ANNOUNCEMENT "letter-address"
#define LETTERS_MOST 100 /* unfinished ones of a customer */
/* Why a letter waits, for whoever looks at the queue. */
#define HELD "it waits, since it goes to another address than the last one"
#define HELD_UNTOLD                                                                                \
    "it waits for a person: it goes to another address than the last one, and the mail that "      \
    "tells "                                                                                       \
    "the customer failed"
#define HELD_NO_MAIL                                                                               \
    "it waits for a person: it goes to another address than the last one, and the entry has no "   \
    "mail address to tell"

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

static bool has_puk(const char *kind)
{
    return strcmp(kind, "password") != 0;
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
static int seal_codes(const struct manager *m, const struct codes *codes, struct job *job)
{
    bool password = has_password(job->topic), puk = has_puk(job->topic);
    char content[CONTENT_SIZE];
    int n, r;

    n = snprintf(content, sizeof content,
                 "{\"version\":1,\"job\":\"%s\",\"entry\":\"%s\",\"kind\":\"%s\"%s%s%s%s%s%s}",
                 job->id, job->entry, job->topic, password ? ",\"password\":\"" : "",
                 password ? codes->password : "", password ? "\"" : "", puk ? ",\"puk\":\"" : "",
                 puk ? codes->puk : "", puk ? "\"" : "");
    r = n < (int)sizeof content
            ? seal_letter(m->station, content, (size_t)n, &job->payload, &job->payload_size)
            : -E2BIG;
    sodium_memzero(content, sizeof content);
    return r;
}

static void describe(const struct manager *m, const struct entry *entry, const char *kind,
                     int64_t made_ms, time_t now, struct job *job)
{
    unsigned char reference[REFERENCE_BYTES];

    ulid_make(made_ms, job->id);
    snprintf(job->topic, sizeof job->topic, "%s", kind);
    snprintf(job->entry, sizeof job->entry, "%s", entry->uuid);
    snprintf(job->subject, sizeof job->subject, "%.*s", JOB_SUBJECT_SIZE - 1, entry->uid);
    derive_reference(m->keys, job->id, reference);
    derive_hash(reference, sizeof reference, job->reference);
    job->created = now;
    job->lease = now + STAGED_LEASE;
    /* A password that nobody can use any more isn't printed. */
    if (has_password(kind))
        job->expires = calendar_end_of_day(now, (int)m->settings->rules.initial_ceiling);
}

void letter_address_hash(const struct entry *entry, unsigned char ret[static ENTRY_ADDRESS_BYTES])
{
    const char *address = entry->postal_address ? entry->postal_address : "";

    crypto_generichash(ret, ENTRY_ADDRESS_BYTES, (const uint8_t *)address, strlen(address), NULL,
                       0);
}

void letter_sent_text(const struct entry *entry, char ret[static JOB_HASH_SIZE])
{
    unsigned char hash[ENTRY_ADDRESS_BYTES];

    letter_address_hash(entry, hash);
    sodium_bin2base64(ret, JOB_HASH_SIZE, hash, sizeof hash,
                      sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

int letter_sent_to(const struct job *job, unsigned char ret[static ENTRY_ADDRESS_BYTES])
{
    unsigned char hash[ENTRY_ADDRESS_BYTES];
    size_t size = 0;

    if (sodium_base642bin(hash, sizeof hash, job->address, strlen(job->address), NULL, &size, NULL,
                          sodium_base64_VARIANT_URLSAFE_NO_PADDING) != 0 ||
        size != sizeof hash)
        return -ENOENT;
    memcpy(ret, hash, sizeof hash);
    return 0;
}

/* The id of the mail that announces, to the entry's mailbox, the letter job going to the entry's
   postal address. */
static void announcement_id(const struct manager *m, const struct entry *entry, const char *job,
                            char ret[static ULID_SIZE])
{
    unsigned char hash[ENTRY_ADDRESS_BYTES];
    char printed[sizeof ANNOUNCEMENT + 2 * sizeof hash] = ANNOUNCEMENT;

    letter_address_hash(entry, hash);
    crypto_generichash(hash, sizeof hash, (const uint8_t *)entry->mail, strlen(entry->mail), hash,
                       sizeof hash);
    sodium_bin2hex(printed + strlen(ANNOUNCEMENT), 2 * sizeof hash + 1, hash, sizeof hash);
    mail_job_child_id(m, job, printed, ret);
}

static bool goes_elsewhere(const struct manager *m, const struct entry *entry)
{
    unsigned char hash[ENTRY_ADDRESS_BYTES];

    letter_address_hash(entry, hash);
    return m->settings->rules.address_wait > 0 && account_letter_elsewhere(entry, hash);
}

/* Mails that the letter job goes to another address: staged with the letter itself, or at once. */
static int announce(const struct manager *m, const struct entry *entry, const char *job,
                    bool staged, time_t now, char ret_id[static ULID_SIZE])
{
    _cleanup_(job_clear) struct job mail = {0};
    int r;

    announcement_id(m, entry, job, ret_id);
    r = mail_job_make_dated(m, ret_id, ANNOUNCEMENT, entry, now + m->settings->rules.address_wait,
                            now, &mail);
    if (r < 0)
        return r;
    if (staged) {
        memcpy(mail.parent, job, sizeof mail.parent);
        mail.state = JOB_STAGED;
        mail.lease = now + STAGED_LEASE;
    }
    r = queue_put(m->queue, &mail);
    return r == -EEXIST ? 0 : r;
}

/* Seals and stages one of kind, due then. */
static int stage(const struct manager *m, const struct codes *codes, struct job *job, time_t due)
{
    int r;

    job->due = due;
    if ((r = seal_codes(m, codes, job)) < 0)
        return r;
    return queue_put(m->queue, job);
}

/* The PUK's own letter. */
static int stage_puk(const struct manager *m, const struct entry *entry, const struct codes *codes,
                     int64_t made_ms, time_t now, time_t due, struct letter *letter)
{
    _cleanup_(job_clear) struct job job = {.kind = JOB_LETTER, .state = JOB_STAGED};
    int r;

    describe(m, entry, "puk", made_ms, now, &job);
    r = stage(m, codes, &job, due + m->settings->rules.puk_days * DAY);
    if (r == 0)
        memcpy(letter->puk_job, job.id, sizeof letter->puk_job);
    return r;
}

/* All rows of the letter. What was staged before something went wrong is dropped again. */
static int stage_all(const struct manager *m, const struct entry *entry, const char *kind,
                     const struct codes *codes, time_t now, struct letter *letter)
{
    _cleanup_(job_clear) struct job job = {.kind = JOB_LETTER, .state = JOB_STAGED};
    bool apart = m->settings->rules.puk_days > 0 && strcmp(kind, "access") == 0;
    bool elsewhere = goes_elsewhere(m, entry) && entry->mail; /* else the claim finds out */
    time_t due = elsewhere ? now + m->settings->rules.address_wait : now;
    int64_t made_ms = clock_now_ms();
    int r;

    describe(m, entry, apart ? "password" : kind, made_ms, now, &job);
    if ((r = stage(m, codes, &job, due)) < 0)
        return r;
    memcpy(letter->job, job.id, sizeof letter->job);
    memcpy(letter->entry, entry->uuid, sizeof letter->entry);
    if (apart)
        r = stage_puk(m, entry, codes, made_ms, now, due, letter);
    if (r == 0 && elsewhere)
        r = announce(m, entry, letter->job, true, now, letter->notice);
    if (r < 0)
        letter_settle(m, letter, false);
    return r;
}

int letter_stage(const struct manager *manager, const struct entry *entry, const char *kind,
                 time_t now, long long deadline, struct letter *ret)
{
    _cleanup_(codes_clear) struct codes codes;
    _cleanup_(letter_clear) struct letter letter = {0};
    int r;

    code_make(codes.password);
    code_make(codes.puk);
    if ((r = hash_codes(manager, kind, &codes, deadline, &letter)) < 0 ||
        (r = stage_all(manager, entry, kind, &codes, now, &letter)) < 0)
        return r;
    *ret = letter;
    return 0;
}

/* Earlier ones of the same customer that aren't printed yet: what they carry is void. */
static int withdraw_earlier(const struct manager *m, const struct letter *letter)
{
    _cleanup_(job_list_clear) struct job_list jobs = {0};
    struct queue_filter filter = {.kind = JOB_LETTER,
                                  .state = -1,
                                  .entry = letter->entry,
                                  .unfinished = true,
                                  .most = LETTERS_MOST};
    int r = queue_list(m->queue, &filter, &jobs);

    for (size_t i = 0; r >= 0 && i < jobs.count; i++) {
        const struct job *job = &jobs.items[i];
        bool waits =
            job->state == JOB_READY || job->state == JOB_CLAIMED || job->state == JOB_UNCERTAIN;
        if (waits && strncmp(job->id, letter->job, ULID_TIME_SYMBOLS) < 0)
            r = queue_withdraw_one(m->queue, job->id, "a newer letter takes its place");
        if (r == -EPERM || r == -ENOENT) /* it has ended meanwhile */
            r = 0;
    }
    return r;
}

/* The announcement first: no letter goes out without it. */
static int settle(const struct manager *m, const struct letter *letter, bool written)
{
    const char *const jobs[] = {letter->notice, letter->puk_job, letter->job};
    int r = 0;

    for (size_t i = 0; i < ELEMENTS(jobs) && r >= 0; i++)
        if (*jobs[i])
            r = written ? queue_ready(m->queue, jobs[i]) : queue_drop_staged(m->queue, jobs[i]);
    return r >= 0 && written ? withdraw_earlier(m, letter) : r;
}

void letter_settle(const struct manager *manager, const struct letter *letter, bool written)
{
    int r;

    if (!*letter->job)
        return;
    r = settle(manager, letter, written);
    if (r < 0)
        log_event(LOG_WARNING, MESSAGE_QUEUE_TROUBLE, LOG_FIELDS("PORTAL_JOB", letter->job),
                  "Letter %s stays staged until the clerk looks at it: %s", letter->job,
                  strerror(-r));
    else if (written)
        log_event(LOG_INFO, MESSAGE_LETTER, LOG_FIELDS("PORTAL_JOB", letter->job),
                  "Letter %s: queued%s", letter->job,
                  *letter->notice ? "; it waits, since it goes to another address" : "");
}

/* What became of the mail that announces the letter job; it is made where there is none. */
static int announced(const struct manager *m, const struct entry *entry, const char *job,
                     time_t now, enum account_announced *ret, time_t *ret_accepted)
{
    _cleanup_(job_clear) struct job mail = {.state = JOB_READY};
    char id[ULID_SIZE];
    int r;

    announcement_id(m, entry, job, id);
    r = queue_get(m->queue, id, &mail);
    if (r == -ENOENT)
        r = announce(m, entry, job, false, now, id);
    if (r < 0)
        return r;
    *ret_accepted = mail.happened;
    *ret = mail.state == JOB_DONE                               ? ANNOUNCED_ACCEPTED
           : job_ended(mail.state) || mail.state == JOB_DAMAGED ? ANNOUNCED_FAILED
                                                                : ANNOUNCED_NOT;
    return 0;
}

/* A thief who changed the mail address, or had it changed, too, is told of the letter in the
   owner's place. So it also waits from when the address before was told of that change: its owner's
   button locks the account, which withdraws the letter. Where that mail failed there is nobody to
   wait for. */
static int told_before(const struct manager *m, const struct entry *entry, time_t now,
                       time_t *ret_until)
{
    const struct account_rules *rules = &m->settings->rules;
    struct queue_filter filter = {
        .kind = JOB_MAIL, .state = -1, .entry = entry->uuid, .most = QUEUE_LIST_MAX};
    _cleanup_(job_list_clear) struct job_list jobs = {0};
    time_t until = account_mail_changed(entry) ? now + rules->address_wait : 0;
    int r = queue_list(m->queue, &filter, &jobs);

    for (size_t i = 0; r == 0 && i < jobs.count; i++) {
        const struct job *mail = &jobs.items[i];
        time_t waits = 0;

        if (strcmp(mail->topic, "mail-changed") != 0 && strcmp(mail->topic, "mail-moved") != 0)
            continue;
        if (mail->state == JOB_DONE)
            waits = account_letter_waits(rules, ANNOUNCED_ACCEPTED, mail->happened, now);
        else if (!job_ended(mail->state) && mail->state != JOB_DAMAGED)
            waits = account_letter_waits(rules, ANNOUNCED_NOT, 0, now);
        until = waits > until ? waits : until;
    }
    if (r == 0)
        *ret_until = until;
    return r;
}

int letter_hold(const struct manager *manager, const struct entry *entry, const struct job *job,
                time_t now, time_t *ret_until, const char **ret_why)
{
    enum account_announced told = ANNOUNCED_FAILED;
    time_t accepted = 0, before = 0;
    int r = 0;

    *ret_until = 0;
    if (!goes_elsewhere(manager, entry))
        return 0;
    if (entry->mail)
        r = announced(manager, entry, job->id, now, &told, &accepted);
    if (r == 0)
        r = told_before(manager, entry, now, &before);
    if (r < 0)
        return r;
    *ret_until = account_letter_waits(&manager->settings->rules, told, accepted, now);
    if (*ret_until < before)
        *ret_until = before;
    *ret_why = told != ANNOUNCED_FAILED ? HELD : entry->mail ? HELD_UNTOLD : HELD_NO_MAIL;
    return 0;
}

int letter_mail(const struct manager *manager, const struct entry *entry, const char *job,
                const char *topic, time_t day, time_t now)
{
    _cleanup_(job_clear) struct job mail = {0};
    char id[ULID_SIZE];
    int r;

    if (!entry->mail)
        return 0;
    mail_job_child_id(manager, job, topic, id);
    if ((r = mail_job_make_dated(manager, id, topic, entry, day, now, &mail)) < 0)
        return r;
    memcpy(mail.parent, job, sizeof mail.parent);
    if (day && mail.expires > calendar_end_of_day(day, 0))
        mail.expires = calendar_end_of_day(day, 0);
    r = queue_put(manager->queue, &mail);
    return r == -EEXIST ? 0 : r;
}
