/* One question and its answer over IPP, whatever the printer does: an answer has a limit in bytes
   and the whole a limit in time, after which the connection is of no use. Way in:
   exchange_begin(). */
#pragma once

#include <cups/cups.h>
#include <stdbool.h>
#include <stddef.h>

struct exchange;

/* Begins to watch the clock over what is done with http, which stays the caller's and must outlive
   it. Returns 0 or a negative errno. */
int exchange_begin(http_t *http, struct exchange **ret);
/* Reads the answer to what was sent. NULL without one: *ret_why says in English why not; the
   connection must be closed then. HTTP_STATUS_UPGRADE_REQUIRED in *ret_status: the printer wants
   encryption first. */
ipp_t *exchange_answer(struct exchange *exchange, http_status_t *ret_status, const char **ret_why);
/* Whether the time is over, and the connection was cut. */
bool exchange_is_late(struct exchange *exchange);
struct exchange *exchange_end(struct exchange *exchange);
