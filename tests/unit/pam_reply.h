/* Turns a script's "reply" line into the frame that the fake portald sends. */
#pragma once

#include "pam_fake.h"
#include "pam_script.h"

/* "reply SOCKET [MANNER] VERDICT [WORD…]"; tests/pam-scripts/README.md has the words. Returns 0 or
   -EINVAL. */
int reply_make(const struct script_line *line, struct fake_reply *ret);
