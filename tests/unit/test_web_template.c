/* Templates of pages: what is escaped where, what is refused when they are read, and what stays
   within its limits. */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cleanup.h"
#include "web/template-private.h"

/* The German catalogue of these tests. */
static const char *translation;

const char *__wrap_text(const char *language, const char *original);
const char *__wrap_text(const char *language, const char *original)
{
    return translation && strcmp(language, "de") == 0 ? translation : original;
}

struct told {
    unsigned faults, line;
    char problem[128], file[64];
};

static void tell(void *userdata, const char *file, unsigned line, const char *problem)
{
    struct told *told = userdata;

    if (told->faults++ > 0)
        return;
    told->line = line;
    snprintf(told->problem, sizeof told->problem, "%s", problem);
    snprintf(told->file, sizeof told->file, "%s", file);
}

static int make(const char *text, struct told *told, struct templates **ret)
{
    const struct source source[] = {
        {"page", text},
        {"part", "<b>{{value}}</b>"},
        {"itself", "{{> part}}"},
    };

    *told = (struct told){0};
    return templates_make(&(struct sources){source, ELEMENTS(source)}, tell, told, ret);
}

static void assert_says(const char *language, const char *text, struct view *view,
                        const char *expected)
{
    _cleanup_(templates_free_p) struct templates *t = NULL;
    _cleanup_free_ char *page = NULL;
    struct told told;
    size_t size;

    assert_int_equal(make(text, &told, &t), 0);
    assert_int_equal(templates_render(t, language, "page", view, &page, &size), 0);
    assert_string_equal(page, expected);
    assert_int_equal(size, strlen(page));
}

static void assert_value(const char *text, const char *value, const char *expected)
{
    _cleanup_(view_free_p) struct view *view = view_new();

    view_set(view, "value", value);
    assert_says("en", text, view, expected);
}

static void assert_refused(const char *text, unsigned line, const char *problem)
{
    struct templates *t = NULL;
    struct told told;

    assert_int_equal(make(text, &told, &t), -EINVAL);
    assert_null(t);
    assert_string_equal(told.file, "page");
    assert_int_equal(told.line, line);
    if (!strstr(told.problem, problem))
        fail_msg("%s: %s", text, told.problem);
}

static void test_values_are_escaped_in_text_and_attributes(void **state)
{
    static const char attack[] = "\"><script>alert('1')</script>&amp;\x01\x7f";
    static const char harmless[] =
        "&quot;&gt;&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&amp;amp;";
    static const char *const places[] = {
        "<p>%s</p>",
        "<title>%s</title>",
        "<textarea>%s</textarea>",
        "<p title=\"%s\">x</p>",
        "<p title='%s'>x</p>",
        "<input value=\"%s\" checked>",
        "<p title=\"a %s b\">x</p>",
        "<svg><text>%s</text></svg>",
    };

    (void)state;
    for (size_t i = 0; i < ELEMENTS(places); i++) {
        char text[256], expected[512];
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        snprintf(text, sizeof text, places[i], "{{value}}");
        snprintf(expected, sizeof expected, places[i], harmless);
#pragma GCC diagnostic pop
        assert_value(text, attack, expected);
    }
}

static void test_urls_lead_to_paths_and_known_schemes_only(void **state)
{
    static const char *const harmless[] = {
        "/",
        "/account?a=b",
        "https://example.org/x",
        "HTTP://example.org",
        "mailto:a@example.org",
        "tel:+49-30-1",
        "https://[::1]/",
    };
    static const char *const attacks[] = {
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        " javascript:alert(1)",
        "java\tscript:alert(1)",
        "\x01javascript:alert(1)",
        "data:text/html,x",
        "vbscript:x",
        "//example.com",
        "/\\example.com",
        "\\\\example.com",
        "/\texample",
        "https:example.com",
        "https:///example.com",
        "https://\\example.com",
        "example.com",
        "#x",
        "",
        "blob:x",
        "file:///etc/passwd",
        "/a b",
        "/\r\n/x",
        "/\x7f",
    };

    (void)state;
    for (size_t i = 0; i < ELEMENTS(harmless); i++) {
        char expected[256];

        snprintf(expected, sizeof expected, "<a href=\"%s\">x</a>", harmless[i]);
        assert_value("<a href=\"{{value}}\">x</a>", harmless[i], expected);
    }
    for (size_t i = 0; i < ELEMENTS(attacks); i++) {
        assert_value("<a href=\"{{value}}\">x</a>", attacks[i], "<a href=\"\">x</a>");
        assert_value("<form action='{{value}}'></form>", attacks[i], "<form action=''></form>");
        assert_value("<img src=\"{{value}}\">", attacks[i], "<img src=\"\">");
        assert_value("<button formaction=\"{{value}}\">", attacks[i], "<button formaction=\"\">");
    }
}

static void test_what_follows_an_urls_beginning_is_percent_encoded(void **state)
{
    (void)state;
    assert_value("<a href=\"/not-me/{{value}}\">x</a>", "a/../\"&é",
                 "<a href=\"/not-me/a%2F..%2F%22%26%C3%A9\">x</a>");
    assert_value("<a href=\"mailto:{{value}}\">x</a>", "a@example.org?bcc=b",
                 "<a href=\"mailto:a@example.org%3Fbcc%3Db\">x</a>");
    assert_value("<a href=\"/{{value}}\">x</a>", "/example.com",
                 "<a href=\"/%2Fexample.com\">x</a>");
    assert_value("<a href=\"#{{value}}\">x</a>", "mail", "<a href=\"#mail\">x</a>");
    assert_value("<a href=\"{{absent}}{{value}}\">x</a>", "javascript:x",
                 "<a href=\"javascript%3Ax\">x</a>");
}

static void test_places_that_cannot_be_escaped_are_refused(void **state)
{
    static const struct {
        const char *text, *problem;
    } cases[] = {
        {"<p title={{value}}>", "can't be escaped"},
        {"<p title=x>", "needs quotes"},
        {"<{{value}}>", "can't be escaped"},
        {"<p{{value}}>", "can't be escaped"},
        {"<p {{value}}>", "can't be escaped"},
        {"<p a{{value}}=\"\">", "can't be escaped"},
        {"</{{value}}>", "can't be escaped"},
        {"<script>{{value}}</script>", "can't be escaped"},
        {"<script>alert(1)</script>", "files of their own"},
        {"<style>p{}</style>", "element isn't had"},
        {"<iframe src=\"/x\"></iframe>", "element isn't had"},
        {"<BASE href=\"/x\">", "element isn't had"},
        {"<p onclick=\"x\">", "attribute isn't had"},
        {"<p ONCLICK=\"{{value}}\">", "attribute isn't had"},
        {"<p style=\"{{value}}\">", "attribute isn't had"},
        {"<p srcdoc=\"x\">", "attribute isn't had"},
        {"<meta content=\"{{value}}\">", "can't hold values"},
        {"<img srcset=\"{{value}}\">", "can't hold values"},
        {"<a href=\"javascript:{{value}}\">", "begins so"},
        {"<a href=\"//{{value}}\">", "begins so"},
        {"<a href=\"x{{value}}\">", "begins so"},
        {"<!-- {{value}} -->", "comments"},
        {"<!-- x -->", "comments"},
        {"<!DOCTYPE {{value}}>", "can't be escaped"},
        {"<title><b></title>", "no tag may stand here"},
        {"<title></p>", "another element ends"},
        {"1 < 2", "write &lt;"},
        {"<p", "doesn't end"},
        {"<p title=\"", "doesn't end"},
        {"<title>x", "doesn't end"},
        {"<p a=\"\"b=\"\">", "blank is missing"},
        {"x\x01", "control character"},
        {"<p {{{value}}}>", "text only"},
        {"<p title=\"{{{value}}}\">", "text only"},
    };

    (void)state;
    for (size_t i = 0; i < ELEMENTS(cases); i++)
        assert_refused(cases[i].text, 1, cases[i].problem);
}

static void test_problems_are_told_with_their_line(void **state)
{
    (void)state;
    assert_refused("a\n\n{{#x}}\n{{/y}}", 4, "another section");
    assert_refused("a\n{{Name}}", 2, "can't be a name");
    assert_refused("\n{{name", 2, "don't close");
    assert_refused("{{! a\nb }}\n{{> nowhere}}", 3, "no such file");
    assert_refused("{{_}}a\nb{{/_}}\n{{/x}}", 3, "another section");
    assert_refused("{{#x}}\n", 2, "doesn't end");
    assert_refused("{{_}}a", 1, "doesn't end");
}

static void test_sections_are_there_once_or_for_each_row(void **state)
{
    _cleanup_(view_free_p) struct view *view = view_new();
    struct view *row;

    (void)state;
    view_set(view, "name", "N");
    view_set(view, "empty", "");
    view_flag(view, "yes", true);
    view_flag(view, "no", false);
    view_markup(view, "picture", "<b>x</b>");
    row = view_row(view, "row");
    view_set(row, "name", "1");
    row = view_row(view, "row");
    view_set(row, "name", "");
    view_set(view_row(row, "inner"), "deep", "d");
    view_row(view, "row");
    assert_says("en", "{{#yes}}y{{/yes}}{{^yes}}-{{/yes}}{{#no}}-{{/no}}{{^no}}n{{/no}}", view,
                "yn");
    assert_says("en", "{{#empty}}-{{/empty}}{{^absent}}a{{/absent}}", view, "a");
    /* A row's empty value isn't the page's; one that it doesn't have is. */
    assert_says("en", "{{#row}}[{{name}}{{#inner}}({{deep}}{{name}}){{/inner}}]{{/row}}", view,
                "[1][(d)][N]");
    assert_says("en", "{{^row}}-{{/row}}{{^rows}}none{{/rows}}", view, "none");
    assert_says("en", "{{#picture}}{{{picture}}}{{/picture}}", view, "<b>x</b>");
}

static void test_markup_and_values_are_never_taken_for_each_other(void **state)
{
    _cleanup_(view_free_p) struct view *view = view_new();

    (void)state;
    view_set(view, "value", "<script>");
    view_markup(view, "markup", "<b>");
    assert_says("en", "[{{{value}}}][{{markup}}]", view, "[][]");
}

static void test_sections_stand_between_attributes_and_within_them(void **state)
{
    static const char text[] =
        "<input{{#value}} checked{{/value}} class=\"a{{#value}} b{{/value}}\""
        "{{#value}} title=\"{{value}}\"{{/value}}>";

    (void)state;
    assert_value(text, "1", "<input checked class=\"a b\" title=\"1\">");
    assert_value(text, "", "<input class=\"a\">");
    assert_refused("<p {{#x}}title=\"{{/x}}a\">", 1, "must end where it began");
    assert_refused("<p title=\"{{#x}}\"{{/x}}>", 1, "must end where it began");
    assert_refused("{{#x}}<p {{/x}}>", 1, "must end where it began");
    assert_refused("{{#x}}<title>{{/x}}</title>", 1, "must end where it began");
    assert_refused("<p title=\"{{#x}}\" lang=\"{{/x}}\">", 1, "must end where it began");
    assert_refused("<p title=\"{{#x}}\" title='{{/x}}'>", 1, "must end where it began");
    assert_refused("<p{{#x}} {{/x}}title=\"\">", 1, "blank is missing");
    assert_refused("<a href=\"{{#x}}/a{{/x}}{{value}}\">", 1, "must end where it began");
    assert_refused("<p on{{#x}}{{/x}}click=\"{{value}}\">", 1, "attribute isn't had");
    assert_refused("<p a{{#x}}{{/x}}b=\"{{value}}\">", 1, "blank is missing");
    assert_refused("</p{{#x}}{{/x}}>", 1, "can't begin or end here");
    assert_refused("<p{{#x}}{{/x}}q>", 1, "blank is missing");
    assert_refused("<style{{#x}}{{/x}}>", 1, "element isn't had");
    assert_refused("<{{#x}}{{/x}}p>", 1, "can't begin or end here");
}

static void test_texts_are_said_in_each_language(void **state)
{
    _cleanup_(view_free_p) struct view *view = view_new();

    (void)state;
    view_set(view, "value", "<7>");
    translation = "<a href=\"/x\">Hier</a> sind {{value}}.";
    assert_says("en", "{{_}}\n Here\n  are {{value}}. <a href=\"/x\">x</a> {{/_}}", view,
                "Here are &lt;7&gt;. <a href=\"/x\">x</a>");
    assert_says("de", "{{_}}Here are {{value}}. <a href=\"/x\">x</a>{{/_}}", view,
                "<a href=\"/x\">Hier</a> sind &lt;7&gt;.");
    translation = "Wert {{value}}";
    assert_says("de", "<p title=\"{{_}}Value {{value}}{{/_}}\">", view,
                "<p title=\"Wert &lt;7&gt;\">");
    assert_says("fr", "<p title=\"{{_}}Value {{value}}{{/_}}\">", view,
                "<p title=\"Value &lt;7&gt;\">");
    translation = NULL;
}

static void test_a_translation_with_other_names_or_tags_is_refused(void **state)
{
    static const struct {
        const char *original, *translation, *problem;
    } cases[] = {
        {"{{_}}a {{value}}{{/_}}", "b", "other names"},
        {"{{_}}a{{/_}}", "b {{value}}", "other names"},
        {"{{_}}a {{value}}{{/_}}", "b {{values}}", "other names"},
        {"{{_}}a <em>x</em>{{/_}}", "b <strong>x</strong>", "other names"},
        {"{{_}}a <a href=\"/x\">x</a>{{/_}}", "b <a href=\"//e\">x</a>", "other names"},
        {"{{_}}a{{/_}}", "b <script>", "tag can't be in a text"},
        {"{{_}}a{{/_}}", "b <img src=\"x\">", "tag can't be in a text"},
        {"{{_}}a <b>x</b>{{/_}}", "a <b>x</b>", "tag can't be in a text"},
        {"<p title=\"{{_}}a{{/_}}\">", "b\" onclick=\"", "can't have its quotes"},
        {"<p title=\"{{_}}a{{/_}}\">", "b<br>", "can't have tags here"},
        {"<title>{{_}}a <em>b</em>{{/_}}</title>", "a <em>b</em>", "can't have tags here"},
        {"<p {{_}}a{{/_}}>", "a", "can't stand here"},
        {"<a href=\"{{_}}a{{/_}}\">", "a", "can't stand here"},
        {"{{_}}{{#x}}a{{/x}}{{/_}}", NULL, "can't be a name"},
        {"{{_}} {{/_}}", NULL, "empty"},
    };

    (void)state;
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        translation = cases[i].translation;
        assert_refused(cases[i].original, 1, cases[i].problem);
    }
    translation = NULL;
}

static void test_files_are_put_into_text_and_not_into_themselves(void **state)
{
    const struct source own[] = {{"page", "{{> page}}"}};
    struct templates *t = NULL;
    struct told told = {0};

    (void)state;
    assert_value("[{{> part}}{{> itself}}]", "&", "[<b>&amp;</b><b>&amp;</b>]");
    assert_refused("<p {{> part}}>", 1, "text only");
    assert_refused("{{> ../part}}", 1, "can't be a file's name");
    assert_int_equal(templates_make(&(struct sources){own, 1}, tell, &told, &t), -EINVAL);
    assert_string_equal(told.problem, "files are nested too deep");
}

static void test_sections_are_nested_up_to_their_limit(void **state)
{
    char text[512] = "";

    (void)state;
    for (size_t i = 0; i < TEMPLATE_DEPTH_MAX; i++)
        strcat(text, "{{#value}}");
    strcat(text, "x");
    for (size_t i = 0; i < TEMPLATE_DEPTH_MAX; i++)
        strcat(text, "{{/value}}");
    assert_value(text, "1", "x");
    strcat(text, "{{#value}}");
    memmove(text + strlen("{{#value}}"), text, strlen(text) + 1);
    memcpy(text, "{{#value}}", strlen("{{#value}}"));
    assert_refused(text, 1, "nested too deep");
}

static void test_pages_are_rendered_up_to_their_limits(void **state)
{
    _cleanup_(templates_free_p) struct templates *t = NULL;
    _cleanup_(view_free_p) struct view *view = view_new();
    char *page = (char *)&page, long_value[1024];
    struct told told;
    size_t size = 7;

    (void)state;
    memset(long_value, 'x', sizeof long_value - 1);
    long_value[sizeof long_value - 1] = '\0';
    for (size_t i = 0; i < 513; i++)
        view_row(view, "row");
    view_set(view, "value", long_value);
    assert_int_equal(make("{{#row}}{{value}}{{/row}}", &told, &t), 0);
    assert_int_equal(templates_render(t, "en", "page", view, &page, &size), -EMSGSIZE);
    assert_int_equal(templates_render(t, "en", "nowhere", view, &page, &size), -ENOENT);
    assert_int_equal(templates_render(t, "en", "page", NULL, &page, &size), -ENOMEM);
    assert_ptr_equal(page, &page);
    assert_int_equal(size, 7);
    /* Rows within rows say nothing, but take their time. */
    templates_free(TAKE(t));
    assert_int_equal(make("{{#row}}{{#row}}{{#row}}{{/row}}{{/row}}{{/row}}", &told, &t), 0);
    assert_int_equal(templates_render(t, "en", "page", view, &page, &size), -EMSGSIZE);
}

static void test_days_are_said_in_words(void **state)
{
    _cleanup_(view_free_p) struct view *view = view_new();

    (void)state;
    view_day(view, "day", "de", 1795352400);
    view_time(view, "time", "en", 1795352400);
    view_day(view, "never", "en", 0);
    view_format(view, "number", "%d & %s", 3, "more");
    assert_says("en", "{{day}}|{{time}}|{{never}}|{{number}}", view,
                "22. November 2026|22 November 2026, 14:00||3 &amp; more");
}

static void test_the_shipped_templates_are_right(void **state)
{
    _cleanup_(templates_free_p) struct templates *t = NULL;
    char directory[4096];

    (void)state;
    snprintf(directory, sizeof directory, "%s/config/web", SOURCE_DIR);
    assert_int_equal(templates_load(directory, &t), 0);
    assert_int_equal(templates_load("/nowhere", &t), -ENOENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values_are_escaped_in_text_and_attributes),
        cmocka_unit_test(test_urls_lead_to_paths_and_known_schemes_only),
        cmocka_unit_test(test_what_follows_an_urls_beginning_is_percent_encoded),
        cmocka_unit_test(test_places_that_cannot_be_escaped_are_refused),
        cmocka_unit_test(test_problems_are_told_with_their_line),
        cmocka_unit_test(test_sections_are_there_once_or_for_each_row),
        cmocka_unit_test(test_markup_and_values_are_never_taken_for_each_other),
        cmocka_unit_test(test_sections_stand_between_attributes_and_within_them),
        cmocka_unit_test(test_texts_are_said_in_each_language),
        cmocka_unit_test(test_a_translation_with_other_names_or_tags_is_refused),
        cmocka_unit_test(test_files_are_put_into_text_and_not_into_themselves),
        cmocka_unit_test(test_sections_are_nested_up_to_their_limit),
        cmocka_unit_test(test_pages_are_rendered_up_to_their_limits),
        cmocka_unit_test(test_days_are_said_in_words),
        cmocka_unit_test(test_the_shipped_templates_are_right),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
