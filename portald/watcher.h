/* The watcher: one thread that fulfils what administrators write into portalRequest, entry after
   entry, with directory handles of its own. */
#pragma once

#include "watch.h"

struct manager;
struct watcher;

int watcher_start(struct manager *manager, struct watcher **ret);
struct watcher *watcher_stop(struct watcher *watcher);

struct watcher_status {
    enum watch_state state;
    unsigned long waiting;  /* entries with wishes that it knows of */
    unsigned long troubled; /* … whose wishes couldn't be fulfilled and are tried again */
};
void watcher_status(struct watcher *watcher, struct watcher_status *ret);
