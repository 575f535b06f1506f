/* Reading of the SQLite store: rows into jobs, lists, counts, and what the directory must still be
   told. */
#include "config.h"

#include "queue-sqlite.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <wchar.h>

/* Most rows that one start sets aside of those that no query comes across. */
#define STRAYS_MAX 500

/* Copies text as far as it fits, with a question mark for each byte that isn't UTF-8. False when
   anything was lost. */
static bool text_copy(const unsigned char *text, size_t length, char *ret, size_t size)
{
    bool whole = true;
    size_t used = 0;
    mbstate_t state = {0};
    while (length > 0) {
        wchar_t c;
        size_t n = mbrtowc(&c, (const char *)text, length, &state);
        bool good = n > 0 && n <= length;
        if (!good) {
            state = (mbstate_t){0};
            n = 1;
            whole = false;
        }
        if (used + n >= size) {
            whole = false;
            break;
        }
        if (good)
            memcpy(ret + used, text, n);
        else
            ret[used] = '?';
        used += n;
        text += n;
        length -= n;
    }
    ret[used] = '\0';
    return whole;
}

void subject_mend(const char *subject, char ret[static JOB_SUBJECT_SIZE])
{
    (void)text_copy((const unsigned char *)subject, strlen(subject), ret, JOB_SUBJECT_SIZE);
}

static bool column_text(sqlite3_stmt *s, int column, char *ret, size_t size)
{
    const unsigned char *text = sqlite3_column_text(s, column);
    int length = sqlite3_column_bytes(s, column);
    return text_copy(text, text && length > 0 ? (size_t)length : 0, ret, size);
}

bool id_is_sound(const char *text)
{
    return strlen(text) == ULID_SIZE - 1 &&
           strspn(text, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") == ULID_SIZE - 1;
}

int job_damaged_read(const char *id, int64_t *ret)
{
    const char *digits = id + sizeof JOB_DAMAGED_ID - 1;
    if (strncmp(id, JOB_DAMAGED_ID, sizeof JOB_DAMAGED_ID - 1) != 0 || !*digits ||
        strspn(digits, "0123456789") != strlen(digits) || strlen(id) >= ULID_SIZE)
        return -EINVAL;
    errno = 0;
    long long number = strtoll(digits, NULL, 10);
    if (errno != 0)
        return -EINVAL;
    *ret = number;
    return 0;
}

static const char *row_read_texts(sqlite3_stmt *s, struct job *job)
{
    if (!column_text(s, 1, job->id, sizeof job->id) || !id_is_sound(job->id)) {
        job->id[0] = '\0'; /* what fits of it may look like one */
        return "its id is none";
    }
    if (!column_text(s, 4, job->topic, sizeof job->topic))
        return "its topic can't be read";
    if (!column_text(s, 5, job->entry, sizeof job->entry) ||
        !column_text(s, 6, job->subject, sizeof job->subject))
        return "whom it is for can't be read";
    if (!column_text(s, 7, job->address, sizeof job->address) ||
        !column_text(s, 8, job->reference, sizeof job->reference) ||
        !column_text(s, 9, job->parent, sizeof job->parent) ||
        !column_text(s, 10, job->batch, sizeof job->batch))
        return "what it belongs to can't be read";
    return NULL;
}

/* The columns as COLUMNS (queue-sqlite-sql.c) names them, as far as they can be read. Returns why
   the row can't be what was written, or NULL. */
static const char *row_read(sqlite3_stmt *s, struct row *ret)
{
    int64_t kind = sqlite3_column_int64(s, 2), state = sqlite3_column_int64(s, 3);
    int64_t fence = sqlite3_column_int64(s, 15), attempts = sqlite3_column_int64(s, 16);
    *ret = (struct row){.number = sqlite3_column_int64(s, 0)};
    if (kind < 0 || kind >= JOB_KINDS || state < 0 || state >= JOB_STATES)
        return "there is no such kind or state";
    struct job *job = &ret->job;
    const char *why = row_read_texts(s, job);
    if (!why && (fence < 0 || attempts < 0 || attempts > UINT_MAX))
        why = "it can't have been claimed so often";
    job->kind = (enum job_kind)kind;
    job->state = (enum job_state)state;
    job->created = sqlite3_column_int64(s, 11);
    job->due = sqlite3_column_int64(s, 12);
    job->expires = sqlite3_column_int64(s, 13);
    job->lease = sqlite3_column_int64(s, 14);
    job->fence = (uint64_t)fence;
    job->attempts = (unsigned)attempts;
    job->happened = sqlite3_column_int64(s, 17);
    job->untold = sqlite3_column_int64(s, 18) > 0;
    (void)column_text(s, 19, job->note, sizeof job->note); /* for people, who take what there is */
    job->tell_at = sqlite3_column_int64(s, 20);
    job->tell_tries = (unsigned)sqlite3_column_int64(s, 21);
    (void)column_text(s, 22, job->tell_note, sizeof job->tell_note);
    if (job->state != JOB_DAMAGED)
        return why;
    if (!id_is_sound(job->id))
        (void)snprintf(job->id, sizeof job->id, JOB_DAMAGED_ID "%lld", (long long)ret->number);
    return NULL;
}

static void aside_remember(struct queue_store *store, int64_t number, const char *why)
{
    if (store->aside_count == ASIDE_MAX)
        return;
    store->aside[store->aside_count].number = number;
    store->aside[store->aside_count++].why = why;
}

int rows_set_aside(struct queue_store *store)
{
    int count = (int)store->aside_count;
    while (store->aside_count > 0) {
        store->aside_count--;
        int r = store_run(store, SQL_SET_ASIDE, "it", store->aside[store->aside_count].number,
                          store->aside[store->aside_count].why);
        if (r < 0)
            return r;
    }
    return count;
}

bool row_is_behind_damaged(struct queue_store *store, int *r)
{
    if (*r != -ENOENT || store->aside_count == 0)
        return false;
    int aside = rows_set_aside(store);
    if (aside < 0)
        *r = aside;
    return aside > 0;
}

int strays_set_aside(struct queue_store *store)
{
    int64_t numbers[STRAYS_MAX];
    size_t count = 0;
    int r;
    {
        _cleanup_statement_ sqlite3_stmt *s = NULL;
        r = store_query(store, SQL_STRAYS, &s, "i", (int64_t)STRAYS_MAX);
        while (r >= 0 && count < STRAYS_MAX && (r = store_step(store, s)) > 0)
            numbers[count++] = sqlite3_column_int64(s, 0);
    }
    for (size_t i = 0; r >= 0 && i < count; i++)
        r = store_run(store, SQL_SET_ASIDE, "it", numbers[i],
                      "there is no such kind, state or lane");
    return r < 0 ? r : 0;
}

int row_first(struct queue_store *store, sqlite3_stmt *s, struct row *ret)
{
    struct row row;
    int r;
    while ((r = store_step(store, s)) > 0) {
        const char *why = row_read(s, &row);
        if (!why) {
            *ret = row;
            return 0;
        }
        aside_remember(store, row.number, why);
    }
    return r < 0 ? r : -ENOENT;
}

static int row_ask(struct queue_store *store, const char *id, struct row *ret)
{
    _cleanup_statement_ sqlite3_stmt *s = NULL;
    int64_t number = 0;
    int r = job_damaged_read(id, &number) == 0 ? store_query(store, SQL_BY_NUMBER, &s, "i", number)
                                               : store_query(store, SQL_BY_ID, &s, "t", id);
    return r < 0 ? r : row_first(store, s, ret);
}

int row_by_id(struct queue_store *store, const char *id, struct row *ret)
{
    int r = row_ask(store, id, ret);
    while (row_is_behind_damaged(store, &r)) /* now it says that it is */
        r = row_ask(store, id, ret);
    return r;
}

int batch_exists(struct queue_store *store, const char *batch)
{
    _cleanup_statement_ sqlite3_stmt *s = NULL;
    int r = store_query(store, SQL_BATCH_EXISTS, &s, "t", batch);
    return r < 0 ? r : store_step(store, s);
}

/* A job without a payload has none here either; nor has one whose payload can't be ours: whoever
   claims it will say that it is useless, where an error would keep all behind it waiting. */
int row_payload(struct queue_store *store, struct row *row)
{
    _cleanup_statement_ sqlite3_stmt *s = NULL;
    int r = store_query(store, SQL_PAYLOAD, &s, "i", row->number);
    if (r >= 0)
        r = store_step(store, s);
    if (r <= 0)
        return r;
    const void *body = sqlite3_column_blob(s, 0);
    int size = sqlite3_column_bytes(s, 0);
    if (!body || size <= 0 || size > JOB_PAYLOAD_MAX)
        return 0;
    row->job.payload = malloc((size_t)size);
    if (!row->job.payload)
        return -ENOMEM;
    memcpy(row->job.payload, body, (size_t)size);
    row->job.payload_size = (size_t)size;
    return 0;
}

int list_add(struct job_list *list, struct job *job)
{
    /* Full whenever the count is a power of two (or 0). */
    if ((list->count & (list->count - 1)) == 0) {
        size_t room = list->count ? list->count * 2 : 1;
        struct job *items = reallocarray(list->items, room, sizeof *items);
        if (!items)
            return -ENOMEM;
        list->items = items;
    }
    list->items[list->count++] = *job;
    job->payload = NULL;
    job->payload_size = 0;
    return 0;
}

int list_rows(struct queue_store *store, sqlite3_stmt *s, struct job_list *list)
{
    struct row row;
    int r = row_first(store, s, &row);
    for (; r >= 0; r = row_first(store, s, &row)) {
        r = list_add(list, &row.job);
        if (r < 0)
            return r;
    }
    return r == -ENOENT ? 0 : r;
}

size_t list_bound(size_t most)
{
    return most < QUEUE_LIST_MAX ? most : QUEUE_LIST_MAX;
}

int sqlite_get(struct queue_store *store, struct queue_call *call)
{
    struct row row;
    int r = row_by_id(store, call->id, &row);
    if (r >= 0)
        call->found = row.job;
    return r;
}

int sqlite_by_reference(struct queue_store *store, struct queue_call *call)
{
    struct row row;
    _cleanup_statement_ sqlite3_stmt *s = NULL;
    int r = store_query(store, SQL_BY_REFERENCE, &s, "t", call->id);
    if (r >= 0)
        r = row_first(store, s, &row);
    if (r >= 0)
        call->found = row.job;
    return r;
}

int sqlite_untold(struct queue_store *store, struct queue_call *call)
{
    _cleanup_statement_ sqlite3_stmt *s = NULL;
    int r = store_query(store, SQL_UNTOLD, &s, "ii", (int64_t)call->when,
                        (int64_t)list_bound(call->most));
    return r < 0 ? r : list_rows(store, s, &call->list);
}

int sqlite_told(struct queue_store *store, struct queue_call *call)
{
    struct row row;
    int r = row_by_id(store, call->job->id, &row);
    if (r >= 0)
        r = store_run(store, SQL_TOLD, "iii", row.number, (int64_t)call->job->state,
                      (int64_t)call->job->happened);
    return r < 0 ? r : 0;
}

int sqlite_tell_later(struct queue_store *store, struct queue_call *call)
{
    struct row row;
    int r = row_by_id(store, call->job->id, &row);
    if (r >= 0)
        r = store_run(store, SQL_TELL_LATER, "iiiit", row.number, (int64_t)call->job->state,
                      (int64_t)call->job->happened, (int64_t)call->when, call->note);
    return r < 0 ? r : 0;
}

int sqlite_orphans(struct queue_store *store, struct queue_call *call)
{
    _cleanup_statement_ sqlite3_stmt *s = NULL;
    int r = store_query(store, SQL_ORPHANS, &s, "ii", (int64_t)call->when,
                        (int64_t)list_bound(call->most));
    return r < 0 ? r : list_rows(store, s, &call->list);
}

int sqlite_orphan_later(struct queue_store *store, struct queue_call *call)
{
    struct row row;
    int r = row_by_id(store, call->id, &row);
    if (r >= 0 && row.job.state == JOB_STAGED)
        r = store_run(store, SQL_ORPHAN_LATER, "iit", row.number, (int64_t)call->when, call->note);
    return r < 0 ? r : 0;
}

int sqlite_count_mails(struct queue_store *store, struct queue_call *call)
{
    _cleanup_statement_ sqlite3_stmt *s = NULL;
    int64_t count = 0;
    int r =
        store_query(store, call->address ? SQL_COUNT_ADDRESS : SQL_COUNT_ENTRY, &s, "tit",
                    call->address ? call->address : call->entry, (int64_t)call->when, call->topic);
    if (r >= 0)
        r = store_number(store, s, &count);
    call->count = (unsigned)count;
    return r;
}

static int job_compare(const void *a, const void *b)
{
    return strcmp(((const struct job *)a)->id, ((const struct job *)b)->id);
}

/* Keeps the first `most` by id. */
static void list_cut(struct job_list *list, size_t most)
{
    if (list->count == 0)
        return;
    qsort(list->items, list->count, sizeof *list->items, job_compare);
    while (list->count > most)
        job_clear(&list->items[--list->count]);
}

/* By kind and state, each from its index, and merged: a full look at a long history never
   happens. */
static int list_states(struct queue_store *store, const struct queue_filter *filter,
                       struct job_list *list)
{
    size_t most = list_bound(filter->most);
    int r = 0;
    for (int cell = 0; r >= 0 && cell < JOB_KINDS * JOB_STATES; cell++) {
        int kind = cell / JOB_STATES, state = cell % JOB_STATES;
        if ((filter->kind >= 0 && filter->kind != kind) ||
            (filter->state >= 0 && filter->state != state) ||
            (filter->unfinished && job_ended((enum job_state)state)))
            continue;
        _cleanup_statement_ sqlite3_stmt *s = NULL;
        r = store_query(store, SQL_LIST_STATE, &s, "iiti", (int64_t)kind, (int64_t)state,
                        filter->after, (int64_t)most);
        if (r >= 0)
            r = list_rows(store, s, list);
        list_cut(list, most);
    }
    return r;
}

int sqlite_list(struct queue_store *store, struct queue_call *call)
{
    const struct queue_filter *filter = call->filter;
    if (!filter->entry && !filter->batch && !filter->address)
        return list_states(store, filter, &call->list);
    _cleanup_statement_ sqlite3_stmt *s = NULL;
    const char *key = filter->entry ? filter->entry : filter->address;
    int r = store_query(store,
                        filter->entry     ? SQL_LIST_ENTRY
                        : filter->address ? SQL_LIST_ADDRESS
                                          : SQL_LIST_BATCH,
                        &s, "ttiitii", key ? key : filter->batch, filter->after,
                        (int64_t)filter->kind, (int64_t)filter->state, filter->batch,
                        (int64_t)filter->unfinished, (int64_t)list_bound(filter->most));
    if (r >= 0)
        r = list_rows(store, s, &call->list);
    list_cut(&call->list, list_bound(filter->most));
    return r;
}

static int stats_tally(struct queue_store *store, struct queue_stats *stats)
{
    _cleanup_statement_ sqlite3_stmt *s = NULL;
    int r = store_query(store, SQL_TALLY, &s, "");
    while (r >= 0 && (r = store_step(store, s)) > 0) {
        int64_t kind = sqlite3_column_int64(s, 0), state = sqlite3_column_int64(s, 1);
        if (kind < 0 || kind >= JOB_KINDS || state < 0 || state >= JOB_STATES)
            return -EBADMSG;
        stats->count[kind][state] = (unsigned long)sqlite3_column_int64(s, 2);
    }
    return r;
}

static int stats_oldest(struct queue_store *store, int kind, time_t *oldest)
{
    static const enum job_state open_states[] = {JOB_STAGED, JOB_READY, JOB_CLAIMED, JOB_PRINTED,
                                                 JOB_UNCERTAIN};
    for (size_t i = 0; i < ELEMENTS(open_states); i++) {
        _cleanup_statement_ sqlite3_stmt *s = NULL;
        int64_t created = 0;
        int r = store_query(store, SQL_OLDEST, &s, "ii", (int64_t)kind, (int64_t)open_states[i]);
        if (r >= 0)
            r = store_number(store, s, &created);
        if (r < 0)
            return r;
        if (created > 0 && (*oldest == 0 || created < *oldest))
            *oldest = created;
    }
    return 0;
}

static int stats_untold(struct queue_store *store, struct queue_stats *stats)
{
    _cleanup_statement_ sqlite3_stmt *all = NULL, *never = NULL;
    int64_t untold = 0, untellable = 0;
    int r = store_query(store, SQL_COUNT_UNTOLD, &all, "");
    if (r >= 0)
        r = store_number(store, all, &untold);
    if (r >= 0)
        r = store_query(store, SQL_COUNT_UNTELLABLE, &never, "i", (int64_t)JOB_TELL_TRIES);
    if (r >= 0)
        r = store_number(store, never, &untellable);
    stats->untold = (unsigned long)untold;
    stats->untellable = (unsigned long)untellable;
    return r;
}

int sqlite_stats(struct queue_store *store, struct queue_call *call)
{
    int r = stats_tally(store, &call->stats);
    for (int kind = 0; r >= 0 && kind < JOB_KINDS; kind++)
        r = stats_oldest(store, kind, &call->stats.oldest[kind]);
    if (r >= 0)
        r = stats_untold(store, &call->stats);
    for (unsigned kind = 0; kind < JOB_KINDS; kind++)
        call->stats.damaged += call->stats.count[kind][JOB_DAMAGED];
    for (unsigned need = 0; r >= 0 && need < NEEDS; need++) {
        int room = store_room(store, (enum job_need)need);
        call->stats.refused[need] = room == -ENOSPC;
        r = room == -ENOSPC ? 0 : room;
    }
    return r;
}

int sqlite_waiting(struct queue_store *store, struct queue_call *call)
{
    struct queue_stats stats = {0};
    int r = stats_tally(store, &stats);
    for (unsigned kind = 0; r >= 0 && kind < JOB_KINDS; kind++)
        if (stats.count[kind][JOB_READY] > 0 || stats.count[kind][JOB_CLAIMED] > 0)
            call->wake |= 1u << kind;
    _cleanup_statement_ sqlite3_stmt *s = NULL;
    int64_t untold = 0;
    if (r >= 0)
        r = store_query(store, SQL_ANY_UNTOLD, &s, "");
    if (r >= 0)
        r = store_number(store, s, &untold);
    if (untold > 0)
        call->wake |= 1u << QUEUE_WAKE_UNTOLD;
    return r;
}
