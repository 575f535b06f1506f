/* What happens to a request; dispatch_run() is the way in. */
#include "config.h"

#include "dispatch.h"

#include "assets.h"
#include "cookie.h"
#include "language.h"
#include "limits.h"
#include "token.h"
#include "web.h"

#include "cleanup.h"
#include "clock.h"
#include "log.h"
#include "texts.h"

#include <stdio.h>

#define STATUS_TOO_LARGE 413
#define STATUS_METHOD    405
#define STATUS_NOT_FOUND 404
#define STATUS_FORBIDDEN 403
#define STATUS_BROKEN    500
#define STATUS_TOO_MANY  429

static void choose_language(struct web *web, struct request *request)
{
    const char *fallback = web->settings->language == LANGUAGE_EN ? "en" : "de";
    const char *chosen = cookie_get_plain(web, request, COOKIE_LANGUAGE);

    if (chosen && (strcmp(chosen, "de") == 0 || strcmp(chosen, "en") == 0))
        request->language = strcmp(chosen, "de") == 0 ? "de" : "en";
    else
        request->language = language_choose(request_header(request, "Accept-Language"), fallback);
}

static const struct {
    unsigned status;
    const char *heading, *text;
} refusals[] = {
    {400, N_("This request can't be understood"),
     N_("Something in it isn't as it should be. Please go back, and try again. If that doesn't "
        "help, open the page anew.")},
    {STATUS_FORBIDDEN, N_("Please send it once more"),
     N_("This page had been open for a long time, or cookies are turned off in your browser. "
        "Nothing was changed.\nPlease open the page anew and try again. If cookies are turned off, "
        "please allow them for this site: they keep your login apart from others.")},
    {STATUS_NOT_FOUND, N_("This page doesn't exist"),
     N_("Perhaps the address was typed wrong, or a link was cut off. If it came with a mail, "
        "please copy the whole link from there.")},
    {STATUS_METHOD, N_("This request can't be understood"),
     N_("Nothing was changed. Please open the page anew.")},
    {STATUS_TOO_LARGE, N_("That was too much"),
     N_("What was sent is larger than any of our forms. Nothing was changed.")},
    {414, N_("This page doesn't exist"),
     N_("Its address is longer than any of ours. If it came with a mail, please copy the link from "
        "there once more.")},
    {415, N_("This request can't be understood"),
     N_("Nothing was changed. Please use the form on the page.")},
    {STATUS_TOO_MANY, N_("Please wait a moment"),
     N_("There were very many requests from your connection. Please try again in a minute.")},
};

static void refuse(struct web *web, struct exchange *x, unsigned status)
{
    struct request *request = &x->request;
    const char *l = request->language;
    bool again = status == STATUS_FORBIDDEN && x->route;

    if (status == STATUS_METHOD)
        response_header(&x->response, "Allow",
                        x->route && x->route->flags & ROUTE_POST ? "GET, HEAD, POST" : "GET, HEAD");
    for (size_t i = 0; i < ELEMENTS(refusals); i++)
        if (refusals[i].status == status)
            page_message(web, request, &x->response, status, text(l, refusals[i].heading),
                         text(l, refusals[i].text), again ? x->route->path : "/",
                         again ? text(l, N_("Open the page anew")) : text(l, N_("To the start")));
}

static void read_device(struct web *web, struct request *request)
{
    size_t size = 0;

    if (cookie_get(web, request, COOKIE_DEVICE, request->device, sizeof request->device - 1,
                   &size) < 0 ||
        size != sizeof request->device - 1)
        explicit_bzero(request->device, sizeof request->device);
}

static unsigned check_request(struct web *web, const struct exchange *x)
{
    const struct request *request = &x->request;

    if (x->refusal)
        return x->refusal;
    if (!x->route)
        return STATUS_NOT_FOUND;
    if (request->method != METHOD_POST)
        return 0;
    if (!(x->route->flags & ROUTE_POST))
        return STATUS_METHOD;
    if (!limits_post(web->limits, request->client, request->now))
        return STATUS_TOO_MANY;
    return x->route->flags & ROUTE_OPEN || token_check(web, request) ? 0 : STATUS_FORBIDDEN;
}

void dispatch_run(struct web *web, struct exchange *x)
{
    struct request *request = &x->request;
    unsigned refusal;

    request->now = clock_now();
    choose_language(web, request);
    read_device(web, request);
    if (!x->refusal && x->route && x->route->flags & ROUTE_SESSION)
        request->session_status = session_open(web, request, &x->response, &request->session);
    refusal = check_request(web, x);
    if (refusal)
        refuse(web, x, refusal);
    else
        x->route->page(web, request, &x->response);
    if (x->response.status == 0 || x->response.status == STATUS_BROKEN) {
        log_line(LOG_ERR, "A page could not be made: %s", x->route ? x->route->path : "an error");
        response_clear(&x->response);
        response_plain(&x->response, STATUS_BROKEN,
                       text(request->language,
                            N_("Something went wrong on our side. Nothing was lost. Please try "
                               "again in a few minutes.")));
    }
}

bool dispatch_at_once(struct web *web, struct exchange *x)
{
    struct response *response = &x->response;

    if (x->refusal)
        return false;
    if (strcmp(x->path, "/healthz") == 0) {
        response_plain(response, 200, "ok\n");
        return true;
    }
    if (assets_find(web->assets, x->path, &response->fixed, &response->size, &response->type) < 0)
        return false;
    response->status = 200;
    return true;
}

void dispatch_busy(struct exchange *x, unsigned status)
{
    response_header(&x->response, "Retry-After", "10");
    response_plain(&x->response, status,
                   "Sehr viele Menschen nutzen diesen Dienst gerade. Bitte versuchen Sie es in "
                   "einer Minute noch einmal.\n\nVery many people are using this service right "
                   "now. Please try again in a minute.\n");
}

static void put_policy(const struct exchange *x)
{
    const char *action = x->response.form_action;
    char policy[512];

    snprintf(policy, sizeof policy,
             "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; "
             "connect-src 'self'; form-action 'self'%s%s; base-uri 'none'; frame-ancestors 'none'",
             action ? " " : "", action ? action : "");
    response_header((struct response *)&x->response, "Content-Security-Policy", policy);
}

void dispatch_headers(const struct web *web, struct exchange *x)
{
    static const struct {
        const char *name, *value;
    } always[] = {
        {"X-Content-Type-Options", "nosniff"},
        {"X-Frame-Options", "DENY"}, /* where frame-ancestors isn't known */
        {"Referrer-Policy", "no-referrer"},
        {"Cross-Origin-Opener-Policy", "same-origin"},
        {"Cross-Origin-Resource-Policy", "same-origin"},
        {"Permissions-Policy", "camera=(), geolocation=(), microphone=()"},
    };
    struct response *response = &x->response;

    put_policy(x);
    for (size_t i = 0; i < ELEMENTS(always); i++)
        response_header(response, always[i].name, always[i].value);
    if (settings_secure(web->settings))
        response_header(response, "Strict-Transport-Security", "max-age=31536000");
    response_header(response, "Cache-Control",
                    response->fixed ? "public, max-age=31536000, immutable" : "no-store");
    response_header(response, "Content-Type",
                    response->type ? response->type : "text/html; charset=utf-8");
    if (x->request.language)
        response_header(response, "Content-Language", x->request.language);
}
