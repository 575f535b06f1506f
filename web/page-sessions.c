/* /account/sessions: where somebody is logged in, and how to end that. Way in: page_sessions(). */
#include "config.h"

#include "page.h"
#include "web.h"

#include "cleanup.h"
#include "texts.h"

#include <errno.h>
#include <stdio.h>

#define PATH       "/account/sessions"
#define ENDED      "/account/sessions?done=ended"
#define EVERYWHERE "/logout?done=everywhere"
#define ROWS_MAX   50

static void put_row(struct view *view, const struct request *request,
                    const struct sessions_row *row, bool own)
{
    struct view *line = view_row(view, "session");

    view_format(line, "handle", "%016llx", (unsigned long long)row->handle);
    view_set(line, "label", row->label);
    view_set(line, "host", row->host);
    view_time(line, "started", request->language, row->started);
    view_time(line, "seen", request->language, row->seen);
    view_flag(line, "own", own);
}

static void show(struct web *web, struct request *request, struct response *response)
{
    struct sessions_row rows[ROWS_MAX];
    size_t count = sessions_list(web->sessions, request->session.uid, request->now, rows, ROWS_MAX);
    uint64_t own = sessions_handle(web->sessions, request->session.id);
    struct view *view = view_new();

    for (size_t i = 0; i < count; i++)
        put_row(view, request, &rows[i], rows[i].handle == own);
    view_flag(view, "ended", strcmp(request_query(request, "done"), "ended") == 0);
    page_render(web, request, response, 200, "sessions", view);
}

/* One of them. That it is over already is what was wanted. */
static void end_one(struct web *web, struct request *request, struct response *response)
{
    const char *typed = request_form(request, "handle");
    char *end;
    uint64_t handle;

    errno = 0;
    handle = strtoull(typed, &end, 16);
    if (errno == 0 && *typed && !*end)
        sessions_end_handle(web->sessions, request->session.uid, handle, request->now);
    response_redirect(response, ENDED);
}

static void end_all(struct web *web, struct request *request, struct response *response)
{
    _cleanup_(wire_writer_clear) struct wire_writer w = {0};
    _cleanup_(answer_clear) struct answer answer = {0};

    ask_begin(&w, request, WIRE_END_SESSIONS);
    wire_put(&w, WIRE_SESSION_STATE, request->session.state, request->session.state_size);
    ask_send(web, request, &w, &answer);
    if (answer.verdict != WIRE_OK && answer.verdict != WIRE_GRANT_OVER) {
        page_unavailable(web, request, response, &answer);
        return;
    }
    session_end(web, request, response);
    step_end(web, response);
    response_redirect(response, EVERYWHERE);
}

void page_sessions(struct web *web, struct request *request, struct response *response)
{
    if (page_needs_session(web, request, response))
        return;
    if (request->method != METHOD_POST)
        show(web, request, response);
    else if (strcmp(request->rest, "all") == 0)
        end_all(web, request, response);
    else
        end_one(web, request, response);
}
