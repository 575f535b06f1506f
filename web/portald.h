/* One request to portald, and its answer as pages need it. Blocks, for [portald] timeout at most:
   not for the threads that serve connections. */
#pragma once

#include "request.h"

#include "client.h"
#include "wire.h"

struct web;

#define ANSWER_TEXT 4097
#define WEB_SERVICE "portal-web" /* SERVICE of all our requests */

struct answer {
    enum wire_verdict verdict;
    enum wire_verdict account;
    char text[ANSWER_TEXT]; /* for the person; never "" unless verdict is good */
    enum wire_tag field;    /* the field that is wrong, or 0 */
    struct client_reply reply;
};

/* Begins a request of type with what all of them have: LANGUAGE, and where the type takes it
   SERVICE, CLIENT, DEVICE. */
void ask_begin(struct wire_writer *w, const struct request *request, enum wire_type type);
/* Ends and sends it. Always fills ret: where portald can't be reached or says nothing that we
   understand, verdict is WIRE_UNAVAILABLE, with a text. */
void ask_send(struct web *web, const struct request *request, struct wire_writer *w,
              struct answer *ret);
/* A field of the reply; 0 or -ENOENT. */
int answer_bytes(const struct answer *answer, enum wire_tag tag, void *ret, size_t capacity,
                 size_t *ret_size);
void answer_clear(struct answer *answer); /* wipes */
