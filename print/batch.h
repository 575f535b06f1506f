/* A batch that came as a file, for a print station without a way to portald's socket, and the file
   that goes back. */
#pragma once

#include "claim.h"
#include "ulid.h"

#define BATCH_SUFFIX  ".batch"
#define RESULT_SUFFIX ".result"
#define BATCH_LIFE    (7 * 86400) /* seconds; portald's lease for batches that are exported */

/* Reads and checks file: claim is as claim_ask() makes it. Returns 0; -EBADMSG when it isn't whole
   or not signed by this portald; -ETIME when it is older than BATCH_LIFE at now; or what reading
   says. claim_clear() in every case. */
int batch_read(const char *file, const uint8_t portald[static crypto_sign_PUBLICKEYBYTES],
               int64_t now, struct claim *ret, char ret_batch[static ULID_SIZE]);
/* Writes BATCH.result beside file: {"version":1, "batch", "letters": rows}. */
int batch_answer(const char *file, const char *batch, json_t *rows);
