/* One HTTP request as pages see it: everything in it is checked, decoded UTF-8 without control
   characters (but line breaks in fields), and within its limit. server.c makes it. */
#pragma once

#include "session.h"

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

struct MHD_Connection;

#define REQUEST_PATH_MAX   1024
#define REQUEST_BODY_MAX   16384
#define REQUEST_FIELDS_MAX 32
#define REQUEST_FIELD_MAX  4096 /* bytes of one value */
#define REQUEST_NAME_MAX   32
#define REQUEST_CLIENT     64 /* an address as text, and NUL */

enum method {
    METHOD_GET, /* HEAD, too */
    METHOD_POST,
};

struct request_field {
    char name[REQUEST_NAME_MAX + 1];
    char *value; /* wiped and freed with the request */
};
struct request_fields {
    struct request_field field[REQUEST_FIELDS_MAX];
    size_t count;
};

struct request {
    struct MHD_Connection *connection;
    enum method method;
    const char *path;            /* begins with / */
    const char *rest;            /* what follows the route's name and a slash: a token; else "" */
    const char *language;        /* "de" or "en" */
    char client[REQUEST_CLIENT]; /* whom the proxy named, or who connected; "": not known */
    bool proxied;                /* by one that is believed: X-Forwarded-… say what was asked */
    char device[33];             /* of the device cookie: 32 hexadecimal digits, or "" */
    struct request_fields query, form;
    enum session_status session_status;
    struct session session; /* with SESSION_GOOD, and SESSION_UNKNOWN: session_has_id() */
    time_t now;
};

/* The value of a field that was posted, or stood behind the path's "?"; "" when it wasn't there.
   Posted blanks at both ends remain: what is trimmed is the page's business. */
const char *request_form(const struct request *request, const char *name);
const char *request_query(const struct request *request, const char *name);
/* A header; NULL when it isn't there, came twice, is longer than REQUEST_FIELD_MAX, or holds
   control characters. */
const char *request_header(const struct request *request, const char *name);
/* The last line of a header that comes several times, of any length and content. A proxy that adds
   its own line puts it behind those that a client sent, to have no good one be there. */
const char *request_last_header(const struct request *request, const char *name);
/* A cookie by its whole name (cookie.c puts __Host- in front); NULL as above. */
const char *request_cookie(const struct request *request, const char *name);
