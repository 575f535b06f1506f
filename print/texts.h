/* The wording of letters: one file a language, DIR/de.txt and DIR/en.txt, read and checked as a
   whole before the first letter is made.

   A file is a row of sections. "[NAME]" begins one for every kind of letter, "[NAME KIND]" one that
   takes its place in letters of that kind. Lines follow each other as one paragraph, an empty line
   begins the next; a line that begins with "- " begins an item of its own. "# " begins a comment.
   **Two asterisks** set bold, {{value}} puts in one of enum text_value. */
#pragma once

#include "letter.h"

#include <stddef.h>

#define TEXT_SIZE     4096   /* a section, filled in */
#define TEXT_FILE_MAX 65536  /* a file */
#define TEXT_BOLD     '\x01' /* in filled texts: bold begins, or ends */
#define TEXT_KEEP     '\x02' /* what must stay on one line begins, or ends */

enum text_section {
    TEXT_REMARK, /* above the address; may be missing */
    TEXT_SUBJECT,
    TEXT_DATE,   /* label of the date in the information block */
    TEXT_NUMBER, /* label of the letter's number there */
    TEXT_GREETING,
    TEXT_INTRO,
    TEXT_LOGIN, /* labels and notes in the box */
    TEXT_PASSWORD,
    TEXT_PASSWORD_NOTE,
    TEXT_PUK,
    TEXT_PUK_NOTE,
    TEXT_TYPING,
    TEXT_STEPS_TITLE,
    TEXT_STEPS, /* items, numbered by the renderer */
    TEXT_NOT_ME_TITLE,
    TEXT_NOT_ME,
    TEXT_QUESTIONS,
    TEXT_QR, /* below the QR code; may be missing */
    TEXT_CLOSING,
    TEXT_SECTIONS,
};

enum text_value {
    VALUE_NAME,
    VALUE_COMPANY,
    VALUE_PORTAL_URL,
    VALUE_LOGIN,
    VALUE_LAST_DAY, /* written out; only where the letter has one */
    VALUE_SUPPORT,
    VALUE_REFERENCE,
    VALUE_REFERENCE_URL,
    VALUE_SIGNATURE,
    TEXT_VALUES,
};

struct texts;

/* Reads both languages from directory. Returns 0, or a negative errno and a sentence in problem
   that names file and line. */
int texts_load(const char *directory, char *problem, size_t size, struct texts **ret);
/* One language from memory; for tests and fuzzing. name stands for the file in problems. */
int texts_load_buffer(struct texts *texts, enum letter_language language, const char *name,
                      const char *data, size_t length, char *problem, size_t size);
struct texts *texts_new(void);
struct texts *texts_free(struct texts *texts);

/* Fills in a section; one that may be missing and is becomes "". values may hold NULL for what this
   letter doesn't have. Returns 0; -ENOENT when a value is missing; -E2BIG when the result doesn't
   fit. */
int texts_fill(const struct texts *texts, enum letter_language language, enum letter_kind kind,
               enum text_section section, const char *const values[static TEXT_VALUES],
               char ret[static TEXT_SIZE]);
/* Whether the section has a value in it that belongs to one customer. */
bool texts_is_personal(const struct texts *texts, enum letter_language language,
                       enum letter_kind kind, enum text_section section);
