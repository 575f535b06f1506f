/* What became of jobs: telling the directory, lists, counts, history, and what operators may do. */
#include "config.h"

#include "queue_fixture.h"

static void finish(struct fixture *f, unsigned n, uint64_t fence, enum job_state end, bool untold)
{
    char id[ULID_SIZE];
    id_of(n, id);
    assert_int_equal(queue_finish(f->queue, id, fence, end, "", NOW, untold), 0);
}

static void test_untold_jobs_come_oldest_first_until_they_are_told(void **state)
{
    struct fixture *f = *state;
    struct job younger = job_of(1, JOB_MAIL), older = job_of(2, JOB_MAIL);
    older.created = NOW - 100;
    put(f, &younger);
    put(f, &older);
    finish(f, 1, claim_one(f, 1, JOB_MAIL, NOW), JOB_DONE, true);
    finish(f, 2, claim_one(f, 2, JOB_MAIL, NOW), JOB_DONE, true);
    struct job_list list = {0};
    assert_int_equal(queue_untold(f->queue, NOW, 10, &list), 0);
    assert_int_equal(list.count, 2);
    assert_string_equal(list.items[0].id, older.id);
    assert_int_equal(queue_told(f->queue, &list.items[0]), 0);
    assert_int_equal(queue_told(f->queue, &list.items[0]), 0);
    job_list_clear(&list);
    assert_int_equal(queue_untold(f->queue, NOW, 10, &list), 0);
    assert_int_equal(list.count, 1);
    assert_string_equal(list.items[0].id, younger.id);
    job_list_clear(&list);
    id_of(9, older.id);
    assert_int_equal(queue_told(f->queue, &older), -ENOENT);
}

static void test_news_that_come_while_a_job_is_told_are_told_too(void **state)
{
    struct fixture *f = *state;
    put_letters(f, 1);
    (void)claim_one(f, 1, JOB_LETTER, NOW);
    struct job printed = get(f, 1), posted;
    assert_int_equal(queue_printed(f->queue, printed.id, BATCH_A, NOW, ""), 0);
    printed = get(f, 1);
    assert_int_equal(queue_posted(f->queue, BATCH_A, NOW, NULL), 0);
    assert_int_equal(queue_told(f->queue, &printed), 0);
    posted = get(f, 1);
    assert_true(posted.untold);
    assert_int_equal(queue_told(f->queue, &posted), 0);
    assert_false(get(f, 1).untold);
}

/* Those that are to be told at now, told or not: "12". */
static void untold_at(struct fixture *f, time_t now, char ret[static 10])
{
    struct job_list list = {0};
    size_t n = 0;
    assert_int_equal(queue_untold(f->queue, now, 9, &list), 0);
    for (; n < list.count; n++)
        ret[n] = list.items[n].id[ULID_SIZE - 2];
    ret[n] = '\0';
    job_list_clear(&list);
}

static void put_untold(struct fixture *f, unsigned n)
{
    put_simple(f, n, JOB_MAIL);
    finish(f, n, claim_one(f, n, JOB_MAIL, NOW), JOB_DONE, true);
}

static void test_what_cannot_be_told_gets_a_time_of_its_own_and_lets_others_pass(void **state)
{
    struct fixture *f = *state;
    char found[10];
    put_untold(f, 1);
    put_untold(f, 2);
    struct job broken = get(f, 1);
    assert_int_equal(queue_tell_later(f->queue, &broken, NOW + 60, "the entry is broken"), 0);
    untold_at(f, NOW + 59, found);
    assert_string_equal(found, "2");
    untold_at(f, NOW + 60, found);
    assert_string_equal(found, "21");
    fixture_reopen(f);
    broken = get(f, 1);
    assert_int_equal(broken.tell_tries, 1);
    assert_int_equal(broken.tell_at, NOW + 60);
    assert_string_equal(broken.tell_note, "the entry is broken");
    assert_int_equal(queue_retry_now(f->queue, broken.id, NOW), 0); /* it is mended */
    untold_at(f, NOW, found);
    assert_string_equal(found, "21");
    assert_int_equal(queue_told(f->queue, &broken), 0);
    broken = get(f, 1);
    assert_int_equal(broken.tell_tries, 0);
    assert_string_equal(broken.tell_note, "");
    assert_int_equal(queue_retry_now(f->queue, broken.id, NOW), -EPERM);
}

static void test_news_of_what_could_not_be_told_are_told_at_once(void **state)
{
    struct fixture *f = *state;
    char found[10];
    put_letters(f, 1);
    (void)claim_one(f, 1, JOB_LETTER, NOW);
    struct job claimed = get(f, 1);
    assert_int_equal(queue_tell_later(f->queue, &claimed, NOW + 60, ""), 0);
    untold_at(f, NOW, found);
    assert_string_equal(found, "");
    assert_int_equal(queue_printed(f->queue, claimed.id, BATCH_A, NOW, ""), 0);
    assert_int_equal(queue_tell_later(f->queue, &claimed, NOW + 60, ""), 0); /* of what was */
    untold_at(f, NOW, found);
    assert_string_equal(found, "1");
    assert_int_equal(get(f, 1).tell_tries, 1);
}

static void test_who_cannot_be_told_six_times_needs_a_person(void **state)
{
    struct fixture *f = *state;
    struct queue_stats stats;
    put_untold(f, 1);
    put_untold(f, 2);
    for (unsigned tries = 1; tries <= JOB_TELL_TRIES; tries++) {
        struct job job = get(f, 1);
        assert_int_equal(queue_tell_later(f->queue, &job, NOW, ""), 0);
        assert_int_equal(queue_stats(f->queue, &stats), 0);
        assert_int_equal(stats.untold, 2);
        assert_int_equal(stats.untellable, tries == 6);
    }
}

static void test_waits_between_tries_double_from_two_seconds_to_an_hour(void **state)
{
    (void)state;
    assert_int_equal(job_tell_wait(0), 2);
    assert_int_equal(job_tell_wait(1), 4);
    assert_int_equal(job_tell_wait(10), 2048);
    assert_int_equal(job_tell_wait(11), 3600);
    assert_int_equal(job_tell_wait(4000000000u), 3600);
}

static void test_orphan_that_tells_nothing_waits_behind_the_others(void **state)
{
    struct fixture *f = *state;
    struct job_list list = {0};
    for (unsigned i = 1; i <= 2; i++) {
        struct job job = job_of(i, JOB_LETTER);
        job.state = JOB_STAGED;
        job.lease = NOW + (time_t)i;
        put(f, &job);
    }
    struct job first = get(f, 1), second = get(f, 2);
    assert_int_equal(queue_orphan_later(f->queue, first.id, NOW + 300, "not known"), 0);
    assert_int_equal(queue_orphans(f->queue, NOW + 299, 10, &list), 0);
    assert_int_equal(list.count, 1);
    assert_string_equal(list.items[0].id, second.id);
    job_list_clear(&list);
    assert_string_equal(get(f, 1).note, "not known");
    assert_int_equal(queue_ready(f->queue, second.id), 0); /* its maker came after all */
    assert_int_equal(queue_orphan_later(f->queue, second.id, NOW + 300, "not known"), 0);
    assert_string_equal(get(f, 2).note, "");
}

static void test_orphans_are_staged_jobs_whose_lease_has_ended(void **state)
{
    struct fixture *f = *state;
    for (unsigned i = 1; i <= 3; i++) {
        struct job job = job_of(i, JOB_LETTER);
        job.state = i == 3 ? JOB_READY : JOB_STAGED;
        job.lease = NOW + (time_t)i;
        put(f, &job);
    }
    struct job_list list = {0};
    assert_int_equal(queue_orphans(f->queue, NOW, 10, &list), 0);
    assert_int_equal(list.count, 0);
    assert_int_equal(queue_orphans(f->queue, NOW + 1, 10, &list), 0);
    assert_int_equal(list.count, 1);
    job_list_clear(&list);
    assert_int_equal(queue_orphans(f->queue, NOW + 10, 10, &list), 0);
    assert_int_equal(list.count, 2);
    job_list_clear(&list);
}

static void test_job_is_found_by_its_reference(void **state)
{
    struct fixture *f = *state;
    struct job job = job_of(1, JOB_MAIL), found = {.created = 5};
    strcpy(job.reference, "the-hash");
    put(f, &job);
    put_simple(f, 2, JOB_MAIL);
    assert_int_equal(queue_by_reference(f->queue, "the-hash", &found), 0);
    assert_string_equal(found.id, job.id);
    found.created = 5;
    assert_int_equal(queue_by_reference(f->queue, "another", &found), -ENOENT);
    assert_int_equal(queue_by_reference(f->queue, "", &found), -ENOENT);
    assert_int_equal(found.created, 5);
}

static void test_mails_are_counted_by_address_entry_and_topic(void **state)
{
    struct fixture *f = *state;
    for (unsigned i = 1; i <= 6; i++) {
        struct job job = job_of(i, i == 6 ? JOB_LETTER : JOB_MAIL);
        strcpy(job.address, i <= 3 ? "a" : "b");
        strcpy(job.entry, i % 2 ? ENTRY_A : ENTRY_B);
        strcpy(job.topic, i == 2 ? "in-use" : "confirm");
        job.created = NOW + (time_t)i;
        put(f, &job);
    }
    assert_int_equal(queue_withdraw_one(f->queue, get(f, 5).id, ""), 0);
    unsigned count = 0;
    assert_int_equal(queue_count_mails(f->queue, "a", NULL, NULL, NOW, &count), 0);
    assert_int_equal(count, 3);
    assert_int_equal(queue_count_mails(f->queue, "a", NULL, "confirm", NOW, &count), 0);
    assert_int_equal(count, 2);
    assert_int_equal(queue_count_mails(f->queue, "a", NULL, NULL, NOW + 3, &count), 0);
    assert_int_equal(count, 1);
    assert_int_equal(queue_count_mails(f->queue, "b", NULL, NULL, NOW, &count), 0);
    assert_int_equal(count, 1);
    assert_int_equal(queue_count_mails(f->queue, NULL, ENTRY_A, NULL, NOW, &count), 0);
    assert_int_equal(count, 2);
    assert_int_equal(queue_count_mails(f->queue, NULL, ENTRY_B, "confirm", NOW, &count), 0);
    assert_int_equal(count, 1);
}

static size_t list_count(struct fixture *f, const struct queue_filter *filter)
{
    struct job_list list = {0};
    assert_int_equal(queue_list(f->queue, filter, &list), 0);
    size_t count = list.count;
    for (size_t i = 1; i < count; i++)
        assert_true(strcmp(list.items[i - 1].id, list.items[i].id) < 0);
    job_list_clear(&list);
    return count;
}

static void test_list_filters_and_pages_by_id(void **state)
{
    struct fixture *f = *state;
    put_letters(f, 4);
    put_simple(f, 5, JOB_MAIL);
    put_simple(f, 6, JOB_MAIL);
    finish(f, 5, claim_one(f, 5, JOB_MAIL, NOW), JOB_DONE, false);
    struct job_list batch = claim(f, JOB_LETTER, 3, NOW, BATCH_A);
    job_list_clear(&batch);
#define FILTER(...) (&(struct queue_filter){.kind = -1, .state = -1, .most = 100, __VA_ARGS__})
    assert_int_equal(list_count(f, FILTER()), 6);
    assert_int_equal(list_count(f, FILTER(.unfinished = true)), 5);
    assert_int_equal(list_count(f, FILTER(.entry = ENTRY_A)), 2);
    assert_int_equal(list_count(f, FILTER(.entry = ENTRY_B, .batch = BATCH_A)), 1);
    assert_int_equal(list_count(f, FILTER(.batch = BATCH_A)), 3);
    assert_int_equal(list_count(f, FILTER(.batch = BATCH_A, .after = get(f, 1).id)), 2);
    assert_int_equal(list_count(f, FILTER(.after = get(f, 4).id)), 2);
    assert_int_equal(list_count(f, FILTER(.after = get(f, 4).id, .unfinished = true)), 1);
#undef FILTER
    struct queue_filter kind = {.kind = JOB_MAIL, .state = -1, .most = 100};
    assert_int_equal(list_count(f, &kind), 2);
    struct queue_filter claimed = {.kind = -1, .state = JOB_CLAIMED, .most = 2};
    assert_int_equal(list_count(f, &claimed), 2);
    struct queue_filter none = {.kind = JOB_MAIL, .state = JOB_CLAIMED, .most = 2};
    assert_int_equal(list_count(f, &none), 0);
}

static void test_stats_count_and_name_the_oldest_unfinished(void **state)
{
    struct fixture *f = *state;
    struct queue_stats stats;
    assert_int_equal(queue_stats(f->queue, &stats), 0);
    assert_int_equal(stats.oldest[JOB_MAIL], 0);
    for (unsigned i = 1; i <= 3; i++) {
        struct job job = job_of(i, JOB_MAIL);
        job.created = NOW + (time_t)i;
        put(f, &job);
    }
    finish(f, 1, claim_one(f, 1, JOB_MAIL, NOW), JOB_DONE, true);
    assert_int_equal(queue_stats(f->queue, &stats), 0);
    assert_int_equal(stats.count[JOB_MAIL][JOB_READY], 2);
    assert_int_equal(stats.count[JOB_MAIL][JOB_DONE], 1);
    assert_int_equal(stats.count[JOB_LETTER][JOB_READY], 0);
    assert_int_equal(stats.oldest[JOB_MAIL], NOW + 2);
    assert_int_equal(stats.untold, 1);
}

static void test_prune_removes_old_history_but_nothing_untold(void **state)
{
    struct fixture *f = *state;
    for (unsigned i = 1; i <= 3; i++)
        put_simple(f, i, JOB_MAIL);
    finish(f, 1, claim_one(f, 1, JOB_MAIL, NOW), JOB_DONE, false);
    finish(f, 2, claim_one(f, 2, JOB_MAIL, NOW), JOB_DONE, true);
    bool more = true;
    assert_int_equal(queue_prune(f->queue, NOW + 60 + 86400, &more), 0);
    assert_false(more);
    assert_state(f, 1, JOB_DONE);
    assert_int_equal(queue_prune(f->queue, NOW + 61 + 86400, &more), 0);
    struct job job;
    char id[ULID_SIZE];
    id_of(1, id);
    assert_int_equal(queue_get(f->queue, id, &job), -ENOENT);
    assert_state(f, 2, JOB_DONE);
    assert_state(f, 3, JOB_READY);
}

static void test_prune_says_that_there_is_more(void **state)
{
    struct fixture *f = *state;
    for (unsigned i = 0; i < 301; i++) {
        put_simple(f, i, JOB_MAIL);
        char id[ULID_SIZE];
        id_of(i, id);
        assert_int_equal(queue_withdraw_one(f->queue, id, ""), 0);
    }
    bool more = false;
    assert_int_equal(queue_prune(f->queue, NOW + 10 * 86400, &more), 0);
    assert_true(more);
    assert_int_equal(queue_prune(f->queue, NOW + 10 * 86400, &more), 0);
    assert_false(more);
    struct queue_stats stats;
    assert_int_equal(queue_stats(f->queue, &stats), 0);
    assert_int_equal(stats.count[JOB_MAIL][JOB_WITHDRAWN], 0);
}

static void test_operator_has_a_failed_mail_tried_again(void **state)
{
    struct fixture *f = *state;
    struct job job = job_of(1, JOB_MAIL);
    job.payload = (uint8_t *)"mail";
    job.payload_size = 4;
    job.expires = NOW + 1000;
    put(f, &job);
    uint64_t fence = claim_one(f, 1, JOB_MAIL, NOW);
    finish(f, 1, fence, JOB_FAILED, false);
    assert_int_equal(queue_retry_now(f->queue, job.id, NOW + 1000), -EPERM);
    assert_int_equal(queue_retry_now(f->queue, job.id, NOW + 10), 0);
    assert_int_equal(queue_finish(f->queue, job.id, fence, JOB_DONE, "", 0, false), -ESTALE);
    struct job_list list = claim(f, JOB_MAIL, 1, NOW + 10, NULL);
    assert_int_equal(list.count, 1);
    assert_int_equal(list.items[0].payload_size, 4);
    job_list_clear(&list);
}

static void test_failed_registration_cannot_be_tried_again(void **state)
{
    struct fixture *f = *state;
    struct job job = job_of(1, JOB_REGISTRATION);
    job.payload = (uint8_t *)"typed";
    job.payload_size = 5;
    put(f, &job);
    finish(f, 1, claim_one(f, 1, JOB_REGISTRATION, NOW), JOB_FAILED, false);
    assert_int_equal(queue_retry_now(f->queue, job.id, NOW), -EPERM);
}

static void put_attempt(struct fixture *f, unsigned n, const char *policy)
{
    struct job job = job_of(n, JOB_REGISTRATION);

    strcpy(job.subject, policy);
    put(f, &job);
    finish(f, n, claim_one(f, n, JOB_REGISTRATION, NOW), JOB_FAILED, false);
}

static void assert_subject(struct fixture *f, unsigned n, const char *subject)
{
    struct job job = get(f, n);

    assert_string_equal(job.subject, subject);
    job_clear(&job);
}

static void test_who_is_forgotten_leaves_no_policy_number_that_matched_nobody(void **state)
{
    struct fixture *f = *state;
    char one[] = "P1", other[] = "P2", *policies[] = {one, other, NULL};
    struct job mail = job_of(5, JOB_MAIL);

    put_attempt(f, 1, "P1");
    put_attempt(f, 2, "P2");
    put_attempt(f, 3, "P2");
    put_attempt(f, 4, "P3");
    strcpy(mail.subject, "P1"); /* somebody's uid */
    put(f, &mail);
    assert_int_equal(queue_forget(f->queue, ENTRY_A, policies, "forgotten"), 0);
    assert_subject(f, 1, "");
    assert_subject(f, 2, "");
    assert_subject(f, 3, "");
    assert_subject(f, 4, "P3");
    assert_subject(f, 5, "P1");
}

static void test_operator_makes_a_waiting_mail_due(void **state)
{
    struct fixture *f = *state;
    struct job job = job_of(1, JOB_MAIL);
    job.due = NOW + 5000;
    put(f, &job);
    assert_int_equal(queue_retry_now(f->queue, job.id, NOW), 0);
    assert_int_equal(queue_retry_now(f->queue, job.id, NOW), 0);
    (void)claim_one(f, 1, JOB_MAIL, NOW);
    assert_int_equal(queue_retry_now(f->queue, job.id, NOW), -EPERM);
    id_of(2, job.id);
    assert_int_equal(queue_retry_now(f->queue, job.id, NOW), -ENOENT);
}

static void test_operator_withdraws_only_what_is_unfinished(void **state)
{
    struct fixture *f = *state;
    put_simple(f, 1, JOB_MAIL);
    char id[ULID_SIZE];
    id_of(1, id);
    uint64_t fence = claim_one(f, 1, JOB_MAIL, NOW);
    assert_int_equal(queue_withdraw_one(f->queue, id, "dropped"), 0);
    assert_state(f, 1, JOB_WITHDRAWN);
    assert_int_equal(queue_withdraw_one(f->queue, id, "dropped"), -EPERM);
    assert_int_equal(queue_finish(f->queue, id, fence, JOB_DONE, "", 0, false), -ESTALE);
    id_of(2, id);
    assert_int_equal(queue_withdraw_one(f->queue, id, "dropped"), -ENOENT);
}

static void test_waiters_are_woken_for_their_kind_only(void **state)
{
    struct fixture *f = *state;
    assert_false(woken(f, JOB_MAIL));
    struct job staged = job_of(1, JOB_MAIL);
    staged.state = JOB_STAGED;
    put(f, &staged);
    assert_false(woken(f, JOB_MAIL));
    assert_int_equal(queue_ready(f->queue, staged.id), 0);
    assert_true(woken(f, JOB_MAIL));
    assert_false(woken(f, JOB_MAIL));
    uint64_t fence = claim_one(f, 1, JOB_MAIL, NOW);
    assert_false(woken(f, JOB_MAIL));
    assert_int_equal(queue_retry(f->queue, staged.id, fence, NOW + 5, ""), 0);
    assert_true(woken(f, JOB_MAIL));
    put_simple(f, 2, JOB_LETTER);
    assert_true(woken(f, JOB_LETTER));
    assert_false(woken(f, JOB_MAIL));
    assert_false(woken(f, JOB_REGISTRATION));
}

static bool untold_woken(struct fixture *f)
{
    uint64_t count;
    return read(queue_untold_fd(f->queue), &count, sizeof count) == sizeof count;
}

static void test_who_tells_the_directory_is_woken_for_news(void **state)
{
    struct fixture *f = *state;
    put_simple(f, 1, JOB_MAIL);
    put_simple(f, 2, JOB_MAIL);
    put_simple(f, 3, JOB_LETTER);
    finish(f, 1, claim_one(f, 1, JOB_MAIL, NOW), JOB_DONE, false);
    assert_false(untold_woken(f));
    finish(f, 2, claim_one(f, 2, JOB_MAIL, NOW), JOB_DONE, true);
    assert_true(untold_woken(f));
    (void)claim_one(f, 3, JOB_LETTER, NOW);
    assert_false(untold_woken(f));
    assert_int_equal(queue_printed(f->queue, get(f, 3).id, BATCH_A, NOW, ""), 0);
    assert_true(untold_woken(f));
    assert_int_equal(queue_posted(f->queue, BATCH_A, NOW, NULL), 0);
    assert_true(untold_woken(f));
    assert_false(untold_woken(f));
    struct job followed = job_of(4, JOB_LETTER);
    strcpy(followed.entry, ENTRY_A);
    put(f, &followed);
    struct job_list list = claim(f, JOB_LETTER, 1, NOW, BATCH_B);
    job_list_clear(&list);
    assert_true(untold_woken(f));
}

/* Its entry may hold the id of a job that never went out. */
static void test_the_directory_hears_of_what_expired_or_was_dropped(void **state)
{
    struct fixture *f = *state;
    struct job expires = job_of(1, JOB_MAIL), dropped = job_of(2, JOB_LETTER),
               nobodys = job_of(3, JOB_MAIL);
    snprintf(expires.entry, sizeof expires.entry, "%s", ENTRY_A);
    expires.expires = NOW + 10;
    snprintf(dropped.entry, sizeof dropped.entry, "%s", ENTRY_A);
    put(f, &expires);
    put(f, &dropped);
    put(f, &nobodys);
    (void)claim_one(f, 3, JOB_MAIL, NOW + 10);
    assert_state(f, 1, JOB_FAILED);
    assert_true(get(f, 1).untold);
    assert_int_equal(queue_withdraw_one(f->queue, dropped.id, ""), 0);
    assert_true(get(f, 2).untold);
    assert_true(untold_woken(f));
    assert_int_equal(queue_withdraw_one(f->queue, nobodys.id, ""), 0);
    assert_false(get(f, 3).untold);
}

static void test_waiters_are_woken_at_start_for_what_is_there(void **state)
{
    struct fixture *f = *state;
    put_simple(f, 1, JOB_MAIL);
    put_simple(f, 2, JOB_LETTER);
    fixture_reopen(f);
    assert_true(woken(f, JOB_MAIL));
    assert_true(woken(f, JOB_LETTER));
    assert_false(woken(f, JOB_REGISTRATION));
    assert_false(untold_woken(f));
    finish(f, 1, claim_one(f, 1, JOB_MAIL, NOW), JOB_DONE, true);
    fixture_reopen(f);
    assert_false(woken(f, JOB_MAIL));
    assert_true(untold_woken(f));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_untold_jobs_come_oldest_first_until_they_are_told),
        TEST(test_news_that_come_while_a_job_is_told_are_told_too),
        TEST(test_what_cannot_be_told_gets_a_time_of_its_own_and_lets_others_pass),
        TEST(test_news_of_what_could_not_be_told_are_told_at_once),
        TEST(test_who_cannot_be_told_six_times_needs_a_person),
        cmocka_unit_test(test_waits_between_tries_double_from_two_seconds_to_an_hour),
        TEST(test_orphan_that_tells_nothing_waits_behind_the_others),
        TEST(test_orphans_are_staged_jobs_whose_lease_has_ended),
        TEST(test_job_is_found_by_its_reference),
        TEST(test_mails_are_counted_by_address_entry_and_topic),
        TEST(test_list_filters_and_pages_by_id),
        TEST(test_stats_count_and_name_the_oldest_unfinished),
        TEST(test_prune_removes_old_history_but_nothing_untold),
        TEST(test_prune_says_that_there_is_more),
        TEST(test_operator_has_a_failed_mail_tried_again),
        TEST(test_failed_registration_cannot_be_tried_again),
        TEST(test_who_is_forgotten_leaves_no_policy_number_that_matched_nobody),
        TEST(test_operator_makes_a_waiting_mail_due),
        TEST(test_operator_withdraws_only_what_is_unfinished),
        TEST(test_waiters_are_woken_for_their_kind_only),
        TEST(test_who_tells_the_directory_is_woken_for_news),
        TEST(test_the_directory_hears_of_what_expired_or_was_dropped),
        TEST(test_waiters_are_woken_at_start_for_what_is_there),
    };
    return cmocka_run_group_tests_name("queue-history", tests, NULL, NULL);
}
