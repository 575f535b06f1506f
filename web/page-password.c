/* /password: a new personal password, after the initial one, after a recovery, or from the account.
   Way in: page_password(). */
#include "config.h"

#include "again.h"
#include "login.h"
#include "web.h"

#include "cleanup.h"
#include "texts.h"

#include <errno.h>
#include <stdio.h>

#define PATH       "/password"
#define PATH_LOGIN "/login"
#define AFTER      "/account?done=password"
#define RECOVERED  "/account?done=recovered"
/* The password is set, but nobody is logged in. */
#define LOG_IN_NOW "/login?why=set"

static const struct again change = {
    .path = PATH,
    .purpose = "password",
    .asks = WIRE_PURPOSE_CHANGE,
    .heading = N_("Change your password"),
    .why = N_("For your protection, please enter your current password first."),
};

/* Whatever led here. */
static int load(struct web *web, const struct request *request, struct step *ret)
{
    if (step_load(web, request, STEP_FIRST, ret) == 0 ||
        step_load(web, request, STEP_RECOVER, ret) == 0)
        return 0;
    return request->session_status == SESSION_GOOD ? again_load(web, request, &change, ret)
                                                   : -ENOENT;
}

static void show(struct web *web, struct request *request, struct response *response,
                 const struct step *step, const struct answer *answer)
{
    _cleanup_(site_facts_free_p) struct site_facts *facts = NULL;
    struct view *view = view_new();

    if (site_get(web, request, &facts) == 0) {
        view_format(view, "least", "%ld", facts->password_least);
        view_format(view, "most", "%ld", facts->password_most);
    }
    view_set(view, "step", step->id);
    view_set(view, "user", step->user);
    view_flag(view, "first", step->kind == STEP_FIRST);
    view_flag(view, "recovered", step->kind == STEP_RECOVER);
    view_flag(view, "change", step->kind == STEP_PASSWORD);
    view_set(view, "notice", answer ? answer->text : NULL);
    page_render(web, request, response, answer ? page_status(answer->verdict) : 200, "password",
                view);
}

/* The first password: the same grant sets up TOTP, which is offered now, and only now. */
static void after_first(struct web *web, struct request *request, struct response *response,
                        const struct step *step, const struct answer *answer)
{
    _cleanup_(step_clear) struct step next = {.kind = STEP_PASSWORD, .purpose = "totp"};
    char path[LOGIN_PATH_MAX];

    if (session_begin(web, request, response, answer, step->user) < 0) {
        step_end(web, response);
        response_redirect(response, LOG_IN_NOW);
        return;
    }
    snprintf(next.user, sizeof next.user, "%s", step->user);
    snprintf(next.to, sizeof next.to, "%s", step->to);
    if (answer_bytes(answer, WIRE_GRANT, next.blob, sizeof next.blob, &next.blob_size) < 0 ||
        step_save(web, response, &next) < 0)
        step_end(web, response);
    login_path("/totp/offer", step->to, path);
    response_redirect(response, path);
}

/* After a recovery, where TOTP is still set up. */
static void want_code(struct web *web, struct request *request, struct response *response,
                      const struct step *step, const struct answer *answer)
{
    _cleanup_(step_clear) struct step next = {.kind = STEP_RECOVER_CODE};

    snprintf(next.user, sizeof next.user, "%s", step->user);
    if (answer_bytes(answer, WIRE_STATE, next.blob, sizeof next.blob, &next.blob_size) < 0 ||
        step_save(web, response, &next) < 0) {
        step_end(web, response);
        response_redirect(response, LOG_IN_NOW);
    } else {
        response_redirect(response, "/recover/code");
    }
    (void)request;
}

static void after_recovery(struct web *web, struct request *request, struct response *response,
                           const struct step *step, const struct answer *answer)
{
    uint8_t state[STEP_BLOB];
    size_t size = 0;

    if (answer_bytes(answer, WIRE_STATE, state, sizeof state, &size) == 0) {
        want_code(web, request, response, step, answer);
        explicit_bzero(state, sizeof state);
        return;
    }
    step_end(web, response);
    response_redirect(response, session_begin(web, request, response, answer, step->user) < 0
                                    ? LOG_IN_NOW
                                    : RECOVERED);
}

static void after_change(struct web *web, struct request *request, struct response *response,
                         const struct answer *answer)
{
    step_end(web, response);
    response_redirect(response,
                      session_renew(web, request, response, answer) < 0 ? LOG_IN_NOW : AFTER);
}

static void done(struct web *web, struct request *request, struct response *response,
                 const struct step *step, const struct answer *answer)
{
    if (step->kind == STEP_FIRST)
        after_first(web, request, response, step, answer);
    else if (step->kind == STEP_RECOVER)
        after_recovery(web, request, response, step, answer);
    else
        after_change(web, request, response, answer);
}

/* Whether it was typed twice alike. The second field is there only where the password can't be
   shown, that is, without the script: see password.html. */
static bool is_complete(const struct request *request, struct answer *ret)
{
    const char *password = request_form(request, "new-password"), *problem = NULL;

    if (!*password)
        problem = N_("Please enter a new password.");
    else if (*request_form(request, "twice") &&
             strcmp(password, request_form(request, "new-password-again")) != 0)
        problem = N_("The two passwords are not alike. Please enter the new one again, both "
                     "times.");
    if (!problem)
        return true;
    ret->verdict = WIRE_REFUSED;
    snprintf(ret->text, sizeof ret->text, "%s", text(request->language, problem));
    return false;
}

static void send(struct web *web, const struct request *request, const struct step *step,
                 struct answer *ret)
{
    _cleanup_(wire_writer_clear) struct wire_writer w = {0};

    ask_begin(&w, request, WIRE_CHANGE);
    wire_put_string(&w, WIRE_USER, step->user);
    wire_put(&w, WIRE_GRANT, step->blob, step->blob_size);
    wire_put_string(&w, WIRE_PASSWORD, request_form(request, "new-password"));
    if (step->kind == STEP_FIRST)
        wire_put_u8(&w, WIRE_PURPOSE, WIRE_PURPOSE_ENROLL);
    ask_send(web, request, &w, ret);
}

static void post_new(struct web *web, struct request *request, struct response *response)
{
    _cleanup_(step_clear) struct step step = {0};
    _cleanup_(answer_clear) struct answer answer = {0};
    bool logged_in = request->session_status == SESSION_GOOD;

    if (load(web, request, &step) < 0) {
        page_step_over(web, request, response, logged_in ? PATH : PATH_LOGIN);
        return;
    }
    if (is_complete(request, &answer))
        send(web, request, &step, &answer);
    if (answer.verdict == WIRE_OK) {
        done(web, request, response, &step, &answer);
    } else if (answer.verdict == WIRE_GRANT_OVER) {
        step_end(web, response);
        page_step_over(web, request, response,
                       step.kind == STEP_RECOVER    ? "/recover/forgotten"
                       : step.kind == STEP_PASSWORD ? PATH
                                                    : PATH_LOGIN);
    } else {
        show(web, request, response, &step, &answer);
    }
}

void page_password(struct web *web, struct request *request, struct response *response)
{
    _cleanup_(step_clear) struct step step = {0};
    bool post = request->method == METHOD_POST;

    if (post && strcmp(request->rest, "new") == 0)
        post_new(web, request, response);
    else if (!post && load(web, request, &step) == 0)
        show(web, request, response, &step, NULL);
    else if (page_needs_session(web, request, response))
        return;
    else if (!post)
        again_show(web, request, response, &change);
    else if (!again_post(web, request, response, &change))
        page_step_over(web, request, response, PATH);
}
