/* Letters as people who guess see them: without case and accents. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

#define FOLD_PARTS 3 /* most code points that one becomes */

/* german: ä becomes ae, not a. Returns how many code points are in ret: 0 for an accent alone. */
size_t fold_char(gunichar c, bool german, gunichar ret[static FOLD_PARTS]);
/* The first `size` folded code points of a UTF-8 text; returns how many there are. */
size_t fold_text(const char *text, bool german, gunichar *ret, size_t size);
bool fold_letter(gunichar folded);
/* The letter that a digit or sign is written for: 0 for o, $ for s. What stands for several has the
   other one with second. Letters stand for themselves; 0: for none. */
gunichar fold_leet(gunichar folded, bool second);
