/* Fixed-size, keyed tables that count: failures of login names that don't exist, failing names per
   client address, registrations per policy number and per client address. What is counted is stored
   only as a keyed hash. When a bucket is full the entry that was idle longest goes. Any thread may
   call. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

struct throttle;

/* file: kept there across restarts, memory-mapped, mode 0600; one with another format or key is
   made anew. NULL: in memory only. slots is rounded up to a power of two. Returns 0 or a negative
   errno. */
int throttle_open(const char *file, const uint8_t key[static 32], unsigned slots,
                  struct throttle **ret);
struct throttle *throttle_free(struct throttle *t);

/* Failures in a row, for names that don't exist: the same numbers that an entry would hold. space
   keeps different uses apart ("name", …). */
struct throttle_state {
    unsigned failures;
    time_t retry_after;
};
void throttle_get(struct throttle *t, const char *space, const char *what,
                  struct throttle_state *ret);
void throttle_set(struct throttle *t, const char *space, const char *what,
                  const struct throttle_state *state, time_t now);

/* Counts one event of `what` unless most have been counted within window seconds (a fixed window
   that starts with the first). Returns 0, or -EBUSY and *ret_wait, the seconds until the window
   ends. */
int throttle_take(struct throttle *t, const char *space, const char *what, unsigned most,
                  time_t window, time_t now, time_t *ret_wait);
/* Takes back one event that throttle_take() counted: nothing came of it, and not through `what`. */
void throttle_give_back(struct throttle *t, const char *space, const char *what);

/* Different members of a set within a window: throttle_member() adds member to the set of `what`
   (up to THROTTLE_MEMBERS_MAX) and throttle_full() tells whether it holds `most` already, not
   counting `member` if that is in it: who failed with it before may go on with it. member NULL:
   any. */
#define THROTTLE_MEMBERS_MAX 20
void throttle_member(struct throttle *t, const char *space, const char *what, const char *member,
                     time_t window, time_t now);
bool throttle_full(struct throttle *t, const char *space, const char *what, const char *member,
                   unsigned most, time_t window, time_t now, time_t *ret_wait);

/* The key of a client address: IPv4 whole, IPv6 by its /64 (RFC 4291), ::ffff:a.b.c.d as IPv4. ""
   when it isn't an address: then nothing is counted. */
#define THROTTLE_CLIENT_SIZE 48
void throttle_client(const char *text, char ret[static THROTTLE_CLIENT_SIZE]);
