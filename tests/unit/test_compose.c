/* Mails as they go out: headers, encodings, and what people might have put into a payload. */
#include "config.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mail_parsed.h"

static void test_headers_are_what_they_should_be(void **state)
{
    _cleanup_(parsed_clear) struct parsed p;

    (void)state;
    compose_and_parse("confirm", ERIKA, &p);
    assert_string_equal(p.mail.sender, "konto@versicherung.example");
    assert_string_equal(p.mail.recipient, "erika@kunde.example");
    assert_string_equal(g_mime_message_get_message_id(p.message), JOB_ID "@versicherung.example");
    assert_string_equal(header(&p, "Auto-Submitted"), "auto-generated");
    assert_non_null(strstr(p.raw, "\r\nContent-Language: de\r\n"));
    assert_string_equal(header(&p, "Date"), "Sat, 28 Nov 2026 11:05:06 +0100");
    assert_non_null(strstr(p.raw, "\r\nMIME-Version: 1.0\r\n"));
    assert_string_equal(header(&p, "To"), "Erika Mustermann <erika@kunde.example>");
    assert_string_equal(g_mime_message_get_subject(p.message),
                        "Müller & Söhne: Bitte bestätigen Sie Ihre E-Mail-Adresse");
    assert_null(strstr(p.raw, "\r\nList-"));
    assert_null(strstr(p.raw, "Precedence"));
}

static void test_umlauts_in_names_are_encoded_and_come_back(void **state)
{
    _cleanup_(parsed_clear) struct parsed p;
    InternetAddress *address;

    (void)state;
    compose_and_parse("confirm",
                      "{\"to\": \"x@kunde.example\", \"language\": \"de\","
                      " \"name\": \"Jürgen Nguyễn-Großkötter, Dr.\"}",
                      &p);
    assert_null(strstr(p.raw, "Großkötter"));
    address = internet_address_list_get_address(
        g_mime_message_get_addresses(p.message, GMIME_ADDRESS_TYPE_TO), 0);
    assert_string_equal(internet_address_get_name(address), "Jürgen Nguyễn-Großkötter, Dr.");
    address = internet_address_list_get_address(
        g_mime_message_get_addresses(p.message, GMIME_ADDRESS_TYPE_FROM), 0);
    assert_string_equal(internet_address_get_name(address), "Müller & Söhne Versicherung");
    assert_non_null(strstr(p.text, "Guten Tag Jürgen Nguyễn-Großkötter, Dr.,"));
}

static void test_what_goes_out_is_lines_of_ascii(void **state)
{
    static const char *const payloads[] = {ERIKA, ENGLISH, NAMELESS};

    (void)state;
    for (size_t i = 0; i < ELEMENTS(fixture_topics); i++)
        for (size_t j = 0; j < ELEMENTS(payloads); j++) {
            _cleanup_(parsed_clear) struct parsed p;
            size_t column = 0;

            compose_and_parse(fixture_topics[i], payloads[j], &p);
            for (const char *c = p.raw; *c; c++) {
                assert_true(*c == '\r' || *c == '\n' || *c == '\t' || (*c >= ' ' && *c <= '~'));
                assert_true((*c == '\r') == (c[1] == '\n'));
                column = *c == '\n' ? 0 : column + 1;
                assert_true(column <= 998);
            }
            assert_int_equal(column, 0);
            assert_int_equal(strlen(p.raw), p.mail.message_size);
        }
}

static void test_a_name_cannot_add_headers_lines_or_markup(void **state)
{
    _cleanup_(parsed_clear) struct parsed p;

    (void)state;
    compose_and_parse("confirm",
                      "{\"to\": \"e@kunde.example\", \"language\": \"de\", \"name\":"
                      " \"Erika\\r\\nBcc: spy@evil.example\\r\\n\\r\\n<script>alert(1)</script>\"}",
                      &p);
    assert_null(strstr(p.raw, "\nBcc:"));
    assert_null(header(&p, "Bcc"));
    assert_null(strstr(p.html, "<script>"));
    assert_non_null(strstr(p.html, "&lt;script&gt;alert(1)&lt;/script&gt;"));
    assert_null(strstr(p.text, "\nBcc:"));
    assert_string_equal(p.mail.recipient, "e@kunde.example");
    assert_int_equal(internet_address_list_length(
                         g_mime_message_get_addresses(p.message, GMIME_ADDRESS_TYPE_TO)),
                     1);
}

static void test_a_name_cannot_end_the_address_list(void **state)
{
    _cleanup_(parsed_clear) struct parsed p;

    (void)state;
    compose_and_parse("confirm",
                      "{\"to\": \"e@kunde.example\", \"language\": \"en\", \"name\":"
                      " \"a@b.example>, \\\"x\\\" <spy@evil.example>; (c) \\\\\"}",
                      &p);
    assert_int_equal(internet_address_list_length(
                         g_mime_message_get_addresses(p.message, GMIME_ADDRESS_TYPE_TO)),
                     1);
}

static int compose_payload(const char *topic, const char *payload)
{
    _cleanup_(compose_free_p) struct compose *compose = NULL;
    struct mail mail = {0};
    struct job job = fixture_job(JOB_ID, topic, payload);
    char problem[200];
    int r;

    assert_int_equal(
        compose_open(fixture_options(), &fixture_keys, problem, sizeof problem, &compose), 0);
    r = compose_mail(compose, &job, DATE, &mail);
    if (r < 0)
        assert_null(mail.message);
    mail_clear(&mail);
    return r;
}

static void test_payloads_that_make_no_sense_are_refused(void **state)
{
    static const char *const cases[] = {
        "",
        "nonsense",
        "[]",
        "{}",
        "{\"to\": \"e@kunde.example\"}",
        "{\"language\": \"de\"}",
        "{\"to\": 1, \"language\": \"de\"}",
        "{\"to\": \"e@kunde.example\", \"language\": \"fr\"}",
        "{\"to\": \"e@kunde.example\", \"language\": \"de\", \"name\": 1}",
        "{\"to\": \"e@kunde.example\", \"language\": \"de\"",
        NULL,
    };
    char large[1200];

    (void)state;
    for (size_t i = 0; i < ELEMENTS(cases); i++)
        assert_int_equal(compose_payload("confirm", cases[i]), -EBADMSG);
    snprintf(large, sizeof large,
             "{\"to\": \"e@kunde.example\", \"language\": \"de\", \"name\": \"%0600d\"}", 1);
    assert_int_equal(compose_payload("confirm", large), -EBADMSG);
    assert_int_equal(compose_payload("nonsense", ERIKA), -EBADMSG);
    assert_int_equal(compose_payload("", ERIKA), -EBADMSG);
    assert_int_equal(compose_payload("../confirm", ERIKA), -EBADMSG);
}

static void test_a_mail_that_names_a_day_is_not_sent_without_one(void **state)
{
    static const char *const payloads[] = {
        "{\"to\": \"erika@kunde.example\", \"language\": \"de\"}",
        "{\"to\": \"erika@kunde.example\", \"language\": \"de\", \"day\": 20261201}",
        "{\"to\": \"erika@kunde.example\", \"language\": \"de\", \"day\": \"soon\"}",
        "{\"to\": \"erika@kunde.example\", \"language\": \"de\", \"day\": \"2026-02-30\"}",
    };

    (void)state;
    for (size_t i = 0; i < ELEMENTS(payloads); i++)
        for (size_t j = 0; j < FIXTURE_DAYS; j++)
            assert_int_equal(compose_payload(fixture_topics[FIXTURE_FIRST_DAY + j], payloads[i]),
                             -EBADMSG);
    assert_int_equal(compose_payload("letter-returned", payloads[0]), 0);
}

static void test_addresses_that_cannot_be_mailed_to_are_refused(void **state)
{
    static const char *const cases[] = {
        "e@kunde",
        "e",
        "",
        "e@kunde.example\\r\\nRCPT TO:<x@y.example",
        "e@kunde.example>",
        "e f@kunde.example",
        "<e@kunde.example>",
        "e@kunde.example, f@kunde.example",
    };

    (void)state;
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        char payload[300];

        snprintf(payload, sizeof payload, "{\"to\": \"%s\", \"language\": \"de\"}", cases[i]);
        assert_int_equal(compose_payload("confirm", payload), -EINVAL);
    }
}

static void test_the_same_job_gives_the_same_mail_but_for_the_date(void **state)
{
    _cleanup_(compose_free_p) struct compose *compose = NULL;
    struct job job = fixture_job(JOB_ID, "confirm", ERIKA),
               other = fixture_job(OTHER_JOB, "confirm", ERIKA);
    struct mail a = {0}, b = {0}, c = {0};
    char problem[200];

    (void)state;
    assert_int_equal(
        compose_open(fixture_options(), &fixture_keys, problem, sizeof problem, &compose), 0);
    assert_int_equal(compose_mail(compose, &job, DATE, &a), 0);
    assert_int_equal(compose_mail(compose, &job, DATE, &b), 0);
    assert_int_equal(compose_mail(compose, &other, DATE, &c), 0);
    assert_int_equal(a.message_size, b.message_size);
    assert_memory_equal(a.message, b.message, a.message_size);
    assert_int_equal(a.message_size, c.message_size);
    assert_memory_not_equal(a.message, c.message, a.message_size);
    mail_clear(&a);
    mail_clear(&b);
    mail_clear(&c);
}

#define THREADS 4
#define ROUNDS  100

static void *compose_often(void *userdata)
{
    struct job job = fixture_job(JOB_ID, "confirm", ERIKA);

    for (int i = 0; i < ROUNDS; i++) {
        struct mail mail = {0};

        if (compose_mail(userdata, &job, DATE, &mail) < 0)
            return userdata;
        mail_clear(&mail);
    }
    return NULL;
}

static void test_threads_compose_at_the_same_time(void **state)
{
    _cleanup_(compose_free_p) struct compose *compose = NULL;
    pthread_t threads[THREADS];
    char problem[200];
    void *failed;

    (void)state;
    assert_int_equal(
        compose_open(fixture_options(), &fixture_keys, problem, sizeof problem, &compose), 0);
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, compose_often, compose), 0);
    for (size_t i = 0; i < THREADS; i++) {
        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_headers_are_what_they_should_be),
        cmocka_unit_test(test_umlauts_in_names_are_encoded_and_come_back),
        cmocka_unit_test(test_what_goes_out_is_lines_of_ascii),
        cmocka_unit_test(test_a_name_cannot_add_headers_lines_or_markup),
        cmocka_unit_test(test_a_name_cannot_end_the_address_list),
        cmocka_unit_test(test_payloads_that_make_no_sense_are_refused),
        cmocka_unit_test(test_a_mail_that_names_a_day_is_not_sent_without_one),
        cmocka_unit_test(test_addresses_that_cannot_be_mailed_to_are_refused),
        cmocka_unit_test(test_the_same_job_gives_the_same_mail_but_for_the_date),
        cmocka_unit_test(test_threads_compose_at_the_same_time),
    };

    setenv("TZ", "Europe/Berlin", 1); /* of dates and times */
    return cmocka_run_group_tests_name("compose", tests, NULL, NULL);
}
