/* portalctl import: provisions customers from a CSV file, as the caller. The file is looked at
   whole before anything is written, and then read once more. */
#include "config.h"

#include "caller.h"
#include "importing.h"
#include "output.h"
#include "progress.h"
#include "seen.h"

#include "calendar.h"
#include "cleanup.h"
#include "clock.h"

#include <errno.h>
#include <signal.h>
#include <sodium.h>
#include <stdint.h>
#include <sys/stat.h>

#define PLAN_FIRST ((size_t)4096)

struct import {
    const struct arguments *arguments;
    const char *path;
    FILE *file;
    struct stat stat; /* when it was opened */
    struct caller caller;
    char today[CALENDAR_DAY_SIZE];
    enum meeting meeting;
    bool writing;
    struct seen *seen;
    unsigned char *plan; /* of each line, an outcome, in order */
    size_t planned, plan_size, at;
    unsigned long counts[OUTCOMES];
    unsigned long read; /* lines that were looked at */
    bool broken;        /* nobody can tell where a line ends */
    json_t *errors;
    struct progress progress;
};

static void import_clear(struct import *im)
{
    caller_clear(&im->caller);
    seen_free(im->seen);
    free(im->plan);
    json_decref(im->errors);
    if (im->file)
        fclose(im->file);
}

static unsigned long lines(const struct import *im)
{
    unsigned long sum = 0;

    for (int i = 0; i < OUTCOMES; i++)
        sum += im->counts[i];
    return sum;
}

/* --- What is told of lines --- */

static void complain(struct import *im, unsigned long line, const char *why)
{
    progress_clear(&im->progress);
    if (arguments_json(im->arguments))
        json_array_append_new(im->errors,
                              json_pack("{s:I, s:s}", "line", (json_int_t)line, "error", why));
    else
        output_error("%s, line %lu: %s", im->path, line, why);
}

static void tell(void *userdata, unsigned long line, enum outcome outcome, const char *why)
{
    struct import *im = userdata;

    im->counts[outcome]++;
    if (why)
        complain(im, line, why);
    if (!im->writing)
        im->plan[im->planned++] = (unsigned char)outcome;
    progress_show(&im->progress, ftello(im->file), im->stat.st_size, lines(im));
}

/* Room for one line more than are on their way. */
static int plan_room(struct import *im)
{
    size_t size = im->plan_size > 0 ? 2 * im->plan_size : PLAN_FIRST;
    unsigned char *plan;

    if (im->at < im->plan_size)
        return 0;
    plan = realloc(im->plan, size);
    if (!plan)
        return -ENOMEM;
    im->plan = plan;
    im->plan_size = size;
    return 0;
}

/* --- One line --- */

/* A second line with the same key is wrong, whichever of them is right. */
static int note_key(struct import *im, const char *kind, const char *key, unsigned long line,
                    char why[static CUSTOMER_WHY_SIZE])
{
    char text[8 + CUSTOMER_UID + POLICY_NUMBER_SIZE];
    unsigned long before;
    int r;

    snprintf(text, sizeof text, "%s %s", kind, key);
    r = seen_note(im->seen, text, line, &before);
    if (r <= 0)
        return r;
    snprintf(why, CUSTOMER_WHY_SIZE, "%s %s stands in line %lu already", kind, key, before);
    return -EINVAL;
}

static int note_keys(struct import *im, const struct customer *c, unsigned long line,
                     char why[static CUSTOMER_WHY_SIZE])
{
    int r = c->value[IDENTITY_UID] ? note_key(im, "uid", c->value[IDENTITY_UID], line, why) : 0;

    for (size_t i = 0; i < c->policy_count && r == 0; i++)
        r = note_key(im, "policy", c->policies[i], line, why);
    return r;
}

static int put(struct import *im, struct importing *importing, const struct columns *columns,
               const struct record *record)
{
    char why[CUSTOMER_WHY_SIZE];
    struct customer customer = {0};
    enum outcome expect = OUTCOMES;
    int r = plan_room(im);

    if (r < 0)
        return r;
    if (im->writing)
        expect = im->at < im->planned ? (enum outcome)im->plan[im->at] : OUTCOMES;
    im->at++;
    if (expect == OUTCOME_BAD)
        return importing_put_bad(importing, record->line, NULL);
    r = customer_read(columns, record, im->today, &customer, why);
    if (r == 0 && !im->writing)
        r = note_keys(im, &customer, record->line, why);
    r = r == -EINVAL ? importing_put_bad(importing, record->line, why)
        : r < 0      ? r
                     : importing_put(importing, record->line, &customer, expect);
    customer_clear(&customer);
    return r;
}

/* --- A pass over the file --- */

/* Spreadsheets leave lines behind that have separators and nothing else. */
static bool is_empty(const struct record *record)
{
    for (size_t i = 0; i < record->count; i++)
        if (record->field[i][strspn(record->field[i], " \t\r\n")])
            return false;
    return true;
}

static int read_header(struct import *im, struct sheet *sheet, struct columns *ret)
{
    char why[CUSTOMER_WHY_SIZE];
    struct record header;
    int r = sheet_next(sheet, &header);

    if (r == 0)
        output_error("%s is empty: expected a header with the names of the columns.", im->path);
    else if (r == -EILSEQ || r == -EBADMSG)
        output_error("%s, line %lu: %s", im->path, header.line, header.why);
    else if (r < 0)
        output_error("%s: %s", im->path, strerror(-r));
    else if ((r = columns_read(&header, ret, why)) < 0)
        output_error("%s, line %lu: %s", im->path, header.line, why);
    else
        return 0;
    return -EINVAL;
}

static int put_all(struct import *im, struct sheet *sheet, const struct columns *columns,
                   struct importing *importing)
{
    struct record record;
    int r;

    while ((r = sheet_next(sheet, &record)) != 0) {
        if (r == -EBADMSG)
            im->broken = true;
        if (r == -EILSEQ || r == -EBADMSG) {
            r = plan_room(im);
            im->at++;
            if (r == 0)
                r = importing_put_bad(importing, record.line, im->writing ? NULL : record.why);
        } else if (r > 0 && !is_empty(&record)) {
            r = put(im, importing, columns, &record);
        }
        if (r < 0)
            return r;
    }
    return 0;
}

static const char *lost_why(const struct importing *importing, int error)
{
    return *importing_error(importing) ? importing_error(importing) : strerror(-error);
}

static void tell_unsure(struct import *im, const struct importing *importing)
{
    unsigned long first, last;

    importing_unsure(importing, &first, &last);
    if (first > 0)
        output_error("Of lines %lu to %lu nobody knows whether they are written.", first, last);
    if (im->writing)
        output_error(
            "%lu lines were dealt with before. Run the same command again to go on: what is "
            "there already counts as unchanged.",
            lines(im));
}

/* Says why it ended early. Returns an exit_status. */
static int ended(struct import *im, const struct importing *importing, int r)
{
    progress_clear(&im->progress);
    switch (r) {
    case 0:
        return STATUS_DONE;
    case -EINTR:
        output_error("Stopped on request behind %lu lines. %s", lines(im),
                     im->writing ? "Run the same command again to go on: what is there already "
                                   "counts as unchanged."
                                 : "Nothing is written.");
        return STATUS_REFUSED;
    case -EACCES:
        output_error("%s: %s. You may not do this here; %lu lines were refused.", im->caller.uri,
                     lost_why(importing, r), im->counts[OUTCOME_BAD]);
        return STATUS_REFUSED;
    case -EHOSTDOWN:
        output_error("%s: %s.", im->caller.uri, lost_why(importing, r));
        tell_unsure(im, importing);
        return STATUS_UNREACHABLE;
    default:
        output_error("%s: %s.", im->path, lost_why(importing, r));
        tell_unsure(im, importing);
        return STATUS_REFUSED;
    }
}

DEFINE_CLEANUP(struct sheet, sheet_free)
DEFINE_CLEANUP(struct importing, importing_free)

static int pass(struct import *im, bool writing)
{
    _cleanup_(sheet_free_p) struct sheet *sheet = NULL;
    _cleanup_(importing_free_p) struct importing *importing = NULL;
    struct columns columns;
    int r, drained;

    im->writing = writing;
    im->at = 0;
    memset(im->counts, 0, sizeof im->counts);
    im->progress = progress_start(writing ? "importing" : "checking");
    rewind(im->file);
    r = sheet_open(im->file, &sheet);
    if (r == 0)
        r = importing_open(&im->caller, writing, im->meeting, tell, im, &importing);
    if (r < 0) {
        output_error("%s: %s", im->path, strerror(-r));
        return STATUS_REFUSED;
    }
    if (read_header(im, sheet, &columns) < 0)
        return STATUS_REFUSED;
    r = put_all(im, sheet, &columns, importing);
    if (r == 0 || r == -EINTR || r == -EACCES) {
        drained = importing_drain(importing);
        r = drained < 0 ? drained : r;
    }
    return ended(im, importing, r);
}

/* --- The whole --- */

static bool has(const struct import *im, enum option o)
{
    return im->arguments->value[o] != NULL;
}

/* Between the passes somebody may have written to the file. */
static bool file_is_as_it_was(const struct import *im)
{
    struct stat now;

    return fstat(fileno(im->file), &now) == 0 && now.st_size == im->stat.st_size &&
           now.st_mtim.tv_sec == im->stat.st_mtim.tv_sec &&
           now.st_mtim.tv_nsec == im->stat.st_mtim.tv_nsec;
}

/* Whether what the first pass found may be written; says why not. */
static bool may_write(struct import *im)
{
    unsigned long bad = im->counts[OUTCOME_BAD];

    if (bad > 0 && (im->broken || !has(im, OPTION_SKIP_BAD)))
        output_error("%lu of %lu lines are bad, so nothing is written. Correct them%s.", bad,
                     lines(im),
                     im->broken ? ": where quotation marks are wrong, nobody can tell lines apart"
                                : ", or take the others with --skip-bad");
    else if (!file_is_as_it_was(im))
        output_error("%s has been written to meanwhile. Nothing is imported; please run it again.",
                     im->path);
    else
        return true;
    im->counts[OUTCOME_ADDED] = im->counts[OUTCOME_UPDATED] = 0;
    return false;
}

static void summary_print(const struct import *im, bool complete, double seconds)
{
    bool dry = has(im, OPTION_DRY_RUN);
    const unsigned long *n = im->counts;

    if (arguments_json(im->arguments)) {
        json_auto_t *json = json_pack(
            "{s:s, s:b, s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:f, s:O}", "file", im->path, "dry_run",
            dry, "complete", complete, "lines", (json_int_t)im->read, "added",
            (json_int_t)n[OUTCOME_ADDED], "updated", (json_int_t)n[OUTCOME_UPDATED], "unchanged",
            (json_int_t)n[OUTCOME_UNCHANGED], "skipped", (json_int_t)n[OUTCOME_KEPT], "bad",
            (json_int_t)n[OUTCOME_BAD], "seconds", seconds, "errors", im->errors);

        output_json(json);
        return;
    }
    printf(
        "%lu lines in %.1f s: %lu %sadded, %lu %supdated, %lu unchanged, %lu skipped, %lu bad.\n",
        im->read, seconds, n[OUTCOME_ADDED], dry ? "would be " : "", n[OUTCOME_UPDATED],
        dry ? "would be " : "", n[OUTCOME_UNCHANGED], n[OUTCOME_KEPT], n[OUTCOME_BAD]);
}

static int import(struct import *im)
{
    long long begun = clock_monotonic_ms();
    int status = pass(im, false);
    bool write = status == STATUS_DONE && !has(im, OPTION_DRY_RUN), refused = false;

    im->read = lines(im);
    if (write)
        refused = !may_write(im);
    else if (!has(im, OPTION_DRY_RUN))
        im->counts[OUTCOME_ADDED] = im->counts[OUTCOME_UPDATED] = 0;
    if (write && !refused)
        status = pass(im, true);
    summary_print(im, status == STATUS_DONE && !refused,
                  (double)(clock_monotonic_ms() - begun) / 1000);
    return status == STATUS_DONE && (refused || im->counts[OUTCOME_BAD] > 0) ? STATUS_REFUSED
                                                                             : status;
}

static int file_open(struct import *im)
{
    im->file = fopen(im->path, "re");
    if (!im->file || fstat(fileno(im->file), &im->stat) < 0) {
        output_error("%s: %s", im->path, strerror(errno));
        return STATUS_REFUSED;
    }
    if (S_ISREG(im->stat.st_mode))
        return STATUS_DONE;
    output_error("%s is no regular file: it is read twice.", im->path);
    return STATUS_REFUSED;
}

/* From here on the two are asked for, between lines. */
static void signals_block(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigprocmask(SIG_BLOCK, &set, NULL);
}

int import_run(const struct arguments *a)
{
    _cleanup_(import_clear) struct import im = {
        .arguments = a, .path = a->operand[0], .errors = json_array()};
    int status;

    if (a->value[OPTION_UPDATE] && a->value[OPTION_SKIP_EXISTING]) {
        output_error("--update and --skip-existing contradict each other.");
        return STATUS_USAGE;
    }
    im.meeting = a->value[OPTION_UPDATE]          ? MEETING_UPDATE
                 : a->value[OPTION_SKIP_EXISTING] ? MEETING_KEEP
                                                  : MEETING_REFUSE;
    if (sodium_init() < 0 || !im.errors || seen_open(&im.seen) < 0) {
        output_error("out of memory");
        return STATUS_REFUSED;
    }
    calendar_day(clock_now(), im.today);
    if ((status = file_open(&im)) != STATUS_DONE ||
        (status = caller_bind(a, &im.caller)) != STATUS_DONE)
        return status;
    signals_block();
    return import(&im);
}
