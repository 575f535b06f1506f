/* The codes in letters: initial password and PUK. 15 random symbols of Crockford's base32 (75 bits)
   and one check symbol, printed XXXX-XXXX-XXXX-XXXX. With the check symbol as x[0] and the others
   as x[15] to x[1], the sum of x[i] * a^i over GF(32), a a generator, is 0: so it catches every
   single wrong symbol and every swap of two, neighbours or not. */
#pragma once

#include <stddef.h>

#define CODE_SYMBOLS      16
#define CODE_SIZE         (CODE_SYMBOLS + 1)     /* canonical: 16 symbols and NUL */
#define CODE_PRINTED_SIZE (CODE_SYMBOLS + 3 + 1) /* with hyphens */

enum code_form {
    CODE_RIGHT,        /* sixteen symbols whose check symbol fits */
    CODE_TYPING_ERROR, /* sixteen symbols of the alphabet, but the check symbol doesn't fit */
    CODE_OTHER,        /* anything else */
};

/* Makes a new code from libsodium's random numbers. */
void code_make(char ret[static CODE_SIZE]);
/* The form that is printed. */
void code_print(const char code[static CODE_SIZE], char ret[static CODE_PRINTED_SIZE]);
/* Reads what a person typed: any case, blanks and hyphens (ASCII and the Unicode dashes and spaces
   that phones put in) anywhere or nowhere, O for 0, I or L for 1. With CODE_RIGHT *ret is the
   canonical form; otherwise it is untouched. Takes the same time for every input of one length. */
enum code_form code_read(const char *typed, char ret[static CODE_SIZE]);

/* References ("this wasn't me"): 128 bits as 26 symbols of the same alphabet, printed in groups:
   XXXXX-XXXXX-XXXXX-XXXXX-XXXXXX. code_reference_read() takes the same liberties, or a whole link
   that ends in /not-me/REFERENCE. Returns 0 or -EINVAL. */
#define REFERENCE_BYTES        16
#define REFERENCE_PRINTED_SIZE (26 + 4 + 1)
void code_reference_print(const unsigned char reference[static REFERENCE_BYTES],
                          char ret[static REFERENCE_PRINTED_SIZE]);
int code_reference_read(const char *typed, unsigned char ret[static REFERENCE_BYTES]);

/* Tokens of links: 256 bits as 43 characters of base64url. code_token_read() takes the token or a
   whole link that ends in /confirm/TOKEN, with blanks around it. Returns 0 or -EINVAL. */
#define TOKEN_BYTES 32
#define TOKEN_SIZE  (43 + 1)
void code_token_print(const unsigned char token[static TOKEN_BYTES], char ret[static TOKEN_SIZE]);
int code_token_read(const char *typed, unsigned char ret[static TOKEN_BYTES]);
