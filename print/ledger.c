/* The print station's ledger in SQLite: ledger.h. */
#include "config.h"

#include "ledger.h"

#include "cleanup.h"
#include "clock.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>

#define BUSY_MS      10000
#define BUSY_STEP_US 20000
#define SYNC_FULL    2

struct ledger {
    int lock; /* its directory, locked */
    sqlite3 *db;
};

/* The n-th brings a ledger of version n to n + 1. Never changed once released. */
static const char *const migrations[] = {
    "BEGIN IMMEDIATE;"
    "CREATE TABLE batch (id TEXT PRIMARY KEY, begun INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE TABLE letter (number INTEGER PRIMARY KEY, job TEXT NOT NULL UNIQUE,"
    " batch TEXT NOT NULL, sha256 TEXT NOT NULL, pages INTEGER NOT NULL,"
    " printed INTEGER NOT NULL) STRICT;"
    "CREATE INDEX letter_batch ON letter (batch);"
    "PRAGMA user_version = 1;"
    "COMMIT;",
    /* state 1: printed, as all were before. */
    "BEGIN IMMEDIATE;"
    "ALTER TABLE batch ADD COLUMN refused INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE batch ADD COLUMN answered INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE letter ADD COLUMN state INTEGER NOT NULL DEFAULT 1;"
    "ALTER TABLE letter ADD COLUMN printer_job INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE letter ADD COLUMN why TEXT NOT NULL DEFAULT '';"
    "CREATE INDEX letter_at_printer ON letter (number) WHERE state = 0;"
    "PRAGMA user_version = 2;"
    "COMMIT;",
};
_Static_assert(LEDGER_AT_PRINTER == 0 && LEDGER_PRINTED == 1 && LEDGER_UNCERTAIN == 2,
               "numbers are stored");

#define COLUMNS "SELECT job, batch, sha256, pages, state, printer_job, why FROM letter "

static int ledger_error(int code)
{
    switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return -EBUSY;
    case SQLITE_NOMEM:
        return -ENOMEM;
    case SQLITE_FULL:
        return -ENOSPC;
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
    case SQLITE_CANTOPEN:
        return -EACCES;
    case SQLITE_CONSTRAINT:
        return -EEXIST;
    default:
        return -EIO;
    }
}

static void statement_p(sqlite3_stmt **s)
{
    sqlite3_finalize(*s);
}

/* Prepares sql with up to two texts bound. */
static int prepare(struct ledger *ledger, const char *sql, const char *first, const char *second,
                   sqlite3_stmt **ret)
{
    int code = sqlite3_prepare_v2(ledger->db, sql, -1, ret, NULL);

    if (code == SQLITE_OK && first)
        code = sqlite3_bind_text(*ret, 1, first, -1, SQLITE_TRANSIENT);
    if (code == SQLITE_OK && second)
        code = sqlite3_bind_text(*ret, 2, second, -1, SQLITE_TRANSIENT);
    return code == SQLITE_OK ? 0 : ledger_error(code);
}

/* 1: a row; 0: none left. */
static int step(sqlite3_stmt *s)
{
    int code = sqlite3_step(s);

    return code == SQLITE_ROW ? 1 : code == SQLITE_DONE ? 0 : ledger_error(code);
}

static int run(struct ledger *ledger, const char *sql, const char *first, const char *second)
{
    _cleanup_(statement_p) sqlite3_stmt *s = NULL;
    int r = prepare(ledger, sql, first, second, &s);

    if (r < 0)
        return r;
    r = step(s);
    return r < 0 ? r : 0;
}

static int number(struct ledger *ledger, const char *sql, int *ret)
{
    _cleanup_(statement_p) sqlite3_stmt *s = NULL;
    int r = prepare(ledger, sql, NULL, NULL, &s);

    if (r < 0)
        return r;
    r = step(s);
    if (r == 1)
        *ret = sqlite3_column_int(s, 0);
    return r == 1 ? 0 : r < 0 ? r : -EIO;
}

/* Exclusive, so that the write-ahead log needs no shared memory and nobody else a second
   connection; every commit on disk before the letter that it is about goes further. */
static int ledger_prepare(struct ledger *ledger)
{
    static const char pragmas[] = "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL;"
                                  "PRAGMA synchronous = FULL;";
    int version = 0, synchronous = 0;
    int code = sqlite3_exec(ledger->db, pragmas, NULL, NULL, NULL);
    int r = code == SQLITE_OK ? 0 : ledger_error(code);

    if (r == 0)
        r = number(ledger, "PRAGMA synchronous", &synchronous);
    if (r == 0)
        r = number(ledger, "PRAGMA user_version", &version);
    if (r < 0)
        return r;
    if (synchronous != SYNC_FULL)
        return -EIO;
    if (version < 0 || version > (int)ELEMENTS(migrations))
        return -EOPNOTSUPP;
    for (; code == SQLITE_OK && version < (int)ELEMENTS(migrations); version++)
        code = sqlite3_exec(ledger->db, migrations[version], NULL, NULL, NULL);
    return code == SQLITE_OK ? 0 : ledger_error(code);
}

DEFINE_CLEANUP(struct ledger, ledger_close)

/* Waits until no other process has the ledger. SQLite's own waiting isn't enough: two that open one
   file at the same moment and change its journal mode are told that it is busy at once. */
static int ledger_lock(struct ledger *ledger, const char *directory)
{
    int64_t end = clock_monotonic_ms() + BUSY_MS;

    ledger->lock = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (ledger->lock < 0)
        return -errno;
    while (flock(ledger->lock, LOCK_EX | LOCK_NB) < 0) {
        if (errno != EWOULDBLOCK && errno != EINTR)
            return -errno;
        if (clock_monotonic_ms() >= end)
            return -EBUSY;
        usleep(BUSY_STEP_US);
    }
    return 0;
}

int ledger_open(const char *directory, struct ledger **ret)
{
    _cleanup_(ledger_close_p) struct ledger *ledger = calloc(1, sizeof *ledger);
    char path[PATH_MAX];
    int code, r;

    if (!ledger)
        return -ENOMEM;
    r = ledger_lock(ledger, directory);
    if (r < 0)
        return r;
    if (snprintf(path, sizeof path, "%s/" LEDGER_FILE, directory) >= (int)sizeof path)
        return -ENAMETOOLONG;
    code = sqlite3_open_v2(path, &ledger->db,
                           SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOFOLLOW, NULL);
    if (code != SQLITE_OK)
        return ledger_error(code);
    sqlite3_busy_timeout(ledger->db, BUSY_MS);
    r = ledger_prepare(ledger);
    if (r < 0)
        return r;
    *ret = TAKE(ledger);
    return 0;
}

struct ledger *ledger_close(struct ledger *ledger)
{
    if (ledger) {
        sqlite3_close_v2(ledger->db);
        close_p(&ledger->lock);
    }
    free(ledger);
    return NULL;
}

int ledger_batch(struct ledger *ledger, char ret[static ULID_SIZE])
{
    _cleanup_(statement_p) sqlite3_stmt *s = NULL;
    int r = prepare(ledger, "SELECT id FROM batch WHERE answered = 0 ORDER BY id LIMIT 1", NULL,
                    NULL, &s);

    if (r < 0 || (r = step(s)) < 0)
        return r;
    if (r == 0)
        return -ENOENT;
    return ulid_read((const char *)sqlite3_column_text(s, 0), ret) < 0 ? -EIO : 0;
}

int ledger_batch_begin(struct ledger *ledger, const char *batch)
{
    return run(ledger, "INSERT INTO batch (id, begun) VALUES (?1, unixepoch())", batch, NULL);
}

int ledger_batch_end(struct ledger *ledger, const char *batch)
{
    return run(ledger, "DELETE FROM batch WHERE id = ?1", batch, NULL);
}

int ledger_batch_answered(struct ledger *ledger, const char *batch)
{
    _cleanup_(statement_p) sqlite3_stmt *s = NULL;
    int r = prepare(ledger, "SELECT 1 FROM batch WHERE id = ?1 AND answered = 1", batch, NULL, &s);

    return r < 0 ? r : step(s);
}

int ledger_batch_set_answered(struct ledger *ledger, const char *batch)
{
    return run(ledger,
               "INSERT INTO batch (id, begun, answered) VALUES (?1, unixepoch(), 1)"
               " ON CONFLICT (id) DO UPDATE SET answered = 1",
               batch, NULL);
}

int ledger_batch_refused(struct ledger *ledger, const char *batch, unsigned *ret_times)
{
    _cleanup_(statement_p) sqlite3_stmt *s = NULL;
    int r =
        prepare(ledger, "UPDATE batch SET refused = refused + 1 WHERE id = ?1 RETURNING refused",
                batch, NULL, &s);
    unsigned times = 0;

    if (r == 0 && (r = step(s)) == 1) {
        times = (unsigned)sqlite3_column_int(s, 0);
        r = step(s); /* to the end, or it isn't done */
    }
    if (r == 0)
        *ret_times = times;
    return r;
}

static void text_column(sqlite3_stmt *s, int column, char *ret, size_t size)
{
    const char *text = (const char *)sqlite3_column_text(s, column);

    snprintf(ret, size, "%s", text ? text : "");
}

static void letter_column(sqlite3_stmt *s, struct ledger_letter *ret)
{
    text_column(s, 0, ret->job, sizeof ret->job);
    text_column(s, 1, ret->batch, sizeof ret->batch);
    text_column(s, 2, ret->sha256, sizeof ret->sha256);
    ret->pages = (unsigned)sqlite3_column_int(s, 3);
    ret->state = (enum ledger_state)sqlite3_column_int(s, 4);
    ret->printer_job = sqlite3_column_int(s, 5);
    text_column(s, 6, ret->why, sizeof ret->why);
}

/* The first letter of a query with one text, or none. */
static int letter_first(struct ledger *ledger, const char *sql, const char *text,
                        struct ledger_letter *ret)
{
    _cleanup_(statement_p) sqlite3_stmt *s = NULL;
    int r = prepare(ledger, sql, text, NULL, &s);

    if (r < 0 || (r = step(s)) < 0)
        return r;
    if (r == 0)
        return -ENOENT;
    letter_column(s, ret);
    return 0;
}

int ledger_find(struct ledger *ledger, const char *job, struct ledger_letter *ret)
{
    return letter_first(ledger, COLUMNS "WHERE job = ?1", job, ret);
}

int ledger_at_printer(struct ledger *ledger, struct ledger_letter *ret)
{
    return letter_first(ledger, COLUMNS "WHERE state = 0 ORDER BY number LIMIT 1", NULL, ret);
}

/* Runs what changes a letter: job, batch, sha256, pages, state, printer_job, why as ?1 to ?7. */
static int letter_run(struct ledger *ledger, const char *sql, const struct ledger_letter *letter)
{
    _cleanup_(statement_p) sqlite3_stmt *s = NULL;
    int r = prepare(ledger, sql, letter->job, letter->batch, &s);

    if (r < 0)
        return r;
    if (sqlite3_bind_text(s, 3, letter->sha256, -1, SQLITE_TRANSIENT) != SQLITE_OK ||
        sqlite3_bind_int64(s, 4, letter->pages) != SQLITE_OK ||
        sqlite3_bind_int(s, 5, (int)letter->state) != SQLITE_OK ||
        sqlite3_bind_int(s, 6, letter->printer_job) != SQLITE_OK ||
        sqlite3_bind_text(s, 7, letter->why, -1, SQLITE_TRANSIENT) != SQLITE_OK)
        return -ENOMEM;
    return step(s);
}

int ledger_add(struct ledger *ledger, const struct ledger_letter *letter)
{
    return letter_run(ledger,
                      "INSERT INTO letter (job, batch, sha256, pages, state, printer_job, why,"
                      " printed) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, unixepoch())",
                      letter);
}

int ledger_add_all(struct ledger *ledger, const struct ledger_letter *letters, size_t count)
{
    int r = run(ledger, "BEGIN IMMEDIATE", NULL, NULL);

    for (size_t i = 0; r == 0 && i < count; i++)
        r = ledger_add(ledger, &letters[i]);
    if (r == 0)
        r = run(ledger, "COMMIT", NULL, NULL);
    if (r < 0)
        (void)run(ledger, "ROLLBACK", NULL, NULL);
    return r;
}

int ledger_has_batch(struct ledger *ledger, const char *batch)
{
    struct ledger_letter letter;
    int r = letter_first(ledger, COLUMNS "WHERE batch = ?1 LIMIT 1", batch, &letter);

    return r == -ENOENT ? 0 : r < 0 ? r : 1;
}

int ledger_set(struct ledger *ledger, const struct ledger_letter *letter)
{
    return letter_run(ledger,
                      "UPDATE letter SET sha256 = ?3, pages = ?4, state = ?5, printer_job = ?6,"
                      " why = ?7, printed = unixepoch() WHERE job = ?1 AND batch = ?2",
                      letter);
}

int ledger_drop(struct ledger *ledger, const char *job)
{
    return run(ledger, "DELETE FROM letter WHERE job = ?1", job, NULL);
}

int ledger_each(struct ledger *ledger, const char *batch,
                int (*each)(void *userdata, const struct ledger_letter *letter), void *userdata)
{
    _cleanup_(statement_p) sqlite3_stmt *s = NULL;
    int r = prepare(ledger, COLUMNS "WHERE batch = ?1 ORDER BY number", batch, NULL, &s);

    while (r == 0 && (r = step(s)) == 1) {
        struct ledger_letter letter;

        letter_column(s, &letter);
        r = each(userdata, &letter);
        if (r != 0)
            return r;
    }
    return r;
}
