/* The print station's ledger: what it knows survives, and it says no more than it knows. */
#include "config.h"

#include "print/ledger.h"

#include <errno.h>
#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cleanup.h"
#include "scratch.h"

#define BATCH_A "01ARZ3NDEKTSV4RRFFQ69G5FAV"
#define BATCH_B "01ARZ3NDEKTSV4RRFFQ69G5FAW"

struct fixture {
    void *directory;
    char path[SCRATCH_PATH_SIZE], file[SCRATCH_PATH_SIZE];
    struct ledger *ledger;
};

static int make(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    if (!f || scratch_make(&f->directory) != 0)
        return -1;
    scratch_path(&f->directory, ".", f->path);
    scratch_path(&f->directory, LEDGER_FILE, f->file);
    *state = f;
    return 0;
}

static int end(void **state)
{
    struct fixture *f = *state;
    int r;

    ledger_close(f->ledger);
    r = scratch_remove(&f->directory);
    free(f);
    return r;
}

static struct ledger *reopen(struct fixture *f)
{
    f->ledger = ledger_close(f->ledger);
    assert_int_equal(ledger_open(f->path, &f->ledger), 0);
    return f->ledger;
}

static struct ledger_letter letter_of(unsigned n, const char *batch, enum ledger_state state)
{
    struct ledger_letter letter = {.pages = 1, .state = state};

    snprintf(letter.job, sizeof letter.job, "01JAAAAAAAAAAAAAAAAAAAAA%02u", n);
    snprintf(letter.batch, sizeof letter.batch, "%s", batch);
    snprintf(letter.sha256, sizeof letter.sha256, "%064u", n);
    return letter;
}

static void test_a_letter_is_entered_once_and_kept(void **state)
{
    struct fixture *f = *state;
    struct ledger_letter letter = letter_of(1, BATCH_A, LEDGER_PRINTED), found = {0};

    assert_int_equal(ledger_find(reopen(f), letter.job, &found), -ENOENT);
    assert_int_equal(ledger_add(f->ledger, &letter), 0);
    assert_int_equal(ledger_add(f->ledger, &letter), -EEXIST);
    assert_int_equal(ledger_find(reopen(f), letter.job, &found), 0);
    assert_memory_equal(&found, &letter, sizeof letter);
}

static void test_all_letters_of_a_file_are_entered_or_none(void **state)
{
    struct fixture *f = *state;
    struct ledger_letter letters[] = {letter_of(1, BATCH_A, LEDGER_PRINTED),
                                      letter_of(2, BATCH_A, LEDGER_PRINTED),
                                      letter_of(1, BATCH_A, LEDGER_PRINTED)};

    assert_int_equal(ledger_add_all(reopen(f), letters, 3), -EEXIST);
    assert_int_equal(ledger_has_batch(f->ledger, BATCH_A), 0);
    assert_int_equal(ledger_add_all(f->ledger, letters, 2), 0);
    assert_int_equal(ledger_has_batch(reopen(f), BATCH_A), 1);
    assert_int_equal(ledger_has_batch(f->ledger, BATCH_B), 0);
}

static void test_a_letter_at_the_printer_is_found_until_its_end_is_known(void **state)
{
    struct fixture *f = *state;
    struct ledger_letter letter = letter_of(1, BATCH_A, LEDGER_AT_PRINTER), found;

    assert_int_equal(ledger_at_printer(reopen(f), &found), -ENOENT);
    assert_int_equal(ledger_add(f->ledger, &letter), 0);
    letter.printer_job = 17;
    assert_int_equal(ledger_set(f->ledger, &letter), 0);
    assert_int_equal(ledger_at_printer(reopen(f), &found), 0);
    assert_int_equal(found.printer_job, 17);
    letter.state = LEDGER_UNCERTAIN;
    snprintf(letter.why, sizeof letter.why, "gone");
    assert_int_equal(ledger_set(f->ledger, &letter), 0);
    assert_int_equal(ledger_at_printer(reopen(f), &found), -ENOENT);
    assert_int_equal(ledger_find(f->ledger, letter.job, &found), 0);
    assert_string_equal(found.why, "gone");
    assert_int_equal(ledger_drop(f->ledger, letter.job), 0);
    assert_int_equal(ledger_find(reopen(f), letter.job, &found), -ENOENT);
}

static void test_an_answered_batch_is_not_open(void **state)
{
    struct fixture *f = *state;
    char open[ULID_SIZE];

    assert_int_equal(ledger_batch_answered(reopen(f), BATCH_A), 0);
    assert_int_equal(ledger_batch_set_answered(f->ledger, BATCH_A), 0);
    assert_int_equal(ledger_batch_set_answered(f->ledger, BATCH_A), 0);
    assert_int_equal(ledger_batch_answered(reopen(f), BATCH_A), 1);
    assert_int_equal(ledger_batch(f->ledger, open), -ENOENT);
    assert_int_equal(ledger_batch_begin(f->ledger, BATCH_B), 0);
    assert_int_equal(ledger_batch(reopen(f), open), 0);
    assert_string_equal(open, BATCH_B);
    assert_int_equal(ledger_batch_end(f->ledger, BATCH_B), 0);
    assert_int_equal(ledger_batch(f->ledger, open), -ENOENT);
}

static void test_refusals_of_a_report_are_counted(void **state)
{
    struct fixture *f = *state;
    unsigned times = 0;

    assert_int_equal(ledger_batch_begin(reopen(f), BATCH_A), 0);
    for (unsigned i = 1; i <= 3; i++) {
        assert_int_equal(ledger_batch_refused(reopen(f), BATCH_A, &times), 0);
        assert_int_equal(times, i);
    }
}

/* As the first version left it. */
static void test_an_older_ledger_is_taken_over(void **state)
{
    struct fixture *f = *state;
    struct ledger_letter expected = letter_of(1, BATCH_A, LEDGER_PRINTED), found = {0};
    sqlite3 *db = NULL;

    assert_int_equal(sqlite3_open(f->file, &db), SQLITE_OK);
    assert_int_equal(
        sqlite3_exec(db,
                     "CREATE TABLE batch (id TEXT PRIMARY KEY, begun INTEGER NOT NULL) STRICT,"
                     " WITHOUT ROWID;"
                     "CREATE TABLE letter (number INTEGER PRIMARY KEY, job TEXT NOT NULL UNIQUE,"
                     " batch TEXT NOT NULL, sha256 TEXT NOT NULL, pages INTEGER NOT NULL,"
                     " printed INTEGER NOT NULL) STRICT;"
                     "CREATE INDEX letter_batch ON letter (batch);"
                     "INSERT INTO batch VALUES ('" BATCH_B "', 1);"
                     "INSERT INTO letter VALUES (1, '01JAAAAAAAAAAAAAAAAAAAAA01', '" BATCH_A "',"
                     " printf('%064d', 1), 1, 1);"
                     "PRAGMA user_version = 1;",
                     NULL, NULL, NULL),
        SQLITE_OK);
    sqlite3_close(db);
    assert_int_equal(ledger_find(reopen(f), expected.job, &found), 0);
    assert_memory_equal(&found, &expected, sizeof expected);
    assert_int_equal(ledger_batch(f->ledger, found.batch), 0);
    assert_string_equal(found.batch, BATCH_B);
}

static void test_a_ledger_of_a_newer_program_is_left_alone(void **state)
{
    struct fixture *f = *state;
    sqlite3 *db = NULL;

    assert_int_equal(sqlite3_open(f->file, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "PRAGMA user_version = 99", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    assert_int_equal(ledger_open(f->path, &f->ledger), -EOPNOTSUPP);
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, make, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_letter_is_entered_once_and_kept),
        TEST(test_all_letters_of_a_file_are_entered_or_none),
        TEST(test_a_letter_at_the_printer_is_found_until_its_end_is_known),
        TEST(test_an_answered_batch_is_not_open),
        TEST(test_refusals_of_a_report_are_counted),
        TEST(test_an_older_ledger_is_taken_over),
        TEST(test_a_ledger_of_a_newer_program_is_left_alone),
    };
    return cmocka_run_group_tests_name("ledger", tests, NULL, NULL);
}
