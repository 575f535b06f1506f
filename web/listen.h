/* The listening socket: handed over by systemd, or made on a loopback address. */
#pragma once

/* where: "127.0.0.1:8080", port 0 for any. port_file: gets the port's number, or NULL. More than
   one socket from systemd, or one that doesn't listen, is -EINVAL; an address that isn't loopback
   is -EPERM, since without a proxy in front passwords would travel in the clear. */
int listen_open(const char *where, const char *port_file, int *ret);
