/* The table of sessions: buckets of sixteen rows, found by a keyed hash (BLAKE2b) of the id. Way
   in: sessions_open(). Locks are by bucket, a stripe each; nobody holds two of them. */
#include "config.h"

#include "sessions.h"

#include "clock.h"
#include "mapped.h"

#include <errno.h>
#include <pthread.h>
#include <sodium.h>
#include <stdio.h>
#include <sys/mman.h>

#define TABLE_MAGIC   "portal-s"
#define TABLE_VERSION 1
#define TABLE_KEY     32
#define SLOTS_MAX     (1u << 24)
#define BUCKET_ROWS   16u
#define STRIPES       64u

/* Where a session is, its tag there, and what it is called by: all of a keyed hash. */
struct name {
    uint64_t tag, bucket, handle;
};

/* As stored. tag 0: free. */
struct row {
    uint64_t tag, handle, uid;
    uint64_t parent_tag, parent_bucket; /* tag 0: none */
    int64_t started, seen;
    uint32_t ended, reserved;
    char label[SESSIONS_LABEL];
    char host[SESSIONS_HOST];
};
_Static_assert(sizeof(struct row) == 160, "rows are stored");

struct bucket {
    int64_t floor; /* what was begun at or before it, and has no row here, is over */
    uint64_t reserved[3];
    struct row row[BUCKET_ROWS];
};

struct header {
    char magic[8];
    uint32_t version, buckets;
    uint8_t key_check[24]; /* so that a file made under another key is known for what it is */
    uint8_t reserved[88];
};
_Static_assert(sizeof(struct header) == 128, "the header is stored");

/* Who asks portald right now, and how that ended the last time. */
struct asking {
    pthread_mutex_t lock;
    uint8_t id[SESSIONS_ID];
    bool failed;
};

struct sessions {
    struct header *map;
    size_t map_size;
    struct bucket *bucket;
    uint64_t buckets;
    time_t *asked; /* beside each row: this process's own */
    time_t absolute;
    pthread_mutex_t lock[STRIPES];
    struct asking asking[STRIPES];
    bool stored;
    uint8_t key[TABLE_KEY];
};

static struct name name_hash(const struct sessions *s, const char *space, const void *what,
                             size_t size)
{
    crypto_generichash_state state;
    struct name name;

    crypto_generichash_init(&state, s->key, sizeof s->key, sizeof name);
    crypto_generichash_update(&state, (const uint8_t *)space, strlen(space) + 1);
    crypto_generichash_update(&state, what, size);
    crypto_generichash_final(&state, (uint8_t *)&name, sizeof name);
    sodium_memzero(&state, sizeof state);
    name.tag = name.tag ? name.tag : 1;
    name.bucket &= s->buckets - 1;
    return name;
}

static struct name name_id(const struct sessions *s, const uint8_t *id)
{
    return name_hash(s, "session", id, SESSIONS_ID);
}

static uint64_t name_uid(const struct sessions *s, const char *uid)
{
    return name_hash(s, "uid", uid, strlen(uid)).tag;
}

static struct bucket *bucket_lock(struct sessions *s, uint64_t bucket)
{
    pthread_mutex_lock(&s->lock[bucket % STRIPES]);
    return &s->bucket[bucket];
}

static void bucket_unlock(struct sessions *s, uint64_t bucket)
{
    pthread_mutex_unlock(&s->lock[bucket % STRIPES]);
}

static struct row *row_find(struct bucket *bucket, uint64_t tag)
{
    for (size_t i = 0; i < BUCKET_ROWS; i++)
        if (bucket->row[i].tag == tag)
            return &bucket->row[i];
    return NULL;
}

static time_t *row_asked(struct sessions *s, const struct bucket *bucket, const struct row *row)
{
    return &s->asked[(size_t)(bucket - s->bucket) * BUCKET_ROWS + (size_t)(row - bucket->row)];
}

/* Nothing that the cookie could still do. */
static bool row_over(const struct sessions *s, const struct row *row, time_t now)
{
    return row->tag == 0 || now - row->started >= s->absolute;
}

/* Whether a rather than b makes room: what is over, then what was used longest ago, then what was
   logged out, the first begun first. */
static bool row_cheaper(const struct sessions *s, const struct row *a, const struct row *b,
                        time_t now)
{
    if (row_over(s, a, now) || row_over(s, b, now))
        return row_over(s, a, now) && !row_over(s, b, now);
    if (a->ended != b->ended)
        return !a->ended;
    return a->ended ? a->started < b->started : a->seen < b->seen;
}

static struct row *row_make(struct sessions *s, struct bucket *bucket, uint64_t tag, time_t now)
{
    struct row *row = bucket->row;

    for (size_t i = 1; i < BUCKET_ROWS; i++)
        if (row_cheaper(s, &bucket->row[i], row, now))
            row = &bucket->row[i];
    if (row->ended && !row_over(s, row, now) && bucket->floor < row->started)
        bucket->floor = row->started;
    *row = (struct row){.tag = tag};
    *row_asked(s, bucket, row) = 0;
    return row;
}

void sessions_begin(struct sessions *s, const struct sessions_entry *entry, time_t now)
{
    struct name name = name_id(s, entry->id), parent = {0};
    uint64_t uid = name_uid(s, entry->uid);
    struct bucket *bucket;
    struct row *row;

    if (entry->parent)
        parent = name_id(s, entry->parent);
    bucket = bucket_lock(s, name.bucket);
    if (!row_find(bucket, name.tag)) {
        row = row_make(s, bucket, name.tag, now);
        row->handle = name.handle;
        row->uid = uid;
        row->parent_tag = parent.tag;
        row->parent_bucket = parent.bucket;
        row->started = entry->started;
        row->seen = now;
        snprintf(row->label, sizeof row->label, "%s", entry->label);
        snprintf(row->host, sizeof row->host, "%s", entry->host);
    }
    bucket_unlock(s, name.bucket);
}

/* A clock that was set back lets nothing look used long ago. */
static int row_use(struct row *row, time_t idle, time_t now)
{
    if (row->ended)
        return -EKEYREVOKED;
    if (now - row->seen >= idle)
        return -ETIME;
    row->seen = now;
    return 0;
}

/* The session that another comes from: where it was pushed out nobody knows what became of it. */
static int parent_use(struct sessions *s, uint64_t tag, uint64_t where, time_t idle, time_t now)
{
    struct bucket *bucket = bucket_lock(s, where);
    struct row *row = row_find(bucket, tag);
    int r = row ? row_use(row, idle, now) : -EKEYREVOKED;

    bucket_unlock(s, where);
    return r;
}

int sessions_use(struct sessions *s, const uint8_t id[static SESSIONS_ID], time_t started,
                 time_t idle, time_t now, time_t *ret_asked)
{
    struct name name = name_id(s, id);
    uint64_t parent = 0, parent_bucket = 0;
    struct bucket *bucket = bucket_lock(s, name.bucket);
    struct row *row = row_find(bucket, name.tag);
    int r;

    if (row) {
        parent = row->parent_tag;
        parent_bucket = row->parent_bucket & (s->buckets - 1);
        r = row_use(row, idle, now);
        *ret_asked = *row_asked(s, bucket, row);
    } else {
        r = started <= bucket->floor ? -EKEYREVOKED : -ENOENT;
        *ret_asked = 0;
    }
    bucket_unlock(s, name.bucket);
    return r == 0 && parent ? parent_use(s, parent, parent_bucket, idle, now) : r;
}

void sessions_asked(struct sessions *s, const uint8_t id[static SESSIONS_ID], time_t now)
{
    struct name name = name_id(s, id);
    struct bucket *bucket = bucket_lock(s, name.bucket);
    const struct row *row = row_find(bucket, name.tag);

    if (row)
        *row_asked(s, bucket, row) = now;
    bucket_unlock(s, name.bucket);
}

bool sessions_ask_begin(struct sessions *s, const uint8_t id[static SESSIONS_ID])
{
    struct asking *asking = &s->asking[id[0] % STRIPES];

    if (pthread_mutex_trylock(&asking->lock) == 0)
        return true;
    pthread_mutex_lock(&asking->lock);
    return !asking->failed || memcmp(asking->id, id, sizeof asking->id) != 0;
}

void sessions_ask_end(struct sessions *s, const uint8_t id[static SESSIONS_ID], bool failed)
{
    struct asking *asking = &s->asking[id[0] % STRIPES];

    memcpy(asking->id, id, sizeof asking->id);
    asking->failed = failed;
    pthread_mutex_unlock(&asking->lock);
}

/* A logout that was promised outlives a power cut. */
static void bucket_sync(const struct sessions *s, uint64_t bucket)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    uintptr_t begin = (uintptr_t)&s->bucket[bucket] & ~(page - 1);
    uintptr_t end = (uintptr_t)&s->bucket[bucket + 1];

    if (s->stored)
        (void)msync((void *)begin, end - begin, MS_SYNC);
}

void sessions_end(struct sessions *s, const uint8_t id[static SESSIONS_ID], time_t now)
{
    struct name name = name_id(s, id);
    struct bucket *bucket = bucket_lock(s, name.bucket);
    struct row *row = row_find(bucket, name.tag);

    if (!row) {
        row = row_make(s, bucket, name.tag, now);
        /* When it was begun isn't known; kept for as long as any that is begun now. */
        row->started = now;
    }
    row->ended = 1;
    bucket_unlock(s, name.bucket);
    bucket_sync(s, name.bucket);
}

static bool row_listed(const struct sessions *s, const struct row *row, uint64_t uid, time_t now)
{
    return row->uid == uid && !row->ended && !row_over(s, row, now);
}

int sessions_end_handle(struct sessions *s, const char *uid, uint64_t handle, time_t now)
{
    uint64_t tag = name_uid(s, uid);
    bool found = false;

    for (uint64_t b = 0; b < s->buckets && !found; b++) {
        struct bucket *bucket = bucket_lock(s, b);

        for (size_t i = 0; i < BUCKET_ROWS && !found; i++) {
            struct row *row = &bucket->row[i];

            found = row_listed(s, row, tag, now) && row->handle == handle;
            if (found)
                row->ended = 1;
        }
        bucket_unlock(s, b);
        if (found)
            bucket_sync(s, b);
    }
    return found ? 0 : -ENOENT;
}

/* Newest first; the last falls off. Returns how many there are now. */
static size_t insert(struct sessions_row *rows, size_t count, size_t most,
                     const struct sessions_row *row)
{
    size_t at = count;

    while (at > 0 && rows[at - 1].seen < row->seen)
        at--;
    if (at == most)
        return count;
    if (count == most)
        count--;
    memmove(&rows[at + 1], &rows[at], (count - at) * sizeof *rows);
    rows[at] = *row;
    return count + 1;
}

static void row_read(const struct row *row, struct sessions_row *ret)
{
    *ret = (struct sessions_row){.handle = row->handle, .started = row->started, .seen = row->seen};
    snprintf(ret->label, sizeof ret->label, "%.*s", (int)sizeof row->label - 1, row->label);
    snprintf(ret->host, sizeof ret->host, "%.*s", (int)sizeof row->host - 1, row->host);
}

size_t sessions_list(struct sessions *s, const char *uid, time_t now, struct sessions_row *ret,
                     size_t most)
{
    uint64_t tag = name_uid(s, uid);
    size_t count = 0;

    for (uint64_t b = 0; b < s->buckets; b++) {
        const struct bucket *bucket = bucket_lock(s, b);

        for (size_t i = 0; i < BUCKET_ROWS; i++)
            if (row_listed(s, &bucket->row[i], tag, now)) {
                struct sessions_row row;

                row_read(&bucket->row[i], &row);
                count = insert(ret, count, most, &row);
            }
        bucket_unlock(s, b);
    }
    return count;
}

uint64_t sessions_handle(const struct sessions *s, const uint8_t id[static SESSIONS_ID])
{
    return name_id(s, id).handle;
}

static void header_make(const struct sessions *s, struct header *ret)
{
    struct name check = name_hash(s, "table", "key check", 9);

    *ret = (struct header){
        .magic = TABLE_MAGIC, .version = TABLE_VERSION, .buckets = (uint32_t)s->buckets};
    _Static_assert(sizeof check == sizeof ret->key_check, "all of it");
    memcpy(ret->key_check, &check, sizeof check);
}

/* Who was logged out before isn't known, so all were. */
static void table_begin(struct sessions *s, time_t now)
{
    for (uint64_t b = 0; b < s->buckets; b++)
        s->bucket[b].floor = now;
}

static int table_open(struct sessions *s, const char *file)
{
    struct header header;
    void *map;
    bool made;
    int r;

    header_make(s, &header);
    s->map_size = sizeof header + s->buckets * sizeof(struct bucket);
    r = mapped_open(file, &header, sizeof header, s->map_size, &map, &made);
    if (r < 0)
        return r;
    s->map = map;
    s->bucket = (struct bucket *)(s->map + 1);
    s->stored = file;
    if (made && file)
        table_begin(s, clock_now());
    return 0;
}

int sessions_open(const char *file, const uint8_t key[static 32], unsigned slots, time_t absolute,
                  struct sessions **ret)
{
    _cleanup_(sessions_free_p) struct sessions *s = NULL;
    uint64_t count = BUCKET_ROWS;
    int r;

    if (slots > SLOTS_MAX)
        return -EINVAL;
    while (count < slots)
        count *= 2;
    s = calloc(1, sizeof *s);
    if (!s)
        return -ENOMEM;
    for (size_t i = 0; i < STRIPES; i++) {
        pthread_mutex_init(&s->lock[i], NULL);
        pthread_mutex_init(&s->asking[i].lock, NULL);
    }
    memcpy(s->key, key, sizeof s->key);
    s->buckets = count / BUCKET_ROWS;
    s->absolute = absolute;
    s->asked = calloc(count, sizeof *s->asked);
    if (!s->asked)
        return -ENOMEM;
    r = table_open(s, file);
    if (r < 0)
        return r;
    *ret = TAKE(s);
    return 0;
}

struct sessions *sessions_free(struct sessions *s)
{
    if (!s)
        return NULL;
    if (s->map)
        munmap(s->map, s->map_size);
    for (size_t i = 0; i < STRIPES; i++) {
        pthread_mutex_destroy(&s->lock[i]);
        pthread_mutex_destroy(&s->asking[i].lock);
    }
    free(s->asked);
    sodium_memzero(s->key, sizeof s->key);
    free(s);
    return NULL;
}
