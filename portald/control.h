/* The verbs of WIRE_CONTROL, which portalctl speaks: JSON in, JSON out. */
#pragma once

#include "handlers.h"

#include <jansson.h>

struct control {
    struct worker *worker;
    const struct request *request;
    struct wire_writer *reply; /* for fields of its own, in front of the report's */
    json_t *asked;             /* the request's object */
    int status; /* exit status for the caller: 0 done, 1 refused or not found, 2 wrong usage */
};

/* Each returns a new reference, or NULL when memory is out. */
typedef json_t *control_verb(struct control *control);

control_verb control_rekey; /* control-rekey.c */
control_verb control_rekey_look;
control_verb control_show;       /* control-show.c */
control_verb control_explain;    /* control-explain.c */
control_verb control_lint;       /* control-lint.c */
control_verb control_wish;       /* control-account.c */
control_verb control_queue_list; /* control-queue.c */
control_verb control_queue_show;
control_verb control_queue_retry;
control_verb control_queue_drop;
control_verb control_queue_stats;
control_verb control_letters_list; /* control-letters.c */
control_verb control_letters_posted;
control_verb control_letters_printed; /* control-paper.c */
control_verb control_letters_again;
control_verb control_letters_returned;
control_verb control_letters_export; /* control-letters.c */
control_verb control_letters_import; /* control-result.c */

/* An answer that refuses: sets the status. */
json_t *control_refuse(struct control *control, int status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The same for an error of queue or directory. */
json_t *control_fail(struct control *control, int error);
/* What to say of an error of something that went on beside; NULL for 0. */
const char *control_error_words(int error);
/* The entry that who names, an e-mail address, a uid, or a policy number: 0 or directory_find()'s
   errors. */
int control_find(struct control *control, const char *who, bool secrets, struct entry **ret);
/* The customer that "who" of the request names: an e-mail address, a uid, or a policy number. NULL
   and *ret, or an answer that refuses. */
json_t *control_customer(struct control *control, bool secrets, struct entry **ret);
/* Its letters as portalLetter has them. */
json_t *control_letters(const struct entry *entry);
/* The jobs that filter lets through, under name; "more" says whether there may be others. */
json_t *control_jobs(struct control *control, const char *name, const struct queue_filter *filter);
/* What the queue holds and what is wrong with it, also when it can't be read at all. */
json_t *control_queue_report(struct control *control);
/* How many jobs the request wants at most. */
size_t control_most(const struct control *control);
/* Whether who asks may have this wish fulfilled. */
bool control_may_wish(const struct control *control, const char *wish);
/* A string of the request, or NULL. */
const char *control_string(const struct control *control, const char *name);
/* What the note of a letter that came back begins with. In the queue it is done, as one is that was
   posted. */
#define NOTE_RETURNED "returned"
/* A time as JSON: seconds since 1970, null for 0. */
json_t *control_time(time_t t);
