/* Which keys stood in which line of a file already: 16 bytes and some room each, whatever their
   length. */
#pragma once

#include <stddef.h>

struct seen;
int seen_open(struct seen **ret); /* 0 or -ENOMEM */
struct seen *seen_free(struct seen *seen);
/* Notes that key stands in line. Case doesn't count. Returns 0; 1 and the line when it stood in one
   before; or -ENOMEM. */
int seen_note(struct seen *seen, const char *key, unsigned long line, unsigned long *ret_line);
