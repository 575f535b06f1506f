/* /account/mail: another e-mail address. It takes effect once the link that goes to it was pressed.
   Way in: page_mail(). */
#include "config.h"

#include "again.h"
#include "login.h"
#include "web.h"

#include "cleanup.h"
#include "texts.h"

#include <errno.h>
#include <stdio.h>

#define PATH "/account/mail"
#define DONE "/account/mail/done"

static const struct again change = {
    .path = PATH,
    .purpose = "mail",
    .asks = WIRE_PURPOSE_CHANGE,
    .heading = N_("Change your e-mail address"),
    .why = N_("For your protection, please enter your password first."),
};

static void show(struct web *web, struct request *request, struct response *response,
                 const struct step *step, const struct answer *answer)
{
    struct view *view = view_new();

    view_set(view, "step", step->id);
    view_set(view, "user", step->user);
    if (answer) {
        view_set(view, "mail", request_form(request, "mail"));
        view_set(view, "mail_again", request_form(request, "mail-again"));
        view_set(view,
                 answer->field == WIRE_MAIL_ADDRESS ? "mail_error"
                 : answer->field == WIRE_MAIL_AGAIN ? "again_error"
                                                    : "notice",
                 answer->text);
    }
    page_render(web, request, response, answer ? page_status(answer->verdict) : 200, "mail", view);
}

static void ask(struct web *web, const struct request *request, const struct step *step,
                struct answer *ret)
{
    _cleanup_(wire_writer_clear) struct wire_writer w = {0};
    char mail[SESSION_MAIL], again[SESSION_MAIL];

    login_trim(request_form(request, "mail"), mail, sizeof mail);
    login_trim(request_form(request, "mail-again"), again, sizeof again);
    if (!*mail) {
        ret->verdict = WIRE_REFUSED;
        ret->field = WIRE_MAIL_ADDRESS;
        snprintf(ret->text, sizeof ret->text, "%s",
                 text(request->language, N_("Please enter your e-mail address.")));
        return;
    }
    ask_begin(&w, request, WIRE_NEW_MAIL);
    wire_put_string(&w, WIRE_USER, step->user);
    wire_put(&w, WIRE_GRANT, step->blob, step->blob_size);
    wire_put_string(&w, WIRE_MAIL_ADDRESS, mail);
    wire_put_string(&w, WIRE_MAIL_AGAIN, again);
    ask_send(web, request, &w, ret);
}

static void post_new(struct web *web, struct request *request, struct response *response)
{
    _cleanup_(step_clear) struct step step = {0};
    _cleanup_(answer_clear) struct answer answer = {0};

    if (again_load(web, request, &change, &step) < 0) {
        page_step_over(web, request, response, PATH);
        return;
    }
    ask(web, request, &step, &answer);
    if (answer.verdict == WIRE_OK) {
        step_end(web, response);
        response_redirect(response, DONE);
    } else if (answer.verdict == WIRE_GRANT_OVER) {
        step_end(web, response);
        page_step_over(web, request, response, PATH);
    } else {
        show(web, request, response, &step, &answer);
    }
}

static void show_done(struct web *web, struct request *request, struct response *response)
{
    _cleanup_(site_facts_free_p) struct site_facts *facts = NULL;
    struct view *view = view_new();

    if (site_get(web, request, &facts) == 0)
        view_format(view, "hours", "%ld", facts->link_hours);
    page_render(web, request, response, 200, "mail-done", view);
}

void page_mail(struct web *web, struct request *request, struct response *response)
{
    _cleanup_(step_clear) struct step step = {0};
    bool post = request->method == METHOD_POST;

    if (page_needs_session(web, request, response))
        return;
    if (post && strcmp(request->rest, "new") == 0)
        post_new(web, request, response);
    else if (post && !again_post(web, request, response, &change))
        page_step_over(web, request, response, PATH);
    else if (!post && strcmp(request->rest, "done") == 0)
        show_done(web, request, response);
    else if (!post && again_load(web, request, &change, &step) == 0)
        show(web, request, response, &step, NULL);
    else if (!post)
        again_show(web, request, response, &change);
}
