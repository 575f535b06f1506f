/* What is sealed, and with which key.

   Letters: crypto_box_seal (X25519, XSalsa20-Poly1305) to the print station's public key. The
   content is JSON: {"version":1, "job", "entry", "kind", "password"?, "puk"?}, codes in canonical
   form. State that goes out and comes back (grants): XChaCha20-Poly1305 with a key of portald's and
   a purpose as associated data. Claims: Ed25519 (wire.h). Results of batch files: BLAKE2b-256 with
   a key that only the two have, X25519 of the station's pair and the one that portald signs claims
   with (its Montgomery form). */
#pragma once

#include <sodium.h>
#include <stddef.h>
#include <stdint.h>

/* Seals length bytes; *ret is malloc'ed, length + crypto_box_SEALBYTES. Returns 0 or -ENOMEM. */
int seal_letter(const uint8_t station[static crypto_box_PUBLICKEYBYTES], const void *content,
                size_t length, uint8_t **ret, size_t *ret_size);
/* Opens; *ret is malloc'ed with a NUL behind it, the caller wipes it. Returns 0, -EBADMSG when it
   wasn't sealed to this key or was changed, -ENOMEM. */
int unseal_letter(const uint8_t station[static crypto_box_PUBLICKEYBYTES],
                  const uint8_t secret[static crypto_box_SECRETKEYBYTES], const uint8_t *sealed,
                  size_t size, uint8_t **ret, size_t *ret_size);

/* Nonce in front, tag behind: length + 40 bytes. purpose is bound in. Both return 0 or -ENOBUFS
   when the result doesn't fit; unseal_state() also -EBADMSG. */
#define SEAL_OVERHEAD                                                                              \
    (crypto_aead_xchacha20poly1305_ietf_NPUBBYTES + crypto_aead_xchacha20poly1305_ietf_ABYTES)
int seal_state(const uint8_t key[static crypto_aead_xchacha20poly1305_ietf_KEYBYTES],
               const char *purpose, const void *content, size_t length, uint8_t *ret, size_t size,
               size_t *ret_size);
int unseal_state(const uint8_t key[static crypto_aead_xchacha20poly1305_ietf_KEYBYTES],
                 const char *purpose, const uint8_t *sealed, size_t size, uint8_t *ret,
                 size_t ret_capacity, size_t *ret_size);
/* The BLAKE2b-256 of whom such a state is for: login name, PAM service and, unless NULL, client,
   each with its NUL. */
#define SEAL_BOUND 32
void seal_bind(const char *name, const char *service, const char *client,
               uint8_t ret[static SEAL_BOUND]);

/* The BLAKE2b-256 of the letters of a claim, as wire.h says: feed every LETTER field, then
   finish. */
struct seal_manifest {
    crypto_generichash_state state;
};
void seal_manifest_begin(struct seal_manifest *m);
void seal_manifest_add(struct seal_manifest *m, const uint8_t *letter, size_t size);
void seal_manifest_end(struct seal_manifest *m, uint8_t ret[static 32]);
/* Signs and checks a claim: batch is the ULID as text. seal_claim_check() returns 0 or -EBADMSG. */
void seal_claim(const uint8_t secret[static crypto_sign_SECRETKEYBYTES], const char *batch,
                const uint8_t manifest[static 32], uint8_t ret[static crypto_sign_BYTES]);
int seal_claim_check(const uint8_t public_key[static crypto_sign_PUBLICKEYBYTES], const char *batch,
                     const uint8_t manifest[static 32], const uint8_t *signature, size_t size);

#define SEAL_RESULT 32
/* What a print station says in a file. Sealing needs the station's secret and portald's public key,
   checking portald's secret and the station's public key. 0; -EBADMSG when a key can't be used, or
   text isn't what was sealed by this station for this portald. */
int seal_result(const uint8_t station[static crypto_box_SECRETKEYBYTES],
                const uint8_t portald[static crypto_sign_PUBLICKEYBYTES], const void *text,
                size_t size, uint8_t ret[static SEAL_RESULT]);
int seal_result_check(const uint8_t portald[static crypto_sign_SECRETKEYBYTES],
                      const uint8_t station[static crypto_box_PUBLICKEYBYTES], const void *text,
                      size_t size, const uint8_t *seal, size_t seal_size);
