/* Connections and their buffers; connections_add() is the way in. */
#include "config.h"

#include "connection.h"

#include "cleanup.h"
#include "clock.h"

#include <errno.h>
#include <pthread.h>
#include <sodium.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/time.h>

#define BUFFER_FIRST 1024u
#define SEND_SECONDS 5

struct connection {
    struct connection *next, *previous;
    int fd;
    struct request request;
    long long accepted;
    atomic_bool waiting;
    uint8_t *buffer;
    size_t have, capacity, need; /* need: 0 until the length has arrived */
    uint8_t first[BUFFER_FIRST]; /* nearly every request fits */
};

struct connections {
    pthread_mutex_t mutex;
    unsigned most, count[WIRE_SOCKETS];
    long long timeout;
    struct connection *first, *last; /* by age */
};

int connections_open(unsigned most, long timeout, struct connections **ret)
{
    struct connections *all = calloc(1, sizeof *all);

    if (!all)
        return -ENOMEM;
    pthread_mutex_init(&all->mutex, NULL);
    all->most = most;
    all->timeout = timeout * 1000LL;
    *ret = all;
    return 0;
}

struct connections *connections_free(struct connections *all)
{
    if (!all)
        return NULL;
    while (all->first)
        connections_close(all, all->first);
    pthread_mutex_destroy(&all->mutex);
    free(all);
    return NULL;
}

/* Its worker, or whoever is told by epoll, sees the end of the stream and closes it. */
static void end_waiting(struct connection *c)
{
    shutdown(c->fd, SHUT_RDWR);
    (void)atomic_exchange(&c->waiting, false);
}

static void make_room(struct connections *all, enum wire_socket socket)
{
    if (all->count[socket] < all->most)
        return;
    for (struct connection *c = all->first; c; c = c->next)
        if (c->request.socket == socket && atomic_load(&c->waiting)) {
            end_waiting(c);
            return;
        }
}

int connections_add(struct connections *all, int fd, enum wire_socket socket,
                    struct connection **ret)
{
    struct timeval send = {.tv_sec = SEND_SECONDS};
    struct connection *c = malloc(sizeof *c);

    if (!c) {
        close(fd);
        return -ENOMEM;
    }
    memset(c, 0, offsetof(struct connection, first));
    c->fd = fd;
    c->request.socket = socket;
    c->accepted = clock_monotonic_ms();
    c->buffer = c->first;
    c->capacity = sizeof c->first;
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &send, sizeof send);
    pthread_mutex_lock(&all->mutex);
    make_room(all, socket);
    c->previous = all->last;
    if (all->last)
        all->last->next = c;
    else
        all->first = c;
    all->last = c;
    all->count[socket]++;
    pthread_mutex_unlock(&all->mutex);
    *ret = c;
    return 0;
}

static void release_buffer(struct connection *c)
{
    sodium_memzero(c->buffer, c->have);
    if (c->buffer != c->first)
        free(c->buffer);
}

void connections_close(struct connections *all, struct connection *c)
{
    pthread_mutex_lock(&all->mutex);
    if (c->previous)
        c->previous->next = c->next;
    else
        all->first = c->next;
    if (c->next)
        c->next->previous = c->previous;
    else
        all->last = c->previous;
    all->count[c->request.socket]--;
    close(c->fd);
    pthread_mutex_unlock(&all->mutex);
    release_buffer(c);
    free(c);
}

void connections_sweep(struct connections *all)
{
    long long now = clock_monotonic_ms();

    pthread_mutex_lock(&all->mutex);
    for (struct connection *c = all->first; c && now - c->accepted > all->timeout; c = c->next)
        if (atomic_load(&c->waiting))
            end_waiting(c);
    pthread_mutex_unlock(&all->mutex);
}

int connection_fd(const struct connection *c)
{
    return c->fd;
}

struct request *connection_request(struct connection *c)
{
    return &c->request;
}

void connection_wait(struct connection *c)
{
    atomic_store(&c->waiting, true);
}

/* The buffer of a long request is as large as the request, and the small one is wiped. */
static int grow(struct connection *c)
{
    uint8_t *larger = malloc(c->need);

    if (!larger)
        return -EMSGSIZE;
    memcpy(larger, c->buffer, c->have);
    release_buffer(c);
    c->buffer = larger;
    c->capacity = c->need;
    return 0;
}

static int measure(struct connection *c)
{
    int r = c->need ? 0 : wire_frame_size(c->buffer, c->have, WIRE_REQUEST_MAX, &c->need);

    if (r < 0)
        return r;
    if (c->have > c->need)
        return -EPROTO; /* one request a connection */
    if (c->have == c->need)
        return 1;
    return c->need > c->capacity ? grow(c) : -EAGAIN;
}

/* The exchange, with that of end_waiting(), hands over what another worker wrote here before
   connection_wait(): epoll does so only in practice. */
int connection_receive(struct connection *c)
{
    (void)atomic_exchange(&c->waiting, false);
    for (;;) {
        ssize_t n = recv(c->fd, c->buffer + c->have, c->capacity - c->have, MSG_DONTWAIT);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            return -EAGAIN;
        if (n <= 0)
            return -ECONNRESET;
        c->have += (size_t)n;
        int r = measure(c);
        if (r != 0 && r != -EAGAIN)
            return r;
    }
}

int connection_parse(struct connection *c)
{
    return wire_parse(c->buffer, c->have, &c->request.frame);
}

void connection_send(struct connection *c, const void *data, size_t size)
{
    const uint8_t *p = data;

    while (size > 0) {
        ssize_t n = send(c->fd, p, size, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return; /* the peer has gone, or doesn't read; it knows that it got no whole reply */
        p += n;
        size -= (size_t)n;
    }
}
