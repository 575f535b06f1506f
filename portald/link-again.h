/* Another link to the address of one that was mailed before: the request as it lies in the queue,
   and what the clerk makes of it. Way in: link_again_run(). */
#pragma once

#include "manager.h"

#define LINK_AGAIN_TOPIC "link-again" /* of a request, a JOB_REGISTRATION */

/* Carries out one claimed request to its end: mails a link where the one before may still confirm
   something. Each step may be run again. Returns 0, or an error after which it is to be tried again
   later. */
int link_again_run(const struct manager *manager, struct directory *directory,
                   const struct job *job, long long deadline);
