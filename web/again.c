/* The password, and the code, once more; again_show() asks, again_post() has it checked. */
#include "config.h"

#include "again.h"

#include "login.h"
#include "second.h"
#include "web.h"

#include "cleanup.h"
#include "texts.h"

#include <errno.h>
#include <stdio.h>
#include <strings.h>

#define REST_CODE "code"
#define REST_PUK  "puk"

static void show_password(struct web *web, struct request *request, struct response *response,
                          const struct again *again, const struct answer *answer)
{
    struct view *view = view_new();

    view_set(view, "action", again->path);
    view_set(view, "heading", text(request->language, again->heading));
    view_set(view, "why", text(request->language, again->why));
    view_set(view, "user", request->session.mail);
    view_set(view, "notice", answer ? answer->text : NULL);
    page_render(web, request, response, answer ? page_status(answer->verdict) : 200, "again", view);
}

/* A step of kind for what again is for, by whoever is logged in now. */
static int load(struct web *web, const struct request *request, const struct again *again,
                enum step_kind kind, struct step *ret)
{
    _cleanup_(step_clear) struct step step = {0};
    int r = step_load(web, request, kind, &step);

    if (r < 0)
        return r;
    if (strcmp(step.purpose, again->purpose) != 0 ||
        strcasecmp(step.user, request->session.mail) != 0)
        return -ENOENT;
    *ret = step;
    return 0;
}

int again_load(struct web *web, const struct request *request, const struct again *again,
               struct step *ret)
{
    return load(web, request, again, STEP_PASSWORD, ret);
}

static bool is_second(const struct request *request)
{
    return strcmp(request->rest, REST_CODE) == 0 || strcmp(request->rest, REST_PUK) == 0;
}

void again_show(struct web *web, struct request *request, struct response *response,
                const struct again *again)
{
    _cleanup_(step_clear) struct step step = {0};

    if (is_second(request) && load(web, request, again, STEP_AGAIN_CODE, &step) == 0)
        second_show(web, request, response, &step, again->path, NULL);
    else
        show_password(web, request, response, again, NULL);
}

static int fill(struct step *step, const struct request *request, const struct again *again,
                const struct answer *answer, enum step_kind kind, enum wire_tag tag)
{
    step->kind = kind;
    snprintf(step->user, sizeof step->user, "%s", request->session.mail);
    snprintf(step->purpose, sizeof step->purpose, "%s", again->purpose);
    return answer_bytes(answer, tag, step->blob, sizeof step->blob, &step->blob_size);
}

static void granted(struct web *web, struct request *request, struct response *response,
                    const struct again *again, const struct answer *answer)
{
    _cleanup_(step_clear) struct step step = {0};

    if (fill(&step, request, again, answer, STEP_PASSWORD, WIRE_GRANT) < 0) {
        login_failed(web, request, response);
    } else if (again->then) {
        step_end(web, response);
        again->then(web, request, response, &step);
    } else if (step_save(web, response, &step) < 0) {
        login_failed(web, request, response);
    } else {
        response_redirect(response, again->path);
    }
}

static void want_code(struct web *web, struct request *request, struct response *response,
                      const struct again *again, const struct answer *answer)
{
    _cleanup_(step_clear) struct step step = {0};
    char path[REQUEST_PATH_MAX];

    snprintf(path, sizeof path, "%s/" REST_CODE, again->path);
    if (fill(&step, request, again, answer, STEP_AGAIN_CODE, WIRE_STATE) < 0 ||
        step_save(web, response, &step) < 0)
        login_failed(web, request, response);
    else
        response_redirect(response, path);
}

static void post_password(struct web *web, struct request *request, struct response *response,
                          const struct again *again)
{
    _cleanup_(wire_writer_clear) struct wire_writer w = {0};
    _cleanup_(answer_clear) struct answer answer = {0};
    const char *password = request_form(request, "password");

    if (*password) {
        ask_begin(&w, request, WIRE_AUTHENTICATE);
        wire_put_string(&w, WIRE_USER, request->session.mail);
        wire_put_string(&w, WIRE_PASSWORD, password);
        wire_put_u8(&w, WIRE_PURPOSE, (uint8_t)again->asks);
        ask_send(web, request, &w, &answer);
    } else {
        answer.verdict = WIRE_REFUSED;
        snprintf(answer.text, sizeof answer.text, "%s",
                 text(request->language, N_("Please enter your password.")));
    }
    if (answer.verdict == WIRE_OK) {
        granted(web, request, response, again, &answer);
    } else if (answer.verdict == WIRE_CODE_NEEDED) {
        want_code(web, request, response, again, &answer);
    } else {
        if (answer.verdict == WIRE_WRONG) /* whose e-mail address it is, is known here */
            snprintf(answer.text, sizeof answer.text, "%s",
                     text(request->language, N_("The password is not right.")));
        show_password(web, request, response, again, &answer);
    }
}

static void post_code(struct web *web, struct request *request, struct response *response,
                      const struct again *again)
{
    _cleanup_(step_clear) struct step step = {0};
    _cleanup_(answer_clear) struct answer answer = {0};

    if (load(web, request, again, STEP_AGAIN_CODE, &step) < 0) {
        page_step_over(web, request, response, again->path);
        return;
    }
    second_send(web, request, &step, &answer);
    if (answer.verdict == WIRE_OK) {
        granted(web, request, response, again, &answer);
    } else if (second_again(&answer)) {
        second_show(web, request, response, &step, again->path, &answer);
    } else {
        step_end(web, response);
        show_password(web, request, response, again, &answer);
    }
}

bool again_post(struct web *web, struct request *request, struct response *response,
                const struct again *again)
{
    if (!*request->rest)
        post_password(web, request, response, again);
    else if (is_second(request))
        post_code(web, request, response, again);
    else
        return false;
    return true;
}
