/* One request to portald over one of its sockets. libc only: pam_portal.so uses it inside other
   people's processes, so it starts no thread, keeps no descriptor, installs no handler, and lets no
   signal out (MSG_NOSIGNAL). */
#pragma once

#include "wire.h"

struct client_target {
    const char *directory; /* where portald's sockets are */
    const char *socket;    /* "api.sock", … */
    uid_t peer;            /* who may own directory and socket besides root; 0 for nobody else */
    unsigned timeout_ms;   /* for the whole call, both attempts together */
};

struct client_reply {
    uint8_t *data; /* wiped and freed by client_reply_clear() */
    size_t size;
    struct wire_frame frame;
};

/* Sends the frame request and waits for the reply. Before a byte is sent the directory must belong
   to root or peer and not be writable by group or others, and whoever listens (SO_PEERCRED) must be
   root or peer. If the connection ends before a reply began, it connects and sends once more.
   Returns 0; -ENOENT, -ECONNREFUSED: nobody listens; -EPERM: ownership is not as demanded;
   -ETIMEDOUT; -ECONNRESET: the connection ended twice; -EPROTO: no valid reply; -EMSGSIZE, -ENOMEM,
   or what else open() and connect() fail with, such as -EACCES. */
int client_call(const struct client_target *target, const struct wire_writer *request,
                struct client_reply *ret);
void client_reply_clear(struct client_reply *reply);
