/* /account: what is on file of whoever is logged in, and what can be changed. Way in:
   page_account(). */
#include "config.h"

#include "profile.h"
#include "web.h"

#include "cleanup.h"
#include "texts.h"

#include "calendar.h"

#include <stdio.h>

#define DAY_SIZE 64

/* What was just done: fixed texts, so that a link from elsewhere can say nothing of its own. */
static const struct {
    const char *done, *original;
} news[] = {
    {"password", N_("Your new password is set. Everywhere else you are logged out now; here you "
                    "can go on.")},
    {"recovered", N_("Your new password is set, and you are logged in. Your PUK was used with "
                     "that and isn't valid any more.")},
    {"totp-off", N_("Codes from an app are switched off. From now on your password alone suffices "
                    "to log in.")},
    {"puk", N_("Codes from an app are switched off. Your PUK was used with that and isn't valid "
               "any more.")},
};

static void put_news(struct view *view, const struct request *request)
{
    const char *done = request_query(request, "done");

    for (size_t i = 0; i < ELEMENTS(news); i++)
        if (strcmp(done, news[i].done) == 0)
            view_set(view, "done", text(request->language, news[i].original));
}

static void put_list(struct view *view, const struct profile *profile, const char *name,
                     const char *row)
{
    json_t *list = json_object_get(profile->json, name), *value;
    size_t i;

    json_array_foreach(list, i, value)
        view_set(view_row(view, row), "line", json_string_value(value));
    view_flag(view, name, json_array_size(list) > 0);
}

static void put_birthdate(struct view *view, const struct request *request,
                          const struct profile *profile)
{
    char said[DAY_SIZE];

    if (calendar_say_day(profile_string(profile, "birthdate"), request->language, said,
                         sizeof said) == 0)
        view_set(view, "birthdate", said);
}

static void put_consents(struct view *view, const struct request *request,
                         const struct profile *profile)
{
    json_t *list = json_object_get(profile->json, "consents"), *value;
    size_t i;

    json_array_foreach(list, i, value)
    {
        struct view *row = view_row(view, "consent");
        const char *which = json_string_value(json_object_get(value, "text"));
        view_flag(row, "privacy", which && strcmp(which, "privacy") == 0);
        view_flag(row, "terms", which && strcmp(which, "terms") == 0);
        view_set(row, "version", json_string_value(json_object_get(value, "version")));
        view_day(row, "when", request->language,
                 (time_t)json_integer_value(json_object_get(value, "time")));
    }
    view_flag(view, "consents", json_array_size(list) > 0);
}

static void put_puk(struct view *view, const struct profile *profile)
{
    const char *puk = profile_string(profile, "puk");

    view_flag(view, "puk_usable", strcmp(puk, "usable") == 0);
    view_flag(view, "puk_coming", strcmp(puk, "on its way") == 0);
    view_flag(view, "puk_none", strcmp(puk, "none") == 0);
}

static void put_profile(struct view *view, const struct request *request,
                        const struct profile *profile)
{
    view_set(view, "person", profile_string(profile, "name"));
    view_set(view, "address_mail", profile_string(profile, "mail"));
    view_set(view, "new_mail", profile_string(profile, "new_mail"));
    put_list(view, profile, "address", "address_line");
    put_list(view, profile, "policies", "policy");
    put_birthdate(view, request, profile);
    view_flag(view, "german", strcmp(profile_string(profile, "language"), "de") == 0);
    view_flag(view, "english", strcmp(profile_string(profile, "language"), "en") == 0);
    view_flag(view, "totp", profile_flag(profile, "totp"));
    view_day(view, "password_changed", request->language,
             profile_time(profile, "password_changed"));
    view_time(view, "last_login", request->language, profile_time(profile, "last_login"));
    put_puk(view, profile);
    put_consents(view, request, profile);
}

void page_account(struct web *web, struct request *request, struct response *response)
{
    _cleanup_(profile_clear) struct profile profile = {0};
    struct view *view;

    if (page_needs_session(web, request, response) ||
        !profile_get(web, request, response, &profile))
        return;
    view = view_new();
    put_news(view, request);
    put_profile(view, request, &profile);
    page_render(web, request, response, 200, "account", view);
}
