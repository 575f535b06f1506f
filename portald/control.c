/* What operators and support ask through portalctl: WIRE_CONTROL. This file has the table of verbs,
   status and clock. */
#include "config.h"

#include "control.h"

#include "address.h"

#include "cleanup.h"
#include "clock.h"
#include "log.h"
#include "messages.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#define VERB_SIZE 64
#define PING_MS   1000 /* status is for those who want to know now */

json_t *control_refuse(struct control *control, int status, const char *format, ...)
{
    char line[512];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    control->status = status;
    return json_pack("{s:s}", "error", line);
}

json_t *control_fail(struct control *control, int error)
{
    switch (-error) {
    case EHOSTDOWN:
    case ETIMEDOUT:
        return control_refuse(control, 1, "The directory can't be reached: %s",
                              directory_error(control->worker->directory));
    case EIO:
        return queue_health(control->worker->manager->queue) == -EBADMSG
                   ? control_refuse(control, 1,
                                    "The queue's file is damaged. Customers log in as before, but "
                                    "registrations, mails and letters stand still: see DAMAGE in "
                                    "portald(8)")
                   : control_refuse(control, 1, "It didn't work: %s", strerror(-error));
    case ENOSPC:
        return control_refuse(control, 1, "The queue or its disk is full");
    case EPERM:
        return control_refuse(control, 1, "Its state doesn't allow that");
    case ENOENT:
        return control_refuse(control, 1, "There is no such job");
    default:
        return control_refuse(control, 1, "It didn't work: %s", strerror(-error));
    }
}

const char *control_error_words(int error)
{
    switch (-error) {
    case 0:
        return NULL;
    case EHOSTDOWN:
    case ETIMEDOUT:
        return "the directory can't be reached";
    default:
        return strerror(-error);
    }
}

const char *control_string(const struct control *control, const char *name)
{
    return json_string_value(json_object_get(control->asked, name));
}

json_t *control_time(time_t t)
{
    return t ? json_integer(t) : json_null();
}

static json_t *server_status(const struct directory_server_report *server)
{
    return json_pack("{s:s, s:b, s:b, s:s*}", "uri", server->uri, "used", server->current, "well",
                     server->well, "why", *server->why ? server->why : NULL);
}

static json_t *directory_status(struct control *control)
{
    struct worker *w = control->worker;
    long long until = clock_monotonic_ms() + PING_MS;
    bool ok = directory_ping(w->directory, until < control->request->deadline
                                               ? until
                                               : control->request->deadline) == 0;
    struct directory_server_report servers[DIRECTORY_SERVERS_MOST];
    size_t count = directory_servers_report(w->manager->servers, servers);
    json_t *list = json_array();

    if (count == 1) /* nobody looks after one that is alone */
        servers[0].well = ok;
    for (size_t i = 0; i < count; i++)
        json_array_append_new(list, server_status(&servers[i]));
    return json_pack("{s:b, s:s, s:o, s:s*}", "ok", ok, "uri", w->manager->settings->uri, "servers",
                     list, "error", ok ? NULL : directory_error(w->directory));
}

static json_t *watcher_report(struct control *control)
{
    static const char *const states[] = {
        [WATCH_LOST] = "lost", [WATCH_PERSISTENT] = "connected", [WATCH_POLLING] = "polling"};
    struct watcher_status status;

    watcher_status(control->worker->manager->watcher, &status);
    return json_pack("{s:s, s:I, s:I}", "state", states[status.state], "waiting",
                     (json_int_t)status.waiting, "troubled", (json_int_t)status.troubled);
}

static json_t *control_status(struct control *control)
{
    struct manager *m = control->worker->manager;
    json_t *queue = control_queue_report(control);
    char last[LOG_LAST_SIZE];

    log_last_error(last);
    return json_pack("{s:s, s:i, s:I, s:I, s:I, s:o, s:o, s:O?, s:o, s:{s:I, s:I, s:I}, s:i, s:s*}",
                     "version", PACKAGE_VERSION, "pid", (int)getpid(), "started",
                     (json_int_t)m->started, "now", (json_int_t)clock_now(), "clock_offset",
                     (json_int_t)clock_offset(), "directory", directory_status(control), "watcher",
                     watcher_report(control), "oldest", json_object_get(queue, "oldest"), "queue",
                     queue, "logins", "ok", (json_int_t)atomic_load(&m->logins.ok), "failed",
                     (json_int_t)atomic_load(&m->logins.failed), "throttled",
                     (json_int_t)atomic_load(&m->logins.throttled), "workers",
                     (int)m->settings->workers, "last_error", *last ? last : NULL);
}

#ifdef ENABLE_TEST_CLOCK
static json_t *control_clock(struct control *control)
{
    json_t *seconds = json_object_get(control->asked, "seconds");
    int r = 0;

    if (seconds && !json_is_integer(seconds))
        return control_refuse(control, 2, "seconds must be a number");
    if (seconds)
        r = clock_move(json_integer_value(seconds), control->worker->manager->clock_file);
    if (r < 0)
        return control_fail(control, r);
    return json_pack("{s:I, s:I}", "now", (json_int_t)clock_now(), "offset",
                     (json_int_t)clock_offset());
}
#endif

#define ADMIN (1u << WIRE_SOCKET_CONTROL)
#define BOTH  (ADMIN | 1u << WIRE_SOCKET_SUPPORT)

/* Who may do what (doc/security.md): the only place that says so. What has no row here is refused
   to everybody. A wish is named with its word. */
static const struct verb {
    const char *name;
    unsigned roles; /* the sockets that it may be asked on */
    bool looks;     /* changes nothing: the journal needn't say who asked */
    control_verb *run;
} verbs[] = {
    {"status", BOTH, true, control_status},
    {"show", BOTH, true, control_show},
    {"explain", BOTH, true, control_explain},
    {"lint", ADMIN, true, control_lint},
    {"wish letter", BOTH, false, control_wish},
    {"wish confirmation", BOTH, false, control_wish},
    {"wish unblock", BOTH, false, control_wish},
    {"wish lock", ADMIN, false, control_wish},
    {"wish unlock", ADMIN, false, control_wish},
    {"wish totp-off", ADMIN, false, control_wish},
    {"wish restart", ADMIN, false, control_wish},
    {"wish close", ADMIN, false, control_wish},
    {"wish reopen", ADMIN, false, control_wish},
    {"wish forget", ADMIN, false, control_wish},
    {"rekey", ADMIN, false, control_rekey},
    {"rekey-look", ADMIN, true, control_rekey_look},
    {"queue-list", BOTH, true, control_queue_list},
    {"queue-show", BOTH, true, control_queue_show},
    {"queue-stats", BOTH, true, control_queue_stats},
    {"queue-retry", ADMIN, false, control_queue_retry},
    {"queue-drop", ADMIN, false, control_queue_drop},
    {"letters-list", BOTH, true, control_letters_list},
    {"letters-posted", ADMIN, false, control_letters_posted},
    {"letters-printed", ADMIN, false, control_letters_printed},
    {"letters-again", ADMIN, false, control_letters_again},
    {"letters-returned", ADMIN, false, control_letters_returned},
    {"letters-export", ADMIN, false, control_letters_export},
    {"letters-import", ADMIN, false, control_letters_import},
#ifdef ENABLE_TEST_CLOCK
    {"clock", ADMIN, false, control_clock},
#endif
};

/* wish: NULL for what is none. */
static const struct verb *row_find(const char *verb, const char *wish)
{
    char name[VERB_SIZE];
    int n = snprintf(name, sizeof name, "%s%s%s", verb, wish ? " " : "", wish ? wish : "");

    for (size_t i = 0; n < (int)sizeof name && i < ELEMENTS(verbs); i++)
        if (strcmp(verbs[i].name, name) == 0)
            return &verbs[i];
    return NULL;
}

static const struct verb *verb_find(const struct control *control)
{
    const char *verb = control_string(control, "verb"), *wish = control_string(control, "wish");

    /* A row's whole name isn't a verb: beside it another wish could be granted than was judged. */
    if (!verb || strchr(verb, ' '))
        return NULL;
    return row_find(verb, strcmp(verb, "wish") == 0 ? wish : NULL);
}

static bool may(const struct control *control, const struct verb *verb)
{
    return verb && (verb->roles & 1u << control->request->socket);
}

bool control_may_wish(const struct control *control, const char *wish)
{
    return may(control, row_find("wish", wish));
}

/* Whose right it was, beside what the verb itself says of what it did. */
static void note_role(const struct control *control, const struct verb *verb, const char *outcome)
{
    static const char *const operands[] = {"who", "id", "batch"};
    const char *role = control->request->socket == WIRE_SOCKET_CONTROL ? "admin" : "support";
    const char *of = NULL;

    for (size_t i = 0; !of && i < ELEMENTS(operands); i++)
        of = control_string(control, operands[i]);
    log_event(LOG_NOTICE, MESSAGE_ROLE, LOG_FIELDS("PORTAL_ROLE", role, "PORTAL_VERB", verb->name),
              "The role %s asked for %s%s%.*s: %s", role, verb->name, of ? " of " : "",
              MAIL_ADDRESS_SIZE, of ? of : "", outcome);
}

static json_t *run(struct control *control)
{
    const struct verb *verb = verb_find(control);
    json_t *report;

    if (!verb)
        return control_refuse(control, 2, "This portald has no such command");
    if (!may(control, verb)) {
        note_role(control, verb, "refused, it is the administrators'");
        return control_refuse(control, 1,
                              "Support may not do this. Administrators may: root and the group "
                              "portal-admin, over control.sock");
    }
    report = verb->run(control);
    if (!verb->looks)
        note_role(control, verb, report && control->status == 0 ? "done" : "not done");
    return report;
}

void control_handle(struct worker *worker, const struct request *request, struct wire_writer *reply)
{
    json_auto_t *asked = NULL, *report = NULL;
    _cleanup_free_ char *text = NULL;
    struct control control = {.worker = worker, .request = request, .reply = reply};
    const uint8_t *json = NULL;
    size_t size = 0;

    wire_begin(reply, WIRE_REPORT);
    wire_get(&request->frame, WIRE_JSON, &json, &size);
    asked = json_loadb((const char *)json, size, JSON_REJECT_DUPLICATES, NULL);
    control.asked = asked;
    report = json_is_object(asked)
                 ? run(&control)
                 : control_refuse(&control, 2, "The request is not a JSON object");
    if (report && control.status == 0) /* in which times are to be shown */
        json_object_set_new(report, "zone", json_string(worker->manager->settings->zone));
    text = report ? json_dumps(report, JSON_COMPACT) : NULL;
    wire_put_string(reply, WIRE_JSON, text ? text : "{\"error\":\"portald is out of memory\"}");
    wire_put_u8(reply, WIRE_EXIT, (uint8_t)(text ? control.status : 1));
}
