/* The table of sessions: a memory-mapped file of fixed size, keyed hashes instead of ids. Any
   thread may call. When a bucket is full, what was used longest ago goes, but none that was logged
   out before it would have ended by itself; where a bucket is full of those, all that it once held
   and holds no more count as logged out. */
#pragma once

#include "cleanup.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

struct sessions;

#define SESSIONS_ID    16
#define SESSIONS_LABEL 32 /* what a person knows the browser by: "Firefox, Android" */
#define SESSIONS_HOST  64

struct sessions_row {
    uint64_t handle; /* to name it in a form; says nothing about the id */
    time_t started, seen;
    char label[SESSIONS_LABEL];
    char host[SESSIONS_HOST]; /* the application's host, or "" */
};

/* What a session is put in with. */
struct sessions_entry {
    const uint8_t *id;     /* SESSIONS_ID bytes */
    const uint8_t *parent; /* the session that an application's comes from, or NULL */
    const char *uid, *host, *label;
    time_t started; /* of the login: an application's has its parent's */
};

/* file NULL: in memory only. slots is rounded up to a power of two. absolute: how long a session
   may last. A file that is missing, damaged, of another size or key is made anew, and whatever was
   begun before is over then: who was logged out isn't known. In memory only, that goes on. */
int sessions_open(const char *file, const uint8_t key[static 32], unsigned slots, time_t absolute,
                  struct sessions **ret);
struct sessions *sessions_free(struct sessions *s);
DEFINE_CLEANUP(struct sessions, sessions_free)

/* A session begins. One that is in the table already stays as it is. */
void sessions_begin(struct sessions *s, const struct sessions_entry *entry, time_t now);
/* Notes that a session begun at started is used now, and with it the one that it comes from.
   Returns 0; -ETIME when it hasn't been used for idle seconds, which is not noted; -EKEYREVOKED
   when it, or the one that it comes from, was logged out; -ENOENT for one that was pushed out: the
   cookie's own times count, and sessions_begin() puts it back. *ret_asked: when portald was last
   asked about it, by this process; 0: never. */
int sessions_use(struct sessions *s, const uint8_t id[static SESSIONS_ID], time_t started,
                 time_t idle, time_t now, time_t *ret_asked);
/* Only one thread at a time asks portald about a session: others wait here for what it finds out,
   and look again. False where that one found out nothing: then portald isn't asked once more.
   sessions_ask_end() follows in both cases, from the same thread. */
bool sessions_ask_begin(struct sessions *s, const uint8_t id[static SESSIONS_ID]);
void sessions_ask_end(struct sessions *s, const uint8_t id[static SESSIONS_ID], bool failed);
/* portald says that it counts. */
void sessions_asked(struct sessions *s, const uint8_t id[static SESSIONS_ID], time_t now);
/* Logged out, and on disk. */
void sessions_end(struct sessions *s, const uint8_t id[static SESSIONS_ID], time_t now);
int sessions_end_handle(struct sessions *s, const char *uid, uint64_t handle, time_t now);
/* Those of uid that may still be used, newest first, at most most. Returns how many. */
size_t sessions_list(struct sessions *s, const char *uid, time_t now, struct sessions_row *ret,
                     size_t most);
/* What sessions_list() calls the session id. */
uint64_t sessions_handle(const struct sessions *s, const uint8_t id[static SESSIONS_ID]);
