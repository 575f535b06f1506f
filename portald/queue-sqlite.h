/* Private to queue-sqlite*.c: the store, its cached statements, and how they are run. */
#pragma once

#include "cleanup.h"
#include "queue-backend.h"

#include <errno.h>
#include <sqlite3.h>

/* Everything that is ever run, prepared once; queue-sqlite-sql.c has the texts. */
enum statement {
    SQL_BEGIN,
    SQL_COMMIT,
    SQL_ROLLBACK,
    SQL_MARK,
    SQL_KEEP,
    SQL_UNDO,
    SQL_INSERT,
    SQL_INSERT_PAYLOAD,
    SQL_CROWD,
    SQL_STRAYS,
    SQL_SET_ASIDE,
    SQL_DELETE,
    SQL_BY_ID,
    SQL_BY_NUMBER,
    SQL_BY_REFERENCE,
    SQL_PAYLOAD,
    SQL_ERASE,
    SQL_KEEP_PAYLOAD_UNTIL,
    SQL_MOVE,
    SQL_MAKE_READY,
    SQL_CLAIM,
    SQL_RENEW,
    SQL_NEXT_LEASE_ENDED,
    SQL_NEXT_EXPIRED,
    SQL_NEXT_READY,
    SQL_NEXT_OF_ENTRY,
    SQL_ERASE_FAILED_OF_ENTRY,
    SQL_FORGET_JOBS,
    SQL_FORGET_POLICY,
    SQL_FORGET_REGISTRATIONS,
    SQL_NEXT_PRINTED,
    SQL_BATCH_EXISTS,
    SQL_BATCH_AGAIN,
    SQL_UNTOLD,
    SQL_TOLD,
    SQL_TELL_LATER,
    SQL_TELL_NOW,
    SQL_ORPHAN_LATER,
    SQL_SENT_TO,
    SQL_ORPHANS,
    SQL_COUNT_ADDRESS,
    SQL_COUNT_ENTRY,
    SQL_LIST_ENTRY,
    SQL_LIST_BATCH,
    SQL_LIST_ADDRESS,
    SQL_LIST_STATE,
    SQL_COUNT_UNFINISHED,
    SQL_TALLY,
    SQL_OLDEST,
    SQL_COUNT_UNTOLD,
    SQL_COUNT_UNTELLABLE,
    SQL_ANY_UNTOLD,
    SQL_PRUNE_SPENT,
    SQL_PRUNE_PAYLOADS,
    SQL_PRUNE_JOBS,
    SQL_PRUNE_OPEN_PAYLOADS,
    SQL_PRUNE_OPEN_JOBS,
    STATEMENTS,
};

/* Most damaged rows that one call sets aside; those beyond are met again. */
#define ASIDE_MAX 64

struct queue_store {
    sqlite3 *db;
    char *path;
    sqlite3_stmt *statements[STATEMENTS];
    unsigned long limit;
    time_t keep;
    int frames; /* in the log, since it last started over */
    struct lane_turns turns[JOB_KINDS];
    struct {
        int64_t number;
        const char *why;
    } aside[ASIDE_MAX]; /* rows found damaged that are to be set aside before the call ends */
    size_t aside_count;
    uint64_t disk, disk_free; /* bytes; disk is 0 until somebody asks within a transaction */
    bool log_used;            /* since it was last cut off: it may hold what has been erased */
};

/* One row and its number. */
struct row {
    int64_t number;
    struct job job;
};

/* queue-sqlite-sql.c */
extern const char *const store_sql[STATEMENTS];
/* The version of a store, 0 when it is empty. -EBADMSG when it isn't ours, -EOPNOTSUPP when
   newer. */
int store_version(sqlite3 *db, int64_t *ret);
/* Brings the schema from version to the present one. */
int store_migrate(sqlite3 *db, int64_t version);

/* queue-sqlite.c */
int store_error(sqlite3 *db, int code);

static inline void statement_reset_p(sqlite3_stmt **s)
{
    if (*s) {
        sqlite3_reset(*s);
        sqlite3_clear_bindings(*s);
    }
}
/* A statement that is given back, with what was bound to it, at the end of the scope. */
#define _cleanup_statement_ _cleanup_(statement_reset_p)

/* Gives the statement with its values bound: for each character of format one argument, t: text
   (const char *; NULL and "" become NULL), i: int64_t, b: const void * and size_t. */
int store_query(struct queue_store *store, enum statement which, sqlite3_stmt **ret,
                const char *format, ...);
/* 1: a row is there; 0: no more; or a negative errno. */
int store_step(struct queue_store *store, sqlite3_stmt *s);
/* Runs one that gives no rows. Returns how many rows it changed, or a negative errno. */
int store_run(struct queue_store *store, enum statement which, const char *format, ...);
/* The one number that a query gives, 0 when it gives no row. */
int store_number(struct queue_store *store, sqlite3_stmt *s, int64_t *ret);

/* queue-sqlite-read.c */
/* The first sound row of a query, or -ENOENT; damaged ones before it will be set aside. */
int row_first(struct queue_store *store, sqlite3_stmt *s, struct row *ret);
/* Sets aside what was found damaged. Returns how many rows, or a negative errno. */
int rows_set_aside(struct queue_store *store);
/* Whether the one row that a query gave was damaged, so that it must be asked again: *r is that of
   row_first(), and an error when setting aside fails. */
bool row_is_behind_damaged(struct queue_store *store, int *r);
/* The same for rows that no query comes across; at start. */
int strays_set_aside(struct queue_store *store);
/* Whether the directory follows each step of job: OF_LETTER of queue-sqlite-sql.c. */
static inline bool job_is_followed(const struct job *job)
{
    return job->kind == JOB_LETTER && job->entry[0];
}
/* Whether text can be a job's id. */
bool id_is_sound(const char *text);
/* A name that was cut to fit may end within a character: as text that can be read back. */
void subject_mend(const char *subject, char ret[static JOB_SUBJECT_SIZE]);
int row_by_id(struct queue_store *store, const char *id, struct row *ret);
int row_payload(struct queue_store *store, struct row *row);
/* 1 when the batch was given out before, else 0, or a negative errno. */
int batch_exists(struct queue_store *store, const char *batch);
/* Appends job, which list then owns. */
int list_add(struct job_list *list, struct job *job);
int list_rows(struct queue_store *store, sqlite3_stmt *s, struct job_list *list);
size_t list_bound(size_t most);

int sqlite_waiting(struct queue_store *store, struct queue_call *call);
int sqlite_get(struct queue_store *store, struct queue_call *call);
int sqlite_by_reference(struct queue_store *store, struct queue_call *call);
int sqlite_untold(struct queue_store *store, struct queue_call *call);
int sqlite_told(struct queue_store *store, struct queue_call *call);
int sqlite_tell_later(struct queue_store *store, struct queue_call *call);
int sqlite_orphan_later(struct queue_store *store, struct queue_call *call);
int sqlite_orphans(struct queue_store *store, struct queue_call *call);
int sqlite_count_mails(struct queue_store *store, struct queue_call *call);
int sqlite_list(struct queue_store *store, struct queue_call *call);
int sqlite_stats(struct queue_store *store, struct queue_call *call);

/* queue-sqlite-change.c */
struct move {
    enum job_state state;
    const char *note; /* NULL: stays */
    time_t happened;  /* 0: stays */
    bool untold;
};
/* The one place where a state changes but for making ready and claiming; erases the payload of what
   has ended. */
int row_move(struct queue_store *store, const struct row *row, const struct move *move);
/* 0 while there is room for one more of this need, else -ENOSPC. */
int store_room(struct queue_store *store, enum job_need need);
int row_make_ready(struct queue_store *store, const struct row *row, time_t due, const char *note);

int sqlite_put(struct queue_store *store, struct queue_call *call);
int sqlite_ready(struct queue_store *store, struct queue_call *call);
int sqlite_ready_and_finish(struct queue_store *store, struct queue_call *call);
int sqlite_drop_staged(struct queue_store *store, struct queue_call *call);
int sqlite_finish(struct queue_store *store, struct queue_call *call);
int sqlite_retry(struct queue_store *store, struct queue_call *call);
int sqlite_printed(struct queue_store *store, struct queue_call *call);
int sqlite_posted(struct queue_store *store, struct queue_call *call);
int sqlite_withdraw(struct queue_store *store, struct queue_call *call);
int sqlite_forget(struct queue_store *store, struct queue_call *call);
int sqlite_prune(struct queue_store *store, struct queue_call *call);
int sqlite_retry_now(struct queue_store *store, struct queue_call *call);
int sqlite_withdraw_one(struct queue_store *store, struct queue_call *call);

/* queue-sqlite-letter.c */
int sqlite_uncertain(struct queue_store *store, struct queue_call *call);
int sqlite_again(struct queue_store *store, struct queue_call *call);
int sqlite_returned(struct queue_store *store, struct queue_call *call);
int sqlite_sent_to(struct queue_store *store, struct queue_call *call);

/* queue-sqlite-bounce.c */
int sqlite_bounced(struct queue_store *store, struct queue_call *call);

/* queue-sqlite-claim.c */
int sqlite_claim(struct queue_store *store, struct queue_call *call);
