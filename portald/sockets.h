/* The sockets of portald: handed over by systemd, or made in [server] socket_dir. */
#pragma once

#include "wire.h"

extern const char *const socket_names[WIRE_SOCKETS]; /* "api", … as in FileDescriptorName= */

/* Fills ret with what systemd passed (LISTEN_FDS), -1 for what it didn't. A descriptor of another
   name, or one that doesn't listen, is -EINVAL. */
int sockets_inherit(int ret[static WIRE_SOCKETS]);
/* Makes those that are -1 in directory, which is created where it is missing and must not be
   writable by others. Modes follow enum wire_socket: api for anybody, the others for their group
   where that exists, else for the owner alone. */
int sockets_make(const char *directory, int fds[static WIRE_SOCKETS]);
