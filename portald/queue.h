/* The queue: registrations to be matched, mails to be sent, letters to be printed, and what became
   of them.

   One thread owns the one connection to the store. Every call below waits until the commit that
   holds its change is durable; whatever waits at the same time shares one commit. Any thread may
   call. Nothing here knows the directory: a row that must not take effect before an LDAP write is
   put in as STAGED, and becomes READY after it (doc/architecture.md).

   Times are seconds since 1970 of the caller's clock (clock_now()); the queue never looks at a
   clock itself. Every call may also return -EIO: the disk fails, or the store's file is damaged,
   which queue_health() then says.

   Payloads are erased in the commit that ends a job (secure_delete); the row stays as history. One
   exception, so that queue_retry_now() can help: a mail or letter that failed keeps its payload
   until it expires, is withdrawn with its entry, or is pruned. A row that can't be what was written
   becomes DAMAGED instead of being given out, and stays until a person drops it. */
#pragma once

#include "calendar.h"
#include "ulid.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

enum job_kind {
    JOB_REGISTRATION, /* payload: what was typed, JSON (registration.h) */
    JOB_MAIL,         /* payload: JSON (compose.h) */
    JOB_LETTER,       /* payload: the sealed letter (seal.h) */
    JOB_KINDS,
};

enum job_state {
    JOB_STAGED,  /* waits for the LDAP write that it belongs to; lease says until when its maker is
                    trusted to finish */
    JOB_READY,   /* to be claimed once due */
    JOB_CLAIMED, /* somebody works on it until lease */
    JOB_PRINTED, /* letters: on paper, not yet posted */
    JOB_DONE,    /* mail accepted, letter posted, registration matched */
    JOB_FAILED,  /* given up; note says why */
    JOB_WITHDRAWN, /* no longer wanted */
    JOB_UNCERTAIN, /* letters: claimed, but nobody knows whether it was printed; never printed again
                      by itself */
    JOB_DAMAGED, /* its row can't be what was written; set aside as it is, for people to look at */
    JOB_STATES,
};

/* What happens to a job when there is more to do than can be done at once, or little room left: by
   what it carries. Each lane gets its share of the claims while others have something, too, so
   that neither thousands of one topic nor one customer's keep the rest waiting. The numbers are
   stored. */
enum job_lane {
    LANE_CODE,     /* somebody waits for it, and it lives half an hour */
    LANE_CONFIRM,  /* somebody waits for it */
    LANE_NOTICE,   /* what became of an account, and letters */
    LANE_ANSWER,   /* to registrations that lead to nothing: strangers can cause many */
    LANE_REMINDER, /* as good tomorrow */
    LANE_CROWD,    /* whatever it is: this customer has enough waiting already */
    LANES,
};
enum job_need {
    NEED_MUST,   /* what was promised, and what gets people back in: takes the last room */
    NEED_NOTICE, /* best effort */
    NEED_NEW,    /* new registrations: the first to be refused */
    NEEDS,
};

const char *job_kind_word(enum job_kind kind);    /* "registration", "mail", "letter" */
const char *job_state_word(enum job_state state); /* "staged", … */
int job_kind_read(const char *word);              /* or -EINVAL */
int job_state_read(const char *word);
bool job_ended(enum job_state state); /* DONE, FAILED, WITHDRAWN: nothing more happens by itself */
enum job_lane job_lane(enum job_kind kind, const char *topic);
enum job_need job_need(enum job_kind kind, const char *topic);
/* Of `all` that there is (jobs, or bytes of a disk), how much must stay free of jobs of this
   need. */
uint64_t job_need_reserve(enum job_need need, uint64_t all);

/* What can't be told so often needs a person. */
#define JOB_TELL_TRIES 6
/* How long an outcome waits that couldn't be told so many times, in seconds: 2, doubling to an
   hour. */
time_t job_tell_wait(unsigned tries);

/* Whose turn it is: kept between claims, forgotten with the process. */
struct lane_turns {
    uint64_t now, pass[LANES];
};
/* The next lane among waiting, one bit each and not 0; its share is then used. */
enum job_lane lane_next(struct lane_turns *turns, unsigned waiting);

/* What a DAMAGED job is called whose own id is none: this and a number. */
#define JOB_DAMAGED_ID "ROW-"
int job_damaged_read(const char *id, int64_t *ret); /* 0, or -EINVAL */

#define JOB_TOPIC_SIZE   24
#define JOB_ENTRY_SIZE   37
#define JOB_HASH_SIZE    44 /* base64url of 32 bytes, and NUL */
#define JOB_NOTE_SIZE    256
#define JOB_TELL_SIZE    96
#define JOB_PAYLOAD_MAX  16384
#define JOB_SUBJECT_SIZE 72

struct job {
    char id[ULID_SIZE];
    enum job_kind kind;
    enum job_state state;
    char topic[JOB_TOPIC_SIZE]; /* mails: the template ("confirm", "in-use", …); letters: the kind
                                   ("access", "puk") */
    char entry[JOB_ENTRY_SIZE]; /* entryUUID of the customer, or "" */
    char subject[JOB_SUBJECT_SIZE]; /* for people: the customer's uid, or the policy number that was
                                       typed */
    char address[JOB_HASH_SIZE];    /* mails: keyed hash of the recipient, for limits; letters: hash
                                       of the postal address that the claim gave out; or "" */
    char reference[JOB_HASH_SIZE];  /* BLAKE2b-256 of the "this wasn't me" reference, base64url; or
                                       "" */
    char parent[ULID_SIZE]; /* the job that this one came from, or ""; at most one row per (parent,
                               topic) */
    char batch[ULID_SIZE];  /* letters: the claim that it was printed in */
    time_t created, due;    /* due: not before */
    time_t expires;    /* from then on it is too late: a mail is never sent, a staged row never made
                          ready; 0: never */
    time_t lease;      /* STAGED, CLAIMED */
    uint64_t fence;    /* grows with each claim; who comes with an old one is refused */
    unsigned attempts; /* claims so far, the present one among them */
    time_t happened;   /* accepted by the relay, printed, posted */
    bool untold;       /* the directory must still be told what happened … */
    time_t tell_at;    /* … but not before, since it couldn't be told … */
    unsigned tell_tries;           /* … so many times … */
    char tell_note[JOB_TELL_SIZE]; /* … for this reason, for people */
    char note[JOB_NOTE_SIZE];      /* the last outcome, for people; never a secret */
    uint8_t *payload;              /* owned by the job; NULL once erased */
    size_t payload_size;
};

void job_clear(struct job *job); /* wipes and frees the payload */

struct job_list {
    struct job *items;
    size_t count;
};

void job_list_clear(struct job_list *list);

struct queue_options {
    const char *path;    /* the store's file; created with mode 0600 when missing */
    unsigned long limit; /* most unfinished jobs; beyond it queue_put() says -ENOSPC; 0: no limit */
    time_t keep;         /* how long finished jobs are kept as history, in seconds */
};

struct queue;

/* Opens the store and starts the thread. Returns 0; -EBADMSG when the file is damaged (as far as a
   second of checking shows) or isn't a queue; -EOPNOTSUPP when a newer portald made it; -EBUSY when
   another process has it; or what open() said. */
int queue_open(const struct queue_options *options, struct queue **ret);
/* A queue without a store: every call answers -EIO, at once. For whoever must go on although the
   store can't be opened for this error: customers still log in. */
int queue_open_without(int error, struct queue **ret);
/* What is wrong for good: 0; -EBADMSG once a call has met damage in the store's file, until it is
   opened again; what queue_open_without() was given. */
int queue_health(struct queue *queue);
/* Ends the thread after what waits is committed. */
struct queue *queue_free(struct queue *queue);

/* An eventfd that becomes readable whenever jobs of this kind may have become claimable.
   Whoever waits on it reads it, then claims until nothing is left. One for each kind;
   owned by the queue. */
int queue_wake_fd(struct queue *queue, enum job_kind kind);
/* The same for jobs of any kind that the directory must be told of. */
int queue_untold_fd(struct queue *queue);

/* Puts job in (STAGED or READY). Returns 0; -EEXIST when (parent, topic) is there already; -ENOSPC
   when the queue or the disk is full; -EIO. */
int queue_put(struct queue *queue, const struct job *job);
/* STAGED becomes READY. 0 also when it is beyond that already; -ENOENT. */
int queue_ready(struct queue *queue, const char *id);
/* Both in one commit: the job `id` becomes READY and the job `parent` ends as DONE with note, if
   fence is its current one. Either may be NULL. */
int queue_ready_and_finish(struct queue *queue, const char *id, const char *parent, uint64_t fence,
                           const char *note);
/* Drops a STAGED row for which no LDAP write happened. -EPERM when it is beyond that. */
int queue_drop_staged(struct queue *queue, const char *id);

/* No list has more jobs, whatever `most` says: the rest comes with the next call. */
#define QUEUE_LIST_MAX 1000

struct queue_claim {
    enum job_kind kind;
    size_t most;
    time_t now;
    time_t lease;      /* until when */
    const char *batch; /* letters: the station's batch id; rows that carry it already are returned
                          again, whatever their state up to PRINTED, and then nothing new */
};
/* Claims READY jobs that are due, earliest first, with payload. Registrations and mails whose lease
   has ended are claimable again; letters whose lease has ended become UNCERTAIN instead. Jobs that
   expired become FAILED. Returns 0, also with an empty list. */
int queue_claim(struct queue *queue, const struct queue_claim *claim, struct job_list *ret);

/* The ends of a claimed job. All return -ESTALE when fence isn't the current one (somebody else has
   it now), -ENOENT. */
int queue_finish(struct queue *queue, const char *id, uint64_t fence, enum job_state end,
                 const char *note, time_t happened, bool untold);
int queue_retry(struct queue *queue, const char *id, uint64_t fence, time_t due, const char *note);
/* The same for many jobs in one commit; each has a result of its own, as above. */
struct queue_end {
    const char *id;
    uint64_t fence;
    enum job_state state; /* JOB_READY: to be tried again at when; else how it ends */
    time_t when;          /* … and when that happened */
    bool untold;
    const char *note;
    int result;
};
void queue_end_many(struct queue *queue, struct queue_end *ends, size_t count);

/* Letters. Sent to: a CLAIMED one is given out with this postal address (a hash; until it is
   claimed again); as many as there are in one commit, each with a result as queue_finish(). */
struct queue_sent {
    const char *id;
    uint64_t fence;
    const char *address;
    int result;
};
void queue_sent_to(struct queue *queue, struct queue_sent *sent, size_t count);
/* Printed: CLAIMED or UNCERTAIN with this batch becomes PRINTED, untold, payload erased; 0
   also when it is so already. Posted: every PRINTED letter of the batch becomes DONE, untold, with
   happened; *ret_count letters; -ENOENT when there is no such batch. */
int queue_printed(struct queue *queue, const char *id, const char *batch, time_t happened,
                  const char *note);
int queue_posted(struct queue *queue, const char *batch, time_t happened, unsigned *ret_count);

/* What a print station or a person knows. Uncertain: CLAIMED with this batch becomes UNCERTAIN;
   -ESTALE as queue_printed(). Again: an UNCERTAIN one isn't on paper after all and becomes READY,
   without a batch. Returned: a PRINTED, DONE or WITHDRAWN one came back; it is DONE, with note. The
   last two say -EPERM when the state is another. */
int queue_uncertain(struct queue *queue, const char *id, const char *batch, const char *note);
int queue_again(struct queue *queue, const char *id, time_t now, const char *note);
int queue_returned(struct queue *queue, const char *id, time_t happened, const char *note);

/* What a delivery status notification said of a mail that the relay accepted: failed makes it
   FAILED, for good; otherwise only the note changes. The directory isn't told: an account never
   changes for what anybody may write. Returns 0; -EALREADY when that is known, or doesn't matter
   any more; -EAGAIN while the mail's own outcome is still to be written down or told; -EPERM for
   another kind; -ENOENT. */
int queue_bounced(struct queue *queue, const char *id, bool failed, const char *note);

/* Ends everything of entry that hasn't taken effect (STAGED, READY, CLAIMED, UNCERTAIN; PRINTED
   letters too) as WITHDRAWN; kind < 0: all kinds. *ret_count jobs. */
int queue_withdraw(struct queue *queue, const char *entry, int kind, const char *note,
                   unsigned *ret_count);

/* Jobs whose outcome the directory must still be told by now, oldest first and then those that
   couldn't be told before; and the mark that it was told this, or couldn't be and is to be tried
   again then: job as it was read. What has happened since (posted while printed was being told) is
   still to be told then, at once. */
int queue_untold(struct queue *queue, time_t now, size_t most, struct job_list *ret);
int queue_told(struct queue *queue, const struct job *job);
int queue_tell_later(struct queue *queue, const struct job *job, time_t when, const char *why);
/* STAGED rows whose lease has ended; and a new lease for one of which nothing could be found out.
 */
int queue_orphans(struct queue *queue, time_t now, size_t most, struct job_list *ret);
int queue_orphan_later(struct queue *queue, const char *id, time_t lease, const char *note);

int queue_get(struct queue *queue, const char *id, struct job *ret); /* -ENOENT; without payload */
int queue_by_reference(struct queue *queue, const char *hash,
                       struct job *ret); /* -ENOENT; without payload */
/* How many mails (kind JOB_MAIL, any state but WITHDRAWN) to address (or, when NULL, for entry),
   with topic (NULL: any), were made at or after since. */
int queue_count_mails(struct queue *queue, const char *address, const char *entry,
                      const char *topic, time_t since, unsigned *ret);

struct queue_filter {
    int kind, state;     /* < 0: any */
    const char *entry;   /* NULL: any */
    const char *batch;   /* NULL: any */
    const char *address; /* mails: keyed hash of the recipient; NULL: any; of more than most, those
                            that were made first */
    const char *after;   /* ids greater than this, for paging; NULL: from the start */
    bool unfinished;     /* only those that haven't ended */
    size_t most;
};
int queue_list(struct queue *queue, const struct queue_filter *filter,
               struct job_list *ret); /* by id, without payload */

struct queue_stats {
    unsigned long count[JOB_KINDS][JOB_STATES];
    unsigned long damaged;    /* of all kinds */
    bool refused[NEEDS];      /* for want of room, in the queue or on its disk */
    time_t oldest[JOB_KINDS]; /* creation of the oldest unfinished one, 0: none */
    unsigned long untold;
    unsigned long untellable; /* of these: tried JOB_TELL_TRIES times and more */
};
int queue_stats(struct queue *queue, struct queue_stats *ret);
/* Removes finished jobs older than options.keep, and letters that were printed or uncertain and of
   which nobody has said more for three times as long; a few hundred at a time. *ret_more: call
   again. */
int queue_prune(struct queue *queue, time_t now, bool *ret_more);
/* Withdraws all that is left of entry, and takes from its rows what tells of the person: the keyed
   hashes of addresses and references, a relay's words, and the policy number of registrations that
   led to it, or to nobody with one of policies (NULL-terminated; may be NULL). */
int queue_forget(struct queue *queue, const char *entry, char *const *policies, const char *note);
/* Operators: a FAILED, or READY but not due, job becomes due now, and one that couldn't be told is
   told now; an unfinished one is WITHDRAWN.
   -EPERM when its state doesn't allow it. */
int queue_retry_now(struct queue *queue, const char *id, time_t now);
int queue_withdraw_one(struct queue *queue, const char *id, const char *note);
