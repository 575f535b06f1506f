/* Rows that can't be what was written, stores of older versions, and queues without a store. */
#include "config.h"

#include "queue_fixture.h"

#include "cleanup.h"
#include <locale.h>
#include <sqlite3.h>

/* Does to the file what no portald would. */
static void spoil(struct fixture *f, const char *sql)
{
    sqlite3 *db = NULL;
    f->queue = queue_free(f->queue);
    assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    fixture_open(f);
}

static unsigned long count_damaged(struct fixture *f)
{
    struct queue_stats stats;
    assert_int_equal(queue_stats(f->queue, &stats), 0);
    return stats.damaged;
}

static void prune(struct fixture *f, time_t now)
{
    bool more;
    assert_int_equal(queue_prune(f->queue, now, &more), 0);
}

#define ROW_1 " WHERE id = '01TESTTESTTESTTEST00000001'"

static const char *const spoilt[] = {
    "UPDATE job SET id = 'nonsense'" ROW_1,
    "UPDATE job SET id = printf('%.*c', 5000, '0')" ROW_1,
    "UPDATE job SET topic = printf('%.*c', 100, 't')" ROW_1,
    "UPDATE job SET topic = CAST(x'ff41' AS TEXT)" ROW_1,
    "UPDATE job SET entry = printf('%.*c', 1000, 'e')" ROW_1,
    "UPDATE job SET subject = CAST(x'410042' AS TEXT)" ROW_1,
    "UPDATE job SET reference = printf('%.*c', 100, 'r')" ROW_1,
    "UPDATE job SET fence = -1" ROW_1,
    "UPDATE job SET attempts = 99999999999" ROW_1,
    "UPDATE job SET state = 77" ROW_1,
    "UPDATE job SET state = -1" ROW_1,
    "UPDATE job SET kind = 77" ROW_1,
    "UPDATE job SET kind = -5" ROW_1,
    "UPDATE job SET lane = 77" ROW_1,
    "UPDATE job SET lane = -1" ROW_1,
};

static void test_damaged_row_is_set_aside_and_keeps_nobody_waiting(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < ELEMENTS(spoilt); i++) {
        unsigned other = 100 + (unsigned)i;
        unsigned long before = count_damaged(f);
        put_simple(f, 1, JOB_MAIL);
        put_simple(f, other, JOB_MAIL);
        spoil(f, spoilt[i]);
        prune(f, NOW); /* as portald does when it starts */
        struct job_list list = claim(f, JOB_MAIL, 10, NOW, NULL);
        char id[ULID_SIZE];
        id_of(other, id);
        if (list.count != 1 || strcmp(list.items[0].id, id) != 0)
            fail_msg("%s: %zu claimed", spoilt[i], list.count);
        job_list_clear(&list);
        if (count_damaged(f) != before + 1)
            fail_msg("%s: nothing is set aside", spoilt[i]);
        spoil(f, "UPDATE job SET id = printf('01GONEGONEGONEGONE%08d', number) WHERE state = 8");
    }
}

static void test_damaged_row_whose_id_is_none_is_shown_and_dropped_by_its_number(void **state)
{
    static const char *const names[] = {"ROW-",   "ROW-x", "ROW--1",
                                        "ROW-1 ", "row-1", "ROW-99999999999999999999"};
    struct fixture *f = *state;
    struct queue_filter filter = {.kind = -1, .state = JOB_DAMAGED, .most = 10};
    struct job_list list = {0};
    struct job found;
    int64_t number;
    for (unsigned i = 0; i < 2; i++) { /* nonsense, and far too long */
        put_simple(f, 1, JOB_MAIL);
        put_simple(f, 100 + i, JOB_MAIL);
        spoil(f, spoilt[i]);
        job_list_clear(&list);
        prune(f, NOW);
        filter.state = -1;
        assert_int_equal(queue_list(f->queue, &filter, &list), 0);
        job_list_clear(&list);
        filter.state = JOB_DAMAGED;
        assert_int_equal(queue_list(f->queue, &filter, &list), 0);
        assert_int_equal(list.count, 1);
        assert_int_equal(job_damaged_read(list.items[0].id, &number), 0);
        assert_int_equal(queue_get(f->queue, list.items[0].id, &found), 0);
        assert_int_equal(found.state, JOB_DAMAGED);
        job_clear(&found);
        assert_int_equal(queue_withdraw_one(f->queue, list.items[0].id, "dropped"), 0);
        assert_int_equal(queue_get(f->queue, list.items[0].id, &found), -ENOENT);
        assert_int_equal(count_damaged(f), 0);
        assert_state(f, 100 + i, JOB_READY); /* whose number is no name of it: it is sound */
    }
    for (int row = 1; row < 5; row++) {
        char name[ULID_SIZE];
        snprintf(name, sizeof name, JOB_DAMAGED_ID "%d", row);
        assert_int_equal(queue_withdraw_one(f->queue, name, "dropped"), -ENOENT);
    }
    for (size_t i = 0; i < ELEMENTS(names); i++)
        assert_int_equal(job_damaged_read(names[i], &number), -EINVAL);
    job_list_clear(&list);
}

static void test_damaged_row_tells_what_it_was(void **state)
{
    struct fixture *f = *state;
    struct queue_filter filter = {.kind = -1, .state = JOB_DAMAGED, .most = 10};
    struct job_list list = {0};
    put_letters(f, 1);
    spoil(f, "UPDATE job SET subject = CAST(x'4dfc6c6c6572' AS TEXT), note = 'before'");
    filter.state = -1;
    assert_int_equal(queue_list(f->queue, &filter, &list), 0); /* looking is enough to notice */
    assert_int_equal(list.count, 0);
    assert_int_equal(queue_list(f->queue, &filter, &list), 0);
    assert_int_equal(list.count, 1);
    assert_int_equal(list.items[0].state, JOB_DAMAGED);
    assert_string_equal(list.items[0].subject, "M?ller");
    assert_non_null(strstr(list.items[0].note, "whom it is for can't be read"));
    assert_non_null(strstr(list.items[0].note, "kind 2, in state 1"));
    assert_non_null(strstr(list.items[0].note, "before"));
    job_list_clear(&list);
}

static void test_damaged_row_is_never_pruned_nor_retried_and_goes_only_by_hand(void **state)
{
    struct fixture *f = *state;
    struct job found;
    char id[ULID_SIZE];
    id_of(1, id);
    put_simple(f, 1, JOB_MAIL);
    spoil(f, "UPDATE job SET kind = 9");
    prune(f, NOW);
    prune(f, NOW + 4000 * (time_t)86400);
    assert_state(f, 1, JOB_DAMAGED);
    assert_int_equal(queue_retry_now(f->queue, id, NOW), -EPERM);
    assert_int_equal(queue_ready(f->queue, id), 0);
    assert_state(f, 1, JOB_DAMAGED);
    assert_int_equal(queue_withdraw_one(f->queue, id, "dropped"), 0);
    assert_int_equal(queue_get(f->queue, id, &found), -ENOENT);
    assert_int_equal(count_damaged(f), 0);
}

static void test_more_damaged_rows_than_one_call_takes_are_set_aside_too(void **state)
{
    struct fixture *f = *state;
    for (unsigned i = 0; i < 300; i++)
        put_simple(f, i, JOB_MAIL);
    put_simple(f, 1000, JOB_MAIL);
    spoil(f, "UPDATE job SET fence = -7 WHERE id < '01TESTTESTTESTTEST00001000'");
    assert_int_equal(claim_count(f, JOB_MAIL, NOW), 1);
    assert_int_equal(count_damaged(f), 300);
}

/* As makers of jobs cut the names of customers. */
static void test_name_that_was_cut_within_a_character_damages_no_row(void **state)
{
    struct fixture *f = *state;
    struct job job = {.kind = JOB_MAIL, .state = JOB_READY, .created = NOW, .due = NOW};
    assert_non_null(setlocale(LC_ALL, "C.UTF-8"));
    snprintf(job.id, sizeof job.id, "01TESTTESTTESTTEST00000001");
    for (size_t i = 0; i + 1 < sizeof job.subject; i++)
        job.subject[i] = i % 2 ? '\xbc' : '\xc3';
    assert_int_equal(queue_put(f->queue, &job), 0);
    struct job_list list = claim(f, JOB_MAIL, 1, NOW, NULL);
    assert_int_equal(list.count, 1);
    assert_memory_equal(list.items[0].subject, job.subject, sizeof job.subject - 2);
    assert_int_equal(list.items[0].subject[sizeof job.subject - 2], '?');
    job_list_clear(&list);
    assert_int_equal(count_damaged(f), 0);
}

static void test_damaged_letter_leaves_its_batch_alone(void **state)
{
    struct fixture *f = *state;
    unsigned count = 0;
    put_letters(f, 3);
    struct job_list list = claim(f, JOB_LETTER, 3, NOW, BATCH_A);
    for (size_t i = 0; i < list.count; i++)
        assert_int_equal(queue_printed(f->queue, list.items[i].id, BATCH_A, NOW, NULL), 0);
    job_list_clear(&list);
    spoil(f, "UPDATE job SET fence = -7" ROW_1);
    assert_int_equal(queue_posted(f->queue, BATCH_A, NOW + 1, &count), 0);
    assert_int_equal(count, 2);
    assert_int_equal(count_damaged(f), 1);
}

/* Letters that were printed, or uncertain, and that nobody ever spoke of again. */
static void test_unresolved_letters_are_kept_three_times_as_long_as_history(void **state)
{
    struct fixture *f = *state;
    char id[ULID_SIZE];
    struct job found, told;
    put_letters(f, 2);
    struct job_list list = claim(f, JOB_LETTER, 2, NOW, BATCH_A);
    job_list_clear(&list);
    id_of(1, id);
    assert_int_equal(queue_printed(f->queue, id, BATCH_A, NOW, NULL), 0);
    list = claim(f, JOB_LETTER, 2, NOW + 60, BATCH_B); /* the other becomes uncertain */
    job_list_clear(&list);
    for (unsigned n = 1; n <= 2; n++) {
        told = get(f, n);
        assert_true(told.untold);
        assert_int_equal(queue_told(f->queue, &told), 0);
    }
    prune(f, NOW + 60 + 3 * f->options.keep);
    assert_state(f, 2, JOB_UNCERTAIN);
    prune(f, NOW + 61 + 3 * f->options.keep);
    assert_int_equal(queue_get(f->queue, id, &found), -ENOENT);
    id_of(2, id);
    assert_int_equal(queue_get(f->queue, id, &found), -ENOENT);
}

/* What the store looked like before there were lanes, and times of their own for what can't be
   told. */
static const char version_1[] =
    "DROP INDEX job_untold; ALTER TABLE job DROP COLUMN tell_at;"
    "ALTER TABLE job DROP COLUMN tell_tries; ALTER TABLE job DROP COLUMN tell_note;"
    "CREATE INDEX job_untold ON job(created) WHERE untold > 0;"
    "DROP INDEX job_ready; DROP INDEX job_crowd; DROP INDEX job_unresolved;"
    "DROP INDEX job_registration;"
    "ALTER TABLE job DROP COLUMN lane;"
    "CREATE INDEX job_ready ON job(kind, due) WHERE state = 1;"
    "DELETE FROM tally WHERE state > 7; PRAGMA user_version = 1";

static void test_store_of_an_older_version_is_taken_over(void **state)
{
    struct fixture *f = *state;
    static const char *const topics[] = {"password-changed", "code"};
    for (unsigned i = 0; i < ELEMENTS(topics); i++) {
        struct job job = job_of(i, JOB_MAIL);
        strcpy(job.topic, topics[i]);
        put(f, &job);
    }
    spoil(f, version_1);
    struct job_list list = claim(f, JOB_MAIL, 10, NOW, NULL);
    assert_int_equal(list.count, 2);
    assert_string_equal(list.items[0].topic, "code");
    job_list_clear(&list);
    assert_int_equal(count_damaged(f), 0);
    spoil(f, "UPDATE job SET fence = -1" ROW_1);
    assert_state(f, 1, JOB_DAMAGED);
    assert_int_equal(count_damaged(f), 1);
}

/* Damage of the file itself. */

#define BIG_JOBS 1200

static void put_big(struct fixture *f)
{
    static uint8_t payload[8000];
    memset(payload, 'p', sizeof payload);
    for (unsigned i = 0; i < BIG_JOBS; i++) {
        struct job job = job_of(i, JOB_MAIL);
        job.payload = payload;
        job.payload_size = sizeof payload;
        put(f, &job);
    }
}

/* Garbage in the middle of the file, far from its header. */
static void spoil_pages(const struct fixture *f)
{
    static const char garbage[65536] = "garbage";
    _cleanup_fclose_ FILE *file = fopen(f->path, "r+e");
    assert_non_null(file);
    for (long offset = 65536; offset < 65536 * 100; offset += 2 * 65536) {
        assert_int_equal(fseek(file, offset, SEEK_SET), 0);
        assert_int_equal(fwrite(garbage, 1, sizeof garbage, file), sizeof garbage);
    }
}

static void test_damaged_pages_are_found_at_start(void **state)
{
    struct fixture *f = *state;
    put_big(f);
    f->queue = queue_free(f->queue);
    spoil_pages(f);
    assert_int_equal(queue_open(&f->options, &f->queue), -EBADMSG);
    assert_null(f->queue);
}

static void test_damage_that_a_call_meets_stays_known(void **state)
{
    struct fixture *f = *state;
    struct queue_stats stats;
    put_big(f);
    fixture_reopen(f); /* with nothing in memory */
    assert_int_equal(queue_health(f->queue), 0);
    spoil_pages(f);
    struct job_list list = {0};
    struct queue_claim all = {
        .kind = JOB_MAIL, .most = QUEUE_LIST_MAX, .now = NOW, .lease = NOW + 60};
    assert_int_equal(queue_claim(f->queue, &all, &list), -EIO);
    assert_int_equal(queue_health(f->queue), -EBADMSG);
    (void)queue_stats(f->queue, &stats);
    assert_int_equal(queue_health(f->queue), -EBADMSG);
}

static void test_queue_without_a_store_refuses_everything_at_once(void **state)
{
    struct fixture *f = *state;
    struct queue *queue = NULL;
    struct job job = job_of(1, JOB_MAIL), found;
    struct job_list list = {.count = 77};
    struct queue_stats stats;
    struct queue_claim all = {.kind = JOB_MAIL, .most = 1, .now = NOW, .lease = NOW + 60};
    (void)f;
    assert_int_equal(queue_open_without(-EBADMSG, &queue), 0);
    assert_int_equal(queue_health(queue), -EBADMSG);
    assert_int_equal(queue_put(queue, &job), -EIO);
    assert_int_equal(queue_get(queue, job.id, &found), -EIO);
    assert_int_equal(queue_claim(queue, &all, &list), -EIO);
    assert_int_equal(list.count, 77);
    assert_int_equal(queue_stats(queue, &stats), -EIO);
    assert_true(queue_wake_fd(queue, JOB_MAIL) >= 0);
    queue_free(queue);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_damaged_row_is_set_aside_and_keeps_nobody_waiting),
        TEST(test_damaged_row_whose_id_is_none_is_shown_and_dropped_by_its_number),
        TEST(test_damaged_row_tells_what_it_was),
        TEST(test_damaged_row_is_never_pruned_nor_retried_and_goes_only_by_hand),
        TEST(test_more_damaged_rows_than_one_call_takes_are_set_aside_too),
        TEST(test_name_that_was_cut_within_a_character_damages_no_row),
        TEST(test_damaged_letter_leaves_its_batch_alone),
        TEST(test_unresolved_letters_are_kept_three_times_as_long_as_history),
        TEST(test_store_of_an_older_version_is_taken_over),
        TEST(test_damaged_pages_are_found_at_start),
        TEST(test_damage_that_a_call_meets_stays_known),
        TEST(test_queue_without_a_store_refuses_everything_at_once),
    };
    return cmocka_run_group_tests_name("queue-damage", tests, NULL, NULL);
}
