/* What directory-servers.c and directory-health.c share; everybody else includes
   directory-servers.h. */
#pragma once

#include "directory-private.h"
#include "directory-servers.h"

#include <pthread.h>

#define CSN_SIZE  64
#define CSNS_MOST 16

/* contextCSN: the last change of each server that this one holds. */
struct csns {
    size_t count;
    char values[CSNS_MOST][CSN_SIZE];
};

struct directory_server {
    char *uri;
    atomic_bool dead;
    long long dead_until; /* unwatched: when it may be tried again */
    char why[DIRECTORY_WHY_SIZE];
    struct directory_servers *all;
    size_t number;
    /* its watcher's */
    pthread_t thread;
    bool has_thread, looked, wanted;
    unsigned well; /* how often in a row */
    struct csns csns;
};

struct directory_servers {
    size_t count;
    struct directory_server of[DIRECTORY_SERVERS_MOST];
    atomic_size_t current;
    struct directory_options options;
    bool watched, chosen, stop, moving; /* these and all else: under mutex */
    unsigned writers;
    long long choose_until;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
};

/* Waits for a change, with the mutex held, but not past the deadline. Returns whether there is time
   left. */
bool directory_servers_wait(struct directory_servers *s, long long deadline);
/* With the mutex held; logs. */
void directory_servers_use(struct directory_servers *s, size_t number, const char *why);
void directory_servers_mark(struct directory_servers *s, size_t number, bool dead, const char *why);
/* Whether a lacks something that b has. */
bool csns_behind(const struct csns *a, const struct csns *b);

/* directory-health.c */
int directory_health_start(struct directory_server *server);
