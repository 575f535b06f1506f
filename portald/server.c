/* Workers on one epoll set; server_start() is the way in. */
#include "config.h"

#include "server.h"

#include "connection.h"
#include "order.h"

#include "cleanup.h"
#include "clock.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#define KEY_SIZE        320
#define LANE_WAITING    ORDER_WAITING_MOST
#define LONG_WAITING    64
#define ACCEPT_PAUSE_MS 50

struct listener {
    int fd;
    enum wire_socket socket;
};

struct server {
    struct server_options options;
    int epoll_fd, stop_fd;
    struct listener listeners[WIRE_SOCKETS];
    struct connections *connections;
    struct order *order;
    pthread_t *threads;
    unsigned running;
};

unsigned server_workers(const struct server *server)
{
    return server->options.workers;
}

static int watch(int epoll_fd, int op, int fd, void *what)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP | EPOLLONESHOT, .data.ptr = what};

    return epoll_ctl(epoll_fd, op, fd, &event) < 0 ? -errno : 0;
}

/* Sends what the handler made, or, where that failed, an error that says so. */
static void answer(struct connection *c, struct wire_writer *reply)
{
    if (wire_end(reply) < 0) {
        wire_writer_clear(reply);
        wire_begin(reply, WIRE_ERROR);
        wire_put_string(reply, WIRE_TEXT, "the reply could not be made");
        wire_end(reply);
    }
    connection_send(c, reply->data, reply->size);
}

static void refuse(struct connection *c, const char *why)
{
    _cleanup_(wire_writer_clear) struct wire_writer reply = {0};

    wire_begin(&reply, WIRE_ERROR);
    wire_put_string(&reply, WIRE_TEXT, why);
    answer(c, &reply);
}

static void handle(struct server *s, void *data, struct connection *c)
{
    _cleanup_(wire_writer_clear) struct wire_writer reply = {0};

    s->options.handlers->handle(data, connection_request(c), &reply);
    answer(c, &reply);
    connections_close(s->connections, c);
}

/* Handles c and then whoever waits in the same lane, one by one. */
static void run_lane(struct server *s, void *data, const char *key, struct connection *c)
{
    char lane[KEY_SIZE];

    snprintf(lane, sizeof lane, "%s", key);
    while (c) {
        handle(s, data, c);
        c = order_leave(s->order, lane);
    }
}

/* A whole frame has arrived. */
static void dispatch(struct server *s, void *data, struct connection *c)
{
    const struct server_handlers *h = s->options.handlers;
    struct request *request = connection_request(c);
    char key[KEY_SIZE] = "";
    unsigned width;

    if (connection_parse(c) < 0 || !h->allowed(request->socket, request->frame.type)) {
        refuse(c, "not a request that this socket takes");
        connections_close(s->connections, c);
        return;
    }
    request->deadline = clock_monotonic_ms() + s->options.request_timeout * 1000;
    width = h->lane(s, request, key, sizeof key);
    if (!*key) {
        handle(s, data, c);
        return;
    }
    switch (order_enter(s->order, key, width, width > 1 ? LONG_WAITING : LANE_WAITING, c)) {
    case ORDER_RUN:
        run_lane(s, data, key, c);
        break;
    case ORDER_PARKED:
        break;
    case ORDER_FULL: {
        _cleanup_(wire_writer_clear) struct wire_writer reply = {0};
        h->crowded(request, &reply);
        answer(c, &reply);
        connections_close(s->connections, c);
    }
    }
}

static void serve(struct server *s, void *data, struct connection *c)
{
    int r = connection_receive(c);

    if (r > 0) {
        dispatch(s, data, c);
        return;
    }
    if (r == -EAGAIN) {
        connection_wait(c);
        /* Most never get here: their request is there at once, and epoll never hears of them. */
        if (watch(s->epoll_fd, EPOLL_CTL_MOD, connection_fd(c), c) == 0 ||
            watch(s->epoll_fd, EPOLL_CTL_ADD, connection_fd(c), c) == 0)
            return;
    } else if (r != -ECONNRESET)
        refuse(c, r == -EMSGSIZE ? "the frame is too long" : "not a frame of this protocol");
    connections_close(s->connections, c);
}

static void accept_one(struct server *s, void *data, struct listener *l)
{
    struct connection *c = NULL;
    int fd = accept4(l->fd, NULL, NULL, SOCK_CLOEXEC);
    int error = fd < 0 ? errno : 0;

    if (error == EMFILE || error == ENFILE || error == ENOMEM || error == ENOBUFS)
        usleep(ACCEPT_PAUSE_MS *
               1000); /* the backlog holds them; without a pause this would spin */
    /* Another worker may accept the next one while this one is served. */
    watch(s->epoll_fd, EPOLL_CTL_MOD, l->fd, l);
    if (fd < 0)
        return;
    if (connections_add(s->connections, fd, l->socket, &c) < 0)
        return;
    serve(s, data, c);
}

static bool is_listener(const struct server *s, const void *what)
{
    const struct listener *l = what;

    return l >= s->listeners && l < s->listeners + WIRE_SOCKETS;
}

static void *work(void *userdata)
{
    struct server *s = userdata;
    void *data = NULL;

    if (s->options.handlers->worker_open(s->options.userdata, &data) < 0)
        return NULL;
    for (;;) {
        struct epoll_event event;
        int n = epoll_wait(s->epoll_fd, &event, 1, -1);
        if (n < 0 && errno != EINTR)
            break;
        if (n <= 0)
            continue;
        if (!event.data.ptr) /* stop_fd, which stays readable so that every worker sees it */
            break;
        if (is_listener(s, event.data.ptr))
            accept_one(s, data, event.data.ptr);
        else
            serve(s, data, event.data.ptr);
    }
    s->options.handlers->worker_close(data);
    return NULL;
}

static int watch_all(struct server *s)
{
    struct epoll_event stop = {.events = EPOLLIN, .data.ptr = NULL};

    if (epoll_ctl(s->epoll_fd, EPOLL_CTL_ADD, s->stop_fd, &stop) < 0)
        return -errno;
    for (int i = 0; i < WIRE_SOCKETS; i++) {
        s->listeners[i] = (struct listener){.fd = s->options.fds[i], .socket = (enum wire_socket)i};
        if (s->listeners[i].fd < 0)
            continue;
        int r = watch(s->epoll_fd, EPOLL_CTL_ADD, s->listeners[i].fd, &s->listeners[i]);
        if (r < 0)
            return r;
    }
    return 0;
}

static struct server *server_free(struct server *s)
{
    if (!s)
        return NULL;
    s->connections = connections_free(s->connections);
    s->order = order_free(s->order);
    close_p(&s->epoll_fd);
    close_p(&s->stop_fd);
    for (int i = 0; i < WIRE_SOCKETS; i++)
        close_p(&s->options.fds[i]);
    free(s->threads);
    free(s);
    return NULL;
}
DEFINE_CLEANUP(struct server, server_stop)

int server_start(const struct server_options *options, struct server **ret)
{
    _cleanup_(server_stop_p) struct server *s = calloc(1, sizeof *s);
    int r;

    if (!s)
        return -ENOMEM;
    s->options = *options;
    s->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    s->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    s->threads = calloc(options->workers, sizeof *s->threads);
    if (s->epoll_fd < 0 || s->stop_fd < 0 || !s->threads)
        return -ENOMEM;
    if ((r = connections_open(options->connections, options->request_timeout, &s->connections)) <
            0 ||
        (r = order_open(&s->order)) < 0 || (r = watch_all(s)) < 0)
        return r;
    for (unsigned i = 0; i < options->workers; i++) {
        if ((r = pthread_create(&s->threads[i], NULL, work, s)) != 0)
            return -r;
        s->running++;
    }
    *ret = TAKE(s);
    return 0;
}

void server_sweep(struct server *server)
{
    connections_sweep(server->connections);
}

struct server *server_stop(struct server *s)
{
    static const uint64_t one = 1;

    if (!s)
        return NULL;
    for (int i = 0; i < WIRE_SOCKETS; i++)
        if (s->options.fds[i] >= 0)
            epoll_ctl(s->epoll_fd, EPOLL_CTL_DEL, s->options.fds[i], NULL);
    if (s->stop_fd >= 0)
        (void)!write(s->stop_fd, &one, sizeof one);
    for (unsigned i = 0; i < s->running; i++)
        pthread_join(s->threads[i], NULL);
    return server_free(s);
}
