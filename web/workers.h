/* Threads that run what may wait, for portald: a fixed number, behind a queue of fixed length. */
#pragma once

#include "cleanup.h"

#include <stddef.h>

struct workers;

#define WORKERS_WAITING 1024

typedef void workers_job(void *userdata, void *job);

/* run is called with userdata and each job, on any of count threads. */
int workers_start(unsigned count, workers_job *run, void *userdata, struct workers **ret);
/* Returns 0, or -EBUSY when WORKERS_WAITING wait already: the job isn't taken. */
int workers_put(struct workers *workers, void *job);
/* Lets all that were put run to their end, and takes no more: workers_put() is -EBUSY from then. */
void workers_stop(struct workers *workers);
/* After workers_stop(), which it does itself where that wasn't done. */
struct workers *workers_free(struct workers *workers);
DEFINE_CLEANUP(struct workers, workers_free)
