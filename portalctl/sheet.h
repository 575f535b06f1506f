/* CSV files (RFC 4180) of any size, read record by record: sheet_open(), then sheet_next(). Comma,
   semicolon or tab between the fields, whichever the first line has most of; a byte order mark and
   either end of lines are fine. */
#pragma once

#include <stdio.h>

#define SHEET_FIELDS 64              /* of a record */
#define SHEET_RECORD ((size_t)65536) /* bytes of a record, with what separates its fields */

struct record {
    unsigned long line; /* in which it begins, from 1 */
    size_t count;
    const char *field[SHEET_FIELDS]; /* UTF-8 without control characters but tab and newline */
    const char *why;                 /* after an error: what is wrong with it */
};

struct sheet;
/* file: at its beginning; stays the caller's. 0, -EIO or -ENOMEM. */
int sheet_open(FILE *file, struct sheet **ret);
struct sheet *sheet_free(struct sheet *sheet);
/* The next record, which is good until the next call. Returns 1; 0 behind the last one; -EILSEQ
   when its text can't be taken, and -EBADMSG when nobody can tell where it ends: line and why are
   set then, and the next call goes on with a later line; -EIO; -ENOMEM. */
int sheet_next(struct sheet *sheet, struct record *ret);
