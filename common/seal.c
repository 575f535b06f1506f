/* Sealing, over libsodium; seal.h says what is sealed for whom. */
#include "config.h"

#include "seal.h"

#include "cleanup.h"
#include "ulid.h"

#include <endian.h>
#include <errno.h>
#include <string.h>

#define BATCH_LENGTH (ULID_SIZE - 1)
#define NONCE_SIZE   crypto_aead_xchacha20poly1305_ietf_NPUBBYTES

int seal_letter(const uint8_t station[static crypto_box_PUBLICKEYBYTES], const void *content,
                size_t length, uint8_t **ret, size_t *ret_size)
{
    _cleanup_free_ uint8_t *sealed = NULL;
    size_t size;

    if (__builtin_add_overflow(length, crypto_box_SEALBYTES, &size))
        return -ENOMEM;
    sealed = malloc(size);
    if (!sealed || crypto_box_seal(sealed, content, length, station) != 0)
        return -ENOMEM;
    *ret = TAKE(sealed);
    *ret_size = size;
    return 0;
}

int unseal_letter(const uint8_t station[static crypto_box_PUBLICKEYBYTES],
                  const uint8_t secret[static crypto_box_SECRETKEYBYTES], const uint8_t *sealed,
                  size_t size, uint8_t **ret, size_t *ret_size)
{
    _cleanup_free_ uint8_t *content = NULL;
    size_t length;

    if (size < crypto_box_SEALBYTES)
        return -EBADMSG;
    length = size - crypto_box_SEALBYTES;
    content = calloc(1, length + 1);
    if (!content)
        return -ENOMEM;
    if (crypto_box_seal_open(content, sealed, size, station, secret) != 0)
        return -EBADMSG;
    *ret = TAKE(content);
    *ret_size = length;
    return 0;
}

int seal_state(const uint8_t key[static crypto_aead_xchacha20poly1305_ietf_KEYBYTES],
               const char *purpose, const void *content, size_t length, uint8_t *ret, size_t size,
               size_t *ret_size)
{
    uint8_t nonce[NONCE_SIZE];
    unsigned long long written;

    if (size < SEAL_OVERHEAD || length > size - SEAL_OVERHEAD)
        return -ENOBUFS;
    randombytes_buf(nonce, sizeof nonce);
    crypto_aead_xchacha20poly1305_ietf_encrypt(ret + NONCE_SIZE, &written, content, length,
                                               (const uint8_t *)purpose, strlen(purpose), NULL,
                                               nonce, key);
    memcpy(ret, nonce, sizeof nonce);
    *ret_size = NONCE_SIZE + (size_t)written;
    return 0;
}

int unseal_state(const uint8_t key[static crypto_aead_xchacha20poly1305_ietf_KEYBYTES],
                 const char *purpose, const uint8_t *sealed, size_t size, uint8_t *ret,
                 size_t ret_capacity, size_t *ret_size)
{
    unsigned long long length;

    if (size < SEAL_OVERHEAD)
        return -EBADMSG;
    if (size - SEAL_OVERHEAD > ret_capacity)
        return -ENOBUFS;
    if (crypto_aead_xchacha20poly1305_ietf_decrypt(ret, &length, NULL, sealed + NONCE_SIZE,
                                                   size - NONCE_SIZE, (const uint8_t *)purpose,
                                                   strlen(purpose), sealed, key) != 0)
        return -EBADMSG;
    *ret_size = (size_t)length;
    return 0;
}

void seal_bind(const char *name, const char *service, const char *client,
               uint8_t ret[static SEAL_BOUND])
{
    const char *const texts[] = {name, service, client};
    crypto_generichash_state state;

    crypto_generichash_init(&state, NULL, 0, SEAL_BOUND);
    for (size_t i = 0; i < ELEMENTS(texts) && texts[i]; i++)
        crypto_generichash_update(&state, (const uint8_t *)texts[i], strlen(texts[i]) + 1);
    crypto_generichash_final(&state, ret, SEAL_BOUND);
}

void seal_manifest_begin(struct seal_manifest *m)
{
    crypto_generichash_init(&m->state, NULL, 0, 32);
}

void seal_manifest_add(struct seal_manifest *m, const uint8_t *letter, size_t size)
{
    uint32_t length = htobe32((uint32_t)size);

    crypto_generichash_update(&m->state, (const uint8_t *)&length, sizeof length);
    crypto_generichash_update(&m->state, letter, size);
}

void seal_manifest_end(struct seal_manifest *m, uint8_t ret[static 32])
{
    crypto_generichash_final(&m->state, ret, 32);
}

/* What a claim's signature is over. */
struct claim {
    char purpose[15]; /* with its NUL */
    char batch[BATCH_LENGTH];
    uint8_t manifest[32];
};
_Static_assert(sizeof(struct claim) == 15 + BATCH_LENGTH + 32, "a claim is signed without padding");

static int claim_make(const char *batch, const uint8_t manifest[static 32], struct claim *ret)
{
    if (strlen(batch) != BATCH_LENGTH)
        return -EBADMSG;
    memcpy(ret->purpose, "portal-claim-1", sizeof ret->purpose);
    memcpy(ret->batch, batch, sizeof ret->batch);
    memcpy(ret->manifest, manifest, sizeof ret->manifest);
    return 0;
}

void seal_claim(const uint8_t secret[static crypto_sign_SECRETKEYBYTES], const char *batch,
                const uint8_t manifest[static 32], uint8_t ret[static crypto_sign_BYTES])
{
    struct claim claim;

    /* A batch that isn't an id gets a signature that no check accepts. */
    memset(ret, 0, crypto_sign_BYTES);
    if (claim_make(batch, manifest, &claim) == 0)
        crypto_sign_detached(ret, NULL, (const uint8_t *)&claim, sizeof claim, secret);
}

int seal_claim_check(const uint8_t public_key[static crypto_sign_PUBLICKEYBYTES], const char *batch,
                     const uint8_t manifest[static 32], const uint8_t *signature, size_t size)
{
    struct claim claim;

    if (size != crypto_sign_BYTES || claim_make(batch, manifest, &claim) < 0)
        return -EBADMSG;
    if (crypto_sign_verify_detached(signature, (const uint8_t *)&claim, sizeof claim, public_key))
        return -EBADMSG;
    return 0;
}

/* The purpose stands in front of the text, with its NUL. */
static int result_make(const uint8_t *public_key, const uint8_t *secret, const void *text,
                       size_t size, uint8_t ret[static SEAL_RESULT])
{
    static const char purpose[] = "portal-result-1";
    uint8_t key[crypto_box_BEFORENMBYTES];
    crypto_generichash_state state;
    int r = crypto_box_beforenm(key, public_key, secret) == 0 ? 0 : -EBADMSG;

    if (r == 0) {
        crypto_generichash_init(&state, key, sizeof key, SEAL_RESULT);
        crypto_generichash_update(&state, (const uint8_t *)purpose, sizeof purpose);
        crypto_generichash_update(&state, text, size);
        crypto_generichash_final(&state, ret, SEAL_RESULT);
    }
    sodium_memzero(key, sizeof key);
    sodium_memzero(&state, sizeof state);
    return r;
}

int seal_result(const uint8_t station[static crypto_box_SECRETKEYBYTES],
                const uint8_t portald[static crypto_sign_PUBLICKEYBYTES], const void *text,
                size_t size, uint8_t ret[static SEAL_RESULT])
{
    uint8_t public_key[crypto_box_PUBLICKEYBYTES];

    if (crypto_sign_ed25519_pk_to_curve25519(public_key, portald) != 0)
        return -EBADMSG;
    return result_make(public_key, station, text, size, ret);
}

int seal_result_check(const uint8_t portald[static crypto_sign_SECRETKEYBYTES],
                      const uint8_t station[static crypto_box_PUBLICKEYBYTES], const void *text,
                      size_t size, const uint8_t *seal, size_t seal_size)
{
    uint8_t secret[crypto_box_SECRETKEYBYTES], expected[SEAL_RESULT];
    int r = -EBADMSG;

    if (seal_size == sizeof expected && crypto_sign_ed25519_sk_to_curve25519(secret, portald) == 0)
        r = result_make(station, secret, text, size, expected);
    if (r == 0 && sodium_memcmp(expected, seal, sizeof expected) != 0)
        r = -EBADMSG;
    sodium_memzero(secret, sizeof secret);
    sodium_memzero(expected, sizeof expected);
    return r;
}
