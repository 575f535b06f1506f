/* Clients known to accounts; known_client() is the way in. Slots of the table are named by entry,
   session epoch and client, so that a new epoch leaves all of them behind: one slot holds the time
   of the last login from there, and one for each factor its failures. */
#include "config.h"

#include "known.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define SPACE_KNOWN   "known"
#define SPACE_NEW     "known-new"       /* clients, by entry */
#define SPACE_UNBLOCK "known-unblocked" /* how often */
#define WHAT_SIZE     (JOB_ENTRY_SIZE + 21 + THROTTLE_CLIENT_SIZE + 11)

static const char *const spaces[FACTORS] = {
    [FACTOR_PASSWORD] = "known-password",
    [FACTOR_TOTP] = "known-totp",
    [FACTOR_PUK] = "known-puk",
};

static void name_slot(const struct entry *entry, const char *client, char ret[static WHAT_SIZE])
{
    snprintf(ret, WHAT_SIZE, "%s %" PRIu64 " %s", entry->uuid, entry->session_epoch, client);
}

/* Unblocking leaves all counters behind, and the clients known. */
static void name_counter(struct throttle *known, const struct entry *entry, const char *client,
                         char ret[static WHAT_SIZE])
{
    struct throttle_state unblocked;
    size_t length;

    throttle_get(known, SPACE_UNBLOCK, entry->uuid, &unblocked);
    name_slot(entry, client, ret);
    length = strlen(ret);
    if (unblocked.failures > 0)
        snprintf(ret + length, WHAT_SIZE - length, " %u", unblocked.failures);
}

void known_unblock(struct throttle *known, const struct entry *entry, time_t now)
{
    struct throttle_state unblocked;

    throttle_get(known, SPACE_UNBLOCK, entry->uuid, &unblocked);
    unblocked.failures++;
    throttle_set(known, SPACE_UNBLOCK, entry->uuid, &unblocked, now);
}

/* When it was last noted that entry's customer logged in from client; 0: never. A time to come is
   from before a clock was set back. */
static time_t last_seen(struct throttle *known, const char *what, time_t now)
{
    struct throttle_state state;

    throttle_get(known, SPACE_KNOWN, what, &state);
    return state.failures == 0 || state.retry_after > now ? 0 : state.retry_after;
}

bool known_client(struct throttle *known, const struct entry *entry, const char *client, time_t now)
{
    char what[WHAT_SIZE];
    time_t seen;

    if (!*client)
        return false;
    name_slot(entry, client, what);
    seen = last_seen(known, what, now);
    return seen && now - seen < KNOWN_SECONDS;
}

void known_remember(struct throttle *known, const struct entry *entry, const char *client,
                    time_t now)
{
    char what[WHAT_SIZE];
    time_t seen;

    if (!*client)
        return;
    name_slot(entry, client, what);
    seen = last_seen(known, what, now);
    if (!seen && throttle_take(known, SPACE_NEW, entry->uuid, KNOWN_NEW_MOST, DAY, now, NULL) < 0)
        return;
    if (!seen || now - seen >= DAY)
        throttle_set(known, SPACE_KNOWN, what,
                     &(struct throttle_state){.failures = 1, .retry_after = now}, now);
}

void known_failures(struct throttle *known, const struct entry *entry, const char *client,
                    enum entry_factor factor, struct entry_failures *ret)
{
    char what[WHAT_SIZE];
    struct throttle_state state;

    name_counter(known, entry, client, what);
    throttle_get(known, spaces[factor], what, &state);
    *ret = (struct entry_failures){.count = state.failures, .retry_after = state.retry_after};
}

void known_write_failures(struct throttle *known, const struct entry *entry, const char *client,
                          enum entry_factor factor, const struct entry_failures *failures,
                          time_t now)
{
    char what[WHAT_SIZE];

    name_counter(known, entry, client, what);
    throttle_set(
        known, spaces[factor], what,
        &(struct throttle_state){.failures = failures->count, .retry_after = failures->retry_after},
        now);
}
