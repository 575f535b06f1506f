/* A hash table of keyed hashes: two keys look alike once in 2^64, and nobody can choose them so.
   seen_note() is the way in. */
#include "config.h"

#include "seen.h"

#include "cleanup.h"

#include <ctype.h>
#include <errno.h>
#include <sodium.h>
#include <stdint.h>

#define SLOTS_FIRST ((size_t)4096) /* a power of two, as all its doubles */
#define KEY_MOST    256

struct slot {
    uint64_t hash; /* 0: empty */
    unsigned long line;
};

struct seen {
    unsigned char key[crypto_shorthash_KEYBYTES];
    struct slot *slots;
    size_t size, used;
};

DEFINE_CLEANUP(struct seen, seen_free)

int seen_open(struct seen **ret)
{
    _cleanup_(seen_free_p) struct seen *s = calloc(1, sizeof *s);

    if (!s || !(s->slots = calloc(SLOTS_FIRST, sizeof *s->slots)))
        return -ENOMEM;
    s->size = SLOTS_FIRST;
    crypto_shorthash_keygen(s->key);
    *ret = TAKE(s);
    return 0;
}

struct seen *seen_free(struct seen *s)
{
    if (s)
        free(s->slots);
    free(s);
    return NULL;
}

static uint64_t hash(const struct seen *s, const char *key)
{
    unsigned char text[KEY_MOST], result[crypto_shorthash_BYTES];
    size_t length = 0;
    uint64_t h;

    for (; key[length] && length < sizeof text; length++)
        text[length] = (unsigned char)tolower((unsigned char)key[length]);
    crypto_shorthash(result, text, length, s->key);
    memcpy(&h, result, sizeof h);
    return h != 0 ? h : 1;
}

/* Where h is, or would be. */
static struct slot *slot_find(struct slot *slots, size_t size, uint64_t h)
{
    size_t i = (size_t)h & (size - 1);

    while (slots[i].hash != 0 && slots[i].hash != h)
        i = (i + 1) & (size - 1);
    return &slots[i];
}

static int grow(struct seen *s)
{
    struct slot *slots = calloc(2 * s->size, sizeof *slots);

    if (!slots)
        return -ENOMEM;
    for (size_t i = 0; i < s->size; i++)
        if (s->slots[i].hash != 0)
            *slot_find(slots, 2 * s->size, s->slots[i].hash) = s->slots[i];
    free(s->slots);
    s->slots = slots;
    s->size *= 2;
    return 0;
}

int seen_note(struct seen *s, const char *key, unsigned long line, unsigned long *ret_line)
{
    uint64_t h = hash(s, key);
    struct slot *slot;

    if (s->used >= s->size / 4 * 3 && grow(s) < 0)
        return -ENOMEM;
    slot = slot_find(s->slots, s->size, h);
    if (slot->hash != 0) {
        *ret_line = slot->line;
        return 1;
    }
    *slot = (struct slot){h, line};
    s->used++;
    return 0;
}
