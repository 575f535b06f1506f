/* Return paths, the notes of what came back to them, and the queue's part in it. */
#include "config.h"

#include "queue_fixture.h"

#include "mail_fixture.h"

#include "cleanup.h"
#include "portald/bounce.h"

static const struct keys *keys(void)
{
    fixture_options();
    return &fixture_keys;
}

static void test_a_reference_is_for_its_job_in_either_case(void **state)
{
    char reference[BOUNCE_REFERENCE_SIZE], job[ULID_SIZE];

    (void)state;
    bounce_reference(keys(), JOB_ID, reference);
    assert_int_equal(strlen(reference), BOUNCE_REFERENCE_SYMBOLS);
    assert_int_equal(bounce_reference_read(keys(), reference, job), 0);
    assert_string_equal(job, JOB_ID);
    for (char *c = reference; *c; c++)
        if (*c >= 'a')
            *c = (char)(*c - 'a' + 'A');
    assert_int_equal(bounce_reference_read(keys(), reference, job), 0);
    assert_string_equal(job, JOB_ID);
}

static void test_a_reference_with_any_symbol_changed_is_refused(void **state)
{
    char reference[BOUNCE_REFERENCE_SIZE], job[ULID_SIZE] = "untouched";

    (void)state;
    bounce_reference(keys(), JOB_ID, reference);
    for (size_t i = 0; i < BOUNCE_REFERENCE_SYMBOLS; i++) {
        char before = reference[i];

        reference[i] = before == 'z' ? 'y' : 'z';
        assert_int_equal(bounce_reference_read(keys(), reference, job), -EINVAL);
        reference[i] = '-';
        assert_int_equal(bounce_reference_read(keys(), reference, job), -EINVAL);
        reference[i] = before;
    }
    reference[BOUNCE_REFERENCE_SYMBOLS - 1] = '\0';
    assert_int_equal(bounce_reference_read(keys(), reference, job), -EINVAL);
    assert_string_equal(job, "untouched");
}

static void test_another_key_makes_another_reference(void **state)
{
    char ours[BOUNCE_REFERENCE_SIZE], theirs[BOUNCE_REFERENCE_SIZE], job[ULID_SIZE];
    struct keys other = *keys();

    (void)state;
    other.table[0] ^= 1;
    bounce_reference(keys(), JOB_ID, ours);
    bounce_reference(&other, JOB_ID, theirs);
    assert_string_not_equal(ours, theirs);
    assert_int_equal(bounce_reference_read(keys(), theirs, job), -EINVAL);
}

static void test_a_bounce_address_leaves_room_for_the_reference(void **state)
{
    static const struct {
        const char *typed;
        int r;
    } cases[] = {
        {"bounces@versicherung.example", 0},
        {"twenty-one-characters@versicherung.example", 0},
        {"twenty-two-characters-@versicherung.example", 0}, /* brings its own delimiter */
        {"twenty-two--characters@versicherung.example", -EINVAL},
        {"bounces", -EINVAL},
        {"", -EINVAL},
        {"a\r\nb@versicherung.example", -EINVAL},
    };
    char address[MAIL_ADDRESS_SIZE], sender[MAIL_ADDRESS_SIZE];

    (void)state;
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        assert_int_equal(bounce_address_read(cases[i].typed, address), cases[i].r);
        if (cases[i].r < 0)
            continue;
        bounce_sender(keys(), address, JOB_ID, sender);
        assert_true(strcspn(sender, "@") <= MAIL_LOCAL_MAX);
        assert_string_equal(strchr(sender, '@'), "@versicherung.example");
    }
}

static void test_a_local_part_may_bring_its_delimiter(void **state)
{
    char with[MAIL_ADDRESS_SIZE], without[MAIL_ADDRESS_SIZE];

    (void)state;
    bounce_sender(keys(), "b@k.example", JOB_ID, without);
    bounce_sender(keys(), "b+@k.example", JOB_ID, with);
    assert_string_equal(with, without);
    assert_memory_equal(with, "b+01jd", 6);
    bounce_sender(keys(), "b-@k.example", JOB_ID, with);
    assert_memory_equal(with, "b-01jd", 6);
}

static void test_a_note_keeps_neither_address_nor_what_does_not_print(void **state)
{
    char note[JOB_NOTE_SIZE], long_words[JOB_NOTE_SIZE * 4];

    (void)state;
    bounce_note(WIRE_BOUNCE_FAILED, "5.1.1", "550 <erika@k.example>: \033[1m erika unknown",
                "erika@k.example", note);
    assert_string_equal(note, "bounced: 5.1.1 550 (…) ?[1m (…) unknown");
    bounce_note(WIRE_BOUNCE_DELAYED, "4.4.1", "", "", note);
    assert_string_equal(note, "delayed on its way: 4.4.1");
    for (size_t i = 0; i < sizeof long_words; i++)
        long_words[i] = i % 2 ? ' ' : '@';
    long_words[sizeof long_words - 1] = '\0';
    bounce_note(WIRE_BOUNCE_DELIVERED, "2.123.123", long_words, "", note);
    assert_true(strlen(note) < JOB_NOTE_SIZE);
    assert_string_equal(note + strlen(note) - strlen("(…)"), "(…)");
}

/* The queue's part. */

static void put_mail(struct fixture *f, unsigned n)
{
    struct job job = job_of(n, JOB_MAIL);

    strcpy(job.address, "of its recipient");
    strcpy(job.entry, ENTRY_A);
    put(f, &job);
}

static void mail_end(struct fixture *f, unsigned n, enum job_state end, bool untold)
{
    char id[ULID_SIZE];
    uint64_t fence;

    id_of(n, id);
    put_mail(f, n);
    fence = claim_one(f, n, JOB_MAIL, NOW);
    assert_int_equal(queue_finish(f->queue, id, fence, end, "250 Ok", NOW, untold), 0);
}

static int bounced(struct fixture *f, unsigned n, bool failed, const char *note)
{
    char id[ULID_SIZE];

    id_of(n, id);
    return queue_bounced(f->queue, id, failed, note);
}

static void test_a_bounce_says_nothing_of_whom_was_forgotten(void **state)
{
    struct fixture *f = *state;
    struct job job;

    mail_end(f, 1, JOB_DONE, false);
    assert_int_equal(queue_forget(f->queue, ENTRY_A, NULL, "forgotten"), 0);
    assert_int_equal(bounced(f, 1, true, "bounced: 5.1.1 Erika is unknown"), -ENOENT);
    job = get(f, 1);
    assert_string_equal(job.note, "forgotten");
    job_clear(&job);
}

static void test_a_bounce_fails_a_mail_once_and_for_all(void **state)
{
    struct fixture *f = *state;
    struct job job;

    mail_end(f, 1, JOB_DONE, false);
    assert_int_equal(bounced(f, 1, false, "delayed"), 0);
    assert_state(f, 1, JOB_DONE);
    assert_int_equal(bounced(f, 1, false, "delayed"), -EALREADY);
    assert_int_equal(bounced(f, 1, true, "bounced"), 0);
    assert_state(f, 1, JOB_FAILED);
    assert_int_equal(bounced(f, 1, true, "again"), -EALREADY);
    assert_int_equal(bounced(f, 1, false, "delivered"), -EALREADY);
    job = get(f, 1);
    assert_string_equal(job.note, "bounced");
    assert_int_equal(job.happened, NOW);
    assert_false(job.untold);
}

static void test_a_bounce_waits_until_the_directory_knows_the_mail_s_end(void **state)
{
    struct fixture *f = *state;
    struct job job;

    mail_end(f, 1, JOB_DONE, true);
    assert_int_equal(bounced(f, 1, true, "bounced"), -EAGAIN);
    job = get(f, 1);
    assert_int_equal(queue_told(f->queue, &job), 0);
    assert_int_equal(bounced(f, 1, true, "bounced"), 0);
}

static void test_a_bounce_waits_for_a_mail_that_has_not_ended(void **state)
{
    struct fixture *f = *state;

    put_mail(f, 1);
    assert_int_equal(bounced(f, 1, true, "bounced"), -EAGAIN);
    claim_one(f, 1, JOB_MAIL, NOW);
    assert_int_equal(bounced(f, 1, true, "bounced"), -EAGAIN);
    assert_state(f, 1, JOB_CLAIMED);
}

static void test_only_mails_bounce(void **state)
{
    struct fixture *f = *state;

    put_letters(f, 1);
    assert_int_equal(bounced(f, 1, true, "bounced"), -EPERM);
    assert_int_equal(bounced(f, 99, true, "bounced"), -ENOENT);
}

static void test_a_mail_that_bounced_can_not_be_sent_again(void **state)
{
    struct fixture *f = *state;
    char id[ULID_SIZE];

    id_of(1, id);
    mail_end(f, 1, JOB_DONE, false);
    assert_int_equal(bounced(f, 1, true, "bounced"), 0);
    assert_int_equal(queue_retry_now(f->queue, id, NOW), -EPERM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_reference_is_for_its_job_in_either_case),
        cmocka_unit_test(test_a_reference_with_any_symbol_changed_is_refused),
        cmocka_unit_test(test_another_key_makes_another_reference),
        cmocka_unit_test(test_a_bounce_address_leaves_room_for_the_reference),
        cmocka_unit_test(test_a_local_part_may_bring_its_delimiter),
        cmocka_unit_test(test_a_note_keeps_neither_address_nor_what_does_not_print),
        TEST(test_a_bounce_says_nothing_of_whom_was_forgotten),
        TEST(test_a_bounce_fails_a_mail_once_and_for_all),
        TEST(test_a_bounce_waits_until_the_directory_knows_the_mail_s_end),
        TEST(test_a_bounce_waits_for_a_mail_that_has_not_ended),
        TEST(test_only_mails_bounce),
        TEST(test_a_mail_that_bounced_can_not_be_sent_again),
    };

    return cmocka_run_group_tests_name("bounce", tests, NULL, NULL);
}
