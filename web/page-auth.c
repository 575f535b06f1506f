/* /auth: asked by a proxy about each request to an application. Way in: page_auth(). What isn't
   known for certain is never 200. */
#include "config.h"

#include "auth.h"
#include "page.h"
#include "web.h"

#include "cleanup.h"

#include <stdio.h>

#define STATUS_OK           200
#define STATUS_UNAUTHORIZED 401
#define STATUS_FORBIDDEN    403
#define STATUS_UNAVAILABLE  503

/* Our own host, as browsers send it: base_url without its scheme. */
static bool is_own(const struct settings *settings, const char *host)
{
    const char *own = strstr(settings->base_url, "://") + 3;
    const char *port = settings_secure(settings) ? ":443" : ":80";
    size_t length = strlen(own), cut = strlen(port);

    if (length > cut && strcmp(own + length - cut, port) == 0)
        length -= cut;
    return strncasecmp(own, host, length) == 0 &&
           (!host[length] || strcmp(host + length, port) == 0);
}

/* Where the application is: "" for our own host, NULL for one that may not ask. */
const char *auth_host(const struct web *web, const struct request *request)
{
    const char *host = request->proxied ? request_header(request, "X-Forwarded-Host") : NULL;

    if (!host || is_own(web->settings, host))
        return "";
    return target_host(web->settings, host, strlen(host));
}

/* For headers: visible ASCII. An address with other letters isn't handed on, since applications
   read those bytes in more ways than one. */
static bool is_visible(const char *text)
{
    if (!*text)
        return false;
    for (const unsigned char *c = (const unsigned char *)text; *c; c++)
        if (*c <= 0x20 || *c >= 0x7f)
            return false;
    return true;
}

static void let_in(struct response *response, const struct session *session)
{
    if (!is_visible(session->uid)) {
        response_plain(response, STATUS_FORBIDDEN, "This account's uid can't be a header.\n");
        return;
    }
    response_plain(response, STATUS_OK, "");
    response_header(response, "Remote-User", session->uid);
    if (is_visible(session->mail))
        response_header(response, "Remote-Email", session->mail);
}

static bool is_method(const struct request *request, const char *method)
{
    const char *asked = request_header(request, "X-Forwarded-Method");

    return asked && strcmp(asked, method) == 0;
}

/* Whether a person would see the answer: a page was asked for, or a form sent, no image or data. */
static bool is_navigation(const struct request *request)
{
    const char *accept = request_header(request, "Accept");

    return request_header(request, "X-Forwarded-Method") && accept && strstr(accept, "text/html");
}

/* nginx wants 401 and makes a redirect to Location of it itself (config/nginx/forward-auth.conf, by
   which X-Original-URL comes); Caddy and Traefik hand on to the browser what we say. */
static void send_away(const struct web *web, const struct request *request,
                      struct response *response, const char *host)
{
    const char *uri = request->proxied ? request_header(request, "X-Forwarded-Uri") : NULL;
    char link[3 * TARGET_MAX + 64];
    bool person;

    if (!uri || !(is_method(request, "GET") || is_method(request, "HEAD")) ||
        target_check(web->settings, uri, NULL, 0) != TARGET_PATH)
        uri = "/";
    if (auth_link(*host ? "/auth/callback?to=" : "/login?to=", uri, link, sizeof link) < 0)
        return;
    person = request->proxied && is_navigation(request);
    if (person && !request_header(request, "X-Original-URL")) {
        response_redirect(response, link);
        return;
    }
    response_plain(response, STATUS_UNAUTHORIZED, "Nobody is logged in.\n");
    response_header(response, "WWW-Authenticate", "Cookie realm=\"portal\"");
    if (person)
        response_header(response, "Location", link);
}

void page_auth(struct web *web, struct request *request, struct response *response)
{
    const char *host = auth_host(web, request);
    struct session *session = &request->session;

    if (!host) {
        response_plain(response, STATUS_FORBIDDEN, "This host is not in [site] hosts.\n");
        return;
    }
    request->session_status = *host ? session_open_app(web, request, response, host, session)
                                    : session_open(web, request, response, session);
    if (request->session_status == SESSION_GOOD) {
        let_in(response, session);
    } else if (request->session_status == SESSION_UNKNOWN) {
        response_plain(response, STATUS_UNAVAILABLE, "It can't be found out who this is.\n");
        response_header(response, "Retry-After", "10");
    } else {
        send_away(web, request, response, host);
    }
}
