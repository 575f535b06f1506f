/* References in return paths, and notes about what came back: bounce.h. */
#include "config.h"

#include "bounce.h"

#include "note.h"

#include "base32.h"
#include "cleanup.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#define DELIMITERS "+-="
#define MAC_BYTES  10u /* of the hash that is made; as many bits as the symbols hold */
#define DIGITS     "0123456789"
#define SAID_MAX   200u /* of the diagnostic; longer ones end at a blank */
#define LETTERS    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

_Static_assert(BOUNCE_MAC_SYMBOLS * 5 == MAC_BYTES * 8, "the symbols hold the hash");

/* The key serves other tables, too, so this says what for. libsodium makes no hash this short. */
static void mac_make(const struct keys *keys, const char *job,
                     uint8_t ret[static BOUNCE_MAC_SYMBOLS])
{
    static const char purpose[] = "return-path";
    unsigned char hash[crypto_generichash_BYTES];
    crypto_generichash_state state;

    crypto_generichash_init(&state, keys->table, sizeof keys->table, sizeof hash);
    crypto_generichash_update(&state, (const unsigned char *)purpose, sizeof purpose);
    crypto_generichash_update(&state, (const unsigned char *)job, strlen(job));
    crypto_generichash_final(&state, hash, sizeof hash);
    for (size_t i = 0; i < BOUNCE_MAC_SYMBOLS; i++) {
        size_t bit = i * 5;
        unsigned two = (unsigned)hash[bit / 8] << 8 | hash[bit / 8 + 1];

        ret[i] = (uint8_t)(two >> (11 - bit % 8) & 31);
    }
    sodium_memzero(hash, sizeof hash);
    sodium_memzero(&state, sizeof state);
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

void bounce_reference(const struct keys *keys, const char *job,
                      char ret[static BOUNCE_REFERENCE_SIZE])
{
    uint8_t mac[BOUNCE_MAC_SYMBOLS];
    size_t n = 0;

    mac_make(keys, job, mac);
    for (size_t i = 0; i < ULID_SIZE - 1; i++)
        ret[n++] = lower(job[i]);
    for (size_t i = 0; i < BOUNCE_MAC_SYMBOLS; i++)
        ret[n++] = lower(base32_symbol(mac[i]));
    ret[n] = '\0';
    sodium_memzero(mac, sizeof mac);
}

int bounce_reference_read(const struct keys *keys, const char *reference,
                          char ret[static ULID_SIZE])
{
    uint8_t mac[BOUNCE_MAC_SYMBOLS], given[BASE32_SYMBOLS_MAX] = {0};
    char id[ULID_SIZE], job[ULID_SIZE];
    int differs;

    if (strlen(reference) != BOUNCE_REFERENCE_SYMBOLS ||
        strspn(reference, DIGITS LETTERS) != BOUNCE_REFERENCE_SYMBOLS)
        return -EINVAL;
    memcpy(id, reference, ULID_SIZE - 1);
    id[ULID_SIZE - 1] = '\0';
    if (ulid_read(id, job) < 0 ||
        base32_read(reference + ULID_SIZE - 1, given) != BOUNCE_MAC_SYMBOLS)
        return -EINVAL;
    mac_make(keys, job, mac);
    differs = sodium_memcmp(mac, given, sizeof mac);
    sodium_memzero(mac, sizeof mac);
    if (differs)
        return -EINVAL;
    memcpy(ret, job, ULID_SIZE);
    return 0;
}

/* How much of the local part stays in front of the reference, and what comes between. */
static size_t local_split(const char *address, const char **ret_delimiter)
{
    size_t length = strcspn(address, "@");

    *ret_delimiter = length > 0 && strchr(DELIMITERS, address[length - 1]) ? "" : "+";
    return length;
}

int bounce_address_read(const char *typed, char ret[static MAIL_ADDRESS_SIZE])
{
    char address[MAIL_ADDRESS_SIZE];
    const char *delimiter;
    size_t local;

    if (mail_address_read(typed, address) < 0)
        return -EINVAL;
    local = local_split(address, &delimiter);
    if (local + strlen(delimiter) + BOUNCE_REFERENCE_SYMBOLS > MAIL_LOCAL_MAX ||
        strlen(address) + strlen(delimiter) + BOUNCE_REFERENCE_SYMBOLS >= MAIL_ADDRESS_SIZE)
        return -EINVAL;
    memcpy(ret, address, sizeof address);
    return 0;
}

void bounce_sender(const struct keys *keys, const char *address, const char *job,
                   char ret[static MAIL_ADDRESS_SIZE])
{
    char reference[BOUNCE_REFERENCE_SIZE];
    const char *delimiter;
    size_t local = local_split(address, &delimiter);

    bounce_reference(keys, job, reference);
    snprintf(ret, MAIL_ADDRESS_SIZE, "%.*s%s%s%s", (int)local, address, delimiter, reference,
             address + local);
}

void bounce_note(enum wire_bounce what, const char *status, const char *diagnostic,
                 const char *recipient, char ret[static JOB_NOTE_SIZE])
{
    static const char *const words[] = {
        [WIRE_BOUNCE_FAILED] = "bounced",
        [WIRE_BOUNCE_DELAYED] = "delayed on its way",
        [WIRE_BOUNCE_DELIVERED] = "delivered",
    };
    char clean[JOB_NOTE_SIZE], kept[JOB_NOTE_SIZE];
    size_t n;

    snprintf(clean, sizeof clean, "%s", diagnostic);
    for (n = 0; clean[n]; n++)
        if (clean[n] < ' ' || clean[n] > '~')
            clean[n] = '?';
    note_from_reply(clean, recipient, kept);
    while (strlen(kept) > SAID_MAX) /* never within a character */
        *strrchr(kept, ' ') = '\0';
    snprintf(ret, JOB_NOTE_SIZE, "%s: %.11s%s%.*s", words[what], status, *kept ? " " : "",
             (int)SAID_MAX, kept);
}
