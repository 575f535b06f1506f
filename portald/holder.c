/* Who has an address: address_holder(). */
#include "config.h"

#include "holder.h"

#include "account.h"

#include <errno.h>
#include <string.h>

int address_holder(struct directory *directory, const char *address, time_t now, long long deadline,
                   struct entry **ret)
{
    _cleanup_(entry_free_p) struct entry *entry = NULL;
    int r = directory_find(directory, DIRECTORY_CONFIRMED_MAIL, address, false, deadline, ret);

    if (r != -ENOENT)
        return r;
    r = directory_find(directory, DIRECTORY_FORMER_MAIL, address, false, deadline, &entry);
    if (r < 0)
        return r;
    if (!account_had_mail(entry, address, now))
        return -ENOENT;
    *ret = TAKE(entry);
    return 0;
}

int address_in_use(struct directory *directory, const char *address, const char *uuid, time_t now,
                   long long deadline)
{
    _cleanup_(entry_free_p) struct entry *holder = NULL;
    int r = address_holder(directory, address, now, deadline, &holder);

    if (r == -ENOENT)
        return 0;
    if (r == -ENOTUNIQ)
        return 1;
    return r < 0 ? r : strcmp(holder->uuid, uuid) != 0;
}
