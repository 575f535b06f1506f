/* portalctl rekey: has every TOTP secret sealed anew, and shows how far portald is. */
#include "config.h"

#include "call.h"
#include "output.h"
#include "report.h"

#include "cleanup.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LOOK_EVERY_MS 250

/* One line that writes over itself; only for a person who looks. */
static void show_progress(const struct arguments *a, const json_t *report, bool last)
{
    if (arguments_json(a) || !isatty(STDERR_FILENO))
        return;
    fprintf(stderr, "\r%lld secrets looked at, %lld sealed anew%s", report_number(report, "seen"),
            report_number(report, "resealed"), last ? "\n" : "");
    fflush(stderr);
}

/* Until the run that report is of has ended. */
static int follow(const struct arguments *a, json_t **report)
{
    static const struct timespec pause = {.tv_nsec = LOOK_EVERY_MS * 1000000L};
    _cleanup_free_ char *id = NULL;
    const char *begun = report_text(*report, "id");

    if (!begun || !(id = strdup(begun))) {
        output_error("portald's answer can't be understood.");
        return STATUS_REFUSED;
    }
    while (json_is_true(json_object_get(*report, "running"))) {
        json_t *now = NULL;
        int status;

        show_progress(a, *report, false);
        nanosleep(&pause, NULL);
        status = call_control(a, json_pack("{s:s}", "verb", "rekey-look"), &now);
        if (status != STATUS_DONE)
            return status;
        json_decref(*report);
        *report = now;
        begun = report_text(now, "id");
        if (!begun || strcmp(begun, id) != 0) {
            output_error("portald was restarted meanwhile. What was done is done; please run it "
                         "again.");
            return STATUS_REFUSED;
        }
    }
    show_progress(a, *report, true);
    return STATUS_DONE;
}

static void show_losses(const json_t *report)
{
    static const struct column columns[] = {{"UID", false, false}, {"WHY", false, true}};
    _cleanup_(table_clear) struct table table = TABLE(columns);
    const json_t *entries = json_object_get(report, "entries"), *loss;
    size_t i;

    json_array_foreach(entries, i, loss)
    {
        table_put(&table, report_text(loss, "uid"));
        table_put(&table, report_text(loss, "why"));
    }
    printf("\n%lld can't be sealed anew; the old keys are still needed for those that name them:\n",
           report_number(report, "lost"));
    table_print(&table, "");
    if (json_array_size(entries) < (size_t)report_number(report, "lost"))
        printf("and others, which the journal has.\n");
}

static void show_result(const json_t *report)
{
    long long seen = report_number(report, "seen"), lost = report_number(report, "lost");

    printf("%lld secrets, %lld of them sealed anew, now %lld with the key %s.\n", seen,
           report_number(report, "resealed"), seen - lost, report_text(report, "key"));
    if (lost > 0)
        show_losses(report);
    else
        printf("Older keys aren't needed any more and may be removed from [keys] totp.\n");
}

int rekey_run(const struct arguments *a)
{
    json_auto_t *report = NULL;
    const char *error;
    int status = call_control(a, json_pack("{s:s}", "verb", "rekey"), &report);

    if (status == STATUS_DONE)
        status = follow(a, &report);
    if (status != STATUS_DONE)
        return status;
    error = report_text(report, "error");
    if (arguments_json(a))
        output_json(report);
    else if (error)
        output_error("It ended early: %s. What was done is done; please run it again.", error);
    else
        show_result(report);
    return error || report_number(report, "lost") > 0 ? STATUS_REFUSED : STATUS_DONE;
}
