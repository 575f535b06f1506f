/* Logging: what reaches stderr and the journal, and what a log line can never do. */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/uio.h>

#include <cmocka.h>

#include "cleanup.h"
#include "log.h"
#include "messages.h"
#include "scratch.h"

#define CAPTURED_SIZE 20000

/* What went to the journal last, a line for each field (-Wl,--wrap=sd_journal_sendv). */
static char journal[CAPTURED_SIZE];
static int journal_result;

int __wrap_sd_journal_sendv(const struct iovec *fields, int count);

int __wrap_sd_journal_sendv(const struct iovec *fields, int count)
{
    size_t used = 0;

    for (int i = 0; i < count; i++) {
        memcpy(journal + used, fields[i].iov_base, fields[i].iov_len);
        used += fields[i].iov_len;
        journal[used++] = '\n';
    }
    journal[used] = 0;
    return journal_result;
}

/* stderr leads into a file while something is logged. */
struct capture {
    int before;
    char path[SCRATCH_PATH_SIZE];
    char text[CAPTURED_SIZE];
};

static void capture_begin(struct capture *c, void **state)
{
    FILE *f = fopen(scratch_path(state, "stderr", c->path), "we");

    assert_non_null(f);
    fflush(stderr);
    c->before = dup(STDERR_FILENO);
    assert_true(dup2(fileno(f), STDERR_FILENO) >= 0);
    fclose(f);
    journal[0] = 0;
}

static const char *capture_end(struct capture *c)
{
    FILE *f = fopen(c->path, "re");
    size_t length;

    assert_true(dup2(c->before, STDERR_FILENO) >= 0);
    close(c->before);
    assert_non_null(f);
    length = fread(c->text, 1, sizeof c->text - 1, f);
    c->text[length] = 0;
    fclose(f);
    return c->text;
}

static void test_a_line_has_the_programs_name_and_the_fields(void **state)
{
    struct capture c;

    unsetenv("JOURNAL_STREAM");
    capture_begin(&c, state);
    log_open("portald", LOG_INFO);
    log_line(LOG_INFO, "%d Verträge gelesen", 3);
    log_event(LOG_INFO, MESSAGE_STATE,
              LOG_FIELDS("PORTAL_ENTRY", "c-0001", "PORTAL_STATE", "active"), "%s → %s", "initial",
              "active");
    log_event(LOG_INFO, MESSAGE_STARTED, NULL, "ready");
    assert_string_equal(capture_end(&c),
                        "portald: 3 Verträge gelesen\n"
                        "portald: initial → active [PORTAL_ENTRY=c-0001 PORTAL_STATE=active]\n"
                        "portald: ready\n");
    assert_string_equal(journal, "");
}

static void test_what_is_less_important_than_the_level_is_left_out(void **state)
{
    struct capture c;

    capture_begin(&c, state);
    log_open("portald", LOG_WARNING);
    log_line(LOG_INFO, "info");
    log_line(LOG_WARNING, "warning");
    log_open("portald", LOG_DEBUG);
    log_line(LOG_DEBUG, "debug");
    assert_string_equal(capture_end(&c), "portald: warning\nportald: debug\n");
}

static void test_nothing_that_was_typed_can_fool_a_terminal(void **state)
{
    static const char typed[] = "a\nb\r\x1b[31m\x7f\t\xc2\x9b" /* CSI as C1 */
                                "31m\xff\xc3 \xe2\x82 ä€😀";
    static const char shown[] = "a\\x0ab\\x0d\\x1b[31m\\x7f\\x09\\xc2\\x9b31m\\xff\\xc3 "
                                "\\xe2\\x82 ä€😀";
    char expected[300];
    struct capture c;

    capture_begin(&c, state);
    log_open("portald", LOG_INFO);
    log_event(LOG_INFO, MESSAGE_LOGIN_FAILED, LOG_FIELDS("PORTAL_USER", typed), "%s", typed);
    snprintf(expected, sizeof expected, "portald: %s [PORTAL_USER=%s]\n", shown, shown);
    assert_string_equal(capture_end(&c), expected);
}

static void test_a_long_message_is_cut_and_still_a_line(void **state)
{
    static char endless[100000];
    const char *captured;
    struct capture c;

    memset(endless, '\n', sizeof endless - 1);
    capture_begin(&c, state);
    log_open("portald", LOG_INFO);
    log_event(LOG_INFO, MESSAGE_LOGIN_FAILED, LOG_FIELDS("PORTAL_USER", endless), "%s", endless);
    captured = capture_end(&c);
    assert_in_range(strlen(captured), 2048, 4096);
    assert_ptr_equal(strchr(captured, '\n'), captured + strlen(captured) - 1);
}

/* Says, as systemd does, that the journal is what stderr leads to; or, with off, something else. */
static void set_journal_stream(unsigned long off)
{
    char stream[100];
    struct stat st;

    assert_int_equal(fstat(STDERR_FILENO, &st), 0);
    snprintf(stream, sizeof stream, "%lu:%lu", (unsigned long)st.st_dev,
             (unsigned long)st.st_ino + off);
    assert_int_equal(setenv("JOURNAL_STREAM", stream, 1), 0);
}

static void test_the_journal_gets_fields(void **state)
{
    struct capture c;

    capture_begin(&c, state);
    set_journal_stream(0);
    journal_result = 0;
    log_open("portald", LOG_INFO);
    log_event(LOG_NOTICE, MESSAGE_STATE, LOG_FIELDS("PORTAL_ENTRY", "a\nMESSAGE=b"), "a → %s", "b");
    assert_string_equal(capture_end(&c), "");
    assert_string_equal(journal,
                        "PRIORITY=5\n"
                        "SYSLOG_IDENTIFIER=portald\n"
                        "MESSAGE=a → b\n"
                        "MESSAGE_ID=" MESSAGE_STATE "\n"
                        "PORTAL_ENTRY=a\nMESSAGE=b\n"); /* one field: lengths divide them */
}

static void test_without_a_journal_the_line_goes_to_stderr(void **state)
{
    struct capture c;

    capture_begin(&c, state);
    set_journal_stream(0);
    journal_result = -ENOENT;
    log_open("portald", LOG_INFO);
    log_line(LOG_ERR, "still told");
    assert_string_equal(capture_end(&c), "portald: still told\n");
    journal_result = 0;
}

static void test_stderr_that_leads_elsewhere_is_not_the_journal(void **state)
{
    static const char *const streams[] = {NULL, "", "1", "x:y"};
    struct capture c;

    for (size_t i = 0; i < ELEMENTS(streams); i++) {
        capture_begin(&c, state);
        set_journal_stream(1);
        if (streams[i])
            setenv("JOURNAL_STREAM", streams[i], 1);
        log_open("portald", LOG_INFO);
        log_line(LOG_INFO, "here");
        assert_string_equal(capture_end(&c), "portald: here\n");
        assert_string_equal(journal, "");
    }
    unsetenv("JOURNAL_STREAM");
}

static void test_the_last_error_is_kept_whole_characters_only(void **state)
{
    char last[LOG_LAST_SIZE], umlauts[LOG_LAST_SIZE * 2 + 1];
    struct capture c;

    for (size_t i = 0; i + 1 < sizeof umlauts; i += 2)
        memcpy(umlauts + i, "ä", 2);
    umlauts[sizeof umlauts - 1] = 0;
    capture_begin(&c, state);
    log_open("portald", LOG_INFO);
    log_line(LOG_ERR, "the \"directory\" is\naway");
    log_line(LOG_WARNING, "no error");
    log_last_error(last);
    assert_string_equal(last, "the \"directory\" is\\x0aaway");
    log_line(LOG_ERR, "%s", umlauts);
    log_last_error(last);
    capture_end(&c);
    assert_int_equal(strlen(last), (LOG_LAST_SIZE - 1) / 2 * 2);
    assert_memory_equal(last, umlauts, strlen(last));
}

static void test_errno_survives_logging(void **state)
{
    struct capture c;

    capture_begin(&c, state);
    log_open("portald", LOG_INFO);
    close(STDERR_FILENO);
    errno = ENOTEMPTY;
    log_line(LOG_ERR, "nobody hears this");
    assert_int_equal(errno, ENOTEMPTY);
    capture_end(&c);
}

#define WITH_DIRECTORY(test) cmocka_unit_test_setup_teardown(test, scratch_make, scratch_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_DIRECTORY(test_a_line_has_the_programs_name_and_the_fields),
        WITH_DIRECTORY(test_what_is_less_important_than_the_level_is_left_out),
        WITH_DIRECTORY(test_nothing_that_was_typed_can_fool_a_terminal),
        WITH_DIRECTORY(test_a_long_message_is_cut_and_still_a_line),
        WITH_DIRECTORY(test_the_journal_gets_fields),
        WITH_DIRECTORY(test_without_a_journal_the_line_goes_to_stderr),
        WITH_DIRECTORY(test_stderr_that_leads_elsewhere_is_not_the_journal),
        WITH_DIRECTORY(test_the_last_error_is_kept_whole_characters_only),
        WITH_DIRECTORY(test_errno_survives_logging),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
