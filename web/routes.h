/* Which path is which page: the table is in routes.c. */
#pragma once

#include "page.h"

#include <stdbool.h>

struct route {
    const char *path;
    page *page;
    unsigned flags;
};

#define ROUTE_REST 1u /* one more segment may follow: request.rest */
#define ROUTE_POST 2u
#define ROUTE_OPEN                                                                                 \
    4u /* no form token is wanted: what the path holds is secret, or nothing is done */
#define ROUTE_SESSION 8u  /* whose session it is, is found out first */
#define ROUTE_PROXY   16u /* a proxy asks by itself, for each picture of an application's page */

/* The route of a decoded path, or NULL; *ret_rest is what follows, "" where nothing does. */
const struct route *route_find(const char *path, const char **ret_rest);
