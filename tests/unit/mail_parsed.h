/* For the tests of mails' words: one composed from the templates as shipped, and taken apart again.
 */
#pragma once

#include <cmocka.h>
#include <gmime/gmime.h>

#include "cleanup.h"
#include "mail_fixture.h"

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

static inline char *part_text(GMimeMessage *message, int i)
{
    GMimeMultipart *multipart = GMIME_MULTIPART(g_mime_message_get_mime_part(message));

    return g_mime_text_part_get_text(GMIME_TEXT_PART(g_mime_multipart_get_part(multipart, i)));
}

static inline void parse(struct parsed *p)
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

static inline void compose_and_parse(const char *topic, const char *payload, struct parsed *ret)
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

static inline void parsed_clear(struct parsed *p)
{
    g_object_unref(p->message);
    g_free(p->text);
    g_free(p->html);
    free(p->raw);
    mail_clear(&p->mail);
}

static inline const char *header(const struct parsed *p, const char *name)
{
    return g_mime_object_get_header(GMIME_OBJECT(p->message), name);
}
