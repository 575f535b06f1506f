/* /recover: what helps when something was lost; and a forgotten password: a code by mail, then code
   and PUK together, then /password. Way in: page_recover(). */
#include "config.h"

#include "login.h"
#include "second.h"
#include "web.h"

#include "cleanup.h"
#include "texts.h"

#include <stdio.h>

#define PATH      "/recover"
#define FORGOTTEN "/recover/forgotten"
#define MAILED    "/recover/mailed"
#define NEW       "/password"
#define RECOVERED "/account?done=recovered"

static void show_choices(struct web *web, struct request *request, struct response *response)
{
    page_render(web, request, response, 200, "recover", view_new());
}

/* --- A code by mail --- */

static void show_forgotten(struct web *web, struct request *request, struct response *response,
                           const char *typed, const struct answer *answer)
{
    struct view *view = view_new();

    view_set(view, "typed", typed);
    view_set(view, "notice", answer ? answer->text : NULL);
    page_render(web, request, response, answer ? page_status(answer->verdict) : 200,
                "recover-forgotten", view);
}

static void ask_forgotten(struct web *web, const struct request *request, const char *mail,
                          struct answer *ret)
{
    _cleanup_(wire_writer_clear) struct wire_writer w = {0};

    if (!*mail) {
        ret->verdict = WIRE_REFUSED;
        snprintf(ret->text, sizeof ret->text, "%s",
                 text(request->language, N_("Please enter your e-mail address.")));
        return;
    }
    ask_begin(&w, request, WIRE_FORGOTTEN);
    wire_put_string(&w, WIRE_USER, mail);
    ask_send(web, request, &w, ret);
}

static void post_forgotten(struct web *web, struct request *request, struct response *response)
{
    _cleanup_(step_clear) struct step step = {.kind = STEP_FORGOTTEN};
    _cleanup_(answer_clear) struct answer answer = {0};

    login_trim(request_form(request, "mail"), step.user, sizeof step.user);
    ask_forgotten(web, request, step.user, &answer);
    if (answer.verdict != WIRE_OK)
        show_forgotten(web, request, response, step.user, &answer);
    else if (step_save(web, response, &step) < 0)
        login_failed(web, request, response);
    else
        response_redirect(response, MAILED);
}

static void get_forgotten(struct web *web, struct request *request, struct response *response)
{
    show_forgotten(web, request, response, "", NULL);
}

/* --- Code and PUK --- */

/* mail: NULL after a code was asked for here, whose address the step knows. A PUK is put back only
   if it was mistyped, to be compared with the letter: then it is none. */
static void show_code(struct web *web, struct request *request, struct response *response,
                      const char *mail, const struct answer *answer)
{
    _cleanup_(site_facts_free_p) struct site_facts *facts = NULL;
    struct view *view = view_new();

    if (site_get(web, request, &facts) == 0)
        view_format(view, "minutes", "%ld", facts->code_minutes);
    view_set(view, "typed", mail);
    if (answer) {
        view_set(view, "notice", answer->text);
        view_set(view, "code", request_form(request, "code"));
        if (answer->verdict == WIRE_TYPING_ERROR)
            view_set(view, "puk", request_form(request, "puk"));
    }
    page_render(web, request, response, answer ? page_status(answer->verdict) : 200, "recover-code",
                view);
}

static void get_code(struct web *web, struct request *request, struct response *response)
{
    _cleanup_(step_clear) struct step step = {0};

    if (step_load(web, request, STEP_FORGOTTEN, &step) < 0)
        step.user[0] = '\0'; /* the code was asked for elsewhere */
    show_code(web, request, response, step.user, NULL);
}

static bool is_complete(const struct request *request, const char *mail, struct answer *ret)
{
    const char *problem =
        !*mail                            ? N_("Please enter your e-mail address.")
        : !*request_form(request, "code") ? N_("Please enter the code from our e-mail.")
        : !*request_form(request, "puk")  ? N_("Please enter the PUK from your letter.")
                                          : NULL;

    if (!problem)
        return true;
    ret->verdict = WIRE_TYPING_ERROR;
    snprintf(ret->text, sizeof ret->text, "%s", text(request->language, problem));
    return false;
}

static void recovered(struct web *web, struct request *request, struct response *response,
                      const struct answer *answer, const char *mail)
{
    _cleanup_(step_clear) struct step step = {.kind = STEP_RECOVER};

    snprintf(step.user, sizeof step.user, "%s", mail);
    if (answer_bytes(answer, WIRE_GRANT, step.blob, sizeof step.blob, &step.blob_size) < 0 ||
        step_save(web, response, &step) < 0)
        login_failed(web, request, response);
    else
        response_redirect(response, NEW);
}

static void post_code(struct web *web, struct request *request, struct response *response)
{
    _cleanup_(wire_writer_clear) struct wire_writer w = {0};
    _cleanup_(answer_clear) struct answer answer = {0};
    char mail[STEP_USER];

    login_trim(request_form(request, "mail"), mail, sizeof mail);
    if (is_complete(request, mail, &answer)) {
        session_device(web, request, response);
        ask_begin(&w, request, WIRE_RECOVER);
        wire_put_string(&w, WIRE_USER, mail);
        wire_put_string(&w, WIRE_CODE, request_form(request, "code"));
        wire_put_string(&w, WIRE_PUK, request_form(request, "puk"));
        ask_send(web, request, &w, &answer);
    }
    if (answer.verdict == WIRE_OK)
        recovered(web, request, response, &answer, mail);
    else
        show_code(web, request, response, mail, &answer);
}

/* --- The password is set, the app's code is missing --- */

static void second(struct web *web, struct request *request, struct response *response)
{
    _cleanup_(step_clear) struct step step = {0};
    _cleanup_(answer_clear) struct answer answer = {0};

    if (step_load(web, request, STEP_RECOVER_CODE, &step) < 0) {
        page_step_over(web, request, response, "/login");
        return;
    }
    if (request->method == METHOD_GET) {
        second_show(web, request, response, &step, PATH, NULL);
        return;
    }
    second_send(web, request, &step, &answer);
    if (answer.verdict == WIRE_OK) {
        login_finish(web, request, response, &answer, step.user, "", RECOVERED);
    } else if (second_again(&answer)) {
        second_show(web, request, response, &step, PATH, &answer);
    } else {
        step_end(web, response);
        login_show(web, request, response, step.user, "", &answer);
    }
}

void page_recover(struct web *web, struct request *request, struct response *response)
{
    static const struct {
        const char *rest;
        page *get, *post;
    } parts[] = {
        {"", show_choices, show_choices},
        {"forgotten", get_forgotten, post_forgotten},
        {"mailed", get_code, post_code},
        {"code", second, second},
    };

    for (size_t i = 0; i < ELEMENTS(parts); i++)
        if (strcmp(parts[i].rest, request->rest) == 0) {
            (request->method == METHOD_POST ? parts[i].post : parts[i].get)(web, request, response);
            return;
        }
    response_redirect(response, PATH);
}
