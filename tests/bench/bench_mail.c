/* Mails from durable in the queue to accepted by a relay, with couriers, templates and mailers as
   they are: one line with what it took. tests/bench/mail sets the stage and runs it. */
#include "config.h"

#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "clock.h"
#include "log.h"
#include "portald/courier.h"

#define CUSTOMERS 1000 /* nobody has so many mails waiting that they would be put behind others */
#define PUTTERS   8    /* threads that queue mails: as many as portald has workers */
#define LIMIT     2000000
#define PATIENCE  600 /* seconds */

struct setup {
    struct queue_options queue;
    struct courier_options couriers;
    struct compose_options mails;
    unsigned long count;
    long retry; /* seconds */
    bool flow;
};

struct bench {
    struct queue *queue;
    unsigned long mails;
    unsigned putters_failed;
};

struct putter {
    struct bench *bench;
    pthread_t thread;
    unsigned number;
};

static int put_one(struct bench *bench, unsigned long number)
{
    struct job job = {.kind = JOB_MAIL, .state = JOB_READY, .topic = "confirm"};
    char payload[200];

    snprintf(payload, sizeof payload,
             "{\"to\": \"kunde-%lu@kunde.example\", \"language\": \"de\", \"name\": "
             "\"Erika Mustermann\"}",
             number);
    ulid_make(clock_now_ms(), job.id);
    snprintf(job.entry, sizeof job.entry, "00000000-0000-4000-8000-%012lu", number % CUSTOMERS);
    snprintf(job.subject, sizeof job.subject, "c-%lu", number % CUSTOMERS);
    job.created = job.due = clock_now();
    job.expires = job.created + DAY;
    job.payload = (uint8_t *)payload;
    job.payload_size = strlen(payload);
    return queue_put(bench->queue, &job);
}

static void *putter_main(void *userdata)
{
    const struct putter *putter = userdata;

    for (unsigned long i = putter->number; i < putter->bench->mails; i += PUTTERS)
        if (put_one(putter->bench, i) < 0)
            __atomic_add_fetch(&putter->bench->putters_failed, 1, __ATOMIC_RELAXED);
    return NULL;
}

static int put_all(struct bench *bench)
{
    struct putter putters[PUTTERS];
    unsigned started = 0;

    for (; started < PUTTERS; started++) {
        putters[started] = (struct putter){.bench = bench, .number = started};
        if (pthread_create(&putters[started].thread, NULL, putter_main, &putters[started]) != 0)
            break;
    }
    for (unsigned i = 0; i < started; i++)
        pthread_join(putters[i].thread, NULL);
    return started == PUTTERS && bench->putters_failed == 0 ? 0 : -EIO;
}

static bool something_left(struct bench *bench)
{
    struct queue_filter filter = {.kind = JOB_MAIL, .state = -1, .unfinished = true, .most = 1};
    struct job_list list = {0};
    bool left = queue_list(bench->queue, &filter, &list) < 0 || list.count > 0;

    job_list_clear(&list);
    return left;
}

static int await_all(struct bench *bench)
{
    int64_t end = clock_monotonic_ms() + PATIENCE * 1000;
    struct queue_stats stats = {0};
    int r;

    while (something_left(bench) && clock_monotonic_ms() < end)
        poll(NULL, 0, 20);
    r = queue_stats(bench->queue, &stats);
    return r < 0 ? r : stats.count[JOB_MAIL][JOB_DONE] == bench->mails ? 0 : -ETIMEDOUT;
}

static long rss_kb(void)
{
    _cleanup_fclose_ FILE *f = fopen("/proc/self/status", "re");
    char line[200];
    long kb = 0;

    while (f && fgets(line, sizeof line, f))
        if (sscanf(line, "VmRSS: %ld", &kb) == 1)
            break;
    return kb;
}

static size_t mail_size(const struct compose *compose)
{
    static const char payload[] = "{\"to\": \"kunde-1@kunde.example\", \"language\": \"de\", "
                                  "\"name\": \"Erika Mustermann\"}";
    struct job job = {.kind = JOB_MAIL, .topic = "confirm", .payload_size = sizeof payload - 1};
    _cleanup_(mail_clear) struct mail mail = {0};

    ulid_make(clock_now_ms(), job.id);
    job.payload = (uint8_t *)(uintptr_t)payload;
    return compose_mail(compose, &job, clock_now(), &mail) < 0 ? 0 : mail.message_size;
}

/* In a flow mails are queued while others are sent; else they all wait when the couriers start. */
static int run(struct bench *bench, const struct courier_options *options,
               const struct compose *compose, bool flow)
{
    struct couriers *couriers = NULL;
    int64_t began = clock_monotonic_ms(), took;
    int r = flow ? 0 : put_all(bench);

    if (r == 0 && !flow)
        began = clock_monotonic_ms();
    if (r == 0)
        r = couriers_start(options, compose, bench->queue, &couriers);
    if (r == 0 && flow)
        r = put_all(bench);
    if (r == 0)
        r = await_all(bench);
    took = clock_monotonic_ms() - began;
    couriers_stop(couriers);
    if (r == 0)
        printf("mails %lu seconds %.3f rate %.1f bytes %zu rss_mb %.1f\n", bench->mails,
               (double)took / 1000, (double)bench->mails * 1000 / (double)took, mail_size(compose),
               (double)rss_kb() / 1024);
    return r;
}

static int options_read(int argc, char **argv, struct setup *setup)
{
    static const struct option words[] = {
        {"queue", required_argument, NULL, 'q'},
        {"templates", required_argument, NULL, 't'},
        {"mailer", required_argument, NULL, 'm'},
        {"config", required_argument, NULL, 'c'},
        {"mails", required_argument, NULL, 'n'},
        {"couriers", required_argument, NULL, 'p'},
        {"retry", required_argument, NULL, 'r'},
        {"flow", no_argument, NULL, 'f'},
        {0},
    };
    int c;

    while ((c = getopt_long(argc, argv, "", words, NULL)) != -1)
        switch (c) {
        case 'q':
            setup->queue.path = optarg;
            break;
        case 't':
            setup->mails.templates = optarg;
            break;
        case 'm':
            setup->couriers.mailer_program = optarg;
            break;
        case 'c':
            setup->couriers.mailer_config = optarg;
            break;
        case 'n':
            setup->count = strtoul(optarg, NULL, 10);
            break;
        case 'p':
            setup->couriers.couriers = (unsigned)strtoul(optarg, NULL, 10);
            break;
        case 'r':
            setup->retry = strtol(optarg, NULL, 10);
            break;
        case 'f':
            setup->flow = true;
            break;
        default:
            return -EINVAL;
        }
    return setup->queue.path && setup->mails.templates && setup->couriers.mailer_program &&
                   setup->couriers.mailer_config
               ? 0
               : -EINVAL;
}

int main(int argc, char **argv)
{
    struct setup setup = {
        .queue = {.limit = LIMIT, .keep = DAY},
        .couriers = {.couriers = 4, .batch = 50, .deadline = 120, .retries = 1},
        .mails = {.sender = "konto@versicherung.example",
                  .sender_name = "Beispiel Versicherung",
                  .base_url = "https://konto.versicherung.example",
                  .company = "Beispiel Versicherung",
                  .support = "Telefon 0221 555-0100",
                  .message_domain = "versicherung.example"},
        .count = 10000,
        .retry = 60,
    };
    static const struct keys keys;
    _cleanup_(compose_free_p) struct compose *compose = NULL;
    struct bench bench = {0};
    char problem[200] = "";
    int r = options_read(argc, argv, &setup);

    if (r < 0)
        return 2;
    log_open("bench_mail", LOG_INFO); /* as portald does: a line a mail */
    setup.couriers.retry = &setup.retry;
    bench.mails = setup.count;
    r = compose_open(&setup.mails, &keys, problem, sizeof problem, &compose);
    if (r == 0)
        r = queue_open(&setup.queue, &bench.queue);
    if (r == 0)
        r = run(&bench, &setup.couriers, compose, setup.flow);
    queue_free(bench.queue);
    if (r < 0)
        fprintf(stderr, "bench_mail: %s %s\n", strerror(-r), problem);
    return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
