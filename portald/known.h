/* Clients that customers have logged in from (PAM: addresses; the web: browsers): each has counters
   of its own, so that guessing from elsewhere doesn't lock the customer out. Kept across restarts
   in a table that only right logins fill. Bound to the entry's session epoch: once a password was
   changed or an account locked, all have to log in again to be known. */
#pragma once

#include "entry.h"
#include "throttle.h"

#define KNOWN_SECONDS (180 * DAY) /* since the last login from there */
#define KNOWN_SLOTS   (1u << 18)
/* Clients that one entry may come to know in a day. The table is shared: a customer who logs in
   from all the addresses of a network would otherwise make the clients of all others forgotten. */
#define KNOWN_NEW_MOST 20

/* client: as request_known_as() makes it; "" is never known. */
bool known_client(struct throttle *known, const struct entry *entry, const char *client,
                  time_t now);
/* The customer has logged in from there. Not noted beyond KNOWN_NEW_MOST new clients a day. */
void known_remember(struct throttle *known, const struct entry *entry, const char *client,
                    time_t now);
/* All counters of this account's clients start over. */
void known_unblock(struct throttle *known, const struct entry *entry, time_t now);
/* Its counter of this factor: read, written. */
void known_failures(struct throttle *known, const struct entry *entry, const char *client,
                    enum entry_factor factor, struct entry_failures *ret);
void known_write_failures(struct throttle *known, const struct entry *entry, const char *client,
                          enum entry_factor factor, const struct entry_failures *failures,
                          time_t now);
