/* Another e-mail address: WIRE_NEW_MAIL. What was typed is checked for form and durably queued;
   whether another customer has the address is found out afterwards by the clerk (move.c), so that
   neither text nor timing tells. */
#include "config.h"

#include "grant.h"
#include "handlers.h"
#include "move.h"
#include "readdress.h"
#include "texts.h"

#include "cleanup.h"
#include "clock.h"
#include "log.h"
#include "messages.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <strings.h>

#define SPACE MOVE_TOPIC /* of what is counted for an entry */

struct asking {
    struct worker *worker;
    const struct request *request;
    struct wire_writer *reply;
    char language[LANGUAGE_SIZE], uuid[JOB_ENTRY_SIZE];
    struct move move;
    struct entry *entry;
    time_t now;
};

static void asking_clear(struct asking *a)
{
    a->entry = entry_free(a->entry);
    sodium_memzero(&a->move, sizeof a->move);
}

/* 0, or -EBADMSG. */
static int read_grant(struct asking *a, const uint8_t **ret, size_t *ret_size)
{
    const struct wire_frame *f = &a->request->frame;
    char typed[MAIL_ADDRESS_SIZE], name[MAIL_ADDRESS_SIZE], service[SERVICE_SIZE];

    if (wire_get_string(f, WIRE_USER, typed, sizeof typed) < 0 ||
        login_name_read(typed, name) < 0 ||
        wire_get_string(f, WIRE_SERVICE, service, sizeof service) < 0 ||
        wire_get(f, WIRE_GRANT, ret, ret_size) < 0)
        return -EBADMSG;
    return grant_open(a->worker->manager->keys, *ret, *ret_size, name, service, a->now, a->uuid);
}

/* Whose grant it is. -EBADMSG: it doesn't fit, or not any more; never that of an initial password
   or of a recovery. */
static int read_entry(struct asking *a)
{
    struct worker *w = a->worker;
    enum grant_kind kind = GRANT_RECOVERY;
    const uint8_t *grant = NULL;
    size_t size = 0;
    int r = read_grant(a, &grant, &size);

    if (r < 0)
        return r;
    r = directory_find(w->directory, DIRECTORY_UUID, a->uuid, false, a->request->deadline,
                       &a->entry);
    if (r < 0)
        return r == -ENOENT ? -EBADMSG : r;
    if (account_mail_changed(a->entry)) {
        r = readdress(w->manager, w->directory, a->uuid, a->request->deadline);
        return r < 0 ? r : -EBADMSG;
    }
    return grant_check(w->manager->keys, grant, size, a->entry, &kind) < 0 || kind != GRANT_LOGIN
               ? -EBADMSG
               : 0;
}

static bool wrong_field(struct asking *a, enum wire_tag field, const char *line)
{
    reply_verdict(a->reply, WIRE_REFUSED, line);
    wire_put_u16(a->reply, WIRE_FIELD, (uint16_t)field);
    return false;
}

static bool read_addresses(struct asking *a)
{
    const struct wire_frame *f = &a->request->frame;
    char typed[MAIL_ADDRESS_SIZE], again[MAIL_ADDRESS_SIZE];

    if (wire_get_string(f, WIRE_MAIL_ADDRESS, typed, sizeof typed) < 0 ||
        mail_address_read(typed, a->move.address) < 0)
        return wrong_field(
            a, WIRE_MAIL_ADDRESS,
            text(a->language,
                 N_("This is not an e-mail address that we can write to. Please check it.")));
    if (wire_get_string(f, WIRE_MAIL_AGAIN, typed, sizeof typed) < 0 ||
        mail_address_read(typed, again) < 0 || strcasecmp(again, a->move.address) != 0)
        return wrong_field(a, WIRE_MAIL_AGAIN,
                           text(a->language, N_("The two e-mail addresses are not the same. Please "
                                                "check both.")));
    return true;
}

static bool may_move(struct asking *a)
{
    switch (account_may_move(a->entry, a->move.address, a->now)) {
    case MOVE_GOOD:
        return true;
    case MOVE_SAME:
        return wrong_field(a, WIRE_MAIL_ADDRESS,
                           text(a->language, N_("This is your e-mail address already. Please enter "
                                                "the new one.")));
    case MOVE_TOO_OFTEN:
        reply_verdict(
            a->reply, WIRE_REFUSED,
            text(a->language, N_("Your e-mail address was changed several times within a few days. "
                                 "Please try again in a week, or contact our customer service.")));
        return false;
    case MOVE_NOT:
        break;
    }
    reply_standard(a->reply, WIRE_GRANT_OVER, a->language);
    return false;
}

static bool within_limits(struct asking *a)
{
    const struct manager *m = a->worker->manager;
    char span[64], line[TEXT_SIZE];
    time_t wait = 0;

    if (throttle_take(m->names, SPACE, a->uuid, (unsigned)m->settings->confirmations_per_entry, DAY,
                      a->now, &wait) == 0)
        return true;
    calendar_say_span(wait, a->language, span, sizeof span);
    text_format(line, sizeof line, a->language,
                N_("Too many changes of your e-mail address today. Please try again in %s."), span);
    reply_verdict(a->reply, WIRE_THROTTLED, line);
    log_event(LOG_NOTICE, MESSAGE_THROTTLED, LOG_FIELDS("PORTAL_ENTRY", a->entry->uid),
              "%s was turned away: too many wishes for another e-mail address", a->entry->uid);
    return false;
}

static int enqueue(const struct asking *a)
{
    struct job job = {.kind = JOB_REGISTRATION, .state = JOB_READY, .topic = MOVE_TOPIC};
    int r = move_write(&a->move, &job.payload, &job.payload_size);

    if (r < 0)
        return r;
    ulid_make(clock_now_ms(), job.id);
    memcpy(job.entry, a->uuid, sizeof job.entry);
    snprintf(job.subject, sizeof job.subject, "%.*s", JOB_SUBJECT_SIZE - 1, a->entry->uid);
    job.created = job.due = a->now;
    r = queue_put(a->worker->manager->queue, &job);
    job_clear(&job);
    return r;
}

/* The same for every address. */
static void finish(struct asking *a)
{
    int r;

    a->move.epoch = a->entry->session_epoch;
    a->move.password_changed = a->entry->password_changed;
    if ((r = enqueue(a)) == 0) {
        reply_verdict(
            a->reply, WIRE_OK,
            text(a->language,
                 N_("Thank you. Mail is on its way to your new e-mail address. Please open it and "
                    "press the button in it. Until then you go on logging in with your present "
                    "address. If nothing arrives within a few minutes, please look in your spam "
                    "folder, and check the address.")));
        return;
    }
    throttle_give_back(a->worker->manager->names, SPACE, a->uuid);
    log_event(LOG_ERR, MESSAGE_QUEUE_TROUBLE, LOG_FIELDS("PORTAL_ENTRY", a->entry->uid),
              "A wish for another e-mail address could not be queued: %s", strerror(-r));
    reply_standard(a->reply, r == -EBUSY ? WIRE_BUSY : WIRE_UNAVAILABLE, a->language);
}

void new_mail_ask(struct worker *worker, const struct request *request, struct wire_writer *reply)
{
    _cleanup_(asking_clear) struct asking a = {
        .worker = worker, .request = request, .reply = reply, .now = clock_now()};
    int r;

    wire_begin(reply, WIRE_VERDICT);
    request_language(worker->manager, request, a.language);
    r = read_entry(&a);
    if (r == -EBADMSG)
        reply_standard(reply, WIRE_GRANT_OVER, a.language);
    else if (r < 0)
        reply_error(reply, r, a.language);
    else if (read_addresses(&a) && may_move(&a) && within_limits(&a))
        finish(&a);
}
