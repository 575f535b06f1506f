/* Claiming from the SQLite store: what was left behind first, then what has expired, then what is
   due, one index look-up each. */
#include "config.h"

#include "queue-sqlite.h"

/* Most rows that one claim sweeps; when there are more, its caller is woken to come again. */
#define CLAIM_SWEEP_MAX 500

static int row_ask(struct queue_store *store, enum statement which, const struct queue_claim *claim,
                   struct row *ret)
{
    _cleanup_statement_ sqlite3_stmt *s = NULL;
    int r = store_query(store, which, &s, "ii", (int64_t)claim->kind, (int64_t)claim->now);
    return r < 0 ? r : row_first(store, s, ret);
}

static int next_row(struct queue_store *store, enum statement which,
                    const struct queue_claim *claim, struct row *ret)
{
    int r = row_ask(store, which, claim, ret);
    while (row_is_behind_damaged(store, &r))
        r = row_ask(store, which, claim, ret);
    return r;
}

/* Whoever held it is gone. A letter may be on paper by now, so it isn't given out again. */
static int lease_ended(struct queue_store *store, const struct row *row, bool *ret_untold)
{
    bool letter = row->job.kind == JOB_LETTER;
    struct move move = {.state = letter ? JOB_UNCERTAIN : JOB_READY,
                        .note = letter ? "claimed, but nobody said whether it was printed" : NULL,
                        .untold = row->job.untold || job_is_followed(&row->job)};
    *ret_untold = move.untold;
    return row_move(store, row, &move);
}

/* The entry may hold the id of what never went out: it is told. */
static int expired(struct queue_store *store, const struct row *row, bool *ret_untold)
{
    bool noted = row->job.kind != JOB_REGISTRATION && row->job.entry[0];
    struct move move = {.state = JOB_FAILED, .note = "expired", .untold = noted};
    *ret_untold = noted;
    int r = row_move(store, row, &move);
    if (r >= 0)
        r = store_run(store, SQL_ERASE, "i", row->number);
    return r < 0 ? r : 0;
}

/* Returns how many were swept, at most CLAIM_SWEEP_MAX. */
static int sweep(struct queue_store *store, enum statement which, struct queue_call *call,
                 const struct queue_claim *claim,
                 int (*end)(struct queue_store *, const struct row *, bool *ret_untold))
{
    bool untold = false;
    for (int swept = 0; swept < CLAIM_SWEEP_MAX; swept++) {
        struct row row;
        int r = next_row(store, which, claim, &row);
        if (r == -ENOENT)
            return swept;
        if (r >= 0)
            r = end(store, &row, &untold);
        if (untold)
            call->wake |= 1u << QUEUE_WAKE_UNTOLD;
        if (r < 0)
            return r;
    }
    return CLAIM_SWEEP_MAX;
}

static int row_claim(struct queue_store *store, const struct queue_claim *claim, struct row *row,
                     struct job_list *list)
{
    int r = store_run(store, SQL_CLAIM, "iit", row->number, (int64_t)claim->lease, claim->batch);
    if (r >= 0)
        r = row_payload(store, row);
    if (r < 0)
        return r;
    struct job *job = &row->job;
    job->state = JOB_CLAIMED;
    job->untold = job_is_followed(job);
    job->lease = claim->lease;
    job->fence++;
    job->attempts++;
    snprintf(job->batch, sizeof job->batch, "%s", claim->batch ? claim->batch : "");
    r = list_add(list, job);
    job_clear(job);
    return r;
}

/* The first job that is due in each lane. */
struct heads {
    struct row rows[LANES];
    unsigned stale;   /* lanes that must be looked at */
    unsigned waiting; /* lanes with a row */
};

static int head_ask(struct queue_store *store, const struct queue_claim *claim, unsigned lane,
                    struct row *ret)
{
    _cleanup_statement_ sqlite3_stmt *s = NULL;
    int r = store_query(store, SQL_NEXT_READY, &s, "iii", (int64_t)claim->kind, (int64_t)lane,
                        (int64_t)claim->now);
    return r < 0 ? r : row_first(store, s, ret);
}

static int heads_look(struct queue_store *store, const struct queue_claim *claim,
                      struct heads *heads)
{
    for (unsigned lane = 0; lane < LANES; lane++) {
        if (!(heads->stale & (1u << lane)))
            continue;
        int r = head_ask(store, claim, lane, &heads->rows[lane]);
        while (row_is_behind_damaged(store, &r))
            r = head_ask(store, claim, lane, &heads->rows[lane]);
        if (r < 0 && r != -ENOENT)
            return r;
        heads->waiting |= r == 0 ? 1u << lane : 0;
    }
    heads->stale = 0;
    return 0;
}

/* One job after another, each from the lane whose turn it is. */
static int claim_ready(struct queue_store *store, const struct queue_claim *claim,
                       struct job_list *list)
{
    size_t most = list_bound(claim->most);
    struct heads heads = {.stale = (1u << LANES) - 1};
    int r = 0;
    while (r >= 0 && list->count < most) {
        r = heads_look(store, claim, &heads);
        if (r < 0 || heads.waiting == 0)
            break;
        unsigned lane = lane_next(&store->turns[claim->kind], heads.waiting);
        heads.waiting &= ~(1u << lane);
        heads.stale = 1u << lane;
        r = row_claim(store, claim, &heads.rows[lane], list);
    }
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
    int ended = sweep(store, SQL_NEXT_LEASE_ENDED, call, claim, lease_ended);
    if (ended < 0)
        return ended;
    int r = claim->batch && *claim->batch ? batch_exists(store, claim->batch) : 0;
    if (r != 0)
        return r < 0 ? r : batch_again(store, claim, &call->list);
    int late = sweep(store, SQL_NEXT_EXPIRED, call, claim, expired);
    if (late < 0)
        return late;
    if (ended == CLAIM_SWEEP_MAX || late == CLAIM_SWEEP_MAX)
        call->wake |= 1u << claim->kind;
    if (late == CLAIM_SWEEP_MAX)
        return 0; /* there may be more of them: never give out one that has expired */
    r = claim_ready(store, claim, &call->list);
    for (size_t i = 0; i < call->list.count; i++)
        call->wake |= call->list.items[i].untold ? 1u << QUEUE_WAKE_UNTOLD : 0;
    return r;
}
