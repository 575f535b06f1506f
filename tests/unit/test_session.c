/* Sessions end with their time, with what they were proven by, and with the account's being open;
   they are nothing but sessions. */
#include "config.h"

#include "account_fixture.h"
#include "portald/enrollment.h"
#include "portald/grant.h"
#include "portald/session.h"
#include <errno.h>

#define LIFE (12 * HOUR)

static const struct keys keys = {.grant = {1, 2, 3}};
static char address[] = "a@b.de", another[] = "c@b.de";

static struct entry customer(void)
{
    return (struct entry){.uuid = "11111111-2222-3333-4444-555555555555",
                          .state = ACCOUNT_ACTIVE,
                          .mail = address,
                          .confirmed_mail = address,
                          .password_changed = NOON - DAY,
                          .session_epoch = 3};
}

struct sealed {
    uint8_t session[SESSION_SIZE];
    size_t size;
};

static struct sealed make(const struct entry *entry)
{
    struct sealed sealed;

    assert_int_equal(session_make(&keys, entry, NOON, sealed.session, &sealed.size), 0);
    return sealed;
}

static int open_at(const struct sealed *sealed, time_t now)
{
    struct session session;

    return session_open(&keys, sealed->session, sealed->size, now, LIFE, &session);
}

static struct session session_of(const struct entry *entry)
{
    struct sealed sealed = make(entry);
    struct session session = {0};

    assert_int_equal(session_open(&keys, sealed.session, sealed.size, NOON, LIFE, &session), 0);
    return session;
}

static void test_session_says_who_has_logged_in_and_when(void **state)
{
    struct entry e = customer();
    struct session session = session_of(&e);

    (void)state;
    assert_string_equal(session.proof.uuid, e.uuid);
    assert_int_equal(session.started, NOON);
    assert_false(session.coded);
    assert_true(session_holds(&session, &e));
}

static void test_session_ends_with_its_longest_time_exactly(void **state)
{
    struct entry e = customer();
    struct sealed sealed = make(&e);

    (void)state;
    assert_int_equal(open_at(&sealed, NOON + LIFE - 1), 0);
    assert_int_equal(open_at(&sealed, NOON + LIFE), -EBADMSG);
    assert_int_equal(open_at(&sealed, NOON + LIFE * 1000L), -EBADMSG);
}

static void test_session_begins_a_minute_early_where_clocks_differ_and_no_earlier(void **state)
{
    struct entry e = customer();
    struct sealed sealed = make(&e);

    (void)state;
    assert_int_equal(open_at(&sealed, NOON - SESSION_SKEW), 0);
    assert_int_equal(open_at(&sealed, NOON - SESSION_SKEW - 1), -EBADMSG);
}

static void test_session_ends_with_password_epoch_and_entry(void **state)
{
    struct entry e = customer();
    struct session session = session_of(&e);

    (void)state;
    assert_false(session_holds(&session, NULL));
    e.password_changed++;
    assert_false(session_holds(&session, &e));
    e = customer();
    e.session_epoch++;
    assert_false(session_holds(&session, &e));
    e = customer();
    e.uuid[0] = '2';
    assert_false(session_holds(&session, &e));
    e = customer();
    e.malformed = true;
    assert_false(session_holds(&session, &e));
}

static void test_session_holds_for_active_accounts_only(void **state)
{
    struct entry e = customer();
    struct session session = session_of(&e);

    (void)state;
    for (enum account_state s = 0; s < ACCOUNT_STATES; s++) {
        e.state = s;
        assert_int_equal(session_holds(&session, &e), s == ACCOUNT_ACTIVE);
    }
}

static void test_session_ends_when_somebody_else_has_changed_the_address(void **state)
{
    struct entry e = customer();
    struct session session = session_of(&e);

    (void)state;
    e.mail = another;
    assert_false(session_holds(&session, &e));
    e.mail = NULL;
    assert_false(session_holds(&session, &e));
    e = customer();
    e.confirmed_mail = NULL; /* of before that was kept */
    assert_true(session_holds(&session, &e));
}

static void test_session_of_a_password_alone_ends_once_a_code_is_needed(void **state)
{
    struct entry e = customer();
    struct session session = session_of(&e);

    (void)state;
    e.totp_size = 61;
    assert_false(session_holds(&session, &e));
    session = session_of(&e);
    assert_true(session_holds(&session, &e));
    e.totp_size = 0;
    assert_true(session_holds(&session, &e));
}

static void test_changed_byte_length_or_key_is_refused(void **state)
{
    static const struct keys others = {.grant = {1, 2, 4}};
    struct entry e = customer();
    struct sealed sealed = make(&e);
    struct session session;

    (void)state;
    assert_int_equal(session_open(&others, sealed.session, sealed.size, NOON, LIFE, &session),
                     -EBADMSG);
    for (size_t i = 0; i < sealed.size; i++) {
        sealed.session[i] ^= 1;
        assert_int_equal(open_at(&sealed, NOON), -EBADMSG);
        sealed.session[i] ^= 1;
    }
    while (sealed.size-- > 0)
        assert_int_equal(open_at(&sealed, NOON), -EBADMSG);
}

static void test_session_is_nothing_else_and_nothing_else_is_a_session(void **state)
{
    static const struct state_bounds here = {"a@b.de", "web", "192.0.2.1"};
    struct entry e = customer();
    struct sealed sealed = make(&e), other;
    struct proof proof = proof_make(&e);
    struct enrollment enrollment = {.proof = proof};
    enum wire_purpose purpose;
    char uuid[JOB_ENTRY_SIZE];

    (void)state;
    assert_int_equal(
        grant_open(&keys, sealed.session, sealed.size, here.name, here.service, NOON, uuid),
        -EBADMSG);
    assert_int_equal(state_open(&keys, sealed.session, sealed.size, &here, NOON, &proof, &purpose),
                     -EBADMSG);
    assert_int_equal(enrollment_open(&keys, sealed.session, sealed.size, here.name, here.service,
                                     NOON, &enrollment),
                     -EBADMSG);
    assert_int_equal(grant_make(&keys, GRANT_LOGIN, here.name, here.service, &e, NOON,
                                other.session, &other.size),
                     0);
    assert_int_equal(open_at(&other, NOON), -EBADMSG);
    assert_int_equal(
        state_make(&keys, &here, &proof, WIRE_PURPOSE_LOGIN, NOON, other.session, &other.size), 0);
    assert_int_equal(open_at(&other, NOON), -EBADMSG);
    assert_int_equal(enrollment_make(&keys, here.name, here.service, &enrollment, NOON,
                                     other.session, &other.size),
                     0);
    assert_int_equal(open_at(&other, NOON), -EBADMSG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_session_says_who_has_logged_in_and_when),
        cmocka_unit_test(test_session_ends_with_its_longest_time_exactly),
        cmocka_unit_test(test_session_begins_a_minute_early_where_clocks_differ_and_no_earlier),
        cmocka_unit_test(test_session_ends_with_password_epoch_and_entry),
        cmocka_unit_test(test_session_holds_for_active_accounts_only),
        cmocka_unit_test(test_session_ends_when_somebody_else_has_changed_the_address),
        cmocka_unit_test(test_session_of_a_password_alone_ends_once_a_code_is_needed),
        cmocka_unit_test(test_changed_byte_length_or_key_is_refused),
        cmocka_unit_test(test_session_is_nothing_else_and_nothing_else_is_a_session),
    };

    return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
