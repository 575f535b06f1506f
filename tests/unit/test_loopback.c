/* Which hosts are this machine. */
#include "config.h"

#include "loopback.h"

#include "cleanup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_this_machine_is_known(void **state)
{
    static const char *const hosts[] = {"localhost",   "LocalHost", "127.0.0.1",
                                        "127.255.0.9", "::1",       "[::1]"};

    (void)state;
    for (size_t i = 0; i < ELEMENTS(hosts); i++)
        assert_true(host_is_loopback(hosts[i]));
}

static void test_names_that_only_look_like_this_machine_are_others(void **state)
{
    static const char *const hosts[] = {"127.example.org",
                                        "127.0.0.1.example.org",
                                        "127.1",
                                        "localhost.example.org",
                                        "128.0.0.1",
                                        "::ffff:192.0.2.1",
                                        "192.0.2.1",
                                        "",
                                        "127."};

    (void)state;
    for (size_t i = 0; i < ELEMENTS(hosts); i++)
        assert_false(host_is_loopback(hosts[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_this_machine_is_known),
        cmocka_unit_test(test_names_that_only_look_like_this_machine_are_others),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
