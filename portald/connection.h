/* Accepted connections: their buffers, their number, and the end of those that dawdle. A connection
   belongs to the worker that it was given to; only connections_sweep() and connections_add() reach
   into one that waits, to shut it down. */
#pragma once

#include "server.h"

struct connection;
struct connections;

/* most: a socket. timeout: seconds for a whole request to arrive. */
int connections_open(unsigned most, long timeout, struct connections **ret);
struct connections *connections_free(struct connections *all); /* closes what is left */

/* Takes fd over, also on failure. With `most` there already, the one that has waited longest for
   its request goes. */
int connections_add(struct connections *all, int fd, enum wire_socket socket,
                    struct connection **ret);
/* Wipes the buffer, closes, frees. */
void connections_close(struct connections *all, struct connection *c);
void connections_sweep(struct connections *all);

int connection_fd(const struct connection *c);
struct request *connection_request(struct connection *c);
/* Reads what is there, without blocking: 1 when the frame is whole, -EAGAIN when more must come,
   -ECONNRESET when the peer has gone, -EMSGSIZE, -EPROTO. */
int connection_receive(struct connection *c);
/* Parses the whole frame into connection_request(). */
int connection_parse(struct connection *c);
/* From now on, until the next connection_receive(), it only waits for its peer. To be called before
   it is armed in epoll. */
void connection_wait(struct connection *c);
/* Sends all of it, bounded by the socket's send timeout. */
void connection_send(struct connection *c, const void *data, size_t size);
