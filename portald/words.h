/* Words that people choose as passwords: hashes of their folded forms only, 4 bytes a word. */
#pragma once

#include "fold.h"

#include <stdint.h>

#define WORD_LEAST 3 /* letters */
#define WORD_MOST  32
#define WORDS_MOST 4000000u

/* The cheaper to guess, the smaller. */
enum word_kind {
    WORD_NONE,
    WORD_FAMILY, /* "password", "portal", the company's name */
    WORD_COMMON, /* what many people choose */
    WORD_OTHER,  /* in a dictionary */
};

struct words;
int words_open(struct words **ret);
struct words *words_free(struct words *words);
/* Each word of text, which is UTF-8. 0, -ENOMEM or -E2BIG. */
int words_add(struct words *words, const char *text, enum word_kind kind);
/* A file with a word a line; lines that begin with # don't count. 0; -EILSEQ when it isn't UTF-8;
   a negative errno. */
int words_add_file(struct words *words, const char *file, enum word_kind kind);
/* After the last word, and before the first question. */
int words_ready(struct words *words);

/* The hash of a word, letter by letter. */
#define WORD_HASH_START UINT64_C(0x6a09e667f3bcc908)
static inline uint64_t word_hash(uint64_t hash, gunichar letter)
{
    hash = (hash ^ letter) * UINT64_C(0x9e3779b97f4a7c15);
    return hash ^ hash >> 32;
}
enum word_kind words_find(const struct words *words, uint64_t hash);
