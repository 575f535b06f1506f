/* One call to portald: client_call() checks whom it talks to, sends, waits, and is gone. It runs
   inside other people's processes; client.h says what that forbids. */
#include "config.h"

#include "client.h"

#include "cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>

#define ATTEMPTS    2
#define REPLY_FIRST 4096u

/* CLOCK_BOOTTIME, so that neither a set clock nor a suspended machine stretches the wait. */
static int64_t now_ms(void)
{
    struct timespec t = {0};

    clock_gettime(CLOCK_BOOTTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static bool is_trusted(const struct client_target *target, uid_t uid)
{
    return uid == 0 || uid == target->peer;
}

/* Opens the sockets' directory if nobody but root and peer can put a socket there. */
static int directory_open(const struct client_target *target)
{
    _cleanup_close_ int fd = -1;
    struct stat st;
    int r;

    fd = open(target->directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) < 0)
        return -errno;
    if (!is_trusted(target, st.st_uid) || st.st_mode & (S_IWGRP | S_IWOTH))
        return -EPERM;
    r = fd;
    fd = -1;
    return r;
}

/* Connects; a full backlog makes it wait, at most until deadline. */
static int connect_until(int fd, const char *path, int64_t deadline)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct timeval wait;
    int64_t left;

    if (strlen(path) >= sizeof address.sun_path)
        return -ENAMETOOLONG;
    memcpy(address.sun_path, path, strlen(path) + 1);
    for (;;) {
        left = deadline - now_ms();
        if (left <= 0)
            return -ETIMEDOUT;
        wait = (struct timeval){.tv_sec = left / 1000, .tv_usec = left % 1000 * 1000};
        if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait) < 0)
            return -errno;
        if (connect(fd, (const struct sockaddr *)&address, sizeof address) == 0)
            return 0;
        if (errno != EINTR && errno != EAGAIN)
            return -errno;
    }
}

/* Connects to the socket in the directory that was checked, and to no other that has taken its name
   meanwhile: by way of its descriptor. Where /proc is missing (chroot), by its path: who listens is
   checked anyway. */
static int socket_connect(const struct client_target *target, int fd, int64_t deadline)
{
    _cleanup_close_ int directory = directory_open(target);
    char path[sizeof((struct sockaddr_un *)0)->sun_path + 1];
    int r;

    if (directory < 0)
        return directory;
    snprintf(path, sizeof path, "/proc/self/fd/%d/%s", directory, target->socket);
    r = connect_until(fd, path, deadline);
    if (r != -ENOENT || access("/proc/self/fd", F_OK) == 0)
        return r;
    snprintf(path, sizeof path, "%s/%s", target->directory, target->socket);
    return connect_until(fd, path, deadline);
}

/* SO_PEERCRED names whoever called listen(): under systemd that is root. */
static int listener_check(const struct client_target *target, int fd)
{
    struct ucred who;
    socklen_t size = sizeof who;

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) < 0)
        return -errno;
    return is_trusted(target, who.uid) ? 0 : -EPERM;
}

/* Waits for events, at most until deadline. */
static int wait_for(int fd, short events, int64_t deadline)
{
    struct pollfd p = {.fd = fd, .events = events};
    int64_t left;
    int r;

    do {
        left = deadline - now_ms();
        if (left <= 0)
            return -ETIMEDOUT;
        r = poll(&p, 1, left > INT32_MAX ? INT32_MAX : (int)left);
        if (r < 0 && errno != EINTR)
            return -errno;
    } while (r <= 0);
    return 0;
}

static int send_all(int fd, const struct wire_writer *request, int64_t deadline)
{
    size_t sent = 0;
    ssize_t n;
    int r;

    while (sent < request->size) {
        n = send(fd, request->data + sent, request->size - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n >= 0) {
            sent += (size_t)n;
        } else if (errno == EAGAIN) {
            r = wait_for(fd, POLLOUT, deadline);
            if (r < 0)
                return r;
        } else if (errno == EPIPE) {
            return -ECONNRESET;
        } else if (errno != EINTR) {
            return -errno;
        }
    }
    return 0;
}

/* A buffer of size bytes that begins with what the old one held; the old one is wiped. */
static int reply_grow(struct client_reply *reply, size_t have, size_t size)
{
    uint8_t *data = malloc(size);

    if (!data)
        return -ENOMEM;
    if (reply->data) {
        memcpy(data, reply->data, have);
        explicit_bzero(reply->data, reply->size);
        free(reply->data);
    }
    reply->data = data;
    reply->size = size;
    return 0;
}

/* Takes up to size bytes. Returns how many, 0 at the end. */
static ssize_t receive_some(int fd, uint8_t *data, size_t size, int64_t deadline)
{
    ssize_t n;
    int r;

    for (;;) {
        r = wait_for(fd, POLLIN, deadline);
        if (r < 0)
            return r;
        n = recv(fd, data, size, MSG_DONTWAIT);
        if (n >= 0)
            return n;
        if (errno == ECONNRESET)
            return 0;
        if (errno != EINTR && errno != EAGAIN)
            return -errno;
    }
}

/* Takes one whole frame. -ECONNRESET when the connection ended before its first byte. */
static int receive_frame(int fd, struct client_reply *reply, int64_t deadline)
{
    size_t have = 0, size = 0;
    ssize_t n;
    int r;

    r = reply_grow(reply, 0, REPLY_FIRST);
    while (r == 0 && (size == 0 || have < size)) {
        n = receive_some(fd, reply->data + have, reply->size - have, deadline);
        if (n <= 0)
            return n < 0 ? (int)n : have > 0 ? -EPROTO : -ECONNRESET;
        have += (size_t)n;
        r = wire_frame_size(reply->data, have, WIRE_REPLY_MAX, &size);
        if (r == 0 && size > reply->size)
            r = reply_grow(reply, have, size);
        else if (r == -EAGAIN)
            r = 0;
    }
    if (r < 0)
        return r;
    return have == size ? wire_parse(reply->data, size, &reply->frame) : -EPROTO;
}

/* One attempt. When sending fails because the other end is gone, its reply may lie there
   already. */
static int call_once(const struct client_target *target, const struct wire_writer *request,
                     int64_t deadline, struct client_reply *reply)
{
    _cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int r;

    if (fd < 0)
        return -errno;
    r = socket_connect(target, fd, deadline);
    if (r < 0)
        return r;
    r = listener_check(target, fd);
    if (r < 0)
        return r;
    r = send_all(fd, request, deadline);
    if (r < 0 && r != -ECONNRESET)
        return r;
    return receive_frame(fd, reply, deadline);
}

int client_call(const struct client_target *target, const struct wire_writer *request,
                struct client_reply *ret)
{
    int64_t deadline = now_ms() + target->timeout_ms;
    int r = request->error;

    for (int attempt = 0; attempt < ATTEMPTS && (r == 0 || r == -ECONNRESET); attempt++) {
        _cleanup_(client_reply_clear) struct client_reply reply = {0};

        r = call_once(target, request, deadline, &reply);
        if (r == 0) {
            reply.size = (size_t)(reply.frame.fields - reply.data) + reply.frame.size;
            *ret = reply;
            reply = (struct client_reply){0};
            return 0;
        }
    }
    return r == -EPROTONOSUPPORT ? -EPROTO : r;
}

void client_reply_clear(struct client_reply *reply)
{
    if (reply->data) {
        explicit_bzero(reply->data, reply->size);
        free(reply->data);
    }
    *reply = (struct client_reply){0};
}
