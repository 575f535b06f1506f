/* The clerk's side of a forgotten password, and what its new password brings with it: recovery.h.
 */
#include "config.h"

#include "recovery.h"

#include "known.h"
#include "mail-job.h"
#include "puk.h"
#include "readdress.h"
#include "swap.h"
#include "texts.h"

#include "cleanup.h"
#include "clock.h"
#include "log.h"
#include "messages.h"

#include <errno.h>
#include <jansson.h>
#include <sodium.h>
#include <stdio.h>

#define SPACE_HOUR "codes-hour"
#define SPACE_DAY  "codes-day"
#define WHOSE_SIZE (JOB_ENTRY_SIZE + 8)

struct recovery {
    const struct manager *manager;
    struct directory *directory;
    const struct job *job;
    long long deadline;
    struct recovery_request request;
    struct entry *entry; /* or NULL */
    time_t now;
};

static void recovery_clear(struct recovery *r)
{
    r->entry = entry_free(r->entry);
    sodium_memzero(&r->request, sizeof r->request);
}

int recovery_write(const struct recovery_request *request, uint8_t **ret, size_t *ret_size)
{
    json_t *json = json_pack("{ssssss}", "name", request->name, "client", request->client,
                             "known_as", request->known_as);
    char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;

    json_decref(json);
    if (!text)
        return -ENOMEM;
    *ret_size = strlen(text);
    *ret = (uint8_t *)text;
    return 0;
}

int recovery_read(const uint8_t *payload, size_t size, struct recovery_request *ret)
{
    const char *name, *client, *known_as = NULL;
    json_t *json = json_loadb((const char *)payload, size, 0, NULL);
    int r = -EBADMSG;

    if (json &&
        json_unpack(json, "{sssss?s}", "name", &name, "client", &client, "known_as", &known_as) ==
            0 &&
        strlen(name) < sizeof ret->name && strlen(client) < sizeof ret->client &&
        (!known_as || strlen(known_as) < sizeof ret->known_as)) {
        snprintf(ret->name, sizeof ret->name, "%s", name);
        snprintf(ret->client, sizeof ret->client, "%s", client);
        snprintf(ret->known_as, sizeof ret->known_as, "%s", known_as ? known_as : client);
        r = 0;
    }
    json_decref(json);
    return r;
}

static void log_recovery(const struct recovery *r, const char *note)
{
    log_event(LOG_INFO, MESSAGE_RECOVERY,
              LOG_FIELDS("PORTAL_ENTRY", r->entry ? r->entry->uid : "", "PORTAL_JOB", r->job->id,
                         "PORTAL_CLIENT", r->request.client),
              "A code was asked for (%s): %s", r->job->id, note);
}

static int finish(const struct recovery *r, const char *note)
{
    log_recovery(r, note);
    return queue_finish(r->manager->queue, r->job->id, r->job->fence, JOB_DONE, note, r->now,
                        false);
}

/* Why no code is mailed, or NULL. */
static const char *refused(const struct entry *entry)
{
    if (!entry || entry->state == ACCOUNT_PROVISIONED || entry->state == ACCOUNT_PENDING)
        return "no account has this address: nothing sent";
    if (entry->malformed)
        return "the entry holds values that can't be understood: nothing sent";
    if (entry->state == ACCOUNT_LOCKED || entry->state == ACCOUNT_CLOSED)
        return "the account is locked or closed: nothing sent";
    if (!account_may_use_puk(entry))
        return "there is no personal password yet: nothing sent";
    return NULL;
}

/* Mails that came to this address without its owner having asked for them, as far as we can know.
 */
static int count_unasked(const struct recovery *r, const char *address, unsigned *ret)
{
    static const char *const topics[] = {RECOVERY_TOPIC,   "confirm",     "mail-confirm",
                                         "in-use",         "registered",  "letter-valid",
                                         "letter-refused", "has-password"};
    unsigned all = 0;

    for (size_t i = 0; i < ELEMENTS(topics); i++) {
        unsigned count = 0;
        int e = queue_count_mails(r->manager->queue, address, NULL, topics[i], r->now - HOUR + 1,
                                  &count);
        if (e < 0)
            return e;
        all += count;
    }
    *ret = all;
    return 0;
}

/* Whether another code may be mailed: 1, 0, or an error. Clients that the account knows have a
   count of their own, so that a stranger who asks for codes doesn't use up the customer's. */
static int code_allowed(const struct recovery *r, const struct job *mail)
{
    const struct settings *s = r->manager->settings;
    bool known = known_client(r->manager->known, r->entry, r->request.known_as, r->now);
    char whose[WHOSE_SIZE];
    unsigned unasked = 0;
    int e;

    if (!known && (e = count_unasked(r, mail->address, &unasked)) < 0)
        return e;
    if (unasked >= (unsigned)s->mails_per_address)
        return 0;
    snprintf(whose, sizeof whose, "%s %s", r->entry->uuid, known ? "known" : "other");
    if (throttle_take(r->manager->names, SPACE_HOUR, whose, (unsigned)s->rules.codes_hour, HOUR,
                      r->now, NULL) < 0)
        return 0;
    if (throttle_take(r->manager->names, SPACE_DAY, whose, (unsigned)s->rules.codes_day, DAY,
                      r->now, NULL) == 0)
        return 1;
    throttle_give_back(r->manager->names, SPACE_HOUR, whose);
    return 0;
}

static int write_code(const struct recovery *r, const struct job *mail)
{
    _cleanup_(changes_clear) struct changes changes = {0};
    const struct account_rules *rules = &r->manager->settings->rules;
    char code[MAILED_CODE_SIZE], hash[JOB_HASH_SIZE];

    derive_code(r->manager->keys, mail->id, code);
    derive_code_hash(r->manager->keys, r->entry->uuid, code, hash);
    sodium_memzero(code, sizeof code);
    /* Mail and code end together, also where an earlier run made the mail. */
    account_set_code(rules, r->entry, hash, mail->id, mail->expires - rules->code_life, &changes);
    return entry_swap(r->directory, r->entry, &changes, r->deadline);
}

/* Makes the mail's staged row, or finds it. 1; 0 when no further code may be made; or an error. */
static int stage_mail(const struct recovery *r, struct job *mail)
{
    _cleanup_(job_clear) struct job before = {0};
    int e = mail_job_child(r->manager, r->job->id, RECOVERY_TOPIC, r->entry, r->entry->mail, true,
                           r->now, mail);

    if (e < 0)
        return e;
    e = queue_get(r->manager->queue, mail->id, &before);
    if (e == 0) {
        mail->expires = before.expires;
        return 1;
    }
    if (e != -ENOENT || (e = code_allowed(r, mail)) <= 0)
        return e;
    mail->state = JOB_STAGED;
    mail->lease = r->now + STAGED_LEASE;
    e = queue_put(r->manager->queue, mail);
    return e < 0 && e != -EEXIST ? e : 1;
}

/* Staged, written to the directory, ready: in this order, and each step finds what an earlier run
   left. */
static int send_code(const struct recovery *r)
{
    static const char note[] = "a code is mailed";
    _cleanup_(job_clear) struct job mail = {0};
    int e = stage_mail(r, &mail);

    if (e < 0)
        return e;
    if (e == 0)
        return finish(r, "too many codes or mails: the newest code still works");
    if (!account_has_job(r->entry, mail.id) && (e = write_code(r, &mail)) < 0)
        return e;
    e = queue_ready_and_finish(r->manager->queue, mail.id, r->job->id, r->job->fence, note);
    if (e == 0)
        log_recovery(r, note);
    return e;
}

/* Whether an earlier run came to an end but for saying so: 1, 0, or an error. */
static int code_is_out(const struct recovery *r)
{
    _cleanup_(job_clear) struct job mail = {0};
    char id[ULID_SIZE];
    int e;

    if (r->job->attempts <= 1)
        return 0;
    mail_job_child_id(r->manager, r->job->id, RECOVERY_TOPIC, id);
    e = queue_get(r->manager->queue, id, &mail);
    return e == -ENOENT ? 0 : e < 0 ? e : mail.state != JOB_STAGED;
}

static int look_and_send(struct recovery *r)
{
    const char *why;
    int e = code_is_out(r);

    if (e != 0)
        return e < 0 ? e : finish(r, "a code is mailed");
    if (r->now - r->job->created >= r->manager->settings->rules.code_life)
        return finish(r, "asked for too long ago: nothing sent");
    e = directory_find(r->directory, DIRECTORY_CONFIRMED_MAIL, r->request.name, true, r->deadline,
                       &r->entry);
    if (e == -ENOTUNIQ)
        return finish(r, "several entries have this address: nothing sent");
    if (e < 0 && e != -ENOENT)
        return e;
    if (r->entry && account_mail_changed(r->entry)) {
        e = readdress(r->manager, r->directory, r->entry->uuid, r->deadline);
        return e < 0 ? e : -ESTALE; /* read again */
    }
    why = refused(r->entry);
    return why ? finish(r, why) : send_code(r);
}

int recovery_run(const struct manager *manager, struct directory *directory, const struct job *job,
                 long long deadline)
{
    int e = -ESTALE;

    for (int i = 0; i < SWAP_TRIES && (e == -ESTALE || e == -EUCLEAN); i++) {
        _cleanup_(recovery_clear) struct recovery r = {.manager = manager,
                                                       .directory = directory,
                                                       .job = job,
                                                       .deadline = deadline,
                                                       .now = clock_now()};
        if (!job->payload || recovery_read(job->payload, job->payload_size, &r.request) < 0)
            return finish(&r, "the stored request can't be read");
        e = look_and_send(&r);
    }
    return e;
}

int recovery_stage(const struct manager *manager, const struct entry *entry, time_t now,
                   long long deadline, struct recovery_effects *ret)
{
    int r = puk_replace(manager, entry, now, deadline, &ret->letter);

    if (r == 0)
        notice_stage(manager, entry, puk_topic(&ret->letter), now, &ret->notice);
    return r;
}

void recovery_apply(const struct manager *manager, const struct entry *entry,
                    const struct recovery_effects *effects, const char *password_hash, time_t now,
                    struct changes *changes)
{
    const struct settings *s = manager->settings;

    account_recover(entry, password_hash, s->ppolicy, now, changes);
    account_replace_puk(&s->rules, entry, effects->letter.puk_hash, effects->letter.job, now,
                        changes);
    account_note_job(effects->notice.job, changes);
}

void recovery_settle(const struct manager *manager, const struct recovery_effects *effects,
                     bool written)
{
    letter_settle(manager, &effects->letter, written);
    notice_settle(manager, &effects->notice, written);
}

const char *recovery_text(const char *language, bool letter)
{
    if (letter)
        return text(language,
                    N_("Your new password is set. From now on, please log in with it. The PUK can "
                       "be used only once, so we are sending you a letter with a new one."));
    return text(language,
                N_("Your new password is set. From now on, please log in with it. The PUK can be "
                   "used only once. Since several letters have been sent to you within a short "
                   "time, please ask our customer service for a new one."));
}
