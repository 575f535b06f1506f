/* Counting in a table of fixed size that outlives the process: a memory-mapped file of buckets,
   eight slots each, found by a keyed hash (BLAKE2b), of which the slot keeps the half that doesn't
   choose the bucket. Way in: throttle_open(). */
#include "config.h"

#include "throttle.h"

#include "cleanup.h"
#include "mapped.h"

#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <sodium.h>
#include <sys/mman.h>

#define THROTTLE_MAGIC     "portal-t"
#define THROTTLE_VERSION   1
#define THROTTLE_BUCKET    8 /* slots */
#define THROTTLE_SLOTS_MAX (1u << 20)
#define THROTTLE_KEY_SIZE  32

/* All that a slot can be: failures with retry_after, an event count with the start of its window,
   or a set of members with the same. Which one, its space says. tag 0: free. */
struct slot {
    uint64_t tag;
    int64_t touched;
    int64_t time;
    uint32_t count;
    uint32_t reserved;
    uint32_t members[THROTTLE_MEMBERS_MAX];
};
_Static_assert(sizeof(struct slot) == 112, "slots are stored");

struct header {
    char magic[8];
    uint32_t version;
    uint32_t slots;
    uint8_t key_check[16]; /* so that a file made under another key is known for what it is */
    uint8_t reserved[96];
};
_Static_assert(sizeof(struct header) == 128, "the header is stored");

struct throttle {
    pthread_mutex_t lock; /* for the slots */
    struct header *map;
    size_t map_size;
    struct slot *slots;
    uint32_t buckets;
    uint8_t key[THROTTLE_KEY_SIZE];
};

DEFINE_CLEANUP(struct throttle, throttle_free)

/* The halves of a keyed hash of space and what: one chooses the bucket, one is the tag. */
struct name {
    uint64_t tag, bucket;
};

static struct name name_hash(const struct throttle *t, const char *space, const char *what)
{
    crypto_generichash_state state;
    uint64_t halves[2];
    crypto_generichash_init(&state, t->key, sizeof t->key, sizeof halves);
    crypto_generichash_update(&state, (const uint8_t *)space, strlen(space) + 1);
    crypto_generichash_update(&state, (const uint8_t *)what, strlen(what));
    crypto_generichash_final(&state, (uint8_t *)halves, sizeof halves);
    sodium_memzero(&state, sizeof state);
    return (struct name){.tag = halves[0] ? halves[0] : 1, .bucket = halves[1]};
}

static struct slot *slot_find(struct throttle *t, struct name name)
{
    struct slot *bucket = &t->slots[(name.bucket & (t->buckets - 1)) * THROTTLE_BUCKET];
    for (size_t i = 0; i < THROTTLE_BUCKET; i++)
        if (bucket[i].tag == name.tag)
            return &bucket[i];
    return NULL;
}

/* The slot of name; a new one in place of a free one, or of the one that was idle longest. */
static struct slot *slot_make(struct throttle *t, struct name name, time_t now)
{
    struct slot *slot = slot_find(t, name);
    if (!slot) {
        struct slot *bucket = &t->slots[(name.bucket & (t->buckets - 1)) * THROTTLE_BUCKET];
        slot = bucket;
        for (size_t i = 1; i < THROTTLE_BUCKET && slot->tag != 0; i++)
            if (bucket[i].tag == 0 || bucket[i].touched < slot->touched)
                slot = &bucket[i];
        *slot = (struct slot){.tag = name.tag, .time = now};
    }
    slot->touched = now;
    return slot;
}

/* Begins a new window when the present one is over. A clock that was set back makes a window longer
   by no more than what has been set. */
static void slot_window(struct slot *slot, time_t window, time_t now)
{
    if (slot->time > now)
        slot->time = now;
    if (slot->time > now - window)
        return;
    slot->time = now;
    slot->count = 0;
}

static bool slot_holds(const struct slot *slot, uint32_t member)
{
    for (size_t i = 0; i < slot->count && i < THROTTLE_MEMBERS_MAX; i++)
        if (slot->members[i] == member)
            return true;
    return false;
}

static int table_size(unsigned wanted, uint32_t *ret)
{
    if (wanted > THROTTLE_SLOTS_MAX)
        return -EINVAL;
    uint32_t slots = THROTTLE_BUCKET;
    while (slots < wanted)
        slots *= 2;
    *ret = slots;
    return 0;
}

static void header_make(const struct throttle *t, uint32_t slots, struct header *ret)
{
    *ret = (struct header){.magic = THROTTLE_MAGIC, .version = THROTTLE_VERSION, .slots = slots};
    struct name check = name_hash(t, "throttle", "key check");
    memcpy(ret->key_check, &check, sizeof ret->key_check);
}

int throttle_open(const char *file, const uint8_t key[static 32], unsigned slots,
                  struct throttle **ret)
{
    uint32_t count;
    int r = table_size(slots, &count);
    if (r < 0)
        return r;
    _cleanup_(throttle_free_p) struct throttle *t = calloc(1, sizeof *t);
    if (!t)
        return -ENOMEM;
    pthread_mutex_init(&t->lock, NULL);
    memcpy(t->key, key, sizeof t->key);
    t->buckets = count / THROTTLE_BUCKET;
    t->map_size = sizeof(struct header) + count * sizeof(struct slot);
    struct header header;
    header_make(t, count, &header);
    void *map;
    r = mapped_open(file, &header, sizeof header, t->map_size, &map, NULL);
    if (r < 0)
        return r;
    t->map = map;
    t->slots = (struct slot *)(t->map + 1);
    *ret = TAKE(t);
    return 0;
}

struct throttle *throttle_free(struct throttle *t)
{
    if (!t)
        return NULL;
    if (t->map)
        munmap(t->map, t->map_size);
    pthread_mutex_destroy(&t->lock);
    sodium_memzero(t->key, sizeof t->key);
    free(t);
    return NULL;
}

void throttle_get(struct throttle *t, const char *space, const char *what,
                  struct throttle_state *ret)
{
    struct name name = name_hash(t, space, what);
    pthread_mutex_lock(&t->lock);
    const struct slot *slot = slot_find(t, name);
    *ret = slot ? (struct throttle_state){.failures = slot->count, .retry_after = slot->time}
                : (struct throttle_state){0};
    pthread_mutex_unlock(&t->lock);
}

void throttle_set(struct throttle *t, const char *space, const char *what,
                  const struct throttle_state *state, time_t now)
{
    if (!*what)
        return;
    struct name name = name_hash(t, space, what);
    pthread_mutex_lock(&t->lock);
    struct slot *slot = slot_make(t, name, now);
    slot->count = state->failures;
    slot->time = state->retry_after;
    if (state->failures == 0 && state->retry_after == 0)
        *slot = (struct slot){0};
    pthread_mutex_unlock(&t->lock);
}

int throttle_take(struct throttle *t, const char *space, const char *what, unsigned most,
                  time_t window, time_t now, time_t *ret_wait)
{
    if (!*what)
        return 0;
    struct name name = name_hash(t, space, what);
    pthread_mutex_lock(&t->lock);
    struct slot *slot = slot_make(t, name, now);
    slot_window(slot, window, now);
    bool taken = slot->count < most;
    if (taken)
        slot->count++;
    time_t wait = slot->time + window - now;
    pthread_mutex_unlock(&t->lock);
    if (taken)
        return 0;
    if (ret_wait)
        *ret_wait = wait;
    return -EBUSY;
}

void throttle_give_back(struct throttle *t, const char *space, const char *what)
{
    if (!*what)
        return;
    struct name name = name_hash(t, space, what);
    pthread_mutex_lock(&t->lock);
    struct slot *slot = slot_find(t, name);
    if (slot && slot->count > 0)
        slot->count--;
    pthread_mutex_unlock(&t->lock);
}

void throttle_member(struct throttle *t, const char *space, const char *what, const char *member,
                     time_t window, time_t now)
{
    if (!*what)
        return;
    struct name name = name_hash(t, space, what);
    uint32_t tag = (uint32_t)name_hash(t, "member", member).tag;
    pthread_mutex_lock(&t->lock);
    struct slot *slot = slot_make(t, name, now);
    slot_window(slot, window, now);
    if (slot->count < THROTTLE_MEMBERS_MAX && !slot_holds(slot, tag))
        slot->members[slot->count++] = tag;
    pthread_mutex_unlock(&t->lock);
}

bool throttle_full(struct throttle *t, const char *space, const char *what, const char *member,
                   unsigned most, time_t window, time_t now, time_t *ret_wait)
{
    if (!*what)
        return false;
    struct name name = name_hash(t, space, what);
    uint32_t tag = member ? (uint32_t)name_hash(t, "member", member).tag : 0;
    unsigned others = 0;
    time_t wait = 0;
    pthread_mutex_lock(&t->lock);
    struct slot *slot = slot_find(t, name);
    if (slot) {
        slot_window(slot, window, now);
        others = slot->count - (member && slot_holds(slot, tag) ? 1 : 0);
        wait = slot->time + window - now;
    }
    pthread_mutex_unlock(&t->lock);
    if (!slot || others < most)
        return false;
    if (ret_wait)
        *ret_wait = wait;
    return true;
}

void throttle_client(const char *text, char ret[static THROTTLE_CLIENT_SIZE])
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    char plain[INET6_ADDRSTRLEN];
    struct in6_addr address;
    struct in_addr four;
    ret[0] = '\0';
    size_t length = strcspn(text, "%"); /* a link-local one comes with its interface */
    if (length >= sizeof plain)
        return;
    memcpy(plain, text, length);
    plain[length] = '\0';
    if (inet_pton(AF_INET, plain, &four) == 1 && !text[length]) {
        (void)inet_ntop(AF_INET, &four, ret, THROTTLE_CLIENT_SIZE);
        return;
    }
    if (inet_pton(AF_INET6, plain, &address) != 1)
        return;
    if (memcmp(&address, mapped, sizeof mapped) == 0) {
        (void)inet_ntop(AF_INET, &address.s6_addr[12], ret, THROTTLE_CLIENT_SIZE);
        return;
    }
    memset(&address.s6_addr[8], 0, 8);
    (void)inet_ntop(AF_INET6, &address, ret, THROTTLE_CLIENT_SIZE);
    strcat(ret, "/64");
}
