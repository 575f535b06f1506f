/* Sessions of the web, as they are begun, asked for and ended: WIRE_SESSION and WIRE_END_SESSIONS.
   The first is asked for nearly every page, so it costs one search and no write. */
#include "config.h"

#include "visit.h"

#include "swap.h"
#include "texts.h"

#include "cleanup.h"
#include "clock.h"
#include "log.h"
#include "messages.h"

#include <errno.h>

struct visit visit_make(struct worker *worker, const struct request *request,
                        struct wire_writer *reply)
{
    wire_begin(reply, WIRE_VERDICT);
    return (struct visit){.worker = worker,
                          .manager = worker->manager,
                          .request = request,
                          .reply = reply,
                          .now = clock_now()};
}

void visit_clear(struct visit *visit)
{
    visit->entry = entry_free(visit->entry);
}

int visit_find(struct visit *visit, enum directory_key key)
{
    struct entry *entry = NULL;
    int r = directory_find(visit->worker->directory, key, visit->session.proof.uuid,
                           key == DIRECTORY_UUID, visit->request->deadline, &entry);

    if (r < 0)
        return r == -ENOENT ? -EBADMSG : r;
    entry_free(visit->entry);
    visit->entry = entry;
    return session_holds(&visit->session, entry) ? 0 : -EBADMSG;
}

int visit_open(struct visit *visit, enum directory_key key)
{
    const uint8_t *sealed;
    size_t size;

    request_language(visit->manager, visit->request, visit->language);
    if (wire_get(&visit->request->frame, WIRE_SESSION_STATE, &sealed, &size) < 0 ||
        session_open(visit->manager->keys, sealed, size, visit->now,
                     visit->manager->settings->session_life, &visit->session) < 0)
        return -EBADMSG;
    return visit_find(visit, key);
}

void visit_refuse(struct visit *visit, int error)
{
    if (error == -EBADMSG)
        reply_verdict(visit->reply, WIRE_GRANT_OVER,
                      text(visit->language, N_("You are logged out. Please log in again.")));
    else
        reply_error(visit->reply, error, visit->language);
}

void visit_begin(const struct manager *manager, const struct request *request,
                 const struct entry *entry, time_t now, struct wire_writer *reply)
{
    uint8_t sealed[SESSION_SIZE];
    size_t size = 0;

    if (request->socket == WIRE_SOCKET_WEB && entry->state == ACCOUNT_ACTIVE &&
        session_make(manager->keys, entry, now, sealed, &size) == 0)
        wire_put(reply, WIRE_SESSION_STATE, sealed, size);
}

void visit_look(struct worker *worker, const struct request *request, struct wire_writer *reply)
{
    _cleanup_(visit_clear) struct visit v = visit_make(worker, request, reply);
    int r = visit_open(&v, DIRECTORY_SESSION);

    if (r < 0) {
        visit_refuse(&v, r);
        return;
    }
    reply_verdict(reply, WIRE_OK, "");
    wire_put_string(reply, WIRE_UID, v.entry->uid);
    wire_put_string(reply, WIRE_LOGIN, v.entry->mail);
}

/* --- All sessions --- */

/* Whether they have ended, by whomever, since this one was begun. */
static bool have_ended(const struct visit *v)
{
    return v->entry && v->entry->session_epoch > v->session.proof.epoch;
}

/* A lost race, or an outcome that isn't known, is looked at again: nothing but the epoch counts. */
static int end_all(struct visit *v)
{
    int r = -ESTALE;

    for (int i = 0; i < SWAP_TRIES && (r == -ESTALE || r == -EUCLEAN); i++) {
        _cleanup_(changes_clear) struct changes changes = {0};
        if (i > 0 && (r = visit_find(v, DIRECTORY_SESSION)) < 0)
            return r == -EBADMSG && have_ended(v) ? 0 : r;
        account_end_sessions(v->entry, &changes);
        r = entry_swap(v->worker->directory, v->entry, &changes, v->request->deadline);
    }
    return r;
}

void visit_end_all(struct worker *worker, const struct request *request, struct wire_writer *reply)
{
    _cleanup_(visit_clear) struct visit v = visit_make(worker, request, reply);
    int r = visit_open(&v, DIRECTORY_SESSION);

    if (r == 0)
        r = end_all(&v);
    if (r < 0) {
        visit_refuse(&v, r);
        return;
    }
    log_event(LOG_INFO, MESSAGE_SESSIONS, LOG_FIELDS("PORTAL_ENTRY", v.entry->uid),
              "%s has ended all sessions", v.entry->uid);
    reply_verdict(reply, WIRE_OK,
                  text(v.language, N_("You are logged out everywhere, on this device, too. Please "
                                      "log in again.")));
}
