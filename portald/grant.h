/* A grant: what portald gives out when a password was right, or PUK and mailed code were, so that
   the same application may set a new one, or TOTP, within 10 minutes without asking again. Sealed,
   bound to login name, PAM service and the password in force; void once that has changed, once a
   code is needed that wasn't asked for, or, after a recovery, once the PUK is another one. */
#pragma once

#include "entry.h"
#include "keys.h"

#define GRANT_PURPOSE "portal-grant-3" /* what it is sealed as */
#define GRANT_SIZE    512
#define GRANT_SECONDS 600

enum grant_kind {
    GRANT_LOGIN,    /* the password was right, and the code where one is needed */
    GRANT_RECOVERY, /* PUK and mailed code were: serves WIRE_CHANGE alone, which voids the PUK */
};

/* entry: for a recovery with its secrets. 0 or seal_state()'s error. */
int grant_make(const struct keys *keys, enum grant_kind kind, const char *name, const char *service,
               const struct entry *entry, time_t now, uint8_t ret[static GRANT_SIZE],
               size_t *ret_size);
/* Opens one and gives the UUID of its entry. -EBADMSG when it isn't ours, for another name or
   service, or over. */
int grant_open(const struct keys *keys, const uint8_t *grant, size_t size, const char *name,
               const char *service, time_t now, char ret_uuid[static JOB_ENTRY_SIZE]);
/* Whether it was made for what entry has now, and its kind. entry without its secrets: a recovery's
   is never good. 0 or -EBADMSG. */
int grant_check(const struct keys *keys, const uint8_t *grant, size_t size,
                const struct entry *entry, enum grant_kind *ret_kind);
