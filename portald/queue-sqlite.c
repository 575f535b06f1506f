/* The store of the queue in one SQLite file: opening, transactions, statements. Write-ahead log,
   synced at each commit, by exactly one connection that locks everybody else out; the table of
   functions at the end is the way in. */
#include "config.h"

#include "queue-sqlite.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <sys/stat.h>
#include <time.h>

/* At this many pages (16 MiB) the log is carried over into the file; before that when nobody
   waits. */
#define STORE_FRAMES_MAX 4000

/* How long the file is looked through when it is opened, and after how many steps of SQLite's
   machine the clock is asked. */
#define CHECK_SECONDS 1
#define CHECK_STEPS   1000

/* How SQLite's codes translate. */
static const struct {
    int code, error;
} store_errors[] = {
    {SQLITE_NOMEM, -ENOMEM},      {SQLITE_BUSY, -EBUSY},      {SQLITE_LOCKED, -EBUSY},
    {SQLITE_FULL, -ENOSPC},       {SQLITE_CORRUPT, -EBADMSG}, {SQLITE_NOTADB, -EBADMSG},
    {SQLITE_READONLY, -EROFS},    {SQLITE_PERM, -EACCES},     {SQLITE_TOOBIG, -E2BIG},
    {SQLITE_CONSTRAINT, -EEXIST},
};

int store_error(sqlite3 *db, int code)
{
    int primary = code & 0xff;
    if (primary == SQLITE_OK || primary == SQLITE_ROW || primary == SQLITE_DONE)
        return 0;
    for (size_t i = 0; i < ELEMENTS(store_errors); i++)
        if (store_errors[i].code == primary)
            return store_errors[i].error;
    int system = db ? sqlite3_system_errno(db) : 0;
    if (primary == SQLITE_CANTOPEN && system > 0)
        return -system;
    if (primary == SQLITE_IOERR && (system == ENOSPC || system == EDQUOT))
        return -ENOSPC;
    return -EIO;
}

static int bind_one(sqlite3_stmt *s, int place, char type, va_list *arguments)
{
    const char *text;
    const void *body;
    switch (type) {
    case 't':
        text = va_arg(*arguments, const char *);
        if (!text || !*text)
            return sqlite3_bind_null(s, place);
        return sqlite3_bind_text(s, place, text, -1, SQLITE_STATIC);
    case 'b':
        body = va_arg(*arguments, const void *);
        return sqlite3_bind_blob64(s, place, body, va_arg(*arguments, size_t), SQLITE_STATIC);
    default:
        return sqlite3_bind_int64(s, place, va_arg(*arguments, int64_t));
    }
}

static int store_prepare(struct queue_store *store, enum statement which, sqlite3_stmt **ret)
{
    sqlite3_stmt **s = &store->statements[which];
    if (!*s) {
        int code =
            sqlite3_prepare_v3(store->db, store_sql[which], -1, SQLITE_PREPARE_PERSISTENT, s, NULL);
        if (code != SQLITE_OK)
            return store_error(store->db, code);
    }
    *ret = *s;
    return 0;
}

static int store_bind(struct queue_store *store, enum statement which, sqlite3_stmt **ret,
                      const char *format, va_list *arguments)
{
    _cleanup_statement_ sqlite3_stmt *s = NULL;
    int r = store_prepare(store, which, &s);
    if (r < 0)
        return r;
    int code = SQLITE_OK;
    for (int i = 0; format[i] && code == SQLITE_OK; i++)
        code = bind_one(s, i + 1, format[i], arguments);
    if (code != SQLITE_OK)
        return store_error(store->db, code);
    *ret = TAKE(s);
    return 0;
}

int store_query(struct queue_store *store, enum statement which, sqlite3_stmt **ret,
                const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int r = store_bind(store, which, ret, format, &arguments);
    va_end(arguments);
    return r;
}

int store_step(struct queue_store *store, sqlite3_stmt *s)
{
    int code = sqlite3_step(s);
    return code == SQLITE_ROW ? 1 : store_error(store->db, code);
}

int store_run(struct queue_store *store, enum statement which, const char *format, ...)
{
    _cleanup_statement_ sqlite3_stmt *s = NULL;
    va_list arguments;
    va_start(arguments, format);
    int r = store_bind(store, which, &s, format, &arguments);
    va_end(arguments);
    if (r >= 0)
        r = store_step(store, s);
    return r < 0 ? r : sqlite3_changes(store->db);
}

int store_number(struct queue_store *store, sqlite3_stmt *s, int64_t *ret)
{
    int r = store_step(store, s);
    if (r < 0)
        return r;
    *ret = r > 0 ? sqlite3_column_int64(s, 0) : 0;
    return 0;
}

struct pragma {
    const char *set, *get, *want;
};

/* Sets a pragma and reads it back: SQLite answers a wish that it can't grant with what it does
   instead. */
static int pragma_set(sqlite3 *db, const struct pragma *pragma)
{
    int code = sqlite3_exec(db, pragma->set, NULL, NULL, NULL);
    sqlite3_stmt *s = NULL;
    if (code == SQLITE_OK)
        code = sqlite3_prepare_v2(db, pragma->get, -1, &s, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_step(s);
    const char *got = code == SQLITE_ROW ? (const char *)sqlite3_column_text(s, 0) : NULL;
    bool granted = got && strcmp(got, pragma->want) == 0;
    sqlite3_finalize(s);
    if (granted)
        return 0;
    return code == SQLITE_ROW ? -EOPNOTSUPP : store_error(db, code);
}

/* Locking before the log is first looked at: so there is no shared memory, and nobody else. Nothing
   of these changes the file. */
static const struct pragma pragmas_before[] = {
    {"PRAGMA locking_mode = EXCLUSIVE", "PRAGMA locking_mode", "exclusive"},
    {"PRAGMA temp_store = MEMORY", "PRAGMA temp_store", "2"},
    {"PRAGMA cell_size_check = ON", "PRAGMA cell_size_check", "1"},
    {"PRAGMA trusted_schema = OFF", "PRAGMA trusted_schema", "0"},
    {"PRAGMA cache_size = -4096", "PRAGMA cache_size", "-4096"},
    {"PRAGMA secure_delete = ON", "PRAGMA secure_delete", "1"},
};

/* Once the file is known to be ours. */
static const struct pragma pragmas_after[] = {
    {"PRAGMA journal_mode = WAL", "PRAGMA journal_mode", "wal"},
    {"PRAGMA synchronous = FULL", "PRAGMA synchronous", "2"},
    {"PRAGMA wal_autocheckpoint = 0", "PRAGMA wal_autocheckpoint", "0"},
};

static int pragmas_set(sqlite3 *db, const struct pragma *pragmas, size_t count)
{
    int r = 0;
    for (size_t i = 0; r >= 0 && i < count; i++)
        r = pragma_set(db, &pragmas[i]);
    return r;
}

/* Makes the file when it is missing, for its owner alone, with its name on disk. An existing one is
   not opened here: closing a second descriptor would let go of the locks of a first. */
static int file_make(const char *path)
{
    _cleanup_close_ int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return errno == EEXIST ? 0 : -errno;
    const char *slash = strrchr(path, '/');
    _cleanup_free_ char *parent = slash ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");
    if (!parent)
        return -ENOMEM;
    _cleanup_close_ int directory = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0 || fsync(directory) < 0)
        return -errno;
    return 0;
}

static int frames_count(void *argument, sqlite3 *db, const char *name, int frames)
{
    (void)db;
    (void)name;
    struct queue_store *store = argument;
    store->frames = frames;
    store->log_used = true;
    return SQLITE_OK;
}

static int time_is_up(void *argument)
{
    const struct timespec *until = argument;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec > until->tv_sec ||
           (now.tv_sec == until->tv_sec && now.tv_nsec >= until->tv_nsec);
}

/* Looks through the file as far as CHECK_SECONDS allow. -EBADMSG when damage was found. */
static int store_check(struct queue_store *store)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += CHECK_SECONDS;
    sqlite3_stmt *s = NULL;
    int code = sqlite3_prepare_v2(store->db, "PRAGMA quick_check(1)", -1, &s, NULL);
    if (code == SQLITE_OK) {
        sqlite3_progress_handler(store->db, CHECK_STEPS, time_is_up, &until);
        code = sqlite3_step(s);
        sqlite3_progress_handler(store->db, 0, NULL, NULL);
    }
    const char *found = code == SQLITE_ROW ? (const char *)sqlite3_column_text(s, 0) : NULL;
    bool good = !found || strcmp(found, "ok") == 0;
    sqlite3_finalize(s);
    if (code == SQLITE_ROW)
        return good ? 0 : -EBADMSG;
    return code == SQLITE_INTERRUPT ? 0 : store_error(store->db, code);
}

static int store_configure(struct queue_store *store)
{
    sqlite3_extended_result_codes(store->db, 1);
    int64_t version = 0;
    int r = pragmas_set(store->db, pragmas_before, ELEMENTS(pragmas_before));
    if (r >= 0)
        r = store_version(store->db, &version);
    if (r >= 0)
        r = store_check(store);
    if (r >= 0)
        r = pragmas_set(store->db, pragmas_after, ELEMENTS(pragmas_after));
    if (r < 0)
        return r;
    sqlite3_wal_hook(store->db, frames_count, store);
    return store_migrate(store->db, version);
}

/* Under load the log starts over from its beginning, which costs less than to let it go and grow
   again (growing makes each sync a write of metadata as well); what it still holds is overwritten
   soon. When nobody waits it is cut off. */
static void sqlite_tidy(struct queue_store *store, bool idle)
{
    int mode = idle ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_RESTART;
    if (!store->log_used || (!idle && store->frames < STORE_FRAMES_MAX))
        return;
    if (sqlite3_wal_checkpoint_v2(store->db, NULL, mode, NULL, NULL) != SQLITE_OK)
        return;
    store->frames = 0;
    store->log_used = !idle;
}

static struct queue_store *sqlite_close(struct queue_store *store)
{
    if (!store)
        return NULL;
    for (size_t i = 0; i < ELEMENTS(store->statements); i++)
        sqlite3_finalize(store->statements[i]);
    sqlite3_close(store->db);
    free(store->path);
    free(store);
    return NULL;
}

DEFINE_CLEANUP(struct queue_store, sqlite_close)

static int sqlite_open(const struct queue_options *options, struct queue_store **ret)
{
    _cleanup_(sqlite_close_p) struct queue_store *store = calloc(1, sizeof *store);
    if (!store)
        return -ENOMEM;
    store->limit = options->limit;
    store->keep = options->keep;
    store->path = strdup(options->path);
    int r = store->path ? file_make(options->path) : -ENOMEM;
    if (r < 0)
        return r;
    int code = sqlite3_open_v2(options->path, &store->db,
                               SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    if (code != SQLITE_OK)
        return store->db ? store_error(store->db, code) : -ENOMEM;
    r = store_configure(store);
    if (r < 0)
        return r;
    store->log_used = true; /* whatever a crash left there goes with the first tidying */
    *ret = TAKE(store);
    return 0;
}

static int sqlite_begin(struct queue_store *store)
{
    store->disk = 0;
    return store_run(store, SQL_BEGIN, "");
}

static int sqlite_commit(struct queue_store *store)
{
    int r = store_run(store, SQL_COMMIT, "");
    return r < 0 ? r : 0;
}

static void sqlite_rollback(struct queue_store *store)
{
    if (!sqlite3_get_autocommit(store->db))
        (void)store_run(store, SQL_ROLLBACK, "");
}

static int sqlite_mark(struct queue_store *store)
{
    store->aside_count = 0;
    return store_run(store, SQL_MARK, "");
}

static int sqlite_keep(struct queue_store *store)
{
    int r = rows_set_aside(store);
    if (r >= 0)
        r = store_run(store, SQL_KEEP, "");
    return r < 0 ? r : 0;
}

/* SQLite takes back a whole transaction of its own accord after some errors: then nothing is left
   to go back to. */
static int sqlite_undo(struct queue_store *store)
{
    if (sqlite3_get_autocommit(store->db))
        return -EIO;
    int r = store_run(store, SQL_UNDO, "");
    if (r >= 0 && rows_set_aside(store) < 0)
        store->aside_count = 0; /* they will be met again */
    return r < 0 ? r : sqlite_keep(store);
}

const struct queue_backend queue_backend_sqlite = {
    .name = "sqlite",
    .open = sqlite_open,
    .close = sqlite_close,
    .begin = sqlite_begin,
    .commit = sqlite_commit,
    .rollback = sqlite_rollback,
    .mark = sqlite_mark,
    .keep = sqlite_keep,
    .undo = sqlite_undo,
    .tidy = sqlite_tidy,
    .waiting = sqlite_waiting,
    .put = sqlite_put,
    .ready = sqlite_ready,
    .ready_and_finish = sqlite_ready_and_finish,
    .drop_staged = sqlite_drop_staged,
    .claim = sqlite_claim,
    .finish = sqlite_finish,
    .retry = sqlite_retry,
    .printed = sqlite_printed,
    .posted = sqlite_posted,
    .sent_to = sqlite_sent_to,
    .uncertain = sqlite_uncertain,
    .again = sqlite_again,
    .returned = sqlite_returned,
    .bounced = sqlite_bounced,
    .withdraw = sqlite_withdraw,
    .forget = sqlite_forget,
    .untold = sqlite_untold,
    .told = sqlite_told,
    .tell_later = sqlite_tell_later,
    .orphans = sqlite_orphans,
    .orphan_later = sqlite_orphan_later,
    .get = sqlite_get,
    .by_reference = sqlite_by_reference,
    .count_mails = sqlite_count_mails,
    .list = sqlite_list,
    .stats = sqlite_stats,
    .prune = sqlite_prune,
    .retry_now = sqlite_retry_now,
    .withdraw_one = sqlite_withdraw_one,
};
