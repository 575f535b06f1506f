/* States fit one name, one service, one client, one password, and 10 minutes. */
#include "config.h"

#include "account_fixture.h"
#include "portald/grant.h"
#include "portald/state.h"
#include <errno.h>

static const struct keys keys = {.grant = {1, 2, 3}};
static const struct state_bounds here = {"a@b.de", "sshd", "192.0.2.1"};

static struct entry customer(void)
{
    return (struct entry){.uuid = "11111111-2222-3333-4444-555555555555",
                          .password_changed = NOON - DAY,
                          .session_epoch = 3};
}

struct sealed {
    uint8_t state[STATE_SIZE];
    size_t size;
};

static struct sealed make(enum wire_purpose purpose)
{
    struct entry e = customer();
    struct proof proof = proof_make(&e);
    struct sealed sealed;

    assert_int_equal(state_make(&keys, &here, &proof, purpose, NOON, sealed.state, &sealed.size),
                     0);
    return sealed;
}

static int open_at(const struct sealed *sealed, const struct state_bounds *bounds, time_t now)
{
    enum wire_purpose purpose;
    struct proof proof;

    return state_open(&keys, sealed->state, sealed->size, bounds, now, &proof, &purpose);
}

static void test_state_returns_what_was_proven_and_for_what(void **state)
{
    (void)state;
    for (enum wire_purpose p = WIRE_PURPOSE_LOGIN; p <= WIRE_PURPOSE_ENROLL; p++) {
        struct sealed sealed = make(p);
        enum wire_purpose purpose = WIRE_PURPOSE_ENROLL - p;
        struct entry e = customer();
        struct proof proof;

        assert_int_equal(
            state_open(&keys, sealed.state, sealed.size, &here, NOON, &proof, &purpose), 0);
        assert_int_equal(purpose, p);
        assert_true(proof_holds(&proof, &e));
    }
}

static void test_state_fits_its_name_service_and_client_only(void **state)
{
    static const struct state_bounds others[] = {
        {"c@b.de", "sshd", "192.0.2.1"}, {"a@b.de", "nginx", "192.0.2.1"},
        {"a@b.de", "sshd", "192.0.2.2"}, {"a@b.de", "sshd", ""},
        {"a@b.desshd", "", "192.0.2.1"},
    };
    struct sealed sealed = make(WIRE_PURPOSE_LOGIN);

    (void)state;
    assert_int_equal(open_at(&sealed, &here, NOON), 0);
    for (size_t i = 0; i < ELEMENTS(others); i++)
        assert_int_equal(open_at(&sealed, &others[i], NOON), -EBADMSG);
}

static void test_state_ends_after_10_minutes_exactly(void **state)
{
    struct sealed sealed = make(WIRE_PURPOSE_LOGIN);

    (void)state;
    assert_int_equal(open_at(&sealed, &here, NOON + 599), 0);
    assert_int_equal(open_at(&sealed, &here, NOON + 600), -EBADMSG);
    assert_int_equal(open_at(&sealed, &here, NOON - 1), -EBADMSG);
}

static void test_proof_ends_with_the_password_the_epoch_and_the_entry(void **state)
{
    struct entry e = customer();
    struct proof proof = proof_make(&e);

    (void)state;
    assert_true(proof_holds(&proof, &e));
    assert_false(proof_holds(&proof, NULL));
    e.session_epoch++;
    assert_false(proof_holds(&proof, &e));
    e = customer();
    e.password_changed++;
    assert_false(proof_holds(&proof, &e));
    e = customer();
    e.uuid[0] = '2';
    assert_false(proof_holds(&proof, &e));
    e = customer();
    e.malformed = true;
    assert_false(proof_holds(&proof, &e));
}

static void test_changed_byte_length_or_key_is_refused(void **state)
{
    static const struct keys others = {.grant = {1, 2, 4}};
    struct sealed sealed = make(WIRE_PURPOSE_LOGIN);
    enum wire_purpose purpose;
    struct proof proof;

    (void)state;
    assert_int_equal(state_open(&others, sealed.state, sealed.size, &here, NOON, &proof, &purpose),
                     -EBADMSG);
    for (size_t i = 0; i < sealed.size; i++) {
        sealed.state[i] ^= 1;
        assert_int_equal(open_at(&sealed, &here, NOON), -EBADMSG);
        sealed.state[i] ^= 1;
    }
    while (sealed.size-- > 0)
        assert_int_equal(open_at(&sealed, &here, NOON), -EBADMSG);
}

static void test_state_is_no_grant_and_a_grant_no_state(void **state)
{
    struct sealed sealed = make(WIRE_PURPOSE_CHANGE), grant;
    char uuid[JOB_ENTRY_SIZE];
    struct entry e = customer();

    (void)state;
    assert_int_equal(
        grant_open(&keys, sealed.state, sealed.size, here.name, here.service, NOON, uuid),
        -EBADMSG);
    assert_int_equal(
        grant_make(&keys, GRANT_LOGIN, here.name, here.service, &e, NOON, grant.state, &grant.size),
        0);
    assert_int_equal(open_at(&grant, &here, NOON), -EBADMSG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_state_returns_what_was_proven_and_for_what),
        cmocka_unit_test(test_state_fits_its_name_service_and_client_only),
        cmocka_unit_test(test_state_ends_after_10_minutes_exactly),
        cmocka_unit_test(test_proof_ends_with_the_password_the_epoch_and_the_entry),
        cmocka_unit_test(test_changed_byte_length_or_key_is_refused),
        cmocka_unit_test(test_state_is_no_grant_and_a_grant_no_state),
    };

    return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
