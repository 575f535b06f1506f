/* The fake portald. One request after the other is enough: the module waits for each. Way in:
   fake_start(), fake_stop(). */
#include "config.h"

#include "pam_fake.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "cleanup.h"
#include "wire.h"

#define NOBODY 65534

static const char *const sockets[] = {"api", "account"};

static const struct {
    enum wire_type type;
    const char *name;
} types[] = {
    {WIRE_AUTHENTICATE, "AUTHENTICATE"},
    {WIRE_ACCOUNT, "ACCOUNT"},
    {WIRE_CHANGE, "CHANGE"},
    {WIRE_SECOND, "SECOND"},
    {WIRE_ENROLL, "ENROLL"},
    {WIRE_ENROLL_CODE, "ENROLL_CODE"},
    {WIRE_FORGOTTEN, "FORGOTTEN"},
    {WIRE_RECOVER, "RECOVER"},
};

static const struct {
    enum wire_tag tag;
    const char *name, *usual;
} tags[] = {
    {WIRE_USER, "USER", FAKE_USER},
    {WIRE_SERVICE, "SERVICE", FAKE_SERVICE},
    {WIRE_LANGUAGE, "LANGUAGE", FAKE_LANGUAGE},
    {WIRE_PASSWORD, "PASSWORD", NULL},
    {WIRE_CLIENT, "CLIENT", NULL},
    {WIRE_PURPOSE, "PURPOSE", NULL},
    {WIRE_GRANT, "GRANT", NULL},
    {WIRE_MODE, "MODE", NULL},
    {WIRE_CODE, "CODE", NULL},
    {WIRE_PUK, "PUK", NULL},
    {WIRE_STATE, "STATE", NULL},
};

static void must(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "fake portald: %s: %m\n", what);
    _exit(99);
}

static void record_value(FILE *record, const uint8_t *value, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (value[i] < 0x20 || value[i] == 0x7f)
            fprintf(record, "\\x%02x", value[i]);
        else
            fputc(value[i], record);
}

static void record_field(FILE *record, enum wire_tag tag, const uint8_t *value, size_t length)
{
    for (size_t i = 0; i < ELEMENTS(tags); i++) {
        const char *usual = tags[i].usual;

        if (tags[i].tag != tag)
            continue;
        if (usual && strlen(usual) == length && memcmp(usual, value, length) == 0)
            return;
        fprintf(record, " %s=", tags[i].name);
        if ((tag == WIRE_PURPOSE || tag == WIRE_MODE) && length == 1)
            fprintf(record, "%u", *value);
        else
            record_value(record, value, length);
        return;
    }
    fprintf(record, " tag-%d", (int)tag);
}

static void record_request(FILE *record, const char *socket_name, const uint8_t *data, size_t size)
{
    struct wire_frame frame;
    enum wire_tag tag;
    const uint8_t *value;
    const char *name = "another-type";
    size_t offset = 0, length;

    fprintf(record, "%s ", socket_name);
    if (wire_parse(data, size, &frame) < 0) {
        fputs("invalid\n", record);
        return;
    }
    for (size_t i = 0; i < ELEMENTS(types); i++)
        if (types[i].type == frame.type)
            name = types[i].name;
    fputs(name, record);
    while (wire_next(&frame, &offset, &tag, &value, &length) == 1)
        record_field(record, tag, value, length);
    fputc('\n', record);
}

/* One whole request. Returns its size, 0 when the other end left before it was whole. */
static size_t request_read(int fd, uint8_t *data)
{
    size_t have = 0, size = 0;

    while (size == 0 || have < size) {
        ssize_t n = read(fd, data + have, WIRE_REQUEST_MAX - have);

        if (n <= 0)
            return 0;
        have += (size_t)n;
        if (wire_frame_size(data, have, WIRE_REQUEST_MAX, &size) == -EMSGSIZE)
            return 0;
    }
    return have;
}

static void serve(FILE *record, int fd, size_t which, const struct fake_reply *reply)
{
    static uint8_t data[WIRE_REQUEST_MAX];
    size_t size = request_read(fd, data);

    if (size == 0) {
        fprintf(record, "%s nothing\n", sockets[which]);
    } else {
        record_request(record, sockets[which], data, size);
        if (!reply || reply->account != (which == 1))
            fputs("and no reply was scripted for that\n", record);
        else if (reply->manner == FAKE_HANGS)
            return; /* fd stays open until this process ends */
        else if (reply->manner != FAKE_CLOSES)
            must(write(fd, reply->frame,
                       reply->manner == FAKE_TRUNCATES ? reply->size / 2 : reply->size) > 0,
                 "write");
    }
    close(fd);
}

static int listen_at(const char *directory, const char *name)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    must(fd >= 0, "socket");
    snprintf(address.sun_path, sizeof address.sun_path, "%s/%s.sock", directory, name);
    must(bind(fd, (const struct sockaddr *)&address, sizeof address) == 0, address.sun_path);
    return fd;
}

static void fake_main(const struct fake *fake, int ready, int control)
{
    _cleanup_free_ char *path = NULL;
    struct pollfd polled[3] = {{.fd = control, .events = POLLIN}};
    size_t next = 0;
    bool ended = false;
    FILE *record;

    must(asprintf(&path, "%s/requests", fake->directory) > 0, "asprintf");
    record = fopen(path, "we");
    must(record != NULL, path);
    setlinebuf(record);
    for (size_t i = 0; i < ELEMENTS(sockets); i++)
        polled[i + 1] = (struct pollfd){listen_at(fake->directory, sockets[i]), POLLIN, 0};
    must(!fake->foreign || setresuid(NOBODY, NOBODY, NOBODY) == 0, "setresuid");
    for (size_t i = 1; i < ELEMENTS(polled); i++)
        must(listen(polled[i].fd, 8) == 0, "listen");
    must(write(ready, "", 1) == 1, "ready");
    while (!ended && poll(polled, ELEMENTS(polled), -1) > 0) {
        ended = polled[0].revents; /* after those that have connected already */
        for (size_t i = 1; i < ELEMENTS(polled); i++)
            if (polled[i].revents) {
                int fd = accept4(polled[i].fd, NULL, NULL, SOCK_CLOEXEC);

                must(fd >= 0, "accept");
                serve(record, fd, i - 1, next < fake->count ? &fake->replies[next] : NULL);
                next++;
                ended = false;
            }
    }
    _exit(0);
}

void fake_start(struct fake *fake)
{
    int ready[2], control[2];
    char byte;

    must(pipe2(ready, O_CLOEXEC) == 0 && pipe2(control, O_CLOEXEC) == 0, "pipe");
    fflush(NULL);
    fake->pid = fork();
    must(fake->pid >= 0, "fork");
    if (fake->pid == 0) {
        close(control[1]);
        fake_main(fake, ready[1], control[0]);
    }
    close(ready[1]);
    close(control[0]);
    must(read(ready[0], &byte, 1) == 1, "not ready");
    close(ready[0]);
    fake->control = control[1];
}

char *fake_stop(struct fake *fake)
{
    _cleanup_free_ char *path = NULL;
    _cleanup_fclose_ FILE *f = NULL;
    char *text = NULL;
    size_t size = 0;
    int status;

    close(fake->control);
    must(waitpid(fake->pid, &status, 0) == fake->pid && WIFEXITED(status) &&
             WEXITSTATUS(status) == 0,
         "its end");
    must(asprintf(&path, "%s/requests", fake->directory) > 0, "asprintf");
    f = fopen(path, "re");
    must(f != NULL, path);
    if (getdelim(&text, &size, '\0', f) < 0) {
        free(text);
        text = strdup("");
    }
    return text;
}
