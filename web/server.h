/* The HTTP side: libmicrohttpd takes connections on its own threads and parses; what may wait runs
   on workers while the connection is suspended. Way in: server_start(). */
#pragma once

#include "web.h"

struct server;

/* fd: a listening socket; it stays the caller's. web: likewise. Returns 0 or a negative errno. */
int server_start(struct web *web, int fd, struct server **ret);
/* Once a second: connections over their time. */
void server_sweep(struct server *server);
/* For STATUS=. */
struct server_counts {
    unsigned long requests, refused, slow;
    unsigned busy;
};
struct server_counts server_count(struct server *server);
/* Takes no more connections, lets the requests under way be answered for some seconds, ends. What
   waits in the socket's backlog waits on. */
struct server *server_stop(struct server *server);
