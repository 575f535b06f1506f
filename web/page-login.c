/* /login: e-mail address and password, then the code where TOTP is set up. An initial password goes
   on to /password. Way in: page_login(). */
#include "config.h"

#include "login.h"
#include "second.h"
#include "web.h"

#include "cleanup.h"
#include "texts.h"

#include <stdio.h>

#define PATH       "/login"
#define OTHERWISE  "/account"
#define AFTER_PUK  "/totp/anew"
#define FIRST_PATH "/password"

/* The next step of this way, with what answer has under tag. */
static int save_step(struct web *web, struct response *response, const struct answer *answer,
                     enum step_kind kind, enum wire_tag tag, const char *mail, const char *to)
{
    _cleanup_(step_clear) struct step step = {.kind = kind};

    snprintf(step.user, sizeof step.user, "%s", mail);
    snprintf(step.to, sizeof step.to, "%s", login_target(web, to, ""));
    if (answer_bytes(answer, tag, step.blob, sizeof step.blob, &step.blob_size) < 0)
        return -1;
    return step_save(web, response, &step);
}

static void go_on(struct web *web, struct request *request, struct response *response,
                  const struct answer *answer, enum step_kind kind, const char *mail,
                  const char *to)
{
    bool first = kind == STEP_FIRST;

    if (save_step(web, response, answer, kind, first ? WIRE_GRANT : WIRE_STATE, mail, to) < 0)
        login_failed(web, request, response);
    else
        response_redirect(response, first ? FIRST_PATH : PATH "/code");
}

/* The password was right, and the code where one is needed. */
static void admit(struct web *web, struct request *request, struct response *response,
                  const struct answer *answer, const char *mail, const char *to)
{
    char path[LOGIN_PATH_MAX];

    if (answer->account == WIRE_NEW_PASSWORD) {
        go_on(web, request, response, answer, STEP_FIRST, mail, to);
    } else if (second_is_puk(request)) {
        login_path(AFTER_PUK, login_target(web, to, ""), path);
        login_finish(web, request, response, answer, mail, path, path);
    } else {
        login_finish(web, request, response, answer, mail, to, OTHERWISE);
    }
}

/* What is missing is said without asking, and without being counted. */
static bool is_complete(const struct request *request, const char *mail, struct answer *ret)
{
    const char *password = request_form(request, "password");

    if (*mail && *password)
        return true;
    ret->verdict = WIRE_REFUSED;
    ret->field = *mail ? WIRE_PASSWORD : WIRE_USER;
    snprintf(ret->text, sizeof ret->text, "%s",
             *mail ? text(request->language, N_("Please enter your password."))
                   : text(request->language, N_("Please enter your e-mail address.")));
    return false;
}

static void post_password(struct web *web, struct request *request, struct response *response)
{
    _cleanup_(wire_writer_clear) struct wire_writer w = {0};
    _cleanup_(answer_clear) struct answer answer = {0};
    const char *to = request_form(request, "to");
    char mail[SESSION_MAIL];

    login_trim(request_form(request, "mail"), mail, sizeof mail);
    if (is_complete(request, mail, &answer)) {
        session_device(web, request, response);
        ask_begin(&w, request, WIRE_AUTHENTICATE);
        wire_put_string(&w, WIRE_USER, mail);
        wire_put_string(&w, WIRE_PASSWORD, request_form(request, "password"));
        ask_send(web, request, &w, &answer);
    }
    if (answer.verdict == WIRE_OK)
        admit(web, request, response, &answer, mail, to);
    else if (answer.verdict == WIRE_CODE_NEEDED)
        go_on(web, request, response, &answer, STEP_CODE, mail, to);
    else
        login_show(web, request, response, mail, to, &answer);
}

/* The code's page was left behind: by the back button, another tab, or time. What worked isn't
   called an error. */
static void lost(struct web *web, struct request *request, struct response *response)
{
    if (request->session_status == SESSION_GOOD)
        response_redirect(response, OTHERWISE);
    else
        page_step_over(web, request, response, PATH);
}

static void post_code(struct web *web, struct request *request, struct response *response)
{
    _cleanup_(step_clear) struct step step = {0};
    _cleanup_(answer_clear) struct answer answer = {0};

    if (step_load(web, request, STEP_CODE, &step) < 0) {
        lost(web, request, response);
        return;
    }
    second_send(web, request, &step, &answer);
    if (answer.verdict == WIRE_OK) {
        admit(web, request, response, &answer, step.user, step.to);
    } else if (second_again(&answer)) {
        second_show(web, request, response, &step, PATH, &answer);
    } else {
        step_end(web, response);
        login_show(web, request, response, step.user, step.to, &answer);
    }
}

static void show_code(struct web *web, struct request *request, struct response *response)
{
    _cleanup_(step_clear) struct step step = {0};

    if (step_load(web, request, STEP_CODE, &step) < 0)
        lost(web, request, response);
    else
        second_show(web, request, response, &step, PATH, NULL);
}

void page_login(struct web *web, struct request *request, struct response *response)
{
    bool post = request->method == METHOD_POST;
    const char *to = request_query(request, "to");

    if (post && *request->rest)
        post_code(web, request, response);
    else if (post)
        post_password(web, request, response);
    else if (*request->rest)
        show_code(web, request, response);
    else if (request->session_status == SESSION_GOOD)
        response_redirect(response, login_target(web, to, OTHERWISE));
    else
        login_show(web, request, response, "", to, NULL);
}
