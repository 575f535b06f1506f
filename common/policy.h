/* Policy numbers: how those that people write become the one form that the directory keeps. */
#pragma once

#define POLICY_NUMBER_SIZE 41

/* Takes out blanks, dots, hyphens and slashes, and makes it upper case: ^[0-9A-Z]+$ remains.
   -EINVAL when anything else is in it, nothing remains, or it is too long. */
int policy_number_read(const char *typed, char ret[static POLICY_NUMBER_SIZE]);
