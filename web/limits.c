/* Limits of client addresses; limits_enter() and limits_post() are the ways in. */
#include "config.h"

#include "limits.h"

#include "throttle.h"

#include <errno.h>
#include <sodium.h>
#include <stdatomic.h>

#define WINDOW     60
#define POST_SLOTS (1u << 14)
#define UNDER_WAY  4096u /* counters; addresses that share one share its limit */
#define SPACE_POST "post"

struct limits {
    unsigned posts, requests;
    uint8_t key[crypto_shorthash_KEYBYTES];
    struct throttle *table;
    atomic_uint under_way[UNDER_WAY];
};

int limits_new(const struct settings *settings, const uint8_t key[static 32], struct limits **ret)
{
    struct limits *limits = calloc(1, sizeof *limits);
    int r;

    if (!limits)
        return -ENOMEM;
    limits->posts = (unsigned)settings->posts_per_client;
    limits->requests = (unsigned)settings->connections_per_client;
    memcpy(limits->key, key, sizeof limits->key);
    r = throttle_open(NULL, key, POST_SLOTS, &limits->table);
    if (r < 0) {
        free(limits);
        return r;
    }
    *ret = limits;
    return 0;
}

struct limits *limits_free(struct limits *limits)
{
    if (limits) {
        throttle_free(limits->table);
        explicit_bzero(limits->key, sizeof limits->key);
    }
    free(limits);
    return NULL;
}

/* IPv6 by its /64, which is one customer's. */
static atomic_uint *counter(struct limits *limits, const char *client)
{
    char key[THROTTLE_CLIENT_SIZE];
    unsigned char hash[crypto_shorthash_BYTES];
    uint32_t number;

    throttle_client(client, key);
    if (!*key)
        return NULL;
    crypto_shorthash(hash, (const unsigned char *)key, strlen(key), limits->key);
    memcpy(&number, hash, sizeof number);
    return &limits->under_way[number % UNDER_WAY];
}

bool limits_enter(struct limits *limits, const char *client)
{
    atomic_uint *count = counter(limits, client);

    if (!count || atomic_fetch_add(count, 1) < limits->requests)
        return true;
    atomic_fetch_sub(count, 1);
    return false;
}

void limits_leave(struct limits *limits, const char *client)
{
    atomic_uint *count = counter(limits, client);

    if (count)
        atomic_fetch_sub(count, 1);
}

bool limits_post(struct limits *limits, const char *client, time_t now)
{
    char key[THROTTLE_CLIENT_SIZE];
    time_t wait;

    throttle_client(client, key);
    return !*key ||
           throttle_take(limits->table, SPACE_POST, key, limits->posts, WINDOW, now, &wait) == 0;
}
