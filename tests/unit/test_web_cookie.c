/* Cookies, and the form tokens that hang on them. */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "cleanup.h"
#include "web/token.h"
#include "web_visit.h"

#define HOST_STEP "__Host-" COOKIE_STEP
#define HOST_FORM "__Host-" COOKIE_FORM
#define CONTENT   "what it holds"

static void sealed(struct visit *v, char ret[static VISIT_TEXT])
{
    assert_int_equal(cookie_set(&v->web, &v->response, COOKIE_STEP, CONTENT, sizeof CONTENT, 0), 0);
    assert_non_null(visit_set_cookie(v, HOST_STEP, ret, VISIT_TEXT));
}

static int try(struct visit *v, const char *name, const char *text)
{
    uint8_t content[COOKIE_VALUE_MAX];
    size_t size = 0;
    int r = cookie_open(v->keys.cookie, name, text, content, sizeof content, &size);

    if (r == 0) {
        assert_int_equal(size, sizeof CONTENT);
        assert_memory_equal(content, CONTENT, size);
    }
    return r;
}

static void test_cookie_comes_back_as_it_went(void **state)
{
    struct visit *v = *state;
    uint8_t content[COOKIE_VALUE_MAX];
    char text[VISIT_TEXT];
    size_t size = 0;

    sealed(v, text);
    assert_null(strstr(text, CONTENT));
    assert_int_equal(try(v, HOST_STEP, text), 0);
    visit_keep(v, HOST_STEP);
    assert_int_equal(cookie_get(&v->web, &v->request, COOKIE_STEP, content, sizeof content, &size),
                     0);
    assert_string_equal((char *)content, CONTENT);
    assert_int_equal(cookie_get(&v->web, &v->request, COOKIE_FORM, content, sizeof content, &size),
                     -ENOENT);
}

static void test_cookie_cannot_pass_for_another(void **state)
{
    struct visit *v = *state;
    char text[VISIT_TEXT];

    sealed(v, text);
    assert_int_equal(try(v, "__Host-" COOKIE_SESSION, text), -EBADMSG);
    assert_int_equal(try(v, COOKIE_STEP, text), -EBADMSG);
    assert_int_equal(try(v, "", text), -EBADMSG);
}

static void test_cookie_of_another_key_is_not_ours(void **state)
{
    struct visit *v = *state;
    char text[VISIT_TEXT];

    sealed(v, text);
    v->keys.cookie[31] ^= 1;
    assert_int_equal(try(v, HOST_STEP, text), -EBADMSG);
}

static void test_cookie_with_one_bit_changed_is_not_ours(void **state)
{
    const int variant = sodium_base64_VARIANT_URLSAFE_NO_PADDING;
    struct visit *v = *state;
    char text[VISIT_TEXT], changed[VISIT_TEXT];
    uint8_t bytes[VISIT_TEXT];
    size_t size;

    sealed(v, text);
    assert_int_equal(
        sodium_base642bin(bytes, sizeof bytes, text, strlen(text), NULL, &size, NULL, variant), 0);
    for (size_t bit = 0; bit < size * 8; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        sodium_bin2base64(changed, sizeof changed, bytes, size, variant);
        assert_int_equal(try(v, HOST_STEP, changed), -EBADMSG);
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    for (size_t length = 0; length < size; length++) {
        sodium_bin2base64(changed, sizeof changed, bytes, length, variant);
        assert_int_equal(try(v, HOST_STEP, changed), -EBADMSG);
    }
}

static void test_cookie_that_is_no_base64_is_not_ours(void **state)
{
    static const char *const endings[] = {"=", "A", " ", "\n", "+", "/", "\xc3\xa4"};
    struct visit *v = *state;
    char text[VISIT_TEXT], changed[VISIT_TEXT + 8];

    sealed(v, text);
    for (size_t i = 0; i < ELEMENTS(endings); i++) {
        snprintf(changed, sizeof changed, "%s%s", text, endings[i]);
        assert_int_equal(try(v, HOST_STEP, changed), -EBADMSG);
        snprintf(changed, sizeof changed, "%s%s", endings[i], text);
        assert_int_equal(try(v, HOST_STEP, changed), -EBADMSG);
    }
    memset(changed, 'A', sizeof changed - 1);
    changed[sizeof changed - 1] = '\0';
    assert_int_equal(try(v, HOST_STEP, changed), -EBADMSG);
    assert_int_equal(try(v, HOST_STEP, ""), -EBADMSG);
}

static void test_cookie_holds_2048_bytes_and_no_more(void **state)
{
    static const uint8_t most[COOKIE_VALUE_MAX + 1];
    struct visit *v = *state;
    uint8_t content[COOKIE_VALUE_MAX];
    size_t size = 0;

    assert_int_equal(cookie_set(&v->web, &v->response, COOKIE_STEP, most, sizeof most, 0),
                     -EMSGSIZE);
    assert_int_equal(v->response.headers, 0);
    assert_int_equal(cookie_set(&v->web, &v->response, COOKIE_STEP, most, sizeof most - 1, 0), 0);
    assert_true(strlen(v->response.header[0].value) < 4096);
    visit_keep(v, HOST_STEP);
    assert_int_equal(cookie_get(&v->web, &v->request, COOKIE_STEP, content, 10, &size), -EBADMSG);
    assert_int_equal(cookie_get(&v->web, &v->request, COOKIE_STEP, content, sizeof content, &size),
                     0);
    assert_int_equal(size, sizeof content);
}

static void test_cookie_is_kept_from_scripts_other_sites_and_plain_http(void **state)
{
    static char loopback[] = "http://127.0.0.1:8080";
    struct visit *v = *state;

    cookie_set_plain(&v->web, &v->response, COOKIE_LANGUAGE, "de", 60);
    assert_string_equal(
        v->response.header[0].value,
        "__Host-portal-language=de; Path=/; Max-Age=60; HttpOnly; SameSite=Lax; Secure");
    v->settings.base_url = loopback;
    cookie_set_plain(&v->web, &v->response, COOKIE_LANGUAGE, "de", 0);
    assert_string_equal(v->response.header[1].value,
                        "portal-language=de; Path=/; HttpOnly; SameSite=Lax");
}

static void test_later_cookie_takes_the_place_of_an_earlier_one(void **state)
{
    struct visit *v = *state;

    cookie_set_plain(&v->web, &v->response, "portal-lang", "first", 0);
    cookie_set_plain(&v->web, &v->response, COOKIE_LANGUAGE, "de", 0);
    response_header(&v->response, "Vary", "__Host-portal-language=x");
    cookie_clear(&v->web, &v->response, COOKIE_LANGUAGE);
    assert_int_equal(v->response.headers, 3);
    assert_non_null(strstr(v->response.header[0].value, "=first;"));
    assert_string_equal(v->response.header[1].name, "Vary");
    assert_string_equal(
        v->response.header[2].value,
        "__Host-portal-language=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax; Secure");
}

static void test_name_of_a_cookie_has_its_case(void **state)
{
    struct visit *v = *state;

    visit_send(v, MHD_COOKIE_KIND, "__host-portal-language", "en");
    visit_send(v, MHD_COOKIE_KIND, "__HOST-PORTAL-LANGUAGE", "en");
    assert_null(cookie_get_plain(&v->web, &v->request, COOKIE_LANGUAGE));
    visit_send(v, MHD_COOKIE_KIND, "__Host-portal-language", "de");
    assert_string_equal(cookie_get_plain(&v->web, &v->request, COOKIE_LANGUAGE), "de");
    visit_send(v, MHD_COOKIE_KIND, "__Host-portal-language", "en"); /* which one is ours? */
    assert_null(cookie_get_plain(&v->web, &v->request, COOKIE_LANGUAGE));
    visit_send(v, MHD_HEADER_KIND, "uSER-aGENT", "any");
    assert_string_equal(request_header(&v->request, "User-Agent"), "any");
}

static void test_value_with_control_characters_is_none(void **state)
{
    struct visit *v = *state;

    visit_send(v, MHD_HEADER_KIND, "A", "a\tb");
    visit_send(v, MHD_HEADER_KIND, "B", "a\x7f");
    visit_send(v, MHD_HEADER_KIND, "C", "");
    assert_null(request_header(&v->request, "A"));
    assert_null(request_header(&v->request, "B"));
    assert_string_equal(request_header(&v->request, "C"), "");
}

static void post_token(struct visit *v, const char *token)
{
    visit_forget_fields(&v->request.form);
    visit_field(&v->request.form, "token", token);
}

static void make_token(struct visit *v, char ret[static TOKEN_SIZE])
{
    assert_int_equal(token_make(&v->web, &v->request, &v->response, ret), 0);
}

static void log_in(struct visit *v, uint8_t id)
{
    v->request.session_status = SESSION_GOOD;
    memset(v->request.session.id, id, sizeof v->request.session.id);
}

static void test_token_before_login_hangs_on_its_cookie(void **state)
{
    struct visit *v = *state;
    char token[TOKEN_SIZE], again[TOKEN_SIZE];

    make_token(v, token);
    post_token(v, token);
    assert_false(token_check(&v->web, &v->request)); /* the cookie didn't come along */
    visit_keep(v, HOST_FORM);
    assert_true(token_check(&v->web, &v->request));
    make_token(v, again);
    assert_string_equal(token, again);
    assert_int_equal(v->response.headers, 0);
    v->values = 0;
    make_token(v, again);
    visit_keep(v, HOST_FORM);
    assert_false(token_check(&v->web, &v->request)); /* another browser's */
    post_token(v, again);
    assert_true(token_check(&v->web, &v->request));
}

static void test_token_after_login_hangs_on_the_session(void **state)
{
    struct visit *v = *state;
    char before[TOKEN_SIZE], after[TOKEN_SIZE];

    make_token(v, before);
    visit_keep(v, HOST_FORM);
    log_in(v, 7);
    make_token(v, after);
    assert_int_equal(v->response.headers, 0);
    post_token(v, before);
    assert_false(token_check(&v->web, &v->request));
    post_token(v, after);
    assert_true(token_check(&v->web, &v->request));
    log_in(v, 8);
    assert_false(token_check(&v->web, &v->request));
    v->request.session_status = SESSION_IDLE;
    assert_false(token_check(&v->web, &v->request));
}

static void test_token_of_a_form_is_none_of_a_session(void **state)
{
    static const uint8_t seed[32] = {5};
    struct visit *v = *state;
    char form[TOKEN_SIZE], session[TOKEN_SIZE];

    cookie_set(&v->web, &v->response, COOKIE_FORM, seed, SESSION_ID, 0);
    visit_keep(v, HOST_FORM); /* as long as a session's id is no seed */
    log_in(v, 0);
    memcpy(v->request.session.id, seed, SESSION_ID);
    make_token(v, session);
    v->request.session_status = SESSION_NONE;
    post_token(v, session);
    assert_false(token_check(&v->web, &v->request));
    make_token(v, form);
    assert_string_not_equal(form, session);
}

static void test_token_is_whole_or_wrong(void **state)
{
    struct visit *v = *state;
    char token[TOKEN_SIZE], changed[TOKEN_SIZE + 1];

    log_in(v, 7);
    make_token(v, token);
    assert_false(token_check(&v->web, &v->request));
    for (size_t i = 0; i < TOKEN_SIZE - 1; i++) {
        strcpy(changed, token);
        changed[i] = changed[i] == 'A' ? 'B' : 'A';
        post_token(v, changed);
        assert_false(token_check(&v->web, &v->request));
    }
    snprintf(changed, sizeof changed, "%sA", token);
    post_token(v, changed);
    assert_false(token_check(&v->web, &v->request));
    post_token(v, "");
    assert_false(token_check(&v->web, &v->request));
    v->keys.form[0] ^= 1;
    post_token(v, token);
    assert_false(token_check(&v->web, &v->request));
}

static const struct {
    const char *base, *origin, *site;
    bool good;
} senders[] = {
    {visit_base, NULL, NULL, true},
    {visit_base, "null", NULL, true},
    {visit_base, "null", "same-origin", true},
    {visit_base, "null", "none", true},
    {visit_base, "null", "cross-site", false},
    {visit_base, "null", "same-site", false},
    {visit_base, NULL, "cross-site", false},
    {visit_base, NULL, "same-origin", true},
    {visit_base, NULL, "SAME-ORIGIN", false},
    {visit_base, NULL, "", false},
    {visit_base, "", NULL, false},
    {visit_base, "https://konto.example.org", NULL, true},
    {visit_base, "https://KONTO.example.org", "same-origin", true},
    {visit_base, "https://konto.example.org", "cross-site", false},
    {visit_base, "https://konto.example.org/", NULL, false},
    {visit_base, "https://konto.example.org:443", NULL, false}, /* browsers leave it out */
    {visit_base, "https://konto.example.org:8443", NULL, false},
    {visit_base, "http://konto.example.org", NULL, false},
    {visit_base, "https://konto.example.org.evil.example", NULL, false},
    {visit_base, "https://konto.example.or", NULL, false},
    {visit_base, "https://app.example.org", NULL, false},
    {visit_base, "https://evil.example", "same-origin", false},
    {"https://konto.example.org:443", "https://konto.example.org", NULL, true},
    {"https://konto.example.org:8443", "https://konto.example.org:8443", NULL, true},
    {"https://konto.example.org:8443", "https://konto.example.org", NULL, false},
    {"http://127.0.0.1:80", "http://127.0.0.1", NULL, true},
    {"http://127.0.0.1:8080", "http://127.0.0.1:8080", NULL, true},
};

static void test_form_of_another_site_is_known_by_its_headers(void **state)
{
    (void)state;
    for (size_t i = 0; i < ELEMENTS(senders); i++) {
        char base[64];
        struct settings settings = {.base_url = base};

        snprintf(base, sizeof base, "%s", senders[i].base);
        if (token_origin(&settings, senders[i].origin, senders[i].site) != senders[i].good)
            fail_msg("%s %s %s", base, senders[i].origin, senders[i].site);
    }
}

static void test_good_token_from_another_site_is_refused(void **state)
{
    struct visit *v = *state;
    char token[TOKEN_SIZE];

    log_in(v, 7);
    make_token(v, token);
    post_token(v, token);
    visit_send(v, MHD_HEADER_KIND, "Origin", "https://evil.example");
    assert_false(token_check(&v->web, &v->request));
    v->values = 0;
    visit_send(v, MHD_HEADER_KIND, "Sec-Fetch-Site", "cross-site");
    assert_false(token_check(&v->web, &v->request));
    v->values = 0;
    assert_true(token_check(&v->web, &v->request));
}

#define VISIT(test) cmocka_unit_test_setup_teardown(test, visit_make, visit_unmake)

int main(void)
{
    const struct CMUnitTest tests[] = {
        VISIT(test_cookie_comes_back_as_it_went),
        VISIT(test_cookie_cannot_pass_for_another),
        VISIT(test_cookie_of_another_key_is_not_ours),
        VISIT(test_cookie_with_one_bit_changed_is_not_ours),
        VISIT(test_cookie_that_is_no_base64_is_not_ours),
        VISIT(test_cookie_holds_2048_bytes_and_no_more),
        VISIT(test_cookie_is_kept_from_scripts_other_sites_and_plain_http),
        VISIT(test_later_cookie_takes_the_place_of_an_earlier_one),
        VISIT(test_name_of_a_cookie_has_its_case),
        VISIT(test_value_with_control_characters_is_none),
        VISIT(test_token_before_login_hangs_on_its_cookie),
        VISIT(test_token_after_login_hangs_on_the_session),
        VISIT(test_token_of_a_form_is_none_of_a_session),
        VISIT(test_token_is_whole_or_wrong),
        VISIT(test_form_of_another_site_is_known_by_its_headers),
        VISIT(test_good_token_from_another_site_is_refused),
    };

    return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
