/* What became of mails and letters, as the directory is told of it. */
#pragma once

#include "manager.h"

/* Tells the directory what happened to job, at once, and the queue that it knows. Returns 0, also
   when the entry has gone; else an error, and the clerk will do it later. */
int outcome_tell(const struct manager *manager, struct directory *directory, const struct job *job,
                 long long deadline);
