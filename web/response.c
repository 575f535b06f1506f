/* Filling in a response; server.c sends it. */
#include "config.h"

#include "response.h"

#include "cleanup.h"

#include <errno.h>
#include <stdio.h>

static void response_fail(struct response *response)
{
    response->status = 500;
}

void response_header(struct response *response, const char *name, const char *value)
{
    struct response_header *header = &response->header[response->headers];

    for (const unsigned char *c = (const unsigned char *)value; *c; c++)
        if (*c < 0x20 || *c == 0x7f) {
            response_fail(response);
            return;
        }
    if (response->headers == RESPONSE_HEADERS_MAX || strlen(name) >= sizeof header->name ||
        !(header->value = strdup(value))) {
        response_fail(response);
        return;
    }
    strcpy(header->name, name);
    response->headers++;
}

void response_redirect(struct response *response, const char *to)
{
    response->status = 303;
    response_header(response, "Location", to);
}

void response_plain(struct response *response, unsigned status, const char *text)
{
    response->status = status;
    response->type = "text/plain; charset=utf-8";
    response->body = strdup(text);
    response->size = response->body ? strlen(text) : 0;
}

void response_clear(struct response *response)
{
    if (response->body)
        explicit_bzero(response->body, response->size);
    free(response->body);
    for (size_t i = 0; i < response->headers; i++)
        wipe_free_p(&response->header[i].value);
    *response = (struct response){0};
}
