/* /help: what to do when a step doesn't work; /help/totp: setting up codes, step by step. Way in:
   page_help(). */
#include "config.h"

#include "page.h"

#include "site.h"
#include "visitor.h"
#include "web.h"

#include "cleanup.h"

void page_help(struct web *web, struct request *request, struct response *response)
{
    _cleanup_(site_facts_free_p) struct site_facts *facts = NULL;
    bool totp = strcmp(request->rest, "totp") == 0;
    struct view *view;

    if (*request->rest && !totp) {
        visitor_not_found(web, request, response);
        return;
    }
    view = view_new();
    /* Help is there even where portald isn't, without its numbers. */
    if (site_get(web, request, &facts) == 0) {
        view_format(view, "hours", "%ld", facts->link_hours);
        view_format(view, "minutes", "%ld", facts->code_minutes);
    }
    page_render(web, request, response, 200, totp ? "help-totp" : "help", view);
}
