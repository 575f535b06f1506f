/* The table of sessions: idle times, logouts, full buckets, the file, and many threads. */
#include "config.h"

#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>

#include "cleanup.h"
#include "clock.h"
#include "scratch.h"
#include "web/sessions.h"

#define IDLE     1800
#define ABSOLUTE 43200
#define SLOTS    16 /* one bucket */

struct fixture {
    void *directory;
    char path[SCRATCH_PATH_SIZE];
    uint8_t key[32];
    time_t now;
    struct sessions *s;
};

static int make(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    if (!f || scratch_make(&f->directory) != 0)
        return -1;
    scratch_path(&f->directory, "sessions", f->path);
    memset(f->key, 7, sizeof f->key);
    *state = f;
    if (sessions_open(f->path, f->key, SLOTS, ABSOLUTE, &f->s) < 0)
        return -1;
    f->now = clock_now() + 60; /* whatever began before the file is over */
    return 0;
}

static int unmake(void **state)
{
    struct fixture *f = *state;
    int r;

    sessions_free(f->s);
    r = scratch_remove(&f->directory);
    free(f);
    return r;
}

static const uint8_t *id(unsigned number)
{
    static _Thread_local uint8_t ids[4][16];
    static _Thread_local unsigned next;
    uint8_t *one = ids[next++ % 4];

    memset(one, 0, 16);
    memcpy(one, &number, sizeof number);
    return one;
}

static void begin(struct fixture *f, unsigned number, unsigned parent, time_t now)
{
    sessions_begin(f->s,
                   &(struct sessions_entry){.id = id(number),
                                            .parent = parent ? id(parent) : NULL,
                                            .uid = "c-0001",
                                            .host = parent ? "app.example.org" : "",
                                            .label = "Firefox, Linux",
                                            .started = now},
                   now);
}

static int use(struct fixture *f, unsigned number, time_t started, time_t now)
{
    time_t asked;

    return sessions_use(f->s, id(number), started, IDLE, now, &asked);
}

static void reopen(struct fixture *f)
{
    f->s = sessions_free(f->s);
    assert_int_equal(sessions_open(f->path, f->key, SLOTS, ABSOLUTE, &f->s), 0);
}

static void test_session_is_idle_at_thirty_minutes_exactly_and_stays_so(void **state)
{
    struct fixture *f = *state;

    begin(f, 1, 0, f->now);
    assert_int_equal(use(f, 1, f->now, f->now + IDLE - 1), 0);
    assert_int_equal(use(f, 1, f->now, f->now + 2 * IDLE - 1), -ETIME);
    assert_int_equal(use(f, 1, f->now, f->now + 2 * IDLE), -ETIME);
}

static void test_logout_is_for_good_and_survives_a_restart(void **state)
{
    struct fixture *f = *state;

    begin(f, 1, 0, f->now);
    begin(f, 2, 0, f->now);
    sessions_end(f->s, id(1), f->now);
    begin(f, 1, 0, f->now);
    assert_int_equal(use(f, 1, f->now, f->now), -EKEYREVOKED);
    reopen(f);
    assert_int_equal(use(f, 1, f->now, f->now), -EKEYREVOKED);
    assert_int_equal(use(f, 2, f->now, f->now), 0);
}

static void test_application_ends_with_its_parent_and_keeps_it_awake(void **state)
{
    struct fixture *f = *state;
    time_t later = f->now + IDLE - 1;

    begin(f, 1, 0, f->now);
    begin(f, 2, 1, f->now);
    assert_int_equal(use(f, 2, f->now, later), 0);
    assert_int_equal(use(f, 1, f->now, later + IDLE - 1), 0);
    sessions_end(f->s, id(1), later);
    assert_int_equal(use(f, 2, f->now, later), -EKEYREVOKED);
}

static void test_application_whose_parent_was_pushed_out_is_over(void **state)
{
    struct fixture *f = *state;

    begin(f, 2, 1, f->now);
    assert_int_equal(use(f, 2, f->now, f->now), -EKEYREVOKED);
}

static void test_full_bucket_keeps_logouts_and_forgets_who_was_idle_longest(void **state)
{
    struct fixture *f = *state;

    begin(f, 1, 0, f->now);
    sessions_end(f->s, id(1), f->now);
    for (unsigned i = 2; i <= SLOTS + 5; i++)
        begin(f, i, 0, f->now + (time_t)i);
    assert_int_equal(use(f, 1, f->now, f->now + 100), -EKEYREVOKED);
    assert_int_equal(use(f, 2, f->now + 2, f->now + 100), -ENOENT);
    assert_int_equal(use(f, SLOTS + 5, f->now + SLOTS + 5, f->now + 100), 0);
}

static void test_logout_pushed_out_by_logouts_still_counts(void **state)
{
    struct fixture *f = *state;

    for (unsigned i = 1; i <= SLOTS + 1; i++) {
        begin(f, i, 0, f->now + (time_t)i);
        sessions_end(f->s, id(i), f->now + (time_t)i);
    }
    for (unsigned i = 1; i <= SLOTS + 1; i++)
        assert_int_equal(use(f, i, f->now + (time_t)i, f->now + 100), -EKEYREVOKED);
    begin(f, 99, 0, f->now + 100);
    assert_int_equal(use(f, 99, f->now + 100, f->now + 100), 0);
}

static void spoil(struct fixture *f, off_t size)
{
    int fd = open(f->path, O_WRONLY | O_CLOEXEC);

    assert_true(fd >= 0);
    if (size >= 0)
        assert_int_equal(ftruncate(fd, size), 0);
    else
        assert_int_equal(pwrite(fd, "garbage!", 8, 0), 8);
    close(fd);
}

static void test_damaged_file_ends_what_was_begun_before(void **state)
{
    struct fixture *f = *state;
    time_t before = clock_now() - 1;

    for (off_t size = -1; size < 200; size += 100) {
        begin(f, 1, 0, before);
        f->s = sessions_free(f->s);
        spoil(f, size);
        assert_int_equal(sessions_open(f->path, f->key, SLOTS, ABSOLUTE, &f->s), 0);
        assert_int_equal(use(f, 1, before, f->now), -EKEYREVOKED);
        assert_int_equal(use(f, 2, clock_now() + 5, f->now), -ENOENT);
    }
    f->s = sessions_free(f->s);
    f->key[0] ^= 1;
    assert_int_equal(sessions_open(f->path, f->key, SLOTS, ABSOLUTE, &f->s), 0);
    assert_int_equal(use(f, 1, before, f->now), -EKEYREVOKED);
}

static void test_list_names_the_newest_first_and_ends_by_handle(void **state)
{
    struct fixture *f = *state;
    struct sessions_row rows[2];

    begin(f, 1, 0, f->now);
    begin(f, 2, 0, f->now + 2);
    begin(f, 3, 2, f->now + 1);
    assert_int_equal(sessions_list(f->s, "c-0001", f->now + 3, rows, 2), 2);
    assert_int_equal(rows[0].seen, f->now + 2);
    assert_int_equal(rows[1].seen, f->now + 1);
    assert_string_equal(rows[1].host, "app.example.org");
    assert_string_equal(rows[0].label, "Firefox, Linux");
    assert_true(rows[0].handle == sessions_handle(f->s, id(2)));
    assert_int_equal(sessions_list(f->s, "c-0002", f->now + 3, rows, 2), 0);
    assert_int_equal(sessions_end_handle(f->s, "c-0002", rows[0].handle, f->now), -ENOENT);
    assert_int_equal(use(f, 2, f->now + 2, f->now + 3), 0);
    assert_int_equal(sessions_end_handle(f->s, "c-0001", rows[0].handle, f->now), 0);
    assert_int_equal(use(f, 2, f->now + 2, f->now + 3), -EKEYREVOKED);
    assert_int_equal(sessions_list(f->s, "c-0001", f->now + ABSOLUTE + 3, rows, 2), 0);
}

static void *hammer(void *userdata)
{
    struct fixture *f = userdata;
    struct sessions_row rows[8];

    for (unsigned i = 0; i < 3000; i++) {
        unsigned number = 1 + i % 40;

        begin(f, number, number > 20 ? number - 20 : 0, f->now);
        (void)use(f, number, f->now, f->now);
        sessions_asked(f->s, id(number), f->now);
        if (i % 64 == 0)
            (void)sessions_list(f->s, "c-0001", f->now, rows, 8);
        if (i == 1500)
            sessions_end(f->s, id(7), f->now);
    }
    return NULL;
}

static void test_threads_never_undo_a_logout(void **state)
{
    struct fixture *f = *state;
    pthread_t threads[4];

    f->s = sessions_free(f->s);
    assert_int_equal(sessions_open(NULL, f->key, 1024, ABSOLUTE, &f->s), 0);
    for (size_t i = 0; i < ELEMENTS(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, hammer, f), 0);
    for (size_t i = 0; i < ELEMENTS(threads); i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(use(f, 7, f->now, f->now), -EKEYREVOKED);
    assert_int_equal(use(f, 27, f->now, f->now), -EKEYREVOKED);
    assert_int_equal(use(f, 8, f->now, f->now), 0);
}

int main(void)
{
#define TEST(t) cmocka_unit_test_setup_teardown(t, make, unmake)
    const struct CMUnitTest tests[] = {
        TEST(test_session_is_idle_at_thirty_minutes_exactly_and_stays_so),
        TEST(test_logout_is_for_good_and_survives_a_restart),
        TEST(test_application_ends_with_its_parent_and_keeps_it_awake),
        TEST(test_application_whose_parent_was_pushed_out_is_over),
        TEST(test_full_bucket_keeps_logouts_and_forgets_who_was_idle_longest),
        TEST(test_logout_pushed_out_by_logouts_still_counts),
        TEST(test_damaged_file_ends_what_was_begun_before),
        TEST(test_list_names_the_newest_first_and_ends_by_handle),
        TEST(test_threads_never_undo_a_logout),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
