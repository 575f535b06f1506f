/* What people and print stations say of letters in the SQLite store, beyond printed and posted:
   queue_sent_to(), queue_uncertain(), queue_again(), queue_returned(). */
#include "config.h"

#include "queue-sqlite.h"

static int letter_by_id(struct queue_store *store, const char *id, struct row *ret)
{
    int r = row_by_id(store, id, ret);
    if (r < 0)
        return r;
    return ret->job.kind == JOB_LETTER ? 0 : -EPERM;
}

int sqlite_uncertain(struct queue_store *store, struct queue_call *call)
{
    struct row row;
    int r = letter_by_id(store, call->id, &row);
    if (r < 0)
        return r;
    if (!call->batch || !*call->batch || strcmp(row.job.batch, call->batch) != 0)
        return -ESTALE;
    if (row.job.state == JOB_UNCERTAIN)
        return 0;
    if (row.job.state != JOB_CLAIMED)
        return -ESTALE;
    struct move move = {.state = JOB_UNCERTAIN, .note = call->note, .untold = true};
    call->wake |= 1u << QUEUE_WAKE_UNTOLD;
    return row_move(store, &row, &move);
}

int sqlite_again(struct queue_store *store, struct queue_call *call)
{
    struct row row;
    int r = letter_by_id(store, call->id, &row);
    if (r < 0)
        return r;
    if (row.job.state != JOB_UNCERTAIN)
        return -EPERM;
    call->wake |= 1u << row.job.kind | 1u << QUEUE_WAKE_UNTOLD;
    return row_make_ready(store, &row, call->when, call->note);
}

int sqlite_returned(struct queue_store *store, struct queue_call *call)
{
    struct row row;
    int r = letter_by_id(store, call->id, &row);
    if (r < 0)
        return r;
    if (row.job.state != JOB_PRINTED && row.job.state != JOB_DONE && row.job.state != JOB_WITHDRAWN)
        return -EPERM;
    struct move move = {
        .state = JOB_DONE, .note = call->note, .happened = call->when, .untold = row.job.untold};
    return row_move(store, &row, &move);
}

int sqlite_sent_to(struct queue_store *store, struct queue_call *call)
{
    struct row row;
    int r = letter_by_id(store, call->id, &row);
    if (r < 0)
        return r;
    if (row.job.fence != call->fence || row.job.state != JOB_CLAIMED)
        return -ESTALE;
    r = store_run(store, SQL_SENT_TO, "it", row.number, call->address);
    return r < 0 ? r : 0;
}
