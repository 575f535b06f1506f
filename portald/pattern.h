/* What people type without thinking of a word: rows and columns of keys, sequences, dates. Texts
   are folded (fold.h). Each tells how far what begins at `at` goes, as a length, 0 for nothing. */
#pragma once

#include "fold.h"

#define PATTERN_TEXT_MOST 128
#define PATTERN_BOARDS    4

struct pattern_keys {
    signed char row[PATTERN_BOARDS][PATTERN_TEXT_MOST], column[PATTERN_BOARDS][PATTERN_TEXT_MOST];
};
/* Where the keys of text lie: on qwertz, qwerty, azerty and the numeric pad. */
void pattern_keys(const gunichar *text, size_t length, struct pattern_keys *ret);

/* A walk from key to neighbouring key on one of them. ret_turns[n]: how often it turns within its
   first n characters; going to and fro (1q2w3e) is one turn. */
size_t pattern_walk(const struct pattern_keys *keys, size_t length, size_t at, int board,
                    unsigned char ret_turns[static PATTERN_TEXT_MOST + 1]);
size_t pattern_walk_least(int board); /* shorter ones are chance */

/* One character over and over. */
size_t pattern_run(const gunichar *text, size_t length, size_t at);
/* Letters or digits each so many behind the one before: abcd, 9753. */
size_t pattern_sequence(const gunichar *text, size_t length, size_t at);
/* Two such, or one doubled, with letters by turns: a1b2c3, aabbcc. */
size_t pattern_interleaved(const gunichar *text, size_t length, size_t at);
/* The longest part that stood before already. */
size_t pattern_copy(const gunichar *text, size_t length, size_t at);
/* 2026, from 1900 to 2099. */
size_t pattern_year(const gunichar *text, size_t length, size_t at);
/* A date in digits, with or without signs between. */
size_t pattern_date(const gunichar *text, size_t length, size_t at);
