/* One after another for each key; order_enter() is the way in. */
#include "config.h"

#include "order.h"

#include "cleanup.h"

#include <errno.h>
#include <pthread.h>
#include <sodium.h>
#include <stdint.h>

#define BUCKETS  1024u
#define KEY_MOST 512u

struct parked {
    struct parked *next;
    void *item;
};

struct lane {
    struct lane *next;
    unsigned running, waiting;
    struct parked *first, *last;
    char key[KEY_MOST + 1];
};

struct order {
    pthread_mutex_t mutex;
    uint8_t hash_key[crypto_shorthash_KEYBYTES]; /* so that nobody can choose names that fall into
                                                    one bucket */
    struct lane *buckets[BUCKETS];
};

int order_open(struct order **ret)
{
    struct order *order = calloc(1, sizeof *order);

    if (!order)
        return -ENOMEM;
    randombytes_buf(order->hash_key, sizeof order->hash_key);
    pthread_mutex_init(&order->mutex, NULL);
    *ret = order;
    return 0;
}

struct order *order_free(struct order *order)
{
    if (!order)
        return NULL;
    pthread_mutex_destroy(&order->mutex);
    free(order);
    return NULL;
}

static struct lane **lane_find(struct order *order, const char *key)
{
    size_t length = strnlen(key, KEY_MOST);
    uint8_t hash[crypto_shorthash_BYTES];
    struct lane **lane;
    uint32_t bucket;

    crypto_shorthash(hash, (const uint8_t *)key, length, order->hash_key);
    memcpy(&bucket, hash, sizeof bucket);
    lane = &order->buckets[bucket % BUCKETS];
    while (*lane && strncmp((*lane)->key, key, KEY_MOST) != 0)
        lane = &(*lane)->next;
    return lane;
}

static enum order_place lane_park(struct lane *lane, unsigned most, void *item)
{
    struct parked *parked = lane->waiting < most ? calloc(1, sizeof *parked) : NULL;

    if (!parked)
        return ORDER_FULL;
    parked->item = item;
    if (lane->last)
        lane->last->next = parked;
    else
        lane->first = parked;
    lane->last = parked;
    lane->waiting++;
    return ORDER_PARKED;
}

enum order_place order_enter(struct order *order, const char *key, unsigned width, unsigned waiting,
                             void *item)
{
    enum order_place place = ORDER_RUN;
    struct lane **lane;

    pthread_mutex_lock(&order->mutex);
    lane = lane_find(order, key);
    if (!*lane) {
        *lane = calloc(1, sizeof **lane);
        if (*lane)
            memcpy((*lane)->key, key, strnlen(key, KEY_MOST));
    }
    if (!*lane)
        place = ORDER_FULL;
    else if ((*lane)->running < width)
        (*lane)->running++;
    else
        place = lane_park(*lane, waiting, item);
    pthread_mutex_unlock(&order->mutex);
    return place;
}

void *order_leave(struct order *order, const char *key)
{
    struct lane **lane, *gone = NULL;
    struct parked *parked = NULL;
    void *item = NULL;

    pthread_mutex_lock(&order->mutex);
    lane = lane_find(order, key);
    if (*lane && (*lane)->first) {
        parked = (*lane)->first;
        (*lane)->first = parked->next;
        if (!parked->next)
            (*lane)->last = NULL;
        (*lane)->waiting--;
        item = parked->item;
    } else if (*lane && --(*lane)->running == 0) {
        gone = *lane;
        *lane = gone->next;
    }
    pthread_mutex_unlock(&order->mutex);
    free(parked);
    free(gone);
    return item;
}
