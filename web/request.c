/* What pages read of a request. */
#include "config.h"

#include "request.h"

#include "cleanup.h"

#include <microhttpd.h>
#include <stdio.h>

static const char *find(const struct request_fields *fields, const char *name)
{
    for (size_t i = 0; i < fields->count; i++)
        if (strcmp(fields->field[i].name, name) == 0)
            return fields->field[i].value;
    return "";
}

const char *request_form(const struct request *request, const char *name)
{
    return find(&request->form, name);
}

const char *request_query(const struct request *request, const char *name)
{
    return find(&request->query, name);
}

struct search {
    const char *name, *value;
    int (*compare)(const char *, const char *);
    unsigned found;
};

static enum MHD_Result look(void *userdata, enum MHD_ValueKind kind, const char *name,
                            const char *value)
{
    struct search *search = userdata;

    (void)kind;
    if (search->compare(name, search->name) == 0) {
        search->value = value;
        search->found++;
    }
    return MHD_YES;
}

/* The only value of that name. */
static const char *find_value(const struct request *request, enum MHD_ValueKind kind,
                              const char *name, int (*compare)(const char *, const char *))
{
    struct search search = {.name = name, .compare = compare};

    MHD_get_connection_values(request->connection, kind, look, &search);
    if (search.found != 1 || !search.value || strlen(search.value) > REQUEST_FIELD_MAX)
        return NULL;
    for (const unsigned char *c = (const unsigned char *)search.value; *c; c++)
        if (*c < 0x20 || *c == 0x7f)
            return NULL;
    return search.value;
}

const char *request_header(const struct request *request, const char *name)
{
    return find_value(request, MHD_HEADER_KIND, name, strcasecmp);
}

const char *request_last_header(const struct request *request, const char *name)
{
    struct search search = {.name = name, .compare = strcasecmp};

    MHD_get_connection_values(request->connection, MHD_HEADER_KIND, look, &search);
    return search.value;
}

const char *request_cookie(const struct request *request, const char *name)
{
    return find_value(request, MHD_COOKIE_KIND, name, strcmp); /* RFC 6265, 5.3: with its case */
}
