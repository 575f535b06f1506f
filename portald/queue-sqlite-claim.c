/* Claiming from the SQLite store: what was left behind first, then what has expired, then what is
   due, one index look-up each. */
#include "config.h"

#include "queue-sqlite.h"

/* Most rows that one claim sweeps; when there are more, its caller is woken to come again. */
#define CLAIM_SWEEP_MAX 500

static int next_row(struct queue_store *store, enum statement which,
                    const struct queue_claim *claim, struct row *ret)
{
    _cleanup_statement_ sqlite3_stmt *s = NULL;
    int r = store_query(store, which, &s, "ii", (int64_t)claim->kind, (int64_t)claim->now);
    return r < 0 ? r : row_first(store, s, ret);
}

/* Whoever held it is gone. A letter may be on paper by now, so it isn't given out again. */
static int lease_ended(struct queue_store *store, const struct row *row)
{
    bool letter = row->job.kind == JOB_LETTER;
    struct move move = {.state = letter ? JOB_UNCERTAIN : JOB_READY,
                        .note = letter ? "claimed, but nobody said whether it was printed" : NULL,
                        .untold = row->job.untold};
    return row_move(store, row, &move);
}

/* The entry may hold the id of what never went out: it is told. */
static int expired(struct queue_store *store, const struct row *row)
{
    bool noted = row->job.kind != JOB_REGISTRATION && row->job.entry[0];
    struct move move = {.state = JOB_FAILED, .note = "expired", .untold = noted};
    int r = row_move(store, row, &move);
    if (r >= 0)
        r = store_run(store, SQL_ERASE, "i", row->number);
    return r < 0 ? r : 0;
}

/* Returns how many were swept, at most CLAIM_SWEEP_MAX. */
static int sweep(struct queue_store *store, enum statement which, const struct queue_claim *claim,
                 int (*end)(struct queue_store *, const struct row *))
{
    for (int swept = 0; swept < CLAIM_SWEEP_MAX; swept++) {
        struct row row;
        int r = next_row(store, which, claim, &row);
        if (r == -ENOENT)
            return swept;
        if (r >= 0)
            r = end(store, &row);
        if (r < 0)
            return r;
    }
    return CLAIM_SWEEP_MAX;
}

static int claim_next(struct queue_store *store, const struct queue_claim *claim,
                      struct job_list *list)
{
    struct row row = {0};
    int r = next_row(store, SQL_NEXT_READY, claim, &row);
    if (r >= 0)
        r = store_run(store, SQL_CLAIM, "iit", row.number, (int64_t)claim->lease, claim->batch);
    if (r >= 0)
        r = row_payload(store, &row);
    if (r < 0)
        return r;
    struct job *job = &row.job;
    job->state = JOB_CLAIMED;
    job->lease = claim->lease;
    job->fence++;
    job->attempts++;
    snprintf(job->batch, sizeof job->batch, "%s", claim->batch ? claim->batch : "");
    r = list_add(list, job);
    job_clear(job);
    return r;
}

/* The reply to an earlier claim was lost: the same again, with what payload there still is. */
static int batch_again(struct queue_store *store, const struct queue_claim *claim,
                       struct job_list *list)
{
    int r = store_run(store, SQL_RENEW, "ti", claim->batch, (int64_t)claim->lease);
    if (r < 0)
        return r;
    struct job_list rows = {0};
    _cleanup_statement_ sqlite3_stmt *s = NULL;
    r = store_query(store, SQL_BATCH_AGAIN, &s, "ti", claim->batch, (int64_t)list_bound(SIZE_MAX));
    if (r >= 0)
        r = list_rows(store, s, &rows);
    for (size_t i = 0; r >= 0 && i < rows.count; i++) {
        struct row row = {0};
        r = row_by_id(store, rows.items[i].id, &row);
        if (r >= 0)
            r = row_payload(store, &row);
        if (r >= 0)
            r = list_add(list, &row.job);
        job_clear(&row.job);
    }
    job_list_clear(&rows);
    return r;
}

int sqlite_claim(struct queue_store *store, struct queue_call *call)
{
    const struct queue_claim *claim = call->claim;
    int ended = sweep(store, SQL_NEXT_LEASE_ENDED, claim, lease_ended);
    if (ended < 0)
        return ended;
    int r = claim->batch && *claim->batch ? batch_exists(store, claim->batch) : 0;
    if (r != 0)
        return r < 0 ? r : batch_again(store, claim, &call->list);
    int late = sweep(store, SQL_NEXT_EXPIRED, claim, expired);
    if (late < 0)
        return late;
    if (ended == CLAIM_SWEEP_MAX || late == CLAIM_SWEEP_MAX)
        call->wake |= 1u << claim->kind;
    if (late == CLAIM_SWEEP_MAX)
        return 0; /* there may be more of them: never give out one that has expired */
    size_t most = list_bound(claim->most);
    while (r >= 0 && call->list.count < most)
        r = claim_next(store, claim, &call->list);
    return r == -ENOENT ? 0 : r;
}
