/* A portal-web without a network: visit_make() is the way in. Cookies and headers of its requests
   are a table, which stands in for libmicrohttpd's: tests that include this are linked with
   --wrap=MHD_get_connection_values. */
#pragma once

#include "web/cookie.h"
#include "web/request.h"
#include "web/response.h"
#include "web/settings.h"
#include "web/web.h"

#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>

#define VISIT_VALUES 16
#define VISIT_TEXT   4200
#define VISIT_NOW    1800000000

struct visit_value {
    enum MHD_ValueKind kind;
    char name[64], value[VISIT_TEXT];
};
struct visit {
    struct visit_value value[VISIT_VALUES];
    size_t values;
    struct settings settings;
    struct web_keys keys;
    struct web web;
    struct request request;
    struct response response;
};

int __wrap_MHD_get_connection_values(struct MHD_Connection *connection, enum MHD_ValueKind kind,
                                     MHD_KeyValueIterator iterator, void *userdata);
int __wrap_MHD_get_connection_values(struct MHD_Connection *connection, enum MHD_ValueKind kind,
                                     MHD_KeyValueIterator iterator, void *userdata)
{
    struct visit *v = (struct visit *)(void *)connection;
    int count = 0;

    for (size_t i = 0; i < v->values; i++)
        if (v->value[i].kind == kind) {
            count++;
            iterator(userdata, kind, v->value[i].name, v->value[i].value);
        }
    return count;
}

static char visit_base[] = "https://konto.example.org";
static char visit_app[] = "app.example.org", visit_other[] = "other.example.org";
static char *visit_hosts[] = {visit_app, visit_other, NULL};
static char visit_socket_dir[] = "/nonexistent";

static inline int visit_make(void **state)
{
    struct visit *v = calloc(1, sizeof *v);

    if (!v)
        return -1;
    v->settings = (struct settings){.base_url = visit_base,
                                    .hosts = visit_hosts,
                                    .socket_dir = visit_socket_dir,
                                    .timeout = 1,
                                    .idle = 1800,
                                    .absolute = 43200,
                                    .step = 900};
    memset(&v->keys, 1, sizeof v->keys);
    memset(v->keys.form, 2, sizeof v->keys.form);
    memset(v->keys.code, 3, sizeof v->keys.code);
    v->web = (struct web){.settings = &v->settings, .keys = &v->keys};
    v->request = (struct request){.connection = (struct MHD_Connection *)(void *)v,
                                  .path = "/",
                                  .rest = "",
                                  .language = "en",
                                  .now = VISIT_NOW};
    *state = v;
    return 0;
}

static inline void visit_forget_fields(struct request_fields *fields)
{
    for (size_t i = 0; i < fields->count; i++)
        free(fields->field[i].value);
    fields->count = 0;
}

static inline int visit_unmake(void **state)
{
    struct visit *v = *state;

    response_clear(&v->response);
    visit_forget_fields(&v->request.form);
    visit_forget_fields(&v->request.query);
    free(v);
    return 0;
}

static inline void visit_send(struct visit *v, enum MHD_ValueKind kind, const char *name,
                              const char *value)
{
    struct visit_value *at = &v->value[v->values++];

    if (v->values > VISIT_VALUES || strlen(name) >= sizeof at->name ||
        strlen(value) >= sizeof at->value)
        abort();
    at->kind = kind;
    strcpy(at->name, name);
    strcpy(at->value, value);
}

/* The value of the cookie that the response sets, name with its prefix; NULL: it sets none. */
static inline const char *visit_set_cookie(struct visit *v, const char *name, char *ret,
                                           size_t size)
{
    for (size_t i = 0; i < v->response.headers; i++) {
        const char *text = v->response.header[i].value;
        size_t length = strlen(name), end;

        if (strcmp(v->response.header[i].name, "Set-Cookie") != 0 ||
            strncmp(text, name, length) != 0 || text[length] != '=')
            continue;
        text += length + 1;
        end = strcspn(text, ";");
        if (end >= size)
            abort();
        memcpy(ret, text, end);
        ret[end] = '\0';
        return ret;
    }
    return NULL;
}

/* What a browser does with an answer: the cookie comes with the next request. */
static inline void visit_keep(struct visit *v, const char *name)
{
    char text[VISIT_TEXT];

    if (!visit_set_cookie(v, name, text, sizeof text))
        abort();
    visit_send(v, MHD_COOKIE_KIND, name, text);
    response_clear(&v->response);
}

static inline void visit_field(struct request_fields *fields, const char *name, const char *value)
{
    struct request_field *field = &fields->field[fields->count++];

    strcpy(field->name, name);
    field->value = strdup(value);
}

static inline const char *visit_header(struct visit *v, const char *name)
{
    for (size_t i = 0; i < v->response.headers; i++)
        if (strcmp(v->response.header[i].name, name) == 0)
            return v->response.header[i].value;
    return NULL;
}
