/* Whether portald hangs: takes requests, and doesn't answer. Then one request at a time finds out
   whether it is back, and the others are answered at once that it isn't, so that no more than one
   worker waits and pages that need no portald go on. Any thread may call. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct hung {
    atomic_llong answered; /* clock_monotonic_ms() of the last answer */
    atomic_bool hangs;
    atomic_bool probing;
};

/* Whether a request may be sent now; hung_end() must follow. */
bool hung_begin(struct hung *hung, bool *ret_probe);
/* It came to an end: timed_out, or with an answer or an error at once. began: when it was sent. A
   time-out counts only if nothing was answered since then. */
void hung_end(struct hung *hung, bool probe, bool timed_out, int64_t began);
