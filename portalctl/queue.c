/* portalctl queue: list, show, retry, drop, stats. */
#include "config.h"

#include "queue.h"

#include "call.h"
#include "output.h"
#include "report.h"

#include "cleanup.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE          500
#define LIMIT_DEFAULT 100
#define LIMIT_MAX     1000000
#define LINE_SIZE     256
#define TRIED_SIZE    512

static const char *const kinds[] = {"registration", "mail", "letter"};
/* In the order of a job's life. */
static const char *const states[] = {"staged", "ready",     "claimed",   "printed", "done",
                                     "failed", "withdrawn", "uncertain", "damaged"};
/* What each means, and what a person can do about it: for who looks at it at night. */
static const char *const meanings[] = {
    "Made, but the change in the directory that it belongs to isn't known to be written. portald "
    "finds out by itself, within a minute once the directory answers.",
    "Waits until it is due and its turn comes. 'portalctl queue retry ID' makes it due now.",
    "Somebody is working on it. Without news by the end of the lease it is taken up again; a "
    "letter "
    "becomes uncertain instead.",
    "On paper. Once it is in the post: 'portalctl letters posted BATCH'.",
    "Nothing to do.",
    "Given up; the note says why. Once that is put right, 'portalctl queue retry ID' tries it "
    "again "
    "while what it carries is still good.",
    "No longer wanted: nothing happens any more, and it can't be tried again.",
    "Handed out to be printed, and nobody knows whether it is on paper. Look, then say so: "
    "'portalctl letters printed ID' or 'portalctl letters again ID'.",
    "This row of the queue can't be what was written. Nothing is done with it, and nothing deletes "
    "it but 'portalctl queue drop ID'. See DAMAGE in portald(8).",
};
_Static_assert(ELEMENTS(states) == ELEMENTS(meanings), "each state has a meaning");
#define RETURNED_MEANING                                                                           \
    "It came back, and what it carries is void. Once the address is right: 'portalctl letter "     \
    "WHO'."
#define BOUNCED "bounced: " /* how portald's notes of bounces begin */
#define BOUNCED_MEANING                                                                            \
    "The relay took this mail, and it came back later: the note says why. It can't be tried "      \
    "again. Ask the customer for an address that works. Who hasn't confirmed one yet registers "   \
    "again with it; no account changes for a bounce."

int queue_fetch(const struct arguments *a, const char *verb, const char *member, json_t *filter,
                size_t limit, json_t **ret)
{
    json_auto_t *base = filter, *jobs = json_array();
    const char *after = a->value[OPTION_AFTER];
    bool more = true;

    if (!base || !jobs)
        return call_control(a, NULL, ret); /* tells what is wrong */
    while (more && (limit == 0 || json_array_size(jobs) < limit)) {
        json_auto_t *report = NULL;
        size_t left = limit == 0 ? PAGE : limit - json_array_size(jobs);
        json_t *request =
            json_pack("{s:s, s:I}", "verb", verb, "most", (json_int_t)(left < PAGE ? left : PAGE));
        int status;

        json_object_update_missing(request, base);
        if (after)
            json_object_set_new(request, "after", json_string(after));
        status = call_control(a, request, &report);
        if (status != STATUS_DONE)
            return status;
        more = json_is_true(json_object_get(report, "more")) &&
               json_array_size(json_object_get(report, member)) > 0;
        json_array_extend(jobs, json_object_get(report, member));
        after = report_text(json_array_get(jobs, json_array_size(jobs) - 1), "id");
        more = more && after;
    }
    *ret = TAKE(jobs);
    return STATUS_DONE;
}

static bool is_word_of(const char *word, const char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(words[i], word) == 0)
            return true;
    return false;
}

/* Checks --kind and --state here, so that a typing error is told with what would be right. */
static int words_check(const struct arguments *a)
{
    const char *kind = a->value[OPTION_KIND], *state = a->value[OPTION_STATE];

    if (kind && !is_word_of(kind, kinds, ELEMENTS(kinds))) {
        output_error("--kind %s: expected registration, mail or letter", kind);
        return STATUS_USAGE;
    }
    if (state && !is_word_of(state, states, ELEMENTS(states))) {
        output_error(
            "--state %s: expected staged, ready, claimed, printed, done, failed, withdrawn, "
            "uncertain or damaged",
            state);
        return STATUS_USAGE;
    }
    return STATUS_DONE;
}

static int limit_read(const char *text, size_t *ret)
{
    char *end;
    unsigned long n;

    if (!text) {
        *ret = LIMIT_DEFAULT;
        return 0;
    }
    errno = 0;
    n = strtoul(text, &end, 10);
    if (errno != 0 || *end || end == text || text[0] == '-' || n < 1 || n > LIMIT_MAX) {
        output_error("--limit %s: expected a number from 1 to %d", text, LIMIT_MAX);
        return -EINVAL;
    }
    *ret = n;
    return 0;
}

static void jobs_print(const json_t *jobs)
{
    static const struct column columns[] = {
        {.title = "ID"},
        {.title = "KIND"},
        {.title = "TOPIC"},
        {.title = "STATE"},
        {.title = "FOR", .flexible = true},
        {.title = "CREATED"},
        {.title = "DUE"},
        {.title = "TRIES", .right = true},
        {.title = "NOTE", .flexible = true},
    };
    _cleanup_(table_clear) struct table t = TABLE(columns);
    const json_t *job;
    size_t i;

    json_array_foreach(jobs, i, job)
    {
        table_put(&t, report_text(job, "id"));
        table_put(&t, report_text(job, "kind"));
        table_put(&t, report_text(job, "topic"));
        table_put(&t, report_text(job, "state"));
        table_put(&t, report_text(job, "subject"));
        table_put_time(&t, report_time(job, "created"));
        table_put_time(&t, report_time(job, "due"));
        table_put_number(&t, report_number(job, "attempts"));
        table_put(&t, report_text(job, "note"));
    }
    table_print(&t, "No such jobs.");
}

/* A mail that the relay took, and whose bounce was noted. */
static bool is_bounced(const json_t *job)
{
    const char *state = report_text(job, "state"), *note = report_text(job, "note");

    return state && strcmp(state, "failed") == 0 && note &&
           strncmp(note, BOUNCED, strlen(BOUNCED)) == 0;
}

/* Below the table: what needs a person, and how to see the rest. */
static void jobs_hint(const json_t *jobs, size_t limit)
{
    static const struct {
        const char *state;
        bool bounced;
        const char *hint;
    } hints[] = {
        {"failed", false,
         "given up. The note says why; once that is put right: 'portalctl queue retry ID'."},
        {"failed", true,
         "taken by the relay, and came back: 'portalctl queue show ID' says what to do."},
        {"uncertain", false,
         "letters of which nobody knows whether they are on paper: 'portalctl letters "
         "list' says what to do."},
        {"damaged", false, "damaged and set aside: see DAMAGE in portald(8)."},
    };
    size_t all = json_array_size(jobs);

    for (size_t h = 0; h < ELEMENTS(hints); h++) {
        size_t count = 0, i;
        const json_t *job;

        json_array_foreach(jobs, i, job)
        {
            const char *state = report_text(job, "state");
            count +=
                state && strcmp(state, hints[h].state) == 0 && is_bounced(job) == hints[h].bounced;
        }
        if (count > 0)
            printf("\n%zu %s\n", count, hints[h].hint);
    }
    if (all == limit)
        printf("\nOnly %zu are shown. Those after them: --after %s\n", all,
               report_text(json_array_get(jobs, all - 1), "id"));
}

int queue_list_run(const struct arguments *a)
{
    json_auto_t *jobs = NULL;
    json_t *filter;
    size_t limit;
    int status = words_check(a);

    if (status != STATUS_DONE || limit_read(a->value[OPTION_LIMIT], &limit) < 0)
        return STATUS_USAGE;
    filter =
        json_pack("{s:b, s:b, s:s*, s:s*, s:s*, s:s*}", "untold", a->value[OPTION_UNTOLD] != NULL,
                  "unfinished", !a->value[OPTION_ALL] && !a->value[OPTION_STATE], "kind",
                  a->value[OPTION_KIND], "state", a->value[OPTION_STATE], "entry",
                  a->value[OPTION_ENTRY], "who", a->operands > 0 ? a->operand[0] : NULL);
    status = queue_fetch(a, "queue-list", "jobs", filter, limit, &jobs);
    if (status != STATUS_DONE)
        return status;
    if (arguments_json(a))
        output_json(jobs);
    else {
        jobs_print(jobs);
        jobs_hint(jobs, limit);
    }
    return STATUS_DONE;
}

static const char *meaning_of(const char *state)
{
    for (size_t i = 0; state && i < ELEMENTS(states); i++)
        if (strcmp(states[i], state) == 0)
            return meanings[i];
    return NULL;
}

/* A letter that came back is done, too. */
static bool is_returned(const json_t *job)
{
    const char *state = report_text(job, "letter_state");

    return state && strcmp(state, "returned") == 0;
}

/* A time, and how far away it is. */
static void time_print(const char *label, time_t t, time_t now)
{
    char when[OUTPUT_TIME_SIZE], span[OUTPUT_TIME_SIZE], text[3 * OUTPUT_TIME_SIZE];

    output_time(t, when);
    output_span(t - now, span);
    if (t == 0 || now == 0)
        snprintf(text, sizeof text, "%s", when);
    else
        snprintf(text, sizeof text, "%s (%s%s%s)", when, t > now ? "in " : "", span,
                 t > now ? "" : " ago");
    output_pair(label, text);
}

/* What the entry doesn't show yet, and why. */
static void untold_print(const json_t *job, time_t now)
{
    long long tries = report_number(job, "tell_tries");
    char text[LINE_SIZE];

    snprintf(text, sizeof text, "must still be told%s%s", tries > 0 ? "; it failed: " : "",
             tries > 0 ? report_text(job, "tell_note") : "");
    output_pair("Directory", text);
    if (tries > 0)
        time_print("Tried again", report_time(job, "tell_at"), now);
}

static void job_print(const json_t *job, time_t now)
{
    static const struct {
        const char *label, *name;
        bool is_time;
    } lines[] = {
        {"Job", "id", false},
        {"Kind", "kind", false},
        {"Topic", "topic", false},
        {"State", "state", false},
        {"For", "subject", false},
        {"Entry", "entry", false},
        {"Created", "created", true},
        {"Not before", "due", true},
        {"Not after", "expires", true},
        {"Lease until", "lease", true},
        {"Happened", "happened", true},
        {"Batch", "batch", false},
        {"Follows from", "parent", false},
        {"Note", "note", false},
    };
    char text[OUTPUT_TIME_SIZE];

    for (size_t i = 0; i < ELEMENTS(lines); i++) {
        if (lines[i].is_time)
            time_print(lines[i].label, report_time(job, lines[i].name), now);
        else
            output_pair(lines[i].label, report_text(job, lines[i].name));
    }
    if (report_text(job, "letter_state"))
        output_pair("Letter", report_text(job, "letter_state"));
    snprintf(text, sizeof text, "%lld", report_number(job, "attempts"));
    output_pair("Tries", text);
    if (json_is_true(json_object_get(job, "untold")))
        untold_print(job, now);
    if (is_returned(job))
        printf("\n%s\n", RETURNED_MEANING);
    else if (is_bounced(job))
        printf("\n%s\n", BOUNCED_MEANING);
    else if (meaning_of(report_text(job, "state")))
        printf("\n%s\n", meaning_of(report_text(job, "state")));
}

int queue_show_run(const struct arguments *a)
{
    json_auto_t *report = NULL;
    int status = call_control(a, json_pack("{s:s, s:s}", "verb", "queue-show", "id", a->operand[0]),
                              &report);

    if (status != STATUS_DONE)
        return status;
    if (arguments_json(a))
        output_json(json_object_get(report, "job"));
    else
        job_print(json_object_get(report, "job"), report_time(report, "now"));
    return STATUS_DONE;
}

int queue_retry_run(const struct arguments *a)
{
    return call_change(a, "queue-retry", "id", a->operand[0]);
}

int queue_drop_run(const struct arguments *a)
{
    return call_change(a, "queue-drop", "id", a->operand[0]);
}

/* Why the oldest of each kind waits, although it was tried. */
static void tried_print(const json_t *tried)
{
    static const char *const labels[] = {"Registrations wait", "Mails wait", "Letters wait"};

    if (json_object_size(tried) > 0)
        putchar('\n');
    for (size_t k = 0; k < ELEMENTS(kinds); k++) {
        const json_t *job = json_object_get(tried, kinds[k]);
        const char *note = report_text(job, "note"), *id = report_text(job, "id");
        char text[TRIED_SIZE];

        if (!note || !id)
            continue;
        snprintf(text, sizeof text, "%s (the oldest, tried %lld times: 'portalctl queue show %s')",
                 note, report_number(job, "attempts"), id);
        output_pair(labels[k], text);
    }
}

void queue_stats_print(const json_t *stats, const json_t *oldest)
{
    static const struct column columns[] = {
        {.title = "QUEUE"},
        {.title = "STAGED", .right = true},
        {.title = "READY", .right = true},
        {.title = "CLAIMED", .right = true},
        {.title = "PRINTED", .right = true},
        {.title = "DONE", .right = true},
        {.title = "FAILED", .right = true},
        {.title = "WITHDRAWN", .right = true},
        {.title = "UNCERTAIN", .right = true},
        {.title = "DAMAGED", .right = true},
        {.title = "OLDEST UNFINISHED"},
    };
    _cleanup_(table_clear) struct table t = TABLE(columns);
    const char *error = report_text(stats, "error");
    const json_t *refusals = json_object_get(stats, "refused"), *refused;
    size_t i;

    if (error) {
        output_pair("Queue", error);
        return;
    }
    for (size_t k = 0; k < ELEMENTS(kinds); k++) {
        table_put(&t, kinds[k]);
        for (size_t s = 0; s < ELEMENTS(states); s++)
            table_put_number(&t, report_number(json_object_get(stats, kinds[k]), states[s]));
        table_put_time(&t, report_time(oldest, kinds[k]));
    }
    table_print(&t, NULL);
    tried_print(json_object_get(stats, "tried"));
    if (report_number(stats, "untold") > 0)
        printf("\n%lld outcomes have still to be written to the directory.\n",
               report_number(stats, "untold"));
    if (report_number(stats, "untellable") > 0)
        printf("%lld of them FAIL AGAIN AND AGAIN: 'portalctl queue list --untold', then 'queue "
               "show ID' says why.\n",
               report_number(stats, "untellable"));
    if (report_number(stats, "damaged") > 0)
        printf("\n%lld jobs are DAMAGED and set aside: 'portalctl queue list --state damaged'.\n",
               report_number(stats, "damaged"));
    json_array_foreach(refusals, i, refused)
    {
        printf("\nNO ROOM, in the queue or on its disk: %s are refused.",
               json_string_value(refused));
    }
    if (json_array_size(refusals) > 0)
        printf("\nNothing that was taken is lost. Make room on the disk, see what isn't sent or "
               "printed ('portalctl queue list'), or raise limit in [queue] of portald.conf.\n");
}

int queue_stats_run(const struct arguments *a)
{
    json_auto_t *report = NULL;
    int status = call_control(a, json_pack("{s:s}", "verb", "queue-stats"), &report);

    if (status != STATUS_DONE)
        return status;
    if (arguments_json(a))
        output_json(report);
    else
        queue_stats_print(report, json_object_get(report, "oldest"));
    return STATUS_DONE;
}
