/* Hears of edits by a persistent search (watch.h) for what has been changed since a mark, by others
   than portald. No cookie: what a list holds is what was edited lately, however many entries there
   are. The mark is kept in a file, so that nothing is missed while portald is away; what is heard
   twice does no harm. Way in: edits_start(). */
#include "config.h"

#include "edits.h"

#include "backlog.h"
#include "readdress.h"

#include "cleanup.h"
#include "clock.h"
#include "file.h"
#include "log.h"
#include "messages.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/eventfd.h>

#define MARK_NAME "edits.mark"
#define MARK_SIZE 24
/* So far may the directory's clock be from ours, and a change from another server be late. */
#define SKEW           (10 * MINUTE)
#define MARK_EVERY     (5 * MINUTE)
#define WAITING_MOST   5000
#define EDIT_MS        15000
#define IDLE_MS        60000
#define AGAIN_FIRST_MS 250
#define AGAIN_MOST_MS  60000

struct edits {
    struct manager *manager;
    struct directory *directory;
    struct watch *watch;
    struct backlog *backlog;
    char who[DIRECTORY_WHO_SIZE]; /* portald, for a filter; "": not known yet */
    time_t mark;                  /* all edits before it are dealt with */
    time_t begun;                 /* what the mark will be once the list is through */
    time_t kept;                  /* the mark in the file */
    bool overflowed;
    int error; /* the last one that was logged */
    long long again_at;
    unsigned tries;
    pthread_t thread;
    int bell_fd; /* stop */
    atomic_bool stop;
};

static const char *const attributes[] = {"entryUUID", "entryCSN", "mail", "portalConfirmedMail",
                                         NULL};
enum { VALUE_UUID, VALUE_CSN, VALUE_MAIL, VALUE_CONFIRMED };

/* --- The mark --- */

/* Times here are compared with those of the directory, so a clock that was moved for a test doesn't
   count. */
static time_t real_now(void)
{
    return clock_now() - (time_t)clock_offset();
}

/* Without a file, and with one from the future, there is nothing before now to be looked for. */
static void read_mark(struct edits *e)
{
    _cleanup_free_ char *path = NULL;
    _cleanup_free_ uint8_t *text = NULL;
    size_t size = 0;
    long long mark = 0;

    e->mark = real_now() - SKEW;
    if (asprintf(&path, "%s/" MARK_NAME, e->manager->settings->state_dir) < 0 ||
        file_read(path, MARK_SIZE, &text, &size) < 0)
        return;
    mark = strtoll((const char *)text, NULL, 10);
    if (mark > 0 && mark < e->mark)
        e->mark = (time_t)mark;
    e->kept = e->mark;
}

/* Only when nothing is left to be done of what came before it. */
static void keep_mark(struct edits *e, long span)
{
    char text[MARK_SIZE];
    int r;

    if (e->mark < e->kept + span || backlog_count(e->backlog) > 0 || e->overflowed)
        return;
    snprintf(text, sizeof text, "%lld\n", (long long)e->mark);
    r = file_write(e->manager->settings->state_dir, MARK_NAME, text, strlen(text));
    if (r < 0)
        log_line(LOG_WARNING, "%s can't be written: %s", MARK_NAME, strerror(-r));
    e->kept = e->mark;
}

/* --- What is heard --- */

/* Accounts without a login have no portalState, or one whose address means nothing. */
static int make_filter(void *userdata, char ret[static WATCH_FILTER_SIZE])
{
    struct edits *e = userdata;
    char since[CALENDAR_GENERALIZED_SIZE];
    int length, r = 0;

    if (!*e->who && (r = directory_who(e->directory, clock_monotonic_ms() + EDIT_MS, e->who)) < 0)
        return r;
    calendar_generalized(e->mark, since);
    e->begun = real_now() - SKEW;
    length = snprintf(ret, WATCH_FILTER_SIZE,
                      "(&(entryCSN>=%.14s.000000Z#000000#000#000000)(portalState=*)"
                      "(!(modifiersName=%s)))",
                      since, e->who);
    return length < 0 || length >= WATCH_FILTER_SIZE ? -E2BIG : 0;
}

static void on_heard(void *userdata, const struct watch_event *event)
{
    struct edits *e = userdata;
    const char *uuid = event->values[VALUE_UUID], *confirmed = event->values[VALUE_CONFIRMED];
    const char *mail = event->values[VALUE_MAIL], *csn = event->values[VALUE_CSN];

    if (!uuid || strlen(uuid) >= JOB_ENTRY_SIZE || !confirmed ||
        strcasecmp(confirmed, mail ? mail : ACCOUNT_NO_MAIL) == 0)
        return;
    if (backlog_add(e->backlog, uuid, csn ? csn : "") == -ENOBUFS)
        e->overflowed = true;
}

static void on_listed(void *userdata)
{
    struct edits *e = userdata;

    if (e->begun > e->mark && !e->overflowed)
        e->mark = e->begun;
}

/* The watcher of wishes says when the directory is lost, and when it is back. */
static void on_became(void *userdata, enum watch_state state, const char *why)
{
    (void)userdata;
    (void)state;
    (void)why;
}

/* --- What is done --- */

static bool is_lost(int error)
{
    return error == -EHOSTDOWN || error == -ETIMEDOUT || error == -ENOSPC;
}

static void wait_a_little(struct edits *e)
{
    long long pause = AGAIN_FIRST_MS;

    for (unsigned i = 0; i < e->tries && pause < AGAIN_MOST_MS; i++)
        pause *= 2;
    e->tries++;
    e->again_at = clock_monotonic_ms() + (pause < AGAIN_MOST_MS ? pause : AGAIN_MOST_MS);
}

/* An entry that can't be written to is left to the next list, and to the customer's next login. */
static void deal_with(struct edits *e, const char *uuid)
{
    int r = readdress(e->manager, e->directory, uuid, clock_monotonic_ms() + EDIT_MS);

    if (r < 0 && r != e->error)
        log_event(LOG_WARNING, MESSAGE_QUEUE_TROUBLE, LOG_FIELDS("PORTAL_ENTRY", uuid),
                  "That the address of entry %s was changed can't be told yet: %s", uuid,
                  r == -EIO || r == -EPERM ? directory_error(e->directory) : strerror(-r));
    e->error = r;
    if (is_lost(r)) {
        backlog_add(e->backlog, uuid, "");
        wait_a_little(e);
    } else {
        e->tries = 0;
    }
}

static void *work(void *userdata)
{
    struct edits *e = userdata;
    char uuid[JOB_ENTRY_SIZE];

    while (!atomic_load(&e->stop)) {
        bool idle = backlog_count(e->backlog) == 0;
        long long pause = e->again_at - clock_monotonic_ms();

        if (idle && e->overflowed) {
            e->overflowed = false;
            watch_look_by(e->watch, 0);
        }
        watch_wait(e->watch, e->bell_fd, idle ? IDLE_MS : pause > 0 ? pause : 0, idle);
        watch_turn(e->watch, idle);
        if (clock_monotonic_ms() >= e->again_at && backlog_take(e->backlog, uuid))
            deal_with(e, uuid);
        keep_mark(e, MARK_EVERY);
    }
    keep_mark(e, 1);
    return NULL;
}

static struct edits *edits_free(struct edits *e)
{
    watch_free(e->watch);
    directory_free(e->directory);
    backlog_free(e->backlog);
    close_p(&e->bell_fd);
    free(e);
    return NULL;
}

int edits_start(struct manager *manager, struct edits **ret)
{
    struct edits *e = calloc(1, sizeof *e);
    struct watch_options options = {.directory = &manager->directory,
                                    .attributes = attributes,
                                    .userdata = e,
                                    .filter = make_filter,
                                    .heard = on_heard,
                                    .listed = on_listed,
                                    .became = on_became};
    int r;

    if (!e)
        return -ENOMEM;
    e->manager = manager;
    read_mark(e);
    e->bell_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    r = e->bell_fd < 0 ? -errno : directory_open(&manager->directory, &e->directory);
    if (r == 0)
        r = watch_open(&options, &e->watch);
    if (r == 0)
        r = backlog_open(WAITING_MOST, &e->backlog);
    if (r == 0)
        r = -pthread_create(&e->thread, NULL, work, e);
    if (r < 0)
        return edits_free(e), r;
    *ret = e;
    return 0;
}

struct edits *edits_stop(struct edits *e)
{
    static const uint64_t one = 1;

    if (!e)
        return NULL;
    atomic_store(&e->stop, true);
    (void)!write(e->bell_fd, &one, sizeof one);
    pthread_join(e->thread, NULL);
    return edits_free(e);
}
