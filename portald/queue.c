/* The queue's thread and its public calls. queue_run() hands a call over and waits; the thread
   takes whatever waits, runs it in one transaction, commits once, and answers everybody. */
#include "config.h"

#include "queue.h"

#include "queue-backend.h"

#include "cleanup.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/eventfd.h>

/* So long nobody must have come before the thread tidies up after a commit. */
#define QUEUE_IDLE_NS 200000000L

/* A call that waits for its commit; on its caller's stack. */
struct op {
    queue_function run;
    struct queue_call *call;
    int result;
    bool done;
    pthread_cond_t answered;
    struct op *next;
};

struct queue {
    const struct queue_backend *backend;
    struct queue_store *store;
    int wake[QUEUE_WAKES];
    pthread_t thread;
    bool running;
    atomic_int health;

    pthread_mutex_t lock; /* for all below, and for done of each op */
    pthread_cond_t work;
    struct op *first, **end;
    bool stopping;
};

DEFINE_CLEANUP(struct queue, queue_free)

static void call_forget(struct queue_call *call)
{
    job_list_clear(&call->list);
    job_clear(&call->found);
    call->stats = (struct queue_stats){0};
    call->count = 0;
    call->more = false;
    call->wake = 0;
}

/* Runs one call under its mark. Negative only when the whole transaction is lost with it. */
static int op_run(struct queue *queue, struct op *op)
{
    op->result = queue->backend->mark(queue->store);
    if (op->result < 0)
        return op->result;
    op->result = op->run(queue->store, op->call);
    if (op->result >= 0)
        op->result = queue->backend->keep(queue->store);
    if (op->result >= 0)
        return 0;
    call_forget(op->call);
    return queue->backend->undo(queue->store) < 0 ? op->result : 0;
}

/* One transaction for ops up to (not including) end. */
static int ops_commit(struct queue *queue, struct op *ops, const struct op *end)
{
    int r = queue->backend->begin(queue->store);
    for (struct op *op = ops; r >= 0 && op != end; op = op->next)
        r = op_run(queue, op);
    if (r >= 0)
        r = queue->backend->commit(queue->store);
    if (r >= 0)
        return 0;
    queue->backend->rollback(queue->store);
    for (struct op *op = ops; op != end; op = op->next) {
        call_forget(op->call);
        op->result = r;
    }
    return r;
}

/* When the common commit fails (a full disk, say), each call gets a transaction of its own, so that
   only those fail that can't be done: reading still works. */
static void ops_run(struct queue *queue, struct op *ops)
{
    if (ops_commit(queue, ops, NULL) >= 0 || !ops->next)
        return;
    for (struct op *op = ops; op; op = op->next)
        ops_commit(queue, op, op->next);
}

static void ops_answer(struct queue *queue, struct op *ops)
{
    unsigned wake = 0;
    for (const struct op *op = ops; op; op = op->next)
        wake |= op->call->wake;
    for (unsigned i = 0; i < QUEUE_WAKES; i++)
        if (wake & (1u << i))
            (void)eventfd_write(queue->wake[i], 1);

    pthread_mutex_lock(&queue->lock);
    while (ops) {
        if (ops->result == -EBADMSG)
            atomic_store(&queue->health, -EBADMSG);
        struct op *next = ops->next; /* once it is done, its caller may be gone with it */
        ops->done = true;
        pthread_cond_signal(&ops->answered);
        ops = next;
    }
    pthread_mutex_unlock(&queue->lock);
}

/* Waits with the lock held. Returns ETIMEDOUT when it was quiet for QUEUE_IDLE_NS and untidy. */
static int work_wait(struct queue *queue, bool untidy)
{
    if (!untidy)
        return pthread_cond_wait(&queue->work, &queue->lock);
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += QUEUE_IDLE_NS;
    until.tv_sec += until.tv_nsec / 1000000000L;
    until.tv_nsec %= 1000000000L;
    return pthread_cond_timedwait(&queue->work, &queue->lock, &until);
}

/* Takes everything that waits; NULL when the queue is being closed and nothing is left. */
static struct op *ops_take(struct queue *queue, bool untidy)
{
    pthread_mutex_lock(&queue->lock);
    while (!queue->first && !queue->stopping) {
        if (work_wait(queue, untidy) != ETIMEDOUT || queue->first)
            continue;
        untidy = false;
        pthread_mutex_unlock(&queue->lock);
        queue->backend->tidy(queue->store, true);
        pthread_mutex_lock(&queue->lock);
    }
    struct op *ops = TAKE(queue->first);
    queue->end = &queue->first;
    pthread_mutex_unlock(&queue->lock);
    return ops;
}

static void *queue_thread(void *argument)
{
    struct queue *queue = argument;
    pthread_setname_np(pthread_self(), "queue");
    struct op *ops = ops_take(queue, true);
    while (ops) {
        ops_run(queue, ops);
        ops_answer(queue, ops);
        queue->backend->tidy(queue->store, false);
        ops = ops_take(queue, true);
    }
    return NULL;
}

/* Damage is -EIO to callers: -EBADMSG means a grant, or so, further up. */
static int op_result(const struct op *op)
{
    return op->result == -EBADMSG ? -EIO : op->result;
}

static int queue_run(struct queue *queue, queue_function run, struct queue_call *call)
{
    if (!queue->store)
        return -EIO;
    struct op op = {.run = run, .call = call};
    pthread_cond_init(&op.answered, NULL);
    pthread_mutex_lock(&queue->lock);
    *queue->end = &op;
    queue->end = &op.next;
    pthread_cond_signal(&queue->work);
    while (!op.done)
        pthread_cond_wait(&op.answered, &queue->lock);
    pthread_mutex_unlock(&queue->lock);
    pthread_cond_destroy(&op.answered);
    return op_result(&op);
}

/* Hands all of ops over at once: they share a commit, and are answered together. */
static void queue_run_many(struct queue *queue, struct op *ops, size_t count)
{
    struct op *last = &ops[count - 1];

    pthread_mutex_lock(&queue->lock);
    for (size_t i = 0; i < count; i++) {
        pthread_cond_init(&ops[i].answered, NULL);
        *queue->end = &ops[i];
        queue->end = &ops[i].next;
    }
    pthread_cond_signal(&queue->work);
    while (!last->done)
        pthread_cond_wait(&last->answered, &queue->lock);
    pthread_mutex_unlock(&queue->lock);
    for (size_t i = 0; i < count; i++)
        pthread_cond_destroy(&ops[i].answered);
}

/* The thread takes no signals: they are the main thread's. */
static int thread_start(struct queue *queue)
{
    sigset_t all, before;
    sigfillset(&all);
    int r = pthread_sigmask(SIG_SETMASK, &all, &before);
    if (r != 0)
        return -r;
    r = pthread_create(&queue->thread, NULL, queue_thread, queue);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    queue->running = r == 0;
    return -r;
}

static struct queue *queue_new(void)
{
    struct queue *queue = calloc(1, sizeof *queue);
    if (!queue)
        return NULL;
    queue->backend = &queue_backend_sqlite;
    queue->end = &queue->first;
    for (size_t i = 0; i < ELEMENTS(queue->wake); i++)
        queue->wake[i] = -1;
    pthread_mutex_init(&queue->lock, NULL);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&queue->work, &monotonic);
    pthread_condattr_destroy(&monotonic);
    return queue;
}

static int wakes_open(struct queue *queue)
{
    for (size_t i = 0; i < ELEMENTS(queue->wake); i++) {
        queue->wake[i] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
        if (queue->wake[i] < 0)
            return -errno;
    }
    return 0;
}

int queue_open_without(int error, struct queue **ret)
{
    _cleanup_(queue_free_p) struct queue *queue = queue_new();
    int r = queue ? wakes_open(queue) : -ENOMEM;
    if (r < 0)
        return r;
    atomic_store(&queue->health, error);
    *ret = TAKE(queue);
    return 0;
}

int queue_health(struct queue *queue)
{
    return atomic_load(&queue->health);
}

int queue_open(const struct queue_options *options, struct queue **ret)
{
    _cleanup_(queue_free_p) struct queue *queue = queue_new();
    int r = queue ? wakes_open(queue) : -ENOMEM;
    if (r >= 0)
        r = queue->backend->open(options, &queue->store);
    if (r < 0)
        return r;
    r = thread_start(queue);
    if (r < 0)
        return r;
    struct queue_call call = {0};
    r = queue_run(queue, queue->backend->waiting, &call);
    if (r < 0)
        return r;
    *ret = TAKE(queue);
    return 0;
}

struct queue *queue_free(struct queue *queue)
{
    if (!queue)
        return NULL;
    if (queue->running) {
        pthread_mutex_lock(&queue->lock);
        queue->stopping = true;
        pthread_cond_signal(&queue->work);
        pthread_mutex_unlock(&queue->lock);
        pthread_join(queue->thread, NULL);
    }
    queue->backend->close(queue->store);
    for (size_t i = 0; i < ELEMENTS(queue->wake); i++)
        close_p(&queue->wake[i]);
    pthread_cond_destroy(&queue->work);
    pthread_mutex_destroy(&queue->lock);
    free(queue);
    return NULL;
}

int queue_wake_fd(struct queue *queue, enum job_kind kind)
{
    return queue->wake[kind];
}

int queue_untold_fd(struct queue *queue)
{
    return queue->wake[QUEUE_WAKE_UNTOLD];
}

/* The public calls: each says what goes in and what comes out. */

static int run_for_list(struct queue *queue, queue_function run, struct queue_call *call,
                        struct job_list *ret)
{
    int r = queue_run(queue, run, call);
    if (r >= 0)
        *ret = call->list;
    return r;
}

static int run_for_count(struct queue *queue, queue_function run, struct queue_call *call,
                         unsigned *ret)
{
    int r = queue_run(queue, run, call);
    if (r >= 0 && ret)
        *ret = call->count;
    return r;
}

static int run_for_job(struct queue *queue, queue_function run, struct queue_call *call,
                       struct job *ret)
{
    int r = queue_run(queue, run, call);
    if (r >= 0)
        *ret = call->found;
    return r;
}

int queue_put(struct queue *queue, const struct job *job)
{
    return queue_run(queue, queue->backend->put, &(struct queue_call){.job = job});
}

int queue_ready(struct queue *queue, const char *id)
{
    return queue_run(queue, queue->backend->ready, &(struct queue_call){.id = id});
}

int queue_ready_and_finish(struct queue *queue, const char *id, const char *parent, uint64_t fence,
                           const char *note)
{
    return queue_run(
        queue, queue->backend->ready_and_finish,
        &(struct queue_call){.id = id, .parent = parent, .fence = fence, .note = note});
}

int queue_drop_staged(struct queue *queue, const char *id)
{
    return queue_run(queue, queue->backend->drop_staged, &(struct queue_call){.id = id});
}

int queue_claim(struct queue *queue, const struct queue_claim *claim, struct job_list *ret)
{
    return run_for_list(queue, queue->backend->claim, &(struct queue_call){.claim = claim}, ret);
}

int queue_finish(struct queue *queue, const char *id, uint64_t fence, enum job_state end,
                 const char *note, time_t happened, bool untold)
{
    return queue_run(queue, queue->backend->finish,
                     &(struct queue_call){.id = id,
                                          .fence = fence,
                                          .end = end,
                                          .note = note,
                                          .when = happened,
                                          .untold = untold});
}

int queue_retry(struct queue *queue, const char *id, uint64_t fence, time_t due, const char *note)
{
    return queue_run(queue, queue->backend->retry,
                     &(struct queue_call){.id = id, .fence = fence, .when = due, .note = note});
}

/* Many calls that share a commit: .run and .call of each are set. */
struct many {
    struct queue_call *calls;
    struct op *ops;
};

static void many_clear(struct many *many)
{
    free(many->calls);
    free(many->ops);
}

static int many_make(size_t count, struct many *ret)
{
    struct many many = {.calls = calloc(count, sizeof *many.calls),
                        .ops = calloc(count, sizeof *many.ops)};

    *ret = many;
    for (size_t i = 0; many.calls && many.ops && i < count; i++)
        many.ops[i].call = &many.calls[i];
    return many.calls && many.ops ? 0 : -ENOMEM;
}

static int many_run(struct queue *queue, struct many *many, size_t count)
{
    if (!queue->store)
        return -EIO;
    queue_run_many(queue, many->ops, count);
    return 0;
}

void queue_end_many(struct queue *queue, struct queue_end *ends, size_t count)
{
    _cleanup_(many_clear) struct many many = {0};
    int r = many_make(count, &many);

    for (size_t i = 0; r == 0 && i < count; i++) {
        bool again = ends[i].state == JOB_READY;

        many.calls[i] = (struct queue_call){.id = ends[i].id,
                                            .fence = ends[i].fence,
                                            .end = ends[i].state,
                                            .note = ends[i].note,
                                            .when = ends[i].when,
                                            .untold = ends[i].untold};
        many.ops[i].run = again ? queue->backend->retry : queue->backend->finish;
    }
    if (r == 0 && count > 0)
        r = many_run(queue, &many, count);
    for (size_t i = 0; i < count; i++)
        ends[i].result = r < 0 ? r : op_result(&many.ops[i]);
}

void queue_sent_to(struct queue *queue, struct queue_sent *sent, size_t count)
{
    _cleanup_(many_clear) struct many many = {0};
    int r = many_make(count, &many);

    for (size_t i = 0; r == 0 && i < count; i++) {
        many.calls[i] = (struct queue_call){
            .id = sent[i].id, .fence = sent[i].fence, .address = sent[i].address};
        many.ops[i].run = queue->backend->sent_to;
    }
    if (r == 0 && count > 0)
        r = many_run(queue, &many, count);
    for (size_t i = 0; i < count; i++)
        sent[i].result = r < 0 ? r : op_result(&many.ops[i]);
}

int queue_printed(struct queue *queue, const char *id, const char *batch, time_t happened,
                  const char *note)
{
    return queue_run(
        queue, queue->backend->printed,
        &(struct queue_call){.id = id, .batch = batch, .when = happened, .note = note});
}

int queue_posted(struct queue *queue, const char *batch, time_t happened, unsigned *ret_count)
{
    return run_for_count(queue, queue->backend->posted,
                         &(struct queue_call){.batch = batch, .when = happened}, ret_count);
}

int queue_uncertain(struct queue *queue, const char *id, const char *batch, const char *note)
{
    return queue_run(queue, queue->backend->uncertain,
                     &(struct queue_call){.id = id, .batch = batch, .note = note});
}

int queue_again(struct queue *queue, const char *id, time_t now, const char *note)
{
    return queue_run(queue, queue->backend->again,
                     &(struct queue_call){.id = id, .when = now, .note = note});
}

int queue_returned(struct queue *queue, const char *id, time_t happened, const char *note)
{
    return queue_run(queue, queue->backend->returned,
                     &(struct queue_call){.id = id, .when = happened, .note = note});
}

int queue_bounced(struct queue *queue, const char *id, bool failed, const char *note)
{
    return queue_run(
        queue, queue->backend->bounced,
        &(struct queue_call){.id = id, .end = failed ? JOB_FAILED : JOB_DONE, .note = note});
}

int queue_withdraw(struct queue *queue, const char *entry, int kind, const char *note,
                   unsigned *ret_count)
{
    return run_for_count(queue, queue->backend->withdraw,
                         &(struct queue_call){.entry = entry, .kind = kind, .note = note},
                         ret_count);
}

int queue_untold(struct queue *queue, time_t now, size_t most, struct job_list *ret)
{
    return run_for_list(queue, queue->backend->untold,
                        &(struct queue_call){.when = now, .most = most}, ret);
}

int queue_told(struct queue *queue, const struct job *job)
{
    return queue_run(queue, queue->backend->told, &(struct queue_call){.job = job});
}

int queue_tell_later(struct queue *queue, const struct job *job, time_t when, const char *why)
{
    return queue_run(queue, queue->backend->tell_later,
                     &(struct queue_call){.job = job, .when = when, .note = why});
}

int queue_orphans(struct queue *queue, time_t now, size_t most, struct job_list *ret)
{
    return run_for_list(queue, queue->backend->orphans,
                        &(struct queue_call){.when = now, .most = most}, ret);
}

int queue_orphan_later(struct queue *queue, const char *id, time_t lease, const char *note)
{
    return queue_run(queue, queue->backend->orphan_later,
                     &(struct queue_call){.id = id, .when = lease, .note = note});
}

int queue_get(struct queue *queue, const char *id, struct job *ret)
{
    return run_for_job(queue, queue->backend->get, &(struct queue_call){.id = id}, ret);
}

int queue_by_reference(struct queue *queue, const char *hash, struct job *ret)
{
    return run_for_job(queue, queue->backend->by_reference, &(struct queue_call){.id = hash}, ret);
}

int queue_count_mails(struct queue *queue, const char *address, const char *entry,
                      const char *topic, time_t since, unsigned *ret)
{
    return run_for_count(
        queue, queue->backend->count_mails,
        &(struct queue_call){.address = address, .entry = entry, .topic = topic, .when = since},
        ret);
}

int queue_list(struct queue *queue, const struct queue_filter *filter, struct job_list *ret)
{
    return run_for_list(queue, queue->backend->list, &(struct queue_call){.filter = filter}, ret);
}

int queue_stats(struct queue *queue, struct queue_stats *ret)
{
    struct queue_call call = {0};
    int r = queue_run(queue, queue->backend->stats, &call);
    if (r >= 0)
        *ret = call.stats;
    return r;
}

int queue_prune(struct queue *queue, time_t now, bool *ret_more)
{
    struct queue_call call = {.when = now};
    int r = queue_run(queue, queue->backend->prune, &call);
    if (r >= 0 && ret_more)
        *ret_more = call.more;
    return r;
}

int queue_retry_now(struct queue *queue, const char *id, time_t now)
{
    return queue_run(queue, queue->backend->retry_now, &(struct queue_call){.id = id, .when = now});
}

int queue_forget(struct queue *queue, const char *entry, char *const *policies, const char *note)
{
    struct queue_call call = {.entry = entry, .kind = -1, .policies = policies, .note = note};

    return queue_run(queue, queue->backend->forget, &call);
}

int queue_withdraw_one(struct queue *queue, const char *id, const char *note)
{
    return queue_run(queue, queue->backend->withdraw_one,
                     &(struct queue_call){.id = id, .note = note});
}
