/* What keeps portal-web answering: workers, clocks of connections, limits of clients. */
#include "config.h"

#include "web/limits.h"
#include "web/slow.h"
#include "web/workers.h"

#include "cleanup.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/socket.h>
#include <time.h>

#include <cmocka.h>

static void rest(long ms)
{
    nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000l}, NULL);
}

static void count_job(void *userdata, void *job)
{
    (void)job;
    atomic_fetch_add((atomic_uint *)userdata, 1);
}

static void test_workers_run_all_that_was_put_before_they_end(void **state)
{
    atomic_uint done = 0;
    struct workers *workers = NULL;
    unsigned put = 0;

    (void)state;
    assert_int_equal(workers_start(4, count_job, &done, &workers), 0);
    for (int i = 0; i < 5000; i++)
        put += workers_put(workers, &done) == 0;
    workers_free(workers);
    assert_true(put >= WORKERS_WAITING);
    assert_int_equal(atomic_load(&done), put);
}

static void hold_job(void *userdata, void *job)
{
    (void)job;
    pthread_mutex_lock(userdata);
    pthread_mutex_unlock(userdata);
}

static void test_workers_refuse_what_is_too_much(void **state)
{
    pthread_mutex_t held = PTHREAD_MUTEX_INITIALIZER;
    struct workers *workers = NULL;
    int taken = 0;

    (void)state;
    pthread_mutex_lock(&held);
    assert_int_equal(workers_start(1, hold_job, &held, &workers), 0);
    while (workers_put(workers, &held) == 0)
        assert_true(++taken <= WORKERS_WAITING + 1);
    assert_int_equal(workers_put(workers, &held), -EBUSY);
    assert_true(taken >= WORKERS_WAITING);
    pthread_mutex_unlock(&held);
    workers_free(workers);
}

struct pair {
    int fd[2];
};

static bool is_shut(int other)
{
    char byte;

    return recv(other, &byte, 1, MSG_DONTWAIT) == 0;
}

static void test_connection_over_its_time_is_shut_down(void **state)
{
    static const struct slow_limits limits = {.idle = 200, .request = 600};
    struct pair idle, request, ours;
    struct slow *slow = NULL;
    struct slow_connection *a, *b, *c;

    (void)state;
    assert_int_equal(slow_new(&limits, &slow), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, idle.fd), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, request.fd), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ours.fd), 0);
    a = slow_open(slow, idle.fd[0]);
    b = slow_open(slow, request.fd[0]);
    c = slow_open(slow, ours.fd[0]);
    slow_enter(slow, b, SLOW_REQUEST);
    slow_enter(slow, c, SLOW_OURS);
    assert_int_equal(slow_sweep(slow), 0);
    assert_int_equal(slow_busy(slow), 2);
    rest(300);
    assert_int_equal(slow_sweep(slow), 1);
    assert_true(is_shut(idle.fd[1]));
    assert_false(is_shut(request.fd[1]));
    slow_close(slow, a);
    rest(500);
    assert_int_equal(slow_sweep(slow), 1);
    assert_true(is_shut(request.fd[1]));
    assert_false(is_shut(ours.fd[1])); /* a page that we are making takes its time */
    slow_close(slow, b);
    slow_enter(slow, c, SLOW_IDLE);
    assert_int_equal(slow_busy(slow), 0);
    slow_close(slow, c);
    slow_free(slow);
    for (int i = 0; i < 2; i++) {
        close(idle.fd[i]);
        close(request.fd[i]);
        close(ours.fd[i]);
    }
}

static void test_time_for_our_own_work_isnt_the_clients(void **state)
{
    static const struct slow_limits limits = {.idle = 10000, .request = 400};
    struct pair pair;
    struct slow *slow = NULL;
    struct slow_connection *c;

    (void)state;
    assert_int_equal(slow_new(&limits, &slow), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair.fd), 0);
    c = slow_open(slow, pair.fd[0]);
    slow_enter(slow, c, SLOW_REQUEST);
    rest(250);
    slow_enter(slow, c, SLOW_OURS);
    rest(500);
    slow_enter(slow, c, SLOW_REQUEST);
    assert_int_equal(slow_sweep(slow), 0);
    rest(250); /* 500 ms of its own by now */
    assert_int_equal(slow_sweep(slow), 1);
    slow_close(slow, c);
    slow_free(slow);
    close(pair.fd[0]);
    close(pair.fd[1]);
}

static void test_retired_connections_get_the_request_that_may_be_on_its_way(void **state)
{
    static const struct slow_limits limits = {.idle = 60000, .request = 60000};
    struct pair fresh, served, busy;
    struct slow *slow = NULL;
    struct slow_connection *a, *b, *c;

    (void)state;
    assert_int_equal(slow_new(&limits, &slow), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fresh.fd), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, served.fd), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, busy.fd), 0);
    a = slow_open(slow, fresh.fd[0]);
    b = slow_open(slow, served.fd[0]);
    c = slow_open(slow, busy.fd[0]);
    slow_enter(slow, b, SLOW_REQUEST);
    slow_enter(slow, b, SLOW_IDLE);
    slow_enter(slow, c, SLOW_REQUEST);
    assert_int_equal(slow_retire(slow), 3);
    assert_int_equal(send(served.fd[1], "x", 1, MSG_NOSIGNAL), 1);
    rest(SLOW_NEXT_MS + 100);
    assert_int_equal(slow_retire(slow), 3);
    assert_int_equal(send(served.fd[1], "x", 1, MSG_NOSIGNAL), -1);
    assert_int_equal(send(fresh.fd[1], "x", 1, MSG_NOSIGNAL), 1);
    rest(SLOW_FIRST_MS - SLOW_NEXT_MS);
    assert_int_equal(slow_retire(slow), 3);
    assert_int_equal(send(fresh.fd[1], "x", 1, MSG_NOSIGNAL), -1);
    assert_int_equal(send(busy.fd[1], "x", 1, MSG_NOSIGNAL), 1);
    slow_close(slow, a);
    slow_close(slow, b);
    assert_int_equal(slow_retire(slow), 1);
    slow_close(slow, c);
    assert_int_equal(slow_retire(slow), 0);
    slow_free(slow);
    for (int i = 0; i < 2; i++) {
        close(fresh.fd[i]);
        close(served.fd[i]);
        close(busy.fd[i]);
    }
}

static const uint8_t key[32] = {1, 2, 3};

static void test_client_has_so_many_requests_at_a_time(void **state)
{
    struct settings settings = {.posts_per_client = 3, .connections_per_client = 2};
    struct limits *limits = NULL;

    (void)state;
    assert_int_equal(limits_new(&settings, key, &limits), 0);
    assert_true(limits_enter(limits, "192.0.2.1"));
    assert_true(limits_enter(limits, "192.0.2.1"));
    assert_false(limits_enter(limits, "192.0.2.1"));
    assert_true(limits_enter(limits, "192.0.2.2"));
    limits_leave(limits, "192.0.2.1");
    assert_true(limits_enter(limits, "192.0.2.1"));
    for (int i = 0; i < 5; i++)
        assert_true(limits_enter(limits, "")); /* not known: not counted */
    limits_free(limits);
}

static void test_posts_are_counted_by_the_minute_and_network(void **state)
{
    struct settings settings = {.posts_per_client = 3, .connections_per_client = 2};
    struct limits *limits = NULL;

    (void)state;
    assert_int_equal(limits_new(&settings, key, &limits), 0);
    for (int i = 0; i < 3; i++)
        assert_true(limits_post(limits, "2001:db8::1", 1000));
    assert_false(limits_post(limits, "2001:db8::2", 1059)); /* the same /64 */
    assert_true(limits_post(limits, "2001:db8:0:1::2", 1059));
    assert_true(limits_post(limits, "2001:db8::2", 1060));
    limits_free(limits);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_workers_run_all_that_was_put_before_they_end),
        cmocka_unit_test(test_workers_refuse_what_is_too_much),
        cmocka_unit_test(test_connection_over_its_time_is_shut_down),
        cmocka_unit_test(test_time_for_our_own_work_isnt_the_clients),
        cmocka_unit_test(test_retired_connections_get_the_request_that_may_be_on_its_way),
        cmocka_unit_test(test_client_has_so_many_requests_at_a_time),
        cmocka_unit_test(test_posts_are_counted_by_the_minute_and_network),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
