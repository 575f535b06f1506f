/* What falls due by the calendar alone: reminders of initial passwords that end soon, registrations
   that nobody confirmed, and former addresses that can't undo anything any more. Found by indexed
   searches once in a while; what is on record in queue and directory says what was done before, so
   that a restart or a moved clock repeats nothing. Way in: reminder_turn(), for the clerk. */
#pragma once

#include "manager.h"

enum reminder_step { REMINDER_IDLE, REMINDER_REMIND, REMINDER_FORGET, REMINDER_FORMERS };

/* A look goes on for many turns, each of them short however many entries there are. Who fails is
   tried again by the next look. */
struct reminder {
    time_t looked; /* when the last look ended, by the wall's clock; 0: not yet */
    time_t begun;  /* this one */
    enum reminder_step step;
    struct directory_place place;
};

/* Looks if it is time to. Returns 1 when there is more to do at once, 0, or an error. */
int reminder_turn(struct reminder *reminder, const struct manager *manager,
                  struct directory *directory);
