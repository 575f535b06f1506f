/* Tokens, references and hashes: derive.h. */
#include "config.h"

#include "derive.h"

#include "address.h"

#include <sodium.h>
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
