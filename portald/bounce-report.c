/* WIRE_BOUNCE: what a delivery status notification said of a mail is written into its job and the
   journal. Anybody can write such a notification, or send an old one again, so nothing else follows
   from it. */
#include "config.h"

#include "bounce.h"
#include "handlers.h"

#include "cleanup.h"
#include "log.h"
#include "messages.h"

#include <errno.h>

#define STATUS_SIZE     12   /* "5.123.123" */
#define DIAGNOSTIC_SIZE 1024 /* portalctl sends less */
#define RECIPIENT_SIZE  321

struct bounce_report {
    char job[ULID_SIZE];
    enum wire_bounce what;
    char status[STATUS_SIZE], diagnostic[DIAGNOSTIC_SIZE], recipient[RECIPIENT_SIZE];
};

static const struct {
    int level;
    const char *text;
} reported[] = {
    [WIRE_BOUNCE_FAILED] = {LOG_WARNING, "came back"},
    [WIRE_BOUNCE_DELAYED] = {LOG_NOTICE, "is delayed"},
    [WIRE_BOUNCE_DELIVERED] = {LOG_INFO, "was delivered"},
};

/* class.subject.detail, RFC 3463, 2. */
static bool status_is_fine(const char *status)
{
    return strchr("245", status[0]) && status[0] && status[1] == '.' &&
           strspn(status, ".0123456789") == strlen(status);
}

/* Returns 0, -EINVAL for a reference that isn't ours, -EBADMSG for what no portalctl sends. */
static int report_read(const struct keys *keys, const struct wire_frame *frame,
                       struct bounce_report *ret)
{
    char reference[LINK_SIZE];
    uint8_t what;

    if (wire_get_string(frame, WIRE_REFERENCE_CODE, reference, sizeof reference) < 0 ||
        wire_get_u8(frame, WIRE_REPORTED, &what) < 0 || what >= ELEMENTS(reported) ||
        wire_get_string(frame, WIRE_CODE, ret->status, sizeof ret->status) < 0 ||
        !status_is_fine(ret->status))
        return -EBADMSG;
    if (wire_get_string(frame, WIRE_TEXT, ret->diagnostic, sizeof ret->diagnostic) < 0)
        ret->diagnostic[0] = '\0';
    if (wire_get_string(frame, WIRE_RECIPIENT, ret->recipient, sizeof ret->recipient) < 0)
        ret->recipient[0] = '\0';
    ret->what = (enum wire_bounce)what;
    return bounce_reference_read(keys, reference, ret->job);
}

static int report_note(struct queue *queue, const struct bounce_report *report)
{
    _cleanup_(job_clear) struct job job = {0};
    char note[JOB_NOTE_SIZE];
    int r = queue_get(queue, report->job, &job);

    if (r < 0)
        return r;
    bounce_note(report->what, report->status, report->diagnostic, report->recipient, note);
    r = queue_bounced(queue, job.id, report->what == WIRE_BOUNCE_FAILED, note);
    if (r == 0)
        log_event(reported[report->what].level, MESSAGE_BOUNCE,
                  LOG_FIELDS("PORTAL_JOB", job.id, "PORTAL_ENTRY", job.subject, "PORTAL_TOPIC",
                             job.topic),
                  "mail %s (%s) %s: %s", job.id, job.topic, reported[report->what].text, note);
    return r;
}

/* The relay asks, not a customer: the words are for its log. */
static const struct answer {
    int error;
    enum wire_verdict verdict;
    const char *text;
} answers[] = {
    {0, WIRE_OK, "It is noted."},
    {-EALREADY, WIRE_LINK_DONE, "That was known already."},
    {-EINVAL, WIRE_UNKNOWN, "This return path isn't one of ours."},
    {-EPERM, WIRE_UNKNOWN, "This return path isn't one of a mail."},
    {-ENOENT, WIRE_UNKNOWN, "Nothing is known of this mail any more."},
    {-EBADMSG, WIRE_REFUSED, "The report can't be understood."},
    {-EAGAIN, WIRE_BUSY, "The mail is still being worked on; please try again later."},
};

void bounce_handle(struct worker *worker, const struct request *request, struct wire_writer *reply)
{
    struct manager *m = worker->manager;
    struct bounce_report report = {0};
    int r = report_read(m->keys, &request->frame, &report);

    if (r == 0)
        r = report_note(m->queue, &report);
    wire_begin(reply, WIRE_VERDICT);
    for (size_t i = 0; i < ELEMENTS(answers); i++)
        if (answers[i].error == r) {
            reply_verdict(reply, answers[i].verdict, answers[i].text);
            return;
        }
    reply_error(reply, r, "en");
}
