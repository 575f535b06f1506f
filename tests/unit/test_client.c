/* Calls to a portald that is one thread here: whom the client trusts, and how it bears whatever the
   other end does. */
#include "config.h"

#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>

#include <cmocka.h>

#include "cleanup.h"
#include "client.h"
#include "scratch.h"

#define SECRET  "correct horse battery"
#define NOBODY  65534
#define LARGE   (1024 * 1024)
#define PATIENT 10000 /* ms: far more than any test needs */
#define SHORT   100   /* ms: where the time-out is the test */

/* Every block that is freed is searched for the secret first (-Wl,--wrap=free). */
static _Atomic bool secret_was_freed;

void __real_free(void *p);
void __wrap_free(void *p);

void __wrap_free(void *p)
{
    if (p && memmem(p, malloc_usable_size(p), SECRET, strlen(SECRET)))
        secret_was_freed = true;
    __real_free(p);
}

/* Whether the client, which has the main thread, has sent anything that could raise SIGPIPE. */
static bool signal_was_risked;

ssize_t __real_send(int fd, const void *data, size_t size, int flags);
ssize_t __wrap_send(int fd, const void *data, size_t size, int flags);

ssize_t __wrap_send(int fd, const void *data, size_t size, int flags)
{
    if (gettid() == getpid() && !(flags & MSG_NOSIGNAL))
        signal_was_risked = true;
    return __real_send(fd, data, size, flags);
}

/* What the other end does with one connection. */
enum deed {
    ANSWER,
    ANSWER_BYTE_BY_BYTE,
    ANSWER_LARGE,
    ANSWER_HALF,
    ANSWER_TOO_MUCH,
    ANSWER_OTHER_VERSION,
    ANNOUNCE_4_GB,
    CLOSE_AT_ONCE,
    CLOSE_UNREAD,
    SAY_NOTHING,
};

struct other_end {
    pthread_t thread;
    int listener;
    size_t connections; /* how many came */
    size_t deeds_count;
    const enum deed *deeds; /* one for each */
    uint8_t request[WIRE_REQUEST_MAX];
    size_t request_size;
};

/* Until everything is sent or the client has gone: what came of it is judged at its end. */
static void send_in(int fd, size_t step, const uint8_t *data, size_t size)
{
    ssize_t n = 1;

    for (size_t sent = 0; sent < size && n > 0; sent += (size_t)n) {
        n = send(fd, data + sent, size - sent < step ? size - sent : step, MSG_NOSIGNAL);
        if (step == 1)
            usleep(200);
    }
}

static void do_deed(int fd, enum deed deed)
{
    static const uint8_t huge[] = {0xff, 0xff, 0xff, 0xff, WIRE_VERSION, WIRE_VERDICT};
    _cleanup_(wire_writer_clear) struct wire_writer w = {0};
    _cleanup_free_ uint8_t *large = calloc(1, LARGE);

    wire_begin(&w, deed == ANSWER_LARGE ? WIRE_REPORT : WIRE_VERDICT);
    wire_put_string(&w, WIRE_TEXT, SECRET);
    if (deed == ANSWER_LARGE)
        wire_put(&w, WIRE_JSON, memset(large, '{', LARGE), LARGE);
    wire_end(&w);
    if (deed == ANSWER || deed == ANSWER_LARGE)
        send_in(fd, w.size, w.data, w.size);
    if (deed == ANSWER_BYTE_BY_BYTE)
        send_in(fd, 1, w.data, w.size);
    if (deed == ANSWER_HALF)
        send_in(fd, w.size, w.data, w.size / 2);
    if (deed == ANSWER_TOO_MUCH)
        send_in(fd, w.size + 1, memcpy(large, w.data, w.size), w.size + 1);
    if (deed == ANSWER_OTHER_VERSION) {
        w.data[4]++;
        send_in(fd, w.size, w.data, w.size);
    }
    if (deed == ANNOUNCE_4_GB)
        send_in(fd, sizeof huge, huge, sizeof huge);
    if (deed == SAY_NOTHING)
        recv(fd, &(char){0}, 1, 0); /* until the client is gone */
    explicit_bzero(large, LARGE);
}

/* Takes one whole request, then does what there is to do. */
static void serve(struct other_end *end, int fd, enum deed deed)
{
    size_t have = 0, size = 0;
    ssize_t n;

    if (deed == CLOSE_AT_ONCE)
        return;
    if (deed == CLOSE_UNREAD) {
        recv(fd, end->request, 1, MSG_PEEK);
        return;
    }
    while (size == 0 || have < size) {
        n = recv(fd, end->request + have, sizeof end->request - have, 0);
        if (n <= 0)
            return;
        have += (size_t)n;
        wire_frame_size(end->request, have, WIRE_REQUEST_MAX, &size);
    }
    end->request_size = have;
    do_deed(fd, deed);
}

static void *run(void *data)
{
    struct other_end *end = data;

    while (end->connections < end->deeds_count) {
        _cleanup_close_ int fd = accept4(end->listener, NULL, NULL, SOCK_CLOEXEC);

        if (fd < 0)
            break;
        serve(end, fd, end->deeds[end->connections++]);
    }
    return NULL;
}

static int listen_at(const char *path, int backlog)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0 && strlen(path) < sizeof address.sun_path);
    strcpy(address.sun_path, path);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(fd, backlog), 0);
    return fd;
}

static void start(struct other_end *end, void **state, const enum deed *deeds, size_t count)
{
    char path[SCRATCH_PATH_SIZE];

    memset(end, 0, sizeof *end);
    end->deeds = deeds;
    end->deeds_count = count;
    end->listener = listen_at(scratch_path(state, "api.sock", path), 8);
    assert_int_equal(pthread_create(&end->thread, NULL, run, end), 0);
}

static void stop(struct other_end *end)
{
    shutdown(end->listener, SHUT_RDWR);
    pthread_join(end->thread, NULL);
    close(end->listener);
}

static void make_request(struct wire_writer *w)
{
    wire_begin(w, WIRE_AUTHENTICATE);
    wire_put_string(w, WIRE_USER, "a@example.org");
    wire_put_string(w, WIRE_PASSWORD, SECRET);
    assert_int_equal(wire_end(w), 0);
}

static int call(const char *directory, uid_t peer, unsigned timeout_ms, struct client_reply *reply)
{
    const struct client_target target = {
        .directory = directory, .socket = "api.sock", .peer = peer, .timeout_ms = timeout_ms};
    _cleanup_(wire_writer_clear) struct wire_writer request = {0};

    make_request(&request);
    return client_call(&target, &request, reply);
}

/* Calls once while the other end does its deeds; returns the result and how many calls came. */
static int call_with(void **state, const enum deed *deeds, size_t count, unsigned timeout_ms,
                     size_t *ret_connections)
{
    _cleanup_(client_reply_clear) struct client_reply reply = {0};
    struct other_end end;
    char text[100];
    int r;

    start(&end, state, deeds, count);
    r = call(*state, geteuid(), timeout_ms, &reply);
    stop(&end);
    if (r == 0) {
        assert_int_equal(wire_get_string(&reply.frame, WIRE_TEXT, text, sizeof text), 0);
        assert_string_equal(text, SECRET);
        explicit_bzero(text, sizeof text);
    } else {
        assert_null(reply.data);
    }
    *ret_connections = end.connections;
    return r;
}

static const struct {
    const char *what;
    enum deed deeds[2];
    size_t connections;
    int r;
} deeds_table[] = {
    {"a reply", {ANSWER}, 1, 0},
    {"a reply in single bytes", {ANSWER_BYTE_BY_BYTE}, 1, 0},
    {"a reply of a megabyte", {ANSWER_LARGE}, 1, 0},
    {"an end before the reply, then a reply", {CLOSE_AT_ONCE, ANSWER}, 2, 0},
    {"a reset before the reply, then a reply", {CLOSE_UNREAD, ANSWER}, 2, 0},
    {"two ends before a reply", {CLOSE_AT_ONCE, CLOSE_UNREAD}, 2, -ECONNRESET},
    {"half a reply: sent once only", {ANSWER_HALF, ANSWER}, 1, -EPROTO},
    {"bytes behind the reply", {ANSWER_TOO_MUCH, ANSWER}, 1, -EPROTO},
    {"another version", {ANSWER_OTHER_VERSION, ANSWER}, 1, -EPROTO},
    {"a frame of 4 GB", {ANNOUNCE_4_GB, ANSWER}, 1, -EMSGSIZE},
};

static void test_call_ends_as_the_header_says(void **state)
{
    char path[SCRATCH_PATH_SIZE];
    size_t connections;

    for (size_t i = 0; i < ELEMENTS(deeds_table); i++) {
        print_message("# %s\n", deeds_table[i].what);
        secret_was_freed = false;
        assert_int_equal(call_with(state, deeds_table[i].deeds, 2, PATIENT, &connections),
                         deeds_table[i].r);
        assert_int_equal(connections, deeds_table[i].connections);
        assert_false(secret_was_freed);
        unlink(scratch_path(state, "api.sock", path));
    }
}

static void test_request_arrives_whole(void **state)
{
    static const enum deed deeds[] = {ANSWER};
    _cleanup_(client_reply_clear) struct client_reply reply = {0};
    _cleanup_(wire_writer_clear) struct wire_writer request = {0};
    struct other_end end;

    start(&end, state, deeds, 1);
    assert_int_equal(call(*state, geteuid(), PATIENT, &reply), 0);
    stop(&end);
    make_request(&request);
    assert_int_equal(end.request_size, request.size);
    assert_memory_equal(end.request, request.data, request.size);
}

static int64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_BOOTTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void test_no_signal_gets_out(void **state)
{
    static const enum deed deeds[] = {CLOSE_AT_ONCE, CLOSE_AT_ONCE};
    size_t connections;

    signal_was_risked = false;
    assert_int_equal(call_with(state, deeds, 2, PATIENT, &connections), -ECONNRESET);
    assert_false(signal_was_risked);
}

static void test_silence_ends_with_a_timeout(void **state)
{
    static const enum deed deeds[] = {SAY_NOTHING, ANSWER};
    int64_t began = now_ms();
    size_t connections;

    assert_int_equal(call_with(state, deeds, 2, SHORT, &connections), -ETIMEDOUT);
    assert_in_range(now_ms() - began, SHORT, PATIENT);
    assert_int_equal(connections, 1);
}

static void do_nothing(int number)
{
    (void)number;
}

/* An application whose timer interrupts every system call, without SA_RESTART. */
static void interrupt_often(bool on)
{
    struct sigaction act = {.sa_handler = on ? do_nothing : SIG_DFL};
    struct itimerval often = {{0, 500}, {0, 500}}, never = {0};

    if (on)
        sigaction(SIGALRM, &act, NULL);
    setitimer(ITIMER_REAL, on ? &often : &never, NULL);
    if (!on)
        sigaction(SIGALRM, &act, NULL);
}

/* Connections that nobody takes fill the backlog; returns how many. */
static size_t fill_backlog(const char *path, int *fds, size_t most)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t count = 0;
    int r;

    strcpy(address.sun_path, path);
    do {
        fds[count] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        r = connect(fds[count++], (const struct sockaddr *)&address, sizeof address);
    } while (r == 0 && count < most);
    assert_int_equal(r, -1);
    return count;
}

static void test_full_backlog_ends_with_a_timeout(void **state)
{
    _cleanup_(client_reply_clear) struct client_reply reply = {0};
    char path[SCRATCH_PATH_SIZE];
    int64_t began;
    int listener, fds[8], r;
    size_t count;

    listener = listen_at(scratch_path(state, "api.sock", path), 0);
    count = fill_backlog(path, fds, ELEMENTS(fds));
    for (int signals = 0; signals <= 1; signals++) {
        began = now_ms();
        interrupt_often(signals);
        r = call(*state, geteuid(), SHORT, &reply);
        interrupt_often(false);
        assert_int_equal(r, -ETIMEDOUT);
        assert_in_range(now_ms() - began, SHORT, PATIENT);
    }
    while (count > 0)
        close(fds[--count]);
    close(listener);
}

static void test_nobody_listening_is_told_apart(void **state)
{
    _cleanup_(client_reply_clear) struct client_reply reply = {0};
    char path[SCRATCH_PATH_SIZE];

    assert_int_equal(call("/nonexistent", geteuid(), PATIENT, &reply), -ENOENT);
    assert_int_equal(call(*state, geteuid(), PATIENT, &reply), -ENOENT);
    close(listen_at(scratch_path(state, "api.sock", path), 8));
    assert_int_equal(call(*state, geteuid(), PATIENT, &reply), -ECONNREFUSED);
}

static void test_directory_that_others_may_write_to_is_refused(void **state)
{
    static const mode_t modes[] = {0777, 0770, 0720, 0702, 01777};
    static const enum deed deeds[] = {ANSWER};
    _cleanup_(client_reply_clear) struct client_reply reply = {0};
    struct other_end end;

    start(&end, state, deeds, 1);
    for (size_t i = 0; i < ELEMENTS(modes); i++) {
        assert_int_equal(chmod(*state, modes[i]), 0);
        assert_int_equal(call(*state, geteuid(), PATIENT, &reply), -EPERM);
    }
    assert_int_equal(chmod(*state, 0755), 0);
    assert_int_equal(call(*state, geteuid(), PATIENT, &reply), 0);
    stop(&end);
}

static void test_directory_must_be_roots_or_peers(void **state)
{
    static const enum deed deeds[] = {ANSWER};
    _cleanup_(client_reply_clear) struct client_reply reply = {0};
    uid_t owner = geteuid() == 0 ? NOBODY : geteuid();
    struct other_end end;

    start(&end, state, deeds, 1);
    assert_int_equal(chown(*state, owner, (gid_t)-1), 0);
    assert_int_equal(call(*state, 0, PATIENT, &reply), -EPERM);
    assert_int_equal(call(*state, 1, PATIENT, &reply), -EPERM);
    assert_int_equal(end.connections, 0);
    assert_int_equal(call(*state, owner, PATIENT, &reply), 0);
    stop(&end);
}

/* In a child: listens as nobody, on a socket that root made, until the other end of the pipe
   goes. */
static pid_t listen_as_nobody(const char *path, int *ret_pipe)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int ready[2], end[2], fd;
    pid_t pid;

    assert_int_equal(pipe(ready), 0);
    assert_int_equal(pipe(end), 0);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        close(end[1]);
        fd = socket(AF_UNIX, SOCK_STREAM, 0);
        strcpy(address.sun_path, path);
        if (bind(fd, (const struct sockaddr *)&address, sizeof address) < 0 || setuid(NOBODY) < 0 ||
            listen(fd, 8) < 0 || write(ready[1], "", 1) != 1)
            _exit(1);
        _exit(read(end[0], &(char){0}, 1) == 0 ? 0 : 1);
    }
    close(ready[1]);
    close(end[0]);
    assert_int_equal(read(ready[0], &(char){0}, 1), 1);
    close(ready[0]);
    *ret_pipe = end[1];
    return pid;
}

static void test_listener_must_be_root_or_peer_before_anything_is_sent(void **state)
{
    _cleanup_(client_reply_clear) struct client_reply reply = {0};
    char path[SCRATCH_PATH_SIZE];
    int end, status;
    pid_t pid;

    pid = listen_as_nobody(scratch_path(state, "api.sock", path), &end);
    assert_int_equal(call(*state, 0, PATIENT, &reply), -EPERM);
    assert_int_equal(call(*state, 1, PATIENT, &reply), -EPERM);
    /* As peer it is trusted, and only its silence is in the way. */
    assert_int_equal(call(*state, NOBODY, SHORT, &reply), -ETIMEDOUT);
    close(end);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static void test_directory_may_have_a_longer_path_than_a_socket_address(void **state)
{
    static const enum deed deeds[] = {ANSWER};
    _cleanup_(client_reply_clear) struct client_reply reply = {0};
    char name[160], directory[SCRATCH_PATH_SIZE], from[SCRATCH_PATH_SIZE],
        to[SCRATCH_PATH_SIZE + 16];
    struct other_end end;

    memset(name, 'd', sizeof name - 1);
    name[sizeof name - 1] = 0;
    assert_int_equal(mkdir(scratch_path(state, name, directory), 0700), 0);
    start(&end, state, deeds, 1);
    snprintf(to, sizeof to, "%s/api.sock", directory);
    assert_int_equal(rename(scratch_path(state, "api.sock", from), to), 0);
    assert_int_equal(call(directory, geteuid(), PATIENT, &reply), 0);
    stop(&end);
}

static void test_signals_of_the_application_do_not_disturb(void **state)
{
    static const enum deed deeds[] = {ANSWER_BYTE_BY_BYTE};
    _cleanup_(client_reply_clear) struct client_reply reply = {0};
    struct other_end end;
    sigset_t alarms;
    int r;

    sigemptyset(&alarms);
    sigaddset(&alarms, SIGALRM);
    pthread_sigmask(SIG_BLOCK, &alarms, NULL); /* the other end's thread inherits this */
    start(&end, state, deeds, 1);
    pthread_sigmask(SIG_UNBLOCK, &alarms, NULL);
    interrupt_often(true);
    r = call(*state, geteuid(), PATIENT, &reply);
    interrupt_often(false);
    stop(&end);
    assert_int_equal(r, 0);
}

static void test_no_descriptor_is_left_open(void **state)
{
    static const enum deed deeds[] = {ANSWER, ANSWER_HALF, CLOSE_AT_ONCE, CLOSE_AT_ONCE};
    int before = dup(0), after;
    struct other_end end;

    close(before);
    start(&end, state, deeds, ELEMENTS(deeds));
    for (int i = 0; i < 3; i++) {
        _cleanup_(client_reply_clear) struct client_reply reply = {0};

        call(*state, geteuid(), PATIENT, &reply);
    }
    stop(&end);
    after = dup(0);
    close(after);
    assert_int_equal(after, before);
}

static void test_request_that_failed_is_not_sent(void **state)
{
    const struct client_target target = {.directory = *state, .socket = "api.sock"};
    struct wire_writer request = {.error = -EMSGSIZE};
    struct client_reply reply = {0};

    assert_int_equal(client_call(&target, &request, &reply), -EMSGSIZE);
}

#define WITH_DIRECTORY(test) cmocka_unit_test_setup_teardown(test, scratch_make, scratch_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_DIRECTORY(test_call_ends_as_the_header_says),
        WITH_DIRECTORY(test_request_arrives_whole),
        WITH_DIRECTORY(test_no_signal_gets_out),
        WITH_DIRECTORY(test_silence_ends_with_a_timeout),
        WITH_DIRECTORY(test_full_backlog_ends_with_a_timeout),
        WITH_DIRECTORY(test_nobody_listening_is_told_apart),
        WITH_DIRECTORY(test_directory_that_others_may_write_to_is_refused),
        WITH_DIRECTORY(test_directory_must_be_roots_or_peers),
        WITH_DIRECTORY(test_listener_must_be_root_or_peer_before_anything_is_sent),
        WITH_DIRECTORY(test_directory_may_have_a_longer_path_than_a_socket_address),
        WITH_DIRECTORY(test_signals_of_the_application_do_not_disturb),
        WITH_DIRECTORY(test_no_descriptor_is_left_open),
        WITH_DIRECTORY(test_request_that_failed_is_not_sent),
    };

    if (geteuid() != 0) {
        puts("# skipped: test_listener_must_be_…, because only root can become somebody else");
        cmocka_set_skip_filter("test_listener_must_be_*");
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
