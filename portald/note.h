/* What may be kept and logged of a relay's reply: it likes to repeat the recipient, and filters
   like to repeat the link that they dislike. */
#pragma once

#include "queue.h"

/* Copies text without the words that hold, or may hold, an address, the recipient's local part, or
   a link or token. recipient may be NULL. */
void note_from_reply(const char *text, const char *recipient, char ret[static JOB_NOTE_SIZE]);
