/* UTF-8, by the table of RFC 3629, section 4: each row is a range of first bytes, the range of the
   second, and how many follow. Way in: utf8_valid(). */
#include "config.h"

#include "utf8.h"

#include "cleanup.h"

#include <string.h>

static const struct {
    unsigned char first, last, second_first, second_last, follow;
} forms[] = {
    {0x01, 0x7f, 0, 0, 0},       {0xc2, 0xdf, 0x80, 0xbf, 1}, {0xe0, 0xe0, 0xa0, 0xbf, 2},
    {0xe1, 0xec, 0x80, 0xbf, 2}, {0xed, 0xed, 0x80, 0x9f, 2}, {0xee, 0xef, 0x80, 0xbf, 2},
    {0xf0, 0xf0, 0x90, 0xbf, 3}, {0xf1, 0xf3, 0x80, 0xbf, 3}, {0xf4, 0xf4, 0x80, 0x8f, 3},
};

/* How long the character at s is; 0 when it is none. */
static size_t character_length(const unsigned char *s)
{
    for (size_t i = 0; i < ELEMENTS(forms); i++) {
        if (*s < forms[i].first || *s > forms[i].last)
            continue;
        if (forms[i].follow == 0)
            return 1;
        if (s[1] < forms[i].second_first || s[1] > forms[i].second_last)
            return 0;
        for (size_t k = 2; k <= forms[i].follow; k++)
            if ((s[k] & 0xc0) != 0x80) /* a NUL ends here, too */
                return 0;
        return forms[i].follow + 1u;
    }
    return 0;
}

bool utf8_valid(const char *s)
{
    const unsigned char *p = (const unsigned char *)s;

    while (*p) {
        size_t length = character_length(p);

        if (length == 0)
            return false;
        p += length;
    }
    return true;
}

size_t utf8_fit(const char *s, size_t max)
{
    size_t length = strnlen(s, max);

    if (length < max || s[length] == '\0')
        return length;
    while (length > 0 && ((unsigned char)s[length] & 0xc0) == 0x80)
        length--;
    return length;
}
