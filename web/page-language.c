/* /language: the switch at the foot of every page. Changes nothing but a cookie of its own, so it
   takes links, too. Way in: page_language(). */
#include "config.h"

#include "page.h"

#include "cookie.h"
#include "target.h"
#include "web.h"

#include "cleanup.h"

#include <stdio.h>

#define KEPT 34560000 /* seconds: 400 days, the most that browsers keep a cookie for */

static const char *parameter(const struct request *request, const char *name)
{
    return request->method == METHOD_POST ? request_form(request, name)
                                          : request_query(request, name);
}

void page_language(struct web *web, struct request *request, struct response *response)
{
    const char *language = parameter(request, "language"), *back = parameter(request, "path");
    bool secure = settings_secure(web->settings);
    char cookie[160];

    if (strcmp(language, "de") == 0 || strcmp(language, "en") == 0) {
        snprintf(cookie, sizeof cookie,
                 "%s" COOKIE_LANGUAGE "=%s; Path=/; Max-Age=%d; HttpOnly; SameSite=Lax%s",
                 secure ? "__Host-" : "", language, KEPT, secure ? "; Secure" : "");
        response_header(response, "Set-Cookie", cookie);
    }
    response_redirect(response,
                      target_check(web->settings, back, NULL, 0) == TARGET_PATH ? back : "/");
}
