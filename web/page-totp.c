/* /totp: codes from an app, set up and switched off. Way in: page_totp(). */
#include "config.h"

#include "again.h"
#include "login.h"
#include "profile.h"
#include "qr.h"
#include "second.h"
#include "web.h"

#include "cleanup.h"
#include "texts.h"

#include <errno.h>
#include <stdio.h>
#include <strings.h>

#define PATH       "/totp"
#define DONE       "/totp/done"
#define OFF        "/account?done=totp-off"
#define OFF_BY_PUK "/account?done=puk"
#define OTHERWISE  "/account"
#define SECRET_MAX 128
#define GROUP      4

static void enroll(struct web *web, struct request *request, struct response *response,
                   const struct step *step);
static void switch_off(struct web *web, struct request *request, struct response *response,
                       const struct step *step);

static const struct again set_up = {
    .path = PATH,
    .purpose = "totp",
    .asks = WIRE_PURPOSE_ENROLL,
    .heading = N_("Set up codes from an app"),
    .why = N_("Logging in then needs two things: your password, and a code that only your phone "
              "shows. For your protection, please enter your password first."),
    .then = enroll,
};

static const struct again off = {
    .path = PATH,
    .purpose = "totp-off",
    .asks = WIRE_PURPOSE_CHANGE,
    .heading = N_("Switch off codes from an app"),
    .why = N_("Your password alone then suffices to log in. If you only have a new phone, you can "
              "set up the codes anew right afterwards. For your protection, please enter your "
              "password first."),
    .then = switch_off,
};

/* --- Setting up --- */

/* The secret of an otpauth:// URI, in groups of four. */
static void put_secret(struct view *view, const char *uri)
{
    const char *secret = strstr(uri, "secret=");
    char groups[SECRET_MAX + SECRET_MAX / GROUP] = "";
    size_t used = 0, length;

    if (!secret)
        return;
    secret += strlen("secret=");
    length = strcspn(secret, "&");
    for (size_t i = 0; i < length && i < SECRET_MAX; i++) {
        if (i > 0 && i % GROUP == 0)
            groups[used++] = ' ';
        groups[used++] = secret[i];
    }
    view_set(view, "secret", groups);
    explicit_bzero(groups, sizeof groups);
}

/* The step with the secret, by whoever is logged in now: in this browser somebody else may have
   been before. Returns 0 or -ENOENT. */
static int load_offer(struct web *web, const struct request *request, struct step *ret)
{
    _cleanup_(step_clear) struct step step = {0};

    if (step_load(web, request, STEP_TOTP, &step) < 0 ||
        strcasecmp(step.user, request->session.mail) != 0)
        return -ENOENT;
    *ret = step;
    return 0;
}

/* The same secret as long as the step lasts, however often the page is loaded. */
static void show_secret(struct web *web, struct request *request, struct response *response,
                        const struct step *step, const struct answer *answer)
{
    _cleanup_wipe_free_ char *qr = NULL;
    struct view *view = view_new();

    if (qr_svg(step->extra, text(request->language, N_("QR code for your app")), &qr) == 0)
        view_markup(view, "qr", qr);
    put_secret(view, step->extra);
    view_set(view, "uri", step->extra);
    view_set(view, "step", step->id);
    view_set(view, "user", step->user);
    view_set(view, "notice", answer ? answer->text : NULL);
    page_render(web, request, response, answer ? page_status(answer->verdict) : 200, "totp", view);
}

/* What portald has offered becomes the next step. */
static int keep_offer(struct web *web, struct response *response, const struct step *step,
                      const struct answer *answer)
{
    _cleanup_(step_clear) struct step next = {.kind = STEP_TOTP};
    int r = wire_get_string(&answer->reply.frame, WIRE_URI, next.extra, sizeof next.extra);

    if (r == 0)
        r = answer_bytes(answer, WIRE_STATE, next.blob, sizeof next.blob, &next.blob_size);
    if (r < 0)
        return r;
    snprintf(next.user, sizeof next.user, "%s", step->user);
    snprintf(next.to, sizeof next.to, "%s", step->to);
    return step_save(web, response, &next);
}

static void enroll(struct web *web, struct request *request, struct response *response,
                   const struct step *step)
{
    _cleanup_(wire_writer_clear) struct wire_writer w = {0};
    _cleanup_(answer_clear) struct answer answer = {0};
    const char *l = request->language;

    ask_begin(&w, request, WIRE_ENROLL);
    wire_put_string(&w, WIRE_USER, step->user);
    wire_put(&w, WIRE_GRANT, step->blob, step->blob_size);
    ask_send(web, request, &w, &answer);
    if (answer.verdict == WIRE_OK && keep_offer(web, response, step, &answer) == 0)
        response_redirect(response, PATH);
    else if (answer.verdict == WIRE_OK)
        login_failed(web, request, response);
    else if (answer.verdict == WIRE_GRANT_OVER)
        page_step_over(web, request, response, PATH);
    else
        page_message(web, request, response, page_status(answer.verdict),
                     text(l, N_("Codes from an app")), answer.text, OTHERWISE,
                     text(l, N_("To my account")));
}

/* With it a login has needed more than this session's, which therefore goes on with a new one. */
static void set_up_done(struct web *web, struct request *request, struct response *response,
                        const struct step *step, const struct answer *answer)
{
    uint8_t state[SESSION_STATE];
    size_t size = 0;
    char path[LOGIN_PATH_MAX];

    if (answer_bytes(answer, WIRE_SESSION_STATE, state, sizeof state, &size) == 0)
        session_renew(web, request, response, answer);
    explicit_bzero(state, sizeof state);
    step_end(web, response);
    login_path(DONE, step->to, path);
    response_redirect(response, path);
}

static void post_first_code(struct web *web, struct request *request, struct response *response)
{
    _cleanup_(step_clear) struct step step = {0};
    _cleanup_(wire_writer_clear) struct wire_writer w = {0};
    _cleanup_(answer_clear) struct answer answer = {0};

    if (load_offer(web, request, &step) < 0) {
        page_step_over(web, request, response, PATH);
        return;
    }
    ask_begin(&w, request, WIRE_ENROLL_CODE);
    wire_put_string(&w, WIRE_USER, step.user);
    wire_put(&w, WIRE_STATE, step.blob, step.blob_size);
    wire_put_string(&w, WIRE_CODE, request_form(request, "code"));
    ask_send(web, request, &w, &answer);
    if (answer.verdict == WIRE_OK) {
        set_up_done(web, request, response, &step, &answer);
    } else if (second_again(&answer)) {
        show_secret(web, request, response, &step, &answer);
    } else {
        step_end(web, response);
        page_step_over(web, request, response, PATH);
    }
}

/* --- Offered once: after the first password, and after the PUK took the codes away --- */

static void show_offer(struct web *web, struct request *request, struct response *response)
{
    _cleanup_(step_clear) struct step step = {0};
    struct view *view = view_new();
    const char *to = request_query(request, "to");

    if (again_load(web, request, &set_up, &step) == 0)
        view_set(view, "step", step.id);
    view_flag(view, "anew", strcmp(request->rest, "anew") == 0);
    view_set(view, "later", login_target(web, *to ? to : step.to, OTHERWISE));
    page_render(web, request, response, 200, "totp-offer", view);
}

static void post_begin(struct web *web, struct request *request, struct response *response)
{
    _cleanup_(step_clear) struct step step = {0};

    if (again_load(web, request, &set_up, &step) == 0)
        enroll(web, request, response, &step);
    else
        response_redirect(response, PATH);
}

static void show_done(struct web *web, struct request *request, struct response *response)
{
    struct view *view = view_new();

    view_set(view, "next", login_target(web, request_query(request, "to"), OTHERWISE));
    page_render(web, request, response, 200, "totp-done", view);
}

/* --- Switching off --- */

static void switch_off(struct web *web, struct request *request, struct response *response,
                       const struct step *step)
{
    _cleanup_(wire_writer_clear) struct wire_writer w = {0};
    _cleanup_(answer_clear) struct answer answer = {0};
    const char *l = request->language;

    if (second_is_puk(request)) { /* which has done so already */
        response_redirect(response, OFF_BY_PUK);
        return;
    }
    ask_begin(&w, request, WIRE_TOTP_OFF);
    wire_put_string(&w, WIRE_USER, step->user);
    wire_put(&w, WIRE_GRANT, step->blob, step->blob_size);
    ask_send(web, request, &w, &answer);
    if (answer.verdict == WIRE_OK)
        response_redirect(response, OFF);
    else if (answer.verdict == WIRE_GRANT_OVER)
        page_step_over(web, request, response, PATH);
    else
        page_message(web, request, response, page_status(answer.verdict),
                     text(l, N_("Codes from an app")), answer.text, OTHERWISE,
                     text(l, N_("To my account")));
}

/* --- The page --- */

static void show(struct web *web, struct request *request, struct response *response)
{
    _cleanup_(profile_clear) struct profile profile = {0};
    _cleanup_(step_clear) struct step step = {0};

    if (!profile_get(web, request, response, &profile))
        return;
    if (profile_flag(&profile, "totp"))
        again_show(web, request, response, &off);
    else if (load_offer(web, request, &step) == 0)
        show_secret(web, request, response, &step, NULL);
    else
        again_show(web, request, response, &set_up);
}

static void post(struct web *web, struct request *request, struct response *response)
{
    _cleanup_(profile_clear) struct profile profile = {0};
    const struct again *again;

    if (!profile_get(web, request, response, &profile))
        return;
    again = profile_flag(&profile, "totp") ? &off : &set_up;
    if (!again_post(web, request, response, again))
        page_step_over(web, request, response, PATH);
}

void page_totp(struct web *web, struct request *request, struct response *response)
{
    static const struct {
        enum method method;
        const char *rest;
        page *page;
    } parts[] = {
        {METHOD_GET, "offer", show_offer},       {METHOD_GET, "anew", show_offer},
        {METHOD_GET, "done", show_done},         {METHOD_POST, "begin", post_begin},
        {METHOD_POST, "first", post_first_code},
    };

    if (page_needs_session(web, request, response))
        return;
    for (size_t i = 0; i < ELEMENTS(parts); i++)
        if (parts[i].method == request->method && strcmp(parts[i].rest, request->rest) == 0) {
            parts[i].page(web, request, response);
            return;
        }
    if (request->method == METHOD_POST)
        post(web, request, response);
    else
        show(web, request, response);
}
