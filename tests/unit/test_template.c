/* Templates: what is replaced, what is escaped, and what is refused before any mail is made. */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "cleanup.h"
#include "portald/template.h"

static int parse(const char *text, enum template_form form, uint32_t allowed,
                 char problem[static 200], struct template **ret)
{
    problem[0] = '\0';
    return template_parse(text, strlen(text), form, allowed, problem, 200, ret);
}

static void assert_renders(const char *text, enum template_form form, const char *const *values,
                           const char *expected)
{
    _cleanup_(template_free_p) struct template *t = NULL;
    _cleanup_free_ char *rendered = NULL;
    char problem[200];

    assert_int_equal(parse(text, form, TEMPLATE_ALL, problem, &t), 0);
    assert_int_equal(template_render(t, values, &rendered), 0);
    assert_string_equal(rendered, expected);
}

static void test_names_are_replaced_by_values(void **state)
{
    const char *values[TEMPLATE_NAMES] = {[TEMPLATE_COMPANY] = "Muster AG",
                                          [TEMPLATE_HOURS] = "48",
                                          [TEMPLATE_NAME] = "{{company}} {{nonsense}}"};

    (void)state;
    assert_renders("", TEMPLATE_TEXT, values, "");
    assert_renders("plain { } }} text", TEMPLATE_TEXT, values, "plain { } }} text");
    assert_renders("{{company}}", TEMPLATE_TEXT, values, "Muster AG");
    assert_renders("a{{company}}{{hours}}b\n", TEMPLATE_TEXT, values, "aMuster AG48b\n");
    assert_renders("[{{support}}]", TEMPLATE_TEXT, values, "[]");
    /* What comes out of a value is not looked at again. */
    assert_renders("{{name}}", TEMPLATE_TEXT, values, "{{company}} {{nonsense}}");
}

static void test_values_are_escaped_in_html_and_only_there(void **state)
{
    const char *values[TEMPLATE_NAMES] = {[TEMPLATE_NAME] = "<b>\"O'Neill\" & Söhne</b>"};

    (void)state;
    assert_renders("<p>{{name}}</p>", TEMPLATE_HTML, values,
                   "<p>&lt;b&gt;&quot;O&#39;Neill&quot; &amp; Söhne&lt;/b&gt;</p>");
    assert_renders("{{name}}", TEMPLATE_TEXT, values, "<b>\"O'Neill\" & Söhne</b>");
}

static void test_no_value_makes_a_line_of_its_own(void **state)
{
    const char *values[TEMPLATE_NAMES] = {[TEMPLATE_NAME] = "Erika\r\nBcc: x\tund\x7f\x1b"};

    (void)state;
    assert_renders("{{name}}", TEMPLATE_TEXT, values, "Erika  Bcc: x und  ");
    assert_renders("{{name}}", TEMPLATE_HTML, values, "Erika  Bcc: x und  ");
}

static void test_a_body_stands_in_its_frame_as_it_is(void **state)
{
    const char *values[TEMPLATE_NAMES] = {
        [TEMPLATE_BODY] = "<p>{{company}}\n&amp;</p>", [TEMPLATE_TITLE] = "a < b"};

    (void)state;
    assert_renders("<b>{{body}}</b>", TEMPLATE_HTML, values, "<b><p>{{company}}\n&amp;</p></b>");
    assert_renders("{{title}}:\n{{body}}", TEMPLATE_HTML, values,
                   "a &lt; b:\n<p>{{company}}\n&amp;</p>");
}

static void test_a_template_says_which_names_it_has(void **state)
{
    _cleanup_(template_free_p) struct template *t = NULL;
    char problem[200];

    (void)state;
    assert_int_equal(parse("a {{body}} b", TEMPLATE_TEXT, TEMPLATE_ALL, problem, &t), 0);
    assert_true(template_has(t, TEMPLATE_BODY));
    assert_false(template_has(t, TEMPLATE_TITLE));
}

static void test_mistakes_are_found_when_parsing_and_named_with_their_line(void **state)
{
    static const struct {
        const char *text, *problem;
    } cases[] = {
        {"a\nb {{nonsense}}", "line 2: {{nonsense}} is unknown"},
        {"{{Company}}", "line 1: {{Company}} is unknown"},
        {"{{ company }}", "line 1: {{ company }} is unknown"},
        {"{{}}", "line 1: {{}} is unknown"},
        {"\n\n{{company", "line 3: \"{{\" without \"}}\""},
        {"{{company}", "line 1: \"{{\" without \"}}\""},
        {"{{link}}", "line 1: {{link}} is not to be had in this mail"},
        {"a\xff", "it isn't UTF-8 text"},
    };

    (void)state;
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        struct template *t = NULL;
        char problem[200];

        assert_int_equal(parse(cases[i].text, TEMPLATE_TEXT,
                               TEMPLATE_ALL & ~TEMPLATE_BIT(TEMPLATE_LINK), problem, &t),
                         -EINVAL);
        assert_string_equal(problem, cases[i].problem);
        assert_null(t);
    }
}

static void test_a_nul_is_no_text(void **state)
{
    struct template *t = NULL;
    char problem[200];

    (void)state;
    assert_int_equal(template_parse("a\0b", 3, TEMPLATE_TEXT, TEMPLATE_ALL, problem, 200, &t),
                     -EINVAL);
}

static void test_files_that_cannot_be_read_are_errors(void **state)
{
    struct template *t = NULL;
    char problem[200];

    (void)state;
    assert_int_equal(template_load("/nonexistent/x", TEMPLATE_TEXT, TEMPLATE_ALL, problem, 200, &t),
                     -ENOENT);
    assert_string_equal(problem, "it can't be read: No such file or directory");
    assert_int_equal(template_load("/tmp", TEMPLATE_TEXT, TEMPLATE_ALL, problem, 200, &t), -EISDIR);
    assert_int_equal(template_load("/dev/zero", TEMPLATE_TEXT, TEMPLATE_ALL, problem, 200, &t),
                     -EISDIR);
    assert_null(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_are_replaced_by_values),
        cmocka_unit_test(test_values_are_escaped_in_html_and_only_there),
        cmocka_unit_test(test_no_value_makes_a_line_of_its_own),
        cmocka_unit_test(test_a_body_stands_in_its_frame_as_it_is),
        cmocka_unit_test(test_a_template_says_which_names_it_has),
        cmocka_unit_test(test_mistakes_are_found_when_parsing_and_named_with_their_line),
        cmocka_unit_test(test_a_nul_is_no_text),
        cmocka_unit_test(test_files_that_cannot_be_read_are_errors),
    };

    return cmocka_run_group_tests_name("template", tests, NULL, NULL);
}
