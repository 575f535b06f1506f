/* A set-up's state fits one name, one service, and 10 minutes, and is no other kind of state. */
#include "config.h"

#include "account_fixture.h"
#include "portald/enrollment.h"
#include "portald/grant.h"
#include <errno.h>

static const struct keys keys = {.grant = {1, 2, 3}};

static struct enrollment example(void)
{
    struct enrollment e = {.proof = {.uuid = "11111111-2222-3333-4444-555555555555",
                                     .changed = NOON - DAY,
                                     .epoch = 3},
                           .size = 65};

    memset(e.sealed, 0xa5, e.size);
    return e;
}

static int open_at(const uint8_t *state, size_t size, const char *name, const char *service,
                   time_t now)
{
    struct enrollment e;

    return enrollment_open(&keys, state, size, name, service, now, &e);
}

static void test_what_was_put_in_comes_out(void **state)
{
    struct enrollment e = example(), opened;
    uint8_t sealed[STATE_SIZE];
    size_t size = 0;

    (void)state;
    assert_int_equal(enrollment_make(&keys, "a@b.de", "sshd", &e, NOON, sealed, &size), 0);
    assert_true(size <= STATE_SIZE);
    assert_int_equal(enrollment_open(&keys, sealed, size, "a@b.de", "sshd", NOON, &opened), 0);
    assert_string_equal(opened.proof.uuid, e.proof.uuid);
    assert_int_equal(opened.proof.changed, e.proof.changed);
    assert_int_equal(opened.proof.epoch, e.proof.epoch);
    assert_int_equal(opened.size, e.size);
    assert_memory_equal(opened.sealed, e.sealed, e.size);
}

static void test_it_fits_its_name_and_service_only(void **state)
{
    struct enrollment e = example();
    uint8_t sealed[STATE_SIZE];
    size_t size = 0;

    (void)state;
    enrollment_make(&keys, "a@b.de", "sshd", &e, NOON, sealed, &size);
    assert_int_equal(open_at(sealed, size, "c@b.de", "sshd", NOON), -EBADMSG);
    assert_int_equal(open_at(sealed, size, "a@b.de", "nginx", NOON), -EBADMSG);
    assert_int_equal(open_at(sealed, size, "a@b.des", "shd", NOON), -EBADMSG);
}

static void test_it_ends_after_10_minutes_exactly(void **state)
{
    struct enrollment e = example();
    uint8_t sealed[STATE_SIZE];
    size_t size = 0;

    (void)state;
    enrollment_make(&keys, "a@b.de", "sshd", &e, NOON, sealed, &size);
    assert_int_equal(open_at(sealed, size, "a@b.de", "sshd", NOON + 599), 0);
    assert_int_equal(open_at(sealed, size, "a@b.de", "sshd", NOON + 600), -EBADMSG);
    assert_int_equal(open_at(sealed, size, "a@b.de", "sshd", NOON - 1), -EBADMSG);
}

static void test_it_is_neither_a_grant_nor_a_state(void **state)
{
    static const struct state_bounds bounds = {"a@b.de", "sshd", ""};
    struct enrollment e = example();
    struct entry entry = {.uuid = "11111111-2222-3333-4444-555555555555"};
    enum wire_purpose purpose;
    struct proof proof = proof_make(&entry);
    uint8_t sealed[STATE_SIZE];
    char uuid[JOB_ENTRY_SIZE];
    size_t size = 0;

    (void)state;
    enrollment_make(&keys, "a@b.de", "sshd", &e, NOON, sealed, &size);
    assert_int_equal(grant_open(&keys, sealed, size, "a@b.de", "sshd", NOON, uuid), -EBADMSG);
    assert_int_equal(state_open(&keys, sealed, size, &bounds, NOON, &proof, &purpose), -EBADMSG);
    grant_make(&keys, GRANT_LOGIN, "a@b.de", "sshd", &entry, NOON, sealed, &size);
    assert_int_equal(open_at(sealed, size, "a@b.de", "sshd", NOON), -EBADMSG);
    state_make(&keys, &bounds, &proof, WIRE_PURPOSE_ENROLL, NOON, sealed, &size);
    assert_int_equal(open_at(sealed, size, "a@b.de", "sshd", NOON), -EBADMSG);
}

static void test_every_changed_byte_or_length_is_refused(void **state)
{
    struct enrollment e = example();
    uint8_t sealed[STATE_SIZE];
    size_t size = 0;

    (void)state;
    enrollment_make(&keys, "a@b.de", "sshd", &e, NOON, sealed, &size);
    for (size_t i = 0; i < size; i++) {
        sealed[i] ^= 1;
        assert_int_equal(open_at(sealed, size, "a@b.de", "sshd", NOON), -EBADMSG);
        sealed[i] ^= 1;
        assert_int_equal(open_at(sealed, i, "a@b.de", "sshd", NOON), -EBADMSG);
    }
    e.size = sizeof e.sealed + 1;
    assert_int_equal(enrollment_make(&keys, "a@b.de", "sshd", &e, NOON, sealed, &size), -E2BIG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_was_put_in_comes_out),
        cmocka_unit_test(test_it_fits_its_name_and_service_only),
        cmocka_unit_test(test_it_ends_after_10_minutes_exactly),
        cmocka_unit_test(test_it_is_neither_a_grant_nor_a_state),
        cmocka_unit_test(test_every_changed_byte_or_length_is_refused),
    };

    return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
