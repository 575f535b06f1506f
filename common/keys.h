// clang-format off
/* Key files: one line of base64 in a file of mode 0600 (secret) or 0644 (public).

       portald.key   32 random bytes: the master key, from which all else of portald's is derived
       portald.pub   Ed25519 public key, for print stations to check claims with
       station.key   X25519 secret key of the print station
       station.pub   its public key, for portald to seal letters to */
// clang-format on
#pragma once

#include "cleanup.h"

#include <sodium.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* portald's keys, in memory that is locked and never dumped. */
struct keys {
    uint8_t link[32];      /* confirmation links: token = BLAKE2b-256(key, job id) */
    uint8_t reference[32]; /* "this wasn't me": reference = BLAKE2b-128(key, job id) */
    uint8_t grant[32];     /* sealed grants */
    uint8_t code[32];      /* mailed codes: made from, and hashed with */
    uint8_t totp[32];      /* seals TOTP secrets where no other key is configured (totp.h) */
    uint8_t table[32];     /* throttle tables, hashed addresses in the queue */
    uint8_t sign_secret[crypto_sign_SECRETKEYBYTES];
    uint8_t sign_public[crypto_sign_PUBLICKEYBYTES];
};

/* Reads file and derives. Returns 0; -EINVAL when the file isn't a key; -EPERM when others than its
   owner may read it; or open's error. */
int keys_load(const char *file, struct keys **ret);
struct keys *keys_free(struct keys *keys);
DEFINE_CLEANUP(struct keys, keys_free)

/* Reads a key of size bytes. secret: refuses a file that group or others may read (systemd's
   credentials, 0400 or 0440 root, pass). Same errors. */
int key_read(const char *file, bool secret, void *ret, size_t size);
/* What either error means, in words that follow the file's name. */
const char *key_error(int r);
/* Writes a key file that must not exist yet, fsynced, with mode. -EEXIST otherwise: a key is never
   overwritten. */
int key_write(const char *file, mode_t mode, const void *key, size_t size);
