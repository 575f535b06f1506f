/* Threads that share a commit, and what happens to each when the disk is full or fails. */
#include "config.h"

#include "queue_fixture.h"

#include "queue_faults.h"
#include <pthread.h>
#include <sqlite3.h>

#define THREADS         8
#define THREAD_JOBS     40
#define THREAD_SYNCS_US 1000

struct worker {
    struct queue *queue;
    unsigned number, done;
    int result;
};

static void workers_run(struct worker *workers, void *(*body)(void *))
{
    pthread_t threads[THREADS];
    for (unsigned i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, body, &workers[i]), 0);
    for (unsigned i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
}

static void workers_make(struct fixture *f, struct worker *workers)
{
    for (unsigned i = 0; i < THREADS; i++)
        workers[i] = (struct worker){.queue = f->queue, .number = i};
}

static void *put_some(void *argument)
{
    struct worker *w = argument;
    for (unsigned i = 0; i < THREAD_JOBS && w->result == 0; i++) {
        struct job job = job_of(w->number * THREAD_JOBS + i, JOB_MAIL);
        w->result = queue_put(w->queue, &job);
        w->done += w->result == 0;
    }
    return NULL;
}

static void *claim_some(void *argument)
{
    struct worker *w = argument;
    for (;;) {
        struct job_list list = {0};
        struct queue_claim claim = {.kind = JOB_MAIL, .most = 3, .now = NOW, .lease = NOW + 60};
        w->result = queue_claim(w->queue, &claim, &list);
        if (w->result < 0 || list.count == 0)
            return NULL;
        for (size_t i = 0; i < list.count && w->result == 0; i++) {
            w->result = queue_finish(w->queue, list.items[i].id, list.items[i].fence, JOB_DONE, "",
                                     NOW, false);
            w->done++;
        }
        job_list_clear(&list);
    }
}

static void test_puts_that_wait_together_share_a_commit(void **state)
{
    struct fixture *f = *state;
    struct worker workers[THREADS];
    workers_make(f, workers);
    queue_faults()->sync_us = THREAD_SYNCS_US;
    unsigned before = queue_faults()->syncs;
    workers_run(workers, put_some);
    unsigned syncs = queue_faults()->syncs - before;
    queue_faults()->sync_us = 0;
    for (unsigned i = 0; i < THREADS; i++)
        assert_int_equal(workers[i].done, THREAD_JOBS);
    assert_true(syncs > 0);
    assert_true(syncs < THREADS * THREAD_JOBS / 2);
}

static void test_threads_never_claim_the_same_job(void **state)
{
    struct fixture *f = *state;
    struct worker workers[THREADS];
    workers_make(f, workers);
    workers_run(workers, put_some);
    workers_make(f, workers);
    workers_run(workers, claim_some);
    unsigned done = 0;
    for (unsigned i = 0; i < THREADS; i++) {
        assert_int_equal(workers[i].result, 0);
        done += workers[i].done;
    }
    assert_int_equal(done, THREADS * THREAD_JOBS);
    struct queue_stats stats;
    assert_int_equal(queue_stats(f->queue, &stats), 0);
    assert_int_equal(stats.count[JOB_MAIL][JOB_DONE], THREADS * THREAD_JOBS);
    for (unsigned i = 0; i < THREADS * THREAD_JOBS; i++)
        assert_int_equal(get(f, i).attempts, 1);
}

static void test_one_refused_put_costs_the_others_of_its_commit_nothing(void **state)
{
    struct fixture *f = *state;
    struct worker workers[THREADS];
    workers_make(f, workers);
    for (unsigned i = 0; i < THREADS; i++)
        workers[i].number = i / 2; /* in pairs: of each two equal puts one is refused */
    queue_faults()->sync_us = THREAD_SYNCS_US;
    workers_run(workers, put_some);
    queue_faults()->sync_us = 0;
    for (unsigned i = 0; i < THREADS; i++)
        assert_true(workers[i].result == 0 || workers[i].result == -EEXIST);
    struct queue_stats stats;
    assert_int_equal(queue_stats(f->queue, &stats), 0);
    unsigned done = 0;
    for (unsigned i = 0; i < THREADS; i++)
        done += workers[i].done;
    assert_int_equal(stats.count[JOB_MAIL][JOB_READY], done);
}

/* Faults of the disk. */

static void test_full_disk_refuses_puts_and_nothing_else(void **state)
{
    struct fixture *f = *state;
    put_simple(f, 1, JOB_MAIL);
    queue_faults()->write_code = SQLITE_FULL;
    struct job job = job_of(2, JOB_MAIL), found;
    assert_int_equal(queue_put(f->queue, &job), -ENOSPC);
    assert_state(f, 1, JOB_READY);
    assert_int_equal(queue_get(f->queue, job.id, &found), -ENOENT);
    queue_faults()->write_code = 0;
    put(f, &job);
    fixture_reopen(f);
    assert_state(f, 1, JOB_READY);
    assert_state(f, 2, JOB_READY);
}

static void *read_or_put(void *argument)
{
    struct worker *w = argument;
    for (unsigned i = 0; i < THREAD_JOBS; i++) {
        struct job job = job_of(1, JOB_MAIL);
        int r;
        if (w->number % 2) {
            r = queue_get(w->queue, job.id, &job);
        } else {
            id_of(100 + w->number, job.id);
            r = queue_put(w->queue, &job);
        }
        w->done += r == (w->number % 2 ? 0 : -ENOSPC);
    }
    return NULL;
}

static void test_reading_goes_on_beside_puts_that_a_full_disk_refuses(void **state)
{
    struct fixture *f = *state;
    struct worker workers[THREADS];
    put_simple(f, 1, JOB_MAIL);
    workers_make(f, workers);
    queue_faults()->write_code = SQLITE_FULL;
    workers_run(workers, read_or_put);
    queue_faults()->write_code = 0;
    for (unsigned i = 0; i < THREADS; i++)
        assert_int_equal(workers[i].done, THREAD_JOBS);
}

static void test_failed_commit_fails_everyone_in_it(void **state)
{
    struct fixture *f = *state;
    struct worker workers[THREADS];
    struct job found;
    char id[ULID_SIZE];
    workers_make(f, workers);
    queue_faults()->sync_code = SQLITE_IOERR_FSYNC;
    workers_run(workers, put_some);
    queue_faults()->sync_code = 0;
    for (unsigned i = 0; i < THREADS; i++) {
        assert_int_equal(workers[i].result, -EIO);
        assert_int_equal(workers[i].done, 0);
        id_of(i * THREAD_JOBS, id);
        assert_int_equal(queue_get(f->queue, id, &found), -ENOENT);
    }
    workers_make(f, workers);
    workers_run(workers, put_some);
    for (unsigned i = 0; i < THREADS; i++)
        assert_int_equal(workers[i].done, THREAD_JOBS);
}

static void test_failed_claim_leaves_its_output_alone(void **state)
{
    struct fixture *f = *state;
    put_letters(f, 3);
    struct job_list list = {.count = 77};
    struct queue_claim claim = {.kind = JOB_LETTER, .most = 3, .now = NOW, .lease = NOW + 60};
    queue_faults()->sync_code = SQLITE_IOERR_FSYNC;
    assert_int_equal(queue_claim(f->queue, &claim, &list), -EIO);
    queue_faults()->sync_code = 0;
    assert_int_equal(list.count, 77);
    assert_null(list.items);
    assert_state(f, 1, JOB_READY);
    assert_int_equal(get(f, 1).fence, 0);
}

static int install(void **state)
{
    (void)state;
    return queue_faults_install();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_puts_that_wait_together_share_a_commit),
        TEST(test_threads_never_claim_the_same_job),
        TEST(test_one_refused_put_costs_the_others_of_its_commit_nothing),
        TEST(test_full_disk_refuses_puts_and_nothing_else),
        TEST(test_reading_goes_on_beside_puts_that_a_full_disk_refuses),
        TEST(test_failed_commit_fails_everyone_in_it),
        TEST(test_failed_claim_leaves_its_output_alone),
    };
    return cmocka_run_group_tests_name("queue-threads", tests, install, NULL);
}
