/* What is on file; profile_get() asks for it. */
#include "config.h"

#include "profile.h"

#include "web.h"

#include "texts.h"

#include <errno.h>

void profile_clear(struct profile *profile)
{
    json_decref(profile->json);
    profile->json = NULL;
}

const char *profile_string(const struct profile *profile, const char *name)
{
    const char *value = json_string_value(json_object_get(profile->json, name));

    return value ? value : "";
}

bool profile_flag(const struct profile *profile, const char *name)
{
    return json_is_true(json_object_get(profile->json, name));
}

time_t profile_time(const struct profile *profile, const char *name)
{
    return (time_t)json_integer_value(json_object_get(profile->json, name));
}

static int ask(struct web *web, const struct request *request, struct answer *ret_answer,
               json_t **ret)
{
    _cleanup_(wire_writer_clear) struct wire_writer w = {0};
    const uint8_t *text;
    size_t size;

    ask_begin(&w, request, WIRE_PROFILE);
    wire_put(&w, WIRE_SESSION_STATE, request->session.state, request->session.state_size);
    ask_send(web, request, &w, ret_answer);
    if (ret_answer->verdict != WIRE_OK)
        return -EACCES;
    if (wire_get(&ret_answer->reply.frame, WIRE_JSON, &text, &size) < 0 ||
        !(*ret = json_loadb((const char *)text, size, 0, NULL)))
        return -EPROTO;
    return 0;
}

/* The session has ended since it was last asked about. It must be over for the next request, too,
   or else /login would send back here. */
static void answer_ended(struct web *web, struct request *request, struct response *response)
{
    session_end(web, request, response);
    request->session_status = SESSION_ENDED;
    page_needs_session(web, request, response);
}

bool profile_get(struct web *web, struct request *request, struct response *response,
                 struct profile *ret)
{
    _cleanup_(answer_clear) struct answer answer = {0};
    json_t *json = NULL;
    int r = ask(web, request, &answer, &json);

    if (r == 0) {
        ret->json = json;
        return true;
    }
    if (answer.verdict == WIRE_GRANT_OVER) {
        answer_ended(web, request, response);
        return false;
    }
    if (r == -EPROTO)
        snprintf(answer.text, sizeof answer.text, "%s",
                 text(request->language,
                      N_("This service is not available at the moment. Please try again in a few "
                         "minutes. Nothing has been lost.")));
    page_unavailable(web, request, response, &answer);
    return false;
}
