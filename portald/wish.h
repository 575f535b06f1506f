/* Fulfilling what an administrator or support wishes for an account: what it needs is staged,
   written in one modify, and settled, as ever. Two ask: control-account.c for portalctl, watcher.c
   for whoever writes portalRequest. Way in: wish_fulfil(). */
#pragma once

#include "address.h"
#include "letter.h"
#include "notice.h"

#define WISH_LIMIT_SIZE 192 /* of a sentence that says which limit is reached */

struct wish {
    const struct manager *manager;
    struct directory *directory;
    long long deadline;
    struct entry *entry; /* as it is now; owned, and replaced by what is read again */
    enum account_wish wish;
    const char *reason; /* or NULL */
    /* The value of portalRequest that the modify takes away, leaving the result in its place. NULL:
       nobody wrote one. */
    const struct entry_request *request;
    /* Asked for by an administrator, for whom there are no limits. Where somebody wrote a request,
       it is found out when a limit is reached. */
    bool administrator;
    const char *word; /* for the result: the verb, or what was written instead of one */

    /* What came of it. */
    const char *kind; /* of the letter, once it is staged */
    struct letter letter;
    struct notice notice; /* or the mail with a link */
    char link_hash[JOB_HASH_SIZE], link_address[MAIL_ADDRESS_SIZE];
    char **others;  /* forget: attributes of the entry that aren't ours */
    char **classes; /* … and object classes, where those demand what must go */
    time_t now;
    bool unsure;  /* whether an earlier try was written */
    bool counted; /* against a limit */
    char limit[WISH_LIMIT_SIZE];
};
void wish_clear(struct wish *wish);

/* Fulfils it, however often the entry changes meanwhile. Returns 0; -EPERM and *ret_why, for
   people, where the rules refuse, and the result says so; -ECANCELED when the request has gone:
   somebody took it back, or another portald was faster; -ENOENT when the entry has gone; or the
   directory's or the queue's error: then nothing was changed, or it isn't known. */
int wish_fulfil(struct wish *wish, const char **ret_why);
/* Takes a request away that is no wish, and leaves why. As wish_fulfil(), 0 once it is written. */
int wish_refuse(struct wish *wish, const char *why);

/* wish-limit.c: 0 where it isn't too much of what it is; -EPERM and *ret_why, which lasts as long
   as the wish; or an error. */
int wish_limit(struct wish *wish, const char **ret_why);
/* What wish_limit() counted wasn't done. */
void wish_uncount(struct wish *wish);

/* wish-stage.c: what must be there before the modify, and what becomes of it afterwards. -EPERM and
 *ret_why where it can't be had. */
int wish_stage(struct wish *wish, const char **ret_why);
void wish_settle(struct wish *wish, bool written);
