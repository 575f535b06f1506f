/* What pages have in common: page_render() and a few that only say something. */
#include "config.h"

#include "page.h"

#include "assets.h"
#include "token.h"
#include "web.h"

#include "cleanup.h"
#include "texts.h"

#include <errno.h>
#include <stdio.h>

#define STATUS_OK          200
#define STATUS_BAD         400
#define STATUS_FORBIDDEN   403
#define STATUS_NOT_FOUND   404
#define STATUS_GONE        410
#define STATUS_TOO_MANY    429
#define STATUS_UNAVAILABLE 503
#define RETRY_SECONDS      "60"

static const struct {
    enum wire_verdict verdict;
    unsigned status;
} statuses[] = {
    {WIRE_OK, STATUS_OK},
    {WIRE_CODE_NEEDED, STATUS_OK},
    {WIRE_NEW_PASSWORD, STATUS_OK},
    {WIRE_LINK_GOOD, STATUS_OK},
    {WIRE_LINK_DONE, STATUS_OK},
    {WIRE_LINK_EXPIRED, STATUS_GONE},
    {WIRE_LINK_TAKEN, STATUS_GONE},
    {WIRE_LINK_OVER, STATUS_GONE},
    {WIRE_GRANT_OVER, STATUS_GONE},
    {WIRE_UNKNOWN, STATUS_NOT_FOUND},
    {WIRE_WRONG, STATUS_BAD},
    {WIRE_TYPING_ERROR, STATUS_BAD},
    {WIRE_REFUSED, STATUS_BAD},
    {WIRE_EXPIRED, STATUS_FORBIDDEN},
    {WIRE_LOCKED, STATUS_FORBIDDEN},
    {WIRE_CLOSED, STATUS_FORBIDDEN},
    {WIRE_BLOCKED, STATUS_FORBIDDEN},
    {WIRE_THROTTLED, STATUS_TOO_MANY},
};

unsigned page_status(enum wire_verdict verdict)
{
    for (size_t i = 0; i < ELEMENTS(statuses); i++)
        if (statuses[i].verdict == verdict)
            return statuses[i].status;
    return STATUS_UNAVAILABLE;
}

/* What head.html and foot.html show on every page. */
static int view_frame(struct web *web, struct request *request, struct response *response,
                      struct view *view)
{
    const struct settings *s = web->settings;
    _cleanup_(site_facts_free_p) struct site_facts *facts = NULL;
    char token[TOKEN_SIZE];
    int r = token_make(web, request, response, token);

    if (r < 0)
        return r;
    if (site_get(web, request, &facts) < 0)
        facts = NULL;
    view_set(view, "token", token);
    view_set(view, "language", request->language);
    view_set(view, "other_language", strcmp(request->language, "de") == 0 ? "en" : "de");
    view_set(view, "path", request->path);
    view_set(view, "name", *s->name ? s->name : facts ? facts->company : NULL);
    view_set(view, "support", facts ? facts->support : NULL);
    view_set(view, "imprint", s->imprint_url);
    view_set(view, "logo", assets_path(web->assets, ASSET_LOGO));
    view_set(view, "style", assets_path(web->assets, ASSET_STYLE));
    view_set(view, "script", assets_path(web->assets, ASSET_SCRIPT));
    view_set(view, "icon", assets_path(web->assets, ASSET_ICON));
    view_flag(view, "logged_in", request->session_status == SESSION_GOOD);
    if (request->session_status == SESSION_GOOD)
        view_set(view, "login", request->session.mail);
    return 0;
}

void page_render(struct web *web, struct request *request, struct response *response,
                 unsigned status, const char *name, struct view *view)
{
    _cleanup_(view_free_p) struct view *owned = view;
    int r = owned ? view_frame(web, request, response, owned) : -ENOMEM;

    if (r == 0)
        r = templates_render(web->templates, request->language, name, owned, &response->body,
                             &response->size);
    response->status = r == 0 ? status : 500;
    if (response->status == STATUS_UNAVAILABLE)
        response_header(response, "Retry-After", RETRY_SECONDS);
}

static void view_paragraphs(struct view *view, const char *text)
{
    while (*text) {
        size_t length = strcspn(text, "\n");
        if (length > 0)
            view_format(view_row(view, "text"), "line", "%.*s", (int)length, text);
        text += length + (text[length] == '\n');
    }
}

void page_message(struct web *web, struct request *request, struct response *response,
                  unsigned status, const char *heading, const char *text, const char *to,
                  const char *label)
{
    struct view *view = view_new();

    view_set(view, "heading", heading);
    view_paragraphs(view, text);
    view_set(view, "to", to);
    view_set(view, "label", label);
    page_render(web, request, response, status, "message", view);
}

void page_unavailable(struct web *web, struct request *request, struct response *response,
                      const struct answer *answer)
{
    const char *l = request->language;

    page_message(web, request, response, STATUS_UNAVAILABLE,
                 text(l, N_("We can't answer at the moment")), answer->text,
                 request->method == METHOD_GET ? request->path : "/", text(l, N_("Try again")));
}

/* path and query of this page as the value of ?to=. */
static void login_path(const struct request *request, char *ret, size_t size)
{
    static const char hexadecimal[] = "0123456789ABCDEF";
    const char *to = request->method == METHOD_GET ? request->path : "/account";
    size_t used = (size_t)snprintf(ret, size, "/login?to=");

    for (const unsigned char *c = (const unsigned char *)to; *c && used + 4 < size; c++)
        if (strchr("/-_.", *c) || (*c >= '0' && *c <= '9') || (*c >= 'a' && *c <= 'z') ||
            (*c >= 'A' && *c <= 'Z'))
            ret[used++] = (char)*c;
        else {
            ret[used++] = '%';
            ret[used++] = hexadecimal[*c >> 4];
            ret[used++] = hexadecimal[*c & 15];
        }
    ret[used] = '\0';
}

bool page_needs_session(struct web *web, struct request *request, struct response *response)
{
    struct answer answer = {0};
    char to[3 * REQUEST_PATH_MAX + 32];

    switch (request->session_status) {
    case SESSION_GOOD:
        return false;
    case SESSION_UNKNOWN:
        snprintf(answer.text, sizeof answer.text, "%s",
                 text(request->language,
                      N_("This service is not available at the moment. Please try again in a few "
                         "minutes. Nothing has been lost.")));
        page_unavailable(web, request, response, &answer);
        return true;
    case SESSION_NONE:
    case SESSION_IDLE:
    case SESSION_ENDED:
        login_path(request, to, sizeof to - 16);
        if (request->session_status != SESSION_NONE)
            strcat(to, request->session_status == SESSION_IDLE ? "&why=idle" : "&why=ended");
        response_redirect(response, to);
        return true;
    }
    return true;
}

void page_step_over(struct web *web, struct request *request, struct response *response,
                    const char *to)
{
    const char *l = request->language;

    page_message(web, request, response, STATUS_GONE, text(l, N_("Please start again")),
                 text(l, N_("This page was open for a long time, you have gone on in another "
                            "window, or the button was pressed twice.\nPerhaps it is done already. "
                            "If not, please begin again; it only takes a moment.")),
                 to, text(l, N_("Start again")));
}
