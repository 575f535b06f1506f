/* Making a letter: codes, their hashes, the sealed content, and its staged row in the queue. */
#pragma once

#include "code.h"
#include "manager.h"

struct letter {
    char job[ULID_SIZE]; /* "" until it is staged */
    char password_hash[SECRET_HASH_SIZE];
    char puk_hash[SECRET_HASH_SIZE]; /* without slapd's scheme in front */
};
void letter_clear(struct letter *letter); /* wipes */

/* kind: "access" (initial password and PUK) or "puk". Returns 0; -EBUSY when too much is being
   hashed; or the queue's error. */
int letter_stage(const struct manager *manager, const struct entry *entry, const char *kind,
                 time_t now, long long deadline, struct letter *ret);
/* The LDAP write has happened (the letter goes out) or certainly not (its row goes); nothing for
   one that wasn't staged. Errors are the clerk's to mend, by the row's lease. */
void letter_settle(const struct manager *manager, const struct letter *letter, bool written);

/* How long the maker of a staged row is trusted to come to an end, in seconds. */
#define STAGED_LEASE 60
