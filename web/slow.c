/* The list of connections with their clocks; slow_sweep() is called every second. */
#include "config.h"

#include "slow.h"

#include "clock.h"

#include <errno.h>
#include <pthread.h>
#include <sys/socket.h>

struct slow_connection {
    struct slow_connection *next, *before;
    int fd;
    enum slow_state state;
    int64_t since;
    int64_t spent; /* in SLOW_REQUEST, before SLOW_OURS */
    bool served;   /* has had a request */
};

struct slow {
    pthread_mutex_t mutex;
    struct slow_limits limits;
    struct slow_connection *first;
    unsigned busy;
};

int slow_new(const struct slow_limits *limits, struct slow **ret)
{
    struct slow *slow = calloc(1, sizeof *slow);

    if (!slow)
        return -ENOMEM;
    slow->limits = *limits;
    pthread_mutex_init(&slow->mutex, NULL);
    *ret = slow;
    return 0;
}

struct slow *slow_free(struct slow *slow)
{
    if (!slow)
        return NULL;
    while (slow->first)
        slow_close(slow, slow->first);
    pthread_mutex_destroy(&slow->mutex);
    free(slow);
    return NULL;
}

struct slow_connection *slow_open(struct slow *slow, int fd)
{
    struct slow_connection *c = calloc(1, sizeof *c);

    if (!c)
        return NULL;
    c->fd = fd;
    c->since = clock_monotonic_ms();
    pthread_mutex_lock(&slow->mutex);
    c->next = slow->first;
    if (slow->first)
        slow->first->before = c;
    slow->first = c;
    pthread_mutex_unlock(&slow->mutex);
    return c;
}

void slow_close(struct slow *slow, struct slow_connection *c)
{
    if (!c)
        return;
    pthread_mutex_lock(&slow->mutex);
    if (c->before)
        c->before->next = c->next;
    else
        slow->first = c->next;
    if (c->next)
        c->next->before = c->before;
    if (c->state != SLOW_IDLE)
        slow->busy--;
    pthread_mutex_unlock(&slow->mutex);
    free(c);
}

void slow_enter(struct slow *slow, struct slow_connection *c, enum slow_state state)
{
    int64_t now = clock_monotonic_ms();

    if (!c)
        return;
    pthread_mutex_lock(&slow->mutex);
    if (c->state == SLOW_REQUEST && state == SLOW_OURS)
        c->spent += now - c->since;
    if (state == SLOW_IDLE) {
        c->spent = 0;
        c->served = true;
    }
    if (c->state == SLOW_IDLE && state != SLOW_IDLE)
        slow->busy++;
    if (c->state != SLOW_IDLE && state == SLOW_IDLE)
        slow->busy--;
    c->state = state;
    c->since = now;
    pthread_mutex_unlock(&slow->mutex);
}

static bool is_over(const struct slow *slow, const struct slow_connection *c, int64_t now)
{
    switch (c->state) {
    case SLOW_IDLE:
        return now - c->since > slow->limits.idle;
    case SLOW_REQUEST:
        return now - c->since + c->spent > slow->limits.request;
    case SLOW_OURS:
        return false;
    }
    return false;
}

unsigned slow_sweep(struct slow *slow)
{
    int64_t now = clock_monotonic_ms();
    unsigned over = 0;

    pthread_mutex_lock(&slow->mutex);
    for (struct slow_connection *c = slow->first; c; c = c->next)
        if (is_over(slow, c, now)) {
            shutdown(c->fd, SHUT_RDWR);
            over++;
        }
    pthread_mutex_unlock(&slow->mutex);
    return over;
}

unsigned slow_busy(struct slow *slow)
{
    unsigned busy;

    pthread_mutex_lock(&slow->mutex);
    busy = slow->busy;
    pthread_mutex_unlock(&slow->mutex);
    return busy;
}

unsigned slow_retire(struct slow *slow)
{
    int64_t now = clock_monotonic_ms();
    unsigned left = 0;

    pthread_mutex_lock(&slow->mutex);
    for (struct slow_connection *c = slow->first; c; c = c->next, left++)
        if (c->state == SLOW_IDLE && now - c->since > (c->served ? SLOW_NEXT_MS : SLOW_FIRST_MS))
            shutdown(c->fd, SHUT_RD); /* what has arrived is still read */
    pthread_mutex_unlock(&slow->mutex);
    return left;
}
