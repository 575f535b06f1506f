/* What goes back to the browser. A page fills one; server.c adds the headers that all have
   (security, language) and sends it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define RESPONSE_HEADERS_MAX 32

struct response_header {
    char name[32];
    char *value;
};

struct response {
    unsigned status; /* 0: nothing was decided, which is answered as 500 */
    char *body;      /* malloc'ed, wiped after it was sent */
    size_t size;
    const char *type;        /* static; NULL: text/html; charset=utf-8 */
    const void *fixed;       /* instead of body: static memory, which caches may keep (assets) */
    const char *form_action; /* another origin that a form of this page may lead to; static or
                                settings' */
    struct response_header header[RESPONSE_HEADERS_MAX];
    size_t headers;
};

/* 303 See Other. to: a path of ours, or an URL that was checked (target.h). */
void response_redirect(struct response *response, const char *to);
/* One more header. A value with control characters isn't put: the response becomes a 500. */
void response_header(struct response *response, const char *name, const char *value);
/* A short plain text, for what no person reads. */
void response_plain(struct response *response, unsigned status, const char *text);
void response_clear(struct response *response);
