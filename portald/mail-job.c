/* Rows of mails: mail-job.h. */
#include "config.h"

#include "mail-job.h"

#include "cleanup.h"
#include "clock.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

static int payload_make(const char *to, const char *language, const char *name, struct job *mail)
{
    json_t *json = json_pack("{ssssss*}", "to", to, "language", language, "name", name);
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

int mail_job_make(const struct manager *manager, const char *id, const char *topic,
                  const struct entry *entry, const char *address, bool named, time_t now,
                  struct job *ret)
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
    if ((r = payload_make(address, entry->language, named ? entry->name : NULL, &mail)) < 0)
        return r;
    *ret = mail;
    return 0;
}
