/* Lines of a file on their way into the directory: many at a time, so that none waits for the
   answer to the one before, and told in their order. importing_put() for each, then
   importing_drain(). */
#pragma once

#include "caller.h"
#include "customer.h"

enum outcome {
    OUTCOME_ADDED, /* or would be */
    OUTCOME_UPDATED,
    OUTCOME_UNCHANGED,
    OUTCOME_KEPT, /* exists and differs, and was to be left alone */
    OUTCOME_BAD,
    OUTCOMES,
};

/* What becomes of a customer who exists and differs. */
enum meeting {
    MEETING_REFUSE,
    MEETING_UPDATE,
    MEETING_KEEP,
};

/* One line, in the file's order. why: of a bad one, else NULL. */
typedef void importing_tell(void *userdata, unsigned long line, enum outcome outcome,
                            const char *why);

struct importing;
/* write: else nothing is, and outcomes are what would be. */
int importing_open(struct caller *caller, bool write, enum meeting meeting, importing_tell *tell,
                   void *userdata, struct importing **ret);
/* Waits for no answer. */
struct importing *importing_free(struct importing *importing);

/* Takes one line, whose customer it empties. expect: what an earlier look said of it, which spares
   another look; OUTCOMES: nothing did. Waits while too many are on their way. Returns 0; -EINTR
   when SIGINT or SIGTERM came, which must be blocked; -EACCES when the server refuses what it would
   refuse of every line; or another negative errno, with which the connection is lost. Then nothing
   more may be put. */
int importing_put(struct importing *importing, unsigned long line, struct customer *customer,
                  enum outcome expect);
/* A line that is bad already; why NULL: and was told of before. */
int importing_put_bad(struct importing *importing, unsigned long line, const char *why);
/* Waits for all answers, also after -EINTR and -EACCES. Signals no longer count. */
int importing_drain(struct importing *importing);
/* Why it failed; and the lines of which nobody knows whether they are written, 0 for none. */
const char *importing_error(const struct importing *importing);
void importing_unsure(const struct importing *importing, unsigned long *ret_first,
                      unsigned long *ret_last);
