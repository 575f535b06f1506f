/* TOTP: keys that seal secrets, sealing, and codes; totp_verify() is the way in. What customers
   scan is totp-qr.c's. */
#include "config.h"

#include "totp.h"

#include "base32.h"
#include "seal.h"

#include <errno.h>
#include <inttypes.h>
#include <liboath/oath.h>

/* At rest: version, the key's id, then as seal_state() makes it. */
#define FORMAT       1
#define ID_SIZE      4
#define HEADER_SIZE  (1 + ID_SIZE)
#define SEALED_SIZE  (HEADER_SIZE + SEAL_OVERHEAD + TOTP_SECRET_BYTES)
#define PURPOSE_SIZE 64

#define KEYS_MAX 16
#define FILE_MAX 4096

#define DIGITS    6
#define TOLERANCE 1 /* steps, either way */

_Static_assert(SEALED_SIZE <= ENTRY_TOTP_MAX, "a sealed secret fits its attribute");
_Static_assert(TOTP_KEY_BYTES == crypto_aead_xchacha20poly1305_ietf_KEYBYTES,
               "keys are libsodium's");

struct totp_key {
    uint8_t id[ID_SIZE];
    uint8_t key[TOTP_KEY_BYTES];
};

/* The first seals. The last is portald's own, which always opens. In locked memory. */
struct totp_keys {
    size_t count;
    struct totp_key keys[KEYS_MAX + 1];
};

/* Ids follow from the keys and tell nothing about them. */
static void identify(struct totp_key *key)
{
    static const char purpose[] = "portal-totp-key";
    uint8_t hash[crypto_generichash_BYTES_MIN];

    crypto_generichash(hash, sizeof hash, (const uint8_t *)purpose, sizeof purpose, key->key,
                       sizeof key->key);
    memcpy(key->id, hash, sizeof key->id);
}

static int add_key(struct totp_keys *keys, const char *file, char *problem, size_t size)
{
    struct totp_key *key = &keys->keys[keys->count];
    int r;

    if (keys->count >= KEYS_MAX) {
        snprintf(problem, size, "%s: at most %d keys", file, KEYS_MAX);
        return -E2BIG;
    }
    if ((r = key_read(file, true, key->key, sizeof key->key)) < 0) {
        snprintf(problem, size, "%s: %s", file, key_error(r));
        return r;
    }
    identify(key);
    for (size_t i = 0; i < keys->count; i++)
        if (sodium_memcmp(keys->keys[i].key, key->key, sizeof key->key) == 0) {
            snprintf(problem, size, "%s: the same key as another file's", file);
            return -EEXIST;
        }
    keys->count++;
    return 0;
}

static int add_files(struct totp_keys *keys, const char *files, char *problem, size_t size)
{
    char file[FILE_MAX];
    size_t length;
    int r;

    for (; *(files += strspn(files, " \t")); files += length) {
        length = strcspn(files, " \t");
        if (length >= sizeof file) {
            snprintf(problem, size, "a file name is too long");
            return -ENAMETOOLONG;
        }
        memcpy(file, files, length);
        file[length] = 0;
        if ((r = add_key(keys, file, problem, size)) < 0)
            return r;
    }
    return 0;
}

int totp_keys_load(const struct keys *own, const char *files, char *problem, size_t size,
                   struct totp_keys **ret)
{
    _cleanup_(totp_keys_free_p) struct totp_keys *keys = NULL;
    int r;

    if (sodium_init() < 0 || oath_init() != OATH_OK)
        return -EIO;
    if (!(keys = sodium_malloc(sizeof *keys)))
        return -ENOMEM;
    keys->count = 0;
    if (files && (r = add_files(keys, files, problem, size)) < 0)
        return r;
    memcpy(keys->keys[keys->count].key, own->totp, TOTP_KEY_BYTES);
    identify(&keys->keys[keys->count++]);
    sodium_mprotect_readonly(keys);
    *ret = TAKE(keys);
    return 0;
}

struct totp_keys *totp_keys_free(struct totp_keys *keys)
{
    sodium_free(keys);
    return NULL;
}

void totp_make(uint8_t ret[static TOTP_SECRET_BYTES])
{
    randombytes_buf(ret, TOTP_SECRET_BYTES);
}

/* What the seal is bound to besides the key. */
static void print_purpose(const char *uuid, char ret[static PURPOSE_SIZE])
{
    snprintf(ret, PURPOSE_SIZE, "portal-totp-%d %s", FORMAT, uuid);
}

int totp_seal(const struct totp_keys *keys, const char *uuid,
              const uint8_t secret[static TOTP_SECRET_BYTES], uint8_t ret[static ENTRY_TOTP_MAX],
              size_t *ret_size)
{
    const struct totp_key *key = &keys->keys[0];
    char purpose[PURPOSE_SIZE];
    size_t written = 0;
    int r;

    print_purpose(uuid, purpose);
    r = seal_state(key->key, purpose, secret, TOTP_SECRET_BYTES, ret + HEADER_SIZE,
                   ENTRY_TOTP_MAX - HEADER_SIZE, &written);
    if (r < 0)
        return r;
    ret[0] = FORMAT;
    memcpy(ret + 1, key->id, ID_SIZE);
    *ret_size = HEADER_SIZE + written;
    return 0;
}

static int unseal_with(const struct totp_key *key, const char *purpose, const uint8_t *sealed,
                       uint8_t ret[static TOTP_SECRET_BYTES])
{
    uint8_t secret[TOTP_SECRET_BYTES];
    size_t length = 0;
    int r = unseal_state(key->key, purpose, sealed + HEADER_SIZE, SEALED_SIZE - HEADER_SIZE, secret,
                         sizeof secret, &length);

    if (r == 0)
        memcpy(ret, secret, sizeof secret);
    sodium_memzero(secret, sizeof secret);
    return r;
}

/* Two keys may have one id by chance: each of that id is tried. */
int totp_unseal(const struct totp_keys *keys, const char *uuid, const uint8_t *sealed, size_t size,
                uint8_t ret[static TOTP_SECRET_BYTES])
{
    char purpose[PURPOSE_SIZE];
    int r = -ENOKEY;

    if (size != SEALED_SIZE || sealed[0] != FORMAT)
        return -EBADMSG;
    print_purpose(uuid, purpose);
    for (size_t i = 0; i < keys->count && r < 0; i++)
        if (memcmp(keys->keys[i].id, sealed + 1, ID_SIZE) == 0)
            r = unseal_with(&keys->keys[i], purpose, sealed, ret);
    return r;
}

bool totp_is_old(const struct totp_keys *keys, const uint8_t *sealed, size_t size)
{
    return size < HEADER_SIZE || sealed[0] != FORMAT ||
           memcmp(keys->keys[0].id, sealed + 1, ID_SIZE) != 0;
}

void totp_key_id(const uint8_t *sealed, size_t size, char ret[static TOTP_KEY_ID_SIZE])
{
    if (size < HEADER_SIZE)
        strcpy(ret, "?");
    else
        sodium_bin2hex(ret, TOTP_KEY_ID_SIZE, sealed + 1, ID_SIZE);
}

void totp_sealing_id(const struct totp_keys *keys, char ret[static TOTP_KEY_ID_SIZE])
{
    sodium_bin2hex(ret, TOTP_KEY_ID_SIZE, keys->keys[0].id, ID_SIZE);
}

void totp_explain(const uint8_t *sealed, size_t size, int error, char ret[static TOTP_WHY_SIZE])
{
    char id[TOTP_KEY_ID_SIZE];

    totp_key_id(sealed, size, id);
    if (error == -ENOKEY)
        snprintf(ret, TOTP_WHY_SIZE, "it is sealed with the key %s, which is not in [keys] totp",
                 id);
    else
        snprintf(ret, TOTP_WHY_SIZE, "it was changed, or belongs to another entry (key %s)", id);
}

/* The six digits that were typed, as liboath prints them. */
static int read_code(const char *typed, char ret[static DIGITS + 1])
{
    uint8_t values[BASE32_SYMBOLS_MAX];
    int r = base32_read(typed, values) == DIGITS ? 0 : -EINVAL;

    for (size_t i = 0; i < DIGITS && r == 0; i++) {
        if (values[i] > 9)
            r = -EINVAL;
        ret[i] = (char)('0' + values[i] % 10);
    }
    ret[DIGITS] = 0;
    sodium_memzero(values, sizeof values);
    return r;
}

bool totp_is_code(const char *typed)
{
    char code[DIGITS + 1] = "";
    bool is = read_code(typed, code) == 0;

    sodium_memzero(code, sizeof code);
    return is;
}

/* Whether code is that of step: 1 or 0, by a comparison in constant time; or a negative errno. */
static int matches(const uint8_t secret[static TOTP_SECRET_BYTES], uint64_t step,
                   const char code[static DIGITS + 1])
{
    char expected[DIGITS + 1];
    int r = oath_hotp_generate((const char *)secret, TOTP_SECRET_BYTES, step, DIGITS, false,
                               OATH_HOTP_DYNAMIC_TRUNCATION, expected);

    r = r == OATH_OK ? sodium_memcmp(expected, code, DIGITS) == 0 : -EIO;
    sodium_memzero(expected, sizeof expected);
    return r;
}

/* Every step is looked at, whichever fits. Where one code is that of two of them, the later one is
   taken, or else it would be accepted twice. */
int totp_check(const uint8_t secret[static TOTP_SECRET_BYTES], const char *typed, time_t now,
               uint64_t last_step, uint64_t *ret_step)
{
    uint64_t middle = (uint64_t)now / TOTP_STEP_SECONDS, found = 0;
    char code[DIGITS + 1] = "";
    int r;

    if (now < TOLERANCE * TOTP_STEP_SECONDS || read_code(typed, code) < 0)
        return -EACCES;
    for (uint64_t step = middle - TOLERANCE; step <= middle + TOLERANCE; step++) {
        r = matches(secret, step, code);
        found = r > 0 && step > last_step ? step : found;
    }
    sodium_memzero(code, sizeof code);
    if (found == 0)
        return -EACCES;
    *ret_step = found;
    return 0;
}

int totp_verify(const struct totp_keys *keys, const struct entry *entry, const char *typed,
                time_t now, uint64_t *ret_step)
{
    uint8_t secret[TOTP_SECRET_BYTES];
    int r = totp_unseal(keys, entry->uuid, entry->totp_secret, entry->totp_size, secret);

    if (r == 0)
        r = totp_check(secret, typed, now, entry->totp_last_step, ret_step);
    sodium_memzero(secret, sizeof secret);
    return r;
}
