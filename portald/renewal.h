/* A customer's own request for a new letter, after its answer was given: finds the customer,
   decides, queues letter and mail. Run by the clerk. */
#pragma once

#include "manager.h"

/* The topic of such a request (a JOB_REGISTRATION, whose payload is a registration). */
#define RENEWAL_TOPIC "new-letter"

/* Carries out one claimed request to its end. Each step may be run again. Returns 0, or an error
   after which it is to be tried again later. */
int renewal_run(const struct manager *manager, struct directory *directory, const struct job *job,
                long long deadline);
