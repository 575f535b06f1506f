/* The queue and its file: crashes, damage, and what is erased. */
#include "config.h"

#include "queue_fixture.h"

#include "cleanup.h"
#include "portald/queue-sqlite.h"
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>

static void files_of(const struct fixture *f, char *log)
{
    snprintf(log, SCRATCH_PATH_SIZE, "%.4000s-wal", f->path);
}

static off_t size_of(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 ? status.st_size : 0;
}

/* Waits until the log has been emptied, which happens when the queue is idle. */
static void wait_until_tidy(const struct fixture *f)
{
    char log[SCRATCH_PATH_SIZE];
    files_of(f, log);
    for (int i = 0; i < 1000 && size_of(log) > 0; i++)
        usleep(10000);
    assert_int_equal(size_of(log), 0);
}

static void *contents_of(const char *path, size_t *ret_size)
{
    _cleanup_fclose_ FILE *file = fopen(path, "re");
    size_t size = (size_t)size_of(path);
    char *bytes = malloc(size + 1);
    if (!bytes || (file && fread(bytes, 1, size, file) != size))
        abort();
    *ret_size = file ? size : 0;
    return bytes;
}

static void test_jobs_are_there_after_closing_and_opening(void **state)
{
    struct fixture *f = *state;
    put_simple(f, 1, JOB_MAIL);
    put_simple(f, 2, JOB_LETTER);
    (void)claim_one(f, 1, JOB_MAIL, NOW);
    fixture_reopen(f);
    assert_state(f, 1, JOB_CLAIMED);
    assert_state(f, 2, JOB_READY);
}

static void test_file_is_its_owners_alone(void **state)
{
    struct fixture *f = *state;
    struct stat status;
    char log[SCRATCH_PATH_SIZE];
    files_of(f, log);
    put_simple(f, 1, JOB_MAIL);
    assert_int_equal(stat(f->path, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0600);
    assert_int_equal(stat(log, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0600);
}

/* Runs body in a child that has no thread of ours; returns its exit status, or -1. */
static int in_child(const struct queue_options *options, int (*body)(const struct queue_options *))
{
    pid_t child = fork();
    if (child == 0)
        _exit(body(options));
    int status = 0;
    if (child < 0 || waitpid(child, &status, 0) != child)
        return -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int open_expecting_busy(const struct queue_options *options)
{
    struct queue *queue = NULL;
    return queue_open(options, &queue) == -EBUSY ? 42 : 1;
}

static void test_second_process_is_told_that_it_is_busy(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(in_child(&f->options, open_expecting_busy), 42);
    struct queue *second = NULL;
    assert_int_equal(queue_open(&f->options, &second), -EBUSY);
    assert_null(second);
    /* Neither attempt took the first one's locks away. */
    assert_int_equal(in_child(&f->options, open_expecting_busy), 42);
    put_simple(f, 1, JOB_MAIL);
}

static void test_missing_directory_is_what_open_says(void **state)
{
    struct fixture *f = *state;
    struct queue *queue = NULL;
    struct queue_options options = f->options;
    options.path = "/nonexistent/queue.db";
    assert_int_equal(queue_open(&options, &queue), -ENOENT);
    options.path = f->directory;
    assert_true(queue_open(&options, &queue) < 0);
}

/* SIGKILL. */

#define KILL_ROUNDS  100
#define KILL_PUTTERS 2

/* What the child says down its pipe, each after the queue acknowledged it. */
struct word {
    unsigned n;
    bool finished;
};

struct putter {
    struct queue *queue;
    int pipe;
    unsigned from, step;
};

static void say(int pipe, unsigned n, bool finished)
{
    struct word word = {.n = n, .finished = finished};
    if (write(pipe, &word, sizeof word) != (ssize_t)sizeof word)
        _exit(1);
}

static void *put_forever(void *argument)
{
    const struct putter *p = argument;
    char payload[600];
    for (unsigned n = p->from;; n += p->step) {
        struct job job = job_of(n, JOB_MAIL);
        memset(payload, 'a' + (int)(n % 26), sizeof payload);
        job.payload = (uint8_t *)payload;
        job.payload_size = sizeof payload;
        if (queue_put(p->queue, &job) != 0)
            _exit(1);
        say(p->pipe, n, false);
    }
}

static void *finish_forever(void *argument)
{
    const struct putter *p = argument;
    struct queue_claim claim = {.kind = JOB_MAIL, .most = 2, .now = NOW, .lease = NOW + 60};
    for (;;) {
        struct job_list list = {0};
        if (queue_claim(p->queue, &claim, &list) != 0)
            _exit(1);
        for (size_t i = 0; i < list.count; i++) {
            const struct job *job = &list.items[i];
            if (queue_finish(p->queue, job->id, job->fence, JOB_DONE, "", NOW, true) != 0)
                _exit(1);
            say(p->pipe, (unsigned)strtoul(job->id + ULID_SIZE - 9, NULL, 10), true);
        }
        job_list_clear(&list);
    }
}

static void child_run(const struct queue_options *options, unsigned from, int pipe)
{
    struct putter putters[KILL_PUTTERS];
    struct queue *queue = NULL;
    pthread_t thread;
    if (queue_open(options, &queue) != 0)
        _exit(1);
    for (unsigned i = 0; i < KILL_PUTTERS; i++) {
        putters[i] = (struct putter){queue, pipe, from + i, KILL_PUTTERS};
        if (pthread_create(&thread, NULL, put_forever, &putters[i]) != 0)
            _exit(1);
    }
    if (pthread_create(&thread, NULL, finish_forever, &putters[0]) != 0)
        _exit(1);
    for (;;)
        pause();
}

/* Starts a child, kills it somewhere in its work. Returns the pipe with what it had said. */
static int child_kill(const struct queue_options *options, unsigned from)
{
    int pipes[2], status = 0;
    assert_int_equal(pipe(pipes), 0);
    pid_t child = fork();
    if (child == 0)
        child_run(options, from, pipes[1]);
    assert_true(child > 0);
    close(pipes[1]);
    struct pollfd first = {.fd = pipes[0], .events = POLLIN};
    assert_int_equal(poll(&first, 1, 30000), 1);
    usleep((useconds_t)(random() % 40000));
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    return pipes[0];
}

static size_t count_from(struct fixture *f, unsigned from)
{
    char before[ULID_SIZE];
    struct job_list list = {0};
    struct queue_filter filter = {.kind = -1, .state = -1, .most = 1000, .after = before};
    id_of(from - 1, before);
    assert_int_equal(queue_list(f->queue, &filter, &list), 0);
    size_t count = list.count;
    job_list_clear(&list);
    return count;
}

static void kill_round(struct fixture *f, unsigned from)
{
    struct word word;
    unsigned put_count = 0;
    _cleanup_close_ int words = child_kill(&f->options, from);
    fixture_open(f);
    while (read(words, &word, sizeof word) == (ssize_t)sizeof word) {
        struct job job = get(f, word.n);
        if (word.finished)
            assert_int_equal(job.state, JOB_DONE);
        else
            put_count++;
        assert_int_equal(job.untold, job.state == JOB_DONE);
    }
    size_t there = count_from(f, from);
    if (there < 1000) /* no job but those that were acknowledged, or just about to be */
        assert_in_range(there, put_count, put_count + KILL_PUTTERS);
    f->queue = queue_free(f->queue);
}

static void test_what_was_acknowledged_survives_sigkill(void **state)
{
    struct fixture *f = *state;
    struct queue_stats stats;
    srandom((unsigned)getpid());
    f->queue = queue_free(f->queue);
    for (unsigned round = 0; round < KILL_ROUNDS; round++)
        kill_round(f, 1 + round * 1000000);
    fixture_open(f);
    assert_int_equal(queue_stats(f->queue, &stats), 0);
    unsigned long open_jobs = stats.count[JOB_MAIL][JOB_READY] + stats.count[JOB_MAIL][JOB_CLAIMED];
    assert_true(stats.count[JOB_MAIL][JOB_DONE] > 0);
    for (size_t claimed = 0; open_jobs > 0; open_jobs -= claimed) { /* each is there, and whole */
        struct job_list list = claim(f, JOB_MAIL, 1000, NOW + 60, NULL);
        claimed = list.count;
        assert_in_range(claimed, 1, open_jobs);
        for (size_t i = 0; i < list.count; i++)
            assert_int_equal(list.items[i].payload_size, 600);
        job_list_clear(&list);
    }
}

/* Files that aren't ours, or aren't any more. */

static void test_file_that_is_no_database_is_damaged(void **state)
{
    struct fixture *f = *state;
    f->queue = queue_free(f->queue);
    char garbage[8192];
    memset(garbage, 'g', sizeof garbage);
    scratch_write(f->path, garbage, sizeof garbage, 0600);
    assert_int_equal(queue_open(&f->options, &f->queue), -EBADMSG);
    assert_null(f->queue);
}

static void database_run(const char *path, const char *sql)
{
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

static void test_database_of_another_program_is_refused_and_left_alone(void **state)
{
    struct fixture *f = *state;
    struct queue *queue = NULL;
    struct queue_options options = f->options;
    char path[SCRATCH_PATH_SIZE];
    options.path = scratch_path(&f->directory, "other.db", path);
    database_run(path, "CREATE TABLE theirs (x); INSERT INTO theirs VALUES (1)");
    assert_int_equal(queue_open(&options, &queue), -EBADMSG);
    database_run(path, "PRAGMA user_version = 1; UPDATE theirs SET x = 2");
    assert_int_equal(queue_open(&options, &queue), -EBADMSG);
    size_t size;
    _cleanup_free_ uint8_t *header = contents_of(path, &size);
    assert_int_equal(header[18], 1); /* not even its journal was changed */
    database_run(path, "SELECT x FROM theirs");
}

static void test_store_of_a_newer_version_is_refused(void **state)
{
    struct fixture *f = *state;
    f->queue = queue_free(f->queue);
    database_run(f->path, "PRAGMA user_version = 99");
    assert_int_equal(queue_open(&f->options, &f->queue), -EOPNOTSUPP);
}

/* Every call, with whatever answer: none may crash, and each is 0 or an error. */
static void call_everything(struct queue *queue)
{
    struct job_list list = {0};
    struct job job = job_of(7, JOB_MAIL), found = {0};
    struct queue_stats stats;
    struct queue_filter filter = {.kind = -1, .state = -1, .most = 1000};
    bool more;
    unsigned count;
    for (int kind = 0; kind < JOB_KINDS; kind++) {
        struct queue_claim claim = {
            .kind = (enum job_kind)kind, .most = 50, .now = NOW, .lease = NOW + 60};
        if (queue_claim(queue, &claim, &list) == 0)
            for (size_t i = 0; i < list.count; i++)
                (void)queue_finish(queue, list.items[i].id, list.items[i].fence, JOB_DONE, "", NOW,
                                   true);
        job_list_clear(&list);
    }
    (void)queue_list(queue, &filter, &list);
    job_list_clear(&list);
    (void)queue_untold(queue, NOW, 100, &list);
    job_list_clear(&list);
    (void)queue_orphans(queue, NOW, 100, &list);
    job_list_clear(&list);
    (void)queue_put(queue, &job);
    (void)queue_get(queue, job.id, &found);
    (void)queue_withdraw(queue, ENTRY_A, -1, "", &count);
    (void)queue_posted(queue, BATCH_A, NOW, &count);
    (void)queue_stats(queue, &stats);
    (void)queue_count_mails(queue, "a", NULL, NULL, 0, &count);
    (void)queue_prune(queue, NOW + 100 * 86400, &more);
}

static void test_damaged_file_never_crashes(void **state)
{
    struct fixture *f = *state;
    for (unsigned i = 1; i <= 300; i++) {
        char payload[300];
        struct job job = job_of(i, (enum job_kind)(i % JOB_KINDS));
        memset(payload, 'p', sizeof payload);
        strcpy(job.entry, ENTRY_A);
        job.payload = (uint8_t *)payload;
        job.payload_size = sizeof payload;
        put(f, &job);
    }
    f->queue = queue_free(f->queue);
    size_t size, errors = 0;
    _cleanup_free_ uint8_t *good = contents_of(f->path, &size);
    _cleanup_free_ uint8_t *bad = malloc(size);
    assert_non_null(bad);
    for (unsigned seed = 1; seed <= 40; seed++) {
        srandom(seed);
        memcpy(bad, good, size);
        for (int i = 0; i < 60; i++)
            bad[seed % 4 ? 100 + (size_t)random() % (size - 100) : (size_t)random() % size] =
                (uint8_t)random();
        scratch_write(f->path, bad, seed % 5 ? size : size / 2, 0600);
        struct queue *queue = NULL;
        struct queue_stats stats;
        int r = queue_open(&f->options, &queue);
        if (r == 0) {
            call_everything(queue);
            r = queue_stats(queue, &stats);
        }
        assert_true(r <= 0);
        errors += r < 0;
        queue_free(queue);
    }
    assert_true(errors > 0);
}

/* Erasure. */

#define MARKED      400
#define MARK_FORMAT "MARK%05uMARK"
#define MARK_SIZE   13

static void put_marked(struct fixture *f, unsigned n)
{
    char payload[6000] = "";
    struct job job = job_of(n, JOB_MAIL);
    job.payload_size = (1 + (size_t)random() % (sizeof payload / MARK_SIZE - 1)) * MARK_SIZE;
    for (size_t i = 0; i + MARK_SIZE < sizeof payload && i < job.payload_size; i += MARK_SIZE)
        snprintf(payload + i, MARK_SIZE + 1, MARK_FORMAT, n);
    job.payload = (uint8_t *)payload;
    put(f, &job);
}

/* Which marks are anywhere in the file. */
static void marks_find(const char *path, bool *found)
{
    size_t size;
    _cleanup_free_ char *bytes = contents_of(path, &size);
    for (const char *p = bytes; (p = memmem(p, size - (size_t)(p - bytes), "MARK", 4)); p++) {
        unsigned n;
        bytes[size] = '\0';
        if (sscanf(p, MARK_FORMAT, &n) == 1 && n < MARKED)
            found[n] = true;
    }
}

static void test_payload_is_erased_from_the_files_when_the_job_ends(void **state)
{
    struct fixture *f = *state;
    srandom(1);
    for (unsigned n = 0; n < MARKED; n++)
        put_marked(f, n);
    struct job_list list = claim(f, JOB_MAIL, MARKED, NOW, NULL);
    assert_int_equal(list.count, MARKED);
    for (size_t i = list.count - 1; i > 0; i--) { /* in any order */
        size_t other = (size_t)random() % (i + 1);
        struct job job = list.items[i];
        list.items[i] = list.items[other];
        list.items[other] = job;
    }
    bool ended[MARKED] = {false};
    for (size_t i = 0; i < list.count; i++) {
        unsigned n = (unsigned)strtoul(list.items[i].id + ULID_SIZE - 9, NULL, 10);
        ended[n] = true;
        assert_int_equal(
            queue_finish(f->queue, list.items[i].id, list.items[i].fence, JOB_DONE, "", NOW, false),
            0);
        if (i % 80 != 79)
            continue;
        char log[SCRATCH_PATH_SIZE];
        bool found[MARKED] = {false};
        files_of(f, log);
        wait_until_tidy(f);
        marks_find(f->path, found);
        marks_find(log, found);
        for (unsigned k = 0; k < MARKED; k++)
            assert_int_equal(found[k], !ended[k]);
    }
    job_list_clear(&list);
}

static int finish_and_die(const struct queue_options *options)
{
    struct queue *queue = NULL;
    struct job_list list = {0};
    struct queue_claim claim = {.kind = JOB_MAIL, .most = 1, .now = NOW, .lease = NOW + 60};
    if (queue_open(options, &queue) != 0 || queue_claim(queue, &claim, &list) != 0 ||
        list.count != 1 ||
        queue_finish(queue, list.items[0].id, list.items[0].fence, JOB_DONE, "", NOW, false) != 0)
        return 1;
    kill(getpid(), SIGKILL);
    return 2;
}

static void test_what_a_crash_leaves_in_the_log_is_erased_after_the_next_start(void **state)
{
    struct fixture *f = *state;
    bool found[MARKED] = {false};
    char log[SCRATCH_PATH_SIZE];
    files_of(f, log);
    put_marked(f, 3);
    f->queue = queue_free(f->queue);
    assert_int_equal(in_child(&f->options, finish_and_die), -1);
    marks_find(f->path, found);
    assert_true(found[3]);
    fixture_open(f);
    wait_until_tidy(f);
    memset(found, 0, sizeof found);
    marks_find(f->path, found);
    marks_find(log, found);
    assert_false(found[3]);
}

static void test_log_stays_small_when_the_queue_is_never_idle(void **state)
{
    struct fixture *f = *state;
    char log[SCRATCH_PATH_SIZE];
    off_t largest = 0;
    files_of(f, log);
    for (unsigned n = 0; n < 1500; n++) {
        put_marked(f, n % MARKED + (n / MARKED) * 1000);
        if (size_of(log) > largest)
            largest = size_of(log);
    }
    assert_in_range(largest, 1, 24 << 20);
}

static void test_withdrawing_erases_what_failed_too(void **state)
{
    struct fixture *f = *state;
    char payload[] = "MARK00001MARK";
    bool found[MARKED] = {false};
    struct job job = job_of(1, JOB_MAIL);
    strcpy(job.entry, ENTRY_A);
    job.payload = (uint8_t *)payload;
    job.payload_size = sizeof payload;
    put(f, &job);
    uint64_t fence = claim_one(f, 1, JOB_MAIL, NOW);
    assert_int_equal(queue_finish(f->queue, job.id, fence, JOB_FAILED, "5xx", NOW, false), 0);
    wait_until_tidy(f);
    marks_find(f->path, found);
    assert_true(found[1]);
    assert_int_equal(queue_withdraw(f->queue, ENTRY_A, -1, "forgotten", NULL), 0);
    wait_until_tidy(f);
    found[1] = false;
    marks_find(f->path, found);
    assert_false(found[1]);
    assert_int_equal(queue_retry_now(f->queue, job.id, NOW), -EPERM);
}

static void test_failed_mail_keeps_its_payload_until_it_expires(void **state)
{
    struct fixture *f = *state;
    char payload[] = "MARK00001MARK";
    bool found[MARKED] = {false}, more;
    struct job job = job_of(1, JOB_MAIL);
    job.expires = NOW + 1000;
    job.payload = (uint8_t *)payload;
    job.payload_size = sizeof payload;
    put(f, &job);
    uint64_t fence = claim_one(f, 1, JOB_MAIL, NOW);
    assert_int_equal(queue_finish(f->queue, job.id, fence, JOB_FAILED, "5xx", NOW, false), 0);
    assert_int_equal(queue_prune(f->queue, NOW + 999, &more), 0);
    wait_until_tidy(f);
    marks_find(f->path, found);
    assert_true(found[1]);
    assert_int_equal(queue_prune(f->queue, NOW + 1000, &more), 0);
    wait_until_tidy(f);
    found[1] = false;
    marks_find(f->path, found);
    assert_false(found[1]);
    assert_state(f, 1, JOB_FAILED);
}

/* Speed, without a stopwatch. */

static bool plan_is_flat(enum statement which, const char *step)
{
    bool batch = which == SQL_BATCH_AGAIN || which == SQL_LIST_BATCH; /* sorted, but small */
    if (strstr(step, "TEMP B-TREE"))
        return batch;
    if (strncmp(step, "SCAN job", 8) != 0 && strncmp(step, "SCAN payload", 12) != 0)
        return true;
    return strstr(step, "INDEX job_untold") != NULL; /* holds nothing else */
}

static void test_every_question_has_its_index(void **state)
{
    struct fixture *f = *state;
    f->queue = queue_free(f->queue);
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
    for (unsigned i = SQL_INSERT; i < STATEMENTS; i++) {
        char sql[2048];
        sqlite3_stmt *s = NULL;
        snprintf(sql, sizeof sql, "EXPLAIN QUERY PLAN %s", store_sql[i]);
        assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &s, NULL), SQLITE_OK);
        while (sqlite3_step(s) == SQLITE_ROW) {
            const char *step = (const char *)sqlite3_column_text(s, 3);
            if (!plan_is_flat((enum statement)i, step))
                fail_msg("%s: %s", store_sql[i], step);
        }
        sqlite3_finalize(s);
    }
    sqlite3_close(db);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_jobs_are_there_after_closing_and_opening),
        TEST(test_file_is_its_owners_alone),
        TEST(test_second_process_is_told_that_it_is_busy),
        TEST(test_missing_directory_is_what_open_says),
        TEST(test_what_was_acknowledged_survives_sigkill),
        TEST(test_file_that_is_no_database_is_damaged),
        TEST(test_database_of_another_program_is_refused_and_left_alone),
        TEST(test_store_of_a_newer_version_is_refused),
        TEST(test_damaged_file_never_crashes),
        TEST(test_payload_is_erased_from_the_files_when_the_job_ends),
        TEST(test_what_a_crash_leaves_in_the_log_is_erased_after_the_next_start),
        TEST(test_log_stays_small_when_the_queue_is_never_idle),
        TEST(test_withdrawing_erases_what_failed_too),
        TEST(test_failed_mail_keeps_its_payload_until_it_expires),
        TEST(test_every_question_has_its_index),
    };
    return cmocka_run_group_tests_name("queue-store", tests, NULL, NULL);
}
