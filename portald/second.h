/* The second factor: what was typed as code, whether it is right, and what that writes. Shared by
   WIRE_SECOND and by authentication in one go. */
#pragma once

#include "login.h"

enum second_kind {
    SECOND_CODE,         /* of TOTP, or nothing that could be anything */
    SECOND_PUK,          /* instead of it */
    SECOND_TYPING_ERROR, /* a PUK whose check symbol doesn't fit: not verified, not counted */
};
enum second_kind second_read(const char *typed);
/* Whether typed is right: 0 and, of a code, *ret_step; -EACCES; or an error that says nothing about
   it. Costs the same where there is no such factor to be verified. kind SECOND_PUK: the entry was
   read with its secrets. */
int second_check(struct login *login, enum second_kind kind, const char *typed, uint64_t *ret_step);
/* It was right, and so was the password (login->proof): uses up the step, or the PUK, which takes
   TOTP with it. set: the factors whose failures are over. Of two at once, here or at another
   portald, one gets 0; -EACCES: used meanwhile; -EBADMSG: the password isn't what it was; or an
   error: nobody may be let in. */
int second_accept(struct login *login, unsigned set, enum second_kind kind, const char *typed,
                  uint64_t step);
