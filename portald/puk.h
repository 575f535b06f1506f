/* The PUK: verified, and replaced once it was used. */
#pragma once

#include "letter.h"
#include "manager.h"

/* Whether typed is the PUK of entry, which was read with its secrets: 0; -EACCES; -EINVAL for a
   typing error (sixteen symbols whose check symbol doesn't fit: not verified, not to be counted);
   -EBUSY when too much is being hashed; -ENOMEM. What isn't a code at all costs the same time as
   one, and so does an entry without a PUK that may be used, or none (NULL). */
int puk_verify(const struct manager *manager, const struct entry *entry, const char *typed,
               long long deadline);
/* What is said to a typing error; an original for text(). */
const char *puk_typing_error(void);
/* Makes the next one: stages its letter, or, where the customer has had as many letters as may be,
   gives the hash of something random and no letter (letter.job is ""), which is logged for support.
   entry: whole, for DIRECTORY_LOGIN doesn't read its letters. 0 or letter_stage()'s errors.
   letter_settle() as ever. */
int puk_replace(const struct manager *manager, const struct entry *entry, time_t now,
                long long deadline, struct letter *ret);
/* The topic of the mail that tells of the use of the one before (compose.h): it says whether a
   letter comes. */
const char *puk_topic(const struct letter *next);
