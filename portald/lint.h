/* Looking at every entry and job for what breaks the rules: lint_entry() says what is wrong with
   one entry, as a pure function; lint_start() looks at all of them, in the background. */
#pragma once

#include "account.h"
#include "directory.h"
#include "totp.h"

enum lint_rule {
    LINT_MALFORMED,
    LINT_MISSING,
    LINT_EXCESS,
    LINT_LOCK_REASON,
    LINT_MAIL_UNFIT,
    LINT_MAIL_DOUBLE,
    LINT_POLICY_DOUBLE,
    LINT_TIMES,
    LINT_COUNTERS,
    LINT_ADDRESS,
    LINT_TOTP,
    LINT_WEAK_HASH,
    LINT_LETTER_LOST,
    LINT_JOB_LOST,
    LINT_JOB_OLD,
    LINT_REQUEST,
    LINT_ENTRY_GONE, /* of a job */
    LINT_STAGED,
    LINT_DAMAGED,
    LINT_RULES,
};
/* What is wrong, and what helps: lint-entry.c. */
struct lint_words {
    const char *word, *what, *help;
};
extern const struct lint_words lint_words[LINT_RULES];

#define LINT_DETAIL_SIZE 256
struct lint_finding {
    enum lint_rule rule;
    char entry[ENTRY_UID_SIZE]; /* uid, or "" */
    char job[ULID_SIZE];        /* or "" */
    char detail[LINT_DETAIL_SIZE];
};

/* What isn't in the entry itself. */
struct lint_facts {
    const char *mail_double;   /* uid of another entry with the address, or NULL */
    const char *policy_double; /* the policy number that another one has, or NULL */
    const char *totp_why;      /* why the secret can't be opened, or NULL */
};

typedef void lint_report(void *userdata, const struct lint_finding *finding);
/* entry: with its secrets, as far as they may be read. Jobs are looked up by the caller. */
void lint_entry(const struct account_rules *rules, const struct entry *entry,
                const struct lint_facts *facts, time_t now, lint_report *report, void *userdata);
/* The letters that still need their job. */
bool lint_letter_open(const struct entry_letter *letter);

/* --- All of them --- */

#define LINT_PAGE 200 /* findings that wait to be fetched, and go into one answer */

struct lint_progress {
    char id[ULID_SIZE]; /* of this run */
    bool running;
    unsigned long entries, jobs, findings; /* so far */
    int error;                             /* 0, or why it ended before the last */
    struct lint_finding *page;             /* fetched: owned */
    size_t count;
};
void lint_progress_clear(struct lint_progress *progress);

struct lint;
struct lint_means {
    const struct account_rules *rules;
    const struct totp_keys *totp;
    const struct directory_options *directory;
    struct queue *queue;
};
/* means: what it points to stays the caller's. */
int lint_open(const struct lint_means *means, struct lint **ret);
struct lint *lint_free(struct lint *lint);
DEFINE_CLEANUP(struct lint, lint_free)
/* -EALREADY while one runs. Whoever starts one fetches its findings: left alone, it ends by
   itself. */
int lint_start(struct lint *lint, char ret_id[static ULID_SIZE]);
/* How far the run id is, and its findings since the last call. -ENOENT when it isn't the last one;
   -ENOMEM. */
int lint_fetch(struct lint *lint, const char *id, struct lint_progress *ret);
