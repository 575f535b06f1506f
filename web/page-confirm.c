/* /confirm/TOKEN: opening it changes nothing and shows one button, which confirms. Also for links
   of a change of address. The path is the secret: no session, no form token. Way in:
   page_confirm(). */
#include "config.h"

#include "page.h"

#include "site.h"
#include "visitor.h"
#include "web.h"

#include "cleanup.h"
#include "code.h"
#include "texts.h"

/* What stands above portald's text, and where it goes on. */
static const struct {
    enum wire_verdict verdict;
    const char *heading, *to, *label;
} outcomes[] = {
    {WIRE_OK, N_("Your e-mail address is confirmed"), "/", N_("To the start")},
    {WIRE_LINK_DONE, N_("This is done already"), "/", N_("To the start")},
    {WIRE_LINK_TAKEN, N_("This address belongs to another account"), "/register",
     N_("Register with another address")},
    {WIRE_LINK_OVER, N_("This link is over"), "/help", N_("To the help")},
    {WIRE_UNKNOWN, N_("We don't know this link"), "/help#link", N_("What you can do")},
    {WIRE_REFUSED, N_("No further letter at the moment"), "/help#support", N_("How you reach us")},
    {WIRE_THROTTLED, N_("Please wait a moment"), "/help", N_("To the help")},
};

static void show_button(struct web *web, struct request *request, struct response *response,
                        const struct answer *answer)
{
    struct view *view = view_new();

    view_set(view, "action", request->path);
    view_set(view, "text", answer->text);
    page_render(web, request, response, 200, "confirm", view);
}

static void show_expired(struct web *web, struct request *request, struct response *response)
{
    _cleanup_(site_facts_free_p) struct site_facts *facts = NULL;
    struct view *view;

    if (site_get(web, request, &facts) < 0) {
        visitor_unavailable(web, request, response);
        return;
    }
    view = view_new();
    view_set(view, "action", request->path);
    view_format(view, "hours", "%ld", facts->link_hours);
    page_render(web, request, response, page_status(WIRE_LINK_EXPIRED), "confirm-expired", view);
}

static void show(struct web *web, struct request *request, struct response *response,
                 const struct answer *answer)
{
    const char *l = request->language;

    if (answer->verdict == WIRE_LINK_GOOD) {
        show_button(web, request, response, answer);
        return;
    }
    if (answer->verdict == WIRE_LINK_EXPIRED) {
        show_expired(web, request, response);
        return;
    }
    for (size_t i = 0; i < ELEMENTS(outcomes); i++)
        if (outcomes[i].verdict == answer->verdict) {
            page_message(web, request, response, page_status(answer->verdict),
                         text(l, outcomes[i].heading), answer->text, outcomes[i].to,
                         text(l, outcomes[i].label));
            return;
        }
    page_unavailable(web, request, response, answer);
}

/* Answered alike whether a mail goes out. */
static void show_again(struct web *web, struct request *request, struct response *response,
                       const struct answer *answer)
{
    const char *l = request->language;

    if (answer->verdict != WIRE_OK) {
        show(web, request, response, answer);
        return;
    }
    page_message(web, request, response, 200, text(l, N_("Please look into your mailbox")),
                 answer->text, "/help#mail", text(l, N_("What if no mail comes?")));
}

static void ask(struct web *web, struct request *request, enum wire_type type, struct answer *ret)
{
    _cleanup_(wire_writer_clear) struct wire_writer w = {0};

    ask_begin(&w, request, type);
    wire_put_string(&w, WIRE_TOKEN, request->rest);
    ask_send(web, request, &w, ret);
}

/* Nobody needs to be asked about what can't be a token. */
static bool is_token(const char *typed)
{
    unsigned char token[TOKEN_BYTES];
    bool good = strlen(typed) == TOKEN_SIZE - 1 && code_token_read(typed, token) == 0;

    explicit_bzero(token, sizeof token);
    return good;
}

void page_confirm(struct web *web, struct request *request, struct response *response)
{
    _cleanup_(answer_clear) struct answer answer = {0};
    bool again = *request_form(request, "again");

    if (!is_token(request->rest)) {
        page_message(web, request, response, page_status(WIRE_UNKNOWN),
                     text(request->language, N_("This link is not complete")),
                     text(request->language,
                          N_("Please copy the whole link from the mail into the address bar of "
                             "your browser: it may have been cut at the end of a line.")),
                     "/help#link", text(request->language, N_("What you can do")));
    } else if (request->method == METHOD_POST && again) {
        ask(web, request, WIRE_LINK_AGAIN, &answer);
        show_again(web, request, response, &answer);
    } else {
        ask(web, request, request->method == METHOD_POST ? WIRE_CONFIRM : WIRE_LINK, &answer);
        show(web, request, response, &answer);
    }
}
