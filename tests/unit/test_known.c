/* Clients that an account knows: by right logins only, one epoch and half a year long, each with
   counters of its own. */
#include "config.h"

#include "account_fixture.h"
#include "portald/known.h"
#include <sodium.h>
#include <stdio.h>

#define SLOTS     1024
#define HOME      "192.0.2.1"
#define ELSEWHERE "198.51.100.7"

static int make(void **state)
{
    static const uint8_t key[32] = {7};

    return throttle_open(NULL, key, SLOTS, (struct throttle **)state);
}

static int unmake(void **state)
{
    *state = throttle_free(*state);
    return 0;
}

static struct entry customer(void)
{
    return (struct entry){.uuid = "11111111-2222-3333-4444-555555555555", .session_epoch = 3};
}

static struct entry_failures failures(struct throttle *known, const struct entry *entry,
                                      const char *client, enum entry_factor factor)
{
    struct entry_failures f = {.count = 99};

    known_failures(known, entry, client, factor, &f);
    return f;
}

static void test_client_is_known_where_somebody_logged_in_from(void **state)
{
    struct entry e = customer(), other = customer();

    other.uuid[0] = '2';
    assert_false(known_client(*state, &e, HOME, NOON));
    known_remember(*state, &e, HOME, NOON);
    assert_true(known_client(*state, &e, HOME, NOON));
    assert_false(known_client(*state, &e, ELSEWHERE, NOON));
    assert_false(known_client(*state, &other, HOME, NOON));
}

/* Whoever has a network of addresses to log in from, and an account. */
static void test_one_customer_cannot_make_the_clients_of_others_forgotten(void **state)
{
    struct entry victim = customer(), attacker = customer();
    char client[32];

    attacker.uuid[0] = '2';
    known_remember(*state, &victim, HOME, NOON);
    for (int i = 1; i < 10 * SLOTS; i++) {
        snprintf(client, sizeof client, "2001:db8:%x::/64", i);
        known_remember(*state, &attacker, client, NOON + i);
        assert_int_equal(known_client(*state, &attacker, client, NOON + i), i <= KNOWN_NEW_MOST);
    }
    assert_true(known_client(*state, &victim, HOME, NOON + 10 * SLOTS));
    known_remember(*state, &attacker, ELSEWHERE, NOON + 1 + DAY);
    assert_true(known_client(*state, &attacker, ELSEWHERE, NOON + 1 + DAY));
}

static void test_no_client_is_never_known(void **state)
{
    struct entry e = customer();

    known_remember(*state, &e, "", NOON);
    assert_false(known_client(*state, &e, "", NOON));
}

static void test_client_is_forgotten_half_a_year_after_the_last_login(void **state)
{
    struct entry e = customer();

    known_remember(*state, &e, HOME, NOON);
    assert_true(known_client(*state, &e, HOME, NOON + KNOWN_SECONDS - 1));
    assert_false(known_client(*state, &e, HOME, NOON + KNOWN_SECONDS));
    known_remember(*state, &e, HOME, NOON + DAY);
    assert_true(known_client(*state, &e, HOME, NOON + KNOWN_SECONDS));
    assert_false(known_client(*state, &e, HOME, NOON + DAY + KNOWN_SECONDS));
}

static void test_login_is_noted_once_a_day(void **state)
{
    struct entry e = customer();

    known_remember(*state, &e, HOME, NOON);
    known_remember(*state, &e, HOME, NOON + DAY - 1);
    assert_false(known_client(*state, &e, HOME, NOON + KNOWN_SECONDS));
}

static void test_nobody_is_known_by_a_login_that_is_yet_to_come(void **state)
{
    struct entry e = customer();

    known_remember(*state, &e, HOME, NOON);
    assert_false(known_client(*state, &e, HOME, NOON - 1));
    known_remember(*state, &e, HOME, NOON - 1);
    assert_true(known_client(*state, &e, HOME, NOON - 1));
}

static void test_new_epoch_leaves_all_clients_and_their_counters_behind(void **state)
{
    static const struct entry_failures three = {.count = 3, .retry_after = NOON + 30};
    struct entry e = customer();

    known_remember(*state, &e, HOME, NOON);
    known_write_failures(*state, &e, HOME, FACTOR_PASSWORD, &three, NOON);
    e.session_epoch++;
    assert_false(known_client(*state, &e, HOME, NOON));
    assert_int_equal(failures(*state, &e, HOME, FACTOR_PASSWORD).count, 0);
}

static void test_each_client_counts_each_factor_by_itself(void **state)
{
    struct entry e = customer();

    for (enum entry_factor f = 0; f < FACTORS; f++) {
        struct entry_failures n = {.count = f + 1u, .retry_after = NOON + f};
        known_write_failures(*state, &e, HOME, f, &n, NOON);
    }
    for (enum entry_factor f = 0; f < FACTORS; f++) {
        assert_int_equal(failures(*state, &e, HOME, f).count, f + 1);
        assert_int_equal(failures(*state, &e, HOME, f).retry_after, NOON + f);
        assert_int_equal(failures(*state, &e, ELSEWHERE, f).count, 0);
    }
    known_write_failures(*state, &e, HOME, FACTOR_TOTP, &(struct entry_failures){0}, NOON);
    assert_int_equal(failures(*state, &e, HOME, FACTOR_TOTP).count, 0);
    assert_int_equal(failures(*state, &e, HOME, FACTOR_PASSWORD).count, 1);
}

static void test_counting_makes_no_client_known(void **state)
{
    static const struct entry_failures one = {.count = 1};
    struct entry e = customer();

    known_write_failures(*state, &e, ELSEWHERE, FACTOR_PASSWORD, &one, NOON);
    assert_false(known_client(*state, &e, ELSEWHERE, NOON));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define KNOWN_TEST(test) cmocka_unit_test_setup_teardown(test, make, unmake)
        KNOWN_TEST(test_client_is_known_where_somebody_logged_in_from),
        KNOWN_TEST(test_one_customer_cannot_make_the_clients_of_others_forgotten),
        KNOWN_TEST(test_no_client_is_never_known),
        KNOWN_TEST(test_client_is_forgotten_half_a_year_after_the_last_login),
        KNOWN_TEST(test_login_is_noted_once_a_day),
        KNOWN_TEST(test_nobody_is_known_by_a_login_that_is_yet_to_come),
        KNOWN_TEST(test_new_epoch_leaves_all_clients_and_their_counters_behind),
        KNOWN_TEST(test_each_client_counts_each_factor_by_itself),
        KNOWN_TEST(test_counting_makes_no_client_known),
    };

    return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
