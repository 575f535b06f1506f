/* Rekeying: a thread of its own while it lasts. rekey_start() is the way in. */
#include "config.h"

#include "rekey.h"

#include "swap.h"

#include "cleanup.h"
#include "clock.h"
#include "log.h"
#include "messages.h"

#include <errno.h>
#include <pthread.h>
#include <time.h>

#define STEP_MS      10000
#define SCANS_MOST   5
#define SCAN_WAIT_MS 1000
#define REST_MOST_MS 50

struct rekey {
    const struct totp_keys *keys;
    struct directory_options options;
    struct directory *scan, *work; /* the cookie of a scan wants a connection for itself */
    pthread_t thread;
    pthread_mutex_t mutex; /* guards what follows */
    pthread_cond_t bell;   /* stop was set */
    bool stop, has_thread;
    struct rekey_progress progress;
    struct rekey_lost losses[REKEY_LOST_MOST];
};

void rekey_progress_clear(struct rekey_progress *progress)
{
    free(TAKE(progress->losses));
}

int rekey_look(struct rekey *rekey, struct rekey_progress *ret)
{
    int r = 0;

    pthread_mutex_lock(&rekey->mutex);
    struct rekey_progress copy = rekey->progress;
    copy.losses = calloc(copy.loss_count + 1, sizeof *copy.losses);
    if (copy.losses)
        memcpy(copy.losses, rekey->losses, copy.loss_count * sizeof *copy.losses);
    else
        r = -ENOMEM;
    pthread_mutex_unlock(&rekey->mutex);
    if (r == 0)
        *ret = copy;
    return r;
}

static bool stopping(struct rekey *rekey)
{
    pthread_mutex_lock(&rekey->mutex);
    bool stop = rekey->stop;
    pthread_mutex_unlock(&rekey->mutex);
    return stop;
}

static void count_loss(struct rekey *rekey, const struct entry *entry, const char *why)
{
    struct rekey_progress *p = &rekey->progress;

    pthread_mutex_lock(&rekey->mutex);
    p->lost++;
    if (p->loss_count < REKEY_LOST_MOST) {
        struct rekey_lost *loss = &rekey->losses[p->loss_count++];
        snprintf(loss->uid, sizeof loss->uid, "%s", entry->uid);
        snprintf(loss->why, sizeof loss->why, "%s", why);
    }
    pthread_mutex_unlock(&rekey->mutex);
    log_event(LOG_WARNING, MESSAGE_TOTP_KEY, LOG_FIELDS("PORTAL_ENTRY", entry->uid),
              "The TOTP secret of %s stays as it is: %s", entry->uid, why);
}

static int reseal(struct rekey *rekey, const struct entry *entry)
{
    _cleanup_(changes_clear) struct changes changes = {0};
    uint8_t secret[TOTP_SECRET_BYTES], sealed[ENTRY_TOTP_MAX];
    char why[TOTP_WHY_SIZE];
    size_t size = 0;
    int r = totp_unseal(rekey->keys, entry->uuid, entry->totp_secret, entry->totp_size, secret);

    if (r < 0) {
        totp_explain(entry->totp_secret, entry->totp_size, r, why);
        count_loss(rekey, entry, why);
        return 0;
    }
    r = totp_seal(rekey->keys, entry->uuid, secret, sealed, &size);
    sodium_memzero(secret, sizeof secret);
    if (r < 0)
        return r;
    changes_bytes(&changes, CHANGE_SET, ATTRIBUTE_TOTP_SECRET, sealed, size);
    r = entry_swap(rekey->work, entry, &changes, clock_monotonic_ms() + STEP_MS);
    if (r == 0) {
        pthread_mutex_lock(&rekey->mutex);
        rekey->progress.resealed++;
        pthread_mutex_unlock(&rekey->mutex);
    }
    return r;
}

/* Whoever was faster, a login or the customer, has left an entry to be looked at again. */
static int do_entry(struct rekey *rekey, const struct entry *found)
{
    _cleanup_(entry_free_p) struct entry *again = NULL;
    const struct entry *entry = found;
    int r = -ESTALE;

    for (int i = 0; i < SWAP_TRIES && (r == -ESTALE || r == -EUCLEAN); i++) {
        if (i > 0) {
            again = entry_free(again);
            r = directory_find(rekey->work, DIRECTORY_UUID, found->uuid, false,
                               clock_monotonic_ms() + STEP_MS, &again);
            if (r < 0)
                break;
            entry = again;
        }
        if (entry->totp_size == 0 && !entry->malformed)
            return 0; /* removed meanwhile */
        r = totp_is_old(rekey->keys, entry->totp_secret, entry->totp_size) ? reseal(rekey, entry)
                                                                           : 0;
    }
    return r == -ENOENT ? 0 : r;
}

/* Half of the time is the logins'. */
static void rest(long long worked_ms)
{
    long long ms = worked_ms < REST_MOST_MS ? worked_ms : REST_MOST_MS;
    struct timespec t = {.tv_nsec = ms * 1000000};

    nanosleep(&t, NULL);
}

static int visit(void *userdata, const struct entry *entry)
{
    struct rekey *rekey = userdata;
    long long begun = clock_monotonic_ms();
    int r;

    if (stopping(rekey))
        return -ECANCELED;
    pthread_mutex_lock(&rekey->mutex);
    rekey->progress.seen++;
    pthread_mutex_unlock(&rekey->mutex);
    r = do_entry(rekey, entry);
    if (r < 0 && r != -EHOSTDOWN && r != -ETIMEDOUT && r != -ENOMEM) {
        count_loss(rekey, entry, directory_error(rekey->work));
        r = 0;
    }
    rest(clock_monotonic_ms() - begun);
    return r;
}

/* Waits before the directory is asked again; false when portald stops. */
static bool wait_to_scan(struct rekey *rekey)
{
    struct timespec until;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += SCAN_WAIT_MS / 1000;
    pthread_mutex_lock(&rekey->mutex);
    while (!rekey->stop && pthread_cond_timedwait(&rekey->bell, &rekey->mutex, &until) == 0)
        ;
    bool stop = rekey->stop;
    pthread_mutex_unlock(&rekey->mutex);
    return !stop;
}

/* What is done already costs little when a scan begins anew. */
static int scan_all(struct rekey *rekey)
{
    int r = -ECONNRESET;

    for (int i = 0; i < SCANS_MOST; i++) {
        if (i > 0 && !wait_to_scan(rekey))
            return -ECANCELED;
        pthread_mutex_lock(&rekey->mutex);
        rekey->progress.seen = rekey->progress.lost = 0;
        rekey->progress.loss_count = 0;
        pthread_mutex_unlock(&rekey->mutex);
        r = directory_each(rekey->scan, ATTRIBUTE_TOTP_SECRET, visit, rekey);
        if (r != -ECONNRESET && r != -EHOSTDOWN && r != -ETIMEDOUT)
            break;
    }
    return r;
}

static void *work(void *userdata)
{
    struct rekey *rekey = userdata;
    int r = scan_all(rekey);
    struct rekey_progress p;

    pthread_mutex_lock(&rekey->mutex);
    rekey->progress.error = r;
    rekey->progress.running = false;
    p = rekey->progress;
    pthread_mutex_unlock(&rekey->mutex);
    if (r < 0)
        log_event(LOG_WARNING, MESSAGE_TOTP_KEY, NULL,
                  "Rekeying ended after %lu TOTP secrets, %lu of them sealed anew: %s", p.seen,
                  p.resealed, r == -ECANCELED ? "portald stops" : strerror(-r));
    else
        log_line(LOG_NOTICE,
                 "Rekeying is done: %lu TOTP secrets, of which %lu were sealed anew and %lu can't "
                 "be",
                 p.seen, p.resealed, p.lost);
    return NULL;
}

/* Whose waits end in time also when the clock is set back. */
static void bell_init(pthread_cond_t *bell)
{
    pthread_condattr_t monotonic;

    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(bell, &monotonic);
    pthread_condattr_destroy(&monotonic);
}

int rekey_open(const struct totp_keys *keys, const struct directory_options *options,
               struct rekey **ret)
{
    _cleanup_(rekey_free_p) struct rekey *rekey = calloc(1, sizeof *rekey);
    int r;

    if (!rekey)
        return -ENOMEM;
    rekey->keys = keys;
    pthread_mutex_init(&rekey->mutex, NULL);
    bell_init(&rekey->bell);
    if ((r = directory_open(options, &rekey->scan)) < 0 ||
        (r = directory_open(options, &rekey->work)) < 0)
        return r;
    *ret = TAKE(rekey);
    return 0;
}

static void join(struct rekey *rekey)
{
    if (rekey->has_thread)
        pthread_join(rekey->thread, NULL);
    rekey->has_thread = false;
}

struct rekey *rekey_free(struct rekey *rekey)
{
    if (!rekey)
        return NULL;
    pthread_mutex_lock(&rekey->mutex);
    rekey->stop = true;
    pthread_cond_broadcast(&rekey->bell);
    pthread_mutex_unlock(&rekey->mutex);
    join(rekey);
    directory_free(rekey->scan);
    directory_free(rekey->work);
    pthread_cond_destroy(&rekey->bell);
    pthread_mutex_destroy(&rekey->mutex);
    free(rekey);
    return NULL;
}

/* Under the lock: of two who start at once, one does. */
int rekey_start(struct rekey *rekey)
{
    int r = -EALREADY;

    pthread_mutex_lock(&rekey->mutex);
    if (!rekey->progress.running) {
        join(rekey);
        rekey->progress = (struct rekey_progress){.running = true};
        ulid_make(clock_now_ms(), rekey->progress.id);
        r = -pthread_create(&rekey->thread, NULL, work, rekey);
        rekey->has_thread = r == 0;
        rekey->progress.running = r == 0;
    }
    pthread_mutex_unlock(&rekey->mutex);
    return r;
}
