/* The counting tables: windows, sets, addresses, and the file that outlives the process. */
#include "config.h"

#include "throttle.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cleanup.h"
#include "scratch.h"

#define NOW   1800000000
#define HOUR  3600
#define SLOTS 1024

struct fixture {
    void *directory;
    char path[SCRATCH_PATH_SIZE];
    uint8_t key[32];
    struct throttle *throttle;
};

static int make(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    if (!f || scratch_make(&f->directory) != 0)
        return -1;
    scratch_path(&f->directory, "throttle", f->path);
    memset(f->key, 7, sizeof f->key);
    *state = f;
    return throttle_open(f->path, f->key, SLOTS, &f->throttle);
}

static int unmake(void **state)
{
    struct fixture *f = *state;
    throttle_free(f->throttle);
    int r = scratch_remove(&f->directory);
    free(f);
    return r;
}

static void reopen(struct fixture *f)
{
    f->throttle = throttle_free(f->throttle);
    assert_int_equal(throttle_open(f->path, f->key, SLOTS, &f->throttle), 0);
}

static unsigned failures(struct fixture *f, const char *space, const char *what)
{
    struct throttle_state s = {.failures = 99};
    throttle_get(f->throttle, space, what, &s);
    return s.failures;
}

static void set_failures(struct fixture *f, const char *what, unsigned count, time_t now)
{
    struct throttle_state s = {.failures = count, .retry_after = now + 30};
    throttle_set(f->throttle, "name", what, &s, now);
}

static void test_state_is_kept_for_each_name_and_space(void **state)
{
    struct fixture *f = *state;
    struct throttle_state s;
    assert_int_equal(failures(f, "name", "a@example.org"), 0);
    set_failures(f, "a@example.org", 6, NOW);
    throttle_get(f->throttle, "name", "a@example.org", &s);
    assert_int_equal(s.failures, 6);
    assert_int_equal(s.retry_after, NOW + 30);
    assert_int_equal(failures(f, "name", "b@example.org"), 0);
    assert_int_equal(failures(f, "other", "a@example.org"), 0);
    assert_int_equal(failures(f, "nam", "ea@example.org"), 0);
    throttle_set(f->throttle, "name", "a@example.org", &(struct throttle_state){0}, NOW);
    assert_int_equal(failures(f, "name", "a@example.org"), 0);
}

static void test_event_over_the_limit_waits_until_the_window_ends(void **state)
{
    struct fixture *f = *state;
    time_t wait = -1;
    for (int i = 0; i < 5; i++)
        assert_int_equal(throttle_take(f->throttle, "policy", "P1", 5, HOUR, NOW + i, &wait), 0);
    assert_int_equal(wait, -1);
    assert_int_equal(throttle_take(f->throttle, "policy", "P1", 5, HOUR, NOW + 10, &wait), -EBUSY);
    assert_int_equal(wait, HOUR - 10);
    assert_int_equal(throttle_take(f->throttle, "policy", "P2", 5, HOUR, NOW + 10, &wait), 0);
    assert_int_equal(throttle_take(f->throttle, "policy", "P1", 5, HOUR, NOW + HOUR - 1, &wait),
                     -EBUSY);
    assert_int_equal(wait, 1);
    assert_int_equal(throttle_take(f->throttle, "policy", "P1", 5, HOUR, NOW + HOUR, NULL), 0);
}

static void test_refused_event_does_not_lengthen_the_wait(void **state)
{
    struct fixture *f = *state;
    time_t wait = 0;
    assert_int_equal(throttle_take(f->throttle, "policy", "P1", 1, HOUR, NOW, NULL), 0);
    for (int i = 1; i < 100; i++)
        assert_int_equal(throttle_take(f->throttle, "policy", "P1", 1, HOUR, NOW + i, &wait),
                         -EBUSY);
    assert_int_equal(wait, HOUR - 99);
}

static void test_clock_set_back_never_waits_longer_than_a_window(void **state)
{
    struct fixture *f = *state;
    time_t wait = 0;
    assert_int_equal(throttle_take(f->throttle, "policy", "P1", 1, HOUR, NOW, NULL), 0);
    assert_int_equal(throttle_take(f->throttle, "policy", "P1", 1, HOUR, NOW - 86400, &wait),
                     -EBUSY);
    assert_int_equal(wait, HOUR);
    assert_int_equal(throttle_take(f->throttle, "policy", "P1", 1, HOUR, NOW - 86400 + HOUR, NULL),
                     0);
}

static void add_member(struct fixture *f, int n, time_t now)
{
    char member[16];
    snprintf(member, sizeof member, "member-%d", n);
    throttle_member(f->throttle, "client", "192.0.2.1", member, HOUR, now);
}

static bool full(struct fixture *f, const char *member, time_t now, time_t *wait)
{
    return throttle_full(f->throttle, "client", "192.0.2.1", member, 20, HOUR, now, wait);
}

static void test_set_is_full_with_twenty_different_members(void **state)
{
    struct fixture *f = *state;
    time_t wait = -1;
    assert_false(full(f, NULL, NOW, &wait));
    for (int i = 0; i < 19; i++)
        add_member(f, i, NOW + i);
    add_member(f, 3, NOW + 20); /* again */
    assert_false(full(f, NULL, NOW + 20, &wait));
    assert_int_equal(wait, -1);
    add_member(f, 19, NOW + 21);
    assert_true(full(f, NULL, NOW + 30, &wait));
    assert_int_equal(wait, HOUR - 30);
    assert_true(full(f, "somebody-new", NOW + 30, &wait));
    add_member(f, 20, NOW + 31);
    assert_true(full(f, "member-20", NOW + 31, &wait));
}

static void test_who_is_in_a_full_set_may_go_on(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 20; i++)
        add_member(f, i, NOW);
    assert_false(full(f, "member-0", NOW, NULL));
    assert_false(full(f, "member-19", NOW, NULL));
    assert_true(full(f, "member-21", NOW, NULL));
}

static void test_set_is_empty_again_when_its_window_ends(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 20; i++)
        add_member(f, i, NOW);
    assert_true(full(f, "member-21", NOW + HOUR - 1, NULL));
    assert_false(full(f, "member-21", NOW + HOUR, NULL));
    add_member(f, 30, NOW + HOUR);
    assert_false(full(f, NULL, NOW + HOUR, NULL));
}

static void test_nothing_is_counted_without_a_name(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 3; i++)
        assert_int_equal(throttle_take(f->throttle, "client", "", 1, HOUR, NOW, NULL), 0);
    set_failures(f, "", 5, NOW);
    assert_int_equal(failures(f, "name", ""), 0);
    throttle_member(f->throttle, "client", "", "m", HOUR, NOW);
    assert_false(throttle_full(f->throttle, "client", "", NULL, 1, HOUR, NOW, NULL));
}

static void test_counts_survive_a_restart(void **state)
{
    struct fixture *f = *state;
    set_failures(f, "a@example.org", 6, NOW);
    assert_int_equal(throttle_take(f->throttle, "policy", "P1", 1, HOUR, NOW, NULL), 0);
    for (int i = 0; i < 20; i++)
        add_member(f, i, NOW);
    reopen(f);
    assert_int_equal(failures(f, "name", "a@example.org"), 6);
    assert_int_equal(throttle_take(f->throttle, "policy", "P1", 1, HOUR, NOW, NULL), -EBUSY);
    assert_true(full(f, "member-21", NOW, NULL));
    assert_false(full(f, "member-3", NOW, NULL));
}

static void test_file_holds_no_name_and_is_its_owners_alone(void **state)
{
    struct fixture *f = *state;
    set_failures(f, "somebody@example.org", 6, NOW);
    throttle_member(f->throttle, "client", "192.0.2.1", "somebody@example.org", HOUR, NOW);
    reopen(f);
    struct stat status;
    assert_int_equal(stat(f->path, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0600);
    size_t size = (size_t)status.st_size;
    _cleanup_free_ char *bytes = malloc(size);
    _cleanup_fclose_ FILE *file = fopen(f->path, "re");
    assert_non_null(file);
    assert_int_equal(fread(bytes, 1, size, file), size);
    assert_null(memmem(bytes, size, "somebody", 8));
    assert_null(memmem(bytes, size, "192.0.2.1", 9));
}

static void test_file_of_another_key_is_made_anew(void **state)
{
    struct fixture *f = *state;
    set_failures(f, "a@example.org", 6, NOW);
    f->key[0] ^= 1;
    reopen(f);
    assert_int_equal(failures(f, "name", "a@example.org"), 0);
    f->key[0] ^= 1;
    reopen(f);
    assert_int_equal(failures(f, "name", "a@example.org"), 0);
}

static void test_truncated_or_foreign_file_is_made_anew(void **state)
{
    struct fixture *f = *state;
    static const off_t sizes[] = {0, 1, 100, 128, 4096, 60000, 9999999};
    for (size_t i = 0; i < ELEMENTS(sizes); i++) {
        set_failures(f, "a@example.org", 6, NOW);
        f->throttle = throttle_free(f->throttle);
        assert_int_equal(truncate(f->path, sizes[i]), 0);
        reopen(f);
        assert_int_equal(failures(f, "name", "a@example.org"), 0);
        set_failures(f, "a@example.org", 3, NOW);
        reopen(f);
        assert_int_equal(failures(f, "name", "a@example.org"), 3);
    }
    f->throttle = throttle_free(f->throttle);
    scratch_write(f->path, "something else entirely", 23, 0644);
    reopen(f);
    struct stat status;
    assert_int_equal(stat(f->path, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0600);
}

#define NAMES 500

static void name_of(int i, char ret[static 16])
{
    snprintf(ret, 16, "n%d", i);
}

static void test_damaged_slots_are_harmless(void **state)
{
    struct fixture *f = *state;
    char name[16];
    for (int i = 0; i < NAMES; i++) {
        name_of(i, name);
        set_failures(f, name, 1, NOW);
        throttle_member(f->throttle, "client", name, "m", HOUR, NOW);
    }
    f->throttle = throttle_free(f->throttle);
    _cleanup_close_ int fd = open(f->path, O_RDWR | O_CLOEXEC);
    uint8_t noise[112 - 8];
    srandom(3);
    for (int i = 0; i < SLOTS; i++) { /* all but the tag, by which it is found */
        for (size_t k = 0; k < sizeof noise; k++)
            noise[k] = (uint8_t)(i % 3 ? random() : 0x80 | random());
        assert_int_equal(pwrite(fd, noise, sizeof noise, 128 + 112 * i + 8), sizeof noise);
    }
    reopen(f);
    for (int i = 0; i < NAMES; i++) {
        time_t wait = 0;
        name_of(i, name);
        (void)failures(f, "name", name);
        (void)throttle_full(f->throttle, "client", name, "m", 1, HOUR, NOW, &wait);
        throttle_member(f->throttle, "client", name, "m", HOUR, NOW);
        (void)throttle_take(f->throttle, "name", name, 1, HOUR, NOW, &wait);
        assert_in_range(wait, 0, HOUR);
    }
}

static void test_link_in_place_of_the_file_is_refused(void **state)
{
    struct fixture *f = *state;
    char target[SCRATCH_PATH_SIZE];
    struct throttle *t = NULL;
    f->throttle = throttle_free(f->throttle);
    scratch_path(&f->directory, "target", target);
    scratch_write(target, "precious", 8, 0600);
    assert_int_equal(unlink(f->path), 0);
    assert_int_equal(symlink(target, f->path), 0);
    assert_int_equal(throttle_open(f->path, f->key, SLOTS, &t), -ELOOP);
    assert_null(t);
    struct stat status;
    assert_int_equal(stat(target, &status), 0);
    assert_int_equal(status.st_size, 8);
}

static void test_full_bucket_forgets_who_was_idle_longest(void **state)
{
    struct fixture *f = *state;
    struct throttle *one = NULL; /* a single bucket */
    assert_int_equal(throttle_open(NULL, f->key, 1, &one), 0);
    char name[16];
    struct throttle_state s = {.failures = 1};
    for (int i = 0; i < 8; i++) {
        name_of(i, name);
        throttle_set(one, "name", name, &s, NOW + i);
    }
    throttle_set(one, "name", "n0", &s, NOW + 10);
    throttle_set(one, "name", "new", &s, NOW + 11);
    for (int i = 0; i < 8; i++) {
        name_of(i, name);
        throttle_get(one, "name", name, &s);
        assert_int_equal(s.failures, i != 1);
    }
    throttle_get(one, "name", "new", &s);
    assert_int_equal(s.failures, 1);
    throttle_free(one);
}

static void test_too_many_slots_are_refused(void **state)
{
    struct fixture *f = *state;
    struct throttle *t = NULL;
    assert_int_equal(throttle_open(NULL, f->key, 0xffffffffU, &t), -EINVAL);
    assert_null(t);
}

#define THREADS 4
#define TAKES   2000

static void *take_many(void *argument)
{
    struct fixture *f = argument;
    size_t taken = 0;
    for (int i = 0; i < TAKES; i++)
        taken +=
            throttle_take(f->throttle, "policy", "P1", THREADS * TAKES / 2, HOUR, NOW, NULL) == 0;
    return (void *)taken;
}

static void test_threads_together_take_exactly_the_limit(void **state)
{
    struct fixture *f = *state;
    pthread_t threads[THREADS];
    size_t taken = 0;
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, take_many, f), 0);
    for (int i = 0; i < THREADS; i++) {
        void *part;
        assert_int_equal(pthread_join(threads[i], &part), 0);
        taken += (size_t)part;
    }
    assert_int_equal(taken, THREADS * TAKES / 2);
}

static void test_client_addresses_are_counted_by_their_network(void **state)
{
    (void)state;
    static const struct {
        const char *text, *client;
    } cases[] = {
        {"192.0.2.1", "192.0.2.1"},
        {"::ffff:192.0.2.1", "192.0.2.1"},
        {"::ffff:c000:201", "192.0.2.1"},
        {"2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"},
        {"2001:DB8:1:2::", "2001:db8:1:2::/64"},
        {"2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", "2001:db8:ffff:ffff::/64"},
        {"fe80::1%eth0", "fe80::/64"},
        {"::1", "::/64"},
        {"", ""},
        {"localhost", ""},
        {"192.0.2.1%eth0", ""},
        {"192.0.2.256", ""},
        {"192.0.2.1 ", ""},
        {"2001:db8::1::2", ""},
        {"2001:0db8:0000:0000:0000:0000:0000:0001 and a very long tail that fits nowhere", ""},
    };
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        char client[THROTTLE_CLIENT_SIZE] = "untouched";
        throttle_client(cases[i].text, client);
        assert_string_equal(client, cases[i].client);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make, unmake)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_state_is_kept_for_each_name_and_space),
        TEST(test_event_over_the_limit_waits_until_the_window_ends),
        TEST(test_refused_event_does_not_lengthen_the_wait),
        TEST(test_clock_set_back_never_waits_longer_than_a_window),
        TEST(test_set_is_full_with_twenty_different_members),
        TEST(test_who_is_in_a_full_set_may_go_on),
        TEST(test_set_is_empty_again_when_its_window_ends),
        TEST(test_nothing_is_counted_without_a_name),
        TEST(test_counts_survive_a_restart),
        TEST(test_file_holds_no_name_and_is_its_owners_alone),
        TEST(test_file_of_another_key_is_made_anew),
        TEST(test_truncated_or_foreign_file_is_made_anew),
        TEST(test_damaged_slots_are_harmless),
        TEST(test_link_in_place_of_the_file_is_refused),
        TEST(test_full_bucket_forgets_who_was_idle_longest),
        TEST(test_too_many_slots_are_refused),
        TEST(test_threads_together_take_exactly_the_limit),
        cmocka_unit_test(test_client_addresses_are_counted_by_their_network),
    };
    return cmocka_run_group_tests_name("throttle", tests, NULL, NULL);
}
