/* What portal-web's pages say of this site (WIRE_SITE): read and put together once, at start, so
   that the texts that people read are those whose hash is recorded with their consent. */
#pragma once

#include "settings.h"

/* Both texts fit one reply, however JSON writes them. */
#define SITE_TEXT_MAX   (256u * 1024)
#define SHA256_HEX_SIZE 65

struct site_text {
    char *text;
    char sha256[SHA256_HEX_SIZE]; /* of the file, byte by byte */
};
void site_text_clear(struct site_text *text);
/* Reads a text that customers consent to: 0; a negative errno; -EFBIG beyond SITE_TEXT_MAX; -EILSEQ
   when it isn't UTF-8. */
int site_text_read(const char *file, struct site_text *ret);
/* The JSON of WIRE_SITE, malloc'ed. NULL: out of memory, or a setting isn't UTF-8. */
char *site_describe(const struct settings *settings, const char *privacy, const char *terms);
