/* Normalizing, hashing and verifying of secrets, and the gate that bounds how many at a time. */
#include "config.h"

#include "portald/secret.h"
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "cleanup.h"
#include "clock.h"

static void test_equal_looking_passwords_normalize_alike(void **state)
{
    (void)state;
    static const struct {
        const char *typed, *normal;
    } cases[] = {
        {"plain ascii", "plain ascii"},
        {"", ""},
        {"Stra\xc3\x9f"
         "e",
         "Stra\xc3\x9f"
         "e"},
        {"u\xcc\x88", "\xc3\xbc"},                /* u and diaeresis: ü */
        {"\xef\xac\x81", "fi"},                   /* the ligature */
        {"\xef\xbc\xa1\xef\xbc\x91", "A1"},       /* full width */
        {"\xe2\x84\xab", "\xc3\x85"},             /* Ångström sign: Å */
        {"\xc2\xa0", " "},                        /* no-break space */
        {"\xf0\x9f\x94\x91", "\xf0\x9f\x94\x91"}, /* a key, outside the BMP */
        {"\xe1\xba\xbf", "\xe1\xba\xbf"},         /* Vietnamese ế, composed … */
        {"e\xcc\x82\xcc\x81", "\xe1\xba\xbf"},    /* … and not */
    };
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        char normal[64];
        assert_int_equal(secret_normalize(cases[i].typed, normal, sizeof normal), 0);
        assert_string_equal(normal, cases[i].normal);
    }
}

static void test_what_is_not_utf8_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "\xff", "a\x80", "\xc3", "\xc0\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "ok \xe2\x82 "};
    for (size_t i = 0; i < ELEMENTS(bad); i++) {
        char normal[64] = "untouched";
        assert_int_equal(secret_normalize(bad[i], normal, sizeof normal), -EILSEQ);
        assert_string_equal(normal, "untouched");
    }
}

static void test_what_does_not_fit_is_refused(void **state)
{
    (void)state;
    char normal[8] = "before";
    assert_int_equal(secret_normalize("12345678", normal, sizeof normal), -E2BIG);
    assert_string_equal(normal, "before");
    assert_int_equal(secret_normalize("1234567", normal, sizeof normal), 0);
    /* One character that becomes eighteen. */
    assert_int_equal(secret_normalize("\xef\xb7\xba", normal, sizeof normal), -E2BIG);
    char *huge = malloc(100001);
    assert_non_null(huge);
    memset(huge, 'x', 100000);
    huge[100000] = '\0';
    char *room = malloc(200000);
    assert_non_null(room);
    assert_int_equal(secret_normalize(huge, room, 200000), -E2BIG);
    free(huge);
    free(room);
}

static void test_hash_is_argon2id_as_slapd_takes_it(void **state)
{
    (void)state;
    char hash[SECRET_HASH_SIZE], other[SECRET_HASH_SIZE];
    assert_int_equal(secret_hash("Kiesel-Wolke-77", hash), 0);
    assert_int_equal(strncmp(hash, "{ARGON2}$argon2id$v=19$m=19456,t=2,p=1$", 39), 0);
    assert_int_equal(secret_hash("Kiesel-Wolke-77", other), 0);
    assert_string_not_equal(hash, other);
}

static void test_only_the_right_secret_verifies(void **state)
{
    (void)state;
    char hash[SECRET_HASH_SIZE];
    assert_int_equal(secret_hash("Kiesel-Wolke-77", hash), 0);
    assert_int_equal(secret_verify(hash, "Kiesel-Wolke-77"), 0);
    assert_int_equal(secret_verify(hash + strlen("{ARGON2}"), "Kiesel-Wolke-77"), 0);
    assert_int_equal(secret_verify(hash, "Kiesel-Wolke-78"), -EACCES);
    assert_int_equal(secret_verify(hash, ""), -EACCES);
    assert_int_equal(secret_verify(hash, "Kiesel-Wolke-77 "), -EACCES);
}

static void test_hash_that_is_not_ours_is_never_right(void **state)
{
    (void)state;
    char longer[400];
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    const char *foreign[] = {
        "",
        "{ARGON2}",
        "secret",
        "{SSHA}VkEXYLHQs4GvsN2hgm7j7Zu3IQBvA2Ht",
        "{ARGON2}$argon2id$v=19$m=19456,t=2,p=1$",
        "{ARGON2}$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0$",
        "{ARGON2}$argon2i$v=19$m=4096,t=3,p=1$c2FsdHNhbHRzYWx0c2Fs$aGFzaGhhc2hoYXNoaGFzaGhhc2g",
        /* 4 GiB, and a hundred thousand passes: ours would never cost that */
        "{ARGON2}$argon2id$v=19$m=4194304,t=2,p=1$wxpTHF1pgAB3bqrdmRkNkg"
        "$suKDl0tKal04KzYlpJMZx9aT/7Q96EID564ZEb8h4D4",
        "{ARGON2}$argon2id$v=19$m=19456,t=100000,p=1$wxpTHF1pgAB3bqrdmRkNkg"
        "$suKDl0tKal04KzYlpJMZx9aT/7Q96EID564ZEb8h4D4",
        longer,
    };
    for (size_t i = 0; i < ELEMENTS(foreign); i++)
        assert_int_equal(secret_verify(foreign[i], "secret"), -EOPNOTSUPP);
}

static void test_void_looks_like_any_other_hash(void **state)
{
    (void)state;
    char hash[SECRET_HASH_SIZE], usual[SECRET_HASH_SIZE];
    assert_int_equal(secret_hash_void(hash), 0);
    assert_int_equal(secret_hash("anything", usual), 0);
    assert_int_equal(strlen(hash), strlen(usual));
    assert_int_equal(secret_verify(hash, ""), -EACCES);
}

/* The gate. */

#define PLACES  2
#define THREADS 6
#define ROUNDS  30

struct crowd {
    struct secret_gate *gate;
    _Atomic int inside, most, entered;
};

static void *crowd_member(void *argument)
{
    struct crowd *c = argument;
    for (int i = 0; i < ROUNDS; i++) {
        if (secret_gate_enter(c->gate, clock_monotonic_ms() + 60000) != 0)
            continue;
        int inside = ++c->inside, most = c->most;
        while (inside > most && !atomic_compare_exchange_weak(&c->most, &most, inside))
            ;
        c->entered++;
        usleep(200);
        c->inside--;
        secret_gate_leave(c->gate);
    }
    return NULL;
}

static void test_no_more_than_its_places_are_inside(void **state)
{
    (void)state;
    struct crowd crowd = {0};
    pthread_t threads[THREADS];
    assert_int_equal(secret_gate_open(PLACES, &crowd.gate), 0);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, crowd_member, &crowd), 0);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(crowd.entered, THREADS * ROUNDS);
    assert_in_range(crowd.most, 1, PLACES);
    secret_gate_free(crowd.gate);
}

static void test_waiting_ends_at_the_deadline(void **state)
{
    (void)state;
    struct secret_gate *gate = NULL;
    assert_int_equal(secret_gate_open(1, &gate), 0);
    assert_int_equal(secret_gate_enter(gate, 0), 0); /* there is room: nothing to wait for */
    int64_t before = clock_monotonic_ms();
    assert_int_equal(secret_gate_enter(gate, before + 30), -EBUSY);
    assert_true(clock_monotonic_ms() - before >= 30);
    assert_int_equal(secret_gate_enter(gate, before - 1), -EBUSY);
    secret_gate_leave(gate);
    assert_int_equal(secret_gate_enter(gate, 0), 0);
    secret_gate_leave(gate);
    secret_gate_free(gate);
}

struct turn {
    struct secret_gate *gate;
    _Atomic int *order;
    int number;
};

static void *turn_take(void *argument)
{
    struct turn *t = argument;
    if (secret_gate_enter(t->gate, clock_monotonic_ms() + 60000) != 0)
        return NULL;
    t->number = ++*t->order;
    secret_gate_leave(t->gate);
    return NULL;
}

static void test_who_came_first_enters_first(void **state)
{
    (void)state;
    struct secret_gate *gate = NULL;
    struct turn turns[THREADS];
    pthread_t threads[THREADS];
    _Atomic int order = 0;
    assert_int_equal(secret_gate_open(1, &gate), 0);
    assert_int_equal(secret_gate_enter(gate, 0), 0);
    for (int i = 0; i < THREADS; i++) {
        turns[i] = (struct turn){.gate = gate, .order = &order};
        assert_int_equal(pthread_create(&threads[i], NULL, turn_take, &turns[i]), 0);
        while (secret_gate_waiting(gate) <= (unsigned)i)
            usleep(1000);
    }
    secret_gate_leave(gate);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(turns[i].number, i + 1);
    secret_gate_free(gate);
}

static void test_gate_without_places_is_refused(void **state)
{
    (void)state;
    struct secret_gate *gate = NULL;
    assert_int_equal(secret_gate_open(0, &gate), -EINVAL);
    assert_null(gate);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_equal_looking_passwords_normalize_alike),
        cmocka_unit_test(test_what_is_not_utf8_is_refused),
        cmocka_unit_test(test_what_does_not_fit_is_refused),
        cmocka_unit_test(test_hash_is_argon2id_as_slapd_takes_it),
        cmocka_unit_test(test_only_the_right_secret_verifies),
        cmocka_unit_test(test_hash_that_is_not_ours_is_never_right),
        cmocka_unit_test(test_void_looks_like_any_other_hash),
        cmocka_unit_test(test_no_more_than_its_places_are_inside),
        cmocka_unit_test(test_waiting_ends_at_the_deadline),
        cmocka_unit_test(test_who_came_first_enters_first),
        cmocka_unit_test(test_gate_without_places_is_refused),
    };
    return cmocka_run_group_tests_name("secret", tests, NULL, NULL);
}
