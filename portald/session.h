/* A session of the web: that somebody has logged in, and by what. Given out on the web socket only,
   and kept by the browser, sealed; it proves nothing but to WIRE_SESSION and its kind. It ends with
   what it was proven by (state.h), with the account's being active, when TOTP is set up by somebody
   else, and with its time, which no request makes longer. */
#pragma once

#include "state.h"

#define SESSION_PURPOSE "portal-session-1" /* what it is sealed as */
#define SESSION_SIZE    512
/* Clocks of several portalds differ: so much earlier than its beginning it is good already. */
#define SESSION_SKEW 60

struct session {
    struct proof proof;
    bool coded; /* with a code, that is, where TOTP was set up */
    time_t started;
};

/* entry: as it is after all that its login needed was right. 0 or seal_state()'s error. */
int session_make(const struct keys *keys, const struct entry *entry, time_t now,
                 uint8_t ret[static SESSION_SIZE], size_t *ret_size);
/* life: for how long it may last. 0; -EBADMSG when it isn't ours, or its time is over. */
int session_open(const struct keys *keys, const uint8_t *sealed, size_t size, time_t now, long life,
                 struct session *ret);
/* Whether it still holds for entry, as that is now. entry NULL: no. */
bool session_holds(const struct session *session, const struct entry *entry);
