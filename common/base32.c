/* Crockford's base32. base32_read() decodes secrets that a person typed, so it has no branch and no
   index that depends on what it reads: flags are 0 or 1 and choose by multiplication. */
#include "config.h"

#include "base32.h"

#include "cleanup.h"

#include <errno.h>
#include <string.h>

/* Within one cache line, so that looking a symbol up tells nothing either. */
static const char alphabet[32] __attribute__((aligned(32))) = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/* What counts as which symbol, in upper case. */
static const struct {
    uint32_t first, last, value;
} symbols[] = {
    {'0', '9', 0},  {'A', 'H', 10},      {'J', 'K', 18}, {'M', 'N', 20},
    {'P', 'T', 22}, {'V', 'Z', 27},      {'O', 'O', 0},  {'I', 'I', 1},
    {'L', 'L', 1},  {0xff10, 0xff19, 0}, /* full-width digits */
};

/* What counts for nothing. */
static const struct {
    uint32_t first, last;
} separators[] = {
    {'\t', '\r'},     {' ', ' '}, {'-', '-'}, {0x00a0, 0x00a0}, /* no-break space */
    {0x00ad, 0x00ad},                                           /* soft hyphen */
    {0x2000, 0x2015}, /* spaces of all widths, direction marks, hyphens, dashes */
    {0x202f, 0x202f}, /* narrow no-break space */
    {0x205f, 0x2060}, /* mathematical space, word joiner */
    {0x2212, 0x2212}, /* minus */
    {0x3000, 0x3000}, /* ideographic space */
    {0xfe58, 0xfe58}, /* small em dash */
    {0xfe63, 0xfe63}, /* small hyphen */
    {0xfeff, 0xfeff}, /* zero-width no-break space */
    {0xff0d, 0xff0d}, /* full-width hyphen */
};

/* UTF-8 on its way in. */
struct decoder {
    uint32_t point; /* so far */
    uint32_t need;  /* bytes that must follow */
    uint32_t least; /* a smaller code point has no business in this many bytes */
    uint32_t bad;
};

char base32_symbol(unsigned value)
{
    return alphabet[value & 31];
}

/* 1 if first <= v <= last, else 0; all below 2^31. */
static uint32_t within(uint32_t v, uint32_t first, uint32_t last)
{
    return ((first - 1 - v) & (v - last - 1)) >> 31;
}

/* Takes one byte. Returns 1 if it completes a code point, else 0. */
static uint32_t decode(struct decoder *d, uint32_t byte)
{
    uint32_t one = within(byte, 0, 0x7f), follows = within(byte, 0x80, 0xbf);
    uint32_t two = within(byte, 0xc2, 0xdf), three = within(byte, 0xe0, 0xef);
    uint32_t whole;

    d->bad |= follows ^ within(d->need, 1, 2);
    d->bad |= 1 ^ (one + follows + two + three);
    d->point = follows * (d->point << 6 | (byte & 0x3f)) + one * byte + two * (byte & 0x1f) +
               three * (byte & 0x0f);
    d->point &= 0xffff;
    d->least = follows * d->least + three * 0x800;
    d->need = follows * ((d->need - 1) & 3) + two + 2 * three;
    whole = within(d->need, 0, 0);
    d->bad |= whole & within(d->point + 1, 0, d->least);
    return whole;
}

int base32_read(const char *typed, uint8_t ret[static BASE32_SYMBOLS_MAX])
{
    struct decoder d = {0};
    uint32_t count = 0, bad = 0;

    for (const char *p = typed; *p; p++) {
        uint32_t whole = decode(&d, (unsigned char)*p), is_symbol = 0, is_separator = 0, value = 0;
        uint32_t point = d.point - 32 * within(d.point, 'a', 'z');
        uint8_t *slot = &ret[count & (BASE32_SYMBOLS_MAX - 1)];

        for (size_t i = 0; i < ELEMENTS(symbols); i++) {
            uint32_t hit = whole & within(point, symbols[i].first, symbols[i].last);

            is_symbol |= hit;
            value += hit * (symbols[i].value + point - symbols[i].first);
        }
        for (size_t i = 0; i < ELEMENTS(separators); i++)
            is_separator |= whole & within(point, separators[i].first, separators[i].last);
        bad |= whole ^ (is_symbol | is_separator);
        bad |= is_symbol & within(count, BASE32_SYMBOLS_MAX, UINT32_MAX >> 1);
        *slot = (uint8_t)(is_symbol * value + (1 - is_symbol) * *slot);
        count += is_symbol;
    }
    bad |= d.bad | within(d.need, 1, 2);
    return bad ? -EINVAL : (int)count;
}

void base32_id_print(const uint8_t id[static BASE32_ID_BYTES],
                     char ret[static BASE32_ID_SYMBOLS + 1])
{
    unsigned bits = 0, have = 2; /* two bits of zero, then the id */
    size_t taken = 0;

    for (size_t i = 0; i < BASE32_ID_SYMBOLS; i++) {
        if (have < 5) {
            bits = (bits & 31) << 8 | id[taken++];
            have += 8;
        }
        have -= 5;
        ret[i] = base32_symbol(bits >> have);
    }
    ret[BASE32_ID_SYMBOLS] = 0;
}

int base32_id_read(const uint8_t values[static BASE32_ID_SYMBOLS],
                   uint8_t ret[static BASE32_ID_BYTES])
{
    unsigned bits = values[0], have = 3;
    size_t given = 0;

    if (values[0] > 7)
        return -EINVAL;
    for (size_t i = 1; i < BASE32_ID_SYMBOLS; i++) {
        bits = (bits & 0xff) << 5 | values[i];
        have += 5;
        if (have >= 8) {
            have -= 8;
            ret[given++] = (uint8_t)(bits >> have);
        }
    }
    return 0;
}
