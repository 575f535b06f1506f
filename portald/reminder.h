/* What falls due by the calendar alone: reminders of initial passwords that end soon, and
   registrations that nobody confirmed. Found by indexed searches once in a while; what is on record
   in queue and directory says what was done before, so that a restart or a moved clock repeats
   nothing. Way in: reminder_turn(), for the clerk. */
#pragma once

#include "manager.h"

struct reminder {
    time_t looked; /* by the wall's clock; 0: not yet */
    /* Entries that failed since then: they are the first of those that are found to be due, and are
       passed over until the next look. */
    unsigned unreminded, unforgotten;
};

/* Looks if it is time to. Returns 1 when there is more to do at once, 0, or an error. */
int reminder_turn(struct reminder *reminder, const struct manager *manager,
                  struct directory *directory);
