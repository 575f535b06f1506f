/* The clerk's thread; clerk_start() is the way in. */
#include "config.h"

#include "clerk.h"

#include "link-again.h"
#include "matching.h"
#include "move.h"
#include "outcome.h"
#include "readdress.h"
#include "recovery.h"
#include "reminder.h"
#include "renewal.h"
#include "swap.h"

#include "cleanup.h"
#include "clock.h"
#include "log.h"
#include "messages.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/eventfd.h>

#define BATCH              50
#define REGISTRATION_LEASE 30
#define STEP_MS            10000 /* for one thing that asks the directory */
#define LOOK_AGAIN_MS      1000  /* while something waits that couldn't be done */
#define IDLE_MS            30000
#define ORPHANS_EVERY_MS   15000
#define LOOK_EVERY_MS      15000
#define PRUNE_EVERY_MS     600000
#define RETRY_SECONDS      5
#define ORPHAN_RETRY       (5 * MINUTE) /* of a staged row of which nothing can be found out */
#define NOTES_MOST         256
#define NOTES_A_TURN       1
#define NOTES_A_SECOND     5

struct note {
    char uuid[JOB_ENTRY_SIZE];
    time_t when;
};

struct clerk {
    struct manager *manager;
    struct directory *directory;
    pthread_t thread;
    int bell_fd; /* a note has come, or stop */
    pthread_mutex_t mutex;
    struct note notes[NOTES_MOST];
    size_t notes_first, notes_count;
    bool stop;
    bool directory_lost;
    long long orphans_at, prune_at, look_at, tell_at;
    struct reminder reminder;
    unsigned long uncertain, damaged, untellable; /* letters, jobs, when it last looked */
    bool damage_told;
    bool first_orphans;
    char began[ULID_SIZE]; /* when: the id of a job that this process made is greater */
};

static void ring(struct clerk *clerk)
{
    static const uint64_t one = 1;

    (void)!write(clerk->bell_fd, &one, sizeof one);
}

void clerk_note_login(struct clerk *clerk, const char *uuid, time_t when)
{
    bool first = false;

    if (pthread_mutex_trylock(&clerk->mutex) != 0)
        return;
    if (clerk->notes_count < NOTES_MOST) {
        struct note *note = &clerk->notes[(clerk->notes_first + clerk->notes_count++) % NOTES_MOST];
        snprintf(note->uuid, sizeof note->uuid, "%s", uuid);
        note->when = when;
        first = clerk->notes_count == 1;
    }
    pthread_mutex_unlock(&clerk->mutex);
    if (first)
        ring(clerk);
}

static bool take_note(struct clerk *clerk, struct note *ret)
{
    bool taken = false;

    pthread_mutex_lock(&clerk->mutex);
    if (clerk->notes_count > 0) {
        *ret = clerk->notes[clerk->notes_first];
        clerk->notes_first = (clerk->notes_first + 1) % NOTES_MOST;
        clerk->notes_count--;
        taken = true;
    }
    pthread_mutex_unlock(&clerk->mutex);
    return taken;
}

/* Logs the loss and the return of the directory, once each. */
static void see_directory(struct clerk *clerk, int r)
{
    bool lost = r == -EHOSTDOWN || r == -ETIMEDOUT;

    if (lost && !clerk->directory_lost)
        log_event(LOG_ERR, MESSAGE_DIRECTORY_LOST, NULL, "The directory can't be reached: %s",
                  directory_error(clerk->directory));
    if (!lost && clerk->directory_lost)
        log_event(LOG_NOTICE, MESSAGE_DIRECTORY_BACK, NULL, "The directory answers again");
    clerk->directory_lost = lost;
}

static bool stopping(struct clerk *clerk)
{
    bool stop;

    pthread_mutex_lock(&clerk->mutex);
    stop = clerk->stop;
    pthread_mutex_unlock(&clerk->mutex);
    return stop;
}

/* Puts what couldn't be done back, and says that somebody should look again soon. */
static void put_back(struct clerk *clerk, const struct job *job, int error)
{
    char note[JOB_NOTE_SIZE];

    snprintf(note, sizeof note, "tried again soon: %s", strerror(-error));
    queue_retry(clerk->manager->queue, job->id, job->fence, clock_now() + RETRY_SECONDS, note);
}

/* What was asked for and answered already: a new letter, a code, another address, another link, or
   an account. */
static int run(struct clerk *clerk, const struct job *job)
{
    static const struct {
        const char *topic;
        int (*run)(const struct manager *manager, struct directory *directory,
                   const struct job *job, long long deadline);
    } topics[] = {
        {RENEWAL_TOPIC, renewal_run},
        {RECOVERY_TOPIC, recovery_run},
        {MOVE_TOPIC, move_run},
        {LINK_AGAIN_TOPIC, link_again_run},
    };
    long long deadline = clock_monotonic_ms() + STEP_MS;

    for (size_t i = 0; i < ELEMENTS(topics); i++)
        if (strcmp(job->topic, topics[i].topic) == 0)
            return topics[i].run(clerk->manager, clerk->directory, job, deadline);
    return matching_run(clerk->manager, clerk->directory, job, deadline);
}

/* Returns how many registrations were taken, or an error. */
static int match_registrations(struct clerk *clerk)
{
    _cleanup_(job_list_clear) struct job_list jobs = {0};
    time_t now = clock_now();
    struct queue_claim claim = {
        .kind = JOB_REGISTRATION, .most = BATCH, .now = now, .lease = now + REGISTRATION_LEASE};
    int r = queue_claim(clerk->manager->queue, &claim, &jobs);

    if (r < 0)
        return r;
    for (size_t i = 0; i < jobs.count; i++) {
        r = clerk->directory_lost || stopping(clerk) ? -EHOSTDOWN : run(clerk, &jobs.items[i]);
        if (!stopping(clerk))
            see_directory(clerk, r);
        if (r < 0)
            put_back(clerk, &jobs.items[i], r);
    }
    return (int)jobs.count;
}

/* Why an entry can't be written to, as the operator needs it. */
static const char *refusal(struct clerk *clerk, int error)
{
    switch (error) {
    case -ESTALE:
        return "its portalRevision can't be swapped: 'portalctl show' says what is wrong with it";
    case -EPERM:
        return "the directory's access rules refuse it";
    case -EAGAIN:
        return "a directory server is away, or catching up, that may have it";
    case -EIO:
        return directory_error(clerk->directory);
    default:
        return strerror(-error);
    }
}

/* It gets a time of its own to be tried again, so that it holds up no other. Said when it fails
   first, and once more when it looks as if only a person could help. */
static int tell_later(struct clerk *clerk, const struct job *job, int error)
{
    time_t wait = job_tell_wait(job->tell_tries);
    long long again = clock_monotonic_ms() + wait * 1000;
    const char *why = refusal(clerk, error);

    if (job->tell_tries == 0)
        log_line(LOG_WARNING, "Entry %s could not be told of job %s: %s", job->subject, job->id,
                 why);
    else if (job->tell_tries + 1 == JOB_TELL_TRIES)
        log_event(LOG_ERR, MESSAGE_QUEUE_TROUBLE,
                  LOG_FIELDS("PORTAL_JOB", job->id, "PORTAL_ENTRY", job->subject),
                  "Entry %s still can't be told of job %s: %s. It is tried every hour; once the "
                  "entry is mended, 'portalctl queue retry %s'",
                  job->subject, job->id, why, job->id);
    if (clerk->tell_at == 0 || again < clerk->tell_at)
        clerk->tell_at = again;
    return queue_tell_later(clerk->manager->queue, job, clock_now() + wait, why);
}

/* Returns how many were told or put off, so that there may be more; or an error. */
static int tell_directory(struct clerk *clerk)
{
    _cleanup_(job_list_clear) struct job_list jobs = {0};
    int r = queue_untold(clerk->manager->queue, clock_now(), BATCH, &jobs);

    clerk->tell_at = 0;
    for (size_t i = 0; r >= 0 && i < jobs.count && !stopping(clerk); i++) {
        r = outcome_tell(clerk->manager, clerk->directory, &jobs.items[i],
                         clock_monotonic_ms() + STEP_MS);
        see_directory(clerk, r);
        if (r == -EHOSTDOWN || r == -ETIMEDOUT)
            return r;
        if (r < 0)
            r = tell_later(clerk, &jobs.items[i], r);
    }
    return r < 0 ? r : (int)jobs.count;
}

/* Whether the entry holds the job's id, or that of the letter which it announces: 1, 0, or an
   error. 0 is for good: the write that would bring the id may still be on its way, behind what the
   directory answered, so its revision is taken from it first. */
static int entry_holds(struct clerk *clerk, const struct job *job)
{
    long long deadline = clock_monotonic_ms() + STEP_MS;
    int r = -ESTALE;

    for (int i = 0; i < SWAP_TRIES && (r == -ESTALE || r == -EUCLEAN); i++) {
        _cleanup_(entry_free_p) struct entry *entry = NULL;
        _cleanup_(changes_clear) struct changes nothing = {0};
        r = directory_find(clerk->directory, DIRECTORY_UUID, job->entry, false, deadline, &entry);
        if (r == 0 && (account_has_job(entry, job->id) || account_has_job(entry, job->parent)))
            return 1;
        if (r == 0)
            r = entry_swap(clerk->directory, entry, &nothing, deadline);
    }
    return r == -ENOENT ? 0 : r;
}

/* Its maker has come to an end after all. */
static int gone_is_well(int r)
{
    return r == -ENOENT || r == -EPERM ? 0 : r;
}

/* A staged row counts if, and only if, the entry holds its id. While the directory can't be asked
   it waits. */
static int resolve_one(struct clerk *clerk, const struct job *job)
{
    /* First: what isn't there yet may come in between. */
    int settled = directory_settled(clerk->directory, clock_monotonic_ms() + STEP_MS);
    int r = entry_holds(clerk, job);

    if (r < 0)
        return r;
    if (r > 0) {
        log_event(LOG_NOTICE, MESSAGE_QUEUE_TROUBLE, LOG_FIELDS("PORTAL_JOB", job->id),
                  "Job %s was left staged, but its entry has it: it goes out", job->id);
        return gone_is_well(queue_ready(clerk->manager->queue, job->id));
    }
    /* The entry's last writer is portald now, so edits.c can't hear of what was changed before. */
    if (*job->entry && (r = readdress(clerk->manager, clerk->directory, job->entry,
                                      clock_monotonic_ms() + STEP_MS)) < 0)
        return r;
    /* The change may be on a server that died before any other one had it. */
    if (settled < 0)
        return settled;
    log_event(LOG_NOTICE, MESSAGE_QUEUE_TROUBLE, LOG_FIELDS("PORTAL_JOB", job->id),
              "Job %s was left staged, and its entry knows nothing of it: dropped", job->id);
    return gone_is_well(queue_drop_staged(clerk->manager->queue, job->id));
}

/* Nothing can be found out of it, for now: the others' turn. Said once. */
static int orphan_later(struct clerk *clerk, const struct job *job, int error)
{
    char note[JOB_NOTE_SIZE];

    snprintf(note, sizeof note, "it isn't known whether the change that it belongs to was made: %s",
             refusal(clerk, error));
    if (strcmp(note, job->note) != 0)
        log_event(LOG_ERR, MESSAGE_QUEUE_TROUBLE,
                  LOG_FIELDS("PORTAL_JOB", job->id, "PORTAL_ENTRY", job->subject),
                  "Job %s of %s stays staged: %s", job->id, job->subject, note);
    return queue_orphan_later(clerk->manager->queue, job->id, clock_now() + ORPHAN_RETRY, note);
}

/* At start every staged row is without a maker, but for those that the workers staged meanwhile:
   they are younger than the clerk. */
static bool has_maker(const struct clerk *clerk, const struct job *job)
{
    return clerk->first_orphans && strncmp(job->id, clerk->began, ULID_TIME_SYMBOLS) >= 0;
}

static int resolve_orphans(struct clerk *clerk)
{
    _cleanup_(job_list_clear) struct job_list jobs = {0};
    time_t now = clerk->first_orphans ? (time_t)INT64_MAX : clock_now();
    int r = queue_orphans(clerk->manager->queue, now, BATCH, &jobs);
    size_t resolved = 0;

    for (size_t i = 0; r >= 0 && i < jobs.count && !stopping(clerk); i++) {
        if (has_maker(clerk, &jobs.items[i]))
            continue;
        r = resolve_one(clerk, &jobs.items[i]);
        see_directory(clerk, r);
        if (r == -EHOSTDOWN || r == -ETIMEDOUT)
            return r;
        resolved += r >= 0;
        if (r < 0)
            r = orphan_later(clerk, &jobs.items[i], r);
    }
    /* What the first look leaves comes when its lease ends. */
    if (r >= 0 && (jobs.count < BATCH || resolved == 0))
        clerk->first_orphans = false;
    return r < 0 ? r : jobs.count == BATCH && resolved > 0;
}

static void write_login(struct clerk *clerk, const struct note *note)
{
    _cleanup_(entry_free_p) struct entry *entry = NULL;
    _cleanup_(changes_clear) struct changes changes = {0};
    long long deadline = clock_monotonic_ms() + STEP_MS;

    if (directory_find(clerk->directory, DIRECTORY_UUID, note->uuid, false, deadline, &entry) < 0 ||
        !account_login_due(&clerk->manager->settings->rules, entry, note->when))
        return;
    account_note_login(entry, note->when, &changes);
    entry_swap(clerk->directory, entry, &changes, deadline);
}

/* A few a turn: they are worth less than anything else. */
static bool write_logins(struct clerk *clerk)
{
    struct note note;

    for (int i = 0; i < NOTES_A_TURN && !stopping(clerk); i++) {
        if (!take_note(clerk, &note))
            return false;
        if (!clerk->directory_lost)
            write_login(clerk, &note);
    }
    return true;
}

static void prune(struct clerk *clerk)
{
    bool more = false;

    if (queue_prune(clerk->manager->queue, clock_now(), &more) < 0)
        more = false;
    clerk->prune_at = clock_monotonic_ms() + (more ? LOOK_AGAIN_MS : PRUNE_EVERY_MS);
}

/* Damage that shows only while portald runs; manager.c tells of what start finds. */
static void see_damage(struct clerk *clerk, const struct queue_stats *stats)
{
    bool damaged = queue_health(clerk->manager->queue) == -EBADMSG;

    if (damaged && !clerk->damage_told)
        log_event(LOG_CRIT, MESSAGE_QUEUE_TROUBLE, NULL,
                  "The queue's file is damaged: what it holds there can't be read any more. See "
                  "DAMAGE in portald(8)");
    clerk->damage_told = damaged;
    if (stats && stats->damaged > clerk->damaged)
        log_event(LOG_ERR, MESSAGE_QUEUE_TROUBLE, NULL,
                  "%lu jobs of the queue are damaged and set aside: 'portalctl queue list --state "
                  "damaged' shows them",
                  stats->damaged);
    clerk->damaged = stats ? stats->damaged : clerk->damaged;
}

/* Tells the operator of what only people can look after: damage, and letters that nobody knows of
   whether they were printed. */
static void see_queue(struct clerk *clerk)
{
    struct queue_stats stats;
    unsigned long now;
    int r = queue_stats(clerk->manager->queue, &stats);

    clerk->look_at = clock_monotonic_ms() + LOOK_EVERY_MS;
    see_damage(clerk, r < 0 ? NULL : &stats);
    if (r < 0)
        return;
    now = stats.count[JOB_LETTER][JOB_UNCERTAIN];
    if (now > clerk->uncertain)
        log_event(LOG_WARNING, MESSAGE_LETTER_UNCERTAIN, NULL,
                  "%lu letters were claimed by a print station that never said whether it printed "
                  "them",
                  now);
    clerk->uncertain = now;
    if (stats.untellable > clerk->untellable)
        log_event(LOG_WARNING, MESSAGE_QUEUE_TROUBLE, NULL,
                  "%lu outcomes can't be written to their entries: 'portalctl queue list --untold' "
                  "shows them",
                  stats.untellable);
    clerk->untellable = stats.untellable;
}

/* Whether there is more to do soon. */
static bool see_calendar(struct clerk *clerk)
{
    int r;

    if (clerk->directory_lost || stopping(clerk))
        return false;
    r = reminder_turn(&clerk->reminder, clerk->manager, clerk->directory);
    see_directory(clerk, r);
    if (r < 0 && !clerk->directory_lost)
        log_line(LOG_WARNING, "Reminders and old registrations can't be looked for: %s",
                 strerror(-r));
    return r != 0;
}

/* One round of everything. Returns how long to wait for news. */
static int turn(struct clerk *clerk)
{
    int wait = IDLE_MS, r;

    if (clerk->directory_lost) /* nothing else may have to ask it */
        see_directory(clerk, directory_ping(clerk->directory, clock_monotonic_ms() + STEP_MS));
    if (clock_monotonic_ms() >= clerk->orphans_at) {
        r = resolve_orphans(clerk);
        clerk->orphans_at = clock_monotonic_ms() + (r == 0  ? ORPHANS_EVERY_MS
                                                    : r > 0 ? 0
                                                            : LOOK_AGAIN_MS);
        if (r != 0)
            wait = r > 0 ? 0 : LOOK_AGAIN_MS;
    }
    r = tell_directory(clerk);
    if (r != 0)
        wait = r > 0 ? 0 : LOOK_AGAIN_MS;
    r = match_registrations(clerk);
    if (r != 0)
        wait = r > 0 && !clerk->directory_lost ? 0 : LOOK_AGAIN_MS;
    if (write_logins(clerk) && wait > 0)
        wait = LOOK_AGAIN_MS / NOTES_A_SECOND;
    if (clock_monotonic_ms() >= clerk->prune_at)
        prune(clerk);
    if (clock_monotonic_ms() >= clerk->look_at)
        see_queue(clerk);
    return see_calendar(clerk) && wait > LOOK_AGAIN_MS ? LOOK_AGAIN_MS : wait;
}

static void wait_for_news(struct clerk *clerk, int wait)
{
    struct queue *queue = clerk->manager->queue;
    struct pollfd fds[] = {
        {.fd = clerk->bell_fd, .events = POLLIN},
        {.fd = queue_wake_fd(queue, JOB_REGISTRATION), .events = POLLIN},
        {.fd = queue_untold_fd(queue), .events = POLLIN},
    };
    long long next = clerk->orphans_at;
    uint64_t count;

    if (clerk->tell_at > 0 && clerk->tell_at < next)
        next = clerk->tell_at;
    next -= clock_monotonic_ms();
    if (next < wait)
        wait = next > 0 ? (int)next : 0;
    if (poll(fds, ELEMENTS(fds), wait) <= 0)
        return;
    for (size_t i = 0; i < ELEMENTS(fds); i++)
        if (fds[i].revents & POLLIN)
            (void)!read(fds[i].fd, &count, sizeof count);
}

static void *work(void *userdata)
{
    struct clerk *clerk = userdata;

    while (!stopping(clerk)) {
        int wait = turn(clerk);
        if (wait > 0)
            wait_for_news(clerk, wait);
    }
    return NULL;
}

int clerk_start(struct manager *manager, struct clerk **ret)
{
    struct clerk *clerk = calloc(1, sizeof *clerk);
    int r;

    if (!clerk)
        return -ENOMEM;
    clerk->manager = manager;
    clerk->first_orphans = true;
    clerk->damage_told = queue_health(manager->queue) != 0;
    ulid_make(clock_now_ms(), clerk->began);
    pthread_mutex_init(&clerk->mutex, NULL);
    clerk->bell_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    r = clerk->bell_fd < 0 ? -errno : directory_open(&manager->directory, &clerk->directory);
    if (r == 0)
        r = -pthread_create(&clerk->thread, NULL, work, clerk);
    if (r < 0) {
        directory_free(clerk->directory);
        close_p(&clerk->bell_fd);
        free(clerk);
        return r;
    }
    *ret = clerk;
    return 0;
}

struct clerk *clerk_stop(struct clerk *clerk)
{
    if (!clerk)
        return NULL;
    pthread_mutex_lock(&clerk->mutex);
    clerk->stop = true;
    pthread_mutex_unlock(&clerk->mutex);
    ring(clerk);
    pthread_join(clerk->thread, NULL);
    directory_free(clerk->directory);
    pthread_mutex_destroy(&clerk->mutex);
    close_p(&clerk->bell_fd);
    free(clerk);
    return NULL;
}
