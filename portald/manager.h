/* Everything that portald has, made once at start and shared by all threads; the parts guard
   themselves. */
#pragma once

#include "clerk.h"
#include "compose.h"
#include "courier.h"
#include "directory.h"
#include "directory-servers.h"
#include "edits.h"
#include "keys.h"
#include "lint.h"
#include "quality.h"
#include "queue.h"
#include "rekey.h"
#include "secret.h"
#include "server.h"
#include "settings.h"
#include "site.h"
#include "throttle.h"
#include "totp.h"
#include "watcher.h"

#include <stdatomic.h>

#define STATION_KEY_SIZE 32

struct manager {
    struct settings *settings;
    struct keys *keys;
    uint8_t station[STATION_KEY_SIZE]; /* public: letters are sealed to it */
    char privacy_sha256[SHA256_HEX_SIZE], terms_sha256[SHA256_HEX_SIZE];
    char *site;          /* JSON of WIRE_SITE */
    char *bind_password; /* in locked memory, or NULL */
    struct directory_options directory;
    struct directory_servers *servers;
    struct queue *queue;
    struct throttle *names; /* failures of names that don't exist: kept across restarts */
    struct throttle *rates; /* clients and policy numbers */
    struct throttle *known; /* clients that customers logged in from (known.h) */
    struct totp_keys *totp;
    struct rekey *rekey;
    struct lint *lint;
    struct quality *quality;
    struct secret_gate *gate;
    struct compose *compose;
    struct couriers *couriers;
    struct clerk *clerk;
    struct watcher *watcher;
    struct edits *edits;
    struct server *server;
    char *clock_file;
    time_t started;
    struct {
        atomic_ulong ok, failed, throttled;
    } logins;
};

/* A worker's own. */
struct worker {
    struct manager *manager;
    struct directory *directory;
};

/* Reads file and prepares everything, but starts no thread but the queue's. What goes wrong is
   logged. */
int manager_open(const char *file, struct manager **ret);
/* Whether manager_open() would find configuration, keys and texts in order; for this the queue
   isn't touched. places: and the directories that it writes to, which systemd makes with the first
   start. */
int manager_check(const char *file, bool places);
/* Starts threads and serves on fds, which stay the caller's. */
int manager_start(struct manager *manager, const int fds[static WIRE_SOCKETS]);
/* Finishes what runs, then ends everything. */
struct manager *manager_free(struct manager *manager);
