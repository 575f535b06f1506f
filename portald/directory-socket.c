/* The bottom of an LDAP handle. libldap's own socket layer blocks in the middle of a reply, spins
   in a TLS handshake that stalls (2.5.13, with a network timeout set), writes without MSG_NOSIGNAL,
   and needs five system calls where two do. Way in: directory_socket_connect(). */
#include "config.h"

#include "directory-socket.h"

#include "cleanup.h"
#include "clock.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openldap.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

/* A read may block this long before the deadline is looked at: within it most replies come, and
   each one that does saves a poll(). */
#define SLICE_MS 50
/* While waiting, this often it is looked whether others have found the server dead. */
#define LOOK_MS 100
/* A peer that vanished without a word is noticed within about two minutes. */
#define KEEPALIVE_IDLE     60
#define KEEPALIVE_INTERVAL 15
#define KEEPALIVE_PROBES   4
/* No entry of ours comes near; a server that announces more is out of order. */
#define REPLY_MAX (4u << 20)

#define LDAPI_DEFAULT "/var/run/slapd/ldapi"

/* Waits for events until the deadline. Returns 0, or -1 with errno set. */
static int wait_for(struct directory_socket *s, short events)
{
    for (;;) {
        long long left = s->deadline - clock_monotonic_ms();
        if (left <= 0) {
            s->timed_out = true;
            errno = ETIMEDOUT;
            return -1;
        }
        if (s->lost && atomic_load_explicit(s->lost, memory_order_relaxed)) {
            s->broken = true;
            errno = ECONNABORTED;
            return -1;
        }
        struct pollfd p = {.fd = s->fd, .events = events};
        int most = s->lost ? LOOK_MS : 60000;
        int n = poll(&p, 1, left > most ? most : (int)left);
        if (n > 0)
            return 0;
        if (n < 0 && errno != EINTR)
            return -1;
    }
}

static ber_slen_t receive(struct directory_socket *s, void *buffer, size_t size)
{
    for (;;) {
        long long left = s->deadline - clock_monotonic_ms();
        ssize_t n = recv(s->fd, buffer, size, left < SLICE_MS ? MSG_DONTWAIT : 0);
        if (n > 0)
            return n;
        if (n == 0) {
            s->broken = true;
            errno = 0;
            return 0;
        }
        if (errno == EINTR)
            continue;
        if (errno != EAGAIN) {
            s->broken = true;
            return -1;
        }
        if (wait_for(s, POLLIN) < 0)
            return -1;
    }
}

static ber_slen_t take(struct directory_socket *s, void *buffer, size_t size)
{
    size_t have = s->end - s->start, n = have < size ? have : size;
    memcpy(buffer, s->buffer + s->start, n);
    explicit_bzero(s->buffer + s->start, n);
    s->start += n;
    if (s->start == s->end)
        s->start = s->end = 0;
    return (ber_slen_t)n;
}

static ber_slen_t socket_read(Sockbuf_IO_Desc *layer, void *buffer, ber_len_t size)
{
    struct directory_socket *s = layer->sbiod_pvt;
    if (s->start == s->end) {
        if (size >= sizeof s->buffer)
            return receive(s, buffer, size);
        ber_slen_t n = receive(s, s->buffer, sizeof s->buffer);
        if (n <= 0)
            return n;
        s->end = (size_t)n;
    }
    return take(s, buffer, size);
}

static ber_slen_t socket_write(Sockbuf_IO_Desc *layer, void *data, ber_len_t size)
{
    struct directory_socket *s = layer->sbiod_pvt;
    for (;;) {
        ssize_t n = send(s->fd, data, size, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n >= 0)
            return n;
        if (errno == EINTR)
            continue;
        if (errno != EAGAIN) {
            s->broken = true;
            return -1;
        }
        if (wait_for(s, POLLOUT) < 0)
            return -1;
    }
}

static int socket_setup(Sockbuf_IO_Desc *layer, void *argument)
{
    layer->sbiod_pvt = argument;
    return 0;
}

static int socket_remove(Sockbuf_IO_Desc *layer)
{
    layer->sbiod_pvt = NULL;
    return 0;
}

/* Always "ready": so libldap comes and reads, and the waiting is done here. Not so where somebody
   else waits for a search that never ends. */
static int socket_control(Sockbuf_IO_Desc *layer, int option, void *argument)
{
    const struct directory_socket *s = layer->sbiod_pvt;
    (void)argument;
    return option == LBER_SB_OPT_DATA_READY && (!s->patient || s->start != s->end);
}

static int socket_close(Sockbuf_IO_Desc *layer)
{
    struct directory_socket *s = layer->sbiod_pvt;
    close_p(&s->fd);
    explicit_bzero(s->buffer, sizeof s->buffer);
    s->start = s->end = 0;
    s->fd = -1;
    return 0;
}

static ber_slen_t wipe_read(Sockbuf_IO_Desc *layer, void *buffer, ber_len_t size)
{
    return LBER_SBIOD_READ_NEXT(layer, buffer, size);
}

/* The request lies in libldap's own buffer, password and all, which nobody reads again: what could,
   following referrals, is off. */
static ber_slen_t wipe_write(Sockbuf_IO_Desc *layer, void *data, ber_len_t size)
{
    ber_slen_t n = LBER_SBIOD_WRITE_NEXT(layer, data, size);
    if (n > 0)
        explicit_bzero(data, (size_t)n);
    return n;
}

static int wipe_control(Sockbuf_IO_Desc *layer, int option, void *argument)
{
    return LBER_SBIOD_CTRL_NEXT(layer, option, argument);
}

static Sockbuf_IO socket_layer = {
    .sbi_setup = socket_setup,
    .sbi_remove = socket_remove,
    .sbi_ctrl = socket_control,
    .sbi_read = socket_read,
    .sbi_write = socket_write,
    .sbi_close = socket_close,
};

static Sockbuf_IO wipe_layer = {
    .sbi_ctrl = wipe_control,
    .sbi_read = wipe_read,
    .sbi_write = wipe_write,
};

/* Returns 0 and the connected descriptor in s. */
static int try_address(struct directory_socket *s, int family, const struct sockaddr *address,
                       socklen_t size)
{
    _cleanup_close_ int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -errno;
    s->fd = fd; /* for wait_for() */
    if (connect(fd, address, size) < 0) {
        int error = errno;
        socklen_t length = sizeof error;
        /* A full backlog of a local socket is EAGAIN: nothing to wait for on this descriptor. */
        if (error != EINPROGRESS)
            return error == EAGAIN ? -EHOSTDOWN : -error;
        if (wait_for(s, POLLOUT) < 0)
            return -errno;
        if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) < 0)
            return -errno;
        if (error != 0)
            return -error;
    }
    /* Blocking, but for SLICE_MS at most. */
    struct timeval slice = {.tv_usec = SLICE_MS * 1000};
    if (fcntl(fd, F_SETFL, 0) < 0 ||
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &slice, sizeof slice) < 0)
        return -errno;
    s->fd = fd;
    fd = -1; /* ours now */
    return 0;
}

static int connect_path(struct directory_socket *s, const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (!path || path[0] == '\0')
        path = LDAPI_DEFAULT;
    if (strlen(path) >= sizeof address.sun_path)
        return -EINVAL;
    strcpy(address.sun_path, path);
    return try_address(s, AF_UNIX, (struct sockaddr *)&address, sizeof address);
}

static int tune_tcp(int fd)
{
    static const struct {
        int level, name, value;
    } options[] = {
        {IPPROTO_TCP, TCP_NODELAY, 1},
        {SOL_SOCKET, SO_KEEPALIVE, 1},
        {IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_IDLE},
        {IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE_INTERVAL},
        {IPPROTO_TCP, TCP_KEEPCNT, KEEPALIVE_PROBES},
    };
    for (size_t i = 0; i < ELEMENTS(options); i++)
        if (setsockopt(fd, options[i].level, options[i].name, &options[i].value,
                       sizeof options[i].value) < 0)
            return -errno;
    return 0;
}

static int connect_host(struct directory_socket *s, const char *host, int port)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV}, *found;
    char service[12];
    snprintf(service, sizeof service, "%d", port);
    if (getaddrinfo(host && host[0] ? host : "localhost", service, &hints, &found) != 0)
        return -EHOSTDOWN;
    int r = -EHOSTDOWN;
    for (struct addrinfo *a = found; a && r < 0 && r != -ETIMEDOUT; a = a->ai_next)
        r = try_address(s, a->ai_family, a->ai_addr, a->ai_addrlen);
    freeaddrinfo(found);
    return r < 0 ? r : tune_tcp(s->fd);
}

int directory_socket_connect(struct directory_socket *s, const LDAPURLDesc *url, long long deadline)
{
    *s = (struct directory_socket){.fd = -1, .deadline = deadline, .lost = s->lost};
    int r;
    if (strcmp(url->lud_scheme, "ldapi") == 0)
        r = connect_path(s, url->lud_host);
    else if (strcmp(url->lud_scheme, "ldap") == 0 || strcmp(url->lud_scheme, "ldaps") == 0)
        r = connect_host(s, url->lud_host, url->lud_port);
    else
        return -EINVAL;
    if (r < 0)
        s->fd = -1;
    return r == 0 || r == -EINVAL || r == -ETIMEDOUT ? r : -EHOSTDOWN;
}

int directory_socket_attach(struct directory_socket *s, const char *uri, LDAP **ret)
{
    LDAP *ld = NULL;
    Sockbuf *stack = NULL;
    ber_len_t most = REPLY_MAX;
    if (ldap_init_fd(s->fd, LDAP_PROTO_EXT, uri, &ld) != LDAP_SUCCESS) {
        close_p(&s->fd);
        s->fd = -1;
        return -EINVAL;
    }
    if (ldap_get_option(ld, LDAP_OPT_SOCKBUF, &stack) != LDAP_OPT_SUCCESS || !stack ||
        ber_sockbuf_add_io(stack, &socket_layer, LBER_SBIOD_LEVEL_PROVIDER, s) < 0 ||
        ber_sockbuf_add_io(stack, &wipe_layer, LBER_SBIOD_LEVEL_APPLICATION, NULL) < 0 ||
        ber_sockbuf_ctrl(stack, LBER_SB_OPT_SET_MAX_INCOMING, &most) < 0) {
        ldap_destroy(ld);
        return -ENOMEM;
    }
    *ret = ld;
    return 0;
}

void directory_socket_block(struct directory_socket *s)
{
    fcntl(s->fd, F_SETFL, 0);
}

bool directory_socket_idle(const struct directory_socket *s)
{
    char byte;
    return s->start == s->end && recv(s->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 &&
           errno == EAGAIN;
}
