/* Making a letter: codes, their hashes, the sealed content, and its staged row in the queue; and
   what is mailed about it. */
#pragma once

#include "code.h"
#include "manager.h"

struct letter {
    char entry[JOB_ENTRY_SIZE];
    char job[ULID_SIZE];     /* "" until it is staged */
    char puk_job[ULID_SIZE]; /* of the PUK's own letter; "": one letter has both, or only a PUK */
    char notice[ULID_SIZE];  /* the mail that announces another postal address, or "" */
    char password_hash[SECRET_HASH_SIZE];
    char puk_hash[SECRET_HASH_SIZE]; /* without slapd's scheme in front */
};
void letter_clear(struct letter *letter); /* wipes */

/* kind: "access" (initial password and PUK, in two letters where rules.puk_days says so) or "puk".
   One to another postal address than the last one waits for rules.address_wait, and the mail that
   announces it is staged with it. Returns 0; -EBUSY when too much is being hashed; or the queue's
   error. */
int letter_stage(const struct manager *manager, const struct entry *entry, const char *kind,
                 time_t now, long long deadline, struct letter *ret);
/* The LDAP write has happened (the letter goes out, and earlier ones that aren't printed don't) or
   certainly not (its row goes); nothing for one that wasn't staged. Errors are the clerk's to mend,
   by the row's lease. */
void letter_settle(const struct manager *manager, const struct letter *letter, bool written);

/* The hash that portalLetterAddress holds, of the address as it is now. */
void letter_address_hash(const struct entry *entry, unsigned char ret[static ENTRY_ADDRESS_BYTES]);
/* The same as the queue's row of a letter keeps it (job.address), of what a claim sends out; and
   back: -ENOENT when the row doesn't say. */
void letter_sent_text(const struct entry *entry, char ret[static JOB_HASH_SIZE]);
int letter_sent_to(const struct job *job, unsigned char ret[static ENTRY_ADDRESS_BYTES]);
/* Until when the letter job must wait if it were printed now, and why, because it would go to an
   address that its customer wasn't told of for long enough, or couldn't be, or because the mail
   address changed, too, and the one before wasn't told of that for long enough; 0: it may go. Who
   wasn't told at all is mailed. Returns 0 or the queue's error. */
int letter_hold(const struct manager *manager, const struct entry *entry, const struct job *job,
                time_t now, time_t *ret_until, const char **ret_why);
/* A mail about the letter job to its customer, once; day: for the topics that name one (compose.h),
   else 0. Returns 0, also when it was put in before; or the queue's error. */
int letter_mail(const struct manager *manager, const struct entry *entry, const char *job,
                const char *topic, time_t day, time_t now);

/* How long the maker of a staged row is trusted to come to an end, in seconds. */
#define STAGED_LEASE 60
