/* A pool of threads; workers_put() gives them something to do. */
#include "config.h"

#include "workers.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>

#define STACK_SIZE (256u * 1024)

struct workers {
    pthread_mutex_t mutex;
    pthread_cond_t filled;
    workers_job *run;
    void *userdata;
    pthread_t *threads;
    unsigned count;
    bool stop;
    void *waiting[WORKERS_WAITING]; /* a ring */
    size_t first, used;
};

/* NULL: no more will come. */
static void *take(struct workers *w)
{
    void *job = NULL;

    pthread_mutex_lock(&w->mutex);
    while (w->used == 0 && !w->stop)
        pthread_cond_wait(&w->filled, &w->mutex);
    if (w->used > 0) {
        job = w->waiting[w->first];
        w->first = (w->first + 1) % WORKERS_WAITING;
        w->used--;
    }
    pthread_mutex_unlock(&w->mutex);
    return job;
}

static void *work(void *userdata)
{
    struct workers *w = userdata;
    void *job;

    while ((job = take(w)))
        w->run(w->userdata, job);
    return NULL;
}

int workers_put(struct workers *workers, void *job)
{
    int r = -EBUSY;

    pthread_mutex_lock(&workers->mutex);
    if (workers->used < WORKERS_WAITING && !workers->stop) {
        workers->waiting[(workers->first + workers->used++) % WORKERS_WAITING] = job;
        pthread_cond_signal(&workers->filled);
        r = 0;
    }
    pthread_mutex_unlock(&workers->mutex);
    return r;
}

static int start_threads(struct workers *w, unsigned count)
{
    pthread_attr_t attributes;
    int r = 0;

    if ((r = pthread_attr_init(&attributes)) != 0)
        return -r;
    r = pthread_attr_setstacksize(&attributes, STACK_SIZE);
    for (; r == 0 && w->count < count; w->count++)
        if ((r = pthread_create(&w->threads[w->count], &attributes, work, w)) != 0)
            break;
    pthread_attr_destroy(&attributes);
    return -r;
}

int workers_start(unsigned count, workers_job *run, void *userdata, struct workers **ret)
{
    struct workers *w = calloc(1, sizeof *w);
    int r;

    if (!w || !(w->threads = calloc(count, sizeof *w->threads))) {
        free(w);
        return -ENOMEM;
    }
    pthread_mutex_init(&w->mutex, NULL);
    pthread_cond_init(&w->filled, NULL);
    w->run = run;
    w->userdata = userdata;
    if ((r = start_threads(w, count)) < 0) {
        workers_free(w);
        return r;
    }
    *ret = w;
    return 0;
}

void workers_stop(struct workers *w)
{
    pthread_mutex_lock(&w->mutex);
    w->stop = true;
    pthread_cond_broadcast(&w->filled);
    pthread_mutex_unlock(&w->mutex);
    for (unsigned i = 0; i < w->count; i++)
        pthread_join(w->threads[i], NULL);
    w->count = 0;
}

struct workers *workers_free(struct workers *w)
{
    if (!w)
        return NULL;
    workers_stop(w);
    pthread_cond_destroy(&w->filled);
    pthread_mutex_destroy(&w->mutex);
    free(w->threads);
    free(w);
    return NULL;
}
