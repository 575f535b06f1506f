/* Matching a registration, after its answer was given: finds the customer, decides, and queues the
   mail that follows. Run by the clerk. */
#pragma once

#include "manager.h"

/* Carries out one claimed JOB_REGISTRATION to its end. Each step may be run again: the mail's id
   follows from the registration's. Returns 0, or an error after which it is to be tried again
   later. */
int matching_run(const struct manager *manager, struct directory *directory, const struct job *job,
                 long long deadline);
