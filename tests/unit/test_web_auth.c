/* Forward auth's requests and one-time codes: whose they are, how long, and that once is once. */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "cleanup.h"
#include "web/auth.h"
#include "web/browser-label.h"
#include "web/codes.h"
#include "web/page.h"
#include "web_visit.h"

#define HOST_BROWSER "__Host-" COOKIE_BROWSER
#define HOST_APP     "__Host-" COOKIE_APP

static const uint8_t first[CODES_ID] = {1}, second[CODES_ID] = {2};

static void test_code_is_used_once(void **state)
{
    _cleanup_(codes_free_p) struct codes *codes = NULL;

    (void)state;
    assert_int_equal(codes_new(&codes), 0);
    assert_true(codes_use(codes, first, VISIT_NOW, VISIT_NOW));
    assert_false(codes_use(codes, first, VISIT_NOW, VISIT_NOW));
    assert_true(codes_use(codes, second, VISIT_NOW, VISIT_NOW + 1));
    assert_false(codes_use(codes, first, VISIT_NOW, VISIT_NOW + CODES_LIFE - 1));
}

static void test_code_is_over_after_30_seconds_exactly(void **state)
{
    _cleanup_(codes_free_p) struct codes *codes = NULL;

    (void)state;
    assert_int_equal(codes_new(&codes), 0);
    assert_false(codes_use(codes, first, VISIT_NOW, VISIT_NOW + 30));
    assert_false(codes_use(codes, first, VISIT_NOW + 1, VISIT_NOW)); /* not made yet */
    assert_true(codes_use(codes, first, VISIT_NOW, VISIT_NOW + 29));
}

static void test_code_used_before_the_clock_went_back_stays_used(void **state)
{
    _cleanup_(codes_free_p) struct codes *codes = NULL;

    (void)state;
    assert_int_equal(codes_new(&codes), 0);
    assert_true(codes_use(codes, first, VISIT_NOW, VISIT_NOW));
    assert_true(codes_use(codes, second, VISIT_NOW + 100, VISIT_NOW + 100));
    assert_false(codes_use(codes, first, VISIT_NOW, VISIT_NOW + 5));
}

static void test_more_codes_than_can_be_known_are_refused_until_some_are_over(void **state)
{
    _cleanup_(codes_free_p) struct codes *codes = NULL;
    uint8_t id[CODES_ID] = {0};

    (void)state;
    assert_int_equal(codes_new(&codes), 0);
    for (unsigned i = 0; i <= CODES_MOST; i++) {
        memcpy(id, &i, sizeof i);
        assert_int_equal(codes_use(codes, id, VISIT_NOW, VISIT_NOW), i < CODES_MOST);
    }
    assert_true(codes_use(codes, id, VISIT_NOW + 30, VISIT_NOW + 30));
}

static const uint8_t key[32] = {7}, other_key[32] = {8};

static void test_request_and_code_are_no_other(void **state)
{
    struct auth_request wish = {
        .host = "app.example.org", .to = "/a?b", .browser = {5}, .made = VISIT_NOW};
    struct auth_code code = {.request = wish, .id = {6}, .session = {.uid = "c-1"}}, code_back;
    struct auth_request back = {.to = "untouched"};
    char request_text[AUTH_REQUEST_MAX], code_text[AUTH_CODE_MAX];

    (void)state;
    assert_int_equal(auth_request_seal(key, &wish, request_text), 0);
    assert_int_equal(auth_code_seal(key, &code, code_text), 0);
    assert_int_equal(auth_request_open(other_key, request_text, &back), -EBADMSG);
    assert_int_equal(auth_request_open(key, code_text, &back), -EBADMSG);
    assert_int_equal(auth_code_open(key, request_text, &code_back), -EBADMSG);
    assert_int_equal(auth_request_open(key, "", &back), -EBADMSG);
    assert_string_equal(back.to, "untouched");
    assert_int_equal(auth_request_open(key, request_text, &back), 0);
    assert_memory_equal(&back, &wish, sizeof wish);
    assert_int_equal(auth_code_open(key, code_text, &code_back), 0);
    assert_memory_equal(&code_back, &code, sizeof code);
    for (char *c = request_text; *c; c++) {
        char was = *c;
        *c = was == 'A' ? 'Q' : 'A';
        assert_int_equal(auth_request_open(key, request_text, &back), -EBADMSG);
        *c = was;
    }
}

static void test_way_back_that_is_too_long_becomes_the_front_page(void **state)
{
    struct auth_request wish = {.host = "app.example.org", .made = VISIT_NOW}, back = {0};
    char text[AUTH_REQUEST_MAX];

    (void)state;
    memset(wish.to, 'a', TARGET_MAX);
    wish.to[0] = '/';
    assert_int_equal(auth_request_seal(key, &wish, text), 0);
    assert_true(strlen("/auth/continue?request=") + strlen(text) <= TARGET_MAX);
    assert_int_equal(auth_request_open(key, text, &back), 0);
    assert_string_equal(back.to, "/");
}

static void test_link_holds_its_value_encoded(void **state)
{
    char link[32];

    (void)state;
    assert_int_equal(auth_link("/x?to=", "/a b&c=\r\n\xc3\xa4", link, sizeof link), 0);
    assert_string_equal(link, "/x?to=/a%20b%26c%3D%0D%0A%C3%A4");
    assert_int_equal(auth_link("/x?to=", "/a b&c=\r\n\xc3\xa4+", link, sizeof link), -EMSGSIZE);
    assert_int_equal(auth_link("/a path that is longer than there is", "", link, sizeof link),
                     -EMSGSIZE);
}

/* An application's host behind a proxy: /auth/callback by the page itself. */

static int app_make(void **state)
{
    struct visit *v;

    if (visit_make(state) < 0)
        return -1;
    v = *state;
    v->request.proxied = true;
    return codes_new(&v->web.codes) < 0 ||
                   sessions_open(NULL, v->keys.table, 64, 43200, &v->web.sessions) < 0
               ? -1
               : 0;
}

static int app_unmake(void **state)
{
    struct visit *v = *state;

    codes_free(v->web.codes);
    sessions_free(v->web.sessions);
    return visit_unmake(state);
}

static void call_back(struct visit *v, const char *host, const char *field, const char *value)
{
    response_clear(&v->response);
    visit_forget_fields(&v->request.query);
    visit_send(v, MHD_HEADER_KIND, "X-Forwarded-Host", host);
    visit_field(&v->request.query, field, value);
    page_callback(&v->web, &v->request, &v->response);
    v->values--;
}

/* Of the request that the redirect to us holds. */
static struct auth_request begun(struct visit *v, const char *host)
{
    static const char path[] = "https://konto.example.org/auth/continue?request=";
    struct auth_request wish = {0};

    call_back(v, host, "to", "/page");
    assert_int_equal(v->response.status, 303);
    assert_int_equal(strncmp(visit_header(v, "Location"), path, sizeof path - 1), 0);
    assert_int_equal(
        auth_request_open(v->keys.code, visit_header(v, "Location") + sizeof path - 1, &wish), 0);
    visit_keep(v, HOST_BROWSER);
    return wish;
}

static void make_code(struct visit *v, const struct auth_request *wish, time_t made, char *ret)
{
    struct auth_code code = {.request = *wish,
                             .session = {.started = VISIT_NOW, .seen = VISIT_NOW, .uid = "c-1"}};

    code.request.made = made;
    randombytes_buf(code.id, sizeof code.id);
    memcpy(code.id, v->web.process, sizeof v->web.process);
    memcpy(code.id, v->web.process, sizeof v->web.process);
    sessions_begin(
        v->web.sessions,
        &(struct sessions_entry){
            .id = code.session.id, .uid = "c-1", .host = "", .label = "", .started = VISIT_NOW},
        VISIT_NOW);
    assert_int_equal(auth_code_seal(v->keys.code, &code, ret), 0);
}

/* Whether the code makes a session there; if not, another one is fetched. */
static bool redeem(struct visit *v, const char *host, const char *code)
{
    char text[VISIT_TEXT];
    bool let_in;

    call_back(v, host, "code", code);
    let_in = visit_set_cookie(v, HOST_APP, text, sizeof text);
    assert_int_equal(v->response.status, 303);
    if (let_in)
        assert_string_equal(visit_header(v, "Location"), "/page");
    else
        assert_non_null(strstr(visit_header(v, "Location"), "/auth/continue?"));
    return let_in;
}

static void test_code_lets_in_once_and_only_where_it_belongs(void **state)
{
    struct visit *v = *state;
    struct auth_request wish = begun(v, visit_app);
    char code[AUTH_CODE_MAX];

    make_code(v, &wish, VISIT_NOW, code);
    assert_false(redeem(v, visit_other, code));
    assert_true(redeem(v, visit_app, code));
    assert_false(redeem(v, visit_app, code));
}

static void test_code_of_another_browser_lets_nobody_in(void **state)
{
    struct visit *v = *state;
    struct auth_request wish = begun(v, visit_app);
    char code[AUTH_CODE_MAX];

    make_code(v, &wish, VISIT_NOW, code);
    v->values = 0;
    call_back(v, visit_app, "code", code); /* no browser's at all */
    assert_non_null(strstr(visit_header(v, "Location"), "problem=cookies"));
    begun(v, visit_app);
    assert_false(redeem(v, visit_app, code));
}

static void test_code_lives_for_30_seconds(void **state)
{
    struct visit *v = *state;
    struct auth_request wish = begun(v, visit_app);
    char code[AUTH_CODE_MAX];

    make_code(v, &wish, VISIT_NOW - 30, code);
    assert_false(redeem(v, visit_app, code));
    make_code(v, &wish, VISIT_NOW - 29, code);
    assert_true(redeem(v, visit_app, code));
}

static void test_code_of_an_earlier_process_lets_nobody_in(void **state)
{
    struct visit *v = *state;
    struct auth_request wish = begun(v, visit_app);
    char code[AUTH_CODE_MAX];

    make_code(v, &wish, VISIT_NOW, code);
    v->web.process[7] ^= 1; /* which codes were used before isn't known */
    assert_false(redeem(v, visit_app, code));
    v->web.process[7] ^= 1;
    assert_true(redeem(v, visit_app, code));
}

static void test_host_that_is_not_listed_has_no_callback(void **state)
{
    struct visit *v = *state;

    call_back(v, "evil.example", "to", "/page");
    assert_int_equal(v->response.status, 404);
    call_back(v, "konto.example.org", "to", "/page");
    assert_int_equal(v->response.status, 404);
    v->request.proxied = false; /* whoever connects may say what they like */
    call_back(v, visit_app, "to", "/page");
    assert_int_equal(v->response.status, 404);
}

static void test_browser_that_keeps_nothing_goes_round_20_times(void **state)
{
    struct visit *v = *state;

    for (int i = 0; i < AUTH_ROUNDS; i++) {
        begun(v, visit_app);
        memmove(&v->value[0], &v->value[v->values - 1], sizeof v->value[0]);
        v->values = 1;
    }
    call_back(v, visit_app, "to", "/page");
    assert_non_null(strstr(visit_header(v, "Location"), "problem=round"));
    v->request.now += AUTH_ROUND;
    begun(v, visit_app);
}

/* Of current browsers, as they say it. */
static const struct {
    const char *agent, *label;
} browsers[] = {
    {NULL, ""},
    {"", ""},
    {"curl/8.5", ""},
    {"Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0", "Firefox, Linux"},
    {"Mozilla/5.0 (Android 14; Mobile; rv:130.0) Gecko/130.0 Firefox/130.0", "Firefox, Android"},
    {"Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like "
     "Gecko) FxiOS/130.0 Mobile/15E148 Safari/605.1.15",
     "Firefox, iPhone"},
    {"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
     "Chrome/128.0.0.0 Safari/537.36 Edg/128.0.0.0",
     "Edge, Windows"},
    {"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
     "Chrome/128.0.0.0 Safari/537.36 OPR/113.0.0.0",
     "Opera, Windows"},
    {"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) "
     "Version/17.6 Safari/605.1.15",
     "Safari, macOS"},
    {"Mozilla/5.0 (iPad; CPU OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
     "CriOS/128.0 Mobile/15E148 Safari/604.1",
     "Chrome, iPad"},
    {"Mozilla/5.0 (Linux; Android 14; SAMSUNG SM-S921B) AppleWebKit/537.36 (KHTML, like Gecko) "
     "SamsungBrowser/26.0 Chrome/122.0.0.0 Mobile Safari/537.36",
     "Samsung Internet, Android"},
    {"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) "
     "Chrome/128.0.0.0 Safari/537.36",
     "Chrome, ChromeOS"},
    {"<script>alert(1)</script> Firefox/1", "Firefox"},
    {"Windows", "Windows"},
};

static void test_browser_is_called_what_people_call_it(void **state)
{
    char label[SESSIONS_LABEL];

    (void)state;
    for (size_t i = 0; i < ELEMENTS(browsers); i++) {
        browser_label(browsers[i].agent, label);
        assert_string_equal(label, browsers[i].label);
    }
}

#define APP(test) cmocka_unit_test_setup_teardown(test, app_make, app_unmake)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_code_is_used_once),
        cmocka_unit_test(test_code_is_over_after_30_seconds_exactly),
        cmocka_unit_test(test_code_used_before_the_clock_went_back_stays_used),
        cmocka_unit_test(test_more_codes_than_can_be_known_are_refused_until_some_are_over),
        cmocka_unit_test(test_request_and_code_are_no_other),
        cmocka_unit_test(test_way_back_that_is_too_long_becomes_the_front_page),
        cmocka_unit_test(test_link_holds_its_value_encoded),
        APP(test_code_lets_in_once_and_only_where_it_belongs),
        APP(test_code_of_another_browser_lets_nobody_in),
        APP(test_code_lives_for_30_seconds),
        APP(test_code_of_an_earlier_process_lets_nobody_in),
        APP(test_host_that_is_not_listed_has_no_callback),
        APP(test_browser_that_keeps_nothing_goes_round_20_times),
        cmocka_unit_test(test_browser_is_called_what_people_call_it),
    };

    return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
