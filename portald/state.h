/* The STATE that goes with WIRE_CODE_NEEDED: that the password was right, so that the code alone
   may follow within 10 minutes. Sealed, bound to login name, PAM service, client and the password
   in force. It isn't used up: a wrong code may be followed by another one, as the throttle
   allows. */
#pragma once

#include "entry.h"
#include "keys.h"
#include "wire.h"

#define STATE_PURPOSE "portal-state-1" /* what it is sealed as */
#define STATE_SIZE    512
#define STATE_SECONDS 600

/* Who somebody has shown to be. What a password has proven ends when it is changed, or when all
   sessions are. */
struct proof {
    char uuid[JOB_ENTRY_SIZE];
    time_t changed;
    uint64_t epoch;
};
struct proof proof_make(const struct entry *entry);
/* Whether it still holds for entry, as that is now. entry NULL: no. */
bool proof_holds(const struct proof *proof, const struct entry *entry);

/* What a state is bound to: as login_read() has them. */
struct state_bounds {
    const char *name, *service, *client;
};
/* purpose: of the authentication that it continues. 0 or seal_state()'s error. */
int state_make(const struct keys *keys, const struct state_bounds *bounds,
               const struct proof *proof, enum wire_purpose purpose, time_t now,
               uint8_t ret[static STATE_SIZE], size_t *ret_size);
/* 0; -EBADMSG when it isn't ours, for somebody or something else, or over. */
int state_open(const struct keys *keys, const uint8_t *state, size_t size,
               const struct state_bounds *bounds, time_t now, struct proof *ret,
               enum wire_purpose *ret_purpose);
