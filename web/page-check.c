/* /password/check: what would be said of a new password, for the line under its field. Only who
   holds the step in which it would be set may ask. Way in: page_check(). */
#include "config.h"

#include "page.h"
#include "web.h"

#include "cleanup.h"
#include "texts.h"

#include <jansson.h>

#define TYPE_JSON "application/json"

static const enum step_kind kinds[] = {STEP_FIRST, STEP_RECOVER, STEP_PASSWORD};

static int load(struct web *web, const struct request *request, struct step *ret)
{
    int r = -1;

    for (size_t i = 0; i < ELEMENTS(kinds) && r < 0; i++)
        r = step_load(web, request, kinds[i], ret);
    return r;
}

static void answer_json(struct response *response, bool ok, const char *line)
{
    json_t *json = json_pack("{s:b, s:s}", "ok", ok, "text", line);

    response->body = json ? json_dumps(json, JSON_COMPACT) : NULL;
    json_decref(json);
    response->size = response->body ? strlen(response->body) : 0;
    response->status = response->body ? 200 : 500;
    response->type = TYPE_JSON;
}

/* The form may have been sent meanwhile, or portald can't be asked: then the form itself says so.
 */
static void say_nothing(struct response *response)
{
    response_plain(response, 204, "");
}

static void ask(struct web *web, struct request *request, struct response *response,
                const struct step *step)
{
    _cleanup_(wire_writer_clear) struct wire_writer w = {0};
    _cleanup_(answer_clear) struct answer answer = {0};

    ask_begin(&w, request, WIRE_QUALITY);
    wire_put_string(&w, WIRE_USER, step->user);
    wire_put(&w, WIRE_GRANT, step->blob, step->blob_size);
    wire_put_string(&w, WIRE_PASSWORD, request_form(request, "password"));
    ask_send(web, request, &w, &answer);
    if (answer.verdict == WIRE_OK)
        answer_json(response, true,
                    text(request->language, N_("Good: others will hardly guess this password.")));
    else if (answer.verdict == WIRE_REFUSED)
        answer_json(response, false, answer.text);
    else
        say_nothing(response);
}

void page_check(struct web *web, struct request *request, struct response *response)
{
    _cleanup_(step_clear) struct step step = {0};

    if (request->method != METHOD_POST)
        response_plain(response, 405, "POST only\n");
    else if (load(web, request, &step) < 0)
        say_nothing(response);
    else
        ask(web, request, response, &step);
}
