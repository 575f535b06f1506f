/* One value: text on one side, a member of the program's struct on the other. For conf.c, and for
   options of a command line that are written as in the file. */
#pragma once

#include "conf.h"

/* Puts value where key says. add: a list keeps what it has. Whatever the member held is freed
   first. Returns 0; -EINVAL when value isn't what key expects (the member is untouched); -ENOENT
   when it names a credential and there are none; -ENOMEM. */
int conf_value_set(const struct conf_key *key, const char *value, bool add, void *target);
void conf_value_clear(const struct conf_key *key, void *target);
