/* Replies as anybody who sits behind the socket may send them, through libFuzzer: `make fuzz`. The
   first byte says where the reply is cut in two. What client_call() takes is one whole frame. */
#include "config.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "cleanup.h"
#include "client.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REPLY_MAX 65536

static struct {
    char directory[32], path[64];
    int fd;
    pthread_mutex_t mutex; /* guards what the next connection is answered with */
    uint8_t data[REPLY_MAX];
    size_t size, first;
} server = {.directory = "/tmp/portal-fuzz-XXXXXX", .mutex = PTHREAD_MUTEX_INITIALIZER};

static void demand(bool what)
{
    if (!what)
        abort();
}

/* From a copy: a client that has seen enough is gone before all is sent. */
static void answer(int fd)
{
    static uint8_t data[REPLY_MAX];
    uint8_t request[64];
    size_t size, first;

    (void)!recv(fd, request, sizeof request, 0);
    pthread_mutex_lock(&server.mutex);
    size = server.size;
    first = server.first;
    memcpy(data, server.data, size);
    pthread_mutex_unlock(&server.mutex);
    (void)!send(fd, data, first, MSG_NOSIGNAL);
    (void)!send(fd, data + first, size - first, MSG_NOSIGNAL);
}

static void *serve(void *unused)
{
    for (;;) {
        int fd = accept4(server.fd, NULL, NULL, SOCK_CLOEXEC);
        if (fd < 0)
            return unused;
        answer(fd);
        close(fd);
    }
}

static void tidy(void)
{
    unlink(server.path);
    rmdir(server.directory);
}

static void server_start(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    pthread_t thread;

    demand(mkdtemp(server.directory) != NULL);
    snprintf(server.path, sizeof server.path, "%s/api.sock", server.directory);
    snprintf(address.sun_path, sizeof address.sun_path, "%s", server.path);
    server.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    demand(bind(server.fd, (const struct sockaddr *)&address, sizeof address) == 0 &&
           listen(server.fd, 8) == 0);
    demand(pthread_create(&thread, NULL, serve, NULL) == 0);
    atexit(tidy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _cleanup_(wire_writer_clear) struct wire_writer request = {0};
    _cleanup_(client_reply_clear) struct client_reply reply = {0};
    struct client_target target = {.socket = "api.sock", .peer = getuid(), .timeout_ms = 2000};
    size_t announced = 0;
    int r;

    if (!server.fd)
        server_start();
    target.directory = server.directory;
    if (size == 0 || size > REPLY_MAX)
        return 0;
    pthread_mutex_lock(&server.mutex);
    server.size = size - 1;
    server.first = data[0] % size;
    memcpy(server.data, data + 1, server.size);
    pthread_mutex_unlock(&server.mutex);
    wire_begin(&request, WIRE_ACCOUNT);
    demand(wire_end(&request) == 0);
    r = client_call(&target, &request, &reply);
    demand(r != -ETIMEDOUT);
    if (r < 0)
        return 0;
    demand(wire_frame_size(reply.data, reply.size, WIRE_REPLY_MAX, &announced) == 0 &&
           announced == reply.size && reply.size <= size - 1);
    demand(memcmp(reply.data, data + 1, reply.size) == 0);
    return 0;
}
