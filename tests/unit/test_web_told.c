/* What portald tells in JSON, and views, which it ends up in: whatever comes, a page comes out. */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <time.h>

#include <cmocka.h>

#include "cleanup.h"
#include "client.h"
#include "web/profile.h"
#include "web/site.h"
#include "web/view-private.h"
#include "web_visit.h"

/* portald's answer from here on; NULL: it can't be asked. */
static const char *told;
static enum wire_type told_as = WIRE_REPORT;
static unsigned asked;

int __wrap_client_call(const struct client_target *target, const struct wire_writer *request,
                       struct client_reply *ret);
int __wrap_client_call(const struct client_target *target, const struct wire_writer *request,
                       struct client_reply *ret)
{
    struct wire_writer w = {0};

    assert_string_equal(target->socket, "web.sock");
    assert_true(request->size > 0);
    asked++;
    if (!told)
        return -ECONNREFUSED;
    wire_begin(&w, told_as);
    if (told_as == WIRE_VERDICT)
        wire_put_u8(&w, WIRE_VERDICT_CODE, WIRE_OK);
    wire_put(&w, WIRE_JSON, told, strlen(told));
    assert_int_equal(wire_end(&w), 0);
    ret->data = w.data;
    ret->size = w.size;
    return wire_parse(ret->data, ret->size, &ret->frame);
}

static int told_make(void **state)
{
    struct visit *v;

    if (visit_make(state) < 0)
        return -1;
    v = *state;
    told = NULL;
    told_as = WIRE_REPORT;
    asked = 0;
    return site_new(&v->web.site);
}

static int told_unmake(void **state)
{
    struct visit *v = *state;

    site_free(v->web.site);
    return visit_unmake(state);
}

#define TEXTS                                                                                      \
    "\"company\": \"B\", \"support\": \"S\", \"privacy\": {\"version\": \"1\", \"text\": \"P\"},"  \
    " \"terms\": {\"version\": \"2\", \"text\": \"T\"}, "
#define PASSWORD_RULE "\"password\": {\"least\": 12, \"most\": 256}, "
#define SITE_END      "\"code_minutes\": 10, \"initial_days\": 30, \"session_seconds\": 43200}"
#define SITE_GOOD     "{" TEXTS PASSWORD_RULE "\"link_hours\": 48, " SITE_END

static void test_site_is_asked_for_once(void **state)
{
    struct visit *v = *state;

    told = SITE_GOOD;
    for (int i = 0; i < 3; i++) {
        _cleanup_(site_facts_free_p) struct site_facts *facts = NULL;

        assert_int_equal(site_get(&v->web, &v->request, &facts), 0);
        assert_string_equal(facts->company, "B");
        assert_string_equal(facts->terms.version, "2");
        assert_int_equal(facts->link_hours, 48);
        assert_int_equal(facts->password_most, 256);
        told = NULL;
    }
    assert_int_equal(asked, 1);
}

static const char *const hostile[] = {
    "",
    "{",
    "null",
    "[]",
    "7",
    "\"text\"",
    "{}",
    SITE_GOOD "x",
    "{" TEXTS PASSWORD_RULE SITE_END,                            /* one is missing */
    "{" TEXTS PASSWORD_RULE "\"link_hours\": \"48\", " SITE_END, /* a text */
    "{" TEXTS PASSWORD_RULE "\"link_hours\": 4.8, " SITE_END,    /* no whole number */
    "{" TEXTS PASSWORD_RULE "\"link_hours\": null, " SITE_END,
    "{" TEXTS PASSWORD_RULE "\"link_hours\": 99999999999999999999, " SITE_END,
    "{" TEXTS "\"password\": [12, 256], \"link_hours\": 48, " SITE_END,
    "{" TEXTS "\"password\": {\"least\": 12}, \"link_hours\": 48, " SITE_END,
    "{\"company\": \"\\u0000\", \"support\": 1}",
    "{\"company\": \"\xff\"}",
};

static void test_site_that_is_not_understood_is_none(void **state)
{
    struct visit *v = *state;

    for (size_t i = 0; i < ELEMENTS(hostile); i++) {
        struct site_facts *facts = NULL;

        site_free(v->web.site);
        assert_int_equal(site_new(&v->web.site), 0);
        told = hostile[i];
        if (site_get(&v->web, &v->request, &facts) != -EPROTO)
            fail_msg("%s", told);
        assert_null(facts);
    }
    assert_int_equal(asked, ELEMENTS(hostile));
}

static void test_portald_that_is_away_is_not_asked_by_every_page(void **state)
{
    struct visit *v = *state;
    struct site_facts *facts = NULL;

    assert_true(site_get(&v->web, &v->request, &facts) < 0);
    assert_true(site_get(&v->web, &v->request, &facts) < 0);
    assert_null(facts);
    assert_int_equal(asked, 1);
}

static void test_site_that_nests_too_deep_is_none(void **state)
{
    static char deep[60001];
    struct visit *v = *state;

    memset(deep, '[', sizeof deep - 1);
    told = deep;
    assert_int_equal(site_get(&v->web, &v->request, &(struct site_facts *){NULL}), -EPROTO);
}

/* A page for each of them, in a session. */
static bool get_profile(struct visit *v, struct profile *ret)
{
    response_clear(&v->response);
    v->request.session_status = SESSION_GOOD;
    v->request.session.state_size = 3;
    return profile_get(&v->web, &v->request, &v->response, ret);
}

static void test_profile_of_wrong_types_is_empty(void **state)
{
    static const char *const profiles[] = {
        "{}",
        "[]",
        "[{\"mail\": \"a@b.example\"}]",
        "{\"mail\": 7, \"totp\": 1, \"last_login\": \"now\"}",
        "{\"mail\": null, \"totp\": \"true\", \"last_login\": null}",
        "{\"mail\": [\"a\"], \"totp\": {}, \"last_login\": 1.5}",
        "{\"mail\": {\"mail\": \"a\"}, \"totp\": [true], \"last_login\": true}",
    };
    struct visit *v = *state;

    told_as = WIRE_VERDICT;
    for (size_t i = 0; i < ELEMENTS(profiles); i++) {
        _cleanup_(profile_clear) struct profile profile = {0};

        told = profiles[i];
        assert_true(get_profile(v, &profile));
        assert_string_equal(profile_string(&profile, "mail"), "");
        assert_false(profile_flag(&profile, "totp"));
        assert_true(profile_time(&profile, "last_login") == 0);
    }
}

static void test_profile_is_read_as_it_was_told(void **state)
{
    _cleanup_(profile_clear) struct profile profile = {0};
    struct visit *v = *state;

    told_as = WIRE_VERDICT;
    told = "{\"mail\": \"a@b.example\", \"totp\": true, \"last_login\": 1800000000}";
    assert_true(get_profile(v, &profile));
    assert_string_equal(profile_string(&profile, "mail"), "a@b.example");
    assert_true(profile_flag(&profile, "totp"));
    assert_true(profile_time(&profile, "last_login") == 1800000000);
}

static void test_value_is_there_unless_it_is_empty(void **state)
{
    _cleanup_(view_free_p) struct view *view = view_new();

    (void)state;
    assert_null(view_value(view, "a", false));
    view_set(view, "a", "first");
    view_set(view, "a", "<second>");
    view_set(view, "none", NULL);
    view_flag(view, "yes", true);
    view_flag(view, "no", false);
    view_format(view, "format", "%d of %s", 3, "four");
    assert_string_equal(view_value(view, "a", false), "<second>");
    assert_string_equal(view_value(view, "none", false), "");
    assert_string_equal(view_value(view, "yes", false), "1");
    assert_string_equal(view_value(view, "no", false), "");
    assert_string_equal(view_value(view, "format", false), "3 of four");
    assert_int_equal(view_error(view), 0);
}

static void test_text_is_no_markup_and_markup_no_text(void **state)
{
    _cleanup_(view_free_p) struct view *view = view_new();

    (void)state;
    view_set(view, "text", "<b>");
    view_markup(view, "svg", "<svg>");
    assert_string_equal(view_value(view, "text", true), "");
    assert_string_equal(view_value(view, "svg", false), "");
    assert_string_equal(view_value(view, "svg", true), "<svg>");
    view_set(view, "svg", "<text>"); /* what was markup isn't any more */
    assert_string_equal(view_value(view, "svg", true), "");
}

static void test_rows_come_in_their_order(void **state)
{
    _cleanup_(view_free_p) struct view *view = view_new();
    const struct view *row;
    char number[16];

    (void)state;
    for (int i = 0; i < 3; i++)
        view_format(view_row(view, "list"), "n", "%d", i);
    view_set(view_row(view, "other"), "n", "x");
    row = view_first(view, "list");
    for (int i = 0; i < 3; i++, row = view_next(row)) {
        snprintf(number, sizeof number, "%d", i);
        assert_string_equal(view_value(row, "n", false), number);
    }
    assert_null(row);
    assert_null(view_first(view, "none"));
}

static void test_view_that_is_not_there_takes_everything(void **state)
{
    (void)state;
    view_set(NULL, "a", "b");
    view_format(NULL, "a", "%s", "b");
    view_flag(NULL, "a", true);
    view_day(NULL, "a", "de", 1);
    view_time(NULL, "a", "de", 1);
    view_markup(NULL, "a", "b");
    assert_null(view_row(NULL, "list"));
    assert_int_equal(view_error(NULL), -ENOMEM);
    view_free(NULL);
}

static void test_times_are_said_in_words_and_no_time_not_at_all(void **state)
{
    static const time_t odd[] = {-1, INT64_MIN, INT64_MAX, (time_t)1 << 40, -((time_t)1 << 40)};
    _cleanup_(view_free_p) struct view *view = view_new();

    (void)state;
    setenv("TZ", "UTC", 1);
    tzset();
    view_day(view, "day", "en", 1800000000);
    view_time(view, "time", "en", 1800000000);
    view_day(view, "no day", "en", 0);
    view_time(view, "no time", "en", 0);
    assert_string_equal(view_value(view, "day", false), "15 January 2027");
    assert_non_null(strstr(view_value(view, "time", false), "15 January 2027"));
    assert_string_equal(view_value(view, "no day", false), "");
    assert_string_equal(view_value(view, "no time", false), "");
    for (size_t i = 0; i < ELEMENTS(odd); i++) { /* portald wouldn't, but nothing breaks */
        view_day(view, "day", "de", odd[i]);
        view_time(view, "time", "de", odd[i]);
        assert_true(strlen(view_value(view, "day", false)) < 64);
        assert_true(strlen(view_value(view, "time", false)) < 64);
    }
}

#define TOLD(test) cmocka_unit_test_setup_teardown(test, told_make, told_unmake)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TOLD(test_site_is_asked_for_once),
        TOLD(test_site_that_is_not_understood_is_none),
        TOLD(test_portald_that_is_away_is_not_asked_by_every_page),
        TOLD(test_site_that_nests_too_deep_is_none),
        TOLD(test_profile_of_wrong_types_is_empty),
        TOLD(test_profile_is_read_as_it_was_told),
        cmocka_unit_test(test_value_is_there_unless_it_is_empty),
        cmocka_unit_test(test_text_is_no_markup_and_markup_no_text),
        cmocka_unit_test(test_rows_come_in_their_order),
        cmocka_unit_test(test_view_that_is_not_there_takes_everything),
        cmocka_unit_test(test_times_are_said_in_words_and_no_time_not_at_all),
    };

    return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
