/* From portalRequest to wish.c: hears of entries with wishes (watch.h), lets them wait for their
   turn (backlog.h), and fulfils what they hold, one wish after the other. What can't be fulfilled
   for now stays in the entry and is tried again, less and less often. Way in: watcher_start(). */
#include "config.h"

#include "watcher.h"

#include "backlog.h"
#include "wish.h"

#include "cleanup.h"
#include "clock.h"
#include "log.h"
#include "messages.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>

/* Entries; what is beyond is listed again later. In a build for tests so few that it happens. */
#ifdef ENABLE_TEST_CLOCK
#define WAITING_MOST 400
#else
#define WAITING_MOST 20000
#endif
#define WISHES_A_TURN  16 /* of one entry, before the next has its turn */
#define WISH_MS        15000
#define IDLE_MS        60000
#define TROUBLES_MOST  64
#define AGAIN_FIRST_MS 1000
#define AGAIN_MOST_MS  60000
/* People who log in come first: while they do, the watcher rests after each entry so many times as
   long as its wishes took. */
#define REST_TIMES   1
#define REST_MOST_MS 200

/* An entry whose wishes couldn't be fulfilled for a reason that isn't in the rules. */
struct trouble {
    char uuid[JOB_ENTRY_SIZE];
    int error;
    unsigned tries;
    long long again_at;
};

struct watcher {
    struct manager *manager;
    struct directory *directory;
    struct watch *watch;
    struct backlog *backlog;
    struct trouble troubles[TROUBLES_MOST]; /* uuid "": unused */
    size_t next_trouble;
    bool overflowed; /* not all that matched had room */
    long long lost_until, rest_until;
    unsigned losses;
    unsigned long logins; /* as many as there were after the last entry */
    pthread_t thread;
    int bell_fd; /* stop */
    atomic_bool stop;
    atomic_int state;
    atomic_ulong waiting, troubled;
};

static const char *const attributes[] = {"entryUUID", "entryCSN", NULL};
enum { VALUE_UUID, VALUE_CSN };

/* --- What is heard --- */

static int make_filter(void *userdata, char ret[static WATCH_FILTER_SIZE])
{
    (void)userdata;
    snprintf(ret, WATCH_FILTER_SIZE, "(%s=*)", attribute_name(ATTRIBUTE_REQUEST));
    return 0;
}

static struct trouble *find_trouble(struct watcher *w, const char *uuid)
{
    for (size_t i = 0; i < TROUBLES_MOST; i++)
        if (strcmp(w->troubles[i].uuid, uuid) == 0)
            return &w->troubles[i];
    return NULL;
}

static void on_heard(void *userdata, const struct watch_event *event)
{
    struct watcher *w = userdata;
    const char *uuid = event->values[VALUE_UUID], *csn = event->values[VALUE_CSN];
    const struct trouble *trouble;

    if (!uuid || !*uuid || strlen(uuid) >= JOB_ENTRY_SIZE)
        return;
    trouble = find_trouble(w, uuid);
    if (trouble && clock_monotonic_ms() < trouble->again_at)
        return;
    if (backlog_add(w->backlog, uuid, csn ? csn : "") == -ENOBUFS)
        w->overflowed = true;
}

/* What is listed comes in the order of entries; what was written first is to be done first. */
static void on_listed(void *userdata)
{
    struct watcher *w = userdata;

    backlog_sort(w->backlog);
}

static void on_became(void *userdata, enum watch_state state, const char *why)
{
    struct watcher *w = userdata;

    atomic_store(&w->state, (int)state);
    if (state == WATCH_LOST)
        log_event(LOG_WARNING, MESSAGE_WATCHER_LOST, NULL,
                  "New wishes can't be seen at the moment: %s", why);
    else
        log_event(
            LOG_INFO, MESSAGE_WATCHER_BACK, NULL, "%s",
            state == WATCH_PERSISTENT
                ? "Wishes are seen as soon as they are written"
                : "Wishes are looked for every second: the directory has no persistent search");
}

/* --- What goes wrong --- */

static unsigned long count_troubles(const struct watcher *w)
{
    unsigned long count = 0;

    for (size_t i = 0; i < TROUBLES_MOST; i++)
        count += *w->troubles[i].uuid != 0;
    return count;
}

static void forget_trouble(struct watcher *w, const char *uuid)
{
    struct trouble *trouble = find_trouble(w, uuid);

    if (trouble)
        *trouble = (struct trouble){0};
}

/* Logged when it is new; where there are more than have room, the oldest is tried sooner. */
static void note_trouble(struct watcher *w, const char *uuid, const char *uid, int error)
{
    struct trouble *trouble = find_trouble(w, uuid);
    long long pause = AGAIN_FIRST_MS;

    if (!trouble) {
        trouble = &w->troubles[w->next_trouble++ % TROUBLES_MOST];
        *trouble = (struct trouble){0};
        snprintf(trouble->uuid, sizeof trouble->uuid, "%s", uuid);
    }
    if (trouble->error != error)
        log_event(LOG_WARNING, MESSAGE_WISH_FAILED, LOG_FIELDS("PORTAL_ENTRY", uid),
                  "A wish for %s waits, and is tried again: %s", uid,
                  error == -EIO || error == -EPERM ? directory_error(w->directory)
                                                   : strerror(-error));
    trouble->error = error;
    for (unsigned i = 0; i < trouble->tries && pause < AGAIN_MOST_MS; i++)
        pause *= 2;
    trouble->tries++;
    trouble->again_at = clock_monotonic_ms() + (pause < AGAIN_MOST_MS ? pause : AGAIN_MOST_MS);
    watch_look_by(w->watch, trouble->again_at);
}

static bool is_lost(int error)
{
    return error == -EHOSTDOWN || error == -ETIMEDOUT;
}

/* Nothing can be done for anybody: the entry keeps its place as far as its wishes' age goes. */
static void note_loss(struct watcher *w, const char *uuid)
{
    long long pause = AGAIN_FIRST_MS / 4;

    for (unsigned i = 0; i < w->losses && pause < AGAIN_FIRST_MS; i++)
        pause *= 2;
    w->losses++;
    w->lost_until = clock_monotonic_ms() + pause;
    backlog_add(w->backlog, uuid, "");
    backlog_sort(w->backlog);
}

/* --- What is done --- */

static void log_outcome(const struct wish *wish, const char *reason, const char *why)
{
    if (why)
        log_event(LOG_NOTICE, MESSAGE_WISH_FAILED, LOG_FIELDS("PORTAL_ENTRY", wish->entry->uid),
                  "%s for %s failed: %s", wish->word, wish->entry->uid, why);
    else
        log_event(LOG_NOTICE, MESSAGE_WISH,
                  LOG_FIELDS("PORTAL_ENTRY", wish->entry->uid, "PORTAL_JOB", wish->letter.job),
                  "%s for %s%s%s", wish->word, wish->entry->uid, *reason ? ": " : "", reason);
}

static int copy_request(const struct entry_request *from, struct entry_request *ret)
{
    ret->value = malloc(from->length + 1);
    if (!ret->value)
        return -ENOMEM;
    memcpy(ret->value, from->value, from->length + 1);
    ret->length = from->length;
    return 0;
}

static void request_clear(struct entry_request *request)
{
    free(request->value);
}

/* Fulfils the entry's next wish, or says what is wrong with it. Takes the entry. Returns 0 when it
   is dealt with, or an error for which it stays. */
static int fulfil_one(struct watcher *w, struct entry *entry, const struct entry_request *next)
{
    _cleanup_(request_clear) struct entry_request request = {0};
    struct account_request asked;
    _cleanup_(wish_clear) struct wish wish = {.manager = w->manager,
                                              .directory = w->directory,
                                              .deadline = clock_monotonic_ms() + WISH_MS,
                                              .entry = entry,
                                              .request = &request};
    const char *why = NULL;
    int r = copy_request(next, &request);

    if (r < 0)
        return r;
    account_read_request(&request, &asked);
    wish.wish = asked.wish;
    wish.word = asked.word;
    wish.reason = *asked.reason ? asked.reason : NULL;
    if (asked.why) {
        why = asked.why;
        r = wish_refuse(&wish, why);
    } else {
        r = wish_fulfil(&wish, &why);
        if (r == -EPERM && why)
            r = 0;
    }
    if (r == 0)
        log_outcome(&wish, asked.reason, why);
    return r == -ECANCELED ? 0 : r;
}

/* Returns 1 after a wish, 0 when the entry has none any more, or an error. */
static int step(struct watcher *w, const char *uuid, char ret_uid[static ENTRY_UID_SIZE])
{
    const struct entry_request *next;
    struct entry *entry = NULL;
    int r = directory_find(w->directory, DIRECTORY_UUID, uuid, true, clock_monotonic_ms() + WISH_MS,
                           &entry);

    if (r < 0)
        return r == -ENOENT ? 0 : r;
    snprintf(ret_uid, ENTRY_UID_SIZE, "%s", entry->uid);
    next = account_next_request(entry);
    if (!next) {
        r = entry->left_out ? -E2BIG : 0;
        entry_free(entry);
        return r;
    }
    r = fulfil_one(w, entry, next);
    return r == -ENOENT ? 0 : r < 0 ? r : 1;
}

static bool stopping(struct watcher *w)
{
    return atomic_load(&w->stop);
}

static void fulfil(struct watcher *w, const char *uuid)
{
    char uid[ENTRY_UID_SIZE] = "";
    int r = 1;

    for (int i = 0; i < WISHES_A_TURN && r > 0 && !stopping(w); i++)
        r = step(w, uuid, uid);
    if (!is_lost(r)) {
        w->losses = 0;
        w->lost_until = 0;
    }
    if (r > 0)
        backlog_add(w->backlog, uuid, "");
    else if (is_lost(r))
        note_loss(w, uuid);
    else if (r < 0)
        note_trouble(w, uuid, uid, r);
    else
        forget_trouble(w, uuid);
}

static unsigned long count_logins(const struct watcher *w)
{
    return atomic_load(&w->manager->logins.ok) + atomic_load(&w->manager->logins.failed);
}

static void take_turn(struct watcher *w, const char *uuid)
{
    long long began = clock_monotonic_ms(), rest;
    unsigned long logins;

    fulfil(w, uuid);
    rest = REST_TIMES * (clock_monotonic_ms() - began);
    logins = count_logins(w);
    if (logins != w->logins)
        w->rest_until = clock_monotonic_ms() + (rest < REST_MOST_MS ? rest : REST_MOST_MS);
    w->logins = logins;
}

/* --- The thread --- */

static long long next_turn(const struct watcher *w)
{
    return w->lost_until > w->rest_until ? w->lost_until : w->rest_until;
}

static void *work(void *userdata)
{
    struct watcher *w = userdata;
    char uuid[JOB_ENTRY_SIZE];

    while (!stopping(w)) {
        bool idle = backlog_count(w->backlog) == 0;
        long long pause = next_turn(w) - clock_monotonic_ms();

        if (idle && w->overflowed) {
            w->overflowed = false;
            watch_look_by(w->watch, 0);
        }
        watch_wait(w->watch, w->bell_fd, idle ? IDLE_MS : pause > 0 ? pause : 0, idle);
        watch_turn(w->watch, idle);
        if (clock_monotonic_ms() >= next_turn(w) && !watch_listing(w->watch) &&
            backlog_take(w->backlog, uuid))
            take_turn(w, uuid);
        atomic_store(&w->waiting, backlog_count(w->backlog));
        atomic_store(&w->troubled, count_troubles(w));
    }
    return NULL;
}

static struct watcher *watcher_free(struct watcher *w)
{
    watch_free(w->watch);
    directory_free(w->directory);
    backlog_free(w->backlog);
    close_p(&w->bell_fd);
    free(w);
    return NULL;
}

int watcher_start(struct manager *manager, struct watcher **ret)
{
    struct watcher *w = calloc(1, sizeof *w);
    struct watch_options options = {.directory = &manager->directory,
                                    .attributes = attributes,
                                    .userdata = w,
                                    .filter = make_filter,
                                    .heard = on_heard,
                                    .listed = on_listed,
                                    .became = on_became};
    int r;

    if (!w)
        return -ENOMEM;
    w->manager = manager;
    w->bell_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    r = w->bell_fd < 0 ? -errno : directory_open(&manager->directory, &w->directory);
    if (r == 0)
        r = watch_open(&options, &w->watch);
    if (r == 0)
        r = backlog_open(WAITING_MOST, &w->backlog);
    if (r == 0)
        r = -pthread_create(&w->thread, NULL, work, w);
    if (r < 0) {
        watcher_free(w);
        return r;
    }
    *ret = w;
    return 0;
}

struct watcher *watcher_stop(struct watcher *w)
{
    static const uint64_t one = 1;

    if (!w)
        return NULL;
    atomic_store(&w->stop, true);
    (void)!write(w->bell_fd, &one, sizeof one);
    pthread_join(w->thread, NULL);
    return watcher_free(w);
}

void watcher_status(struct watcher *w, struct watcher_status *ret)
{
    *ret = (struct watcher_status){.state = (enum watch_state)atomic_load(&w->state),
                                   .waiting = atomic_load(&w->waiting),
                                   .troubled = atomic_load(&w->troubled)};
}
