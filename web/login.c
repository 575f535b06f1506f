/* Beginning and end of logging in, for the pages that do it: /login, /password, /recover. */
#include "config.h"

#include "login.h"

#include "target.h"
#include "web.h"

#include "cleanup.h"
#include "texts.h"

#include <stdio.h>
#include <string.h>

void login_trim(const char *typed, char *ret, size_t size)
{
    size_t length;

    typed += strspn(typed, " \t\r\n");
    length = strlen(typed);
    while (length > 0 && strchr(" \t\r\n", typed[length - 1]))
        length--;
    if (length >= size)
        length = 0; /* too long to be what it should be */
    memcpy(ret, typed, length);
    ret[length] = 0;
}

/* Where somebody was logged out without having asked for it. */
static void put_reason(struct view *view, const struct request *request)
{
    const char *why = request_query(request, "why");

    view_flag(view, "idle", request->session_status == SESSION_IDLE || strcmp(why, "idle") == 0);
    view_flag(view, "set", strcmp(why, "set") == 0);
    view_flag(view, "ended", request->session_status == SESSION_ENDED || strcmp(why, "ended") == 0);
}

void login_show(struct web *web, struct request *request, struct response *response,
                const char *mail, const char *to, const struct answer *answer)
{
    struct view *view = view_new();

    view_set(view, "typed", mail);
    if (target_check(web->settings, to, NULL, 0) != TARGET_REFUSED)
        view_set(view, "to", to);
    if (answer) {
        view_set(view, "notice", answer->text);
        view_flag(view, "wrong", answer->verdict == WIRE_WRONG);
        view_flag(view, "expired", answer->verdict == WIRE_EXPIRED);
        view_flag(view, "contact",
                  answer->verdict == WIRE_LOCKED || answer->verdict == WIRE_CLOSED);
        view_flag(view, "mail_missing", answer->field == WIRE_USER);
        view_flag(view, "password_missing", answer->field == WIRE_PASSWORD);
    } else {
        put_reason(view, request);
    }
    page_render(web, request, response, answer ? page_status(answer->verdict) : 200, "login", view);
}

const char *login_target(const struct web *web, const char *to, const char *otherwise)
{
    return *to && target_check(web->settings, to, NULL, 0) != TARGET_REFUSED ? to : otherwise;
}

void login_path(const char *path, const char *to, char ret[static LOGIN_PATH_MAX])
{
    static const char plain[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/";
    size_t length = (size_t)snprintf(ret, LOGIN_PATH_MAX, "%s%s", path, *to ? "?to=" : "");

    for (; *to && length + sizeof "%XX" <= LOGIN_PATH_MAX; to++)
        length += (size_t)snprintf(ret + length, LOGIN_PATH_MAX - length,
                                   strchr(plain, *to) ? "%c" : "%%%02X", (unsigned char)*to);
}

void login_failed(struct web *web, struct request *request, struct response *response)
{
    const char *language = request->language;

    page_message(web, request, response, 500, text(language, N_("That did not work")),
                 text(language, N_("Because of an error on our side this can't be done at the "
                                   "moment. Please try again in a few minutes.")),
                 "/login", text(language, N_("Log in")));
}

void login_finish(struct web *web, struct request *request, struct response *response,
                  const struct answer *answer, const char *mail, const char *to,
                  const char *otherwise)
{
    if (session_begin(web, request, response, answer, mail) < 0) {
        login_failed(web, request, response);
        return;
    }
    step_end(web, response);
    response_redirect(response, login_target(web, to, otherwise));
}
