/* The rules of an address that somebody else than portald has changed: what is confirmed stands in
   portalConfirmedMail, too, which nobody else writes. No I/O, no clock. */
#include "config.h"

#include "account.h"

#include <strings.h>

static const char *address(const struct entry *entry)
{
    return entry->mail ? entry->mail : ACCOUNT_NO_MAIL;
}

bool account_mail_changed(const struct entry *entry)
{
    return account_has_login(entry) && entry->confirmed_mail &&
           strcasecmp(entry->confirmed_mail, address(entry)) != 0;
}

void account_accept_mail(const struct entry *entry, struct changes *changes)
{
    changes_string(changes, CHANGE_SET, ATTRIBUTE_CONFIRMED_MAIL, address(entry));
    changes_drop(changes, ATTRIBUTE_CODE);
    /* Who changed it stands above whom it was before: nothing is undone any more. */
    if (entry->former_count > 0)
        changes_drop(changes, ATTRIBUTE_FORMER_MAIL);
    changes_number(changes, ATTRIBUTE_SESSION_EPOCH, entry->session_epoch + 1);
}

void account_note_login(const struct entry *entry, time_t when, struct changes *changes)
{
    changes_time(changes, ATTRIBUTE_LAST_LOGIN, when);
    if (entry->mail && !entry->confirmed_mail && account_has_login(entry))
        changes_string(changes, CHANGE_SET, ATTRIBUTE_CONFIRMED_MAIL, entry->mail);
}
