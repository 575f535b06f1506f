/* Postal addresses; postal_read() and postal_write() are the ways in. */
#include "config.h"

#include "postal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define ESCAPE 3 /* characters: \24 */

static size_t lines_taken(const char *line, size_t bytes)
{
    size_t characters = 0;

    for (size_t i = 0; i < bytes; i++)
        characters += ((unsigned char)line[i] & 0xc0) != 0x80;
    return characters <= POSTAL_LINE_CHARS
               ? 1
               : (characters + POSTAL_LINE_CHARS - 1) / POSTAL_LINE_CHARS;
}

size_t postal_lines(const char *lines)
{
    size_t taken = 0;

    for (size_t bytes; *lines; lines += bytes + (lines[bytes] == '\n')) {
        bytes = strcspn(lines, "\n");
        taken += lines_taken(lines, bytes);
    }
    return taken;
}

int postal_read(const char *value, size_t length, char **ret)
{
    char *lines = malloc(length + 1), *out = lines;

    if (!lines)
        return -ENOMEM;
    for (size_t i = 0; i < length; i++) {
        if (length - i >= ESCAPE && memcmp(value + i, "\\24", ESCAPE) == 0) {
            *out++ = '$';
            i += ESCAPE - 1;
        } else if (length - i >= ESCAPE && strncasecmp(value + i, "\\5c", ESCAPE) == 0) {
            *out++ = '\\';
            i += ESCAPE - 1;
        } else {
            *out++ = value[i] == '$' ? '\n' : value[i];
        }
    }
    *out = '\0';
    *ret = lines;
    return 0;
}

int postal_write(const char *lines, char **ret)
{
    char *value = malloc(strlen(lines) * ESCAPE + 1), *out = value;

    if (!value)
        return -ENOMEM;
    for (; *lines; lines++) {
        if (*lines == '$' || *lines == '\\') {
            memcpy(out, *lines == '$' ? "\\24" : "\\5C", ESCAPE);
            out += ESCAPE;
        } else {
            *out++ = *lines == '\n' ? '$' : *lines;
        }
    }
    *out = '\0';
    *ret = value;
    return 0;
}
