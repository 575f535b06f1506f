/* One request and its response while they last, between server.c (libmicrohttpd's side) and
   dispatch.c (ours). */
#pragma once

#include "request.h"
#include "response.h"
#include "routes.h"

#include <microhttpd.h>

struct server;
struct slow_connection;

enum exchange_stage {
    EXCHANGE_BEGUN,   /* the request line was read */
    EXCHANGE_READING, /* the header lines were, too; a body may come */
    EXCHANGE_WORKING, /* a worker has it */
    EXCHANGE_READY,   /* the response can go */
};

struct exchange {
    struct server *server;
    struct slow_connection *connection;
    enum exchange_stage stage;
    struct request request;
    struct response response;
    const struct route *route;
    char path[REQUEST_PATH_MAX + 1];
    char host[REQUEST_CLIENT]; /* who connected: the key of the limits */
    struct MHD_PostProcessor *post;
    size_t body;
    unsigned refusal; /* the status it is refused with before any page sees it; 0: it isn't */
    bool last;        /* nothing more is read from this connection */
};

/* Adds size bytes at offset to the field name of fields, which is made where it is new. Returns 0,
   or -E2BIG, -EEXIST (twice), -ENOMEM. */
int exchange_field(struct request_fields *fields, const char *name, const char *data,
                   uint64_t offset, size_t size);
/* Whether all fields are UTF-8 without control characters but tabs and line breaks. */
bool exchange_fields_good(const struct request_fields *fields);
void exchange_clear(struct exchange *x); /* wipes */
