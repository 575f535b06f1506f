/* portalctl lint: has every entry and job looked at, and shows what breaks the rules, as it is
   found. */
#include "config.h"

#include "call.h"
#include "output.h"
#include "report.h"

#include "cleanup.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LOOK_EVERY_MS 100

/* One line that writes over itself; only for a person who looks. */
static void show_progress(const json_t *page, bool last)
{
    if (!isatty(STDERR_FILENO))
        return;
    fprintf(stderr, "\r%lld entries and %lld jobs looked at, %lld findings%s",
            report_number(page, "entries"), report_number(page, "jobs"),
            report_number(page, "found"), last ? "\n" : "");
    fflush(stderr);
}

static void print_clean(const char *format, const char *text)
{
    _cleanup_free_ char *clean = output_escape(text, "");

    if (clean && *clean && strcmp(format, "entry") == 0)
        printf("%s: ", clean);
    else if (clean && *clean && strcmp(format, "job") == 0)
        printf("job %s: ", clean);
    else if (clean && *clean)
        printf(" (%s)", clean);
}

/* "c-0001: times contradict …(DETAIL)", and below it what helps. */
static void show_findings(const json_t *findings)
{
    const json_t *f;
    size_t i;

    json_array_foreach(findings, i, f)
    {
        print_clean("entry", report_text(f, "entry"));
        print_clean("job", report_text(f, "job"));
        printf("%s", report_text(f, "what"));
        print_clean("detail", report_text(f, "detail"));
        printf("\n    %s\n", report_text(f, "help"));
    }
    fflush(stdout);
}

/* In JSON all findings come at the end, in one object. */
static void take_page(const struct arguments *a, const json_t *page, json_t *all)
{
    const json_t *findings = json_object_get(page, "findings");

    if (arguments_json(a)) {
        json_array_extend(all, (json_t *)findings);
        return;
    }
    if (json_array_size(findings) > 0 && isatty(STDERR_FILENO))
        fprintf(stderr, "\r\033[K");
    show_findings(findings);
    show_progress(page, !json_is_true(json_object_get(page, "running")));
}

/* Until the run that page is the first of has ended, and all it found is here. */
static int follow(const struct arguments *a, json_t **page, json_t *all)
{
    static const struct timespec pause = {.tv_nsec = LOOK_EVERY_MS * 1000000L};

    while (json_is_true(json_object_get(*page, "running"))) {
        json_t *next = NULL;
        int status;

        if (json_array_size(json_object_get(*page, "findings")) == 0)
            nanosleep(&pause, NULL);
        status = call_control(
            a, json_pack("{s:s, s:s}", "verb", "lint", "id", report_text(*page, "id")), &next);
        if (status != STATUS_DONE)
            return status;
        json_decref(*page);
        *page = next;
        take_page(a, next, all);
    }
    return STATUS_DONE;
}

static void show_end(const json_t *page)
{
    const char *error = report_text(page, "error");

    if (error)
        output_error("It ended early: %s. Please run it again.", error);
    else
        printf("%lld entries and %lld unfinished jobs, %lld findings.\n",
               report_number(page, "entries"), report_number(page, "jobs"),
               report_number(page, "found"));
}

int lint_run(const struct arguments *a)
{
    json_auto_t *page = NULL, *all = json_array();
    int status = call_control(a, json_pack("{s:s}", "verb", "lint"), &page);

    if (status == STATUS_DONE) {
        take_page(a, page, all);
        status = follow(a, &page, all);
    }
    if (status != STATUS_DONE)
        return status;
    if (arguments_json(a)) {
        json_object_set(page, "findings", all);
        output_json(page);
    } else {
        show_end(page);
    }
    return report_text(page, "error") || report_number(page, "found") > 0 ? STATUS_REFUSED
                                                                          : STATUS_DONE;
}
