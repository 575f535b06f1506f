/* Notices by mail: notice_stage() before the LDAP write, notice_settle() after it. */
#include "config.h"

#include "notice.h"

#include "letter.h"
#include "mail-job.h"

#include "cleanup.h"
#include "log.h"
#include "messages.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static int stage(const struct manager *manager, struct job *mail, time_t now, struct notice *ret)
{
    int r;

    mail->state = JOB_STAGED;
    mail->lease = now + STAGED_LEASE;
    if ((r = queue_put(manager->queue, mail)) < 0)
        return r;
    memcpy(ret->job, mail->id, sizeof ret->job);
    return 0;
}

int notice_stage_to(const struct manager *manager, const struct entry *entry, const char *topic,
                    const char *address, bool named, time_t now, struct notice *ret)
{
    _cleanup_(job_clear) struct job mail = {0};
    int r = mail_job_make(manager, NULL, topic, entry, address, named, now, &mail);

    return r < 0 ? r : stage(manager, &mail, now, ret);
}

int notice_stage_dated(const struct manager *manager, const struct entry *entry, const char *topic,
                       time_t day, time_t now, struct notice *ret)
{
    _cleanup_(job_clear) struct job mail = {0};
    int r = mail_job_make_dated(manager, NULL, topic, entry, day, now, &mail);

    return r < 0 ? r : stage(manager, &mail, now, ret);
}

void notice_stage(const struct manager *manager, const struct entry *entry, const char *topic,
                  time_t now, struct notice *ret)
{
    int r;

    *ret = (struct notice){0};
    if (!entry->mail)
        return;
    r = notice_stage_to(manager, entry, topic, entry->mail, true, now, ret);
    if (r < 0)
        log_event(LOG_WARNING, MESSAGE_QUEUE_TROUBLE, LOG_FIELDS("PORTAL_ENTRY", entry->uid),
                  "%s gets no mail \"%s\": %s", entry->uid, topic, strerror(-r));
}

void notice_settle(const struct manager *manager, const struct notice *notice, bool written)
{
    int r;

    if (!*notice->job)
        return;
    r = written ? queue_ready(manager->queue, notice->job)
                : queue_drop_staged(manager->queue, notice->job);
    if (r < 0)
        log_event(LOG_WARNING, MESSAGE_QUEUE_TROUBLE, LOG_FIELDS("PORTAL_JOB", notice->job),
                  "Mail %s stays staged until the clerk looks at it: %s", notice->job,
                  strerror(-r));
}
