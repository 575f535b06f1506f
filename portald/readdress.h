/* An address that somebody else than portald has changed: both are told, and what was begun under
   the old one ends, all in one modify, however often and by however many it is noticed. Two notice:
   edits.c, which watches the directory, and whoever meets such an entry on a customer's behalf. Way
   in: readdress(). */
#pragma once

#include "manager.h"

/* Looks at the entry, and does what is due. Returns 0, also where nothing is or the entry has gone;
   or the directory's or the queue's error: then it is still due, and found the next time. */
int readdress(const struct manager *manager, struct directory *directory, const char *uuid,
              long long deadline);
