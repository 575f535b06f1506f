/* /: what this is, and the ways in. Way in: page_home(). */
#include "config.h"

#include "page.h"

void page_home(struct web *web, struct request *request, struct response *response)
{
    page_render(web, request, response, 200, "home", view_new());
}
