/* What the print station says to portald, and what it believes of the answers: a batch counts only
   with portald's signature over exactly these letters and this batch. */
#pragma once

#include "client.h"
#include "settings.h"

#include <jansson.h>
#include <sodium.h>

struct claim {
    struct client_reply reply;
    size_t offset; /* of the next letter */
    size_t letters;
};

/* Asks for a batch and checks it. Returns 0; -EBADMSG when the signature isn't portald's;
   -EAGAIN when portald can't answer now; -EPROTO when it doesn't understand; or as client_call().
   claim_clear() in every case. */
int claim_ask(const struct settings *settings,
              const uint8_t portald[static crypto_sign_PUBLICKEYBYTES], const char *batch,
              uint32_t count, struct claim *ret);
/* What claim_ask() believes of a reply, for one that came another way. 0 or -EBADMSG. */
int claim_check(struct claim *claim, const uint8_t portald[static crypto_sign_PUBLICKEYBYTES],
                const char *batch);
/* The next LETTER field: 1, or 0 behind the last. */
int claim_next(struct claim *claim, const uint8_t **ret, size_t *ret_size);
void claim_clear(struct claim *claim);

/* Tells what became of a batch: an array of rows as wire.h has them. Returns 0 when all of it has
   arrived; telling again does no harm. Errors as claim_ask(). */
int claim_report(const struct settings *settings, const char *batch, const json_t *rows);
