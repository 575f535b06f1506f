/* The mailer's guard: what of an SMTP conversation is not let through. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "cleanup.h"
#include "mailer/guard.h"

static bool hear(struct guard *guard, const char *text)
{
    return guard_read(guard, text, strlen(text));
}

static bool say(struct guard *guard, const char *text)
{
    return guard_write(guard, text, strlen(text));
}

static void begin_tls(struct guard *guard)
{
    guard_begin(guard, true, false);
    assert_true(hear(guard, "220-relay\r\n220 ready\r\n"));
    assert_true(say(guard, "EHLO us\r\n"));
    assert_true(hear(guard, "250-relay\r\n250-PIPELINING\r\n250 STARTTLS\r\n"));
    assert_true(say(guard, "STARTTLS\r\n"));
}

static void test_a_proper_conversation_passes(void **state)
{
    struct guard guard;

    (void)state;
    begin_tls(&guard);
    assert_true(hear(&guard, "220 go\r\n"));
    guard_secure(&guard);
    assert_true(say(&guard, "EHLO us\r\n"));
    assert_true(hear(&guard, "250 fine\r\n"));
    assert_true(say(&guard, "MAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nDATA\r\n"));
    assert_true(hear(&guard, "250 fine\r\n250 fine\r\n354 go\r\n"));
    assert_null(guard.problem);
}

static void test_replies_may_come_in_pieces(void **state)
{
    static const char text[] = "220-one\r\n220 two\r\n";
    struct guard guard;

    (void)state;
    guard_begin(&guard, true, false);
    for (const char *c = text; *c; c++)
        assert_true(guard_read(&guard, c, 1));
    assert_int_equal(guard.replies, 1);
}

static void test_bytes_behind_the_reply_to_starttls_are_refused(void **state)
{
    static const char *const replies[] = {
        "220 go\r\n250 forged\r\n", "220 go\r\n ", "220 go\r\n\n",
        "220-go\r\n220 go\r\n2",    "220 go\n2",
    };

    (void)state;
    for (size_t i = 0; i < ELEMENTS(replies); i++) {
        struct guard guard;

        begin_tls(&guard);
        assert_false(hear(&guard, replies[i]));
        assert_non_null(guard.problem);
    }
}

static void test_they_are_refused_in_a_packet_of_their_own_too(void **state)
{
    struct guard guard;

    (void)state;
    begin_tls(&guard);
    assert_true(hear(&guard, "220 go\r\n"));
    assert_false(hear(&guard, "2"));
}

static void test_replies_before_their_commands_are_refused(void **state)
{
    struct guard guard;

    (void)state;
    guard_begin(&guard, true, false);
    assert_false(hear(&guard, "220 ready\r\n250 STARTTLS\r\n"));
    guard_begin(&guard, true, false);
    assert_true(hear(&guard, "220 ready\r\n"));
    assert_true(say(&guard, "EHLO us\r\n"));
    assert_false(hear(&guard, "250 STARTTLS\r\n220 go\r\n"));
}

static void test_nothing_telling_is_said_in_plaintext(void **state)
{
    static const char *const lines[] = {
        "MAIL FROM:<a@b.example>\r\n",
        "mail from:<>\r\n",
        "RCPT TO:<c@d.example>\r\n",
        "AUTH PLAIN AGEAYg==\r\n",
        "DATA\r\n",
        "Subject: x\r\n",
        "EHLO us\r\nMAIL FROM:<>\r\n",
        "x",
    };

    (void)state;
    for (size_t i = 0; i < ELEMENTS(lines); i++) {
        struct guard guard;

        guard_begin(&guard, true, false);
        assert_true(hear(&guard, "220 ready\r\n"));
        assert_false(say(&guard, lines[i]));
    }
}

static void test_plaintext_passes_where_tls_is_off(void **state)
{
    struct guard guard;

    (void)state;
    guard_begin(&guard, false, false);
    assert_true(hear(&guard, "220 ready\r\n"));
    assert_true(say(&guard, "MAIL FROM:<a@b.example>\r\n"));
    assert_true(hear(&guard, "250 fine\r\n"));
}

static void begin_mail(struct guard *guard)
{
    guard_begin(guard, false, false);
    assert_true(hear(guard, "220 ready\r\n"));
    assert_true(say(guard, "MAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nDATA\r\n"));
    assert_true(hear(guard, "250 fine\r\n250 fine\r\n"));
}

/* Else the reply to one mail would be taken for the reply to the next. */
static void test_after_more_replies_than_were_asked_for_nothing_is_said(void **state)
{
    static const char *const replies[] = {
        "354 go\r\n250 taken\r\n250 taken\r\n",     "354 go\r\n250 taken\r\n2",
        "354 go\r\n250-taken\r\n250 taken\r\n\r\n", "554 no\r\n250 taken\r\n",
        "354 go\r\n250 taken\r\n421 goodbye\r\n",   "421 goodbye\r\n",
    };

    (void)state;
    for (size_t i = 0; i < ELEMENTS(replies); i++) {
        struct guard guard;

        begin_mail(&guard);
        assert_false(hear(&guard, replies[i]));
        assert_false(guard.over); /* what was asked before is answered */
        assert_null(guard.problem);
        assert_false(say(&guard, "MAIL FROM:<a@b.example>\r\n"));
        assert_true(guard.over);
    }
}

static void test_the_text_of_a_mail_has_a_reply_of_its_own(void **state)
{
    struct guard guard;

    (void)state;
    begin_mail(&guard);
    assert_true(hear(&guard, "354 go\r\n"));
    assert_true(hear(&guard, "250-taken\r\n250 taken\r\n"));
    assert_true(say(&guard, "QUIT\r\n"));
    assert_true(hear(&guard, "221 bye\r\n"));
}

static void test_the_end_of_a_mail_without_text_is_no_command(void **state)
{
    struct guard guard;

    (void)state;
    begin_mail(&guard);
    assert_true(hear(&guard, "354 go\r\n"));
    assert_true(say(&guard, ".\r\n"));
    assert_true(hear(&guard, "554 no recipients\r\n"));
    assert_false(hear(&guard, "250 taken\r\n"));
}

static void test_no_mail_before_the_login(void **state)
{
    struct guard guard;

    (void)state;
    guard_begin(&guard, false, true);
    assert_true(hear(&guard, "220 ready\r\n"));
    assert_true(say(&guard, "AUTH PLAIN x\r\n"));
    assert_true(hear(&guard, "535-no\r\n535 no\r\n"));
    assert_false(say(&guard, "MAIL FROM:<a@b.example>\r\n"));

    guard_begin(&guard, false, true);
    assert_true(hear(&guard, "220 ready\r\n"));
    assert_true(say(&guard, "AUTH PLAIN x\r\n"));
    assert_true(hear(&guard, "235 welcome\r\n"));
    assert_true(say(&guard, "MAIL FROM:<a@b.example>\r\n"));
}

static void test_the_last_refusal_is_kept_for_the_operator(void **state)
{
    struct guard guard;
    char longer[400];

    (void)state;
    guard_begin(&guard, true, false);
    assert_true(hear(&guard, "554 5.7.1 go away\r\n"));
    assert_string_equal(guard.trouble, "554 5.7.1 go away");

    guard_begin(&guard, true, false);
    memset(longer, 'x', sizeof longer - 1);
    memcpy(longer, "421 ", 4);
    longer[sizeof longer - 1] = '\0';
    longer[sizeof longer - 2] = '\n';
    assert_false(hear(&guard, longer));
    assert_int_equal(strlen(guard.trouble), GUARD_LINE_SIZE - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_proper_conversation_passes),
        cmocka_unit_test(test_replies_may_come_in_pieces),
        cmocka_unit_test(test_bytes_behind_the_reply_to_starttls_are_refused),
        cmocka_unit_test(test_they_are_refused_in_a_packet_of_their_own_too),
        cmocka_unit_test(test_replies_before_their_commands_are_refused),
        cmocka_unit_test(test_nothing_telling_is_said_in_plaintext),
        cmocka_unit_test(test_plaintext_passes_where_tls_is_off),
        cmocka_unit_test(test_after_more_replies_than_were_asked_for_nothing_is_said),
        cmocka_unit_test(test_the_text_of_a_mail_has_a_reply_of_its_own),
        cmocka_unit_test(test_the_end_of_a_mail_without_text_is_no_command),
        cmocka_unit_test(test_no_mail_before_the_login),
        cmocka_unit_test(test_the_last_refusal_is_kept_for_the_operator),
    };

    return cmocka_run_group_tests_name("guard", tests, NULL, NULL);
}
