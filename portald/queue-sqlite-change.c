/* Changes of the SQLite store, but for claiming: putting in, making ready, and the ends that a job
   can come to. */
#include "config.h"

#include "queue-sqlite.h"

#include <sys/statvfs.h>

/* Most rows that one queue_prune() removes. */
#define PRUNE_MAX 300
/* Letters that were printed or uncertain, and of which nobody has ever said more, are kept for so
   many times the history. */
#define UNRESOLVED_KEEPS 3
/* With so many ready jobs of a kind a customer belongs to the crowd. */
#define CROWD 16
/* Reserves on a disk are parts of what it holds, but no more than of this. */
#define DISK_MAX (UINT64_C(256) << 20)

/* Payloads go with the end of a job (a printed letter's too: it won't be printed again). Only a
   mail or letter that failed keeps its own, as long as it is good for anything, so that an operator
   can have it tried again. */
static int payload_settle(struct queue_store *store, const struct row *row, enum job_state state)
{
    if (!job_ended(state) && state != JOB_PRINTED)
        return 0;
    if (state != JOB_FAILED || row->job.kind == JOB_REGISTRATION)
        return store_run(store, SQL_ERASE, "i", row->number);
    if (row->job.expires == 0)
        return 0;
    return store_run(store, SQL_KEEP_PAYLOAD_UNTIL, "ii", row->number, (int64_t)row->job.expires);
}

int row_move(struct queue_store *store, const struct row *row, const struct move *move)
{
    int r = store_run(store, SQL_MOVE, "iitii", row->number, (int64_t)move->state, move->note,
                      (int64_t)move->happened, (int64_t)move->untold);
    if (r >= 0)
        r = payload_settle(store, row, move->state);
    return r < 0 ? r : 0;
}

int row_make_ready(struct queue_store *store, const struct row *row, time_t due, const char *note)
{
    int r = store_run(store, SQL_MAKE_READY, "iit", row->number, (int64_t)due, note);
    return r < 0 ? r : 0;
}

static bool text_ends(const char *text, size_t size)
{
    return memchr(text, '\0', size) != NULL;
}

static int job_check(const struct job *job)
{
    bool texts = text_ends(job->id, sizeof job->id) && text_ends(job->topic, sizeof job->topic) &&
                 text_ends(job->entry, sizeof job->entry) &&
                 text_ends(job->subject, sizeof job->subject) &&
                 text_ends(job->address, sizeof job->address) &&
                 text_ends(job->reference, sizeof job->reference) &&
                 text_ends(job->parent, sizeof job->parent) &&
                 text_ends(job->batch, sizeof job->batch) && text_ends(job->note, sizeof job->note);
    if (!texts || !id_is_sound(job->id) || job->kind >= JOB_KINDS ||
        job->payload_size > JOB_PAYLOAD_MAX || (job->payload_size > 0 && !job->payload))
        return -EINVAL;
    return job->state == JOB_STAGED || job->state == JOB_READY ? 0 : -EINVAL;
}

/* Whether the disk has room for a job of this need; what a full one can take after all is still
   tried for those that must. Asked once a transaction. */
static int disk_room(struct queue_store *store, enum job_need need)
{
    struct statvfs disk;
    if (need == NEED_MUST)
        return 0;
    if (store->disk == 0) {
        if (statvfs(store->path, &disk) < 0)
            return -errno;
        uint64_t all = (uint64_t)disk.f_blocks * disk.f_frsize;
        store->disk = all < DISK_MAX ? all : DISK_MAX;
        store->disk_free = (uint64_t)disk.f_bavail * disk.f_frsize;
    }
    return store->disk_free >= job_need_reserve(need, store->disk) ? 0 : -ENOSPC;
}

/* 0 while there is room for one more of this need. */
static int queue_room(struct queue_store *store, enum job_need need)
{
    if (store->limit == 0)
        return 0;
    _cleanup_statement_ sqlite3_stmt *s = NULL;
    int64_t unfinished = 0;
    int r = store_query(store, SQL_COUNT_UNFINISHED, &s, "");
    if (r >= 0)
        r = store_number(store, s, &unfinished);
    if (r < 0)
        return r;
    uint64_t most = store->limit - job_need_reserve(need, store->limit);
    return (uint64_t)unfinished < most ? 0 : -ENOSPC;
}

int store_room(struct queue_store *store, enum job_need need)
{
    int r = queue_room(store, need);
    return r < 0 ? r : disk_room(store, need);
}

/* Who has many of this kind waiting joins the crowd, and keeps nobody else waiting. */
static int lane_find(struct queue_store *store, const struct job *job, enum job_lane *ret)
{
    *ret = job_lane(job->kind, job->topic);
    if (!job->subject[0])
        return 0;
    _cleanup_statement_ sqlite3_stmt *s = NULL;
    int64_t waiting = 0;
    int r =
        store_query(store, SQL_CROWD, &s, "tii", job->subject, (int64_t)job->kind, (int64_t)CROWD);
    if (r >= 0)
        r = store_number(store, s, &waiting);
    if (waiting >= CROWD)
        *ret = LANE_CROWD;
    return r;
}

int sqlite_put(struct queue_store *store, struct queue_call *call)
{
    struct job mended = *call->job;
    const struct job *job = &mended;
    enum job_need need = job_need(job->kind, job->topic);
    enum job_lane lane = LANE_CROWD;
    int r = job_check(job);
    if (r >= 0)
        subject_mend(call->job->subject, mended.subject);
    if (r >= 0)
        r = store_room(store, need);
    if (r >= 0)
        r = lane_find(store, job, &lane);
    if (r >= 0)
        r = store_run(store, SQL_INSERT,
                      "tiittttttt"
                      "iiiiti",
                      job->id, (int64_t)job->kind, (int64_t)job->state, job->topic, job->entry,
                      job->subject, job->address, job->reference, job->parent, job->batch,
                      (int64_t)job->created, (int64_t)job->due, (int64_t)job->expires,
                      (int64_t)job->lease, job->note, (int64_t)lane);
    if (r >= 0 && job->payload_size > 0)
        r = store_run(store, SQL_INSERT_PAYLOAD, "ib",
                      (int64_t)sqlite3_last_insert_rowid(store->db), (const void *)job->payload,
                      job->payload_size);
    if (r < 0)
        return r;
    if (job->state == JOB_READY)
        call->wake |= 1u << job->kind;
    return 0;
}

int sqlite_ready(struct queue_store *store, struct queue_call *call)
{
    struct row row;
    int r = row_by_id(store, call->id, &row);
    if (r < 0 || row.job.state != JOB_STAGED)
        return r;
    struct move move = {.state = JOB_READY, .untold = row.job.untold};
    call->wake |= 1u << row.job.kind;
    return row_move(store, &row, &move);
}

static int row_delete(struct queue_store *store, const struct row *row)
{
    int r = store_run(store, SQL_ERASE, "i", row->number);
    if (r >= 0)
        r = store_run(store, SQL_DELETE, "i", row->number);
    return r < 0 ? r : 0;
}

int sqlite_drop_staged(struct queue_store *store, struct queue_call *call)
{
    struct row row;
    int r = row_by_id(store, call->id, &row);
    if (r < 0)
        return r;
    if (row.job.state != JOB_STAGED)
        return -EPERM;
    return row_delete(store, &row);
}

/* The row, if fence is that of its last claim and that claim may still end it: also after its
   lease, as long as nobody else has it. */
static int row_held(struct queue_store *store, const char *id, uint64_t fence, struct row *ret)
{
    struct row row;
    int r = row_by_id(store, id, &row);
    if (r < 0)
        return r;
    bool held = row.job.state == JOB_CLAIMED || row.job.state == JOB_READY ||
                row.job.state == JOB_UNCERTAIN;
    if (fence == 0 || row.job.fence != fence || !held)
        return -ESTALE;
    *ret = row;
    return 0;
}

/* Whether this very end was recorded before: its answer may have been lost. */
static bool ended_before(struct queue_store *store, const struct queue_call *call, const char *id,
                         enum job_state end)
{
    struct row row;
    return row_by_id(store, id, &row) >= 0 && call->fence > 0 && row.job.fence == call->fence &&
           row.job.state == end;
}

static int finish(struct queue_store *store, struct queue_call *call, const char *id,
                  const struct move *move)
{
    struct row row;
    int r = row_held(store, id, call->fence, &row);
    if (r == -ESTALE && ended_before(store, call, id, move->state))
        return 0;
    if (r >= 0)
        r = row_move(store, &row, move);
    if (r >= 0 && move->untold)
        call->wake |= 1u << QUEUE_WAKE_UNTOLD;
    return r;
}

int sqlite_finish(struct queue_store *store, struct queue_call *call)
{
    struct move move = {
        .state = call->end, .note = call->note, .happened = call->when, .untold = call->untold};
    return job_ended(call->end) ? finish(store, call, call->id, &move) : -EINVAL;
}

int sqlite_ready_and_finish(struct queue_store *store, struct queue_call *call)
{
    struct move done = {.state = JOB_DONE, .note = call->note};
    int r = call->parent ? finish(store, call, call->parent, &done) : 0;
    if (r >= 0 && call->id)
        r = sqlite_ready(store, call);
    return r;
}

int sqlite_retry(struct queue_store *store, struct queue_call *call)
{
    struct row row;
    int r = row_held(store, call->id, call->fence, &row);
    if (r >= 0 && row.job.state == JOB_UNCERTAIN)
        return -ESTALE;
    if (r >= 0)
        r = row_make_ready(store, &row, call->when, call->note);
    if (r >= 0)
        call->wake |=
            1u << row.job.kind | (job_is_followed(&row.job) ? 1u << QUEUE_WAKE_UNTOLD : 0);
    return r;
}

int sqlite_printed(struct queue_store *store, struct queue_call *call)
{
    struct row row;
    int r = row_by_id(store, call->id, &row);
    if (r < 0)
        return r;
    if (!call->batch || !*call->batch || strcmp(row.job.batch, call->batch) != 0)
        return -ESTALE;
    if (row.job.state == JOB_PRINTED || row.job.state == JOB_DONE)
        return 0;
    if (row.job.state != JOB_CLAIMED && row.job.state != JOB_UNCERTAIN)
        return -ESTALE;
    struct move move = {
        .state = JOB_PRINTED, .note = call->note, .happened = call->when, .untold = true};
    call->wake |= 1u << QUEUE_WAKE_UNTOLD;
    return row_move(store, &row, &move);
}

static int row_ask(struct queue_store *store, enum statement which, const char *format,
                   const char *text, int kind, struct row *ret)
{
    _cleanup_statement_ sqlite3_stmt *s = NULL;
    int r = store_query(store, which, &s, format, text, (int64_t)kind);
    return r < 0 ? r : row_first(store, s, ret);
}

/* The next row of a query of one text and perhaps a kind. */
static int next_of(struct queue_store *store, enum statement which, const char *format,
                   const char *text, int kind, struct row *ret)
{
    int r = row_ask(store, which, format, text, kind, ret);
    while (row_is_behind_damaged(store, &r))
        r = row_ask(store, which, format, text, kind, ret);
    return r;
}

int sqlite_posted(struct queue_store *store, struct queue_call *call)
{
    struct move move = {.state = JOB_DONE, .happened = call->when, .untold = true};
    int r = batch_exists(store, call->batch);
    if (r == 0)
        return -ENOENT;
    while (r >= 0) {
        struct row row;
        r = next_of(store, SQL_NEXT_PRINTED, "t", call->batch, 0, &row);
        if (r >= 0)
            r = row_move(store, &row, &move);
        if (r < 0)
            return r == -ENOENT ? 0 : r;
        call->count++;
        call->wake |= 1u << QUEUE_WAKE_UNTOLD;
    }
    return r;
}

int sqlite_withdraw(struct queue_store *store, struct queue_call *call)
{
    struct move move = {.state = JOB_WITHDRAWN, .note = call->note};
    int r = store_run(store, SQL_ERASE_FAILED_OF_ENTRY, "ti", call->entry, (int64_t)call->kind);
    while (r >= 0) {
        struct row row;
        r = next_of(store, SQL_NEXT_OF_ENTRY, "ti", call->entry, call->kind, &row);
        if (r >= 0)
            r = row_move(store, &row, &move);
        if (r >= 0)
            call->count++;
    }
    return r == -ENOENT ? 0 : r;
}

int sqlite_withdraw_one(struct queue_store *store, struct queue_call *call)
{
    struct row row;
    int r = row_by_id(store, call->id, &row);
    if (r < 0)
        return r;
    if (job_ended(row.job.state))
        return -EPERM;
    if (row.job.state == JOB_DAMAGED)
        return row_delete(store, &row);
    bool noted = row.job.kind != JOB_REGISTRATION && row.job.entry[0];
    struct move move = {.state = JOB_WITHDRAWN, .note = call->note, .untold = noted};
    if (noted)
        call->wake |= 1u << QUEUE_WAKE_UNTOLD;
    return row_move(store, &row, &move);
}

static bool retry_allowed(const struct row *row, time_t now)
{
    const struct job *job = &row->job;
    if (job->expires > 0 && job->expires <= now)
        return false;
    return job->state == JOB_READY || (job->state == JOB_FAILED && job->payload);
}

int sqlite_retry_now(struct queue_store *store, struct queue_call *call)
{
    struct row row;
    int r = row_by_id(store, call->id, &row);
    if (r >= 0)
        r = row_payload(store, &row);
    if (r < 0)
        return r;
    bool allowed = retry_allowed(&row, call->when);
    job_clear(&row.job);
    if (row.job.untold && row.job.tell_tries > 0) {
        call->wake |= 1u << QUEUE_WAKE_UNTOLD;
        r = store_run(store, SQL_TELL_NOW, "i", row.number);
        if (r < 0 || !allowed)
            return r < 0 ? r : 0;
    }
    if (!allowed)
        return -EPERM;
    call->wake |= 1u << row.job.kind;
    if (row.job.state == JOB_READY && row.job.due <= call->when)
        return 0;
    return row_make_ready(store, &row, call->when, NULL);
}

/* Returns how many jobs went, with their payloads. */
static int prune_states(struct queue_store *store, enum statement payloads, enum statement jobs,
                        int64_t before)
{
    int r = store_run(store, payloads, "ii", before, (int64_t)PRUNE_MAX);
    return r < 0 ? r : store_run(store, jobs, "ii", before, (int64_t)PRUNE_MAX);
}

int sqlite_prune(struct queue_store *store, struct queue_call *call)
{
    int64_t now = call->when, keep = store->keep;
    int strays = strays_set_aside(store);
    int spent =
        strays < 0 ? strays : store_run(store, SQL_PRUNE_SPENT, "ii", now, (int64_t)PRUNE_MAX);
    if (spent < 0)
        return spent;
    int ended = prune_states(store, SQL_PRUNE_PAYLOADS, SQL_PRUNE_JOBS, now - keep);
    if (ended < 0)
        return ended;
    int open = prune_states(store, SQL_PRUNE_OPEN_PAYLOADS, SQL_PRUNE_OPEN_JOBS,
                            now - keep * UNRESOLVED_KEEPS);
    call->more = spent == PRUNE_MAX || ended == PRUNE_MAX || open == PRUNE_MAX;
    return open < 0 ? open : 0;
}
