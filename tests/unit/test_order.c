/* One after another for each key. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sodium.h>

#include "portald/order.h"

static int setup(void **state)
{
    return sodium_init() < 0 ? -1 : order_open((struct order **)state);
}

static int teardown(void **state)
{
    order_free(*state);
    return 0;
}

static void test_second_with_the_same_key_is_parked_and_comes_next(void **state)
{
    int a = 1, b = 2, c = 3;

    assert_int_equal(order_enter(*state, "x", 1, 8, &a), ORDER_RUN);
    assert_int_equal(order_enter(*state, "x", 1, 8, &b), ORDER_PARKED);
    assert_int_equal(order_enter(*state, "x", 1, 8, &c), ORDER_PARKED);
    assert_ptr_equal(order_leave(*state, "x"), &b);
    assert_ptr_equal(order_leave(*state, "x"), &c);
    assert_null(order_leave(*state, "x"));
    assert_int_equal(order_enter(*state, "x", 1, 8, &a), ORDER_RUN);
    assert_null(order_leave(*state, "x"));
}

static void test_other_keys_are_not_held_up(void **state)
{
    int a = 1;

    assert_int_equal(order_enter(*state, "x", 1, 8, &a), ORDER_RUN);
    assert_int_equal(order_enter(*state, "y", 1, 8, &a), ORDER_RUN);
    assert_null(order_leave(*state, "x"));
    assert_null(order_leave(*state, "y"));
}

static void test_ninth_that_waits_is_turned_away(void **state)
{
    int item = 0;

    assert_int_equal(order_enter(*state, "x", 1, ORDER_WAITING_MOST, &item), ORDER_RUN);
    for (int i = 0; i < ORDER_WAITING_MOST; i++)
        assert_int_equal(order_enter(*state, "x", 1, ORDER_WAITING_MOST, &item), ORDER_PARKED);
    assert_int_equal(order_enter(*state, "x", 1, ORDER_WAITING_MOST, &item), ORDER_FULL);
    for (int i = 0; i < ORDER_WAITING_MOST; i++)
        assert_ptr_equal(order_leave(*state, "x"), &item);
    assert_null(order_leave(*state, "x"));
}

static void test_wider_lane_lets_several_in(void **state)
{
    int item = 0;

    assert_int_equal(order_enter(*state, "long", 2, 8, &item), ORDER_RUN);
    assert_int_equal(order_enter(*state, "long", 2, 8, &item), ORDER_RUN);
    assert_int_equal(order_enter(*state, "long", 2, 8, &item), ORDER_PARKED);
    assert_ptr_equal(order_leave(*state, "long"), &item);
    assert_null(order_leave(*state, "long"));
    assert_int_equal(order_enter(*state, "long", 2, 8, &item), ORDER_RUN);
    assert_null(order_leave(*state, "long"));
    assert_null(order_leave(*state, "long"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_second_with_the_same_key_is_parked_and_comes_next,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_other_keys_are_not_held_up, setup, teardown),
        cmocka_unit_test_setup_teardown(test_ninth_that_waits_is_turned_away, setup, teardown),
        cmocka_unit_test_setup_teardown(test_wider_lane_lets_several_in, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
