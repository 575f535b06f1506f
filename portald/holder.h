/* Who has an e-mail address, so that nobody else can: whoever confirmed it, and whoever has changed
   it and may take it back (portalFormerMail). Way in: address_holder(). */
#pragma once

#include "directory.h"

/* Returns 0 and the entry; -ENOENT; -ENOTUNIQ when there are several; or directory_find()'s errors.
   In this order of its searches nothing slips through that changes hands meanwhile: slapd's unique
   overlay sees who gets one back. */
int address_holder(struct directory *directory, const char *address, time_t now, long long deadline,
                   struct entry **ret);
/* Whether that is somebody else than uuid: 0 or 1, or an error. */
int address_in_use(struct directory *directory, const char *address, const char *uuid, time_t now,
                   long long deadline);
