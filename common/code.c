/* Codes of letters, references and tokens: made, printed, and read back from what people type. */
#include "config.h"

#include "code.h"

#include "base32.h"
#include "cleanup.h"

#include <ctype.h>
#include <errno.h>
#include <sodium.h>
#include <string.h>

#define RANDOM_SYMBOLS   (CODE_SYMBOLS - 1)
#define CODE_GROUP       4
#define REFERENCE_GROUP  5
#define REFERENCE_GROUPS 5 /* the last one takes what is left */

/* v * a in GF(32) = GF(2)[a] / (a^5 + a^2 + 1), whose a generates all 31 elements but 0. */
static unsigned field_times_a(unsigned v)
{
    return (v << 1 ^ (v >> 4) * 0x25) & 31;
}

/* The sum of x[i] * a^(count - i), by Horner's rule. The check symbol joins with a^0, so every
   place of a code has a weight of its own: a wrong symbol changes the sum, and so does a swap. */
static unsigned check_symbol(const uint8_t *values, size_t count)
{
    unsigned sum = 0;

    for (size_t i = 0; i < count; i++)
        sum = field_times_a(sum ^ values[i]);
    return sum;
}

void code_make(char ret[static CODE_SIZE])
{
    uint8_t values[CODE_SYMBOLS];

    randombytes_buf(values, RANDOM_SYMBOLS);
    for (size_t i = 0; i < RANDOM_SYMBOLS; i++)
        values[i] &= 31;
    values[RANDOM_SYMBOLS] = (uint8_t)check_symbol(values, RANDOM_SYMBOLS);
    for (size_t i = 0; i < CODE_SYMBOLS; i++)
        ret[i] = base32_symbol(values[i]);
    ret[CODE_SYMBOLS] = 0;
    sodium_memzero(values, sizeof values);
}

void code_print(const char code[static CODE_SIZE], char ret[static CODE_PRINTED_SIZE])
{
    char *out = ret;

    for (size_t i = 0; i < CODE_SYMBOLS; i++) {
        if (i > 0 && i % CODE_GROUP == 0)
            *out++ = '-';
        *out++ = code[i];
    }
    *out = 0;
}

enum code_form code_read(const char *typed, char ret[static CODE_SIZE])
{
    uint8_t values[BASE32_SYMBOLS_MAX] = {0};
    enum code_form form = CODE_OTHER;

    if (base32_read(typed, values) == CODE_SYMBOLS)
        form = check_symbol(values, RANDOM_SYMBOLS) == values[RANDOM_SYMBOLS] ? CODE_RIGHT
                                                                              : CODE_TYPING_ERROR;
    if (form == CODE_RIGHT) {
        for (size_t i = 0; i < CODE_SYMBOLS; i++)
            ret[i] = base32_symbol(values[i]);
        ret[CODE_SYMBOLS] = 0;
    }
    sodium_memzero(values, sizeof values);
    return form;
}

/* What follows the last path in a link, or all of typed when it is no such link. */
static const char *link_tail(const char *typed, const char *path)
{
    const char *tail = typed, *found;

    while ((found = strstr(tail, path)))
        tail = found + strlen(path);
    return tail;
}

void code_reference_print(const unsigned char reference[static REFERENCE_BYTES],
                          char ret[static REFERENCE_PRINTED_SIZE])
{
    char plain[BASE32_ID_SYMBOLS + 1], *out = ret;

    base32_id_print(reference, plain);
    for (size_t i = 0; i < BASE32_ID_SYMBOLS; i++) {
        if (i > 0 && i % REFERENCE_GROUP == 0 && i / REFERENCE_GROUP < REFERENCE_GROUPS)
            *out++ = '-';
        *out++ = plain[i];
    }
    *out = 0;
    sodium_memzero(plain, sizeof plain);
}

int code_reference_read(const char *typed, unsigned char ret[static REFERENCE_BYTES])
{
    uint8_t values[BASE32_SYMBOLS_MAX] = {0};
    int r = -EINVAL;

    if (base32_read(link_tail(typed, "/not-me/"), values) == BASE32_ID_SYMBOLS)
        r = base32_id_read(values, ret);
    sodium_memzero(values, sizeof values);
    return r;
}

void code_token_print(const unsigned char token[static TOKEN_BYTES], char ret[static TOKEN_SIZE])
{
    sodium_bin2base64(ret, TOKEN_SIZE, token, TOKEN_BYTES,
                      sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

int code_token_read(const char *typed, unsigned char ret[static TOKEN_BYTES])
{
    const char *token = link_tail(typed, "/confirm/");
    unsigned char bytes[TOKEN_BYTES];
    size_t length, size;
    int r;

    token += strspn(token, " \t\r\n");
    length = strlen(token);
    while (length > 0 && strchr(" \t\r\n", token[length - 1]))
        length--;
    if (length != TOKEN_SIZE - 1)
        return -EINVAL;
    r = sodium_base642bin(bytes, sizeof bytes, token, length, NULL, &size, NULL,
                          sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    if (r == 0 && size == TOKEN_BYTES)
        memcpy(ret, bytes, TOKEN_BYTES);
    else
        r = -EINVAL;
    sodium_memzero(bytes, sizeof bytes);
    return r;
}
