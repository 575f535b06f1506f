/* Grants fit one name, one service, one password, and 10 minutes. */
#include "config.h"

#include "account_fixture.h"
#include "portald/grant.h"
#include <errno.h>

static const struct keys keys = {.grant = {1, 2, 3}};

static struct entry customer(void)
{
    return (struct entry){.uuid = "11111111-2222-3333-4444-555555555555",
                          .password_changed = NOON,
                          .session_epoch = 3};
}

static int open_at(const uint8_t *grant, size_t size, const char *name, const char *service,
                   time_t now)
{
    char uuid[JOB_ENTRY_SIZE];

    return grant_open(&keys, grant, size, name, service, now, uuid);
}

static void test_grant_fits_its_name_and_service_only(void **state)
{
    struct entry e = customer();
    uint8_t grant[GRANT_SIZE];
    char uuid[JOB_ENTRY_SIZE];
    size_t size;

    (void)state;
    assert_int_equal(grant_make(&keys, GRANT_LOGIN, "a@b.de", "sshd", &e, NOON, grant, &size), 0);
    assert_int_equal(grant_open(&keys, grant, size, "a@b.de", "sshd", NOON, uuid), 0);
    assert_string_equal(uuid, e.uuid);
    assert_int_equal(open_at(grant, size, "c@b.de", "sshd", NOON), -EBADMSG);
    assert_int_equal(open_at(grant, size, "a@b.de", "nginx", NOON), -EBADMSG);
}

static void test_grant_ends_after_10_minutes_exactly(void **state)
{
    struct entry e = customer();
    uint8_t grant[GRANT_SIZE];
    size_t size;

    (void)state;
    grant_make(&keys, GRANT_LOGIN, "a@b.de", "sshd", &e, NOON, grant, &size);
    assert_int_equal(open_at(grant, size, "a@b.de", "sshd", NOON + 599), 0);
    assert_int_equal(open_at(grant, size, "a@b.de", "sshd", NOON + 600), -EBADMSG);
    assert_int_equal(open_at(grant, size, "a@b.de", "sshd", NOON - 1), -EBADMSG);
}

static void test_grant_is_void_once_the_password_or_the_epoch_changed(void **state)
{
    struct entry e = customer();
    enum grant_kind kind;
    uint8_t grant[GRANT_SIZE];
    size_t size;

    (void)state;
    grant_make(&keys, GRANT_LOGIN, "a@b.de", "sshd", &e, NOON, grant, &size);
    assert_int_equal(grant_check(&keys, grant, size, &e, &kind), 0);
    e.session_epoch++;
    assert_int_equal(grant_check(&keys, grant, size, &e, &kind), -EBADMSG);
    e = customer();
    e.password_changed++;
    assert_int_equal(grant_check(&keys, grant, size, &e, &kind), -EBADMSG);
}

static void test_grant_of_a_password_alone_is_void_once_a_code_is_needed(void **state)
{
    struct entry e = customer();
    enum grant_kind kind;
    uint8_t grant[GRANT_SIZE];
    size_t size;

    (void)state;
    grant_make(&keys, GRANT_LOGIN, "a@b.de", "sshd", &e, NOON, grant, &size);
    e.totp_size = 61;
    assert_int_equal(grant_check(&keys, grant, size, &e, &kind), -EBADMSG);
    grant_make(&keys, GRANT_LOGIN, "a@b.de", "sshd", &e, NOON, grant, &size);
    assert_int_equal(grant_check(&keys, grant, size, &e, &kind), 0);
    e.totp_size = 0;
    assert_int_equal(grant_check(&keys, grant, size, &e, &kind), 0);
}

static void test_grant_of_a_recovery_is_void_once_the_puk_is_another_one(void **state)
{
    static char before[] = "$argon2id$before", after[] = "$argon2id$after";
    struct entry e = customer();
    enum grant_kind kind;
    uint8_t grant[GRANT_SIZE];
    size_t size;

    (void)state;
    e.puk = before;
    grant_make(&keys, GRANT_RECOVERY, "a@b.de", "sshd", &e, NOON, grant, &size);
    e.totp_size = 61;
    assert_int_equal(grant_check(&keys, grant, size, &e, &kind), 0);
    e.puk = after;
    assert_int_equal(grant_check(&keys, grant, size, &e, &kind), -EBADMSG);
    e.puk = NULL;
    assert_int_equal(grant_check(&keys, grant, size, &e, &kind), -EBADMSG);
}

static void test_changed_byte_or_length_is_refused(void **state)
{
    struct entry e = customer();
    uint8_t grant[GRANT_SIZE];
    size_t size;

    (void)state;
    grant_make(&keys, GRANT_LOGIN, "a@b.de", "sshd", &e, NOON, grant, &size);
    for (size_t i = 0; i < size; i++) {
        grant[i] ^= 1;
        assert_int_equal(open_at(grant, size, "a@b.de", "sshd", NOON), -EBADMSG);
        grant[i] ^= 1;
    }
    for (size_t n = 0; n < size; n++)
        assert_int_equal(open_at(grant, n, "a@b.de", "sshd", NOON), -EBADMSG);
}

static void test_grant_says_what_it_was_given_for(void **state)
{
    static const enum grant_kind kinds[] = {GRANT_LOGIN, GRANT_RECOVERY};
    struct entry e = customer();
    uint8_t grant[GRANT_SIZE];
    size_t size;

    (void)state;
    for (size_t i = 0; i < ELEMENTS(kinds); i++) {
        enum grant_kind kind = kinds[!i];
        grant_make(&keys, kinds[i], "a@b.de", "sshd", &e, NOON, grant, &size);
        assert_int_equal(grant_check(&keys, grant, size, &e, &kind), 0);
        assert_int_equal(kind, kinds[i]);
    }
    grant_make(&keys, GRANT_RECOVERY + 1, "a@b.de", "sshd", &e, NOON, grant, &size);
    assert_int_equal(grant_check(&keys, grant, size, &e, &(enum grant_kind){0}), -EBADMSG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_grant_fits_its_name_and_service_only),
        cmocka_unit_test(test_grant_ends_after_10_minutes_exactly),
        cmocka_unit_test(test_grant_is_void_once_the_password_or_the_epoch_changed),
        cmocka_unit_test(test_grant_says_what_it_was_given_for),
        cmocka_unit_test(test_grant_of_a_password_alone_is_void_once_a_code_is_needed),
        cmocka_unit_test(test_grant_of_a_recovery_is_void_once_the_puk_is_another_one),
        cmocka_unit_test(test_changed_byte_or_length_is_refused),
    };

    return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
