/* The life of a job: put in, claimed, ended. Letters are in test_queue_letters.c, history and
   operators in test_queue_history.c, files, crashes and threads in test_queue_store.c. */
#include "config.h"

#include "queue_fixture.h"

#include "cleanup.h"

static void test_words_of_kinds_and_states_read_back(void **state)
{
    (void)state;
    for (int kind = 0; kind < JOB_KINDS; kind++)
        assert_int_equal(job_kind_read(job_kind_word((enum job_kind)kind)), kind);
    for (int s = 0; s < JOB_STATES; s++)
        assert_int_equal(job_state_read(job_state_word((enum job_state)s)), s);
    assert_int_equal(job_kind_read("parcel"), -EINVAL);
    assert_int_equal(job_state_read(""), -EINVAL);
    assert_int_equal(job_state_read(NULL), -EINVAL);
}

static void test_job_comes_back_as_it_was_put(void **state)
{
    struct fixture *f = *state;
    uint8_t payload[] = {'a', 0, 'b', 0xff};
    struct job job = job_of(1, JOB_MAIL);
    strcpy(job.topic, "confirm");
    strcpy(job.entry, ENTRY_A);
    strcpy(job.subject, "c-0001");
    strcpy(job.address, "address-hash");
    strcpy(job.reference, "reference-hash");
    id_of(9, job.parent);
    strcpy(job.note, "fresh");
    job.created = NOW - 5;
    job.due = NOW - 1;
    job.expires = NOW + 100;
    job.payload = payload;
    job.payload_size = sizeof payload;
    put(f, &job);

    struct job_list list = claim(f, JOB_MAIL, 10, NOW, NULL);
    assert_int_equal(list.count, 1);
    const struct job *got = &list.items[0];
    assert_string_equal(got->id, job.id);
    assert_string_equal(got->topic, job.topic);
    assert_string_equal(got->entry, job.entry);
    assert_string_equal(got->subject, job.subject);
    assert_string_equal(got->address, job.address);
    assert_string_equal(got->reference, job.reference);
    assert_string_equal(got->parent, job.parent);
    assert_string_equal(got->note, job.note);
    assert_int_equal(got->created, job.created);
    assert_int_equal(got->due, job.due);
    assert_int_equal(got->expires, job.expires);
    assert_int_equal(got->lease, NOW + 60);
    assert_int_equal(got->state, JOB_CLAIMED);
    assert_int_equal(got->fence, 1);
    assert_int_equal(got->attempts, 1);
    assert_int_equal(got->payload_size, sizeof payload);
    assert_memory_equal(got->payload, payload, sizeof payload);
    job_list_clear(&list);
    struct job stored = get(f, 1);
    assert_null(stored.payload);
    assert_int_equal(stored.attempts, 1);
}

static void test_one_job_for_each_parent_and_topic(void **state)
{
    struct fixture *f = *state;
    struct job job = job_of(1, JOB_MAIL);
    id_of(100, job.parent);
    strcpy(job.topic, "confirm");
    put(f, &job);
    id_of(2, job.id);
    assert_int_equal(queue_put(f->queue, &job), -EEXIST);
    strcpy(job.topic, "in-use");
    put(f, &job);
    id_of(3, job.id);
    id_of(101, job.parent);
    put(f, &job);
    job.parent[0] = '\0';
    id_of(4, job.id);
    put(f, &job);
    id_of(5, job.id);
    put(f, &job);
}

static void test_same_id_twice_is_refused(void **state)
{
    struct fixture *f = *state;
    put_simple(f, 1, JOB_MAIL);
    struct job again = job_of(1, JOB_LETTER);
    assert_int_equal(queue_put(f->queue, &again), -EEXIST);
    assert_int_equal(get(f, 1).kind, JOB_MAIL);
}

static void test_full_queue_refuses_until_a_job_ends(void **state)
{
    struct fixture *f = *state;
    f->options.limit = 2;
    fixture_reopen(f);
    put_simple(f, 1, JOB_MAIL);
    put_simple(f, 2, JOB_LETTER);
    struct job third = job_of(3, JOB_MAIL);
    assert_int_equal(queue_put(f->queue, &third), -ENOSPC);
    uint64_t fence = claim_one(f, 1, JOB_MAIL, NOW);
    assert_int_equal(queue_put(f->queue, &third), -ENOSPC);
    assert_int_equal(
        queue_finish(f->queue, "01TESTTESTTESTTEST00000001", fence, JOB_DONE, "", 0, false), 0);
    put(f, &third);
}

static void test_unfit_jobs_are_refused(void **state)
{
    struct fixture *f = *state;
    uint8_t payload[JOB_PAYLOAD_MAX + 1] = {1};
    struct job job = job_of(1, JOB_MAIL);
    job.state = JOB_DONE;
    assert_int_equal(queue_put(f->queue, &job), -EINVAL);
    job = job_of(1, JOB_KINDS);
    assert_int_equal(queue_put(f->queue, &job), -EINVAL);
    job = job_of(1, JOB_MAIL);
    job.payload = payload;
    job.payload_size = sizeof payload;
    assert_int_equal(queue_put(f->queue, &job), -EINVAL);
    job = job_of(1, JOB_MAIL);
    memset(job.note, 'x', sizeof job.note);
    assert_int_equal(queue_put(f->queue, &job), -EINVAL);
    job = job_of(1, JOB_MAIL);
    job.id[0] = '\0';
    assert_int_equal(queue_put(f->queue, &job), -EINVAL);
    job = job_of(1, JOB_MAIL);
    job.payload = payload;
    job.payload_size = JOB_PAYLOAD_MAX;
    put(f, &job);
}

static void test_staged_job_waits_until_it_is_made_ready(void **state)
{
    struct fixture *f = *state;
    struct job job = job_of(1, JOB_LETTER);
    job.state = JOB_STAGED;
    job.lease = NOW + 30;
    put(f, &job);
    assert_int_equal(claim_count(f, JOB_LETTER, NOW + 1000), 0);
    assert_int_equal(queue_ready(f->queue, job.id), 0);
    assert_int_equal(queue_ready(f->queue, job.id), 0);
    assert_int_equal(claim_count(f, JOB_LETTER, NOW), 1);
    assert_int_equal(queue_ready(f->queue, job.id), 0);
    assert_state(f, 1, JOB_CLAIMED);
    id_of(2, job.id);
    assert_int_equal(queue_ready(f->queue, job.id), -ENOENT);
}

static void test_ready_and_finish_is_both_or_neither(void **state)
{
    struct fixture *f = *state;
    struct job mail = job_of(2, JOB_MAIL), parent = job_of(1, JOB_REGISTRATION);
    put(f, &parent);
    mail.state = JOB_STAGED;
    put(f, &mail);
    uint64_t fence = claim_one(f, 1, JOB_REGISTRATION, NOW);
    assert_int_equal(queue_ready_and_finish(f->queue, mail.id, parent.id, fence + 1, "x"), -ESTALE);
    assert_state(f, 2, JOB_STAGED);
    char nobody[ULID_SIZE];
    id_of(77, nobody);
    assert_int_equal(queue_ready_and_finish(f->queue, nobody, parent.id, fence, "x"), -ENOENT);
    assert_state(f, 1, JOB_CLAIMED);
    assert_int_equal(queue_ready_and_finish(f->queue, mail.id, parent.id, fence, "matched"), 0);
    assert_state(f, 1, JOB_DONE);
    assert_state(f, 2, JOB_READY);
    assert_string_equal(get(f, 1).note, "matched");
    assert_int_equal(queue_ready_and_finish(f->queue, mail.id, parent.id, fence, "matched"), 0);
}

static void test_either_half_of_ready_and_finish_may_be_missing(void **state)
{
    struct fixture *f = *state;
    struct job mail = job_of(2, JOB_MAIL), parent = job_of(1, JOB_REGISTRATION);
    put(f, &parent);
    mail.state = JOB_STAGED;
    put(f, &mail);
    uint64_t fence = claim_one(f, 1, JOB_REGISTRATION, NOW);
    assert_int_equal(queue_ready_and_finish(f->queue, mail.id, NULL, 0, NULL), 0);
    assert_state(f, 2, JOB_READY);
    assert_int_equal(queue_ready_and_finish(f->queue, NULL, parent.id, fence, "done"), 0);
    assert_state(f, 1, JOB_DONE);
}

static void test_only_staged_jobs_can_be_dropped(void **state)
{
    struct fixture *f = *state;
    struct job job = job_of(1, JOB_LETTER), found;
    job.state = JOB_STAGED;
    put(f, &job);
    assert_int_equal(queue_drop_staged(f->queue, job.id), 0);
    assert_int_equal(queue_get(f->queue, job.id, &found), -ENOENT);
    assert_int_equal(queue_drop_staged(f->queue, job.id), -ENOENT);
    put(f, &job);
    assert_int_equal(queue_ready(f->queue, job.id), 0);
    assert_int_equal(queue_drop_staged(f->queue, job.id), -EPERM);
}

static void test_claim_gives_what_is_due_earliest_first(void **state)
{
    struct fixture *f = *state;
    static const time_t due[] = {NOW - 1, NOW - 9, NOW + 1, NOW, NOW - 5};
    for (unsigned i = 0; i < ELEMENTS(due); i++) {
        struct job job = job_of(i, JOB_MAIL);
        job.due = due[i];
        put(f, &job);
    }
    put_simple(f, 50, JOB_LETTER);
    static const unsigned order[] = {1, 4, 0, 3};
    struct job_list list = claim(f, JOB_MAIL, 3, NOW, NULL),
                    rest = claim(f, JOB_MAIL, 3, NOW, NULL);
    assert_int_equal(list.count, 3);
    assert_int_equal(rest.count, 1);
    char id[ULID_SIZE];
    for (unsigned i = 0; i < ELEMENTS(order); i++) {
        id_of(order[i], id);
        assert_string_equal(i < 3 ? list.items[i].id : rest.items[i - 3].id, id);
    }
    job_list_clear(&list);
    job_list_clear(&rest);
    assert_int_equal(claim_count(f, JOB_MAIL, NOW), 0);
    assert_int_equal(claim_count(f, JOB_MAIL, NOW + 1), 1);
}

static void test_old_fence_is_refused_everywhere(void **state)
{
    struct fixture *f = *state;
    put_simple(f, 1, JOB_MAIL);
    char id[ULID_SIZE];
    id_of(1, id);
    uint64_t first = claim_one(f, 1, JOB_MAIL, NOW);
    uint64_t second = claim_one(f, 1, JOB_MAIL, NOW + 60);
    assert_true(second > first);
    assert_int_equal(queue_finish(f->queue, id, first, JOB_DONE, "", NOW, true), -ESTALE);
    assert_int_equal(queue_finish(f->queue, id, 0, JOB_DONE, "", NOW, true), -ESTALE);
    assert_int_equal(queue_retry(f->queue, id, first, NOW, ""), -ESTALE);
    assert_int_equal(queue_ready_and_finish(f->queue, NULL, id, first, ""), -ESTALE);
    assert_state(f, 1, JOB_CLAIMED);
    assert_int_equal(queue_finish(f->queue, id, second, JOB_DONE, "", NOW, true), 0);
    id_of(2, id);
    assert_int_equal(queue_finish(f->queue, id, 1, JOB_DONE, "", NOW, true), -ENOENT);
    assert_int_equal(queue_retry(f->queue, id, 1, NOW, ""), -ENOENT);
}

static void test_job_that_was_never_claimed_cannot_be_finished(void **state)
{
    struct fixture *f = *state;
    struct job job = job_of(1, JOB_MAIL);
    put(f, &job);
    assert_int_equal(queue_finish(f->queue, job.id, 0, JOB_DONE, "", NOW, false), -ESTALE);
    assert_state(f, 1, JOB_READY);
}

static void test_mail_is_claimable_again_when_its_lease_ends(void **state)
{
    struct fixture *f = *state;
    put_simple(f, 1, JOB_MAIL);
    put_simple(f, 2, JOB_REGISTRATION);
    assert_int_equal(claim_count(f, JOB_MAIL, NOW), 1);
    assert_int_equal(claim_count(f, JOB_REGISTRATION, NOW), 1);
    assert_int_equal(claim_count(f, JOB_MAIL, NOW + 59), 0);
    assert_int_equal(claim_count(f, JOB_MAIL, NOW + 60), 1);
    assert_int_equal(claim_count(f, JOB_REGISTRATION, NOW + 60), 1);
    assert_int_equal(get(f, 1).attempts, 2);
}

static void test_end_that_comes_late_counts_while_nobody_else_has_it(void **state)
{
    struct fixture *f = *state;
    put_simple(f, 1, JOB_MAIL);
    put_simple(f, 2, JOB_MAIL);
    struct job_list list = claim(f, JOB_MAIL, 2, NOW, NULL);
    (void)claim_one(f, 1, JOB_MAIL, NOW + 60); /* sweeps both, takes one */
    assert_state(f, 2, JOB_READY);
    assert_int_equal(
        queue_finish(f->queue, list.items[1].id, list.items[1].fence, JOB_DONE, "", NOW, true), 0);
    assert_state(f, 2, JOB_DONE);
    job_list_clear(&list);
}

static void test_same_end_twice_is_done(void **state)
{
    struct fixture *f = *state;
    put_simple(f, 1, JOB_MAIL);
    char id[ULID_SIZE];
    id_of(1, id);
    uint64_t fence = claim_one(f, 1, JOB_MAIL, NOW);
    assert_int_equal(queue_finish(f->queue, id, fence, JOB_READY, "", 0, false), -EINVAL);
    assert_int_equal(queue_finish(f->queue, id, fence, JOB_DONE, "accepted", NOW + 3, true), 0);
    assert_int_equal(queue_finish(f->queue, id, fence, JOB_DONE, "accepted", NOW + 3, true), 0);
    assert_int_equal(queue_finish(f->queue, id, fence, JOB_FAILED, "", 0, false), -ESTALE);
    struct job job = get(f, 1);
    assert_int_equal(job.happened, NOW + 3);
    assert_string_equal(job.note, "accepted");
    assert_true(job.untold);
}

static void test_retried_mail_waits_until_it_is_due(void **state)
{
    struct fixture *f = *state;
    put_simple(f, 1, JOB_MAIL);
    char id[ULID_SIZE];
    id_of(1, id);
    uint64_t fence = claim_one(f, 1, JOB_MAIL, NOW);
    assert_int_equal(queue_retry(f->queue, id, fence, NOW + 300, "relay busy"), 0);
    assert_int_equal(queue_finish(f->queue, id, fence, JOB_DONE, "", 0, false), -ESTALE);
    assert_int_equal(claim_count(f, JOB_MAIL, NOW + 299), 0);
    assert_string_equal(get(f, 1).note, "relay busy");
    assert_int_equal(claim_count(f, JOB_MAIL, NOW + 300), 1);
    assert_int_equal(get(f, 1).attempts, 2);
}

static void test_mail_fails_at_the_second_it_expires(void **state)
{
    struct fixture *f = *state;
    struct job job = job_of(1, JOB_MAIL);
    job.expires = NOW + 100;
    put(f, &job);
    uint64_t fence = claim_one(f, 1, JOB_MAIL, NOW + 99);
    assert_int_equal(queue_retry(f->queue, job.id, fence, NOW + 5000, "later"), 0);
    assert_int_equal(claim_count(f, JOB_MAIL, NOW + 99), 0);
    assert_state(f, 1, JOB_READY);
    assert_int_equal(claim_count(f, JOB_MAIL, NOW + 100), 0);
    assert_state(f, 1, JOB_FAILED);
    assert_string_equal(get(f, 1).note, "expired");
}

static void test_many_expired_mails_never_hide_one_that_is_due(void **state)
{
    struct fixture *f = *state;
    for (unsigned i = 0; i < 1200; i++) {
        struct job job = job_of(i, JOB_MAIL);
        job.expires = i == 1100 ? 0 : NOW + 1;
        put(f, &job);
    }
    (void)woken(f, JOB_MAIL);
    size_t found = claim_count(f, JOB_MAIL, NOW + 1);
    while (woken(f, JOB_MAIL))
        found += claim_count(f, JOB_MAIL, NOW + 1);
    assert_int_equal(found, 1);
    assert_state(f, 1100, JOB_CLAIMED);
    struct queue_stats stats;
    assert_int_equal(queue_stats(f->queue, &stats), 0);
    assert_int_equal(stats.count[JOB_MAIL][JOB_FAILED], 1199);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words_of_kinds_and_states_read_back),
        TEST(test_job_comes_back_as_it_was_put),
        TEST(test_one_job_for_each_parent_and_topic),
        TEST(test_same_id_twice_is_refused),
        TEST(test_full_queue_refuses_until_a_job_ends),
        TEST(test_unfit_jobs_are_refused),
        TEST(test_staged_job_waits_until_it_is_made_ready),
        TEST(test_ready_and_finish_is_both_or_neither),
        TEST(test_either_half_of_ready_and_finish_may_be_missing),
        TEST(test_only_staged_jobs_can_be_dropped),
        TEST(test_claim_gives_what_is_due_earliest_first),
        TEST(test_old_fence_is_refused_everywhere),
        TEST(test_job_that_was_never_claimed_cannot_be_finished),
        TEST(test_mail_is_claimable_again_when_its_lease_ends),
        TEST(test_end_that_comes_late_counts_while_nobody_else_has_it),
        TEST(test_same_end_twice_is_done),
        TEST(test_retried_mail_waits_until_it_is_due),
        TEST(test_mail_fails_at_the_second_it_expires),
        TEST(test_many_expired_mails_never_hide_one_that_is_due),
    };
    return cmocka_run_group_tests_name("queue", tests, NULL, NULL);
}
