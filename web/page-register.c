/* /register: policy number, birthdate, e-mail address twice, consents. Every form that is filled in
   well leads to /register/done, whoever sent it. Way in: page_register(). */
#include "config.h"

#include "page.h"

#include "details.h"
#include "misspelt.h"
#include "site.h"
#include "visitor.h"
#include "web.h"

#include "cleanup.h"

#include <strings.h>

#define PATH "/register"

struct visit {
    struct web *web;
    struct request *request;
    struct response *response;
    const struct site_facts *facts;
    struct details details;
};

static void show(struct visit *v, unsigned status, const char *trouble, const char *suggestion)
{
    struct view *view = view_new();

    details_show(&v->details, view);
    view_set(view, "trouble", trouble);
    view_set(view, "suggestion", suggestion);
    view_set(view, "asked",
             suggestion ? v->details.value[DETAIL_MAIL] : request_form(v->request, "asked"));
    view_set(view, "privacy_version", v->facts->privacy.version);
    view_set(view, "terms_version", v->facts->terms.version);
    page_render(v->web, v->request, v->response, status, "register", view);
}

static void send(struct visit *v)
{
    _cleanup_(wire_writer_clear) struct wire_writer w = {0};
    _cleanup_(answer_clear) struct answer answer = {0};

    ask_begin(&w, v->request, WIRE_REGISTER);
    details_put(&v->details, &w);
    ask_send(v->web, v->request, &w, &answer);
    if (answer.verdict == WIRE_OK) {
        response_redirect(v->response, PATH "/done");
        return;
    }
    show(v, page_status(answer.verdict), details_note(&v->details, &answer) ? NULL : answer.text,
         NULL);
}

/* Whether the address was asked about, and is to be taken as it is. */
static bool was_asked(const struct visit *v)
{
    return strcasecmp(request_form(v->request, "asked"), v->details.value[DETAIL_MAIL]) == 0;
}

static void post(struct visit *v)
{
    char suggestion[MISSPELT_SIZE] = "";
    bool doubtful;

    details_read(v->request, v->facts, DETAILS_REGISTER, &v->details);
    doubtful = misspelt_find(v->details.value[DETAIL_MAIL], suggestion) == 0;
    if (doubtful && was_asked(v) && *request_form(v->request, "take")) {
        details_set_mail(&v->details, suggestion);
        v->details.error[DETAIL_MAIL][0] = v->details.error[DETAIL_AGAIN][0] = '\0';
        doubtful = false;
    }
    if (!details_good(&v->details))
        show(v, 400, NULL, doubtful && !was_asked(v) ? suggestion : NULL);
    else if (doubtful && !was_asked(v))
        show(v, 200, NULL, suggestion);
    else
        send(v);
}

static void done(struct visit *v)
{
    struct view *view = view_new();

    view_format(view, "hours", "%ld", v->facts->link_hours);
    page_render(v->web, v->request, v->response, 200, "register-done", view);
}

void page_register(struct web *web, struct request *request, struct response *response)
{
    _cleanup_(site_facts_free_p) struct site_facts *facts = NULL;
    struct visit v = {.web = web, .request = request, .response = response};

    if (site_get(web, request, &facts) < 0) {
        visitor_unavailable(web, request, response);
        return;
    }
    v.facts = facts;
    v.details.count = DETAILS_REGISTER;
    if (request->method == METHOD_POST)
        post(&v);
    else if (strcmp(request->rest, "done") == 0)
        done(&v);
    else if (*request->rest)
        visitor_not_found(web, request, response);
    else
        show(&v, 200, NULL, NULL);
    details_clear(&v.details);
}
