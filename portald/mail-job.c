/* Rows of mails: mail-job.h. */
#include "config.h"

#include "mail-job.h"

#include "base32.h"
#include "cleanup.h"
#include "clock.h"

#include <errno.h>
#include <jansson.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

static int payload_make(const char *to, const char *language, const char *name, const char *day,
                        struct job *mail)
{
    json_t *json =
        json_pack("{ssssss*ss*}", "to", to, "language", language, "name", name, "day", day);
    char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;

    json_decref(json);
    if (!text)
        return -ENOMEM;
    mail->payload = (uint8_t *)text;
    mail->payload_size = strlen(text);
    return 0;
}

/* How long a mail of this topic is worth sending. */
static long life(const struct account_rules *rules, const char *topic)
{
    return strcmp(topic, "code") == 0 ? rules->code_life : rules->mail_life;
}

static int make(const struct manager *manager, const char *id, const char *topic,
                const struct entry *entry, const char *address, bool named, const char *day,
                time_t now, struct job *ret)
{
    struct job mail = {.kind = JOB_MAIL, .state = JOB_READY, .created = now, .due = now};
    unsigned char reference[REFERENCE_BYTES];
    int r;

    if (id)
        snprintf(mail.id, sizeof mail.id, "%s", id);
    else
        ulid_make(clock_now_ms(), mail.id);
    snprintf(mail.topic, sizeof mail.topic, "%s", topic);
    snprintf(mail.entry, sizeof mail.entry, "%s", entry->uuid);
    snprintf(mail.subject, sizeof mail.subject, "%.*s", JOB_SUBJECT_SIZE - 1, entry->uid);
    mail.expires = now + life(&manager->settings->rules, topic);
    derive_address_hash(manager->keys, address, mail.address);
    derive_reference(manager->keys, mail.id, reference);
    derive_hash(reference, sizeof reference, mail.reference);
    if ((r = payload_make(address, entry->language, named ? entry->name : NULL, day, &mail)) < 0)
        return r;
    *ret = mail;
    return 0;
}

int mail_job_make(const struct manager *manager, const char *id, const char *topic,
                  const struct entry *entry, const char *address, bool named, time_t now,
                  struct job *ret)
{
    return make(manager, id, topic, entry, address, named, NULL, now, ret);
}

int mail_job_make_dated(const struct manager *manager, const char *id, const char *topic,
                        const struct entry *entry, time_t day, time_t now, struct job *ret)
{
    char shown[CALENDAR_DAY_SIZE];

    if (day)
        calendar_day(day, shown);
    return make(manager, id, topic, entry, entry->mail, true, day ? shown : NULL, now, ret);
}

void mail_job_child_id(const struct manager *manager, const char *parent, const char *topic,
                       char ret[static ULID_SIZE])
{
    crypto_generichash_state state;
    uint8_t hash[ULID_SIZE - 1 - ULID_TIME_SYMBOLS];

    crypto_generichash_init(&state, manager->keys->table, sizeof manager->keys->table, sizeof hash);
    crypto_generichash_update(&state, (const uint8_t *)parent, ULID_SIZE);
    crypto_generichash_update(&state, (const uint8_t *)topic, strlen(topic));
    crypto_generichash_final(&state, hash, sizeof hash);
    memcpy(ret, parent, ULID_TIME_SYMBOLS);
    for (size_t i = 0; i < sizeof hash; i++)
        ret[ULID_TIME_SYMBOLS + i] = base32_symbol(hash[i]);
    ret[ULID_SIZE - 1] = 0;
}

int mail_job_child(const struct manager *manager, const char *parent, const char *topic,
                   const struct entry *entry, const char *address, bool named, time_t now,
                   struct job *ret)
{
    char id[ULID_SIZE];
    int r;

    mail_job_child_id(manager, parent, topic, id);
    r = mail_job_make(manager, id, topic, entry, address, named, now, ret);
    if (r == 0)
        snprintf(ret->parent, sizeof ret->parent, "%s", parent);
    return r;
}

/* Topics of confirmation mails, which have a limit of their own. */
static const char *const links[] = {"confirm", "mail-confirm"};

static bool is_link(const char *topic)
{
    for (size_t i = 0; i < ELEMENTS(links); i++)
        if (strcmp(links[i], topic) == 0)
            return true;
    return false;
}

int mail_job_allowed(const struct manager *manager, const struct job *mail, time_t now)
{
    const struct settings *s = manager->settings;
    struct job before = {0};
    unsigned count = 0, all = 0;
    int r = queue_get(manager->queue, mail->id, &before);

    if (r == 0) /* this very mail, from an earlier run */
        return 1;
    if (r != -ENOENT ||
        (r = queue_count_mails(manager->queue, mail->address, NULL, NULL, now - HOUR, &count)) < 0)
        return r;
    if (count >= (unsigned)s->mails_per_address)
        return 0;
    if (!is_link(mail->topic))
        return 1;
    for (size_t i = 0; i < ELEMENTS(links); i++) {
        unsigned of_topic = 0;
        r = queue_count_mails(manager->queue, NULL, mail->entry, links[i], now - DAY, &of_topic);
        if (r < 0)
            return r;
        all += of_topic;
    }
    return all < (unsigned)s->confirmations_per_entry;
}
