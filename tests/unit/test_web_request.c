/* What portal-web makes of a request before any page sees it. */
#include "config.h"

#include "web/client-address.h"
#include "web/exchange.h"
#include "web/language.h"
#include "web/routes.h"

#include "cleanup.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/un.h>

#include <cmocka.h>

static char *const proxies[] = {(char *)"127.0.0.1", (char *)"10.0.0.5", (char *)"::1", NULL};

static void client_of(const char *peer, const char *forwarded, char ret[static 64])
{
    struct sockaddr_in four = {.sin_family = AF_INET};
    struct sockaddr_in6 six = {.sin6_family = AF_INET6};
    struct sockaddr_un local = {.sun_family = AF_UNIX};
    const struct sockaddr *address = (const struct sockaddr *)&local;

    if (peer && inet_pton(AF_INET, peer, &four.sin_addr) == 1)
        address = (const struct sockaddr *)&four;
    else if (peer && inet_pton(AF_INET6, peer, &six.sin6_addr) == 1)
        address = (const struct sockaddr *)&six;
    client_address(proxies, address, forwarded, ret, 64);
}

static void test_client_is_who_connected_unless_that_is_a_proxy(void **state)
{
    static const struct {
        const char *peer, *forwarded, *client;
    } cases[] = {
        {"192.0.2.7", NULL, "192.0.2.7"},
        {"192.0.2.7", "198.51.100.1", "192.0.2.7"}, /* not a proxy: may say what it likes */
        {"127.0.0.1", NULL, "127.0.0.1"},
        {"127.0.0.1", "198.51.100.1", "198.51.100.1"},
        {"127.0.0.1", "1.1.1.1, 198.51.100.1", "198.51.100.1"}, /* the left is an invention */
        {"127.0.0.1", "198.51.100.1, 10.0.0.5", "198.51.100.1"},
        {"127.0.0.1", "198.51.100.1 ,\t10.0.0.5 ", "198.51.100.1"},
        {"127.0.0.1", "10.0.0.5", "10.0.0.5"}, /* from the proxy itself */
        {"127.0.0.1", "nonsense", "127.0.0.1"},
        {"127.0.0.1", "198.51.100.1, nonsense", "127.0.0.1"},
        {"127.0.0.1", "198.51.100.1, nonsense, 10.0.0.5", "10.0.0.5"},
        {"127.0.0.1", "", "127.0.0.1"},
        {"127.0.0.1", ",", "127.0.0.1"},
        {"::1", "2001:db8::1", "2001:db8::1"},
        {"::ffff:127.0.0.1", "198.51.100.1", "198.51.100.1"},
        {"::1", "::ffff:198.51.100.1", "198.51.100.1"},
        {NULL, "198.51.100.1", "198.51.100.1"}, /* a Unix socket: its group is the proxy's */
        {NULL, NULL, ""},
        {NULL, "unknown", ""},
        {"127.0.0.1",
         "11111111111111111111111111111111111111111111111111111111111111111111111111111111",
         "127.0.0.1"},
    };
    char client[64];

    (void)state;
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        client_of(cases[i].peer, cases[i].forwarded, client);
        assert_string_equal(client, cases[i].client);
    }
}

static void test_language_is_the_one_with_the_higher_weight(void **state)
{
    static const struct {
        const char *accept, *language;
    } cases[] = {
        {NULL, "fallback"},
        {"", "fallback"},
        {"fr", "fallback"},
        {"de", "de"},
        {"en", "en"},
        {"EN-us,en;q=0.5", "en"},
        {"de-AT, en", "de"},
        {"en;q=0.8, de;q=0.9", "de"},
        {"en;q=0.8, de;q=0.9, en-GB", "en"},
        {"fr, de;q=0.1, en;q=0.2", "en"},
        {"de;q=0, en;q=0.1", "en"},
        {"de;q=0", "fallback"},
        {"deutsch", "fallback"},
        {"de;q=99", "fallback"},
        {"de;q=", "fallback"},
        {",,,,en", "en"},
        {"*", "fallback"},
        {"en ; q=0.3 , de ; q=0.4", "de"},
    };

    (void)state;
    for (size_t i = 0; i < ELEMENTS(cases); i++)
        assert_string_equal(language_choose(cases[i].accept, "fallback"), cases[i].language);
}

static void test_path_finds_its_page(void **state)
{
    static const struct {
        const char *path, *route, *rest;
    } cases[] = {
        {"/", "/", ""},
        {"/register", "/register", ""},
        {"/confirm/abc", "/confirm", "abc"},
        {"/password/check", "/password/check", ""},
        {"/recover/letter", "/recover/letter", ""},
        {"/recover/letter/sent", "/recover/letter", "sent"},
        {"/confirm/abc/def", NULL, ""},
        {"/confirm/", NULL, ""},
        {"/account/nothing", NULL, ""},
        {"/healthz/x", NULL, ""},
        {"//register", NULL, ""},
        {"/Register", NULL, ""},
        {"/x", NULL, ""},
        {"", NULL, ""},
    };
    const char *rest;

    (void)state;
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        const struct route *route = route_find(cases[i].path, &rest);
        if (!cases[i].route)
            assert_null(route);
        else {
            assert_non_null(route);
            assert_string_equal(route->path, cases[i].route);
            assert_string_equal(rest, cases[i].rest);
        }
    }
}

static void test_field_comes_in_pieces_and_only_once(void **state)
{
    struct exchange x = {0};
    char long_name[REQUEST_NAME_MAX + 2] = {0}, large[REQUEST_FIELD_MAX + 1];

    (void)state;
    memset(large, 'x', sizeof large);
    assert_int_equal(exchange_field(&x.request.form, "mail", "a@", 0, 2), 0);
    assert_int_equal(exchange_field(&x.request.form, "mail", "b.c", 2, 3), 0);
    assert_string_equal(request_form(&x.request, "mail"), "a@b.c");
    assert_string_equal(request_form(&x.request, "other"), "");
    assert_int_equal(exchange_field(&x.request.form, "mail", "x", 0, 1), -EEXIST);
    assert_int_equal(exchange_field(&x.request.form, "nul", "a\0b", 0, 3), -E2BIG);
    assert_int_equal(exchange_field(&x.request.form, "gap", "a", 5, 1), -E2BIG);
    memset(long_name, 'n', sizeof long_name - 1);
    assert_int_equal(exchange_field(&x.request.form, long_name, "a", 0, 1), -E2BIG);
    assert_int_equal(exchange_field(&x.request.form, "most", large, 0, REQUEST_FIELD_MAX), 0);
    assert_int_equal(exchange_field(&x.request.form, "most", "x", REQUEST_FIELD_MAX, 1), -E2BIG);
    assert_int_equal(exchange_field(&x.request.form, "more", large, 0, sizeof large), -E2BIG);
    exchange_clear(&x);
}

static void test_more_fields_than_any_form_has_are_refused(void **state)
{
    struct exchange x = {0};
    char name[8];

    (void)state;
    for (int i = 0; i < REQUEST_FIELDS_MAX; i++) {
        snprintf(name, sizeof name, "f%d", i);
        assert_int_equal(exchange_field(&x.request.form, name, "v", 0, 1), 0);
    }
    assert_int_equal(exchange_field(&x.request.form, "last", "v", 0, 1), -E2BIG);
    exchange_clear(&x);
}

static void test_fields_are_text(void **state)
{
    static const struct {
        const char *value;
        bool good;
    } cases[] = {
        {"Größe\tund\r\nZeilen", true}, {"\x01", false},     {"\x7f", false}, {"\xff\xfe", false},
        {"\xed\xa0\x80", false},        {"\xc0\x80", false}, {"", true},
    };

    (void)state;
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        struct exchange x = {0};
        assert_int_equal(
            exchange_field(&x.request.form, "f", cases[i].value, 0, strlen(cases[i].value)), 0);
        assert_int_equal(exchange_fields_good(&x.request.form), cases[i].good);
        exchange_clear(&x);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_client_is_who_connected_unless_that_is_a_proxy),
        cmocka_unit_test(test_language_is_the_one_with_the_higher_weight),
        cmocka_unit_test(test_path_finds_its_page),
        cmocka_unit_test(test_field_comes_in_pieces_and_only_once),
        cmocka_unit_test(test_more_fields_than_any_form_has_are_refused),
        cmocka_unit_test(test_fields_are_text),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
