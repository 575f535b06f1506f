/* What each mail says, in both languages and both parts: links, codes, days, greetings. */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mail_parsed.h"

static void test_both_parts_carry_the_links_that_the_job_id_gives(void **state)
{
    _cleanup_(parsed_clear) struct parsed p;
    unsigned char token[TOKEN_BYTES], reference[REFERENCE_BYTES];
    char printed[TOKEN_SIZE], printed_reference[REFERENCE_PRINTED_SIZE], link[200], not_me[200];

    (void)state;
    compose_and_parse("confirm", ERIKA, &p);
    derive_token(&fixture_keys, JOB_ID, token);
    code_token_print(token, printed);
    derive_reference(&fixture_keys, JOB_ID, reference);
    code_reference_print(reference, printed_reference);
    snprintf(link, sizeof link, "https://konto.versicherung.example/confirm/%s", printed);
    snprintf(not_me, sizeof not_me, "https://konto.versicherung.example/not-me/%s",
             printed_reference);
    assert_non_null(strstr(p.text, link));
    assert_non_null(strstr(p.html, link));
    assert_non_null(strstr(p.text, not_me));
    assert_non_null(strstr(p.html, not_me));
    assert_non_null(strstr(p.text, "48 Stunden"));
    assert_non_null(strstr(p.html, "<strong>48 Stunden</strong>"));
}

static void test_only_a_confirmation_carries_a_token(void **state)
{
    (void)state;
    for (size_t i = FIXTURE_LINKS; i < ELEMENTS(fixture_topics); i++) {
        _cleanup_(parsed_clear) struct parsed p;

        compose_and_parse(fixture_topics[i], ENGLISH, &p);
        assert_null(strstr(p.text, "/confirm/"));
        assert_null(strstr(p.html, "/confirm/"));
    }
}

static void test_every_mail_can_be_answered_with_this_was_not_me(void **state)
{
    static const char *const payloads[] = {ERIKA, ENGLISH};
    unsigned char reference[REFERENCE_BYTES];
    char printed[REFERENCE_PRINTED_SIZE], link[200];

    (void)state;
    fixture_options();
    derive_reference(&fixture_keys, JOB_ID, reference);
    code_reference_print(reference, printed);
    snprintf(link, sizeof link, "https://konto.versicherung.example/not-me/%s", printed);
    for (size_t i = 0; i < ELEMENTS(fixture_topics) * ELEMENTS(payloads); i++) {
        _cleanup_(parsed_clear) struct parsed p;
        const char *at;

        compose_and_parse(fixture_topics[i / 2], payloads[i % 2], &p);
        at = strstr(p.text, link);
        assert_non_null(at);
        assert_non_null(strstr(at + strlen(link), printed)); /* to be told on the phone */
        at = strstr(p.html, link);
        assert_non_null(at);
        assert_non_null(strstr(at + strlen(link), printed));
    }
}

static void test_only_the_mail_of_a_code_carries_it_and_in_two_groups(void **state)
{
    static const char *const payloads[] = {ERIKA, ENGLISH};
    char code[MAILED_CODE_SIZE], shown[MAILED_CODE_SIZE + 1];

    (void)state;
    fixture_options();
    derive_code(&fixture_keys, JOB_ID, code);
    snprintf(shown, sizeof shown, "%.4s %s", code, code + 4);
    for (size_t i = 0; i < ELEMENTS(fixture_topics) * ELEMENTS(payloads); i++) {
        _cleanup_(parsed_clear) struct parsed p;
        bool carries = strcmp(fixture_topics[i / 2], "code") == 0;

        compose_and_parse(fixture_topics[i / 2], payloads[i % 2], &p);
        assert_int_equal(strstr(p.text, shown) != NULL, carries);
        assert_int_equal(strstr(p.html, shown) != NULL, carries);
        assert_null(strstr(p.raw, code)); /* neither whole, nor in a subject */
        assert_null(strstr(g_mime_message_get_subject(p.message), shown));
        if (carries)
            assert_non_null(strstr(p.text, i % 2 == 0 ? "30 Minuten" : "30 minutes"));
    }
}

static void test_notices_say_when_it_happened_not_when_they_were_sent(void **state)
{
    (void)state;
    for (size_t i = FIXTURE_FIRST_NOTICE - 1; i <= FIXTURE_FIRST_LETTER; i++) {
        _cleanup_(parsed_clear) struct parsed german, english;

        compose_and_parse(fixture_topics[i], ERIKA, &german);
        compose_and_parse(fixture_topics[i], ENGLISH, &english);
        assert_non_null(strstr(german.text, "27. November 2026, 14:05 Uhr"));
        assert_non_null(strstr(german.html, "27. November 2026, 14:05 Uhr"));
        assert_non_null(strstr(english.text, "27 November 2026, 14:05"));
        assert_non_null(strstr(english.html, "27 November 2026, 14:05"));
    }
}

static void test_mails_of_letters_name_their_day_in_words(void **state)
{
    (void)state;
    for (size_t i = FIXTURE_FIRST_DAY; i < FIXTURE_FIRST_DAY + FIXTURE_DAYS; i++) {
        _cleanup_(parsed_clear) struct parsed german, english;

        compose_and_parse(fixture_topics[i], ERIKA, &german);
        compose_and_parse(fixture_topics[i], ENGLISH, &english);
        assert_non_null(strstr(german.text, "1. Dezember 2026"));
        assert_non_null(strstr(german.html, ">1. Dezember 2026<"));
        assert_non_null(strstr(english.text, "1 December 2026"));
        assert_non_null(strstr(english.html, ">1 December 2026<"));
    }
}

static void test_entries_note_only_mails_that_belong_to_a_change(void **state)
{
    (void)state;
    for (size_t i = 0; i < ELEMENTS(fixture_topics); i++)
        assert_int_equal(compose_topic_noted(fixture_topics[i]),
                         strcmp(fixture_topics[i], "in-use") != 0 &&
                             strcmp(fixture_topics[i], "registered") != 0 &&
                             i < FIXTURE_FIRST_LETTER);
    assert_false(compose_topic_noted("nonsense"));
    assert_false(compose_topic_noted(""));
}

static void test_greetings_work_with_a_name_and_without(void **state)
{
    static const struct {
        const char *payload, *start;
    } cases[] = {
        {ERIKA, "Guten Tag Erika Mustermann,\r\n"},
        {NAMELESS, "Guten Tag,\r\n"},
        {"{\"to\": \"e@kunde.example\", \"language\": \"de\", \"name\": \"  \"}", "Guten Tag,\r\n"},
        {"{\"to\": \"e@kunde.example\", \"language\": \"de\", \"name\": null}", "Guten Tag,\r\n"},
        {ENGLISH, "Dear Jane O'Neill,\r\n"},
        {"{\"to\": \"e@kunde.example\", \"language\": \"en\"}", "Hello,\r\n"},
    };

    (void)state;
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        _cleanup_(parsed_clear) struct parsed p;

        compose_and_parse("registered", cases[i].payload, &p);
        assert_memory_equal(p.text, cases[i].start, strlen(cases[i].start));
    }
}

static void test_a_frame_holds_the_words_and_their_subject_as_title(void **state)
{
    static const char *const payloads[] = {ERIKA, ENGLISH};

    (void)state;
    for (size_t i = 0; i < ELEMENTS(payloads); i++) {
        _cleanup_(parsed_clear) struct parsed p;
        char title[200];

        compose_and_parse("registered", payloads[i], &p);
        snprintf(title, sizeof title, "<title>Müller &amp; Söhne: %s</title>\r\n",
                 i == 0 ? "Sie haben schon ein Konto" : "You already have an account");
        assert_non_null(strstr(p.html, title));
        assert_non_null(strstr(p.html, "</p>\r\n<p style="));
        assert_null(strstr(p.html, "{{"));
        assert_null(strstr(p.text, "{{"));
        assert_memory_equal(p.html, "<!DOCTYPE html>", strlen("<!DOCTYPE html>"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_both_parts_carry_the_links_that_the_job_id_gives),
        cmocka_unit_test(test_only_a_confirmation_carries_a_token),
        cmocka_unit_test(test_every_mail_can_be_answered_with_this_was_not_me),
        cmocka_unit_test(test_only_the_mail_of_a_code_carries_it_and_in_two_groups),
        cmocka_unit_test(test_notices_say_when_it_happened_not_when_they_were_sent),
        cmocka_unit_test(test_mails_of_letters_name_their_day_in_words),
        cmocka_unit_test(test_entries_note_only_mails_that_belong_to_a_change),
        cmocka_unit_test(test_greetings_work_with_a_name_and_without),
        cmocka_unit_test(test_a_frame_holds_the_words_and_their_subject_as_title),
    };

    setenv("TZ", "Europe/Berlin", 1); /* of dates and times */
    return cmocka_run_group_tests_name("mail_words", tests, NULL, NULL);
}
