/* The schema of the SQLite store, its migrations, and every statement that is run on it. Indexes
   are partial, one for each question, so that an answer costs the same with ten rows and a
   million. */
#include "config.h"

#include "queue-sqlite.h"

#define APPLICATION_ID 0x506f7251 /* "PorQ" */

/* The numbers of states and kinds as the schema has them. */
#define STAGED       "0"
#define READY        "1"
#define CLAIMED      "2"
#define PRINTED      "3"
#define DONE         "4"
#define FAILED       "5"
#define WITHDRAWN    "6"
#define UNCERTAIN    "7"
#define DAMAGED      "8"
#define LETTER       "2"
#define MAIL         "1"
#define ENDED        "(" DONE "," FAILED "," WITHDRAWN ")"
#define UNRESOLVED   "(" PRINTED "," UNCERTAIN ")"
#define LAST_STATE   "8"
#define LAST_KIND    "2"
#define LAST_LANE    "5"
#define NOT_IN_FORCE "(" STAGED "," READY "," CLAIMED "," PRINTED "," UNCERTAIN ")"
_Static_assert(JOB_STAGED == 0 && JOB_READY == 1 && JOB_CLAIMED == 2 && JOB_PRINTED == 3,
               "numbers are stored");
_Static_assert(JOB_DONE == 4 && JOB_FAILED == 5 && JOB_WITHDRAWN == 6 && JOB_UNCERTAIN == 7,
               "numbers are stored");
_Static_assert(JOB_DAMAGED == 8, "numbers are stored");
_Static_assert(JOB_REGISTRATION == 0 && JOB_MAIL == 1 && JOB_LETTER == 2, "numbers are stored");
_Static_assert(JOB_KINDS == 3 && JOB_STATES == 9, "a new one needs a migration (tally)");
_Static_assert(LANE_CODE == 0 && LANE_CONFIRM == 1 && LANE_NOTICE == 2 && LANE_ANSWER == 3 &&
                   LANE_REMINDER == 4 && LANE_CROWD == 5 && LANES == 6,
               "numbers are stored");

/* The last moment that a row knows of: from then on its history is kept for so long. */
#define LAST_MOMENT "max(created, due, lease, happened)"

/* Payloads have a table of their own, so that moving a job from state to state doesn't copy them.
   tally: kept by triggers, so that counting costs
   nothing. */
static const char schema_1[] =
    "CREATE TABLE job ("
    " number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE,"
    " kind INTEGER NOT NULL, state INTEGER NOT NULL, topic TEXT, entry TEXT, subject TEXT,"
    " address TEXT, reference TEXT, parent TEXT, batch TEXT,"
    " created INTEGER NOT NULL, due INTEGER NOT NULL, expires INTEGER NOT NULL,"
    " lease INTEGER NOT NULL, fence INTEGER NOT NULL DEFAULT 0,"
    " attempts INTEGER NOT NULL DEFAULT 0, happened INTEGER NOT NULL DEFAULT 0,"
    " untold INTEGER NOT NULL DEFAULT 0, note TEXT) STRICT;"
    "CREATE TABLE payload (number INTEGER PRIMARY KEY, spent INTEGER, body BLOB NOT NULL) STRICT;"
    "CREATE INDEX payload_spent ON payload(spent) WHERE spent IS NOT NULL;"
    "CREATE UNIQUE INDEX job_child ON job(parent, ifnull(topic, '')) WHERE parent IS NOT NULL;"
    "CREATE INDEX job_staged ON job(lease) WHERE state = " STAGED ";"
    "CREATE INDEX job_ready ON job(kind, due) WHERE state = " READY ";"
    "CREATE INDEX job_expires ON job(kind, expires) WHERE state = " READY " AND expires > 0;"
    "CREATE INDEX job_claimed ON job(kind, lease) WHERE state = " CLAIMED ";"
    "CREATE INDEX job_untold ON job(created) WHERE untold > 0;"
    "CREATE INDEX job_ended ON job(" LAST_MOMENT ") WHERE state IN " ENDED " AND untold = 0;"
    "CREATE INDEX job_state ON job(kind, state, id);"
    "CREATE INDEX job_entry ON job(entry, id) WHERE entry IS NOT NULL;"
    "CREATE INDEX job_batch ON job(batch, state) WHERE batch IS NOT NULL;"
    "CREATE INDEX job_reference ON job(reference) WHERE reference IS NOT NULL;"
    "CREATE INDEX job_address ON job(address, created) WHERE address IS NOT NULL;"
    "CREATE TABLE tally (kind INTEGER NOT NULL, state INTEGER NOT NULL, jobs INTEGER NOT NULL,"
    " PRIMARY KEY (kind, state)) STRICT, WITHOUT ROWID;"
    "WITH RECURSIVE cell(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM cell WHERE n < 23)"
    " INSERT INTO tally SELECT n / 8, n % 8, 0 FROM cell;"
    "CREATE TRIGGER job_put AFTER INSERT ON job BEGIN"
    " UPDATE tally SET jobs = jobs + 1 WHERE kind = new.kind AND state = new.state; END;"
    "CREATE TRIGGER job_moved AFTER UPDATE OF state ON job WHEN new.state <> old.state BEGIN"
    " UPDATE tally SET jobs = jobs - 1 WHERE kind = old.kind AND state = old.state;"
    " UPDATE tally SET jobs = jobs + 1 WHERE kind = new.kind AND state = new.state; END;"
    "CREATE TRIGGER job_gone AFTER DELETE ON job BEGIN"
    " UPDATE tally SET jobs = jobs - 1 WHERE kind = old.kind AND state = old.state; END;";

/* Lanes, rows that are set aside, and letters that nobody ever spoke of again as history. */
static const char schema_2[] =
    "ALTER TABLE job ADD COLUMN lane INTEGER NOT NULL DEFAULT 2;"
    "UPDATE job SET lane = CASE topic WHEN 'code' THEN 0 ELSE 1 END"
    " WHERE state IN (" STAGED "," READY "," CLAIMED ") AND topic IN ('code', 'confirm',"
    " 'registration');"
    "DROP INDEX job_ready;"
    "CREATE INDEX job_ready ON job(kind, lane, due) WHERE state = " READY ";"
    "CREATE INDEX job_crowd ON job(subject, kind) WHERE state = " READY " AND subject IS NOT NULL;"
    "CREATE INDEX job_unresolved ON job(" LAST_MOMENT ") WHERE state IN " UNRESOLVED
    " AND untold = 0;"
    "INSERT INTO tally VALUES (0, 8, 0), (1, 8, 0), (2, 8, 0);";

/* What can't be told waits for a time of its own. */
static const char schema_3[] =
    "ALTER TABLE job ADD COLUMN tell_at INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE job ADD COLUMN tell_tries INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE job ADD COLUMN tell_note TEXT;"
    "DROP INDEX job_untold;"
    "CREATE INDEX job_untold ON job(tell_at, created, tell_tries) WHERE untold > 0;";

/* Forgetting a person looks for registrations that matched nobody by the number that they gave. */
static const char schema_4[] =
    "CREATE INDEX job_registration ON job(subject) WHERE kind = 0 AND subject IS NOT NULL;";

/* The n-th brings a store of version n to n + 1 (PRAGMA user_version). Never changed once
   released. */
static const char *const migrations[] = {schema_1, schema_2, schema_3, schema_4};

/* The directory follows every step of a letter. */
#define OF_LETTER "(kind = " LETTER " AND entry IS NOT NULL)"

/* In the order that row_read() (queue-sqlite-read.c) takes them. */
#define COLUMNS                                                                                    \
    "SELECT number, id, kind, state, topic, entry, subject, address, reference, parent, batch,"    \
    " created, due, expires, lease, fence, attempts, happened, untold, note,"                      \
    " tell_at, tell_tries, tell_note FROM job "
/* What no other statement would ever come across, since it is in no range that they look at; one
   for each kind. */
#define STRAYS_OF(kind)                                                                            \
    " UNION ALL SELECT number FROM job WHERE kind = " kind " AND state < 0"                        \
    " UNION ALL SELECT number FROM job WHERE kind = " kind " AND state > " LAST_STATE              \
    " UNION ALL SELECT number FROM job WHERE state = " READY " AND kind = " kind " AND lane < 0"   \
    " UNION ALL SELECT number FROM job WHERE state = " READY " AND kind = " kind                   \
    " AND lane > " LAST_LANE
#define PRUNABLE(states)                                                                           \
    "SELECT number FROM job WHERE state IN " states " AND untold = 0 AND " LAST_MOMENT             \
    " < ?1 ORDER BY " LAST_MOMENT ", number LIMIT ?2"
#define FILTER                                                                                     \
    " AND id > ifnull(?2, '') AND (?3 < 0 OR kind = ?3) AND (?4 < 0 OR state = ?4)"                \
    " AND (?5 IS NULL OR batch = ?5) AND (?6 = 0 OR state NOT IN " ENDED ")"
#define BY_ID " ORDER BY id LIMIT ?7"
/* As the index that counts a recipient's mails has them: one by id would cost every mail a write.
 */
#define BY_TIME " ORDER BY created, number LIMIT ?7"

const char *const store_sql[STATEMENTS] = {
    [SQL_BEGIN] = "BEGIN",
    [SQL_COMMIT] = "COMMIT",
    [SQL_ROLLBACK] = "ROLLBACK",
    [SQL_MARK] = "SAVEPOINT call",
    [SQL_KEEP] = "RELEASE call",
    [SQL_UNDO] = "ROLLBACK TO call",
    [SQL_INSERT] = "INSERT INTO job (id, kind, state, topic, entry, subject, address, reference,"
                   " parent, batch, created, due, expires, lease, note, lane)"
                   " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    [SQL_INSERT_PAYLOAD] = "INSERT INTO payload (number, body) VALUES (?, ?)",
    [SQL_CROWD] = "SELECT count(*) FROM (SELECT 1 FROM job WHERE subject = ? AND kind = ?"
                  " AND state = " READY " LIMIT ?)",
    [SQL_STRAYS] = "SELECT number FROM job WHERE kind < 0"
                   " UNION ALL SELECT number FROM job WHERE kind > " LAST_KIND STRAYS_OF("0")
                       STRAYS_OF("1") STRAYS_OF("2") " LIMIT ?",
    [SQL_SET_ASIDE] =
        "UPDATE job SET state = " DAMAGED ", untold = 0,"
        " kind = CASE WHEN kind BETWEEN 0 AND " LAST_KIND " THEN kind ELSE " MAIL " END,"
        " note = printf('set aside: %s; was of kind %d, in state %d', ?2, kind, state)"
        " || ifnull('; ' || note, '') WHERE number = ?1",
    [SQL_DELETE] = "DELETE FROM job WHERE number = ?",
    [SQL_BY_ID] = COLUMNS "WHERE id = ?",
    [SQL_BY_NUMBER] = COLUMNS "WHERE number = ? AND state = " DAMAGED,
    [SQL_BY_REFERENCE] = COLUMNS "WHERE reference = ? ORDER BY number DESC LIMIT 1",
    [SQL_PAYLOAD] = "SELECT body FROM payload WHERE number = ?",
    [SQL_ERASE] = "DELETE FROM payload WHERE number = ?",
    [SQL_KEEP_PAYLOAD_UNTIL] = "UPDATE payload SET spent = ?2 WHERE number = ?1",
    [SQL_MOVE] = "UPDATE job SET state = ?2, note = ifnull(?3, note),"
                 " happened = CASE ?4 WHEN 0 THEN happened ELSE ?4 END, untold = ?5,"
                 " tell_at = 0"
                 " WHERE number = ?1",
    [SQL_MAKE_READY] = "UPDATE job SET state = " READY ", due = ?2, note = ifnull(?3, note),"
                       " batch = NULL, fence = fence + 1, tell_at = 0,"
                       " address = CASE kind WHEN " LETTER " THEN NULL ELSE address END,"
                       " untold = " OF_LETTER " WHERE number = ?1",
    [SQL_CLAIM] = "UPDATE job SET state = " CLAIMED ", lease = ?2, batch = ?3, fence = fence + 1,"
                  " attempts = attempts + 1, tell_at = 0,"
                  " address = CASE kind WHEN " LETTER " THEN NULL ELSE address END,"
                  " untold = " OF_LETTER " WHERE number = ?1",
    [SQL_RENEW] = "UPDATE job SET lease = max(lease, ?2) WHERE batch = ?1 AND state = " CLAIMED,
    [SQL_NEXT_LEASE_ENDED] = COLUMNS "WHERE state = " CLAIMED " AND kind = ? AND lease <= ?"
                                     " ORDER BY lease LIMIT 1",
    [SQL_NEXT_EXPIRED] = COLUMNS "WHERE state = " READY " AND kind = ? AND expires > 0"
                                 " AND expires <= ? ORDER BY expires LIMIT 1",
    [SQL_NEXT_READY] = COLUMNS "WHERE state = " READY " AND kind = ? AND lane = ? AND due <= ?"
                               " ORDER BY due, number LIMIT 1",
    [SQL_NEXT_OF_ENTRY] =
        COLUMNS "WHERE entry = ?1 AND state IN " NOT_IN_FORCE " AND (?2 < 0 OR kind = ?2) LIMIT 1",
    [SQL_ERASE_FAILED_OF_ENTRY] =
        "DELETE FROM payload WHERE number IN (SELECT number FROM job WHERE entry = ?1"
        " AND state = " FAILED " AND (?2 < 0 OR kind = ?2))",
    [SQL_FORGET_JOBS] =
        "UPDATE job SET address = NULL, reference = NULL, tell_note = NULL, note = 'forgotten'"
        " WHERE entry = ?",
    [SQL_FORGET_REGISTRATIONS] =
        "UPDATE job SET subject = NULL, note = 'forgotten' WHERE kind = 0"
        " AND id IN (SELECT parent FROM job WHERE entry = ? AND parent IS NOT NULL)",
    [SQL_FORGET_POLICY] =
        "UPDATE job SET subject = NULL, note = 'forgotten' WHERE kind = 0 AND subject = ?",
    [SQL_NEXT_PRINTED] = COLUMNS "WHERE batch = ? AND state = " PRINTED " LIMIT 1",
    [SQL_BATCH_EXISTS] = "SELECT 1 FROM job WHERE batch = ? LIMIT 1",
    [SQL_BATCH_AGAIN] = COLUMNS "WHERE batch = ? AND state IN (" CLAIMED "," PRINTED "," UNCERTAIN
                                ") ORDER BY due, number LIMIT ?",
    [SQL_UNTOLD] = COLUMNS "WHERE untold > 0 AND tell_at <= ? ORDER BY tell_at, created LIMIT ?",
    [SQL_TOLD] = "UPDATE job SET untold = 0, tell_at = 0, tell_tries = 0, tell_note = NULL"
                 " WHERE number = ?1 AND state = ?2 AND happened = ?3 AND untold > 0",
    [SQL_TELL_LATER] = "UPDATE job SET tell_at = ?4, tell_tries = tell_tries + 1, tell_note = ?5"
                       " WHERE number = ?1 AND state = ?2 AND happened = ?3 AND untold > 0",
    [SQL_TELL_NOW] = "UPDATE job SET tell_at = 0 WHERE number = ?",
    [SQL_ORPHAN_LATER] = "UPDATE job SET lease = ?2, note = ?3 WHERE number = ?1",
    [SQL_SENT_TO] = "UPDATE job SET address = ?2 WHERE number = ?1",
    [SQL_ORPHANS] = COLUMNS "WHERE state = " STAGED " AND lease <= ? ORDER BY lease LIMIT ?",
    [SQL_COUNT_ADDRESS] =
        "SELECT count(*) FROM job WHERE address = ?1 AND created >= ?2 AND kind = " MAIL
        " AND state <> " WITHDRAWN " AND (?3 IS NULL OR topic = ?3)",
    [SQL_COUNT_ENTRY] =
        "SELECT count(*) FROM job WHERE entry = ?1 AND created >= ?2 AND kind = " MAIL
        " AND state <> " WITHDRAWN " AND (?3 IS NULL OR topic = ?3)",
    [SQL_LIST_ENTRY] = COLUMNS "WHERE entry = ?1" FILTER BY_ID,
    [SQL_LIST_BATCH] = COLUMNS "WHERE batch = ?1" FILTER BY_ID,
    [SQL_LIST_ADDRESS] = COLUMNS "WHERE address = ?1" FILTER BY_TIME,
    [SQL_LIST_STATE] = COLUMNS "WHERE kind = ? AND state = ? AND id > ifnull(?, '')"
                               " ORDER BY id LIMIT ?",
    [SQL_COUNT_UNFINISHED] =
        "SELECT sum(jobs) FROM tally WHERE state NOT IN " ENDED " AND state <> " DAMAGED,
    [SQL_TALLY] = "SELECT kind, state, jobs FROM tally",
    [SQL_OLDEST] = "SELECT created FROM job WHERE kind = ? AND state = ? ORDER BY id LIMIT 1",
    [SQL_COUNT_UNTOLD] = "SELECT count(*) FROM job WHERE untold > 0",
    [SQL_COUNT_UNTELLABLE] = "SELECT count(*) FROM job WHERE untold > 0 AND tell_tries >= ?",
    [SQL_ANY_UNTOLD] = "SELECT 1 FROM job WHERE untold > 0 LIMIT 1",
    [SQL_PRUNE_SPENT] = "DELETE FROM payload WHERE number IN (SELECT number FROM payload"
                        " WHERE spent IS NOT NULL AND spent <= ?1 LIMIT ?2)",
    [SQL_PRUNE_PAYLOADS] = "DELETE FROM payload WHERE number IN (" PRUNABLE(ENDED) ")",
    [SQL_PRUNE_JOBS] = "DELETE FROM job WHERE number IN (" PRUNABLE(ENDED) ")",
    [SQL_PRUNE_OPEN_PAYLOADS] = "DELETE FROM payload WHERE number IN (" PRUNABLE(UNRESOLVED) ")",
    [SQL_PRUNE_OPEN_JOBS] = "DELETE FROM job WHERE number IN (" PRUNABLE(UNRESOLVED) ")",
};

static int pragma_number(sqlite3 *db, const char *pragma, int64_t *ret)
{
    sqlite3_stmt *s = NULL;
    int code = sqlite3_prepare_v2(db, pragma, -1, &s, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_step(s);
    int64_t number = code == SQLITE_ROW ? sqlite3_column_int64(s, 0) : 0;
    sqlite3_finalize(s);
    if (code != SQLITE_ROW)
        return store_error(db, code);
    *ret = number;
    return 0;
}

/* Applies one migration, with its version, in one transaction. */
static int migration_run(sqlite3 *db, int64_t version)
{
    char mark[96];
    snprintf(mark, sizeof mark, "PRAGMA application_id = %d; PRAGMA user_version = %d; COMMIT",
             APPLICATION_ID, (int)version + 1);
    int code = sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_exec(db, migrations[version], NULL, NULL, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_exec(db, mark, NULL, NULL, NULL);
    if (code == SQLITE_OK)
        return 0;
    int r = store_error(db, code);
    if (!sqlite3_get_autocommit(db))
        (void)sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
    return r;
}

int store_version(sqlite3 *db, int64_t *ret)
{
    int64_t application = 0, version = 0, objects = 0;
    int r = pragma_number(db, "PRAGMA application_id", &application);
    if (r >= 0)
        r = pragma_number(db, "PRAGMA user_version", &version);
    if (r >= 0)
        r = pragma_number(db, "SELECT count(*) FROM sqlite_schema", &objects);
    if (r < 0)
        return r;
    bool fresh = application == 0 && version == 0 && objects == 0;
    if (!fresh && application != APPLICATION_ID)
        return -EBADMSG;
    if (version > (int64_t)ELEMENTS(migrations))
        return -EOPNOTSUPP;
    if (version < (fresh ? 0 : 1))
        return -EBADMSG;
    *ret = version;
    return 0;
}

int store_migrate(sqlite3 *db, int64_t version)
{
    int r = 0;
    for (; r >= 0 && version < (int64_t)ELEMENTS(migrations); version++)
        r = migration_run(db, version);
    return r;
}
