/* What process_harden() has done, seen from inside, and which zones exist. */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>

#include <cmocka.h>

#include "cleanup.h"
#include "process.h"

static void test_a_hardened_process_leaves_nothing_behind(void **state)
{
    struct sigaction pipe;
    struct rlimit core;

    (void)state;
    assert_int_equal(process_harden(), 0);
    assert_int_equal(getrlimit(RLIMIT_CORE, &core), 0);
    assert_int_equal(core.rlim_cur, 0);
    assert_int_equal(core.rlim_max, 0);
    assert_int_equal(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), 1);
    assert_int_equal(sigaction(SIGPIPE, NULL, &pipe), 0);
    assert_ptr_equal(pipe.sa_handler, SIG_IGN);
    assert_int_equal(umask(077), 077);
#ifndef __SANITIZE_ADDRESS__
    assert_int_equal(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0), 0);
#endif
}

static void test_a_zone_that_exists_is_set(void **state)
{
    time_t summer = 1784721600; /* 2026-07-22 12:00 UTC */
    struct tm tm;

    (void)state;
    assert_int_equal(process_set_zone("Europe/Berlin"), 0);
    assert_int_equal(localtime_r(&summer, &tm)->tm_hour, 14);
    assert_int_equal(process_set_zone("UTC"), 0);
    assert_int_equal(localtime_r(&summer, &tm)->tm_hour, 12);
}

static void test_any_other_zone_is_refused(void **state)
{
    static const char *const zones[] = {
        "",
        "Europe/Nowhere",
        "Europe",
        "/etc/localtime",
        "../zoneinfo/Europe/Berlin",
        "zone.tab",
        "CET-1CEST",
        ":Europe/Berlin",
        "/Europe/Berlin",
    };

    (void)state;
    assert_int_equal(process_set_zone("Europe/Berlin"), 0);
    for (size_t i = 0; i < ELEMENTS(zones); i++)
        assert_int_equal(process_set_zone(zones[i]), -EINVAL);
    assert_string_equal(getenv("TZ"), "Europe/Berlin");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_hardened_process_leaves_nothing_behind),
        cmocka_unit_test(test_a_zone_that_exists_is_set),
        cmocka_unit_test(test_any_other_zone_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
