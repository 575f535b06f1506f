/* /auth/continue: from our own host back to an application, with a one-time code. Way in:
   page_continue(). */
#include "config.h"

#include "auth.h"
#include "page.h"
#include "web.h"

#include "cleanup.h"
#include "texts.h"

#include <sodium.h>
#include <stdio.h>

#define PATH    "/auth/continue?request="
#define VIA     "&via=login"
#define URL_MAX 4608
_Static_assert(AUTH_REQUEST_MAX + sizeof PATH + sizeof VIA <= TARGET_MAX + 2, "a target of /login");

static const struct {
    const char *problem, *heading, *text;
} problems[] = {
    {"cookies", N_("Please allow cookies"),
     N_("Your browser keeps no cookies for the page that you want to go to. Without them nobody "
        "can "
        "be logged in there.\nPlease allow cookies for that page in the settings of your browser, "
        "and open it anew.")},
    {"round", N_("That did not work"),
     N_("Your browser was sent to and fro many times between here and the page that you want to go "
        "to. Perhaps it keeps no cookies there.\nPlease allow cookies for that page, wait a "
        "minute, "
        "and open it anew.")},
    {"", N_("Please start again"),
     N_("This link is not good any more. Please open the page that you want to go to anew. You "
        "will "
        "be asked to log in, if you aren't yet.")},
};

static void say(struct web *web, struct request *request, struct response *response,
                const char *problem)
{
    const char *l = request->language;

    for (size_t i = 0; i < ELEMENTS(problems); i++)
        if (strcmp(problems[i].problem, problem) == 0 || !*problems[i].problem) {
            page_message(web, request, response, 400, text(l, problems[i].heading),
                         text(l, problems[i].text), "/", text(l, N_("To the start")));
            return;
        }
}

static void to_login(struct request *request, struct response *response, const char *sealed)
{
    char path[TARGET_MAX + 2], link[3 * TARGET_MAX + 64];
    const char *why = request->session_status == SESSION_IDLE    ? "/login?why=idle&to="
                      : request->session_status == SESSION_ENDED ? "/login?why=ended&to="
                                                                 : "/login?to=";

    if (snprintf(path, sizeof path, PATH "%s" VIA, sealed) < (int)sizeof path &&
        auth_link(why, path, link, sizeof link) == 0)
        response_redirect(response, link);
}

static int make_url(struct web *web, const struct request *request, const struct auth_request *wish,
                    char *ret, size_t size)
{
    struct auth_code code = {.request = *wish, .session = request->session};
    char text[AUTH_CODE_MAX];
    int r;

    code.request.made = request->now;
    memcpy(code.id, web->process, sizeof web->process);
    randombytes_buf(code.id + sizeof web->process, sizeof code.id - sizeof web->process);
    r = auth_code_seal(web->keys->code, &code, text);
    sodium_memzero(&code, sizeof code);
    if (r == 0)
        snprintf(ret, size, "%s%s/auth/callback?code=%s",
                 settings_secure(web->settings) ? "https://" : "http://", wish->host, text);
    sodium_memzero(text, sizeof text);
    return r;
}

/* form-action of the login's page holds for all redirects that follow its form, in Chromium, and
   names no other host: so there is a page in between, that goes on by itself. */
static void send_on(struct web *web, struct request *request, struct response *response,
                    const struct auth_request *wish)
{
    const char *l = request->language;
    char url[URL_MAX], refresh[URL_MAX + 16];

    if (make_url(web, request, wish, url, sizeof url) < 0)
        return;
    if (!*request_query(request, "via")) {
        response_redirect(response, url);
        return;
    }
    snprintf(refresh, sizeof refresh, "0; url=%s", url);
    response_header(response, "Refresh", refresh);
    page_message(web, request, response, 200, text(l, N_("You are logged in")),
                 text(l, N_("You are being taken to the page that you wanted to go to.")), url,
                 text(l, N_("Go on")));
}

void page_continue(struct web *web, struct request *request, struct response *response)
{
    const char *sealed = request_query(request, "request");
    struct auth_request wish;
    const char *host;

    if (auth_request_open(web->keys->code, sealed, &wish) < 0 || wish.made > request->now ||
        request->now - wish.made >= AUTH_WAIT) {
        say(web, request, response, request_query(request, "problem"));
        return;
    }
    host = target_host(web->settings, wish.host, strlen(wish.host));
    if (!host)
        say(web, request, response, "");
    else if (request->session_status == SESSION_UNKNOWN)
        (void)page_needs_session(web, request, response);
    else if (request->session_status != SESSION_GOOD)
        to_login(request, response, sealed);
    else
        send_on(web, request, response, &wish);
}
