/* Whether others could guess a personal password: a check of our own against German and English
   words, names, rows of keys, sequences; and libpwquality with cracklib, behind one mutex. Any
   thread may call. */
#pragma once

#include "account.h"

struct quality_words {
    const char *common;  /* files with a word a line (UTF-8), separated by blanks: what many people
                            choose */
    const char *words;   /* likewise: dictionaries */
    const char *company; /* what everybody thinks of here */
};

struct quality;
/* Reads the files and keeps hashes of their words. Returns 0 or a negative errno, then problem has
   a sentence. It may have one with 0, too: libpwquality can't tell, because its dictionary is
   missing. That is never the customers' fault, and only our own check counts for as long. */
int quality_open(const struct quality_words *words, char *problem, size_t size,
                 struct quality **ret);
struct quality *quality_free(struct quality *quality);
DEFINE_CLEANUP(struct quality, quality_free)

/* PASSWORD_GOOD, _COMMON or _TOO_SIMPLE for a normalized password that account_check_password() has
   found long enough. */
enum account_password quality_check(struct quality *quality, const char *password);
