/* Where somebody may be sent: open redirects, as they are tried. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cleanup.h"
#include "web/settings.h"
#include "web/target.h"

static char app[] = "app.example.org", other[] = "other.example.org:8443";
static char *hosts[] = {app, other, NULL};
static char base[] = "https://konto.example.org", loopback[] = "http://127.0.0.1:8080";
static const struct settings settings = {.base_url = base, .hosts = hosts};
static const struct settings local = {.base_url = loopback, .hosts = hosts};

static const struct {
    const char *typed;
    enum target_kind kind;
} cases[] = {
    {"/", TARGET_PATH},
    {"/account", TARGET_PATH},
    {"/a/b?x=1&y=https://evil.example//", TARGET_PATH},
    {"/a#part", TARGET_PATH},
    {"/a//b", TARGET_PATH},
    {"/.well-known/x", TARGET_PATH},
    {"/a..b/...", TARGET_PATH},
    {"", TARGET_REFUSED},
    {"account", TARGET_REFUSED},
    {"//evil.example", TARGET_REFUSED},
    {"///evil.example", TARGET_REFUSED},
    {"/\\evil.example", TARGET_REFUSED},
    {"\\\\evil.example", TARGET_REFUSED},
    {"/a\\b", TARGET_REFUSED},
    {"/%2fevil.example", TARGET_REFUSED},
    {"/%2F%2Fevil.example", TARGET_REFUSED},
    {"/%5cevil.example", TARGET_REFUSED},
    {"%2f%2fevil.example", TARGET_REFUSED},
    {"/\t/evil.example", TARGET_REFUSED},
    {"\t//evil.example", TARGET_REFUSED},
    {" /account", TARGET_REFUSED},
    {"/\n/evil.example", TARGET_REFUSED},
    {"/a\r\nSet-Cookie: a=b", TARGET_REFUSED},
    {"/a b", TARGET_REFUSED},
    {"/\x7f", TARGET_REFUSED},
    {"/\xc3\xa4", TARGET_REFUSED},
    {"/.//evil.example", TARGET_REFUSED},
    {"/a/..//evil.example", TARGET_REFUSED},
    {"/%2e%2e//evil.example", TARGET_REFUSED},
    {"/.%2E/evil.example", TARGET_REFUSED},
    {"/a/.", TARGET_REFUSED},
    {"javascript:alert(1)", TARGET_REFUSED},
    {"data:text/html,x", TARGET_REFUSED},
    {"https:app.example.org", TARGET_REFUSED},
    {"https:/app.example.org/", TARGET_REFUSED},
    {"https:///app.example.org/", TARGET_REFUSED},
    {"https://app.example.org", TARGET_OTHER},
    {"https://app.example.org/", TARGET_OTHER},
    {"https://app.example.org/a?b#c", TARGET_OTHER},
    {"https://APP.example.ORG/", TARGET_OTHER},
    {"https://app.example.org:443/", TARGET_OTHER},
    {"https://other.example.org:8443/", TARGET_OTHER},
    {"https://other.example.org/", TARGET_REFUSED},
    {"https://other.example.org:8443:443/", TARGET_REFUSED},
    {"https://app.example.org:80/", TARGET_REFUSED},
    {"https://app.example.org:/", TARGET_REFUSED},
    {"https://app.example.org:0443/", TARGET_REFUSED},
    {"https://app.example.org./", TARGET_REFUSED},
    {"https://app.example.org.evil.example/", TARGET_REFUSED},
    {"https://evil.example/app.example.org", TARGET_REFUSED},
    {"https://evilapp.example.org/", TARGET_REFUSED},
    {"https://app.example.org@evil.example/", TARGET_REFUSED},
    {"https://user:secret@app.example.org/", TARGET_REFUSED},
    {"https://evil.example#@app.example.org/", TARGET_REFUSED},
    {"https://evil.example?app.example.org", TARGET_REFUSED},
    {"https://evil.example\\@app.example.org/", TARGET_REFUSED},
    {"https://app.example.org%2eevil.example/", TARGET_REFUSED},
    {"https://app.example.org?x", TARGET_REFUSED},
    {"https://app\xe3\x80\x82"
     "example.org/",
     TARGET_REFUSED},
    {"https://app.example.org//evil.example", TARGET_REFUSED},
    {"https://[::1]/", TARGET_REFUSED},
    {"https://", TARGET_REFUSED},
    {"http://app.example.org/", TARGET_REFUSED},
    {"HTTPS://app.example.org/", TARGET_REFUSED},
    {"ftp://app.example.org/", TARGET_REFUSED},
    {"//app.example.org/", TARGET_REFUSED},
    {"https://konto.example.org/", TARGET_REFUSED},
};

static void test_only_own_paths_and_listed_hosts_are_targets(void **state)
{
    (void)state;
    for (size_t i = 0; i < ELEMENTS(cases); i++)
        if (target_check(&settings, cases[i].typed, NULL, 0) != cases[i].kind)
            fail_msg("%s", cases[i].typed);
}

static void test_path_of_512_bytes_is_the_longest(void **state)
{
    char path[TARGET_MAX + 2];

    (void)state;
    memset(path, 'a', sizeof path);
    path[0] = '/';
    path[TARGET_MAX] = '\0';
    assert_int_equal(target_check(&settings, path, NULL, 0), TARGET_PATH);
    path[TARGET_MAX] = 'a';
    path[TARGET_MAX + 1] = '\0';
    assert_int_equal(target_check(&settings, path, NULL, 0), TARGET_REFUSED);
}

static void test_host_is_told_as_it_is_configured(void **state)
{
    char host[64] = "";

    (void)state;
    assert_int_equal(target_check(&settings, "https://APP.Example.org:443/x", host, sizeof host),
                     TARGET_OTHER);
    assert_string_equal(host, app);
    assert_int_equal(target_check(&settings, "https://app.example.org/", host, sizeof app - 1),
                     TARGET_REFUSED);
}

static void test_loopback_sites_send_to_http_only(void **state)
{
    (void)state;
    assert_int_equal(target_check(&local, "http://app.example.org/", NULL, 0), TARGET_OTHER);
    assert_int_equal(target_check(&local, "http://app.example.org:80/", NULL, 0), TARGET_OTHER);
    assert_int_equal(target_check(&local, "http://app.example.org:443/", NULL, 0), TARGET_REFUSED);
    assert_int_equal(target_check(&local, "https://app.example.org/", NULL, 0), TARGET_REFUSED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_only_own_paths_and_listed_hosts_are_targets),
        cmocka_unit_test(test_path_of_512_bytes_is_the_longest),
        cmocka_unit_test(test_host_is_told_as_it_is_configured),
        cmocka_unit_test(test_loopback_sites_send_to_http_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
