/* A conversation with portal-mailer, through a socket or with a child: mailing.h. */
#include "config.h"

#include "mailing.h"

#include "clock.h"
#include "wire.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#define CONNECT_TIMEOUT_S 5
#define FAREWELL_MS       2000 /* for a child to say QUIT and end, once its results are in */
#define STOP_MS           3000 /* for what is under way, once it is time to stop */
#define RESULT_MAX        1024u
#define BUFFER_SIZE       16384u

struct mailing {
    int fd;
    pid_t child; /* 0: none */
    struct wire_writer *frames;
    size_t count, sent, offset; /* frames; of them sent; bytes sent of the next one */
    uint8_t buffer[BUFFER_SIZE];
    size_t have;
};

static int mailer_connect(struct mailing *mailing, const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct timeval timeout = {.tv_sec = CONNECT_TIMEOUT_S};

    mailing->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (mailing->fd < 0)
        return -errno;
    if (strlen(path) >= sizeof address.sun_path)
        return -ENAMETOOLONG;
    memcpy(address.sun_path, path, strlen(path) + 1);
    /* Blocking, with a limit: a full backlog answers a non-blocking connect() with EAGAIN. */
    if (setsockopt(mailing->fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout) < 0 ||
        connect(mailing->fd, (const struct sockaddr *)&address, sizeof address) < 0)
        return -errno;
    return 0;
}

/* What a child may see of our environment. */
static char **mailer_environment(char *ret[static 4])
{
    static const char *const names[] = {"CREDENTIALS_DIRECTORY=", "JOURNAL_STREAM="};
    size_t n = 0;

    ret[n++] = (char *)(uintptr_t) "HOME=/nonexistent";
    for (char **e = environ; *e; e++)
        for (size_t i = 0; i < ELEMENTS(names); i++)
            if (strncmp(*e, names[i], strlen(names[i])) == 0 && n < 3)
                ret[n++] = *e;
    ret[n] = NULL;
    return ret;
}

/* The child gets its socket as standard input and nothing else of ours: descriptors, signal mask
   and dispositions are those of a new process. */
static int mailer_spawn(const struct mailing_target *target, int socket, pid_t *ret)
{
    const char *argv[] = {target->program, "--config", target->config, NULL};
    char *environment[4];
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, all;
    int r;

    sigemptyset(&none);
    sigfillset(&all);
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    r = posix_spawn_file_actions_adddup2(&actions, socket, STDIN_FILENO);
    if (r == 0)
        r = posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    if (r == 0)
        r = posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    if (r == 0)
        r = posix_spawn(ret, target->program, &actions, &attributes, (char **)(uintptr_t)argv,
                        mailer_environment(environment));
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return -r;
}

static int mailer_start(struct mailing *mailing, const struct mailing_target *target)
{
    int pair[2], r;

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
        return -errno;
    r = mailer_spawn(target, pair[1], &mailing->child);
    close(pair[1]);
    if (r < 0) {
        mailing->child = 0;
        close(pair[0]);
        return r;
    }
    mailing->fd = pair[0];
    return 0;
}

int mailing_open(const struct mailing_target *target, struct mailing **ret)
{
    _cleanup_(mailing_close_p) struct mailing *mailing = calloc(1, sizeof *mailing);
    bool by_socket = target->socket && target->socket[0];
    int r;

    if (!mailing)
        return -ENOMEM;
    mailing->fd = -1;
    r = by_socket ? mailer_connect(mailing, target->socket) : mailer_start(mailing, target);
    if (r < 0)
        return r;
    if (fcntl(mailing->fd, F_SETFL, O_NONBLOCK) < 0)
        return -errno;
    *ret = TAKE(mailing);
    return 0;
}

/* Waits for a child that has its end in sight, kills one that hasn't. */
static void child_end(pid_t child)
{
    int fd = pidfd_open(child, 0);
    struct pollfd p = {.fd = fd, .events = POLLIN};

    if (fd < 0 || poll(&p, 1, FAREWELL_MS) <= 0)
        kill(child, SIGKILL);
    while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
        ;
    if (fd >= 0)
        close(fd);
}

struct mailing *mailing_close(struct mailing *mailing)
{
    if (!mailing)
        return NULL;
    if (mailing->fd >= 0)
        close(mailing->fd);
    if (mailing->child > 0)
        child_end(mailing->child);
    for (size_t i = 0; i < mailing->count; i++)
        wire_writer_clear(&mailing->frames[i]);
    free(mailing->frames);
    free(mailing);
    return NULL;
}

bool mailing_alive(const struct mailing *mailing)
{
    struct pollfd p = {.fd = mailing->fd, .events = POLLIN};

    return mailing->count == 0 && mailing->have == 0 && poll(&p, 1, 0) == 0;
}

int mailing_add(struct mailing *mailing, const char *job, const struct mail *mail)
{
    struct wire_writer *frames = reallocarray(mailing->frames, mailing->count + 1, sizeof *frames);
    struct wire_writer w = {0};
    int r;

    if (!frames)
        return -ENOMEM;
    mailing->frames = frames;
    wire_begin(&w, WIRE_MAIL);
    wire_put_string(&w, WIRE_JOB, job);
    wire_put_string(&w, WIRE_SENDER, mail->sender);
    wire_put_string(&w, WIRE_RECIPIENT, mail->recipient);
    wire_put(&w, WIRE_MESSAGE, mail->message, mail->message_size);
    r = wire_end(&w);
    if (r >= 0 && w.size > MAILER_MAIL_MAX)
        r = -EMSGSIZE;
    if (r < 0) {
        wire_writer_clear(&w);
        return r;
    }
    mailing->frames[mailing->count++] = w;
    return 0;
}

/* Sends what fits. */
static int mailing_send(struct mailing *mailing)
{
    while (mailing->sent < mailing->count) {
        struct wire_writer *w = &mailing->frames[mailing->sent];
        ssize_t n =
            send(mailing->fd, w->data + mailing->offset, w->size - mailing->offset, MSG_NOSIGNAL);

        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            return 0;
        if (n < 0)
            return -errno;
        mailing->offset += (size_t)n;
        if (mailing->offset == w->size) {
            wire_writer_clear(w);
            mailing->sent++;
            mailing->offset = 0;
        }
    }
    return 0;
}

static int result_parse(const uint8_t *data, size_t size, struct mailing_result *ret)
{
    struct wire_frame frame;
    uint8_t result;
    uint32_t status;

    if (wire_parse(data, size, &frame) < 0 || frame.type != WIRE_MAIL_RESULT ||
        wire_get_string(&frame, WIRE_JOB, ret->job, sizeof ret->job) < 0 ||
        wire_get_u8(&frame, WIRE_RESULT, &result) < 0 || result < MAILER_ACCEPTED ||
        result > MAILER_REJECTED || wire_get_u32(&frame, WIRE_STATUS, &status) < 0 ||
        wire_get_string(&frame, WIRE_TEXT, ret->text, sizeof ret->text) < 0)
        return -EPROTO;
    ret->result = (enum mailer_result)result;
    ret->status = status;
    return 0;
}

enum hearing { HEARD_END, HEARD_ENOUGH, HEARD_MORE };

/* Takes the next whole frame at *at. Returns 1, 0 when there is none, or an error. */
static int result_take(const struct mailing *mailing, size_t *at, struct mailing_result *ret)
{
    size_t size = 0;
    int r = wire_frame_size(mailing->buffer + *at, mailing->have - *at, RESULT_MAX, &size);

    if (r == -EAGAIN || (r == 0 && mailing->have - *at < size))
        return 0;
    if (r == 0)
        r = result_parse(mailing->buffer + *at, size, ret);
    if (r < 0)
        return -EPROTO;
    *at += size;
    return 1;
}

/* Passes on the whole frames in the buffer. Returns whether more are wanted, or an error; what came
   before nonsense has been passed on. */
static int results_take(struct mailing *mailing, mailing_heard *heard, void *userdata)
{
    struct mailing_result results[MAILING_TOGETHER];
    enum hearing hearing = HEARD_MORE;
    size_t count, at = 0;
    int r;

    do {
        r = 1;
        for (count = 0; count < MAILING_TOGETHER && r > 0; count += r > 0)
            r = result_take(mailing, &at, &results[count]);
        if (count > 0 && !heard(userdata, results, count))
            hearing = HEARD_ENOUGH;
    } while (r > 0 && hearing == HEARD_MORE);
    mailing->have -= at;
    memmove(mailing->buffer, mailing->buffer + at, mailing->have);
    return r < 0 && hearing == HEARD_MORE ? r : (int)hearing;
}

/* Reads what is there. Returns what is to be heard of it, or an error. */
static int mailing_hear(struct mailing *mailing, mailing_heard *heard, void *userdata)
{
    ssize_t n = recv(mailing->fd, mailing->buffer + mailing->have, BUFFER_SIZE - mailing->have, 0);

    if (n < 0)
        return errno == EAGAIN || errno == EINTR ? HEARD_MORE : -errno;
    if (n == 0)
        return mailing->have == 0 ? HEARD_END : -EPROTO;
    mailing->have += (size_t)n;
    return results_take(mailing, heard, userdata);
}

/* The round is over; mails that nobody asked for any more stay, so that there is no other one. */
static void mailing_forget(struct mailing *mailing)
{
    if (mailing->sent == mailing->count)
        mailing->sent = mailing->count = 0;
}

int mailing_run(struct mailing *mailing, int64_t deadline, int stop, mailing_heard *heard,
                void *userdata)
{
    for (;;) {
        bool all_sent = mailing->sent == mailing->count;
        struct pollfd p[] = {
            {.fd = mailing->fd, .events = all_sent ? POLLIN : POLLIN | POLLOUT},
            {.fd = stop, .events = POLLIN},
        };
        int64_t now = clock_monotonic_ms(), left = deadline - now;
        int r = 0;

        if (left <= 0)
            return -ETIMEDOUT;
        if (poll(p, ELEMENTS(p), left > 60000 ? 60000 : (int)left) < 0 && errno != EINTR)
            return -errno;
        if (p[1].revents) {
            stop = -1;
            deadline = left < STOP_MS ? deadline : now + STOP_MS;
        }
        /* Results first: a mailer that ends early may have told something. */
        if (p[0].revents & (POLLIN | POLLHUP | POLLERR)) {
            r = mailing_hear(mailing, heard, userdata);
            if (r == HEARD_ENOUGH)
                mailing_forget(mailing);
            if (r != HEARD_MORE)
                return r;
        }
        if (!all_sent && (p[0].revents & POLLOUT) && (r = mailing_send(mailing)) < 0)
            return r;
    }
}
