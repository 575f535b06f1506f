/* How the queue behaves with few jobs and with very many: one line each of how long its file takes
   to open, one mail takes to be put, a batch to be claimed, and one to be ended, and of the memory
   that takes. Usage: bench_queue fill FILE JOBS | run FILE */
#include "config.h"

#include "cleanup.h"
#include "portald/queue.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define NOW    1800000000
#define ROUNDS 200
#define BATCH  50
#define KEEP   (60 * DAY)

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static long rss_kb(void)
{
    char line[256];
    long kb = 0;
    _cleanup_fclose_ FILE *f = fopen("/proc/self/status", "re");
    while (f && fgets(line, sizeof line, f))
        if (sscanf(line, "VmHWM: %ld", &kb) == 1)
            break;
    return kb;
}

static struct queue *open_file(const char *file)
{
    struct queue_options options = {.path = file, .limit = 5000000, .keep = KEEP};
    struct queue *queue = NULL;
    int r = queue_open(&options, &queue);
    if (r < 0) {
        fprintf(stderr, "bench_queue: %s: %s\n", file, strerror(-r));
        exit(1);
    }
    return queue;
}

static struct job mail_make(unsigned long n, const char *prefix)
{
    static uint8_t payload[] =
        "{\"to\":\"somebody@example.org\",\"language\":\"de\",\"name\":\"Anna\"}";
    struct job job = {.kind = JOB_MAIL, .state = JOB_READY, .created = NOW, .due = NOW};
    snprintf(job.id, sizeof job.id, "%s%020lu", prefix, n);
    snprintf(job.topic, sizeof job.topic, "%s", "password-changed");
    snprintf(job.subject, sizeof job.subject, "c-%lu", n);
    snprintf(job.entry, sizeof job.entry, "00000000-0000-0000-0000-%012lu", n);
    snprintf(job.address, sizeof job.address, "%043lu", n);
    snprintf(job.reference, sizeof job.reference, "%043lu", n);
    job.payload = payload;
    job.payload_size = sizeof payload - 1;
    return job;
}

/* By the way of SQL, in one transaction: a commit for each would take minutes. */
static int fill(const char *file, unsigned long jobs)
{
    char sql[1024];
    sqlite3 *db = NULL;
    queue_free(open_file(file));
    snprintf(sql, sizeof sql,
             "BEGIN; WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < "
             "%lu) INSERT INTO job (id, kind, state, topic, entry, subject, address, reference,"
             " created, due, expires, lease) SELECT printf('01FILL%%020d', i), 1, 1,"
             " 'password-changed', printf('11111111-0000-0000-0000-%%012d', i),"
             " printf('f-%%d', i), printf('%%043d', i), printf('f%%042d', i), %d, %d, 0, 0 FROM n;"
             "INSERT INTO payload (number, body) SELECT number, zeroblob(60) FROM job; COMMIT",
             jobs, NOW - 1000, NOW - 1000);
    int code = sqlite3_open(file, &db);
    if (code == SQLITE_OK)
        code = sqlite3_exec(db, sql, NULL, NULL, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_exec(db, "PRAGMA wal_checkpoint(TRUNCATE)", NULL, NULL, NULL);
    if (code != SQLITE_OK)
        fprintf(stderr, "bench_queue: %s: %s\n", file, sqlite3_errmsg(db));
    sqlite3_close(db);
    return code != SQLITE_OK;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static double median_us(double *times)
{
    qsort(times, ROUNDS, sizeof *times, compare);
    return times[ROUNDS / 2] * 1e6;
}

static void require(int r, const char *what)
{
    if (r >= 0)
        return;
    fprintf(stderr, "bench_queue: %s: %s\n", what, strerror(-r));
    exit(1);
}

static int run(const char *file)
{
    double put[ROUNDS], claimed[ROUNDS], ended[ROUNDS], started = seconds();
    struct queue *queue = open_file(file);
    double open_ms = (seconds() - started) * 1e3;
    unsigned long idle = (unsigned long)rss_kb();
    for (unsigned i = 0; i < ROUNDS; i++) {
        struct queue_claim claim = {
            .kind = JOB_MAIL, .most = BATCH, .now = NOW, .lease = NOW + 600};
        struct job_list list = {0};
        struct job job = mail_make((unsigned long)getpid() * ROUNDS + i, "01MAIL");
        started = seconds();
        require(queue_put(queue, &job), "put");
        put[i] = seconds() - started;
        started = seconds();
        require(queue_claim(queue, &claim, &list), "claim");
        claimed[i] = seconds() - started;
        require(list.count == 0 ? -ENOENT : 0, "claimed");
        started = seconds();
        for (size_t n = 0; n < list.count; n++)
            require(queue_retry(queue, list.items[n].id, list.items[n].fence, NOW, "again"),
                    "retry");
        ended[i] = (seconds() - started) / (double)list.count;
        job_list_clear(&list);
    }
    printf("%.1f %.0f %.0f %.0f %lu %ld\n", open_ms, median_us(put), median_us(claimed),
           median_us(ended), idle, rss_kb());
    queue_free(queue);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 4 && strcmp(argv[1], "fill") == 0)
        return fill(argv[2], strtoul(argv[3], NULL, 10));
    if (argc == 3 && strcmp(argv[1], "run") == 0)
        return run(argv[2]);
    fprintf(stderr, "usage: bench_queue fill FILE JOBS | run FILE\n");
    return 2;
}
