/* One request by somebody who has logged in on the web (SESSION, common/wire.h), as the handlers of
   session, profile and the end of all sessions share it. Nothing here writes but the last. */
#pragma once

#include "handlers.h"
#include "session.h"

struct visit {
    struct worker *worker;
    struct manager *manager;
    const struct request *request;
    struct wire_writer *reply;
    char language[LANGUAGE_SIZE];
    struct session session;
    struct entry *entry;
    time_t now;
};
/* With nothing read yet; begins the reply. */
struct visit visit_make(struct worker *worker, const struct request *request,
                        struct wire_writer *reply);
void visit_clear(struct visit *visit);
/* Opens SESSION and finds its entry by key: DIRECTORY_SESSION, or DIRECTORY_UUID whole. 0; -EBADMSG
   when the session is over; directory_find()'s errors. */
int visit_open(struct visit *visit, enum directory_key key);
/* The entry again. */
int visit_find(struct visit *visit, enum directory_key key);
/* Answers what visit_open() returned. */
void visit_refuse(struct visit *visit, int error);

/* Puts SESSION into the reply to whoever has just logged in, where the request came from the web.
   entry: as it is now; it must have needed nothing more. */
void visit_begin(const struct manager *manager, const struct request *request,
                 const struct entry *entry, time_t now, struct wire_writer *reply);
