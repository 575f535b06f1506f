/* Ids of jobs and batches: ULIDs, 48 bits of milliseconds and 80 random ones, as 26 symbols of
   Crockford's base32, upper case. They sort by time. */
#pragma once

#include <stdint.h>

#define ULID_SIZE         (26 + 1)
#define ULID_TIME_SYMBOLS 10 /* in front; whoever compares these compares times */

void ulid_make(int64_t milliseconds, char ret[static ULID_SIZE]);
/* Reads one in either case; returns 0 and the canonical form, or -EINVAL. */
int ulid_read(const char *typed, char ret[static ULID_SIZE]);
