/* Who goes first when there is more to do than can be done at once, and who is refused first when
   room gets short. */
#include "config.h"

#include "queue_fixture.h"

#include "cleanup.h"

#define MANY 150

static void put_topic(struct fixture *f, unsigned n, const char *topic, const char *subject)
{
    struct job job = job_of(n, JOB_MAIL);
    snprintf(job.topic, sizeof job.topic, "%s", topic);
    snprintf(job.subject, sizeof job.subject, "%s", subject);
    put(f, &job);
}

static void put_many(struct fixture *f, unsigned first, const char *topic, const char *subject)
{
    for (unsigned i = 0; i < MANY; i++) {
        char name[JOB_SUBJECT_SIZE];
        snprintf(name, sizeof name, "%s%u", subject, i);
        put_topic(f, first + i, topic, name);
    }
}

static unsigned count_topic(const struct job_list *list, size_t most, const char *topic)
{
    unsigned count = 0;
    for (size_t i = 0; i < list->count && i < most; i++)
        count += strcmp(list->items[i].topic, topic) == 0;
    return count;
}

static void test_later_but_more_urgent_mail_is_claimed_first(void **state)
{
    static const char *const order[] = {"code", "confirm", "password-changed", "in-use",
                                        "password-expires"};
    struct fixture *f = *state;
    for (unsigned i = 0; i < ELEMENTS(order); i++)
        put_topic(f, i, order[ELEMENTS(order) - 1 - i], "c-1");
    for (unsigned i = 0; i < ELEMENTS(order); i++) {
        struct job_list list = claim(f, JOB_MAIL, 1, NOW, NULL);
        assert_int_equal(list.count, 1);
        assert_string_equal(list.items[0].topic, order[i]);
        job_list_clear(&list);
    }
}

static void test_code_waits_for_no_backlog(void **state)
{
    struct fixture *f = *state;
    put_many(f, 0, "password-expires", "c-");
    for (unsigned round = 0; round < 3; round++) {
        struct job_list list = claim(f, JOB_MAIL, 30, NOW, NULL);
        job_list_clear(&list);
        put_topic(f, 1000 + round, "code", "late");
        list = claim(f, JOB_MAIL, 1, NOW, NULL);
        assert_string_equal(list.items[0].topic, "code");
        job_list_clear(&list);
    }
}

static void test_no_topic_starves_behind_thousands_of_urgent_ones(void **state)
{
    struct fixture *f = *state;
    put_many(f, 0, "code", "c-");
    put_topic(f, 1000, "password-changed", "c-1");
    put_topic(f, 1001, "password-expires", "c-1");
    struct job_list list = claim(f, JOB_MAIL, 100, NOW, NULL);
    assert_int_equal(count_topic(&list, 10, "password-changed"), 1);
    assert_int_equal(count_topic(&list, 100, "password-expires"), 1);
    job_list_clear(&list);
}

static void test_topics_share_by_their_weight(void **state)
{
    struct fixture *f = *state;
    put_many(f, 0, "code", "a-");
    put_many(f, 1000, "password-changed", "b-");
    struct job_list list = claim(f, JOB_MAIL, 100, NOW, NULL);
    assert_int_equal(count_topic(&list, 100, "code"), 80);
    assert_int_equal(count_topic(&list, 100, "password-changed"), 20);
    job_list_clear(&list);
}

static void test_nobody_saves_up_turns(void **state)
{
    struct fixture *f = *state;
    put_many(f, 0, "password-changed", "a-");
    for (unsigned i = 0; i < 3; i++) {
        struct job_list list = claim(f, JOB_MAIL, 30, NOW, NULL);
        job_list_clear(&list);
    }
    put_many(f, 1000, "code", "b-");
    struct job_list list = claim(f, JOB_MAIL, 50, NOW, NULL);
    assert_in_range(count_topic(&list, 50, "password-changed"), 9, 11); /* its share: 10 */
    job_list_clear(&list);
}

static void test_thousands_of_one_customer_keep_nobody_waiting(void **state)
{
    struct fixture *f = *state;
    for (unsigned i = 0; i < MANY; i++)
        put_topic(f, i, "password-changed", "c-busy");
    put_topic(f, 1000, "password-changed", "c-other");
    struct job_list list = claim(f, JOB_MAIL, 20, NOW, NULL);
    bool found = false;
    for (size_t i = 0; i < list.count; i++)
        found = found || strcmp(list.items[i].subject, "c-other") == 0;
    assert_true(found);
    job_list_clear(&list);
    size_t all = 20;
    while ((list = claim(f, JOB_MAIL, 100, NOW, NULL)).count > 0) { /* and none of them is lost */
        all += list.count;
        job_list_clear(&list);
    }
    assert_int_equal(all, MANY + 1);
}

static void test_kinds_take_turns_of_their_own(void **state)
{
    struct fixture *f = *state;
    put_letters(f, 3);
    put_many(f, 1000, "code", "c-");
    struct job_list list = claim(f, JOB_LETTER, 3, NOW, BATCH_A);
    assert_int_equal(list.count, 3);
    job_list_clear(&list);
}

static void test_new_registrations_are_refused_first(void **state)
{
    struct fixture *f = *state;
    struct job new = job_of(1000, JOB_REGISTRATION), notice = job_of(1001, JOB_MAIL),
               code = job_of(1002, JOB_MAIL), ask = job_of(1003, JOB_REGISTRATION),
               letter = job_of(1004, JOB_LETTER), link = job_of(1005, JOB_MAIL);
    strcpy(new.topic, "registration");
    strcpy(notice.topic, "password-changed");
    strcpy(code.topic, "code");
    strcpy(ask.topic, "code");
    strcpy(link.topic, "confirm");
    f->options.limit = 100;
    fixture_reopen(f);
    for (unsigned i = 0; i < 90; i++)
        put_simple(f, i, JOB_LETTER);
    struct queue_stats stats;
    assert_int_equal(queue_stats(f->queue, &stats), 0);
    assert_true(stats.refused[NEED_NEW]);
    assert_false(stats.refused[NEED_NOTICE]);
    assert_int_equal(queue_put(f->queue, &new), -ENOSPC);
    put(f, &notice);
    for (unsigned i = 91; i < 95; i++)
        put_simple(f, i, JOB_LETTER);
    strcpy(notice.id, new.id);
    assert_int_equal(queue_put(f->queue, &notice), -ENOSPC);
    put(f, &code);
    put(f, &ask);
    put(f, &letter);
    put(f, &link);
    put_simple(f, 96, JOB_LETTER);
    strcpy(letter.id, new.id);
    assert_int_equal(queue_put(f->queue, &letter), -ENOSPC);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_later_but_more_urgent_mail_is_claimed_first),
        TEST(test_code_waits_for_no_backlog),
        TEST(test_no_topic_starves_behind_thousands_of_urgent_ones),
        TEST(test_topics_share_by_their_weight),
        TEST(test_nobody_saves_up_turns),
        TEST(test_thousands_of_one_customer_keep_nobody_waiting),
        TEST(test_kinds_take_turns_of_their_own),
        TEST(test_new_registrations_are_refused_first),
    };
    return cmocka_run_group_tests_name("queue-lanes", tests, NULL, NULL);
}
