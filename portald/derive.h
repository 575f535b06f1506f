/* What is derived from a job's id with portald's keys, so that the queue at rest holds nothing that
   works; and the hashes that directory and queue hold instead. */
#pragma once

#include "code.h"
#include "keys.h"
#include "queue.h"

#include <stddef.h>

/* The token of the confirmation link that job's mail carries. */
void derive_token(const struct keys *keys, const char *job, unsigned char ret[static TOKEN_BYTES]);
/* The "this wasn't me" reference that job's mail or letter carries. */
void derive_reference(const struct keys *keys, const char *job,
                      unsigned char ret[static REFERENCE_BYTES]);
/* The code that job's mail carries: eight digits. */
#define MAILED_CODE_SIZE 9
void derive_code(const struct keys *keys, const char *job, char ret[static MAILED_CODE_SIZE]);
/* What the directory holds of it: keyed, since eight digits could be searched through, and bound to
   the entry. */
void derive_code_hash(const struct keys *keys, const char *uuid, const char *code,
                      char ret[static JOB_HASH_SIZE]);
/* base64url of BLAKE2b-256: what directory and queue hold of tokens and references. */
void derive_hash(const void *secret, size_t size, char ret[static JOB_HASH_SIZE]);
/* Keyed hash of an address (lower case), for limits. */
void derive_address_hash(const struct keys *keys, const char *address,
                         char ret[static JOB_HASH_SIZE]);
