/* portalLetter, for the rules that queue letters. */
#pragma once

#include "account.h"

/* A new letter takes the place of those that aren't printed yet: what they carry is void. Those of
   long ago are forgotten. */
void account_supersede_letters(const struct account_rules *rules, const struct entry *entry,
                               time_t now, struct changes *changes);
/* None of those that aren't in the post shall go there. */
void account_withdraw_letters(const struct entry *entry, time_t now, struct changes *changes);
void account_note_letter(const char *kind, const char *job, const char *state, time_t when,
                         struct changes *changes);
/* What an initial password that is made now writes, with PUK and letter. */
void account_issue_access(const struct account_rules *rules, const struct entry *entry,
                          const struct account_secrets *secrets, bool ppolicy, time_t now,
                          struct changes *changes);
/* The tries of a mailed code start over; the code stays. entry: with its secrets. */
void account_forget_tries(const struct entry *entry, struct changes *changes);
