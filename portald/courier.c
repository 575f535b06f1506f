/* Couriers: threads that take mails from the queue to a portal-mailer and write down what became of
   them. Way in: couriers_start(). */
#include "config.h"

#include "courier.h"

#include "mailing.h"
#include "note.h"

#include "cleanup.h"
#include "clock.h"
#include "log.h"
#include "messages.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <sys/eventfd.h>

#define IDLE_MS          10000     /* retries become due without anybody waking us */
#define TROUBLE_MS       2000      /* between two attempts to reach a queue that fails */
#define WRITE_TRIES      3         /* to write down what became of a mail */
#define MAILER_IDLE_MS   60000     /* then a mailer with nothing to do is let go */
#define MAILER_AGE_MS    300000    /* … and any mailer after a batch: settings may have changed */
#define LEASE_MARGIN     60        /* seconds beyond the deadline of a batch */
#define MAIL_LIFE        (5 * DAY) /* of mails that don't say when they expire */
#define JITTER_PER_MILLE 200u      /* either way */

struct couriers {
    const struct compose *compose;
    struct queue *queue;
    struct mailing_target target;
    size_t batch;
    long deadline;
    long *retry;
    size_t retries;
    int stop; /* eventfd; readable once and for all */
    struct courier *all;
    size_t running;
};

/* One thread, with a mailer of its own. */
struct courier {
    struct couriers *couriers;
    pthread_t thread;
    struct mailing *mailing; /* NULL: none at present */
    int64_t opened, used;    /* by clock_monotonic_ms() */
};

/* A batch under way. */
struct round {
    struct couriers *couriers;
    struct job_list jobs;
    struct {
        bool pending; /* no outcome yet */
        char recipient[MAIL_ADDRESS_SIZE];
    } * mails;
    size_t left;
};

static void round_clear(struct round *round)
{
    free(round->mails);
    job_list_clear(&round->jobs);
}

/* Waits up to timeout for more to do. False when it is time to stop. */
static bool courier_wait(struct couriers *couriers, int timeout)
{
    struct pollfd p[] = {
        {.fd = couriers->stop, .events = POLLIN},
        {.fd = queue_wake_fd(couriers->queue, JOB_MAIL), .events = POLLIN},
    };
    eventfd_t ignored;

    poll(p, timeout == TROUBLE_MS ? 1 : 2, timeout);
    if (p[1].revents & POLLIN)
        (void)eventfd_read(p[1].fd, &ignored);
    return !(p[0].revents & POLLIN);
}

/* What became of a mail, to be written down. */
struct outcome {
    const struct job *job;
    enum job_state state; /* JOB_READY: to be tried again at when */
    time_t when;
    const char *what; /* for the log */
    bool written;
    char note[JOB_NOTE_SIZE];
};

static time_t retry_delay(const struct couriers *couriers, const struct job *job)
{
    size_t i = job->attempts > 0 ? job->attempts - 1 : 0;
    long delay = couriers->retry[i < couriers->retries ? i : couriers->retries - 1];

    return delay *
           (1000 - (long)JITTER_PER_MILLE + (long)randombytes_uniform(2 * JITTER_PER_MILLE + 1)) /
           1000;
}

/* Again later, unless what it carries would have expired by then. */
static void outcome_defer(const struct couriers *couriers, struct outcome *outcome)
{
    const struct job *job = outcome->job;
    time_t limit = job->expires > 0 ? job->expires : job->created + MAIL_LIFE;

    outcome->state = JOB_READY;
    outcome->what = "deferred";
    outcome->when = clock_now() + retry_delay(couriers, job);
    if (outcome->when < limit)
        return;
    outcome->state = JOB_FAILED;
    outcome->what = "given up, its time is over";
    outcome->when = 0;
}

static void outcome_fail(struct outcome *outcome)
{
    outcome->state = JOB_FAILED;
    outcome->what = "failed";
}

static void outcome_accept(struct outcome *outcome)
{
    outcome->state = JOB_DONE;
    outcome->what = "accepted by the relay";
    outcome->when = clock_now();
}

static void outcome_log(const struct outcome *outcome, int result)
{
    static const struct {
        int level;
        const char *message;
    } kinds[JOB_STATES] = {
        [JOB_READY] = {LOG_NOTICE, MESSAGE_MAIL_DEFERRED},
        [JOB_FAILED] = {LOG_WARNING, MESSAGE_MAIL_FAILED},
        [JOB_DONE] = {LOG_INFO, MESSAGE_MAIL_SENT},
    };
    const struct job *job = outcome->job;

    if (result == 0)
        log_event(kinds[outcome->state].level, kinds[outcome->state].message,
                  LOG_FIELDS("PORTAL_JOB", job->id, "PORTAL_ENTRY", job->subject, "PORTAL_TOPIC",
                             job->topic),
                  "mail %s (%s) %s: %s", job->id, job->topic, outcome->what, outcome->note);
    else if (result != -ESTALE && result != -ENOENT) /* somebody else has it now */
        log_event(LOG_ERR, MESSAGE_QUEUE_TROUBLE, LOG_FIELDS("PORTAL_JOB", job->id),
                  "what became of mail %s can't be written down: %s", job->id, strerror(-result));
}

/* One try for all that aren't written yet. Returns how many are still not. */
static size_t outcomes_try(struct couriers *couriers, struct outcome *outcomes, size_t count,
                           bool last)
{
    struct queue_end ends[MAILING_TOGETHER];
    struct outcome *of[MAILING_TOGETHER];
    size_t n = 0, left = 0;

    for (size_t i = 0; i < count; i++) {
        struct outcome *o = &outcomes[i];

        if (o->written)
            continue;
        of[n] = o;
        ends[n++] = (struct queue_end){.id = o->job->id,
                                       .fence = o->job->fence,
                                       .state = o->state,
                                       .when = o->when,
                                       .untold = o->state != JOB_READY &&
                                                 compose_topic_noted(o->job->topic),
                                       .note = o->note};
    }
    queue_end_many(couriers->queue, ends, n);
    for (size_t i = 0; i < n; i++) {
        int r = ends[i].result;

        of[i]->written = r == 0 || r == -ESTALE || r == -ENOENT;
        left += !of[i]->written;
        if (of[i]->written || last)
            outcome_log(of[i], r);
    }
    return left;
}

/* At most MAILING_TOGETHER, in one commit. */
static void outcomes_write(struct couriers *couriers, struct outcome *outcomes, size_t count)
{
    for (unsigned i = 1; count > 0 && i <= WRITE_TRIES; i++) {
        if (outcomes_try(couriers, outcomes, count, i == WRITE_TRIES) == 0)
            return;
        if (i < WRITE_TRIES)
            courier_wait(couriers, TROUBLE_MS);
    }
}

/* The mail of this round that result is about, if its outcome isn't known yet. */
static const struct job *round_take(struct round *round, const struct mailing_result *result,
                                    char note[static JOB_NOTE_SIZE])
{
    for (size_t i = 0; i < round->jobs.count; i++)
        if (round->mails[i].pending && strcmp(round->jobs.items[i].id, result->job) == 0) {
            round->mails[i].pending = false;
            round->left--;
            note_from_reply(result->text, round->mails[i].recipient, note);
            return &round->jobs.items[i];
        }
    return NULL;
}

static bool round_heard(void *userdata, const struct mailing_result *results, size_t count)
{
    struct outcome outcomes[MAILING_TOGETHER] = {0};
    struct round *round = userdata;
    size_t n = 0;

    for (size_t i = 0; i < count; i++) {
        struct outcome *outcome = &outcomes[n];

        outcome->job = round_take(round, &results[i], outcome->note);
        if (!outcome->job)
            continue;
        if (results[i].result == MAILER_ACCEPTED)
            outcome_accept(outcome);
        else if (results[i].result == MAILER_DEFERRED)
            outcome_defer(round->couriers, outcome);
        else
            outcome_fail(outcome);
        n++;
    }
    outcomes_write(round->couriers, outcomes, n);
    return round->left > 0;
}

static const char *compose_problem(int r)
{
    return r == -EINVAL ? "the address can't be mailed to" : "the job's content makes no sense";
}

/* Composes every mail into the conversation. What can't be composed ends here. */
static int round_compose(struct round *round, struct mailing *mailing)
{
    for (size_t i = 0; i < round->jobs.count; i++) {
        const struct job *job = &round->jobs.items[i];
        _cleanup_(mail_clear) struct mail mail = {0};
        int r = compose_mail(round->couriers->compose, job, clock_now(), &mail);

        if (r == 0) {
            snprintf(round->mails[i].recipient, MAIL_ADDRESS_SIZE, "%s", mail.recipient);
            r = mailing_add(mailing, job->id, &mail);
        }
        if (r == -ENOMEM)
            return r;
        if (r < 0) {
            struct outcome outcome = {.job = job};

            round->mails[i].pending = false;
            round->left--;
            snprintf(outcome.note, sizeof outcome.note, "%s", compose_problem(r));
            outcome_fail(&outcome);
            outcomes_write(round->couriers, &outcome, 1);
        }
    }
    return 0;
}

static int round_run(struct round *round, struct courier *courier)
{
    struct couriers *couriers = round->couriers;
    int64_t now = clock_monotonic_ms();
    int r = 0;

    if (courier->mailing && !mailing_alive(courier->mailing))
        courier->mailing = mailing_close(courier->mailing);
    if (!courier->mailing) {
        r = mailing_open(&couriers->target, &courier->mailing);
        courier->opened = now;
    }
    if (r == 0)
        r = round_compose(round, courier->mailing);
    if (r == 0 && round->left > 0)
        r = mailing_run(courier->mailing, now + couriers->deadline * 1000, couriers->stop,
                        round_heard, round);
    courier->used = clock_monotonic_ms();
    if (round->left > 0 || courier->used - courier->opened > MAILER_AGE_MS)
        courier->mailing = mailing_close(courier->mailing);
    return r;
}

/* Mails that nobody told us about: their outcome is unknown, and they are sent again. */
static void round_finish(struct round *round, int error)
{
    struct outcome outcomes[MAILING_TOGETHER] = {0};
    size_t n = 0;

    for (size_t i = 0; i < round->jobs.count; i++) {
        if (round->mails[i].pending) {
            outcomes[n].job = &round->jobs.items[i];
            outcomes[n].written = false;
            snprintf(outcomes[n].note, JOB_NOTE_SIZE, "the mailer gave no result: %s",
                     error < 0 ? strerror(-error) : "it ended early");
            outcome_defer(round->couriers, &outcomes[n++]);
        }
        if (n == MAILING_TOGETHER || i + 1 == round->jobs.count) {
            outcomes_write(round->couriers, outcomes, n);
            n = 0;
        }
    }
}

/* One batch, from claim to results. Returns how many mails it had, or a negative errno. */
static int courier_round(struct courier *courier)
{
    struct couriers *couriers = courier->couriers;
    _cleanup_(round_clear) struct round round = {.couriers = couriers};
    struct queue_claim claim = {.kind = JOB_MAIL, .most = couriers->batch, .now = clock_now()};
    int r;

    claim.lease = claim.now + couriers->deadline + LEASE_MARGIN;
    r = queue_claim(couriers->queue, &claim, &round.jobs);
    if (r < 0 || round.jobs.count == 0)
        return r;
    if (round.jobs.count == couriers->batch) /* there may be more: for a colleague who sleeps */
        (void)eventfd_write(queue_wake_fd(couriers->queue, JOB_MAIL), 1);
    round.mails = calloc(round.jobs.count, sizeof *round.mails);
    if (!round.mails)
        return -ENOMEM;
    round.left = round.jobs.count;
    for (size_t i = 0; i < round.jobs.count; i++)
        round.mails[i].pending = true;
    round_finish(&round, round_run(&round, courier));
    return (int)round.jobs.count;
}

static void *courier_main(void *userdata)
{
    struct courier *courier = userdata;
    int wait = 0;

    while (courier_wait(courier->couriers, wait)) {
        int r = courier_round(courier);

        if (r < 0 && wait != TROUBLE_MS)
            log_event(LOG_ERR, MESSAGE_QUEUE_TROUBLE, NULL, "no mails can be claimed: %s",
                      strerror(-r));
        if (r <= 0 && clock_monotonic_ms() - courier->used > MAILER_IDLE_MS)
            courier->mailing = mailing_close(courier->mailing);
        wait = r > 0 ? 0 : r == 0 ? IDLE_MS : TROUBLE_MS;
    }
    courier->mailing = mailing_close(courier->mailing);
    return NULL;
}

static int threads_start(struct couriers *couriers, size_t count)
{
    sigset_t all, before;
    int r = 0;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are the main thread's */
    while (r == 0 && couriers->running < count) {
        struct courier *courier = &couriers->all[couriers->running];

        courier->couriers = couriers;
        r = pthread_create(&courier->thread, NULL, courier_main, courier);
        if (r == 0)
            couriers->running++;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return -r;
}

int couriers_start(const struct courier_options *options, const struct compose *compose,
                   struct queue *queue, struct couriers **ret)
{
    struct couriers *couriers;
    int r;

    if (options->couriers == 0 || options->batch == 0 || options->retries == 0)
        return -EINVAL;
    couriers = calloc(1, sizeof *couriers);
    if (!couriers)
        return -ENOMEM;
    couriers->compose = compose;
    couriers->queue = queue;
    couriers->batch = options->batch;
    couriers->deadline = options->deadline;
    couriers->retries = options->retries;
    couriers->target = (struct mailing_target){.socket = options->mailer_socket,
                                               .program = options->mailer_program,
                                               .config = options->mailer_config};
    couriers->stop = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    couriers->all = calloc(options->couriers, sizeof *couriers->all);
    couriers->retry = calloc(options->retries, sizeof *couriers->retry);
    r = couriers->stop < 0 ? -errno : couriers->all && couriers->retry ? 0 : -ENOMEM;
    if (r == 0) {
        memcpy(couriers->retry, options->retry, options->retries * sizeof *couriers->retry);
        r = threads_start(couriers, options->couriers);
    }
    if (r < 0) {
        couriers_stop(couriers);
        return r;
    }
    *ret = couriers;
    return 0;
}

struct couriers *couriers_stop(struct couriers *couriers)
{
    if (!couriers)
        return NULL;
    if (couriers->stop >= 0)
        (void)eventfd_write(couriers->stop, 1);
    for (size_t i = 0; i < couriers->running; i++)
        pthread_join(couriers->all[i].thread, NULL);
    if (couriers->stop >= 0)
        close(couriers->stop);
    free(couriers->all);
    free(couriers->retry);
    free(couriers);
    return NULL;
}
