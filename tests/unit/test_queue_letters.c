/* What is special about letters: batches, printing, posting, and never twice on paper. */
#include "config.h"

#include "queue_fixture.h"

static void test_letter_becomes_uncertain_when_its_lease_ends(void **state)
{
    struct fixture *f = *state;
    put_simple(f, 1, JOB_LETTER);
    (void)claim_one(f, 1, JOB_LETTER, NOW);
    assert_int_equal(claim_count(f, JOB_LETTER, NOW + 59), 0);
    assert_state(f, 1, JOB_CLAIMED);
    assert_int_equal(claim_count(f, JOB_LETTER, NOW + 60), 0);
    assert_state(f, 1, JOB_UNCERTAIN);
    assert_int_equal(claim_count(f, JOB_LETTER, NOW + 600000), 0);
}

static void test_same_batch_again_gives_the_same_letters_and_no_new_ones(void **state)
{
    struct fixture *f = *state;
    put_letters(f, 4);
    struct job_list first = claim(f, JOB_LETTER, 2, NOW, BATCH_A);
    assert_int_equal(first.count, 2);
    assert_int_equal(queue_printed(f->queue, first.items[0].id, BATCH_A, NOW + 1, ""), 0);
    struct job_list again = claim(f, JOB_LETTER, 4, NOW + 30, BATCH_A);
    assert_int_equal(again.count, 2);
    for (size_t i = 0; i < 2; i++) {
        assert_string_equal(again.items[i].id, first.items[i].id);
        assert_int_equal(again.items[i].fence, first.items[i].fence);
    }
    assert_int_equal(again.items[0].state, JOB_PRINTED);
    assert_null(again.items[0].payload);
    assert_int_equal(again.items[1].lease, NOW + 90);
    assert_int_equal(again.items[1].payload_size, 6);
    job_list_clear(&first);
    job_list_clear(&again);
    struct job_list other = claim(f, JOB_LETTER, 4, NOW + 30, BATCH_B);
    assert_int_equal(other.count, 2);
    job_list_clear(&other);
}

static void test_same_batch_after_its_lease_gives_uncertain_letters(void **state)
{
    struct fixture *f = *state;
    put_letters(f, 2);
    (void)claim_one(f, 1, JOB_LETTER, NOW);
    struct job_list again = claim(f, JOB_LETTER, 4, NOW + 60, BATCH_A);
    assert_int_equal(again.count, 1);
    assert_int_equal(again.items[0].state, JOB_UNCERTAIN);
    assert_int_equal(again.items[0].payload_size, 6);
    job_list_clear(&again);
    assert_state(f, 2, JOB_READY);
}

static void test_batch_that_is_over_gives_nothing_new(void **state)
{
    struct fixture *f = *state;
    put_letters(f, 2);
    (void)claim_one(f, 1, JOB_LETTER, NOW);
    assert_int_equal(queue_printed(f->queue, get(f, 1).id, BATCH_A, NOW, ""), 0);
    assert_int_equal(queue_posted(f->queue, BATCH_A, NOW, NULL), 0);
    struct job_list again = claim(f, JOB_LETTER, 4, NOW, BATCH_A);
    assert_int_equal(again.count, 0);
    job_list_clear(&again);
    assert_state(f, 2, JOB_READY);
}

static void test_printed_needs_the_batch_and_may_be_said_twice(void **state)
{
    struct fixture *f = *state;
    put_letters(f, 2);
    char id[ULID_SIZE];
    id_of(1, id);
    assert_int_equal(queue_printed(f->queue, id, BATCH_A, NOW, ""), -ESTALE);
    (void)claim_one(f, 1, JOB_LETTER, NOW);
    assert_int_equal(queue_printed(f->queue, id, BATCH_B, NOW, ""), -ESTALE);
    assert_int_equal(queue_printed(f->queue, id, BATCH_A, NOW + 7, "tray 2"), 0);
    assert_int_equal(queue_printed(f->queue, id, BATCH_A, NOW + 9, "again"), 0);
    struct job job = get(f, 1);
    assert_int_equal(job.state, JOB_PRINTED);
    assert_int_equal(job.happened, NOW + 7);
    assert_string_equal(job.note, "tray 2");
    assert_true(job.untold);
    id_of(9, id);
    assert_int_equal(queue_printed(f->queue, id, BATCH_A, NOW, ""), -ENOENT);
}

static void test_uncertain_letter_can_still_be_printed(void **state)
{
    struct fixture *f = *state;
    put_letters(f, 1);
    (void)claim_one(f, 1, JOB_LETTER, NOW);
    assert_int_equal(claim_count(f, JOB_LETTER, NOW + 60), 0);
    assert_state(f, 1, JOB_UNCERTAIN);
    assert_int_equal(queue_printed(f->queue, get(f, 1).id, BATCH_A, NOW, ""), 0);
    assert_state(f, 1, JOB_PRINTED);
}

static void test_uncertain_letter_is_not_retried(void **state)
{
    struct fixture *f = *state;
    put_letters(f, 1);
    uint64_t fence = claim_one(f, 1, JOB_LETTER, NOW);
    assert_int_equal(claim_count(f, JOB_LETTER, NOW + 60), 0);
    assert_int_equal(queue_retry(f->queue, get(f, 1).id, fence, NOW, ""), -ESTALE);
    assert_int_equal(queue_retry_now(f->queue, get(f, 1).id, NOW), -EPERM);
    assert_state(f, 1, JOB_UNCERTAIN);
}

static void test_letter_that_failed_to_print_joins_another_batch(void **state)
{
    struct fixture *f = *state;
    put_letters(f, 1);
    uint64_t fence = claim_one(f, 1, JOB_LETTER, NOW);
    assert_int_equal(queue_retry(f->queue, get(f, 1).id, fence, NOW + 10, "no paper"), 0);
    assert_string_equal(get(f, 1).batch, "");
    struct job_list list = claim(f, JOB_LETTER, 1, NOW + 10, BATCH_B);
    assert_int_equal(list.count, 1);
    assert_int_equal(list.items[0].payload_size, 6);
    assert_int_equal(queue_printed(f->queue, list.items[0].id, BATCH_A, NOW, ""), -ESTALE);
    assert_int_equal(queue_printed(f->queue, list.items[0].id, BATCH_B, NOW, ""), 0);
    job_list_clear(&list);
}

static void test_posted_ends_the_printed_letters_of_the_batch(void **state)
{
    struct fixture *f = *state;
    put_letters(f, 3);
    struct job_list list = claim(f, JOB_LETTER, 3, NOW, BATCH_A);
    assert_int_equal(queue_printed(f->queue, list.items[0].id, BATCH_A, NOW, ""), 0);
    assert_int_equal(queue_printed(f->queue, list.items[2].id, BATCH_A, NOW, ""), 0);
    job_list_clear(&list);
    unsigned count = 99;
    assert_int_equal(queue_posted(f->queue, BATCH_B, NOW, &count), -ENOENT);
    assert_int_equal(count, 99);
    assert_int_equal(queue_posted(f->queue, BATCH_A, NOW + 50, &count), 0);
    assert_int_equal(count, 2);
    assert_int_equal(get(f, 1).happened, NOW + 50);
    assert_state(f, 1, JOB_DONE);
    assert_state(f, 2, JOB_CLAIMED);
    assert_int_equal(queue_posted(f->queue, BATCH_A, NOW + 60, &count), 0);
    assert_int_equal(count, 0);
    assert_int_equal(get(f, 1).happened, NOW + 50);
}

static void test_the_directory_is_to_be_told_of_every_step(void **state)
{
    struct fixture *f = *state;
    put_letters(f, 1);
    char id[ULID_SIZE];
    id_of(1, id);
    assert_false(get(f, 1).untold);
    uint64_t fence = claim_one(f, 1, JOB_LETTER, NOW);
    assert_true(get(f, 1).untold);
    struct job claimed = get(f, 1);
    assert_int_equal(queue_told(f->queue, &claimed), 0);
    assert_false(get(f, 1).untold);
    assert_int_equal(queue_retry(f->queue, id, fence, NOW, "paper jam"), 0);
    assert_true(get(f, 1).untold);
    (void)claim_one(f, 1, JOB_LETTER, NOW);
    claimed = get(f, 1);
    assert_int_equal(queue_uncertain(f->queue, id, BATCH_A, ""), 0);
    assert_int_equal(queue_told(f->queue, &claimed), 0); /* of what was before */
    assert_true(get(f, 1).untold);
    put_simple(f, 2, JOB_MAIL);
    (void)claim_one(f, 2, JOB_MAIL, NOW);
    assert_false(get(f, 2).untold);
}

static int sent_to(struct fixture *f, uint64_t fence, const char *address)
{
    struct job job = get(f, 1);
    struct queue_sent sent = {.id = job.id, .fence = fence, .address = address};
    queue_sent_to(f->queue, &sent, 1);
    return sent.result;
}

static void test_where_a_claim_sent_a_letter_is_kept_until_it_is_claimed_again(void **state)
{
    struct fixture *f = *state;
    put_letters(f, 1);
    assert_int_equal(sent_to(f, 0, "nobody claimed it"), -ESTALE);
    uint64_t fence = claim_one(f, 1, JOB_LETTER, NOW);
    assert_int_equal(sent_to(f, fence, "here"), 0);
    assert_int_equal(queue_retry(f->queue, get(f, 1).id, fence, NOW, "paper jam"), 0);
    assert_string_equal(get(f, 1).address, "");
    uint64_t next = claim_one(f, 1, JOB_LETTER, NOW);
    assert_int_equal(sent_to(f, fence, "here"), -ESTALE);
    assert_int_equal(sent_to(f, next, "there"), 0);
    assert_int_equal(queue_printed(f->queue, get(f, 1).id, BATCH_A, NOW, ""), 0);
    assert_int_equal(sent_to(f, next, "nowhere"), -ESTALE);
    assert_string_equal(get(f, 1).address, "there");
}

static void test_station_may_say_at_once_that_it_does_not_know(void **state)
{
    struct fixture *f = *state;
    put_letters(f, 1);
    char id[ULID_SIZE];
    id_of(1, id);
    assert_int_equal(queue_uncertain(f->queue, id, BATCH_A, ""), -ESTALE);
    uint64_t fence = claim_one(f, 1, JOB_LETTER, NOW);
    assert_int_equal(queue_uncertain(f->queue, id, BATCH_B, ""), -ESTALE);
    assert_int_equal(queue_uncertain(f->queue, id, BATCH_A, "server gone"), 0);
    assert_int_equal(queue_uncertain(f->queue, id, BATCH_A, "again"), 0);
    assert_string_equal(get(f, 1).note, "server gone");
    assert_state(f, 1, JOB_UNCERTAIN);
    assert_int_equal(queue_retry(f->queue, id, fence, NOW, ""), -ESTALE);
    assert_int_equal(claim_count(f, JOB_LETTER, NOW + 600000), 0);
}

static void test_uncertain_letter_is_printed_again_only_when_told(void **state)
{
    struct fixture *f = *state;
    put_letters(f, 2);
    char id[ULID_SIZE];
    id_of(1, id);
    (void)claim_one(f, 1, JOB_LETTER, NOW);
    assert_int_equal(queue_again(f->queue, id, NOW, ""), -EPERM);
    assert_int_equal(queue_uncertain(f->queue, id, BATCH_A, ""), 0);
    assert_int_equal(queue_again(f->queue, id, NOW, "told"), 0);
    assert_string_equal(get(f, 1).batch, "");
    assert_int_equal(queue_printed(f->queue, id, BATCH_A, NOW, ""), -ESTALE);
    struct job_list list = claim(f, JOB_LETTER, 1, NOW, BATCH_B);
    assert_string_equal(list.items[0].id, id);
    assert_int_equal(list.items[0].payload_size, 6);
    job_list_clear(&list);
    id_of(9, id);
    assert_int_equal(queue_again(f->queue, id, NOW, ""), -ENOENT);
}

static void test_letter_can_return_once_it_is_on_paper(void **state)
{
    struct fixture *f = *state;
    put_letters(f, 1);
    char id[ULID_SIZE];
    id_of(1, id);
    assert_int_equal(queue_returned(f->queue, id, NOW, ""), -EPERM);
    (void)claim_one(f, 1, JOB_LETTER, NOW);
    assert_int_equal(queue_printed(f->queue, id, BATCH_A, NOW, ""), 0);
    assert_int_equal(queue_returned(f->queue, id, NOW + 5, "moved"), 0);
    assert_state(f, 1, JOB_DONE);
    assert_string_equal(get(f, 1).note, "moved");
    assert_int_equal(queue_returned(f->queue, id, NOW + 6, "moved again"), 0);
    struct job third = job_of(3, JOB_LETTER);
    put(f, &third);
    id_of(3, id);
    struct job_list list = claim(f, JOB_LETTER, 1, NOW, BATCH_B);
    assert_int_equal(list.count, 1); /* printed, and withdrawn meanwhile */
    job_list_clear(&list);
    assert_int_equal(queue_withdraw_one(f->queue, id, "moved on"), 0);
    assert_int_equal(queue_returned(f->queue, id, NOW + 7, "returned: moved"), 0);
    assert_state(f, 3, JOB_DONE);
    assert_string_equal(get(f, 3).note, "returned: moved");
    put_simple(f, 2, JOB_MAIL);
    id_of(2, id);
    assert_int_equal(queue_returned(f->queue, id, NOW, ""), -EPERM);
}

static void test_withdraw_ends_what_has_not_taken_effect(void **state)
{
    struct fixture *f = *state;
    put_letters(f, 3); /* 1 and 3 are of A */
    struct job mail = job_of(10, JOB_MAIL), done = job_of(11, JOB_MAIL);
    strcpy(mail.entry, ENTRY_A);
    strcpy(done.entry, ENTRY_A);
    put(f, &done);
    uint64_t fence = claim_one(f, 11, JOB_MAIL, NOW);
    assert_int_equal(queue_finish(f->queue, done.id, fence, JOB_DONE, "sent", NOW, false), 0);
    mail.state = JOB_STAGED;
    put(f, &mail);
    (void)claim_one(f, 1, JOB_LETTER, NOW);
    assert_int_equal(queue_printed(f->queue, get(f, 1).id, BATCH_A, NOW, ""), 0);

    unsigned count = 0;
    assert_int_equal(queue_withdraw(f->queue, ENTRY_A, JOB_LETTER, "not me", &count), 0);
    assert_int_equal(count, 2);
    assert_state(f, 1, JOB_WITHDRAWN);
    assert_state(f, 3, JOB_WITHDRAWN);
    assert_state(f, 10, JOB_STAGED);
    assert_int_equal(queue_withdraw(f->queue, ENTRY_A, -1, "not me", &count), 0);
    assert_int_equal(count, 1);
    assert_state(f, 10, JOB_WITHDRAWN);
    assert_state(f, 11, JOB_DONE);
    assert_state(f, 2, JOB_READY);
    assert_string_equal(get(f, 3).note, "not me");
    assert_int_equal(queue_ready(f->queue, mail.id), 0);
    assert_state(f, 10, JOB_WITHDRAWN);
    assert_int_equal(queue_printed(f->queue, get(f, 1).id, BATCH_A, NOW, ""), -ESTALE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_letter_becomes_uncertain_when_its_lease_ends),
        TEST(test_same_batch_again_gives_the_same_letters_and_no_new_ones),
        TEST(test_same_batch_after_its_lease_gives_uncertain_letters),
        TEST(test_batch_that_is_over_gives_nothing_new),
        TEST(test_printed_needs_the_batch_and_may_be_said_twice),
        TEST(test_uncertain_letter_can_still_be_printed),
        TEST(test_uncertain_letter_is_not_retried),
        TEST(test_letter_that_failed_to_print_joins_another_batch),
        TEST(test_posted_ends_the_printed_letters_of_the_batch),
        TEST(test_the_directory_is_to_be_told_of_every_step),
        TEST(test_where_a_claim_sent_a_letter_is_kept_until_it_is_claimed_again),
        TEST(test_station_may_say_at_once_that_it_does_not_know),
        TEST(test_uncertain_letter_is_printed_again_only_when_told),
        TEST(test_letter_can_return_once_it_is_on_paper),
        TEST(test_withdraw_ends_what_has_not_taken_effect),
    };
    return cmocka_run_group_tests_name("queue-letters", tests, NULL, NULL);
}
