/* The second factor; second_show() asks for it, second_send() has it checked. */
#include "config.h"

#include "second.h"

#include "web.h"

#include "cleanup.h"
#include "texts.h"

#include <stdio.h>

#define REST_PUK "puk"

bool second_is_puk(const struct request *request)
{
    return strcmp(request->rest, REST_PUK) == 0;
}

void second_show(struct web *web, struct request *request, struct response *response,
                 const struct step *step, const char *path, const struct answer *answer)
{
    struct view *view = view_new();

    view_set(view, "step", step->id);
    view_set(view, "action", path);
    view_set(view, "user", step->user);
    view_flag(view, "again", step->kind == STEP_AGAIN_CODE);
    view_set(view, "notice", answer ? answer->text : NULL);
    page_render(web, request, response, answer ? page_status(answer->verdict) : 200,
                second_is_puk(request) ? "login-puk" : "login-code", view);
}

/* An empty field isn't worth asking about, nor to be counted. */
static bool is_empty(const char *typed)
{
    return typed[strspn(typed, " \t\r\n")] == 0;
}

static void answer_empty(const struct request *request, struct answer *ret)
{
    ret->verdict = WIRE_TYPING_ERROR;
    ret->field = WIRE_CODE;
    snprintf(ret->text, sizeof ret->text, "%s",
             second_is_puk(request)
                 ? text(request->language, N_("Please enter the PUK from your letter."))
                 : text(request->language, N_("Please enter the six digits that your app shows.")));
}

void second_send(struct web *web, const struct request *request, const struct step *step,
                 struct answer *ret)
{
    _cleanup_(wire_writer_clear) struct wire_writer w = {0};
    const char *typed = request_form(request, "code");

    if (is_empty(typed)) {
        answer_empty(request, ret);
        return;
    }
    ask_begin(&w, request, WIRE_SECOND);
    wire_put_string(&w, WIRE_USER, step->user);
    wire_put(&w, WIRE_STATE, step->blob, step->blob_size);
    wire_put_string(&w, WIRE_CODE, typed);
    ask_send(web, request, &w, ret);
}

bool second_again(const struct answer *answer)
{
    switch (answer->verdict) {
    case WIRE_WRONG:
    case WIRE_TYPING_ERROR:
    case WIRE_THROTTLED:
    case WIRE_BUSY:
    case WIRE_UNAVAILABLE:
        return true;
    default:
        return false;
    }
}
