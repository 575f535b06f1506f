/* `portalctl letters …`. */
#include "config.h"

#include "control.h"

#include "letters.h"
#include "outcome.h"

#include "cleanup.h"
#include "clock.h"

#include <errno.h>
#include <stdio.h>

json_t *control_letters_list(struct control *control)
{
    struct queue_filter filter = {.kind = JOB_LETTER,
                                  .state = -1,
                                  .batch = control_string(control, "batch"),
                                  .after = control_string(control, "after"),
                                  .unfinished =
                                      !json_is_true(json_object_get(control->asked, "all")),
                                  .most = control_most(control)};

    return control_jobs(control, "letters", &filter);
}

/* Printed letters of the batch that the directory hasn't been told of are told first: posting
   counts from what was printed on them. One entry that can't be written to doesn't keep a whole
   batch from the post: the clerk goes on trying. */
static int tell_batch(struct control *control, const char *batch, enum job_state state)
{
    struct manager *m = control->worker->manager;
    char after[ULID_SIZE] = "";
    struct queue_filter filter = {.kind = JOB_LETTER,
                                  .state = (int)state,
                                  .batch = batch,
                                  .after = after,
                                  .most = QUEUE_LIST_MAX};
    size_t count;
    int r;

    do {
        _cleanup_(job_list_clear) struct job_list jobs = {0};
        if ((r = queue_list(m->queue, &filter, &jobs)) < 0)
            return r;
        count = jobs.count;
        for (size_t i = 0; i < count; i++) {
            r = jobs.items[i].untold ? outcome_tell(m, control->worker->directory, &jobs.items[i],
                                                    control->request->deadline)
                                     : 0;
            if (r == -EHOSTDOWN || r == -ETIMEDOUT)
                return r;
            memcpy(after, jobs.items[i].id, sizeof after);
        }
    } while (count == filter.most);
    return 0;
}

/* Letters of the batch of which nobody has said that they are on paper. */
static size_t count_open(struct control *control, const char *batch)
{
    static const enum job_state open[] = {JOB_CLAIMED, JOB_UNCERTAIN};
    size_t count = 0;

    for (size_t i = 0; i < ELEMENTS(open); i++) {
        _cleanup_(job_list_clear) struct job_list jobs = {0};
        const struct queue_filter filter = {
            .kind = JOB_LETTER, .state = (int)open[i], .batch = batch, .most = QUEUE_LIST_MAX};

        if (queue_list(control->worker->manager->queue, &filter, &jobs) == 0)
            count += jobs.count;
    }
    return count;
}

#define OPEN_LEFT                                                                                  \
    "of its letters aren't known to be printed, and stay as they are: import the print station's " \
    "BATCH.result, or see 'portalctl letters list'; then say posted again."

static json_t *posted_report(struct control *control, const char *batch, unsigned count)
{
    size_t open = count_open(control, batch);
    char text[256];

    if (count == 0 && open > 0)
        return control_refuse(control, 1, "Nothing is marked as posted: %zu " OPEN_LEFT, open);
    if (open > 0)
        snprintf(text, sizeof text, "%u letters are marked as posted. %zu " OPEN_LEFT, count, open);
    else
        snprintf(text, sizeof text, "%s",
                 count ? "The letters are marked as posted. Initial passwords now work until their "
                         "final last day."
                       : "All letters of this batch were marked as posted already, or ended "
                         "otherwise.");
    return json_pack("{s:i, s:I, s:s}", "count", (int)count, "open", (json_int_t)open, "text",
                     text);
}

json_t *control_letters_posted(struct control *control)
{
    struct manager *m = control->worker->manager;
    const char *typed = control_string(control, "batch");
    char batch[ULID_SIZE];
    unsigned count = 0;
    int r;

    if (!typed || ulid_read(typed, batch) < 0)
        return control_refuse(
            control, 2, "A batch has 26 letters and digits, as portalctl letters list shows it");
    if ((r = tell_batch(control, batch, JOB_PRINTED)) < 0)
        return control_fail(control, r);
    r = queue_posted(m->queue, batch, clock_now(), &count);
    if (r == -ENOENT)
        return control_refuse(control, 1,
                              "There is no such batch: 'portalctl letters list --all' shows them");
    if (r < 0)
        return control_fail(control, r);
    /* What can't be told now the clerk tells later. */
    (void)tell_batch(control, batch, JOB_DONE);
    return posted_report(control, batch, count);
}

static int asked_batch(struct control *control, char ret[static ULID_SIZE])
{
    const char *typed = control_string(control, "batch");

    return typed && ulid_read(typed, ret) == 0 ? 0 : -EINVAL;
}

/* For a print station on another machine: what a claim over its socket gives, under a longer
   lease. */
json_t *control_letters_export(struct control *control)
{
    char batch[ULID_SIZE];
    struct letters_wanted wanted = {.batch = batch, .lease = LETTERS_EXPORT_LEASE};
    size_t count = 0;
    int r = asked_batch(control, batch);

    if (r < 0)
        return control_refuse(control, 2, "A batch has 26 letters and digits");
    wanted.most = control_most(control);
    if (wanted.most > WIRE_CLAIM_MAX)
        wanted.most = WIRE_CLAIM_MAX;
    wire_put_string(control->reply, WIRE_BATCH, batch);
    r = letters_batch(control->worker, control->request, &wanted, control->reply, &count);
    if (r < 0) {
        wire_writer_clear(control->reply);
        wire_begin(control->reply, WIRE_REPORT);
        return control_fail(control, r);
    }
    return json_pack("{s:s, s:I}", "batch", batch, "count", (json_int_t)count);
}
