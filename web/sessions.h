/* The table of sessions: a memory-mapped file of fixed size, keyed hashes instead of ids. Any
   thread may call. When a bucket is full, what was used longest ago goes, but none that was logged
   out before it would have ended by itself. */
#pragma once

#include "cleanup.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

struct sessions;

#define SESSIONS_LABEL 32 /* what a person knows the browser by: "Firefox, Android" */

struct sessions_row {
    uint64_t handle; /* to name it in a form; says nothing about the id */
    time_t started, seen;
    char label[SESSIONS_LABEL];
    char host[64]; /* the application's host, or "" */
};

/* file NULL: in memory only. slots is rounded up to a power of two. */
int sessions_open(const char *file, const uint8_t key[static 32], unsigned slots, time_t absolute,
                  struct sessions **ret);
struct sessions *sessions_free(struct sessions *s);
DEFINE_CLEANUP(struct sessions, sessions_free)

/* A session begins. uid: whose; parent: the session that an application's comes from, or NULL. */
void sessions_begin(struct sessions *s, const uint8_t id[static 16], const uint8_t *parent,
                    const char *uid, const char *host, const char *label, time_t now);
/* When it was last used; notes now. Returns 0, -ENOENT for one that isn't in the table (it was
   pushed out, or the file is new: the cookie's own times count, and it is put in), -EKEYREVOKED
   when it, or the one that it comes from, was logged out. *ret_asked: when portald was last asked
   about it, by this process; 0: never. */
int sessions_use(struct sessions *s, const uint8_t id[static 16], time_t now, time_t *ret_seen,
                 time_t *ret_asked);
/* portald says that it counts. */
void sessions_asked(struct sessions *s, const uint8_t id[static 16], time_t now);
/* Logged out. */
void sessions_end(struct sessions *s, const uint8_t id[static 16], time_t now);
int sessions_end_handle(struct sessions *s, const char *uid, uint64_t handle, time_t now);
/* The handle that a row of this id has, to tell a person's own from the others. */
uint64_t sessions_handle(const struct sessions *s, const uint8_t id[static 16]);
/* Those of uid that may still be used, newest first, at most most. Returns how many. */
size_t sessions_list(struct sessions *s, const char *uid, time_t now, struct sessions_row *ret,
                     size_t most);
