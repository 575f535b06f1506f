/* How cheaply a password can be guessed: the cheapest way to put it together from words, rows of
   keys, sequences, dates, what stood before already, and single characters. */
#pragma once

#include "words.h"

/* Prices are tenths of a bit: what a guesser who tries the likely first has to pay. */
struct guess {
    unsigned price;
    unsigned words; /* in that cheapest way */
    bool lone_word; /* nothing but one word, with digits and signs before or behind it */
};
void guess_price(const struct words *words, const char *password, struct guess *ret);
