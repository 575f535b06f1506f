/* What came back for mails that the relay had accepted, in the SQLite store: queue_bounced(). */
#include "config.h"

#include "queue-sqlite.h"

int sqlite_bounced(struct queue_store *store, struct queue_call *call)
{
    struct row row;
    int r = row_by_id(store, call->id, &row);
    if (r < 0)
        return r;
    if (row.job.kind != JOB_MAIL)
        return -EPERM;
    if (!row.job.address[0]) /* its customer is forgotten, whom a diagnostic may name */
        return -ENOENT;
    /* The clerk tells the directory of the state that it finds. A bounce waits until it has, so
       that the directory only ever hears what the relay said when it took the mail. */
    if (row.job.untold || !(job_ended(row.job.state) || row.job.state == JOB_DAMAGED))
        return -EAGAIN;
    if (row.job.state != JOB_DONE ||
        (call->end == JOB_DONE && strcmp(row.job.note, call->note) == 0))
        return -EALREADY;
    struct move move = {.state = call->end, .note = call->note};
    return row_move(store, &row, &move);
}
