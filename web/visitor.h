/* Pages that those who have no account yet may be answered with. */
#pragma once

#include "page.h"

/* There is no such page. */
void visitor_not_found(struct web *web, struct request *request, struct response *response);
/* portald can't be asked what pages name: 503. */
void visitor_unavailable(struct web *web, struct request *request, struct response *response);
