/* /logout: only its button logs out; a link or an image can't. Way in: page_logout(). */
#include "config.h"

#include "page.h"
#include "web.h"

#include "texts.h"

#define PATH "/logout"

static void say_done(struct web *web, struct request *request, struct response *response)
{
    const char *l = request->language;

    page_message(web, request, response, 200, text(l, N_("You are logged out")),
                 strcmp(request_query(request, "done"), "everywhere") == 0
                     ? text(l, N_("You are logged out on all devices. Whoever was logged in to "
                                  "your account elsewhere has to log in again, too."))
                     : text(l, N_("Thank you for your visit. On a computer that others use, too, "
                                  "please close the browser as well.")),
                 "/login", text(l, N_("Log in again")));
}

void page_logout(struct web *web, struct request *request, struct response *response)
{
    if (request->method == METHOD_POST) {
        session_end(web, request, response);
        step_end(web, response);
        response_redirect(response, PATH);
    } else if (session_has_id(request->session_status)) {
        page_render(web, request, response, 200, "logout", view_new());
    } else {
        say_done(web, request, response);
    }
}
