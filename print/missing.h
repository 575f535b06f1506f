/* Characters that no installed font has: which they are, and what to install. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MISSING_MOST 3 /* that are named */

struct missing {
    uint32_t characters[MISSING_MOST]; /* code points */
    size_t count;                      /* of these */
    bool more;
};

void missing_add(struct missing *missing, uint32_t character);
void missing_add_all(struct missing *missing, const struct missing *others);
/* A few words that name them and what helps, in UTF-8. */
void missing_say(const struct missing *missing, char *ret, size_t size);
