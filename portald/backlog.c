/* A ring of slots in the order of their turn, and a hash table that finds a slot by its entry;
   backlog_open() is the way in. */
#define _GNU_SOURCE
#include "config.h"

#include "backlog.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NONE UINT32_MAX

struct slot {
    char uuid[JOB_ENTRY_SIZE], order[BACKLOG_ORDER_SIZE];
    uint32_t next; /* in its bucket, or of the free ones */
};

struct backlog {
    size_t most, first, count;
    struct slot *slots;
    uint32_t *ring;    /* slots, in the order of their turn */
    uint32_t *buckets; /* as many as slots */
    uint32_t unused;
};

int backlog_open(size_t most, struct backlog **ret)
{
    _cleanup_(backlog_free_p) struct backlog *b = calloc(1, sizeof *b);

    if (!b || !(b->slots = calloc(most, sizeof *b->slots)) ||
        !(b->ring = calloc(most, sizeof *b->ring)) ||
        !(b->buckets = calloc(most, sizeof *b->buckets)))
        return -ENOMEM;
    b->most = most;
    b->unused = NONE;
    for (size_t i = 0; i < most; i++) {
        b->buckets[i] = NONE;
        b->slots[i].next = b->unused;
        b->unused = (uint32_t)i;
    }
    *ret = TAKE(b);
    return 0;
}

struct backlog *backlog_free(struct backlog *b)
{
    if (!b)
        return NULL;
    free(b->slots);
    free(b->ring);
    free(b->buckets);
    free(b);
    return NULL;
}

/* FNV-1a: entryUUIDs are the server's, not a stranger's to choose. */
static uint32_t *bucket(const struct backlog *b, const char *uuid)
{
    uint32_t hash = 2166136261u;

    for (; *uuid; uuid++)
        hash = (hash ^ (unsigned char)*uuid) * 16777619u;
    return &b->buckets[hash % b->most];
}

/* What points to the entry's slot, or to NONE. */
static uint32_t *find(const struct backlog *b, const char *uuid)
{
    uint32_t *link = bucket(b, uuid);

    while (*link != NONE && strcmp(b->slots[*link].uuid, uuid) != 0)
        link = &b->slots[*link].next;
    return link;
}

int backlog_add(struct backlog *b, const char *uuid, const char *order)
{
    uint32_t *link = find(b, uuid), taken = b->unused;
    struct slot *slot;

    if (*link != NONE)
        return -EEXIST;
    if (taken == NONE)
        return -ENOBUFS;
    slot = &b->slots[taken];
    b->unused = slot->next;
    snprintf(slot->uuid, sizeof slot->uuid, "%s", uuid);
    snprintf(slot->order, sizeof slot->order, "%s", order);
    slot->next = NONE;
    *link = taken;
    b->ring[(b->first + b->count++) % b->most] = taken;
    return 0;
}

bool backlog_take(struct backlog *b, char ret_uuid[static JOB_ENTRY_SIZE])
{
    uint32_t taken, *link;

    if (b->count == 0)
        return false;
    taken = b->ring[b->first];
    memcpy(ret_uuid, b->slots[taken].uuid, JOB_ENTRY_SIZE);
    link = find(b, ret_uuid);
    *link = b->slots[taken].next;
    b->slots[taken].next = b->unused;
    b->unused = taken;
    b->first = (b->first + 1) % b->most;
    b->count--;
    return true;
}

static int compare(const void *a, const void *b, void *userdata)
{
    const struct backlog *backlog = userdata;
    uint32_t x, y;

    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    return strcmp(backlog->slots[x].order, backlog->slots[y].order);
}

/* The ring is turned first, so that it lies in one piece. */
void backlog_sort(struct backlog *b)
{
    if (b->first + b->count > b->most) {
        /* Which of them comes first is about to change anyway: those at the end close the gap. */
        size_t wrapped = b->first + b->count - b->most;

        memmove(b->ring + wrapped, b->ring + b->first, (b->count - wrapped) * sizeof *b->ring);
        b->first = 0;
    }
    qsort_r(b->ring + b->first, b->count, sizeof *b->ring, compare, b);
}

size_t backlog_count(const struct backlog *b)
{
    return b->count;
}
