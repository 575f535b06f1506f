/* /not-me/REFERENCE: opening it changes nothing and shows what the button would do. Without a
   reference: a form for one that is typed from a letter. The path is the secret: no session, no
   form token. Way in: page_not_me(). */
#include "config.h"

#include "page.h"

#include "web.h"

#include "cleanup.h"
#include "code.h"
#include "texts.h"

#include <stdio.h>

#define KIND_MAIL "mail" /* WIRE_KIND: the button undoes a change of address */

static void ask(struct web *web, const struct request *request, enum wire_type type,
                struct answer *ret)
{
    _cleanup_(wire_writer_clear) struct wire_writer w = {0};

    ask_begin(&w, request, type);
    wire_put_string(&w, WIRE_REFERENCE_CODE, request->rest);
    ask_send(web, request, &w, ret);
}

/* For what was typed and isn't a reference, or isn't known. */
static void show_form(struct web *web, struct request *request, struct response *response,
                      unsigned status, const char *typed, const char *error)
{
    struct view *view = view_new();

    view_set(view, "reference", typed);
    view_set(view, "error", error);
    page_render(web, request, response, status, "not-me-form", view);
}

static void show_button(struct web *web, struct request *request, struct response *response,
                        const struct answer *answer)
{
    struct view *view = view_new();
    char kind[sizeof KIND_MAIL] = "";
    size_t size = 0;

    answer_bytes(answer, WIRE_KIND, kind, sizeof kind - 1, &size);
    view_set(view, "action", request->path);
    view_flag(view, "mail_change", strcmp(kind, KIND_MAIL) == 0);
    view_set(view, "text", answer->text);
    page_render(web, request, response, 200, "not-me", view);
}

static void show(struct web *web, struct request *request, struct response *response,
                 const struct answer *answer)
{
    const char *l = request->language;

    if (answer->verdict == WIRE_LINK_GOOD)
        show_button(web, request, response, answer);
    else if (answer->verdict == WIRE_OK)
        page_message(web, request, response, 200, text(l, N_("Thank you for telling us")),
                     answer->text, "/help#support", text(l, N_("How you reach us")));
    else if (answer->verdict == WIRE_UNKNOWN)
        show_form(web, request, response, page_status(WIRE_UNKNOWN), request->rest, answer->text);
    else if (page_status(answer->verdict) == 503)
        page_unavailable(web, request, response, answer);
    else
        page_message(web, request, response, page_status(answer->verdict),
                     text(l, N_("This can't be done any more")), answer->text, "/help#support",
                     text(l, N_("How you reach us")));
}

/* From the form to the page of that reference. */
static void go_to(struct web *web, struct request *request, struct response *response,
                  const char *typed)
{
    unsigned char reference[REFERENCE_BYTES];
    char printed[REFERENCE_PRINTED_SIZE], to[REFERENCE_PRINTED_SIZE + 16];
    const char *l = request->language;

    if (code_reference_read(typed, reference) < 0) {
        show_form(web, request, response, page_status(WIRE_UNKNOWN), typed,
                  text(l, N_("This is not one of our references. It has 26 letters and digits; "
                             "please compare it with your letter or mail.")));
        return;
    }
    code_reference_print(reference, printed);
    snprintf(to, sizeof to, "/not-me/%s", printed);
    response_redirect(response, to);
    explicit_bzero(reference, sizeof reference);
    explicit_bzero(printed, sizeof printed);
    explicit_bzero(to, sizeof to);
}

void page_not_me(struct web *web, struct request *request, struct response *response)
{
    _cleanup_(answer_clear) struct answer answer = {0};
    bool post = request->method == METHOD_POST;
    unsigned char reference[REFERENCE_BYTES];

    if (!*request->rest && post) {
        go_to(web, request, response, request_form(request, "reference"));
    } else if (!*request->rest) {
        show_form(web, request, response, 200, NULL, NULL);
    } else if (code_reference_read(request->rest, reference) < 0) {
        go_to(web, request, response, request->rest);
    } else {
        ask(web, request, post ? WIRE_NOT_ME : WIRE_REFERENCE, &answer);
        show(web, request, response, &answer);
    }
    explicit_bzero(reference, sizeof reference);
}
