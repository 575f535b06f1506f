/* Stand-ins for a mail's secrets: stand-in.h. */
#include "config.h"

#include "stand-in.h"

#include "base32.h"

#include <sodium.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define SOFT_BREAK        "=\r\n"
#define SOFT_BREAK_LENGTH (sizeof SOFT_BREAK - 1)

static void code_show(const char code[static MAILED_CODE_SIZE], char ret[static CODE_SHOWN_SIZE])
{
    snprintf(ret, CODE_SHOWN_SIZE, "%.4s %.4s", code, code + 4);
}

void stand_ins_make(struct stand_ins *ret)
{
    unsigned char token[TOKEN_BYTES], reference[REFERENCE_BYTES];
    char code[MAILED_CODE_SIZE] = {0};

    randombytes_buf(token, sizeof token);
    code_token_print(token, ret->token);
    randombytes_buf(reference, sizeof reference);
    code_reference_print(reference, ret->reference);
    for (size_t i = 0; i + 1 < sizeof code; i++)
        code[i] = base32_symbol(10 + randombytes_uniform(22)); /* no digits: like nothing else */
    code_show(code, ret->code);
}

static void secrets_make(const struct keys *keys, const char *job, struct stand_ins *ret)
{
    unsigned char token[TOKEN_BYTES], reference[REFERENCE_BYTES];
    char code[MAILED_CODE_SIZE];

    derive_token(keys, job, token);
    code_token_print(token, ret->token);
    derive_reference(keys, job, reference);
    code_reference_print(reference, ret->reference);
    derive_code(keys, job, code);
    code_show(code, ret->code);
    sodium_memzero(token, sizeof token);
    sodium_memzero(reference, sizeof reference);
    sodium_memzero(code, sizeof code);
}

/* Whether word stands at the beginning of text; secret, if there is one, takes its place. */
static bool word_at(char *text, const char *end, const char *word, const char *secret)
{
    for (; *word; word++, text++) {
        if ((size_t)(end - text) > SOFT_BREAK_LENGTH &&
            memcmp(text, SOFT_BREAK, SOFT_BREAK_LENGTH) == 0)
            text += SOFT_BREAK_LENGTH;
        if (text == end || *text != *word)
            return false;
        if (secret)
            *text = *secret++;
    }
    return true;
}

static void word_replace(const char *word, const char *secret, char *message, const char *end)
{
    char *at = message;

    while (at < end && (at = memchr(at, *word, (size_t)(end - at)))) {
        if (word_at(at, end, word, NULL))
            word_at(at, end, word, secret);
        at++;
    }
}

void stand_ins_replace(const struct stand_ins *stand_ins, const struct keys *keys, const char *job,
                       char *message, size_t size)
{
    struct stand_ins secrets = {0};

    secrets_make(keys, job, &secrets);
    word_replace(stand_ins->token, secrets.token, message, message + size);
    word_replace(stand_ins->reference, secrets.reference, message, message + size);
    word_replace(stand_ins->code, secrets.code, message, message + size);
    sodium_memzero(&secrets, sizeof secrets);
}
