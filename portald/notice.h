/* Notices: mails that tell customers what was done to their account, each with its own "this wasn't
   me". Staged before the LDAP write that they tell of, ready after it, so that there is one exactly
   where there was a write. They never stand in the way: a queue that is full costs the notice, not
   the login. */
#pragma once

#include "manager.h"

struct notice {
    char job[ULID_SIZE]; /* for account_note_job(); "" where none could be staged, or the entry has
                            no address */
};
/* topic: as compose.h lists them ("password-set", "totp-on", …). What can't be staged is logged
   here. */
void notice_stage(const struct manager *manager, const struct entry *entry, const char *topic,
                  time_t now, struct notice *ret);
/* The same to an address that isn't the entry's, or isn't known to be its customer's: then named is
   false, and the mail says no name. Nothing is logged; returns 0 or the queue's error. */
int notice_stage_to(const struct manager *manager, const struct entry *entry, const char *topic,
                    const char *address, bool named, time_t now, struct notice *ret);
/* The same to the entry's address, of a topic that names a day. */
int notice_stage_dated(const struct manager *manager, const struct entry *entry, const char *topic,
                       time_t day, time_t now, struct notice *ret);
/* The write has happened, or certainly not. Where its outcome isn't known, don't call: the clerk
   finds out by the row's lease. */
void notice_settle(const struct manager *manager, const struct notice *notice, bool written);
