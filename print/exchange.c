/* An exchange with a printer that may mean harm: exchange.h. libcups waits for each byte anew, so
   a thread of ours cuts the connection when the time is over, wherever libcups is. */
#include "config.h"

#include "exchange.h"

#include "cleanup.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

/* In a build for tests so short that it happens. */
#ifdef ENABLE_TEST_CLOCK
#define EXCHANGE_SECONDS 4
#else
#define EXCHANGE_SECONDS 60
#endif
#define CUT_AGAIN_MS     200 /* libcups may have connected again */
#define ANSWER_MOST      (1024 * 1024)
#define COLLECTIONS_MOST 1000 /* libcups nests them by recursion */

struct exchange {
    http_t *http;
    size_t left;          /* bytes that may still come */
    unsigned collections; /* so many have begun */
    bool too_much;
    bool late, over; /* under lock */
    pthread_mutex_t lock;
    pthread_cond_t ended;
    pthread_t thread;
};

static struct timespec after_ms(struct timespec t, long ms)
{
    t.tv_sec += ms / 1000;
    t.tv_nsec += ms % 1000 * 1000000;
    if (t.tv_nsec >= 1000000000) {
        t.tv_sec++;
        t.tv_nsec -= 1000000000;
    }
    return t;
}

/* Until the exchange is over: lets the time pass, then cuts, and cuts. */
static void *watch_clock(void *userdata)
{
    struct exchange *x = userdata;
    struct timespec until;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until = after_ms(until, EXCHANGE_SECONDS * 1000L);
    pthread_mutex_lock(&x->lock);
    while (!x->over) {
        if (pthread_cond_timedwait(&x->ended, &x->lock, &until) != ETIMEDOUT)
            continue;
        x->late = true;
        shutdown(httpGetFd(x->http), SHUT_RDWR);
        until = after_ms(until, CUT_AGAIN_MS);
    }
    pthread_mutex_unlock(&x->lock);
    return NULL;
}

int exchange_begin(http_t *http, struct exchange **ret)
{
    struct exchange *x = calloc(1, sizeof *x);
    pthread_condattr_t attributes;
    int r;

    if (!x)
        return -ENOMEM;
    x->http = http;
    x->left = ANSWER_MOST;
    pthread_mutex_init(&x->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&x->ended, &attributes);
    pthread_condattr_destroy(&attributes);
    r = -pthread_create(&x->thread, NULL, watch_clock, x);
    if (r < 0) {
        pthread_cond_destroy(&x->ended);
        pthread_mutex_destroy(&x->lock);
        free(x);
        return r;
    }
    *ret = x;
    return 0;
}

struct exchange *exchange_end(struct exchange *x)
{
    if (!x)
        return NULL;
    pthread_mutex_lock(&x->lock);
    x->over = true;
    pthread_cond_signal(&x->ended);
    pthread_mutex_unlock(&x->lock);
    pthread_join(x->thread, NULL);
    pthread_cond_destroy(&x->ended);
    pthread_mutex_destroy(&x->lock);
    free(x);
    return NULL;
}

bool exchange_is_late(struct exchange *x)
{
    bool late;

    pthread_mutex_lock(&x->lock);
    late = x->late;
    pthread_mutex_unlock(&x->lock);
    return late;
}

/* ippReadIO()'s, which takes less than it wants for an end. Tags are read one by one; what looks
   like the beginning of a collection counts as one. */
static ssize_t read_all(void *userdata, ipp_uchar_t *buffer, size_t size)
{
    struct exchange *x = userdata;
    size_t have = 0;

    x->too_much |= size > x->left || x->collections > COLLECTIONS_MOST;
    while (have < size && !x->too_much && !exchange_is_late(x)) {
        ssize_t n = httpRead2(x->http, (char *)buffer + have, size - have);

        if (n <= 0)
            return -1;
        have += (size_t)n;
    }
    if (have < size)
        return -1;
    x->left -= size;
    x->collections += size == 1 && *buffer == IPP_TAG_BEGIN_COLLECTION;
    return (ssize_t)size;
}

static const char *reason(struct exchange *x)
{
    return exchange_is_late(x) ? "its answer takes too long"
           : x->too_much       ? "its answer is too long"
                               : "its answer isn't IPP, or was cut";
}

/* The beginning of what httpUpdate() returns: 100 as often as the printer likes, then the status.
 */
static http_status_t read_head(struct exchange *x)
{
    http_status_t status = HTTP_STATUS_CONTINUE;

    while (status == HTTP_STATUS_CONTINUE && !exchange_is_late(x))
        status = httpUpdate(x->http);
    return status;
}

ipp_t *exchange_answer(struct exchange *x, http_status_t *ret_status, const char **ret_why)
{
    ipp_t *answer = NULL;
    ipp_state_t state = IPP_STATE_ERROR;
    http_status_t status = read_head(x);

    *ret_status = status;
    if (status == HTTP_STATUS_OK && (answer = ippNew())) {
        state = ippReadIO(x, read_all, 1, NULL, answer);
        if (state == IPP_STATE_DATA && !exchange_is_late(x))
            return answer;
        *ret_why = reason(x);
    } else {
        *ret_why = exchange_is_late(x) ? reason(x) : httpStatus(status);
    }
    ippDelete(answer);
    return NULL;
}
