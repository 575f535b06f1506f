/* Reminders, and registrations and former addresses to be forgotten: reminder_turn(). */
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
#define STEP_MS    10000
#define TOPIC      "password-expires"

struct look {
    const struct manager *manager;
    time_t now;
    const struct forgetting *forgetting;
    unsigned due;
    char uuids[DIRECTORY_PLACE_ENTRIES][JOB_ENTRY_SIZE]; /* to be forgotten */
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
    if (r == 0)
        r = letter_mail(m, entry, letter->job, TOPIC, entry->initial_expires, look->now);
    if (r < 0 && is_everybodys(r))
        return r;
    if (r < 0) {
        log_line(LOG_WARNING, "%s can't be reminded that the initial password ends: %s", entry->uid,
                 strerror(-r));
        return 0;
    }
    log_event(LOG_INFO, MESSAGE_LETTER,
              LOG_FIELDS("PORTAL_ENTRY", entry->uid, "PORTAL_JOB", letter->job),
              "%s is reminded that the initial password ends", entry->uid);
    return 0;
}

/* A page of those who are to be reminded. Returns 1 when there are more, 0, or an error. */
static int remind_some(struct reminder *reminder, const struct manager *m,
                       struct directory *directory)
{
    struct look look = {.manager = m, .now = reminder->begun};
    long before = m->settings->rules.remind;

    return before == 0
               ? 0
               : directory_each_between(directory, &reminder->place, ATTRIBUTE_INITIAL_EXPIRES,
                                        look.now, look.now + before, remind, &look);
}

/* What is forgotten when its time has come: whether an entry is due, and what that changes. */
struct forgetting {
    bool (*is_due)(const struct account_rules *rules, const struct entry *entry, time_t now);
    void (*forget)(const struct entry *entry, time_t now, struct changes *changes);
    const char *said, *what; /* for the log */
};

static void forget_pending(const struct entry *entry, time_t now, struct changes *changes)
{
    (void)now;
    account_forget_pending(entry, changes);
}

static bool is_former_over(const struct account_rules *rules, const struct entry *entry, time_t now)
{
    (void)rules;
    return account_formers_over(entry, now);
}

static const struct forgetting registrations = {
    account_pending_over, forget_pending, "the registration was never confirmed and is forgotten",
    "The registration"};
static const struct forgetting formers = {
    is_former_over, account_forget_formers,
    "a former e-mail address can't undo its change any more and is forgotten",
    "The former e-mail address"};

/* The directory can't be written to while it is being searched. */
static int collect(void *userdata, const struct entry *entry)
{
    struct look *look = userdata;

    if (look->forgetting->is_due(&look->manager->settings->rules, entry, look->now) &&
        look->due < DIRECTORY_PLACE_ENTRIES)
        snprintf(look->uuids[look->due++], JOB_ENTRY_SIZE, "%s", entry->uuid);
    return 0;
}

/* Decides again on what is written: a new link may have come. */
static int forget(const struct look *look, struct directory *directory, const char *uuid)
{
    const struct forgetting *f = look->forgetting;
    long long deadline = clock_monotonic_ms() + STEP_MS;
    int r = -ESTALE;

    for (int i = 0; i < SWAP_TRIES && (r == -ESTALE || r == -EUCLEAN); i++) {
        _cleanup_(entry_free_p) struct entry *entry = NULL;
        _cleanup_(changes_clear) struct changes changes = {0};
        r = directory_find(directory, DIRECTORY_UUID, uuid, false, deadline, &entry);
        if (r < 0 || !f->is_due(&look->manager->settings->rules, entry, look->now))
            return r == -ENOENT ? 0 : r;
        f->forget(entry, look->now, &changes);
        r = entry_swap(directory, entry, &changes, deadline);
        if (r == 0)
            log_event(LOG_INFO, MESSAGE_REGISTRATION, LOG_FIELDS("PORTAL_ENTRY", entry->uid),
                      "%s: %s", entry->uid, f->said);
    }
    return r;
}

/* What a page of them brought. Returns r, which the page returned, or an error. */
static int forget_collected(const struct look *look, struct directory *directory, int r)
{
    for (unsigned i = 0; r >= 0 && i < look->due; i++) {
        int one = forget(look, directory, look->uuids[i]);
        if (one == -EHOSTDOWN || one == -ETIMEDOUT)
            return one;
        if (one < 0)
            log_line(LOG_WARNING, "%s of entry %s can't be forgotten: %s", look->forgetting->what,
                     look->uuids[i], strerror(-one));
    }
    return r;
}

/* A page of the registrations. Returns 1 when there are more, 0, or an error. */
static int forget_some(struct reminder *reminder, const struct manager *m,
                       struct directory *directory)
{
    struct look look = {.manager = m, .now = reminder->begun, .forgetting = &registrations};
    int r = directory_each_with(directory, &reminder->place, ATTRIBUTE_STATE,
                                account_state_word(ACCOUNT_PENDING), collect, &look);

    return forget_collected(&look, directory, r);
}

/* The same of former addresses. */
static int forget_formers(struct reminder *reminder, const struct manager *m,
                          struct directory *directory)
{
    struct look look = {.manager = m, .now = reminder->begun, .forgetting = &formers};
    int r =
        directory_each_present(directory, &reminder->place, ATTRIBUTE_FORMER_MAIL, collect, &look);

    return forget_collected(&look, directory, r);
}

int reminder_turn(struct reminder *reminder, const struct manager *manager,
                  struct directory *directory)
{
    static int (*const steps[])(struct reminder *, const struct manager *, struct directory *) = {
        [REMINDER_REMIND] = remind_some,
        [REMINDER_FORGET] = forget_some,
        [REMINDER_FORMERS] = forget_formers,
    };
    time_t now = clock_now();
    int r = 0;

    if (reminder->step == REMINDER_IDLE) {
        if (reminder->looked && now >= reminder->looked && now - reminder->looked < LOOK_EVERY)
            return 0;
        *reminder = (struct reminder){.begun = now, .step = REMINDER_REMIND};
    }
    while ((r = steps[reminder->step](reminder, manager, directory)) == 0) {
        if (reminder->step == REMINDER_FORMERS) {
            *reminder = (struct reminder){.looked = now};
            return 0;
        }
        reminder->step++;
    }
    if (r > 0)
        return 1;
    *reminder = (struct reminder){0};
    return r == -ECONNRESET ? 1 : r;
}
