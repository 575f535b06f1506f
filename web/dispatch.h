/* From a request to a response: what every page has done for it first (language, session, form
   token), the page, and the headers that every response has. */
#pragma once

#include "exchange.h"

struct web;

/* Runs on a worker. Always leaves a response that can be sent. */
void dispatch_run(struct web *web, struct exchange *x);
/* What is served without waiting: assets and /healthz. True when it was answered. */
bool dispatch_at_once(struct web *web, struct exchange *x);
/* Too many wait, of all (503) or of this client (429): a short text. */
void dispatch_busy(struct exchange *x, unsigned status);
/* The headers of all responses. */
void dispatch_headers(const struct web *web, struct exchange *x);
