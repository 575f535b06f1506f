/* Passwords as they are typed to log in: read, verified, and what a right one takes back. */
#pragma once

#include "code.h"
#include "login.h"

/* Puts what was typed into the form that is verified: a letter's code in its canonical form,
   anything else normalized; "" for what can't be a password, which is verified as one that nobody
   has: refused like any other, and counted. Wiped by the caller. */
enum code_form password_read(const char *typed, char ret[static PASSWORD_SIZE]);
/* Whether password is the entry's; without one, something is verified all the same, so that it
   takes the same time. 0 and login->proof; -EACCES; or an error that says nothing about it. */
int password_verify(struct login *login, const char *password);
/* The same work for nothing: whatever was typed, it isn't right. */
int password_verify_nobodys(struct login *login, const char *password);
/* The failures that were counted first are over. Losing this race is harmless when it was for
   somebody else's failure; the counter at most stays too high by one. 0; -EBADMSG when it was for a
   new password: what was verified opens nothing any more; or an error when that can't be looked at.
   Nobody may be let in then. */
int password_take_back(struct login *login, unsigned set);
