/* Writing down what was decided about an entry. */
#pragma once

#include "directory.h"

/* How often a lost race is run again before the request is answered as busy. */
#define SWAP_TRIES 8

/* directory_swap(), with the change of state logged: the one place where states change. */
int entry_swap(struct directory *directory, const struct entry *entry,
               const struct changes *changes, long long deadline);
