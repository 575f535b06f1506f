/* Swaps an entry and says which state it left for which; entry_swap() is the way in. */
#include "config.h"

#include "swap.h"

#include "log.h"
#include "messages.h"

static const char *changed_state(const struct changes *changes)
{
    for (size_t i = 0; i < changes->count; i++)
        if (changes->items[i].attribute == ATTRIBUTE_STATE && changes->items[i].op == CHANGE_SET)
            return changes->items[i].value;
    return NULL;
}

int entry_swap(struct directory *directory, const struct entry *entry,
               const struct changes *changes, long long deadline)
{
    const char *to = changed_state(changes);
    int r = directory_swap(directory, entry, changes, deadline);

    if (r == 0 && to)
        log_event(LOG_INFO, MESSAGE_STATE, LOG_FIELDS("PORTAL_ENTRY", entry->uid), "%s: %s → %s",
                  entry->uid, account_state_word(entry->state), to);
    return r;
}
