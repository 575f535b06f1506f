/* What a store must do for queue.c. Every function but open and close runs on the queue's thread
   inside a transaction that begin() opened; each is one savepoint: when it fails, its own changes
   are undone, and the others' of the same commit stay. The contracts are those of queue.h. */
#pragma once

#include "queue.h"

struct queue_store; /* the backend's own */

struct queue_backend {
    const char *name;
    int (*open)(const struct queue_options *options, struct queue_store **ret);
    struct queue_store *(*close)(struct queue_store *store);
    int (*begin)(struct queue_store *store);
    int (*commit)(struct queue_store *store); /* durable when it returns 0 */
    void (*rollback)(struct queue_store *store);
    /* … one function for each of queue.h's, taking the store first … */
};

extern const struct queue_backend queue_backend_sqlite;
