/* Connections and how long each may take: libmicrohttpd's own timeout starts over with every byte,
   so that a few bytes a minute would hold a connection for ever. Any thread may call. */
#pragma once

#include "cleanup.h"

#include <stdbool.h>
#include <stdint.h>

struct slow;
struct slow_connection;

enum slow_state {
    SLOW_IDLE,    /* no request yet, or the last one was answered */
    SLOW_REQUEST, /* a request arrives, or its answer leaves */
    SLOW_OURS,    /* a page is being made: takes as long as it takes */
};

struct slow_limits { /* milliseconds */
    int64_t idle;    /* until a request has begun; the header lines count */
    int64_t request; /* until it was answered, without SLOW_OURS */
};

int slow_new(const struct slow_limits *limits, struct slow **ret);
struct slow *slow_free(struct slow *slow);
DEFINE_CLEANUP(struct slow, slow_free)
/* A connection was opened; NULL when out of memory. fd isn't owned: slow_close() must come before
   it is closed. */
struct slow_connection *slow_open(struct slow *slow, int fd);
void slow_close(struct slow *slow, struct slow_connection *connection);
void slow_enter(struct slow *slow, struct slow_connection *connection, enum slow_state state);
/* Shuts down what is over its time. Returns how many. */
unsigned slow_sweep(struct slow *slow);
/* How many are not SLOW_IDLE. */
unsigned slow_busy(struct slow *slow);
/* No more requests are wanted: connections end that have had none for SLOW_FIRST_MS, or no other
   one for SLOW_NEXT_MS; both may be on their way right now. To be called again until it returns 0:
   how many there still are. */
#define SLOW_FIRST_MS 1000
#define SLOW_NEXT_MS  300
unsigned slow_retire(struct slow *slow);
