/* What people read in answers: German and English through gettext, one domain a language, so that
   threads can speak both at once. */
#pragma once

#include <stddef.h>
#include <time.h>

/* Finds the catalogues; once, before threads start. */
int texts_open(const char *locale_dir);
/* The text of an English original in language. */
const char *text(const char *language, const char *original) __attribute__((format_arg(2)));
/* The same, with its places filled in. */
void text_format(char *ret, size_t size, const char *language, const char *original, ...)
    __attribute__((format(printf, 4, 5)));
/* Marks an original for xgettext. */
#define N_(original) original
#define TEXT_SIZE    1024
