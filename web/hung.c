/* The one thing that is remembered of portald's health; hung_begin() is the way in. */
#include "config.h"

#include "hung.h"

#include "clock.h"

bool hung_begin(struct hung *hung, bool *ret_probe)
{
    *ret_probe = atomic_load(&hung->hangs);
    return !*ret_probe || !atomic_exchange(&hung->probing, true);
}

void hung_end(struct hung *hung, bool probe, bool timed_out, int64_t began)
{
    if (!timed_out) {
        atomic_store(&hung->answered, clock_monotonic_ms());
        atomic_store(&hung->hangs, false);
    } else if (atomic_load(&hung->answered) < began) {
        atomic_store(&hung->hangs, true);
    }
    if (probe)
        atomic_store(&hung->probing, false);
}
