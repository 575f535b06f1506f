/* The rules of asking for a new letter oneself, once the initial password has expired:
   account_renew() is the way in. No I/O, no clock. */
#include "config.h"

#include "account-letter.h"

#include "cleanup.h"

#include <string.h>
#include <strings.h>

static const struct {
    const char *text, *topic;
} outcomes[] = {
    [RENEWAL_NO_MATCH] = {"no match: policy number, birthdate or confirmed address", NULL},
    [RENEWAL_LETTER] = {"matched: a new letter is queued, and the confirmed address told",
                        "letter-new"},
    [RENEWAL_VALID] = {"matched, but the initial password hasn't expired: the confirmed address is "
                       "told",
                       "letter-valid"},
    [RENEWAL_HAS_PASSWORD] = {"matched, but has a personal password: the confirmed address is told",
                              "has-password"},
    [RENEWAL_RETURNED] = {"matched, but the last letter came back from this postal address: the "
                          "confirmed address is told to ask support",
                          "letter-refused"},
    [RENEWAL_TOO_MANY] = {"matched, but there were too many letters of late: the confirmed address "
                          "is told to ask support",
                          "letter-refused"},
    [RENEWAL_LOCKED] = {"matched, but the account is locked: nothing sent", NULL},
    [RENEWAL_CLOSED] = {"matched, but the contract is over: nothing sent", NULL},
};

const char *account_renewal_text(enum account_renewal r)
{
    return outcomes[r].text;
}

const char *account_renewal_topic(enum account_renewal r)
{
    return outcomes[r].topic;
}

static bool letter_is(const struct entry_letter *letter, const char *state)
{
    return letter && strcmp(letter->state, state) == 0;
}

/* Whether the initial password does nothing any more: what a letter carried that came back is void
   whatever its end says. */
static bool is_over(const struct entry *entry, time_t now)
{
    return account_login(entry, now) == WIRE_EXPIRED ||
           letter_is(account_letter_of_password(entry), "returned");
}

/* What came back once would come back again, or get to somebody else, until the address is mended.
   Where it isn't known whither the last letter went, it is taken to be the same address. */
static bool came_back(const struct entry *entry,
                      const unsigned char address_hash[static ENTRY_ADDRESS_BYTES])
{
    return letter_is(account_letter_of_password(entry), "returned") &&
           !account_letter_elsewhere(entry, address_hash);
}

static bool matches(const struct entry *entry, const char *birth_date, const char *address)
{
    return entry && *entry->birth_date && strcmp(entry->birth_date, birth_date) == 0 &&
           entry->mail && strcasecmp(entry->mail, address) == 0;
}

enum account_renewal account_renew(const struct account_rules *rules, const struct entry *entry,
                                   const char *birth_date, const char *address,
                                   const unsigned char address_hash[static ENTRY_ADDRESS_BYTES],
                                   time_t now)
{
    if (!matches(entry, birth_date, address))
        return RENEWAL_NO_MATCH;
    switch (entry->state) {
    case ACCOUNT_INITIAL:
        break;
    case ACCOUNT_ACTIVE:
        return RENEWAL_HAS_PASSWORD;
    case ACCOUNT_LOCKED:
        return RENEWAL_LOCKED;
    case ACCOUNT_CLOSED:
        return RENEWAL_CLOSED;
    default: /* mail counts for nothing before it is confirmed */
        return RENEWAL_NO_MATCH;
    }
    if (!is_over(entry, now))
        return RENEWAL_VALID;
    if (came_back(entry, address_hash))
        return RENEWAL_RETURNED;
    return account_letter_allowed(rules, entry, now) ? RENEWAL_LETTER : RENEWAL_TOO_MANY;
}

time_t account_renewal_day(const struct account_rules *rules, const struct entry *entry, time_t now)
{
    static const char *const to_come[] = {"queued", "claimed", "uncertain"};
    const struct entry_letter *letter = account_letter_of_password(entry);

    for (size_t i = 0; i < ELEMENTS(to_come); i++)
        if (letter_is(letter, to_come[i]))
            return account_letter_last(rules, entry, letter->kind, now);
    return entry->initial_expires;
}
