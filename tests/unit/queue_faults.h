/* Files that fail when told to: everything SQLite does goes through here, to the real files and
   back. Shared memory isn't offered at all: the queue must not need it. */
#pragma once

#include <stdatomic.h>

struct queue_faults {
    _Atomic int write_code, sync_code; /* what writing and syncing answer; 0: what they really do */
    _Atomic unsigned syncs;            /* so many, of any file */
    _Atomic unsigned sync_us;          /* how much longer each takes */
};

/* From now on SQLite's files go through here. */
int queue_faults_install(void);
struct queue_faults *queue_faults(void);
