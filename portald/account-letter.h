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
/* The last one that carries an initial password, or NULL. */
const struct entry_letter *account_letter_of_password(const struct entry *entry);
/* The last one that carries a PUK, or NULL. */
const struct entry_letter *account_letter_of_puk(const struct entry *entry);
/* Whether the customer waits for it: a letter of its own that can't have arrived yet. letter may be
   NULL. */
bool account_puk_awaited(const struct account_rules *rules, const struct entry_letter *letter,
                         time_t now);
/* How long a letter to another postal address than the last one must wait. */
enum account_announced {
    ANNOUNCED_NOT,      /* its customer's mailbox isn't told yet */
    ANNOUNCED_ACCEPTED, /* the relay took the mail that tells it */
    ANNOUNCED_FAILED,   /* that mail was given up, came back, or there is no address to tell */
};
/* Until when, 0: it may go. The wait counts from acceptance; what failed is looked at again after a
   day, and never goes by itself. */
time_t account_letter_waits(const struct account_rules *rules, enum account_announced announced,
                            time_t accepted, time_t now);
/* Where the letter went (ENTRY_ADDRESS_BYTES, or NULL), if the entry wasn't told of its printing.
 */
void account_letter_went(const struct entry *entry, const char *job,
                         const unsigned char *address_hash, struct changes *changes);
/* What an initial password that is made now writes, with PUK and letter. */
void account_issue_access(const struct account_rules *rules, const struct entry *entry,
                          const struct account_secrets *secrets, bool ppolicy, time_t now,
                          struct changes *changes);
/* The tries of a mailed code start over; the code stays. entry: with its secrets. */
void account_forget_tries(const struct entry *entry, struct changes *changes);
