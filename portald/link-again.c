/* Another link: WIRE_LINK_AGAIN, and the clerk's link_again_run(). The answer is the same whatever
   the link is; nothing is looked up before it is given. The queue keeps the token's hash only. */
#include "config.h"

#include "link-again.h"

#include "handlers.h"
#include "holder.h"
#include "letter.h"
#include "mail-job.h"
#include "move.h"
#include "swap.h"
#include "texts.h"

#include "cleanup.h"
#include "clock.h"
#include "code.h"
#include "log.h"
#include "messages.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>

/* --- The request --- */

static bool read_token(const struct request *request, char ret_hash[static JOB_HASH_SIZE])
{
    char typed[LINK_SIZE];
    unsigned char token[TOKEN_BYTES];
    bool good = wire_get_string(&request->frame, WIRE_TOKEN, typed, sizeof typed) == 0 &&
                code_token_read(typed, token) == 0;

    if (good)
        derive_hash(token, sizeof token, ret_hash);
    sodium_memzero(token, sizeof token);
    sodium_memzero(typed, sizeof typed);
    return good;
}

/* One limit of a connection with registrations, so that neither is a way around the other's. */
static bool asked_too_often(const struct manager *m, const struct request *request,
                            const char *language, struct wire_writer *reply)
{
    char client[THROTTLE_CLIENT_SIZE], span[64], line[TEXT_SIZE];
    time_t wait = 0;

    request_client(request, client);
    if (!*client || throttle_take(m->rates, "register-client", client,
                                  (unsigned)m->settings->registrations_per_client, HOUR,
                                  clock_now(), &wait) == 0)
        return false;
    calendar_say_span(wait, language, span, sizeof span);
    text_format(line, sizeof line, language,
                N_("Too many requests from your connection. Please try again in %s."), span);
    reply_verdict(reply, WIRE_THROTTLED, line);
    log_event(LOG_NOTICE, MESSAGE_THROTTLED, NULL,
              "A request for another link was turned away: too many from one client address");
    return true;
}

static int enqueue(const struct manager *m, const char *hash)
{
    struct job job = {.kind = JOB_REGISTRATION, .state = JOB_READY, .topic = LINK_AGAIN_TOPIC};
    int r;

    job.payload = (uint8_t *)strdup(hash);
    if (!job.payload)
        return -ENOMEM;
    job.payload_size = strlen(hash);
    ulid_make(clock_now_ms(), job.id);
    job.created = job.due = clock_now();
    r = queue_put(m->queue, &job);
    job_clear(&job);
    return r;
}

void link_again(struct worker *worker, const struct request *request, struct wire_writer *reply)
{
    char language[LANGUAGE_SIZE], hash[JOB_HASH_SIZE];
    int r = 0;

    wire_begin(reply, WIRE_VERDICT);
    request_language(worker->manager, request, language);
    if (asked_too_often(worker->manager, request, language, reply))
        return;
    if (read_token(request, hash))
        r = enqueue(worker->manager, hash);
    if (r < 0) {
        log_event(LOG_ERR, MESSAGE_QUEUE_TROUBLE, NULL,
                  "A request for another link couldn't be queued: %s", strerror(-r));
        reply_standard(reply, r == -EBUSY ? WIRE_BUSY : WIRE_UNAVAILABLE, language);
        return;
    }
    reply_verdict(
        reply, WIRE_OK,
        text(language,
             N_("Thank you. If your address still waits for its confirmation, a new mail is on its "
                "way to it. Please open it and press the button in it. If nothing arrives within a "
                "few minutes, please look in your spam folder.")));
}

/* --- What comes of it --- */

struct again {
    const struct manager *manager;
    struct directory *directory;
    const struct job *job;
    long long deadline;
    char hash[JOB_HASH_SIZE];
    struct entry *entry; /* or NULL */
    time_t now;
};

static void again_clear(struct again *a)
{
    a->entry = entry_free(a->entry);
}

static int finish(const struct again *a, const char *note)
{
    log_event(LOG_INFO, MESSAGE_REGISTRATION,
              LOG_FIELDS("PORTAL_ENTRY", a->entry ? a->entry->uid : "", "PORTAL_JOB", a->job->id),
              "Another link was asked for (%s): %s", a->job->id, note);
    return queue_finish(a->manager->queue, a->job->id, a->job->fence, JOB_DONE, note, a->now,
                        false);
}

static int write_link(const struct again *a, const struct entry_pending *link,
                      const struct job *mail)
{
    _cleanup_(changes_clear) struct changes changes = {0};
    unsigned char token[TOKEN_BYTES];
    char hash[JOB_HASH_SIZE];
    const struct account_link next = {
        .job = mail->id, .hash = hash, .address = link->address, .like = link};

    derive_token(a->manager->keys, mail->id, token);
    derive_hash(token, sizeof token, hash);
    sodium_memzero(token, sizeof token);
    account_add_another_link(&a->manager->settings->rules, a->entry, &next, a->now, &changes);
    account_note_job(mail->id, &changes);
    return entry_swap(a->directory, a->entry, &changes, a->deadline);
}

static const char *topic_of(const struct entry_pending *link)
{
    return link->kind == LINK_REGISTRATION ? "confirm" : MOVE_LINK;
}

/* Staged, written to the directory, ready: in this order, and each step finds what an earlier run
   left. */
static int send_link(const struct again *a, const struct entry_pending *link)
{
    static const char note[] = "another link is mailed";
    _cleanup_(job_clear) struct job mail = {0};
    int r = mail_job_child(a->manager, a->job->id, topic_of(link), a->entry, link->address, false,
                           a->now, &mail);

    if (r < 0 || (r = mail_job_allowed(a->manager, &mail, a->now)) < 0)
        return r;
    if (r == 0)
        return finish(a, "not sent: too many confirmation mails to this address or customer");
    mail.state = JOB_STAGED;
    mail.lease = a->now + STAGED_LEASE;
    r = queue_put(a->manager->queue, &mail);
    if (r < 0 && r != -EEXIST)
        return r;
    if (!account_has_job(a->entry, mail.id) && (r = write_link(a, link, &mail)) < 0)
        return r;
    r = queue_ready(a->manager->queue, mail.id);
    return r < 0 ? r : finish(a, note);
}

static int look_and_send(struct again *a)
{
    const struct entry_pending *link;
    int r = directory_find(a->directory, DIRECTORY_PENDING, a->hash, false, a->deadline, &a->entry);

    if (r == -ENOENT)
        return finish(a, "nobody has such a link: nothing sent");
    if (r < 0)
        return r;
    link = account_find_link(a->entry, a->hash);
    if (a->entry->malformed || !link || !account_link_open(a->entry, link) ||
        account_mail_changed(a->entry))
        return finish(a, "the link was used or is over: nothing sent");
    r = address_in_use(a->directory, link->address, a->entry->uuid, a->now, a->deadline);
    if (r != 0)
        return r < 0 ? r : finish(a, "the address belongs to another account: nothing sent");
    return send_link(a, link);
}

int link_again_run(const struct manager *manager, struct directory *directory,
                   const struct job *job, long long deadline)
{
    int r = -ESTALE;

    for (int i = 0; i < SWAP_TRIES && (r == -ESTALE || r == -EUCLEAN); i++) {
        _cleanup_(again_clear) struct again a = {.manager = manager,
                                                 .directory = directory,
                                                 .job = job,
                                                 .deadline = deadline,
                                                 .now = clock_now()};
        if (!job->payload || job->payload_size != sizeof a.hash - 1)
            return finish(&a, "the stored request can't be read");
        memcpy(a.hash, job->payload, sizeof a.hash - 1);
        r = look_and_send(&a);
    }
    return r;
}
