/* Sockets and workers. A few threads share one epoll set of listening sockets and of connections
   whose request isn't whole yet; whoever gets a whole frame runs one straight-line handler, sends
   the reply and closes. Nothing that a peer does or omits holds a worker but while its own request
   is handled. */
#pragma once

#include "wire.h"

struct server;

/* One request, for a handler. */
struct request {
    struct wire_frame frame;
    enum wire_socket socket;
    long long deadline; /* clock_monotonic_ms() */
};

struct server_handlers {
    /* Whether type may be asked on socket. */
    bool (*allowed)(enum wire_socket socket, enum wire_type type);
    /* The lane of a request (order.h): fills key (size bytes; "" for none) and tells how many may
       be in flight in it at a time. */
    unsigned (*lane)(const struct server *server, const struct request *request, char *key,
                     size_t size);
    /* Begins reply and fills it. */
    void (*handle)(void *worker_data, const struct request *request, struct wire_writer *reply);
    /* The same for a request that is turned away because too many wait. */
    void (*crowded)(const struct request *request, struct wire_writer *reply);
    /* A thread's own data; userdata is that of the options. */
    int (*worker_open)(void *userdata, void **ret);
    void (*worker_close)(void *worker_data);
};

struct server_options {
    unsigned workers, connections; /* connections: a socket */
    long request_timeout;          /* seconds: for a request to arrive, and again to be answered */
    int fds[WIRE_SOCKETS];         /* listening; -1: none; owned by the server from then on */
    const struct server_handlers *handlers;
    void *userdata;
};

int server_start(const struct server_options *options, struct server **ret);
/* How many workers there are: lanes for long work leave two of them free. */
unsigned server_workers(const struct server *server);
/* Closes connections whose request hasn't arrived in time. Called about once a second. */
void server_sweep(struct server *server);
/* Stops listening, answers what has arrived, ends the threads. */
struct server *server_stop(struct server *server);
