/* One search that never ends (RFC 4533, refreshAndPersist): what matches now and whatever comes to
   match later is handed on as it is. Where the server knows no such search, or doesn't allow it, an
   ordinary one is repeated every second instead. A connection that broke is made again; then all
   that matches is handed on again. So is it now and then in between, which also shows that the
   other end is alive: whoever listens must be ready to hear of an entry more than once.

   For one thread: the owner calls watch_wait() and watch_turn() over and over. Way in:
   watch_open(). */
#pragma once

#include "directory.h"

#define WATCH_ATTRIBUTES_MAX 8
#define WATCH_FILTER_SIZE    512

enum watch_state {
    WATCH_LOST,       /* nothing is heard; it is tried again by itself */
    WATCH_PERSISTENT, /* heard at once */
    WATCH_POLLING,    /* heard within a second */
};

struct watch_event {
    const char *dn;
    const char *values[WATCH_ATTRIBUTES_MAX]; /* the first of each attribute, or NULL */
};

struct watch_options {
    const struct directory_options *directory;
    const char *const *attributes; /* NULL-terminated, at most WATCH_ATTRIBUTES_MAX */
    void *userdata;
    /* What to search for, asked before each search, so that it may go on from the last event.
       Returns 0 or a negative errno. */
    int (*filter)(void *userdata, char ret[static WATCH_FILTER_SIZE]);
    void (*heard)(void *userdata, const struct watch_event *event);
    /* All that matched has been handed on. */
    void (*listed)(void *userdata);
    /* Once for each change; why: with WATCH_LOST, for the log. */
    void (*became)(void *userdata, enum watch_state state, const char *why);
};

struct watch;
/* Doesn't connect. attributes and what directory points to must outlive it. directory_open()'s
   errors. */
int watch_open(const struct watch_options *options, struct watch **ret);
struct watch *watch_free(struct watch *watch);

/* Waits until there is something for watch_turn(), bell (a descriptor) is readable, or ms have
   passed. idle: as there. */
void watch_wait(struct watch *watch, int bell, long long ms, bool idle);
/* Connects where needed and hands on what has come, but not for long. idle: the owner has nothing
   else to do, so that all that matches may be listed again if that is due. */
void watch_turn(struct watch *watch, bool idle);
/* Whether what matches is being listed at the moment, after a connection was made. */
bool watch_listing(const struct watch *watch);
/* Lists what matches again at that moment of clock_monotonic_ms(), or earlier. */
void watch_look_by(struct watch *watch, long long at);
