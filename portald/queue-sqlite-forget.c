/* Forgetting a person in the SQLite store: queue_forget(). The rows stay as history, but say no
   more whose they were than the entry does, which is forgotten, too. */
#include "config.h"

#include "queue-sqlite.h"

int sqlite_forget(struct queue_store *store, struct queue_call *call)
{
    int r = sqlite_withdraw(store, call);

    if (r >= 0)
        r = store_run(store, SQL_FORGET_REGISTRATIONS, "t", call->entry);
    if (r >= 0)
        r = store_run(store, SQL_FORGET_JOBS, "t", call->entry);
    for (char *const *policy = call->policies; r >= 0 && policy && *policy; policy++)
        r = store_run(store, SQL_FORGET_POLICY, "t", *policy);
    return r < 0 ? r : 0;
}
