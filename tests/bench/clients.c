/* Forks the clients, lets them run against the clock, and sums up. Each keeps its times in shared
   memory, so that nothing is sent while it counts. Way in: clients_run(). */
#include "config.h"

#include "clients.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SAMPLES 400000 /* a client; more are counted, but not in the percentiles */
#define WARM_UP 0.2

struct record {
    uint64_t logins, all;
    uint32_t samples;
    uint32_t microseconds[SAMPLES];
};

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* A number of its own for each client and login; quality doesn't matter, repetition does. */
static unsigned next_user(uint64_t *state, unsigned users)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)((*state >> 33) % users) + 1;
}

static int client_main(const struct clients_load *load, const struct clients_task *task,
                       unsigned number, double start, struct record *record)
{
    void *state = task->begin(task->settings);
    uint64_t random = (uint64_t)number * 7919 + (uint64_t)getpid();
    double counted = start + load->seconds * WARM_UP, end = counted + load->seconds;
    uint64_t turn = load->turn + number;

    if (!state)
        return 1;
    for (double before = now(); before < end;) {
        double after;

        unsigned user =
            load->in_turn ? (unsigned)(turn % load->users) + 1 : next_user(&random, load->users);

        turn += load->clients;
        if (task->once(state, load->first + user) < 0)
            return 1;
        after = now();
        record->all++;
        if (before >= counted && after <= end) {
            record->logins++;
            if (record->samples < SAMPLES)
                record->microseconds[record->samples++] = (uint32_t)((after - before) * 1e6);
        }
        before = after;
    }
    return 0;
}

static int compare(const void *a, const void *b)
{
    const uint32_t *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

static void sum_up(const struct clients_load *load, const struct record *records)
{
    size_t samples = 0;
    uint64_t logins = 0, done = 0;
    uint32_t *all;

    for (unsigned i = 0; i < load->clients; i++) {
        samples += records[i].samples;
        logins += records[i].logins;
        done += records[i].all;
    }
    all = calloc(samples + 1, sizeof *all);
    if (!all)
        abort();
    samples = 0;
    for (unsigned i = 0; i < load->clients; i++) {
        memcpy(all + samples, records[i].microseconds, records[i].samples * sizeof *all);
        samples += records[i].samples;
    }
    qsort(all, samples, sizeof *all, compare);
    printf("logins %llu rate %.1f p50 %.3f p99 %.3f all %llu\n", (unsigned long long)logins,
           (double)logins / load->seconds, all[samples / 2] / 1e3, all[samples * 99 / 100] / 1e3,
           (unsigned long long)done);
    free(all);
}

int clients_run(const struct clients_load *load, const struct clients_task *task)
{
    struct record *records = mmap(NULL, load->clients * sizeof *records, PROT_READ | PROT_WRITE,
                                  MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    double start = now();
    int failed = 0, status;

    if (records == MAP_FAILED || load->clients == 0 || load->clients > CLIENTS_MAX)
        return 1;
    for (unsigned i = 0; i < load->clients; i++) {
        pid_t pid = fork();

        if (pid == 0)
            _exit(client_main(load, task, i, start, &records[i]));
        if (pid < 0)
            failed = 1;
    }
    while (wait(&status) > 0)
        if (status != 0)
            failed = 1;
    if (!failed)
        sum_up(load, records);
    munmap(records, load->clients * sizeof *records);
    return failed;
}
