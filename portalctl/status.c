/* portalctl status: one screen about the daemon, the directory and the queue. */
#include "config.h"

#include "call.h"
#include "output.h"
#include "queue.h"
#include "report.h"

#include "cleanup.h"

#include <stdio.h>

#define LINE_SIZE 1024

static void daemon_print(const json_t *report)
{
    char started[OUTPUT_TIME_SIZE], now[OUTPUT_TIME_SIZE], up[OUTPUT_TIME_SIZE], text[LINE_SIZE];
    long long offset = report_number(report, "clock_offset");

    output_time(report_time(report, "started"), started);
    output_span(report_number(report, "now") - report_number(report, "started"), up);
    /* A moved clock says nothing about how long it has been running. */
    snprintf(text, sizeof text, "version %s, process %lld, since %s%s%s%s",
             report_text(report, "version"), report_number(report, "pid"), started,
             offset == 0 ? " (" : "", offset == 0 ? up : "", offset == 0 ? ")" : "");
    output_pair("portald", text);
    output_time(report_time(report, "now"), now);
    output_span(offset, up);
    if (offset != 0)
        snprintf(text, sizeof text, "%s, moved by %s%s", now, offset < 0 ? "-" : "+", up);
    else
        snprintf(text, sizeof text, "%s", now);
    output_pair("Clock", text);
    output_pair("Days end in", report_text(report, "zone"));
}

/* Of one server there is nothing more to say. */
static void servers_print(const json_t *servers)
{
    const json_t *server;
    char text[LINE_SIZE];
    size_t i;

    if (json_array_size(servers) > 1)
        json_array_foreach((json_t *)(uintptr_t)servers, i, server)
        {
            const char *why = report_text(server, "why");
            snprintf(text, sizeof text, "%s: %s%s%s%s", report_text(server, "uri"),
                     json_is_true(json_object_get(server, "well")) ? "well" : "CAN'T BE USED",
                     json_is_true(json_object_get(server, "used")) ? ", in use" : "",
                     why ? ", " : "", why ? why : "");
            output_pair("Server", text);
        }
}

static void directory_print(const json_t *directory)
{
    const char *uri = report_text(directory, "uri"), *error = report_text(directory, "error");
    char text[LINE_SIZE];

    if (json_is_true(json_object_get(directory, "ok")))
        snprintf(text, sizeof text, "answers (%s)", uri ? uri : "");
    else
        snprintf(text, sizeof text, "CAN'T BE ASKED (%s): %s", uri ? uri : "",
                 error ? error : "no reason known");
    output_pair("Directory", text);
    servers_print(json_object_get(directory, "servers"));
}

static void watcher_print(const json_t *watcher)
{
    const char *state = report_text(watcher, "state");
    long long troubled = report_number(watcher, "troubled");
    char text[LINE_SIZE], tried[64] = "";

    if (troubled > 0)
        snprintf(tried, sizeof tried, ", %lld of them tried again and again", troubled);
    snprintf(text, sizeof text, "%s, %lld waiting%s",
             state && strcmp(state, "connected") == 0 ? "seen at once"
             : state && strcmp(state, "polling") == 0 ? "looked for every second"
                                                      : "NOT SEEN AT THE MOMENT",
             report_number(watcher, "waiting") + troubled, tried);
    output_pair("Wishes", text);
}

static void work_print(const json_t *report)
{
    const json_t *logins = json_object_get(report, "logins");
    char text[LINE_SIZE];

    snprintf(text, sizeof text, "%lld", report_number(report, "workers"));
    output_pair("Workers", text);
    snprintf(text, sizeof text, "%lld passed, %lld failed, %lld throttled",
             report_number(logins, "ok"), report_number(logins, "failed"),
             report_number(logins, "throttled"));
    output_pair("Logins", text);
    output_pair("Last error", report_text(report, "last_error"));
}

int status_run(const struct arguments *a)
{
    json_auto_t *report = NULL;
    int status = call_control(a, json_pack("{s:s}", "verb", "status"), &report);

    if (status != STATUS_DONE)
        return status;
    if (arguments_json(a)) {
        output_json(report);
        return STATUS_DONE;
    }
    daemon_print(report);
    directory_print(json_object_get(report, "directory"));
    watcher_print(json_object_get(report, "watcher"));
    work_print(report);
    putchar('\n');
    queue_stats_print(json_object_get(report, "queue"), json_object_get(report, "oldest"));
    return STATUS_DONE;
}
