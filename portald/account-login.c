/* The rules of logging in: throttle and verdicts. No I/O, no clock. */
#include "config.h"

#include "account.h"

#define DOUBLINGS_MOST 16

enum account_attempt account_attempt(const struct account_rules *rules,
                                     const struct entry_failures *failures, time_t now,
                                     time_t *ret_wait)
{
    if (failures->count >= (unsigned long)rules->block_failures)
        return ATTEMPT_BLOCKED;
    if (failures->retry_after > now) {
        *ret_wait = failures->retry_after - now;
        return ATTEMPT_WAIT;
    }
    return ATTEMPT_VERIFY;
}

bool account_has_login(const struct entry *entry)
{
    return entry && !entry->malformed && entry->state != ACCOUNT_PROVISIONED &&
           entry->state != ACCOUNT_PENDING;
}

struct entry_failures account_count_failure(const struct account_rules *rules,
                                            const struct entry_failures *failures, time_t now)
{
    struct entry_failures next = {.count = failures->count + 1};
    long wait = rules->retry_first;

    if (next.count <= (unsigned long)rules->free_failures)
        return next;
    for (unsigned long i = (unsigned long)rules->free_failures + 1;
         i < next.count && i <= (unsigned long)rules->free_failures + DOUBLINGS_MOST; i++)
        wait = wait * 2 < rules->retry_most ? wait * 2 : rules->retry_most;
    next.retry_after = now + (wait < rules->retry_most ? wait : rules->retry_most);
    return next;
}

void account_write_failures(enum entry_factor factor, const struct entry_failures *failures,
                            struct changes *changes)
{
    static const struct {
        enum attribute count, retry_after;
    } attributes[FACTORS] = {
        [FACTOR_PASSWORD] = {ATTRIBUTE_PASSWORD_FAILURES, ATTRIBUTE_PASSWORD_RETRY_AFTER},
        [FACTOR_TOTP] = {ATTRIBUTE_TOTP_FAILURES, ATTRIBUTE_TOTP_RETRY_AFTER},
        [FACTOR_PUK] = {ATTRIBUTE_PUK_FAILURES, ATTRIBUTE_PUK_RETRY_AFTER},
    };

    if (failures->count)
        changes_number(changes, attributes[factor].count, failures->count);
    else
        changes_drop(changes, attributes[factor].count);
    if (failures->retry_after)
        changes_time(changes, attributes[factor].retry_after, failures->retry_after);
    else
        changes_drop(changes, attributes[factor].retry_after);
}

/* Initial passwords work to the end of their last second. */
static bool initial_over(const struct entry *entry, time_t now)
{
    return now > entry->initial_expires;
}

enum wire_verdict account_login(const struct entry *entry, time_t now)
{
    switch (entry->state) {
    case ACCOUNT_INITIAL:
        return initial_over(entry, now) ? WIRE_EXPIRED : WIRE_OK;
    case ACCOUNT_ACTIVE:
        return WIRE_OK;
    case ACCOUNT_LOCKED:
        return WIRE_LOCKED;
    case ACCOUNT_CLOSED:
        return WIRE_CLOSED;
    default:
        return WIRE_WRONG;
    }
}

static bool blocked(const struct account_rules *rules, const struct entry *entry,
                    enum entry_factor factor)
{
    return entry->failures[factor].count >= (unsigned long)rules->block_failures;
}

enum wire_verdict account_access(const struct account_rules *rules, const struct entry *entry,
                                 time_t now)
{
    if (!entry)
        return WIRE_UNKNOWN;
    if (entry->malformed)
        return WIRE_LOCKED;
    if (entry->state == ACCOUNT_PROVISIONED || entry->state == ACCOUNT_PENDING)
        return WIRE_NOT_CONFIRMED;
    if (entry->state == ACCOUNT_LOCKED)
        return WIRE_LOCKED;
    if (entry->state == ACCOUNT_CLOSED)
        return WIRE_CLOSED;
    if (blocked(rules, entry, FACTOR_PASSWORD) ||
        (account_needs_code(entry) && blocked(rules, entry, FACTOR_TOTP)))
        return WIRE_BLOCKED;
    if (entry->state == ACCOUNT_ACTIVE)
        return WIRE_OK;
    return initial_over(entry, now) ? WIRE_EXPIRED : WIRE_NEW_PASSWORD;
}

bool account_login_due(const struct account_rules *rules, const struct entry *entry, time_t now)
{
    return entry->last_login == 0 || now - entry->last_login >= rules->login_note ||
           now < entry->last_login;
}

void account_end_sessions(const struct entry *entry, struct changes *changes)
{
    changes_number(changes, ATTRIBUTE_SESSION_EPOCH, entry->session_epoch + 1);
}
