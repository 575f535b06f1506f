/* A batch that came as a file, for a print station without a way to portald's socket, and the file
   that goes back. */
#pragma once

#include "claim.h"
#include "letter.h"
#include "ulid.h"

#define BATCH_SUFFIX  ".batch"
#define RESULT_SUFFIX ".result"
#define BATCH_LIFE    (7 * 86400) /* seconds; portald's lease for batches that are exported */
#define BATCH_AHEAD   (10 * 60)   /* seconds that portald's clock may be ahead of the station's */

/* Reads and checks file: claim is as claim_ask() makes it. Returns 0; -EBADMSG when it isn't whole
   or not signed by this portald; -ETIME when it is older than BATCH_LIFE at now; or what reading
   says. claim_clear() in every case. */
int batch_read(const char *file, const uint8_t portald[static crypto_sign_PUBLICKEYBYTES],
               int64_t now, struct claim *ret, char ret_batch[static ULID_SIZE]);
/* Writes BATCH.result beside file, for `portalctl letters import`:

       {"version":2, "batch", "parts":[{"text", "seals":[…]}, …]}

   text is JSON of its own, {"batch", "part", "parts", "letters": rows}: part counts from 1, and one
   has so many rows that it fits into a request to portald. Each seal (seal.h, base64) is by another
   key of the station's, the one in use first: portald may not have learnt of that yet. */
int batch_answer(const char *file, const char *batch, const json_t *rows,
                 const struct station_key *key,
                 const uint8_t portald[static crypto_sign_PUBLICKEYBYTES]);
