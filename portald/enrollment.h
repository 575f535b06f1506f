/* The STATE of a set-up of TOTP: its fresh secret, sealed, which is nowhere else until the first
   code has confirmed it. So a set-up that is given up leaves nothing. Bound to login name, PAM
   service and the password in force, for 10 minutes. */
#pragma once

#include "state.h"
#include "totp.h"

#define ENROLLMENT_PURPOSE "portal-enrollment-1" /* what it is sealed as */

struct enrollment {
    struct proof proof;
    uint8_t sealed[ENTRY_TOTP_MAX]; /* as totp_seal() makes it */
    size_t size;
};

/* 0; -E2BIG; or seal_state()'s error. */
int enrollment_make(const struct keys *keys, const char *name, const char *service,
                    const struct enrollment *enrollment, time_t now, uint8_t ret[static STATE_SIZE],
                    size_t *ret_size);
/* 0; -EBADMSG when it isn't ours, for another name or service, or over. */
int enrollment_open(const struct keys *keys, const uint8_t *state, size_t size, const char *name,
                    const char *service, time_t now, struct enrollment *ret);
