/* The clock goes with the system's, and in a build for testing by an offset that outlives it. */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cleanup.h"
#include "clock.h"
#include "scratch.h"

static void test_both_units_tell_the_same_time(void **state)
{
    time_t before = time(NULL);

    (void)state;
    assert_in_range(clock_now(), before, before + 60);
    assert_in_range(clock_now_ms() / 1000, before, before + 60);
}

#ifdef ENABLE_TEST_CLOCK
static void test_a_moved_clock_is_restored_from_its_file(void **state)
{
    int64_t monotonic = clock_monotonic_ms();
    char path[SCRATCH_PATH_SIZE];
    time_t before = time(NULL);

    scratch_path(state, "offset", path);
    assert_int_equal(clock_move(48 * 3600, path), 0);
    assert_int_equal(clock_move(-3600, path), 0);
    assert_int_equal(clock_offset(), 47 * 3600);
    assert_in_range(clock_now(), before + 47 * 3600, before + 47 * 3600 + 60);
    assert_in_range(clock_monotonic_ms(), monotonic, monotonic + 60000);
    assert_int_equal(clock_move(-47 * 3600, NULL), 0);
    assert_int_equal(clock_offset(), 0);
    assert_int_equal(clock_restore(path), 0);
    assert_int_equal(clock_offset(), 47 * 3600);
    assert_int_equal(clock_move(-47 * 3600, NULL), 0);
}

static void test_a_move_that_fails_moves_nothing(void **state)
{
    (void)state;
    assert_int_equal(clock_move(60, "/nonexistent/offset"), -ENOENT);
    assert_int_equal(clock_move(INT64_MAX, NULL), -ERANGE);
    assert_int_equal(clock_move(INT64_MIN, NULL), -ERANGE);
    assert_int_equal(clock_offset(), 0);
}

static void test_a_file_without_an_offset_is_refused(void **state)
{
    static const char *const texts[] = {"", "tomorrow", "9223372036854775807"};
    char path[SCRATCH_PATH_SIZE];

    assert_int_equal(clock_restore(scratch_path(state, "offset", path)), 0); /* none yet */
    for (size_t i = 0; i < ELEMENTS(texts); i++) {
        scratch_write(path, texts[i], strlen(texts[i]), 0600);
        assert_int_equal(clock_restore(path), -EINVAL);
    }
    assert_int_equal(clock_offset(), 0);
}
#else
static void test_a_release_has_no_other_clock(void **state)
{
    char path[SCRATCH_PATH_SIZE];

    scratch_write(scratch_path(state, "offset", path), "3600\n", 5, 0600);
    assert_int_equal(clock_move(60, NULL), -EOPNOTSUPP);
    assert_int_equal(clock_restore(path), 0);
    assert_int_equal(clock_offset(), 0);
}
#endif

#define WITH_DIRECTORY(test) cmocka_unit_test_setup_teardown(test, scratch_make, scratch_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_both_units_tell_the_same_time),
#ifdef ENABLE_TEST_CLOCK
        WITH_DIRECTORY(test_a_moved_clock_is_restored_from_its_file),
        WITH_DIRECTORY(test_a_move_that_fails_moves_nothing),
        WITH_DIRECTORY(test_a_file_without_an_offset_is_refused),
#else
        WITH_DIRECTORY(test_a_release_has_no_other_clock),
#endif
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
