/* Postal addresses: LDAP's form, lines with "$" between them (RFC 4517, 3.3.28), and ours, lines
   with newlines between them; and whether the letter's address field holds one. */
#pragma once

#include <stddef.h>

#define POSTAL_LINES      6    /* of the address field: doc/letters.md */
#define POSTAL_LINE_CHARS 80   /* more never fit on one of them */
#define POSTAL_SIZE       1024 /* bytes of LDAP's form, as the constraint overlay has it */

/* How many lines of the field it takes: a line that is too long goes on in the next one. */
size_t postal_lines(const char *lines);
/* From LDAP's form: \24 and \5C stand for "$" and "\". *ret is malloc'ed. 0 or -ENOMEM. */
int postal_read(const char *value, size_t length, char **ret);
/* To LDAP's form. *ret is malloc'ed. 0 or -ENOMEM. */
int postal_write(const char *lines, char **ret);
