/* What a store must do for queue.c. Every function but open and close runs on the queue's thread;
   those that take a call run inside a transaction that begin() opened, each between mark() and
   keep(): when one fails, undo() takes back its own changes, and the others' of the same commit
   stay. The contracts are those of queue.h. */
#pragma once

#include "queue.h"

struct queue_store; /* the backend's own */

/* What one call of queue.h carries in and out. The same for all of them, so that the thread, the
   transactions and the retries in queue.c are written once. */
#define QUEUE_WAKE_UNTOLD JOB_KINDS
#define QUEUE_WAKES       (JOB_KINDS + 1)

struct queue_call {
    const struct job *job;
    const struct queue_claim *claim;
    const struct queue_filter *filter;
    const char *id, *parent, *batch, *entry, *address, *topic, *note;
    char *const *policies; /* NULL-terminated */
    uint64_t fence;
    enum job_state end;
    int kind;
    time_t when; /* now, due, happened or since, as the call has it */
    size_t most;
    bool untold;

    /* Out. queue.c clears them when the call fails, or its commit does. */
    struct job_list list;
    struct job found;
    struct queue_stats stats;
    unsigned count;
    bool more;
    unsigned wake; /* a bit for each kind whose waiters must look again after the commit, and one
                      for what the directory must be told */
};

typedef int (*queue_function)(struct queue_store *store, struct queue_call *call);

struct queue_backend {
    const char *name;
    int (*open)(const struct queue_options *options, struct queue_store **ret);
    struct queue_store *(*close)(struct queue_store *store);
    int (*begin)(struct queue_store *store);
    int (*commit)(struct queue_store *store); /* durable when it returns 0 */
    void (*rollback)(struct queue_store *store);
    int (*mark)(struct queue_store *store);
    int (*keep)(struct queue_store *store);
    int (*undo)(struct queue_store *store); /* negative: the whole transaction is lost */
    /* Outside a transaction: makes sure that what was erased doesn't linger in the store's own
       files. idle: nobody waits, so this may take longer. */
    void (*tidy)(struct queue_store *store, bool idle);

    queue_function waiting; /* fills wake: kinds with anything to do, at start */
    queue_function put, ready, ready_and_finish, drop_staged;
    queue_function claim, finish, retry;
    queue_function sent_to, printed, posted, uncertain, again, returned, bounced, withdraw, forget;
    queue_function untold, told, tell_later, orphans, orphan_later;
    queue_function get, by_reference, count_mails, list, stats;
    queue_function prune, retry_now, withdraw_one;
};

extern const struct queue_backend queue_backend_sqlite;
