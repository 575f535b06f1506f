/* portal-web's socket; listen_open() is the way in. */
#include "config.h"

#include "listen.h"

#include "cleanup.h"
#include "log.h"
#include "loopback.h"

#include <errno.h>
#include <netdb.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/socket.h>
#include <systemd/sd-daemon.h>

#define BACKLOG  4096
#define HOST_MAX 64

static void free_addresses(struct addrinfo **addresses)
{
    if (*addresses)
        freeaddrinfo(*addresses);
}

/* HOST:PORT, [HOST]:PORT. */
static int split(const char *where, char host[static HOST_MAX], const char **ret_port)
{
    const char *colon = strrchr(where, ':');
    bool brackets = *where == '[';
    size_t length;

    if (!colon || colon == where || !colon[1])
        return -EINVAL;
    length = (size_t)(colon - where) - (brackets ? 2 : 0);
    if (length >= HOST_MAX || (brackets && colon[-1] != ']'))
        return -EINVAL;
    memcpy(host, where + (brackets ? 1 : 0), length);
    host[length] = '\0';
    *ret_port = colon + 1;
    return 0;
}

static int listen_at(const struct addrinfo *address)
{
    _cleanup_close_ int fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int on = 1, made;

    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0 ||
        bind(fd, address->ai_addr, address->ai_addrlen) < 0 || listen(fd, BACKLOG) < 0)
        return -errno;
    made = fd;
    fd = -1;
    return made;
}

static int say_port(int fd, const char *host, const char *port_file)
{
    struct sockaddr_storage address;
    socklen_t size = sizeof address;
    char port[8];
    _cleanup_fclose_ FILE *file = NULL;

    if (getsockname(fd, (struct sockaddr *)&address, &size) < 0 ||
        getnameinfo((struct sockaddr *)&address, size, NULL, 0, port, sizeof port,
                    NI_NUMERICSERV) != 0)
        return -EIO;
    log_line(LOG_INFO, "Listening on http://%s:%s", host, port);
    if (!port_file)
        return 0;
    file = fopen(port_file, "we");
    return !file || fprintf(file, "%s\n", port) < 0 || fflush(file) != 0 ? -errno : 0;
}

static int listen_make(const char *where, const char *port_file, int *ret)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST | AI_PASSIVE};
    _cleanup_(free_addresses) struct addrinfo *addresses = NULL;
    char host[HOST_MAX];
    const char *port;
    int fd, r;

    if (split(where, host, &port) < 0)
        return -EINVAL;
    if (!host_is_loopback(host))
        return -EPERM;
    if (getaddrinfo(host, port, &hints, &addresses) != 0)
        return -EINVAL;
    if ((fd = listen_at(addresses)) < 0)
        return fd;
    if ((r = say_port(fd, host, port_file)) < 0) {
        close(fd);
        return r;
    }
    *ret = fd;
    return 0;
}

int listen_open(const char *where, const char *port_file, int *ret)
{
    int n = sd_listen_fds(1);

    if (n == 0)
        return listen_make(where, port_file, ret);
    if (n != 1 || sd_is_socket(SD_LISTEN_FDS_START, AF_UNSPEC, SOCK_STREAM, 1) <= 0)
        return n < 0 ? n : -EINVAL;
    *ret = SD_LISTEN_FDS_START;
    return 0;
}
