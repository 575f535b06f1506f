/* Folding of letters; fold_text() is the way in. */
#include "config.h"

#include "fold.h"

#include "cleanup.h"

#define ACCENT_FIRST     0x300
#define ACCENT_LAST      0x36f
#define DECOMPOSED_PARTS 18

/* Letters that don't come apart in Unicode, and how Germans write theirs in ASCII. */
static const struct {
    gunichar letter;
    char plain[3], german[3];
} specials[] = {
    {0xe4, "a", "ae"}, {0xf6, "o", "oe"},  {0xfc, "u", "ue"},   {0xdf, "ss", "ss"},
    {0xf8, "o", "oe"}, {0xe6, "ae", "ae"}, {0x153, "oe", "oe"}, {0x131, "i", "i"},
    {0x142, "l", "l"}, {0x111, "d", "d"},  {0xf0, "d", "d"},    {0xfe, "th", "th"},
};

static const struct {
    gunichar sign, first, second;
} leet[] = {
    {'0', 'o', 'o'}, {'1', 'i', 'l'}, {'2', 'z', 'z'}, {'3', 'e', 'e'},
    {'4', 'a', 'a'}, {'5', 's', 's'}, {'6', 'g', 'b'}, {'7', 't', 't'},
    {'8', 'b', 'b'}, {'9', 'g', 'g'}, {'@', 'a', 'a'}, {'$', 's', 's'},
    {'!', 'i', 'l'}, {'|', 'l', 'i'}, {'+', 't', 't'}, {0x20ac, 'e', 'e'},
};

#define FINAL_SIGMA 0x3c2
#define SIGMA       0x3c3

static size_t special(gunichar c, bool german, gunichar *ret)
{
    for (size_t i = 0; i < ELEMENTS(specials); i++)
        if (specials[i].letter == c) {
            const char *as = german ? specials[i].german : specials[i].plain;
            size_t n = 0;
            while (as[n]) {
                ret[n] = (unsigned char)as[n];
                n++;
            }
            return n;
        }
    return 0;
}

/* Without its accents; a syllable of another script that comes apart into letters stays whole. */
static size_t without_accents(gunichar c, gunichar *ret)
{
    gunichar parts[DECOMPOSED_PARTS];
    gsize count = g_unichar_fully_decompose(c, FALSE, parts, DECOMPOSED_PARTS), n = 0;

    for (gsize i = 0; i < count && i < DECOMPOSED_PARTS; i++) {
        if (parts[i] >= ACCENT_FIRST && parts[i] <= ACCENT_LAST)
            continue;
        if (n == 1) {
            ret[0] = c;
            return 1;
        }
        ret[n++] = g_unichar_tolower(parts[i]);
    }
    return n;
}

size_t fold_char(gunichar c, bool german, gunichar ret[static FOLD_PARTS])
{
    size_t n;

    if (c < 0x80) {
        ret[0] = (gunichar)g_ascii_tolower((char)c);
        return 1;
    }
    c = g_unichar_tolower(c);
    if (c == FINAL_SIGMA)
        c = SIGMA;
    n = special(c, german, ret);
    return n ? n : without_accents(c, ret);
}

size_t fold_text(const char *text, bool german, gunichar *ret, size_t size)
{
    size_t count = 0;

    for (; *text; text = g_utf8_next_char(text)) {
        gunichar parts[FOLD_PARTS];
        size_t n = fold_char(g_utf8_get_char(text), german, parts);
        for (size_t i = 0; i < n; i++) {
            if (count == size)
                return count;
            ret[count++] = parts[i];
        }
    }
    return count;
}

bool fold_letter(gunichar folded)
{
    return folded < 0x80 ? g_ascii_isalpha((char)folded) : g_unichar_isalpha(folded);
}

gunichar fold_leet(gunichar folded, bool second)
{
    if (fold_letter(folded))
        return folded;
    for (size_t i = 0; i < ELEMENTS(leet); i++)
        if (leet[i].sign == folded)
            return second ? leet[i].second : leet[i].first;
    return 0;
}
