/* Another e-mail address, by the customer: the wish, the link, the way back. */
#include "config.h"

#include "account_fixture.h"

#define JOB_B    "01JBZZZZZZ0000000000000000"
#define JOB_C    "01JCZZZZZZ0000000000000000"
#define ISSUED   (NOON - 30 * DAY)
#define FACTOR   "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF"
#define THE_VOID "{ARGON2}$argon2id$void"

static struct entry_pending pending(time_t expires)
{
    return (struct entry_pending){.hash = HASH_A,
                                  .expires = expires,
                                  .address = (char *)"new@example.org",
                                  .kind = LINK_CHANGE,
                                  .epoch = 7,
                                  .password_changed = ISSUED,
                                  .value = (char *)HASH_A
                                  " 20261024120000Z new@example.org change 7 20260924120000Z"};
}

static struct entry_former former(const char *address, const char *job, time_t until)
{
    struct entry_former f = {
        .address = (char *)address, .until = until, .totp = ACCOUNT_NO_TOTP, .value = (char *)job};

    memcpy(f.job, job, sizeof f.job);
    return f;
}

static struct entry active(struct entry_pending *link, struct entry_former *formers, size_t count)
{
    return (struct entry){.uid = "c-0001",
                          .uuid = "11111111-2222-3333-4444-555555555555",
                          .mail = (char *)"old@example.org",
                          .confirmed_mail = (char *)"old@example.org",
                          .state = ACCOUNT_ACTIVE,
                          .session_epoch = 7,
                          .password_changed = ISSUED,
                          .pending = link,
                          .pending_count = link != NULL,
                          .formers = formers,
                          .former_count = count};
}

static void test_link_of_a_change_ends_at_48_hours_exactly(void **state)
{
    struct entry_pending link = pending(NOON + 48 * HOUR);
    struct entry e = active(&link, NULL, 0);

    (void)state;
    assert_int_equal(account_check_link(&e, HASH_A, false, NOON + 48 * HOUR - 1), WIRE_LINK_GOOD);
    assert_int_equal(account_check_link(&e, HASH_A, false, NOON + 48 * HOUR), WIRE_LINK_EXPIRED);
    assert_int_equal(account_check_link(&e, HASH_A, true, NOON), WIRE_LINK_TAKEN);
    assert_string_equal(account_new_mail(&e, NOON + 48 * HOUR - 1), "new@example.org");
    assert_null(account_new_mail(&e, NOON + 48 * HOUR));
}

static void test_link_counts_from_acceptance_and_stays_one_of_a_change(void **state)
{
    _cleanup_(changes_clear) struct changes c = {0};
    struct entry_pending link = pending(NOON + 7 * DAY);
    struct entry e = active(&link, NULL, 0);

    (void)state;
    account_link_accepted(&rules, &e, JOB_A, HASH_A, NOON, &c);
    assert_string_equal(changed(&c, ATTRIBUTE_PENDING),
                        HASH_A " 20261026120000Z new@example.org change 7 20260924120000Z");
}

static void test_whatever_comes_in_between_ends_the_link(void **state)
{
    struct entry_pending link = pending(NOON + DAY);
    struct entry e;

    (void)state;
    for (int s = 0; s < ACCOUNT_STATES; s++) {
        e = active(&link, NULL, 0);
        e.state = (enum account_state)s;
        assert_int_equal(account_link_open(&e, &link), s == ACCOUNT_ACTIVE);
        assert_int_equal(account_check_link(&e, HASH_A, false, NOON),
                         s == ACCOUNT_ACTIVE ? WIRE_LINK_GOOD : WIRE_LINK_OVER);
    }
    e = active(&link, NULL, 0);
    e.session_epoch++;
    assert_int_equal(account_check_link(&e, HASH_A, false, NOON), WIRE_LINK_OVER);
    assert_null(account_new_mail(&e, NOON));
    e = active(&link, NULL, 0);
    e.password_changed++;
    assert_int_equal(account_check_link(&e, HASH_A, false, NOON), WIRE_LINK_OVER);
    e = active(&link, NULL, 0);
    link.kind = LINK_ENDED;
    assert_int_equal(account_check_link(&e, HASH_A, false, NOON), WIRE_LINK_OVER);
    e.mail = (char *)"New@example.org"; /* done already */
    assert_int_equal(account_check_link(&e, HASH_A, false, NOON + 90 * DAY), WIRE_LINK_DONE);
}

static void test_who_may_have_another_address(void **state)
{
    struct entry_former formers[ACCOUNT_FORMERS_MOST];
    struct entry e;

    (void)state;
    for (size_t i = 0; i < ELEMENTS(formers); i++)
        formers[i] = former("a@example.org", JOB_A, NOON + 1);
    for (int s = 0; s < ACCOUNT_STATES; s++) {
        e = active(NULL, NULL, 0);
        e.state = (enum account_state)s;
        assert_int_equal(account_may_move(&e, "new@example.org", NOON),
                         s == ACCOUNT_ACTIVE ? MOVE_GOOD : MOVE_NOT);
    }
    e = active(NULL, formers, ELEMENTS(formers) - 1);
    assert_int_equal(account_may_move(&e, "OLD@example.org", NOON), MOVE_SAME);
    assert_int_equal(account_may_move(&e, "new@example.org", NOON), MOVE_GOOD);
    e.former_count++;
    assert_int_equal(account_may_move(&e, "new@example.org", NOON), MOVE_TOO_OFTEN);
    assert_int_equal(account_may_move(&e, "new@example.org", NOON + 1), MOVE_GOOD);
    e.malformed = true;
    assert_int_equal(account_may_move(&e, "new@example.org", NOON + 1), MOVE_NOT);
}

static void test_a_wish_ends_the_one_before(void **state)
{
    _cleanup_(changes_clear) struct changes c = {0};
    const struct account_link link = {.job = JOB_B, .hash = HASH_B, .address = "third@example.org"};
    struct entry_pending before = pending(NOON + DAY);
    struct entry e = active(&before, NULL, 0);

    (void)state;
    account_wish_move(&rules, &e, &link, NOON, &c);
    assert_int_equal(c.items[0].op, CHANGE_REMOVE);
    assert_string_equal(c.items[0].value, before.value);
    assert_string_equal(c.items[1].value, HASH_A " 20261025120000Z new@example.org ended");
    assert_string_equal(changed(&c, ATTRIBUTE_PENDING),
                        HASH_B " 20261031120000Z third@example.org change 7 20260924120000Z");
    assert_string_equal(changed(&c, ATTRIBUTE_JOB), JOB_B);
    assert_null(changed(&c, ATTRIBUTE_MAIL));
}

static void test_a_move_keeps_the_address_before_and_the_password(void **state)
{
    _cleanup_(changes_clear) struct changes c = {0};
    const struct account_undoer undoer = {.job = JOB_B, .totp = FACTOR};
    struct entry_pending link = pending(NOON + DAY);
    struct entry_former over = former("older@example.org", JOB_A, NOON);
    struct entry e = active(&link, &over, 1);

    (void)state;
    account_move(&rules, &e, &link, &undoer, NOON, &c);
    assert_string_equal(changed(&c, ATTRIBUTE_MAIL), "new@example.org");
    assert_string_equal(changed(&c, ATTRIBUTE_CONFIRMED_MAIL), "new@example.org");
    assert_string_equal(changed(&c, ATTRIBUTE_FORMER_MAIL),
                        "old@example.org 20261031120000Z " JOB_B " " FACTOR);
    assert_true(has_change(&c, CHANGE_REMOVE, ATTRIBUTE_FORMER_MAIL));
    assert_string_equal(changed(&c, ATTRIBUTE_SESSION_EPOCH), "8");
    assert_string_equal(changed(&c, ATTRIBUTE_JOB), JOB_B);
    assert_true(has_change(&c, CHANGE_CLEAR, ATTRIBUTE_CODE));
    assert_null(changed(&c, ATTRIBUTE_USER_PASSWORD));
    assert_false(has_change(&c, CHANGE_CLEAR, ATTRIBUTE_TOTP_SECRET));
}

static void test_seven_days_count_from_acceptance_later_never_earlier(void **state)
{
    static const struct {
        time_t accepted;
        bool moved;
    } cases[] = {{NOON - 1, false}, {NOON, false}, {NOON + 1, true}, {NOON + 5 * DAY, true}};
    struct entry_former f = former("a@example.org", JOB_A, NOON + 7 * DAY);

    (void)state;
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        _cleanup_(changes_clear) struct changes c = {0};
        struct entry e = active(NULL, &f, 1);
        account_move_told(&rules, &e, JOB_A, cases[i].accepted, &c);
        assert_int_equal(changed(&c, ATTRIBUTE_FORMER_MAIL) != NULL, cases[i].moved);
    }
}

static void test_it_can_be_undone_for_seven_days_exactly(void **state)
{
    struct entry_former f = former("a@example.org", JOB_A, NOON + 7 * DAY);
    struct entry e = active(NULL, &f, 1);

    (void)state;
    assert_ptr_equal(account_undoable(&e, JOB_A, NOON + 7 * DAY - 1), &f);
    assert_null(account_undoable(&e, JOB_A, NOON + 7 * DAY));
    assert_null(account_undoable(&e, JOB_B, NOON));
    assert_null(account_undoable(NULL, JOB_A, NOON));
    assert_true(account_had_mail(&e, "A@example.org", NOON + 7 * DAY - 1));
    assert_false(account_had_mail(&e, "a@example.org", NOON + 7 * DAY));
    assert_false(account_formers_over(&e, NOON + 7 * DAY - 1));
    assert_true(account_formers_over(&e, NOON + 7 * DAY));
}

static void test_who_can_undo_it(void **state)
{
    static const bool may[ACCOUNT_STATES] = {[ACCOUNT_ACTIVE] = true, [ACCOUNT_LOCKED] = true};
    struct entry_former f = former("a@example.org", JOB_A, NOON + 1);
    struct entry e;

    (void)state;
    for (int s = 0; s < ACCOUNT_STATES; s++) {
        e = active(NULL, &f, 1);
        e.state = (enum account_state)s;
        assert_int_equal(account_undoable(&e, JOB_A, NOON) != NULL, may[s]);
    }
    e = active(NULL, &f, 1);
    e.mail = (char *)"edited@example.org"; /* by an administrator */
    assert_null(account_undoable(&e, JOB_A, NOON));
    e = active(NULL, &f, 1);
    e.malformed = true;
    assert_null(account_undoable(&e, JOB_A, NOON));
}

static void test_undoing_voids_the_password_and_gives_the_puk_fresh_tries(void **state)
{
    _cleanup_(changes_clear) struct changes c = {0};
    struct entry_former f = former("a@example.org", JOB_A, NOON + 1);
    struct entry e = active(NULL, &f, 1);

    (void)state;
    account_undo(&e, &f, THE_VOID, ACCOUNT_NO_TOTP, true, NOON, &c);
    assert_string_equal(changed(&c, ATTRIBUTE_MAIL), "a@example.org");
    assert_string_equal(changed(&c, ATTRIBUTE_CONFIRMED_MAIL), "a@example.org");
    assert_string_equal(changed(&c, ATTRIBUTE_USER_PASSWORD), THE_VOID);
    assert_time(&c, ATTRIBUTE_PASSWORD_CHANGED, NOON);
    assert_string_equal(changed(&c, ATTRIBUTE_SESSION_EPOCH), "8");
    assert_true(has_change(&c, CHANGE_CLEAR, ATTRIBUTE_CODE));
    assert_true(has_change(&c, CHANGE_CLEAR, ATTRIBUTE_PUK_FAILURES));
    assert_true(has_change(&c, CHANGE_REMOVE, ATTRIBUTE_FORMER_MAIL));
    assert_null(changed(&c, ATTRIBUTE_PUK));
    assert_null(changed(&c, ATTRIBUTE_STATE));
}

static void test_a_factor_that_came_since_goes(void **state)
{
    static const struct {
        const char *then, *now;
        size_t size;
        bool goes;
    } cases[] = {{ACCOUNT_NO_TOTP, FACTOR, 40, true},
                 {FACTOR, FACTOR, 40, false},
                 {HASH_A, FACTOR, 40, true},
                 {FACTOR, ACCOUNT_NO_TOTP, 0, false}};

    (void)state;
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        _cleanup_(changes_clear) struct changes c = {0};
        struct entry_former f = former("a@example.org", JOB_A, NOON + 1);
        struct entry e = active(NULL, &f, 1);
        snprintf(f.totp, sizeof f.totp, "%s", cases[i].then);
        e.totp_size = cases[i].size;
        account_undo(&e, &f, THE_VOID, cases[i].now, false, NOON, &c);
        assert_int_equal(has_change(&c, CHANGE_CLEAR, ATTRIBUTE_TOTP_SECRET), cases[i].goes);
    }
}

static void test_undoing_takes_what_followed_with_it_and_leaves_what_was_before(void **state)
{
    _cleanup_(changes_clear) struct changes c = {0};
    struct entry_former formers[] = {former("c@example.org", JOB_C, NOON + 3),
                                     former("a@example.org", JOB_A, NOON + 1),
                                     former("b@example.org", JOB_B, NOON + 2)};
    struct entry e = active(NULL, formers, ELEMENTS(formers));
    size_t removed = 0;

    (void)state;
    account_undo(&e, &formers[2], THE_VOID, ACCOUNT_NO_TOTP, false, NOON, &c);
    for (size_t i = 0; i < c.count; i++)
        if (c.items[i].attribute == ATTRIBUTE_FORMER_MAIL) {
            assert_string_not_equal(c.items[i].value, JOB_A);
            removed++;
        }
    assert_int_equal(removed, 2);
}

static void test_an_administrators_change_closes_the_way_back(void **state)
{
    _cleanup_(changes_clear) struct changes c = {0};
    struct entry_former f = former("a@example.org", JOB_A, NOON + 1);
    struct entry e = active(NULL, &f, 1);

    (void)state;
    account_accept_mail(&e, &c);
    assert_true(has_change(&c, CHANGE_CLEAR, ATTRIBUTE_FORMER_MAIL));
}

static void test_reference_locks_from_elsewhere_once_it_can_undo_nothing(void **state)
{
    struct entry e = active(NULL, NULL, 0);

    (void)state;
    assert_int_equal(account_not_me(&e, "mail-moved", true), NOT_ME_LOCK);
    assert_int_equal(account_not_me(&e, "mail-moved", false), NOT_ME_NOTHING);
    assert_int_equal(account_not_me(&e, "mail-undone", true), NOT_ME_NOTHING);
    assert_int_equal(account_not_me(&e, "mail-back", false), NOT_ME_LOCK);
    assert_int_equal(account_not_me(&e, "mail-confirm", true), NOT_ME_NOTHING);
    assert_int_equal(account_not_me(&e, "mail-confirm", false), NOT_ME_LOCK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_link_of_a_change_ends_at_48_hours_exactly),
        cmocka_unit_test(test_link_counts_from_acceptance_and_stays_one_of_a_change),
        cmocka_unit_test(test_whatever_comes_in_between_ends_the_link),
        cmocka_unit_test(test_who_may_have_another_address),
        cmocka_unit_test(test_a_wish_ends_the_one_before),
        cmocka_unit_test(test_a_move_keeps_the_address_before_and_the_password),
        cmocka_unit_test(test_seven_days_count_from_acceptance_later_never_earlier),
        cmocka_unit_test(test_it_can_be_undone_for_seven_days_exactly),
        cmocka_unit_test(test_who_can_undo_it),
        cmocka_unit_test(test_undoing_voids_the_password_and_gives_the_puk_fresh_tries),
        cmocka_unit_test(test_a_factor_that_came_since_goes),
        cmocka_unit_test(test_undoing_takes_what_followed_with_it_and_leaves_what_was_before),
        cmocka_unit_test(test_an_administrators_change_closes_the_way_back),
        cmocka_unit_test(test_reference_locks_from_elsewhere_once_it_can_undo_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
