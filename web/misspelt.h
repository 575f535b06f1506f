/* Likely typing errors in the domain of a mail address: gmial.com, t-onlin.de. */
#pragma once

#include <stddef.h>

#define MISSPELT_SIZE 255

/* Whether address's domain is one slip away from a well-known one (a letter left out, put in,
   changed, or two neighbours swapped) without being one itself. Returns 0 and the address with that
   domain, or -ENOENT. */
int misspelt_find(const char *address, char ret[static MISSPELT_SIZE]);
