/* Crockford's base32, as codes, references and ids use it: 0-9 A-Z without I, L, O, U. Neither
   direction lets its time depend on the symbols. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define BASE32_SYMBOLS_MAX 32 /* the most that base32_read() takes */
#define BASE32_ID_BYTES    16
#define BASE32_ID_SYMBOLS  26 /* 128 bits, with two bits of zero in front */

char base32_symbol(unsigned value);
/* Reads what a person typed: any case, O for 0, I or L for 1; blanks and hyphens, of ASCII and the
   Unicode ones that phones put in, count for nothing. Returns how many symbols there are, at most
   BASE32_SYMBOLS_MAX, and their values; or -EINVAL for anything else. ret is written to in either
   case. Takes the same time for every input of one length. */
int base32_read(const char *typed, uint8_t ret[static BASE32_SYMBOLS_MAX]);
/* 128 bits as 26 symbols and NUL, and back; -EINVAL for more than 128 bits. */
void base32_id_print(const uint8_t id[static BASE32_ID_BYTES],
                     char ret[static BASE32_ID_SYMBOLS + 1]);
int base32_id_read(const uint8_t values[static BASE32_ID_SYMBOLS],
                   uint8_t ret[static BASE32_ID_BYTES]);
