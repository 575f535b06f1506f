/* Is a string UTF-8? What isn't can be no customer's name or password, and is never sent. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* True when s is well-formed (RFC 3629, 4): no overlong forms, no surrogates, nothing above
   U+10FFFF. */
bool utf8_valid(const char *s);
/* The most bytes of s, at most max, that don't end inside a character. s is valid UTF-8. */
size_t utf8_fit(const char *s, size_t max);
