/* Reminders, and registrations to be forgotten: reminder_turn(). */
#include "config.h"

#include "reminder.h"

#include "letter.h"
#include "mail-job.h"
#include "swap.h"

#include "cleanup.h"
#include "clock.h"
#include "log.h"
#include "messages.h"

#include <errno.h>
#include <stdio.h>

#define LOOK_EVERY HOUR /* also when the clock was set back, or on */
#define A_TURN     50   /* entries, so that nothing else waits for long */
#define STEP_MS    10000
#define TOPIC      "password-expires"

struct look {
    const struct manager *manager;
    time_t now;
    unsigned skip; /* so many of those that are due failed before; the order is always the same */
    unsigned failed, done;
    char uuids[A_TURN][JOB_ENTRY_SIZE]; /* to be forgotten */
};

/* Whether the reminder was put in before: 1, 0, or an error. */
static int is_reminded(const struct manager *m, const char *letter)
{
    _cleanup_(job_clear) struct job mail = {0};
    char id[ULID_SIZE];
    int r;

    mail_job_child_id(m, letter, TOPIC, id);
    r = queue_get(m->queue, id, &mail);
    return r == -ENOENT ? 0 : r < 0 ? r : 1;
}

/* What isn't this one entry's alone. */
static bool is_everybodys(int error)
{
    return error == -EIO || error == -ENOSPC || error == -ENOMEM || error == -EHOSTDOWN ||
           error == -ETIMEDOUT;
}

static int remind(void *userdata, const struct entry *entry)
{
    struct look *look = userdata;
    const struct manager *m = look->manager;
    const struct entry_letter *letter = account_remind(&m->settings->rules, entry, look->now);
    int r;

    if (!letter || (r = is_reminded(m, letter->job)) > 0)
        return 0;
    if (r == 0 && look->skip > 0) {
        look->skip--;
        return 0;
    }
    if (r == 0)
        r = letter_mail(m, entry, letter->job, TOPIC, entry->initial_expires, look->now);
    if (r < 0 && is_everybodys(r))
        return r;
    if (r < 0) {
        log_line(LOG_WARNING, "%s can't be reminded that the initial password ends: %s", entry->uid,
                 strerror(-r));
        look->failed++;
        return 0;
    }
    log_event(LOG_INFO, MESSAGE_LETTER,
              LOG_FIELDS("PORTAL_ENTRY", entry->uid, "PORTAL_JOB", letter->job),
              "%s is reminded that the initial password ends", entry->uid);
    return ++look->done == A_TURN;
}

/* Returns 1 when there may be more, 0, or an error. */
static int remind_all(struct reminder *reminder, const struct manager *m,
                      struct directory *directory, time_t now)
{
    struct look look = {.manager = m, .now = now, .skip = reminder->unreminded};
    long before = m->settings->rules.remind;
    int r;

    if (before == 0)
        return 0;
    r = directory_each_between(directory, ATTRIBUTE_INITIAL_EXPIRES, now, now + before, remind,
                               &look);
    reminder->unreminded += look.failed;
    return r;
}

/* The directory can't be written to while it is being searched. */
static int collect(void *userdata, const struct entry *entry)
{
    struct look *look = userdata;

    if (!account_pending_over(&look->manager->settings->rules, entry, look->now))
        return 0;
    if (look->skip > 0) {
        look->skip--;
        return 0;
    }
    snprintf(look->uuids[look->done], JOB_ENTRY_SIZE, "%s", entry->uuid);
    return ++look->done == A_TURN;
}

/* Decides again on what is written: a new link may have come. */
static int forget(const struct manager *m, struct directory *directory, const char *uuid,
                  time_t now)
{
    long long deadline = clock_monotonic_ms() + STEP_MS;
    int r = -ESTALE;

    for (int i = 0; i < SWAP_TRIES && (r == -ESTALE || r == -EUCLEAN); i++) {
        _cleanup_(entry_free_p) struct entry *entry = NULL;
        _cleanup_(changes_clear) struct changes changes = {0};
        r = directory_find(directory, DIRECTORY_UUID, uuid, false, deadline, &entry);
        if (r < 0 || !account_pending_over(&m->settings->rules, entry, now))
            return r == -ENOENT ? 0 : r;
        account_forget_pending(entry, &changes);
        r = entry_swap(directory, entry, &changes, deadline);
        if (r == 0)
            log_event(LOG_INFO, MESSAGE_REGISTRATION, LOG_FIELDS("PORTAL_ENTRY", entry->uid),
                      "%s: the registration was never confirmed and is forgotten", entry->uid);
    }
    return r;
}

/* Returns 1 when there may be more, 0, or an error. */
static int forget_all(struct reminder *reminder, const struct manager *m,
                      struct directory *directory, time_t now)
{
    struct look look = {.manager = m, .now = now, .skip = reminder->unforgotten};
    int r = directory_each_with(directory, ATTRIBUTE_STATE, account_state_word(ACCOUNT_PENDING),
                                collect, &look);

    if (r < 0)
        return r;
    for (unsigned i = 0; i < look.done; i++) {
        int one = forget(m, directory, look.uuids[i], now);
        if (one == -EHOSTDOWN || one == -ETIMEDOUT)
            return one;
        if (one < 0) {
            log_line(LOG_WARNING, "The registration of entry %s can't be forgotten: %s",
                     look.uuids[i], strerror(-one));
            reminder->unforgotten++;
        }
    }
    return r;
}

int reminder_turn(struct reminder *reminder, const struct manager *manager,
                  struct directory *directory)
{
    time_t now = clock_now();
    int reminded, forgotten;

    if (reminder->looked && now >= reminder->looked && now - reminder->looked < LOOK_EVERY)
        return 0;
    if ((reminded = remind_all(reminder, manager, directory, now)) < 0)
        return reminded;
    if ((forgotten = forget_all(reminder, manager, directory, now)) < 0)
        return forgotten;
    if (reminded > 0 || forgotten > 0)
        return 1;
    *reminder = (struct reminder){.looked = now};
    return 0;
}
