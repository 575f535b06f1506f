/* The paths of the portal (interfaces.md); route_find() is the way in. */
#include "config.h"

#include "routes.h"

#include "cleanup.h"

#define REST    ROUTE_REST
#define POST    ROUTE_POST
#define OPEN    ROUTE_OPEN
#define SESSION ROUTE_SESSION

static const struct route routes[] = {
    {"/", page_home, SESSION},
    {"/register", page_register, REST | POST | SESSION},
    {"/confirm", page_confirm, REST | POST | OPEN},
    {"/login", page_login, REST | POST | SESSION},
    {"/password", page_password, REST | POST | SESSION},
    {"/password/check", page_check, POST | SESSION},
    {"/totp", page_totp, REST | POST | SESSION},
    {"/recover", page_recover, REST | POST | SESSION},
    {"/recover/letter", page_letter, REST | POST | SESSION},
    {"/account", page_account, SESSION},
    {"/account/mail", page_mail, REST | POST | SESSION},
    {"/account/sessions", page_sessions, REST | POST | SESSION},
    {"/not-me", page_not_me, REST | POST | OPEN},
    {"/logout", page_logout, POST | SESSION},
    {"/help", page_help, REST | SESSION},
    {"/privacy", page_text, SESSION},
    {"/terms", page_text, SESSION},
    {"/language", page_language, POST | OPEN},
    {"/auth", page_auth, ROUTE_PROXY},
    {"/auth/callback", page_callback, 0},
    {"/auth/continue", page_continue, SESSION},
};

static const struct route *match(const char *path, size_t length, unsigned flags)
{
    for (size_t i = 0; i < ELEMENTS(routes); i++)
        if (strlen(routes[i].path) == length && memcmp(routes[i].path, path, length) == 0 &&
            (routes[i].flags & flags) == flags)
            return &routes[i];
    return NULL;
}

const struct route *route_find(const char *path, const char **ret_rest)
{
    const struct route *route = match(path, strlen(path), 0);
    const char *slash = strrchr(path, '/');

    *ret_rest = "";
    if (route || !slash || slash == path || !slash[1])
        return route;
    *ret_rest = slash + 1;
    return match(path, (size_t)(slash - path), REST);
}
