/* Notices: the rows that they make in the queue, and what never costs more than the notice. */
#include "config.h"

#include <jansson.h>

#include "queue_fixture.h"

#include "cleanup.h"
#include "mail_fixture.h"
#include "portald/mail-job.h"
#include "portald/notice.h"

#define LEASE 60

struct stand {
    void *queue; /* struct fixture */
    struct settings settings;
    struct manager manager;
    struct entry entry;
};

static int stand_make(void **state)
{
    struct stand *s = calloc(1, sizeof *s);

    if (!s || fixture_make(&s->queue) != 0)
        return -1;
    fixture_options(); /* the keys */
    s->settings.rules.mail_life = 5 * DAY;
    s->settings.rules.code_life = 30 * MINUTE;
    s->manager = (struct manager){.settings = &s->settings,
                                  .keys = &fixture_keys,
                                  .queue = ((struct fixture *)s->queue)->queue};
    s->entry = (struct entry){.uid = "c-0001",
                              .uuid = ENTRY_A,
                              .name = (char *)(uintptr_t) "Erika Mustermann",
                              .mail = (char *)(uintptr_t) "Erika@kunde.example",
                              .language = "de",
                              .state = ACCOUNT_ACTIVE};
    *state = s;
    return 0;
}

static int stand_remove(void **state)
{
    struct stand *s = *state;
    int r = fixture_remove(&s->queue);

    free(s);
    return r;
}

static struct job row(struct stand *s, const char *id)
{
    struct job job = {0};

    assert_int_equal(queue_get(s->manager.queue, id, &job), 0);
    return job;
}

static void test_a_notice_waits_for_the_write_that_it_tells_of(void **state)
{
    struct stand *s = *state;
    struct notice notice = {.job = "unwritten"};
    char address[JOB_HASH_SIZE], hash[JOB_HASH_SIZE];
    unsigned char reference[REFERENCE_BYTES];
    struct job job;

    notice_stage(&s->manager, &s->entry, "totp-on", NOW, &notice);
    job = row(s, notice.job);
    assert_int_equal(job.kind, JOB_MAIL);
    assert_int_equal(job.state, JOB_STAGED);
    assert_string_equal(job.topic, "totp-on");
    assert_string_equal(job.entry, ENTRY_A);
    assert_string_equal(job.subject, "c-0001");
    assert_string_equal(job.parent, "");
    assert_int_equal(job.created, NOW);
    assert_int_equal(job.lease, NOW + LEASE);
    assert_int_equal(job.expires, NOW + 5 * DAY);
    derive_address_hash(&fixture_keys, "erika@kunde.example", address);
    assert_string_equal(job.address, address);
    derive_reference(&fixture_keys, notice.job, reference);
    derive_hash(reference, sizeof reference, hash);
    assert_string_equal(job.reference, hash);
    assert_int_equal(claim_count(s->queue, JOB_MAIL, NOW), 0);
}

static void test_it_goes_out_after_the_write_and_to_whom(void **state)
{
    struct stand *s = *state;
    struct notice notice;
    struct queue_claim claim = {.kind = JOB_MAIL, .most = 9, .now = NOW, .lease = NOW + 9};
    struct job_list list = {0};
    json_t *payload;

    notice_stage(&s->manager, &s->entry, "password-changed", NOW, &notice);
    notice_settle(&s->manager, &notice, true);
    assert_int_equal(queue_claim(s->manager.queue, &claim, &list), 0);
    assert_int_equal(list.count, 1);
    assert_string_equal(list.items[0].id, notice.job);
    payload = json_loadb((const char *)list.items[0].payload, list.items[0].payload_size, 0, NULL);
    assert_string_equal(json_string_value(json_object_get(payload, "to")), "Erika@kunde.example");
    assert_string_equal(json_string_value(json_object_get(payload, "language")), "de");
    assert_string_equal(json_string_value(json_object_get(payload, "name")), "Erika Mustermann");
    assert_int_equal(json_object_size(payload), 3);
    json_decref(payload);
    job_list_clear(&list);
}

static void test_it_goes_where_nothing_was_written(void **state)
{
    struct stand *s = *state;
    struct notice notice;
    struct job job;

    notice_stage(&s->manager, &s->entry, "totp-off", NOW, &notice);
    notice_settle(&s->manager, &notice, false);
    assert_int_equal(queue_get(s->manager.queue, notice.job, &job), -ENOENT);
}

static void test_a_full_queue_costs_the_notice_and_nothing_else(void **state)
{
    struct stand *s = *state;
    struct fixture *f = s->queue;
    struct notice notice = {.job = "unwritten"};

    f->queue = queue_free(f->queue);
    f->options.limit = 1;
    fixture_open(f);
    s->manager.queue = f->queue;
    put_simple(f, 1, JOB_MAIL);
    notice_stage(&s->manager, &s->entry, "puk-used", NOW, &notice);
    assert_string_equal(notice.job, "");
    notice_settle(&s->manager, &notice, true); /* nothing to settle */
    notice_settle(&s->manager, &notice, false);
    assert_int_equal(claim_count(f, JOB_MAIL, NOW), 1);
}

static void test_who_has_no_address_gets_no_notice(void **state)
{
    struct stand *s = *state;
    struct notice notice = {.job = "unwritten"};

    s->entry.mail = NULL;
    notice_stage(&s->manager, &s->entry, "restarted", NOW, &notice);
    assert_string_equal(notice.job, "");
    assert_int_equal(claim_count(s->queue, JOB_MAIL, NOW + LEASE), 0);
}

static void test_a_mailed_code_expires_and_its_mail_with_it(void **state)
{
    struct stand *s = *state;
    struct notice notice;

    notice_stage(&s->manager, &s->entry, "code", NOW, &notice);
    assert_int_equal(row(s, notice.job).expires, NOW + 30 * MINUTE);
    notice_settle(&s->manager, &notice, true);
    assert_int_equal(claim_count(s->queue, JOB_MAIL, NOW + 30 * MINUTE), 0);
    assert_int_equal(row(s, notice.job).state, JOB_FAILED);
}

static void test_notices_are_not_limited_like_unrequested_mail(void **state)
{
    struct stand *s = *state;
    struct notice notice;

    for (unsigned i = 0; i < 20; i++) {
        notice_stage(&s->manager, &s->entry, i % 2 == 0 ? "totp-on" : "totp-off", NOW, &notice);
        assert_string_not_equal(notice.job, "");
        notice_settle(&s->manager, &notice, true);
    }
    assert_int_equal(claim_count(s->queue, JOB_MAIL, NOW), 20);
}

static void test_a_mail_names_only_whom_its_mailbox_belongs_to(void **state)
{
    struct stand *s = *state;
    struct job named = {0}, nameless = {0};

    assert_int_equal(mail_job_make(&s->manager, JOB_ID, "confirm", &s->entry, "x@kunde.example",
                                   false, NOW, &nameless),
                     0);
    assert_int_equal(
        mail_job_make(&s->manager, NULL, "registered", &s->entry, s->entry.mail, true, NOW, &named),
        0);
    assert_string_equal(nameless.id, JOB_ID);
    assert_string_not_equal(named.id, JOB_ID);
    assert_null(memmem(nameless.payload, nameless.payload_size, "Erika", 5));
    assert_non_null(memmem(named.payload, named.payload_size, "Erika Mustermann", 16));
    assert_int_equal(named.state, JOB_READY);
    assert_int_equal(named.lease, 0);
    job_clear(&named);
    job_clear(&nameless);
}

int main(void)
{
#define NOTICE_TEST(test) cmocka_unit_test_setup_teardown(test, stand_make, stand_remove)
    const struct CMUnitTest tests[] = {
        NOTICE_TEST(test_a_notice_waits_for_the_write_that_it_tells_of),
        NOTICE_TEST(test_it_goes_out_after_the_write_and_to_whom),
        NOTICE_TEST(test_it_goes_where_nothing_was_written),
        NOTICE_TEST(test_a_full_queue_costs_the_notice_and_nothing_else),
        NOTICE_TEST(test_who_has_no_address_gets_no_notice),
        NOTICE_TEST(test_a_mailed_code_expires_and_its_mail_with_it),
        NOTICE_TEST(test_notices_are_not_limited_like_unrequested_mail),
        NOTICE_TEST(test_a_mail_names_only_whom_its_mailbox_belongs_to),
    };

    return cmocka_run_group_tests_name("notice", tests, NULL, NULL);
}
