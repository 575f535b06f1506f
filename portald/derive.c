/* Tokens, references and hashes: derive.h. */
#include "config.h"

#include "derive.h"

#include "address.h"

#include <sodium.h>
#include <stdint.h>
#include <string.h>

#define HASH_BYTES 32u

_Static_assert(sodium_base64_ENCODED_LEN(32, sodium_base64_VARIANT_URLSAFE_NO_PADDING) ==
                   JOB_HASH_SIZE,
               "a hash fits where jobs keep it");

void derive_token(const struct keys *keys, const char *job, unsigned char ret[static TOKEN_BYTES])
{
    crypto_generichash(ret, TOKEN_BYTES, (const unsigned char *)job, strlen(job), keys->link,
                       sizeof keys->link);
}

void derive_reference(const struct keys *keys, const char *job,
                      unsigned char ret[static REFERENCE_BYTES])
{
    crypto_generichash(ret, REFERENCE_BYTES, (const unsigned char *)job, strlen(job),
                       keys->reference, sizeof keys->reference);
}

/* One key serves two ends, so each says which. */
static void code_keyed(const struct keys *keys, const char *purpose, const char *whose,
                       const char *what, void *ret, size_t size)
{
    crypto_generichash_state state;

    crypto_generichash_init(&state, keys->code, sizeof keys->code, size);
    crypto_generichash_update(&state, (const unsigned char *)purpose, strlen(purpose) + 1);
    crypto_generichash_update(&state, (const unsigned char *)whose, strlen(whose) + 1);
    crypto_generichash_update(&state, (const unsigned char *)what, strlen(what));
    crypto_generichash_final(&state, ret, size);
    sodium_memzero(&state, sizeof state);
}

void derive_code(const struct keys *keys, const char *job, char ret[static MAILED_CODE_SIZE])
{
    unsigned char bytes[HASH_BYTES];
    uint64_t number = 0;

    code_keyed(keys, "mailed-code", "", job, bytes, sizeof bytes);
    for (size_t i = 0; i < sizeof number; i++)
        number = number << 8 | bytes[i];
    /* 2^64 is so much more than 10^8 that no code is likelier than another to speak of. */
    for (size_t i = MAILED_CODE_SIZE - 1; i-- > 0; number /= 10)
        ret[i] = (char)('0' + number % 10);
    ret[MAILED_CODE_SIZE - 1] = 0;
    sodium_memzero(bytes, sizeof bytes);
    sodium_memzero(&number, sizeof number);
}

static void hash_print(const unsigned char hash[static HASH_BYTES], char ret[static JOB_HASH_SIZE])
{
    sodium_bin2base64(ret, JOB_HASH_SIZE, hash, HASH_BYTES,
                      sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

void derive_hash(const void *secret, size_t size, char ret[static JOB_HASH_SIZE])
{
    unsigned char hash[HASH_BYTES];

    crypto_generichash(hash, sizeof hash, secret, size, NULL, 0);
    hash_print(hash, ret);
}

void derive_code_hash(const struct keys *keys, const char *uuid, const char *code,
                      char ret[static JOB_HASH_SIZE])
{
    unsigned char hash[HASH_BYTES];

    code_keyed(keys, "mailed-code-hash", uuid, code, hash, sizeof hash);
    hash_print(hash, ret);
}

void derive_address_hash(const struct keys *keys, const char *address,
                         char ret[static JOB_HASH_SIZE])
{
    static const char purpose[] = "mail-address"; /* the key serves other tables, too */
    unsigned char hash[HASH_BYTES];
    char folded[MAIL_ADDRESS_SIZE];
    crypto_generichash_state state;

    mail_address_fold(address, folded);
    crypto_generichash_init(&state, keys->table, sizeof keys->table, sizeof hash);
    crypto_generichash_update(&state, (const unsigned char *)purpose, sizeof purpose);
    crypto_generichash_update(&state, (const unsigned char *)folded, strlen(folded));
    crypto_generichash_final(&state, hash, sizeof hash);
    hash_print(hash, ret);
}
