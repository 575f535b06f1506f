/* `portalctl queue …`; and jobs as JSON, for all commands that list some. */
#include "config.h"

#include "control.h"

#include "cleanup.h"
#include "clock.h"

#include <errno.h>

#define TRIED_MOST 20 /* of the oldest are looked at for one that was tried */

/* How portalLetter calls a letter's state, where the queue has one for two. */
static const char *letter_state(const struct job *j)
{
    if (j->state != JOB_DONE)
        return job_state_word(j->state);
    return strncmp(j->note, NOTE_RETURNED, strlen(NOTE_RETURNED)) == 0 ? "returned" : "posted";
}

static json_t *job_json(const struct job *j)
{
    json_t *json =
        json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:I}", "id", j->id, "kind",
                  job_kind_word(j->kind), "topic", j->topic, "state", job_state_word(j->state),
                  "subject", j->subject, "entry", j->entry, "batch", j->batch, "parent", j->parent,
                  "note", j->note, "created", (json_int_t)j->created);

    if (!json)
        return NULL;
    if (j->kind == JOB_LETTER)
        json_object_set_new(json, "letter_state", json_string(letter_state(j)));
    json_object_set_new(json, "due", control_time(j->due));
    json_object_set_new(json, "expires", control_time(j->expires));
    json_object_set_new(json, "lease",
                        j->state == JOB_STAGED || j->state == JOB_CLAIMED ? control_time(j->lease)
                                                                          : json_null());
    json_object_set_new(json, "happened", control_time(j->happened));
    json_object_set_new(json, "attempts", json_integer(j->attempts));
    json_object_set_new(json, "untold", json_boolean(j->untold));
    if (j->untold && j->tell_tries > 0) {
        json_object_set_new(json, "tell_tries", json_integer(j->tell_tries));
        json_object_set_new(json, "tell_at", control_time(j->tell_at));
        json_object_set_new(json, "tell_note", json_string(j->tell_note));
    }
    return json;
}

static json_t *list_json(const char *name, const struct job_list *jobs, size_t most)
{
    json_t *list = json_array();

    for (size_t i = 0; i < jobs->count; i++)
        json_array_append_new(list, job_json(&jobs->items[i]));
    return json_pack("{s:o, s:b}", name, list, "more", jobs->count == most);
}

json_t *control_jobs(struct control *control, const char *name, const struct queue_filter *filter)
{
    _cleanup_(job_list_clear) struct job_list jobs = {0};
    int r = queue_list(control->worker->manager->queue, filter, &jobs);

    return r < 0 ? control_fail(control, r) : list_json(name, &jobs, filter->most);
}

/* What the directory isn't told of yet, what can't be told last. */
static json_t *untold_jobs(struct control *control, size_t most)
{
    _cleanup_(job_list_clear) struct job_list jobs = {0};
    int r = queue_untold(control->worker->manager->queue, (time_t)INT64_MAX, most, &jobs);

    return r < 0 ? control_fail(control, r) : list_json("jobs", &jobs, SIZE_MAX);
}

size_t control_most(const struct control *control)
{
    json_int_t most = json_integer_value(json_object_get(control->asked, "most"));

    return most > 0 && most < QUEUE_LIST_MAX ? (size_t)most : QUEUE_LIST_MAX;
}

json_t *control_queue_list(struct control *control)
{
    _cleanup_(entry_free_p) struct entry *customer = NULL;
    const char *kind = control_string(control, "kind"), *state = control_string(control, "state");
    struct queue_filter filter = {.kind = kind ? job_kind_read(kind) : -1,
                                  .state = state ? job_state_read(state) : -1,
                                  .entry = control_string(control, "entry"),
                                  .after = control_string(control, "after"),
                                  .unfinished =
                                      json_is_true(json_object_get(control->asked, "unfinished")),
                                  .most = control_most(control)};

    if (kind && filter.kind < 0)
        return control_refuse(control, 2, "There is no such kind: registration, mail or letter");
    if (state && filter.state < 0)
        return control_refuse(
            control, 2,
            "There is no such state: staged, ready, claimed, printed, done, failed, "
            "withdrawn, uncertain or damaged");
    if (json_is_true(json_object_get(control->asked, "untold")))
        return untold_jobs(control, filter.most);
    if (control_string(control, "who")) {
        json_t *refused = control_customer(control, false, &customer);
        if (refused)
            return refused;
        filter.entry = customer->uuid;
    }
    return control_jobs(control, "jobs", &filter);
}

/* Reads "id"; NULL and an answer when it isn't one. */
static json_t *asked_id(struct control *control, char ret[static ULID_SIZE])
{
    const char *typed = control_string(control, "id");
    int64_t number;

    if (typed && ulid_read(typed, ret) == 0)
        return NULL;
    if (typed && job_damaged_read(typed, &number) == 0) {
        snprintf(ret, ULID_SIZE, "%s", typed);
        return NULL;
    }
    return control_refuse(control, 2,
                          "An id has 26 letters and digits, as portalctl queue list shows it");
}

json_t *control_queue_show(struct control *control)
{
    _cleanup_(job_clear) struct job job = {0};
    char id[ULID_SIZE];
    json_t *wrong = asked_id(control, id);
    int r;

    if (wrong)
        return wrong;
    r = queue_get(control->worker->manager->queue, id, &job);
    return r < 0 ? control_fail(control, r)
                 : json_pack("{s:o, s:I}", "job", job_json(&job), "now", (json_int_t)clock_now());
}

json_t *control_queue_retry(struct control *control)
{
    char id[ULID_SIZE];
    json_t *wrong = asked_id(control, id);
    int r;

    if (wrong)
        return wrong;
    r = queue_retry_now(control->worker->manager->queue, id, clock_now());
    if (r == -EPERM)
        return control_refuse(
            control, 1,
            "Only a job that failed, waits for its next attempt, or couldn't be written to its "
            "entry can be tried again now. 'portalctl queue show ID' says what this one needs");
    return r < 0 ? control_fail(control, r) : json_pack("{s:s}", "text", "It is tried again now.");
}

/* What is on paper can't be taken back here: its password works, and the mailroom has the letter.
 */
json_t *control_queue_drop(struct control *control)
{
    _cleanup_(job_clear) struct job job = {0};
    char id[ULID_SIZE];
    json_t *wrong = asked_id(control, id);
    int r;

    if (wrong)
        return wrong;
    if ((r = queue_get(control->worker->manager->queue, id, &job)) < 0)
        return control_fail(control, r);
    if (job.state == JOB_PRINTED)
        return control_refuse(control, 1, "This letter is printed already; its password works");
    r = queue_withdraw_one(control->worker->manager->queue, id, "dropped by an operator");
    if (r == -EPERM)
        return control_refuse(control, 1,
                              "This job has ended already: there is nothing to withdraw");
    if (r < 0)
        return control_fail(control, r);
    return json_pack("{s:s}", "text",
                     job.state == JOB_CLAIMED
                         ? "It is withdrawn. It was being worked on, and may still go out."
                         : "It is withdrawn.");
}

/* What is refused now for want of room, in words. */
static json_t *refused_json(const struct queue_stats *stats)
{
    static const char *const words[NEEDS] = {
        [NEED_MUST] = "codes, links and letters",
        [NEED_NOTICE] = "notices and reminders",
        [NEED_NEW] = "new registrations",
    };
    json_t *refused = json_array();

    for (int need = NEEDS - 1; need >= 0; need--)
        if (stats->refused[need])
            json_array_append_new(refused, json_string(words[need]));
    return refused;
}

/* Of each kind the oldest that waits after a try which came to nothing, with what was said then: a
   relay that is down, a directory that can't be written to, a printer that is stopped. */
static json_t *tried_json(struct queue *queue)
{
    json_t *tried = json_object();

    for (int kind = 0; kind < JOB_KINDS; kind++) {
        _cleanup_(job_list_clear) struct job_list jobs = {0};
        const struct queue_filter filter = {.kind = kind, .state = JOB_READY, .most = TRIED_MOST};
        size_t i = 0;

        if (queue_list(queue, &filter, &jobs) < 0)
            continue;
        while (i < jobs.count && !(jobs.items[i].attempts > 0 && jobs.items[i].note[0]))
            i++;
        if (i < jobs.count)
            json_object_set_new(tried, job_kind_word((enum job_kind)kind),
                                json_pack("{s:s, s:s, s:i}", "id", jobs.items[i].id, "note",
                                          jobs.items[i].note, "attempts",
                                          (int)jobs.items[i].attempts));
    }
    return tried;
}

static json_t *stats_json(struct queue *queue, const struct queue_stats *stats)
{
    json_t *oldest = json_object(), *report = json_object();

    for (int kind = 0; kind < JOB_KINDS; kind++) {
        const char *name = job_kind_word((enum job_kind)kind);
        json_t *counts = json_object();
        for (int state = 0; state < JOB_STATES; state++)
            json_object_set_new(counts, job_state_word((enum job_state)state),
                                json_integer((json_int_t)stats->count[kind][state]));
        json_object_set_new(report, name, counts);
        json_object_set_new(oldest, name, control_time(stats->oldest[kind]));
    }
    json_object_set_new(report, "untold", json_integer((json_int_t)stats->untold));
    json_object_set_new(report, "untellable", json_integer((json_int_t)stats->untellable));
    json_object_set_new(report, "damaged", json_integer((json_int_t)stats->damaged));
    json_object_set_new(report, "refused", refused_json(stats));
    json_object_set_new(report, "oldest", oldest);
    json_object_set_new(report, "tried", tried_json(queue));
    return report;
}

json_t *control_queue_report(struct control *control)
{
    struct manager *m = control->worker->manager;
    struct queue_stats stats;
    int status = control->status, r = queue_stats(m->queue, &stats);
    json_t *report;

    if (r >= 0 && queue_health(m->queue) == 0)
        return stats_json(m->queue, &stats);
    report = control_fail(control, r < 0 ? r : -EIO);
    control->status = status;
    return report;
}

json_t *control_queue_stats(struct control *control)
{
    struct queue *queue = control->worker->manager->queue;
    struct queue_stats stats;
    int r = queue_stats(queue, &stats);

    return r < 0 ? control_fail(control, r) : stats_json(queue, &stats);
}
