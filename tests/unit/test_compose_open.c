/* What is wrong with templates and settings of mails is found when they are opened. */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cleanup.h"
#include "mail_fixture.h"
#include "scratch.h"

/* Templates of which one file says this, or isn't there. */
static void with_template(void **state, const char *file, const char *text, int expected,
                          const char *mentioned)
{
    static const char *const kinds[] = {"subject", "txt", "html"};
    static const char *const languages[] = {"de", "en"};
    struct compose_options options = *fixture_options();
    _cleanup_(compose_free_p) struct compose *compose = NULL;
    char path[SCRATCH_PATH_SIZE], name[100], problem[400] = "";

    options.templates = *state;
    for (size_t i = 0; i < 6 * ELEMENTS(fixture_topics); i++) {
        snprintf(name, sizeof name, "%s", languages[i % 2]);
        mkdir(scratch_path(state, name, path), 0700);
        snprintf(name, sizeof name, "%s/%s.%s", languages[i % 2], fixture_topics[i / 6],
                 kinds[i / 2 % 3]);
        scratch_write(scratch_path(state, name, path), "plain\n", 6, 0600);
    }
    for (size_t i = 0; i < 4; i++) {
        snprintf(name, sizeof name, "%s/frame.%s", languages[i / 2], kinds[1 + i % 2]);
        scratch_write(scratch_path(state, name, path), "{{body}}\n", 9, 0600);
    }
    scratch_path(state, file, path);
    if (text)
        scratch_write(path, text, strlen(text), 0600);
    else
        unlink(path);
    assert_int_equal(compose_open(&options, &fixture_keys, problem, sizeof problem, &compose),
                     expected);
    if (mentioned) {
        assert_non_null(strstr(problem, file));
        assert_non_null(strstr(problem, mentioned));
        assert_null(compose);
    }
}

static void test_templates_are_checked_before_anything_is_sent(void **state)
{
    with_template(state, "de/confirm.txt", "{{link}} {{hours}}\n", 0, NULL);
    with_template(state, "de/code.txt", "{{code}} {{minutes}} {{time}}\n", 0, NULL);
    with_template(state, "en/totp-off.txt", "{{code}}\n", -EINVAL, "{{code}}");
    with_template(state, "en/code.txt", "{{link}}\n", -EINVAL, "{{link}}");
    with_template(state, "en/puk-used.html", NULL, -ENOENT, "No such file");
    with_template(state, "de/confirm.txt", "{{lnk}}\n", -EINVAL, "{{lnk}} is unknown");
    with_template(state, "en/in-use.html", "{{link}}\n", -EINVAL, "{{link}}");
    with_template(state, "en/registered.subject", "{{hours}}\n", -EINVAL, "{{hours}}");
    with_template(state, "de/in-use.subject", NULL, -ENOENT, "No such file");
    with_template(state, "en/confirm.html", "\xff\n", -EINVAL, "UTF-8");
    with_template(state, "en/frame.html", "<title>{{title}}</title>{{body}}", 0, NULL);
    with_template(state, "de/frame.txt", "{{greeting}}\n", -EINVAL, "there is no {{body}} in it");
    with_template(state, "en/frame.txt", NULL, -ENOENT, "No such file");
    with_template(state, "de/frame.html", "{{body}} {{link}}", -EINVAL, "{{link}}");
    with_template(state, "de/confirm.txt", "{{body}}", -EINVAL, "{{body}}");
}

static void test_a_sender_that_is_no_address_is_refused_at_once(void **state)
{
    struct compose_options options = *fixture_options();
    struct compose *compose = NULL;
    char problem[200];

    (void)state;
    options.sender = "konto@versicherung.example\r\nBcc: x@y.example";
    assert_int_equal(compose_open(&options, &fixture_keys, problem, sizeof problem, &compose),
                     -EINVAL);
    options = *fixture_options();
    options.message_domain = "versicherung.example>\r\nX: y";
    assert_int_equal(compose_open(&options, &fixture_keys, problem, sizeof problem, &compose),
                     -EINVAL);
    assert_null(compose);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_sender_that_is_no_address_is_refused_at_once),
        cmocka_unit_test_setup_teardown(test_templates_are_checked_before_anything_is_sent,
                                        scratch_make, scratch_remove),
    };

    return cmocka_run_group_tests_name("compose_open", tests, NULL, NULL);
}
