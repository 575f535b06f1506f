/* Whether others could guess a personal password: libpwquality with cracklib, behind one mutex, and
   a check of our own against German and English words, names, rows of keys, sequences. Any thread
   may call. */
#pragma once

#include "account.h"

struct quality;
/* words: files with a word a line (UTF-8), separated by blanks. Reads and keeps their hashes.
   problem gets a sentence. Returns 0 or a negative errno. */
int quality_open(const char *words, char *problem, size_t size, struct quality **ret);
struct quality *quality_free(struct quality *quality);
DEFINE_CLEANUP(struct quality, quality_free)

/* PASSWORD_GOOD, _COMMON or _TOO_SIMPLE for a normalized password. What libpwquality can't tell
   (its dictionary is missing) is logged once by quality_open()'s caller and never the customer's
   fault. */
enum account_password quality_check(struct quality *quality, const char *password);
