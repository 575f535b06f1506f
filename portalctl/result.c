/* portalctl letters import: what a print station on another machine says of a batch. portald checks
   the station's seals (print/batch.h has the format): all parts are shown to it before it is given
   the first. */
#include "config.h"

#include "call.h"
#include "output.h"
#include "report.h"

#include "cleanup.h"
#include "file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define RESULT_MAX     (1u << 20)
#define RESULT_VERSION 2

/* What all parts say together. */
struct sum {
    const char *batch;
    long long printed, failed, uncertain;
    long long held, known; /* of these: still in the batch; and their end was known before */
};

static int result_bad(const char *path, const char *what)
{
    output_error("%s %s. Nothing of it is taken.", path, what);
    return STATUS_REFUSED;
}

static int result_read(const char *path, json_t **ret)
{
    _cleanup_free_ uint8_t *data = NULL;
    json_auto_t *result = NULL;
    size_t size;
    int r = file_read(path, RESULT_MAX, &data, &size);

    if (r < 0) {
        output_error("%s: %s", path, strerror(-r));
        return STATUS_REFUSED;
    }
    result = json_loadb((const char *)data, size, JSON_REJECT_DUPLICATES, NULL);
    if (!report_text(result, "batch") || report_number(result, "version") <= 0)
        return result_bad(path, "isn't a result that portal-print wrote, or only a piece of one");
    if (report_number(result, "version") != RESULT_VERSION)
        return result_bad(path, "was written by a portal-print of another version; with this "
                                "version there, 'portal-print --batch FILE.batch' writes it again "
                                "and prints nothing twice");
    if (json_array_size(json_object_get(result, "parts")) == 0)
        return result_bad(path, "has no parts");
    *ret = TAKE(result);
    return STATUS_DONE;
}

static int part_send(const struct arguments *a, const json_t *part, bool look, json_t **ret)
{
    return call_control(a,
                        json_pack("{s:s, s:s*, s:O*, s:b}", "verb", "letters-import", "text",
                                  report_text(part, "text"), "seals",
                                  json_object_get(part, "seals"), "look", look),
                        ret);
}

static void sum_add(struct sum *sum, const json_t *report)
{
    const json_t *row;
    size_t i;

    json_array_foreach(json_object_get(report, "letters"), i, row)
    {
        bool failed = report_text(row, "failed"), uncertain = report_text(row, "uncertain");

        sum->failed += failed;
        sum->uncertain += !failed && uncertain;
        sum->printed += !failed && !uncertain;
    }
    sum->held += report_number(report, "held");
    sum->known += report_number(report, "known");
}

/* Each part is whole, since it is sealed; that they are all here, and of one result, is seen from
   what they say. */
static int result_look(const struct arguments *a, const json_t *result, struct sum *sum)
{
    const json_t *parts = json_object_get(result, "parts"), *part;
    size_t i;

    sum->batch = report_text(result, "batch");
    json_array_foreach(parts, i, part)
    {
        json_auto_t *report = NULL;
        int status = part_send(a, part, true, &report);

        if (status != STATUS_DONE)
            return status;
        if (!report_text(report, "batch") ||
            strcmp(report_text(report, "batch"), sum->batch) != 0 ||
            report_number(report, "part") != (long long)i + 1 ||
            report_number(report, "parts") != (long long)json_array_size(parts))
            return result_bad(a->operand[0], "isn't whole: parts of it are missing, or in a "
                                             "wrong order, or of another result");
        sum_add(sum, report);
    }
    if (sum->held == 0 && sum->printed + sum->failed + sum->uncertain > 0)
        return result_bad(a->operand[0], "is out of date: none of its letters is in this batch any "
                                         "more ('portalctl letters list --all' shows them)");
    return STATUS_DONE;
}

static void sum_tell(const struct sum *sum)
{
    long long passed = sum->printed + sum->failed + sum->uncertain - sum->held;

    printf("%lld printed, %lld failed, %lld uncertain.\n", sum->printed, sum->failed,
           sum->uncertain);
    if (sum->known > 0)
        printf("%lld of them %s known before, and stay as they are.\n", sum->known,
               sum->known == 1 ? "was" : "were");
    if (passed > 0)
        printf("%lld %s passed over: no longer in this batch.\n", passed,
               passed == 1 ? "is" : "are");
    if (sum->failed > 0)
        puts("What failed comes in a batch of its own, in an hour; 'portalctl letters list' says "
             "why it failed.");
    if (sum->uncertain > 0)
        puts("'portalctl letters list' says what to do with those that are uncertain.");
    if (sum->printed > 0)
        printf("Once they are posted:\n    portalctl letters posted %s\n", sum->batch);
}

static void sum_tell_json(const struct sum *sum)
{
    json_auto_t *counts = json_pack(
        "{s:s, s:I, s:I, s:I, s:I, s:I}", "batch", sum->batch, "printed", (json_int_t)sum->printed,
        "failed", (json_int_t)sum->failed, "uncertain", (json_int_t)sum->uncertain, "held",
        (json_int_t)sum->held, "known", (json_int_t)sum->known);

    output_json(counts);
}

int letters_import_run(const struct arguments *a)
{
    json_auto_t *result = NULL;
    struct sum sum = {0};
    int status = result_read(a->operand[0], &result);
    const json_t *part;
    size_t i;

    if (status == STATUS_DONE)
        status = result_look(a, result, &sum);
    json_array_foreach(json_object_get(result, "parts"), i, part)
    {
        json_auto_t *report = NULL;

        if (status == STATUS_DONE)
            status = part_send(a, part, false, &report);
    }
    if (status != STATUS_DONE)
        return status;
    if (arguments_json(a))
        sum_tell_json(&sum);
    else
        sum_tell(&sum);
    return STATUS_DONE;
}
