/* A queue in a directory of its own, and short ways to put and claim jobs, for the queue's
   tests. */
#pragma once

#include "portald/queue.h"
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "scratch.h"

#define ENTRY_A "11111111-1111-1111-1111-111111111111"
#define ENTRY_B "22222222-2222-2222-2222-222222222222"
#define BATCH_A "01BATCHAAAAAAAAAAAAAAAAAAA"
#define BATCH_B "01BATCHBBBBBBBBBBBBBBBBBBB"
#define NOW     1800000000

struct fixture {
    void *directory;
    char path[SCRATCH_PATH_SIZE];
    struct queue_options options;
    struct queue *queue;
};

static inline void fixture_open(struct fixture *f)
{
    assert_int_equal(queue_open(&f->options, &f->queue), 0);
}

static inline void fixture_reopen(struct fixture *f)
{
    f->queue = queue_free(f->queue);
    fixture_open(f);
}

static inline int fixture_make(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    if (!f || scratch_make(&f->directory) != 0)
        return -1;
    scratch_path(&f->directory, "queue.db", f->path);
    f->options = (struct queue_options){.path = f->path, .limit = 100000, .keep = 86400};
    *state = f;
    return queue_open(&f->options, &f->queue);
}

static inline int fixture_remove(void **state)
{
    struct fixture *f = *state;
    queue_free(f->queue);
    int r = scratch_remove(&f->directory);
    free(f);
    return r;
}

static inline void id_of(unsigned n, char ret[static ULID_SIZE])
{
    snprintf(ret, ULID_SIZE, "01TESTTESTTESTTEST%08u", n);
}

static inline struct job job_of(unsigned n, enum job_kind kind)
{
    struct job job = {.kind = kind, .state = JOB_READY, .created = NOW, .due = NOW};
    id_of(n, job.id);
    return job;
}

static inline void put(struct fixture *f, const struct job *job)
{
    assert_int_equal(queue_put(f->queue, job), 0);
}

static inline void put_simple(struct fixture *f, unsigned n, enum job_kind kind)
{
    struct job job = job_of(n, kind);
    put(f, &job);
}

/* Letters 1 to count; the odd ones are of ENTRY_A, the others of ENTRY_B. */
static inline void put_letters(struct fixture *f, unsigned count)
{
    for (unsigned i = 1; i <= count; i++) {
        struct job job = job_of(i, JOB_LETTER);
        job.payload = (uint8_t *)"sealed";
        job.payload_size = 6;
        strcpy(job.entry, i % 2 ? ENTRY_A : ENTRY_B);
        put(f, &job);
    }
}

static inline struct job get(struct fixture *f, unsigned n)
{
    char id[ULID_SIZE];
    struct job job = {0};
    id_of(n, id);
    assert_int_equal(queue_get(f->queue, id, &job), 0);
    return job;
}

static inline struct job_list claim(struct fixture *f, enum job_kind kind, size_t most, time_t now,
                                    const char *batch)
{
    struct job_list list = {0};
    struct queue_claim claim = {
        .kind = kind, .most = most, .now = now, .lease = now + 60, .batch = batch};
    assert_int_equal(queue_claim(f->queue, &claim, &list), 0);
    return list;
}

/* Claims exactly the job n and returns its fence. */
static inline uint64_t claim_one(struct fixture *f, unsigned n, enum job_kind kind, time_t now)
{
    char id[ULID_SIZE];
    struct job_list list = claim(f, kind, 1, now, kind == JOB_LETTER ? BATCH_A : NULL);
    id_of(n, id);
    assert_int_equal(list.count, 1);
    assert_string_equal(list.items[0].id, id);
    uint64_t fence = list.items[0].fence;
    job_list_clear(&list);
    return fence;
}

/* How many are claimed, which they then are. */
static inline size_t claim_count(struct fixture *f, enum job_kind kind, time_t now)
{
    struct job_list list = claim(f, kind, 100, now, NULL);
    size_t count = list.count;
    job_list_clear(&list);
    return count;
}

static inline void assert_state(struct fixture *f, unsigned n, enum job_state state)
{
    assert_string_equal(job_state_word(get(f, n).state), job_state_word(state));
}

/* Whether the kind was signalled since this was asked last. */
static inline bool woken(struct fixture *f, enum job_kind kind)
{
    uint64_t count;
    return read(queue_wake_fd(f->queue, kind), &count, sizeof count) == sizeof count;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_make, fixture_remove)
