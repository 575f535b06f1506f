/* Batches of letters, for whoever gives them to a print station and takes back what became of them:
   the print socket, and portalctl's batch files. */
#pragma once

#include "handlers.h"

#include <jansson.h>

#define LETTERS_EXPORT_LEASE                                                                       \
    (7 * DAY) /* of a batch file; portal-print takes none that is older                            \
               */

struct letters_wanted {
    const char *batch;
    size_t most;
    time_t lease; /* seconds */
};
/* Claims and puts LETTER (many), MANIFEST and SIGNATURE, as WIRE_LETTERS has them. Returns 0 and
   how many letters; or an error, with some put already: the letters stay claimed by this batch, and
   asking again gives them again. */
int letters_batch(struct worker *worker, const struct request *request,
                  const struct letters_wanted *wanted, struct wire_writer *reply,
                  size_t *ret_count);
/* Takes the rows of a report (wire.h). Returns 0; -EINVAL when a row can't be understood; or the
   queue's error. */
int letters_report(struct worker *worker, const struct request *request, const char *batch,
                   json_t *rows);
