/* A change of e-mail address that its new mailbox has confirmed, and the way back: each one modify,
   with the mails that tell of it staged before and settled after. For confirm.c and not-me.c. */
#pragma once

#include "manager.h"
#include "notice.h"

/* Carries out the change that link confirms. notice: of the mail to the address before, staged once
   for all tries. Returns 0; -EEXIST when another customer got the address this moment; -ESTALE and
   -EUCLEAN ask for another look; or the queue's or the directory's error. The caller settles the
   notice. */
int moved_confirm(const struct manager *manager, struct directory *directory,
                  const struct entry *entry, const struct entry_pending *link, time_t now,
                  long long deadline, struct notice *notice);

/* The mails of an undoing: to the address that is back, and to the one that was undone. */
struct moved_back {
    struct notice back, undone;
};
/* Undoes the change that former is of. Returns as moved_confirm(), also -EBUSY when too much is
   being hashed. Mails are staged once for all tries; the caller settles them. */
int moved_undo(const struct manager *manager, struct directory *directory,
               const struct entry *entry, const struct entry_former *former, time_t now,
               long long deadline, struct moved_back *mails);
void moved_back_settle(const struct manager *manager, const struct moved_back *mails, bool written);
