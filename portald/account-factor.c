/* The rules of the second factor: when a code is needed, and what setting it up, using it and
   taking it away write. No I/O, no clock. */
#include "config.h"

#include "account.h"

bool account_needs_code(const struct entry *entry)
{
    return entry->totp_size > 0;
}

bool account_may_enroll(const struct entry *entry)
{
    return !entry->malformed && entry->state == ACCOUNT_ACTIVE && entry->totp_size == 0;
}

void account_accept_step(uint64_t step, struct changes *changes)
{
    changes_number(changes, ATTRIBUTE_TOTP_LAST_STEP, step);
}

void account_set_totp(const void *sealed, size_t size, uint64_t step, struct changes *changes)
{
    static const struct entry_failures none = {0};

    changes_bytes(changes, CHANGE_SET, ATTRIBUTE_TOTP_SECRET, sealed, size);
    account_accept_step(step, changes);
    account_write_failures(FACTOR_TOTP, &none, changes);
}

void account_drop_totp(struct changes *changes)
{
    static const struct entry_failures none = {0};

    changes_drop(changes, ATTRIBUTE_TOTP_SECRET);
    changes_drop(changes, ATTRIBUTE_TOTP_LAST_STEP);
    account_write_failures(FACTOR_TOTP, &none, changes);
}
