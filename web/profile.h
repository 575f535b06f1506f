/* What is on file of whoever is logged in: portald's answer to WIRE_PROFILE. */
#pragma once

#include "page.h"

#include "cleanup.h"

#include <jansson.h>

struct profile {
    json_t *json; /* its names: wire.h */
};

/* Asks portald. False: it has answered, because the session has ended or portald can't be asked. */
bool profile_get(struct web *web, struct request *request, struct response *response,
                 struct profile *ret);
/* "" where there is none. */
const char *profile_string(const struct profile *profile, const char *name);
bool profile_flag(const struct profile *profile, const char *name);
/* Seconds since 1970, or 0. */
time_t profile_time(const struct profile *profile, const char *name);
void profile_clear(struct profile *profile); /* for _cleanup_ */
