/* Mails as they go out: headers, encodings, links, and what people might have put into a name. */
#include "config.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <gmime/gmime.h>

#include "cleanup.h"
#include "mail_fixture.h"
#include "scratch.h"

#define DATE 1795860306 /* 2026-11-28 10:05:06 UTC */

#define CREATED 1795784730 /* 2026-11-27 13:05:30 UTC */

#define WITH_DAY ", \"day\": \"2026-12-01\"}"
#define ERIKA                                                                                      \
    "{\"to\": \"erika@kunde.example\", \"language\": \"de\", \"name\": \"Erika "                   \
    "Mustermann\"" WITH_DAY
#define ENGLISH                                                                                    \
    "{\"to\": \"jane@kunde.example\", \"language\": \"en\", \"name\": \"Jane O'Neill\"" WITH_DAY
#define NAMELESS "{\"to\": \"erika@kunde.example\", \"language\": \"de\"" WITH_DAY

/* A mail, composed and taken apart again by GMime's parser. */
struct parsed {
    struct mail mail;
    char *raw; /* NUL-terminated */
    GMimeMessage *message;
    char *text, *html;
};

static char *part_text(GMimeMessage *message, int i)
{
    GMimeMultipart *multipart = GMIME_MULTIPART(g_mime_message_get_mime_part(message));

    return g_mime_text_part_get_text(GMIME_TEXT_PART(g_mime_multipart_get_part(multipart, i)));
}

static void parse(struct parsed *p)
{
    GMimeStream *stream;
    GMimeParser *parser;

    p->raw = strndup((const char *)p->mail.message, p->mail.message_size);
    stream = g_mime_stream_mem_new_with_buffer(p->raw, p->mail.message_size);
    parser = g_mime_parser_new_with_stream(stream);
    p->message = g_mime_parser_construct_message(parser, NULL);
    g_object_unref(parser);
    g_object_unref(stream);
    assert_non_null(p->message);
    p->text = part_text(p->message, 0);
    p->html = part_text(p->message, 1);
    assert_non_null(p->text);
    assert_non_null(p->html);
}

static void compose_and_parse(const char *topic, const char *payload, struct parsed *ret)
{
    _cleanup_(compose_free_p) struct compose *compose = NULL;
    struct job job = fixture_job(JOB_ID, topic, payload);
    char problem[200] = "";

    job.created = CREATED;
    *ret = (struct parsed){0};
    assert_int_equal(
        compose_open(fixture_options(), &fixture_keys, problem, sizeof problem, &compose), 0);
    assert_int_equal(compose_mail(compose, &job, DATE, &ret->mail), 0);
    parse(ret);
}

static void parsed_clear(struct parsed *p)
{
    g_object_unref(p->message);
    g_free(p->text);
    g_free(p->html);
    free(p->raw);
    mail_clear(&p->mail);
}

static const char *header(const struct parsed *p, const char *name)
{
    return g_mime_object_get_header(GMIME_OBJECT(p->message), name);
}

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
    for (size_t i = 1; i < ELEMENTS(fixture_topics); i++) {
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
    for (size_t i = FIXTURE_FIRST_LETTER; i < FIXTURE_FIRST_LETTER + FIXTURE_DAYS; i++) {
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
            assert_int_equal(compose_payload(fixture_topics[FIXTURE_FIRST_LETTER + j], payloads[i]),
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

static void test_derivations_depend_on_key_and_job_and_never_change(void **state)
{
    unsigned char token[TOKEN_BYTES], again[TOKEN_BYTES], reference[REFERENCE_BYTES];
    char hash[JOB_HASH_SIZE], other[JOB_HASH_SIZE];
    struct keys keys;

    (void)state;
    fixture_options();
    keys = fixture_keys;
    derive_token(&keys, JOB_ID, token);
    derive_hash(token, sizeof token, hash);
    /* Mails already out there must stay good: these values are part of the format. */
    assert_string_equal(hash, "myTQIvcAg18lLgfuvciWufiQJP5ADRoKzJ3BWeU5EfQ");
    derive_reference(&keys, JOB_ID, reference);
    derive_hash(reference, sizeof reference, hash);
    assert_string_equal(hash, "MQziBH6pLs2EHQyNNXhD8VLDnXoRz5jXIzQsabT8irs");

    derive_token(&keys, OTHER_JOB, again);
    assert_memory_not_equal(token, again, sizeof token);
    keys.link[31] ^= 1;
    derive_token(&keys, JOB_ID, again);
    assert_memory_not_equal(token, again, sizeof token);

    derive_address_hash(&keys, "Erika@Kunde.example", hash);
    derive_address_hash(&keys, "erika@kunde.example", other);
    assert_string_equal(hash, other);
    derive_address_hash(&keys, "erika@kunde.exampl", other);
    assert_string_not_equal(hash, other);
    keys.table[0] ^= 1;
    derive_address_hash(&keys, "erika@kunde.example", other);
    assert_string_not_equal(hash, other);
}

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
        cmocka_unit_test(test_both_parts_carry_the_links_that_the_job_id_gives),
        cmocka_unit_test(test_only_a_confirmation_carries_a_token),
        cmocka_unit_test(test_every_mail_can_be_answered_with_this_was_not_me),
        cmocka_unit_test(test_only_the_mail_of_a_code_carries_it_and_in_two_groups),
        cmocka_unit_test(test_notices_say_when_it_happened_not_when_they_were_sent),
        cmocka_unit_test(test_mails_of_letters_name_their_day_in_words),
        cmocka_unit_test(test_a_mail_that_names_a_day_is_not_sent_without_one),
        cmocka_unit_test(test_entries_note_only_mails_that_belong_to_a_change),
        cmocka_unit_test(test_greetings_work_with_a_name_and_without),
        cmocka_unit_test(test_a_name_cannot_add_headers_lines_or_markup),
        cmocka_unit_test(test_a_frame_holds_the_words_and_their_subject_as_title),
        cmocka_unit_test(test_a_name_cannot_end_the_address_list),
        cmocka_unit_test(test_payloads_that_make_no_sense_are_refused),
        cmocka_unit_test(test_addresses_that_cannot_be_mailed_to_are_refused),
        cmocka_unit_test(test_the_same_job_gives_the_same_mail_but_for_the_date),
        cmocka_unit_test(test_derivations_depend_on_key_and_job_and_never_change),
        cmocka_unit_test_setup_teardown(test_templates_are_checked_before_anything_is_sent,
                                        scratch_make, scratch_remove),
        cmocka_unit_test(test_a_sender_that_is_no_address_is_refused_at_once),
        cmocka_unit_test(test_threads_compose_at_the_same_time),
    };

    setenv("TZ", "Europe/Berlin", 1); /* of the Date header */
    return cmocka_run_group_tests_name("compose", tests, NULL, NULL);
}
