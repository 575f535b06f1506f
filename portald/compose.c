/* Composes mails from templates with GMime: compose.h. */
#include "config.h"

#include "compose.h"

#include "bounce.h"
#include "stand-in.h"
#include "template.h"

#include "calendar.h"
#include "cleanup.h"

#include <errno.h>
#include <gmime/gmime.h>
#include <jansson.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>

#define NAME_SIZE 300
#define LINK_SIZE 400
#define TIME_SIZE 64
#define DAY_SIZE  48

enum part { PART_SUBJECT, PART_TEXT, PART_HTML, PARTS };

static const struct {
    const char *suffix;
    enum template_form form;
} parts[PARTS] = {
    [PART_SUBJECT] = {"subject", TEMPLATE_TEXT},
    [PART_TEXT] = {"txt", TEMPLATE_TEXT},
    [PART_HTML] = {"html", TEMPLATE_HTML},
};

/* Names that a mail's own words may use, those that all of them may use, and those of the frame
   that the words stand in. */
#define FRAME_NAMES  (TEMPLATE_BIT(TEMPLATE_TITLE) | TEMPLATE_BIT(TEMPLATE_BODY))
#define LINK_NAMES   (TEMPLATE_BIT(TEMPLATE_LINK) | TEMPLATE_BIT(TEMPLATE_HOURS))
#define CODE_NAMES   (TEMPLATE_BIT(TEMPLATE_CODE) | TEMPLATE_BIT(TEMPLATE_MINUTES))
#define DAY_NAMES    TEMPLATE_BIT(TEMPLATE_DAY)
#define COMMON_NAMES (TEMPLATE_ALL & ~FRAME_NAMES & ~LINK_NAMES & ~CODE_NAMES & ~DAY_NAMES)

static const struct {
    const char *word;
    uint32_t names; /* that its templates may use */
    bool noted;     /* its id stands in the entry until the mail has come to an end */
} topics[] = {
    {"confirm", COMMON_NAMES | LINK_NAMES, true},
    {"in-use", COMMON_NAMES, false},
    {"registered", COMMON_NAMES, false},
    {"code", COMMON_NAMES | CODE_NAMES, true},
    {"password-set", COMMON_NAMES, true},
    {"password-changed", COMMON_NAMES, true},
    {"totp-on", COMMON_NAMES, true},
    {"totp-off", COMMON_NAMES, true},
    {"puk-used", COMMON_NAMES, true},
    {"puk-void", COMMON_NAMES, true},
    {"mail-changed", COMMON_NAMES, true},
    {"mail-new", COMMON_NAMES, true},
    {"mail-confirm", COMMON_NAMES | LINK_NAMES, true},
    {"mail-moved", COMMON_NAMES | DAY_NAMES, true},
    {"mail-back", COMMON_NAMES, true},
    {"mail-undone", COMMON_NAMES, true},
    {"restarted", COMMON_NAMES, true},
    {"letter-new", COMMON_NAMES, true},
    {"letter-valid", COMMON_NAMES | DAY_NAMES, false},
    {"letter-refused", COMMON_NAMES, false},
    {"has-password", COMMON_NAMES, false},
    {"letter-address", COMMON_NAMES | DAY_NAMES, false},
    {"letter-posted", COMMON_NAMES | DAY_NAMES, false},
    {"letter-returned", COMMON_NAMES, false},
    {"password-expires", COMMON_NAMES | DAY_NAMES, false},
};

static const struct {
    const char *word, *to_somebody, *to_anybody;
} languages[] = {
    {"de", "Guten Tag %s,", "Guten Tag,"},
    {"en", "Dear %s,", "Hello,"},
};

struct compose {
    const struct keys *keys;
    char *sender, *sender_name, *base_url, *company, *support, *message_domain;
    char bounce_address[MAIL_ADDRESS_SIZE]; /* "": none */
    long link_hours, code_minutes;
    struct template *templates[ELEMENTS(topics)][ELEMENTS(languages)][PARTS];
    struct template *frames[ELEMENTS(languages)][PARTS]; /* none around a subject */
};

struct compose *compose_free(struct compose *compose)
{
    if (!compose)
        return NULL;
    for (size_t i = 0; i < ELEMENTS(topics); i++)
        for (size_t j = 0; j < ELEMENTS(languages); j++)
            for (size_t k = 0; k < PARTS; k++)
                template_free(compose->templates[i][j][k]);
    for (size_t j = 0; j < ELEMENTS(languages); j++)
        for (size_t k = 0; k < PARTS; k++)
            template_free(compose->frames[j][k]);
    free(compose->sender);
    free(compose->sender_name);
    free(compose->base_url);
    free(compose->company);
    free(compose->support);
    free(compose->message_domain);
    free(compose);
    return NULL;
}

/* Loads directory/LANGUAGE/WORD.SUFFIX. */
static int part_load(const char *directory, size_t language, const char *word, size_t part,
                     uint32_t names, char *problem, size_t size, struct template **ret)
{
    _cleanup_free_ char *file = NULL;
    char why[128] = "";
    int r;

    if (asprintf(&file, "%s/%s/%s.%s", directory, languages[language].word, word,
                 parts[part].suffix) < 0) {
        file = NULL;
        return -ENOMEM;
    }
    r = template_load(file, parts[part].form, names, why, sizeof why, ret);
    if (r == 0 && (names & TEMPLATE_BIT(TEMPLATE_BODY)) && !template_has(*ret, TEMPLATE_BODY)) {
        snprintf(why, sizeof why, "there is no {{body}} in it");
        r = -EINVAL;
    }
    if (r < 0)
        snprintf(problem, size, "%s: %s", file, r == -ENOMEM ? "out of memory" : why);
    return r;
}

static int templates_load(struct compose *compose, const char *directory, char *problem,
                          size_t size)
{
    int r = 0;

    for (size_t j = 0; j < ELEMENTS(languages); j++)
        for (size_t k = 0; k < PARTS; k++) {
            if (k != PART_SUBJECT)
                r = part_load(directory, j, "frame", k, COMMON_NAMES | FRAME_NAMES, problem, size,
                              &compose->frames[j][k]);
            for (size_t i = 0; r == 0 && i < ELEMENTS(topics); i++)
                r = part_load(directory, j, topics[i].word, k, topics[i].names, problem, size,
                              &compose->templates[i][j][k]);
            if (r < 0)
                return r;
        }
    return 0;
}

static int options_check(const struct compose_options *options, char *problem, size_t size)
{
    char address[MAIL_ADDRESS_SIZE], domain[MAIL_ADDRESS_SIZE + 2];

    if (mail_address_read(options->sender, address) < 0) {
        snprintf(problem, size, "\"%s\" isn't a mail address to send from", options->sender);
        return -EINVAL;
    }
    snprintf(domain, sizeof domain, "x@%s", options->message_domain);
    if (mail_address_read(domain, address) < 0) {
        snprintf(problem, size, "\"%s\" isn't a domain for Message-IDs", options->message_domain);
        return -EINVAL;
    }
    if (options->bounce_address && *options->bounce_address &&
        bounce_address_read(options->bounce_address, address) < 0) {
        snprintf(problem, size, "\"%s\" isn't an address for bounces, or leaves no room in it",
                 options->bounce_address);
        return -EINVAL;
    }
    return 0;
}

static bool options_copy(struct compose *compose, const struct compose_options *options)
{
    size_t length = strlen(options->base_url);

    while (length > 0 && options->base_url[length - 1] == '/')
        length--;
    compose->base_url = strndup(options->base_url, length);
    compose->sender = strdup(options->sender);
    compose->sender_name = strdup(options->sender_name ? options->sender_name : "");
    compose->company = strdup(options->company ? options->company : "");
    compose->support = strdup(options->support ? options->support : "");
    compose->message_domain = strdup(options->message_domain);
    if (options->bounce_address && *options->bounce_address)
        (void)bounce_address_read(options->bounce_address, compose->bounce_address);
    compose->link_hours = options->link_hours > 0 ? options->link_hours : COMPOSE_LINK_HOURS;
    compose->code_minutes =
        options->code_minutes > 0 ? options->code_minutes : COMPOSE_CODE_MINUTES;
    return compose->base_url && compose->sender && compose->sender_name && compose->company &&
           compose->support && compose->message_domain;
}

static void gmime_start(void)
{
    g_mime_init();
}

int compose_open(const struct compose_options *options, const struct keys *keys, char *problem,
                 size_t size, struct compose **ret)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    _cleanup_(compose_free_p) struct compose *compose = calloc(1, sizeof *compose);
    int r;

    if (!compose)
        return -ENOMEM;
    pthread_once(&once, gmime_start);
    compose->keys = keys;
    r = options_check(options, problem, size);
    if (r < 0)
        return r;
    if (!options_copy(compose, options))
        return -ENOMEM;
    r = templates_load(compose, options->templates, problem, size);
    if (r < 0)
        return r;
    *ret = TAKE(compose);
    return 0;
}

void mail_clear(struct mail *mail)
{
    if (mail->message)
        explicit_bzero(mail->message, mail->message_size); /* holds the link, or the code */
    free(mail->message);
    free(mail->sender);
    free(mail->recipient);
    *mail = (struct mail){0};
}

/* What a job asks for. */
struct order {
    size_t topic, language;
    char to[MAIL_ADDRESS_SIZE];
    char name[NAME_SIZE];
    char day[DAY_SIZE]; /* in words; "" where the topic has none */
};

static bool topic_find(const char *word, size_t *ret)
{
    for (*ret = 0; *ret < ELEMENTS(topics); ++*ret)
        if (strcmp(word, topics[*ret].word) == 0)
            return true;
    return false;
}

static bool language_find(const char *word, size_t *ret)
{
    for (*ret = 0; *ret < ELEMENTS(languages); ++*ret)
        if (strcmp(word, languages[*ret].word) == 0)
            return true;
    return false;
}

bool compose_topic_noted(const char *word)
{
    size_t topic;

    return topic_find(word, &topic) && topics[topic].noted;
}

/* A name goes into headers and into a greeting: one line, nothing but blanks counts as none. */
static int name_read(const char *name, char ret[static NAME_SIZE])
{
    size_t n = 0;

    if (strlen(name) >= NAME_SIZE)
        return -EBADMSG;
    for (; *name; name++) {
        bool blank = (unsigned char)*name <= ' ' || *name == 127;

        if (!blank)
            ret[n++] = *name;
        else if (n > 0 && ret[n - 1] != ' ')
            ret[n++] = ' ';
    }
    while (n > 0 && ret[n - 1] == ' ')
        n--;
    ret[n] = '\0';
    return 0;
}

/* A mail whose words name a day isn't sent without one. */
static int day_read(const json_t *day, struct order *ret)
{
    bool wanted = topics[ret->topic].names & DAY_NAMES;

    if (!wanted)
        return 0;
    return json_is_string(day) &&
                   calendar_say_day(json_string_value(day), languages[ret->language].word, ret->day,
                                    sizeof ret->day) == 0
               ? 0
               : -EBADMSG;
}

static int payload_read(json_t *payload, struct order *ret)
{
    const char *to = json_string_value(json_object_get(payload, "to"));
    const char *language = json_string_value(json_object_get(payload, "language"));
    const json_t *name = json_object_get(payload, "name");
    int r = 0;

    if (!to || !language || !language_find(language, &ret->language))
        return -EBADMSG;
    if (json_is_string(name))
        r = name_read(json_string_value(name), ret->name);
    else if (name && !json_is_null(name))
        r = -EBADMSG;
    if (r == 0)
        r = day_read(json_object_get(payload, "day"), ret);
    return r < 0 ? r : mail_address_read(to, ret->to);
}

static int order_read(const struct job *job, struct order *ret)
{
    json_t *payload;
    int r;

    if (!job->payload || !topic_find(job->topic, &ret->topic))
        return -EBADMSG;
    payload = json_loadb((const char *)job->payload, job->payload_size, 0, NULL);
    r = payload_read(payload, ret);
    json_decref(payload);
    return r;
}

/* The strings that templates may use; secrets are stood in for. */
struct values {
    char greeting[NAME_SIZE + 32], link[LINK_SIZE], hours[24], not_me[LINK_SIZE],
        login_url[LINK_SIZE], time[TIME_SIZE], minutes[24];
};

static bool fits(int n, size_t size)
{
    return n >= 0 && (size_t)n < size;
}

static bool values_make(const struct compose *compose, const struct job *job,
                        const struct order *order, const struct stand_ins *stand_ins,
                        struct values *v)
{
    bool fit;

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral" /* formats of the table above */
    fit = fits(snprintf(v->greeting, sizeof v->greeting,
                        order->name[0] ? languages[order->language].to_somebody
                                       : languages[order->language].to_anybody,
                        order->name),
               sizeof v->greeting);
#pragma GCC diagnostic pop
    fit = fit &&
          fits(snprintf(v->link, LINK_SIZE, "%s/confirm/%s", compose->base_url, stand_ins->token),
               LINK_SIZE) &&
          fits(snprintf(v->not_me, LINK_SIZE, "%s/not-me/%s", compose->base_url,
                        stand_ins->reference),
               LINK_SIZE) &&
          fits(snprintf(v->login_url, LINK_SIZE, "%s/login", compose->base_url), LINK_SIZE) &&
          fits(snprintf(v->hours, sizeof v->hours, "%ld", compose->link_hours), sizeof v->hours) &&
          fits(snprintf(v->minutes, sizeof v->minutes, "%ld", compose->code_minutes),
               sizeof v->minutes) &&
          calendar_say_time(job->created, languages[order->language].word, v->time, TIME_SIZE) == 0;
    return fit;
}

struct texts {
    char *part[PARTS];
};

static void texts_clear(struct texts *texts)
{
    for (size_t k = 0; k < PARTS; k++)
        wipe_free_p(&texts->part[k]);
}

/* The words of a part, in their frame. */
static int framed_render(const struct compose *compose, const struct order *order, size_t part,
                         const char *values[static TEMPLATE_NAMES], char **ret)
{
    _cleanup_wipe_free_ char *body = NULL;
    int r = template_render(compose->templates[order->topic][order->language][part], values, &body);

    if (r < 0)
        return r;
    g_strchomp(body);
    values[TEMPLATE_BODY] = body;
    r = template_render(compose->frames[order->language][part], values, ret);
    values[TEMPLATE_BODY] = NULL;
    return r;
}

static int texts_render(const struct compose *compose, const struct job *job,
                        const struct order *order, const struct stand_ins *stand_ins,
                        struct texts *ret)
{
    struct values v = {0};
    const char *values[TEMPLATE_NAMES] = {
        [TEMPLATE_COMPANY] = compose->company,
        [TEMPLATE_SUPPORT] = compose->support,
        [TEMPLATE_NAME] = order->name,
        [TEMPLATE_GREETING] = v.greeting,
        [TEMPLATE_LINK] = v.link,
        [TEMPLATE_HOURS] = v.hours,
        [TEMPLATE_NOT_ME] = v.not_me,
        [TEMPLATE_REFERENCE] = stand_ins->reference,
        [TEMPLATE_LOGIN_URL] = v.login_url,
        [TEMPLATE_TIME] = v.time,
        [TEMPLATE_CODE] = stand_ins->code,
        [TEMPLATE_MINUTES] = v.minutes,
        [TEMPLATE_DAY] = order->day,
    };

    int r;

    if (!values_make(compose, job, order, stand_ins, &v))
        return -EBADMSG;
    r = template_render(compose->templates[order->topic][order->language][PART_SUBJECT], values,
                        &ret->part[PART_SUBJECT]);
    if (r < 0)
        return r;
    g_strstrip(ret->part[PART_SUBJECT]);
    g_strdelimit(ret->part[PART_SUBJECT], "\r\n", ' ');
    values[TEMPLATE_TITLE] = ret->part[PART_SUBJECT];
    for (size_t k = PART_SUBJECT + 1; r == 0 && k < PARTS; k++)
        r = framed_render(compose, order, k, values, &ret->part[k]);
    return r;
}

static void multipart_add(GMimeMultipart *multipart, const char *subtype, const char *text)
{
    /* Not g_mime_text_part_set_text(): that picks a charset by what is in the text, and the HTML
       says that it is UTF-8. */
    GMimePart *part = GMIME_PART(g_mime_text_part_new_with_subtype(subtype));
    GMimeStream *stream = g_mime_stream_mem_new_with_buffer(text, strlen(text));
    GMimeDataWrapper *content =
        g_mime_data_wrapper_new_with_stream(stream, GMIME_CONTENT_ENCODING_DEFAULT);

    g_mime_text_part_set_charset(GMIME_TEXT_PART(part), "utf-8");
    g_mime_part_set_content(part, content);
    g_mime_part_set_content_encoding(part, GMIME_CONTENT_ENCODING_QUOTEDPRINTABLE);
    g_mime_multipart_add(multipart, GMIME_OBJECT(part));
    g_object_unref(content);
    g_object_unref(stream);
    g_object_unref(part);
}

static void message_set_headers(GMimeMessage *message, const struct compose *compose,
                                const struct job *job, const struct order *order, time_t date)
{
    static const struct {
        const char *name, *value;
    } fixed[] = {
        {"Auto-Submitted", "auto-generated"},           /* RFC 3834 */
        {"X-Auto-Response-Suppress", "OOF, AutoReply"}, /* Exchange's word for it */
    };
    GMimeObject *object = GMIME_OBJECT(message);
    GDateTime *when = g_date_time_new_from_unix_local(date);
    char id[ULID_SIZE + MAIL_ADDRESS_SIZE + 1];

    g_mime_message_add_mailbox(message, GMIME_ADDRESS_TYPE_FROM,
                               compose->sender_name[0] ? compose->sender_name : NULL,
                               compose->sender);
    g_mime_message_add_mailbox(message, GMIME_ADDRESS_TYPE_TO, order->name[0] ? order->name : NULL,
                               order->to);
    g_mime_message_set_date(message, when);
    g_date_time_unref(when);
    snprintf(id, sizeof id, "%s@%s", job->id, compose->message_domain);
    g_mime_message_set_message_id(message, id);
    for (size_t i = 0; i < ELEMENTS(fixed); i++)
        g_mime_object_append_header(object, fixed[i].name, fixed[i].value, NULL);
    g_mime_object_append_header(object, "Content-Language", languages[order->language].word, NULL);
}

static GMimeMessage *message_make(const struct compose *compose, const struct job *job,
                                  const struct order *order, const struct texts *texts, time_t date)
{
    GMimeMessage *message = g_mime_message_new(TRUE);
    GMimeMultipart *multipart = g_mime_multipart_new_with_subtype("alternative");
    char boundary[ULID_SIZE + 2];

    message_set_headers(message, compose, job, order, date);
    g_mime_message_set_subject(message, texts->part[PART_SUBJECT], "utf-8");
    /* "=_" can't occur in quoted-printable, so no text can hold the boundary. */
    snprintf(boundary, sizeof boundary, "=_%s", job->id);
    g_mime_multipart_set_boundary(multipart, boundary);
    multipart_add(multipart, "plain", texts->part[PART_TEXT]);
    multipart_add(multipart, "html", texts->part[PART_HTML]);
    g_mime_message_set_mime_part(message, GMIME_OBJECT(multipart));
    g_object_unref(multipart);
    return message;
}

static int message_write(GMimeMessage *message, struct mail *mail)
{
    GMimeFormatOptions *format = g_mime_format_options_new();
    GMimeStream *stream = g_mime_stream_mem_new();
    GByteArray *bytes;
    int r = 0;

    g_mime_format_options_set_newline_format(format, GMIME_NEWLINE_FORMAT_DOS);
    if (g_mime_object_write_to_stream(GMIME_OBJECT(message), format, stream) < 0)
        r = -ENOMEM;
    bytes = g_mime_stream_mem_get_byte_array(GMIME_STREAM_MEM(stream));
    if (r == 0 && !(mail->message = malloc(bytes->len)))
        r = -ENOMEM;
    if (r == 0) {
        memcpy(mail->message, bytes->data, bytes->len);
        mail->message_size = bytes->len;
    }
    g_object_unref(stream);
    g_mime_format_options_free(format);
    return r;
}

static char *sender_make(const struct compose *compose, const struct job *job)
{
    char sender[MAIL_ADDRESS_SIZE];

    if (!*compose->bounce_address)
        return strdup(compose->sender);
    bounce_sender(compose->keys, compose->bounce_address, job->id, sender);
    return strdup(sender);
}

int compose_mail(const struct compose *compose, const struct job *job, time_t date,
                 struct mail *ret)
{
    _cleanup_(texts_clear) struct texts texts = {0};
    _cleanup_(mail_clear) struct mail mail = {0};
    struct order order = {0};
    struct stand_ins stand_ins;
    GMimeMessage *message;
    int r = order_read(job, &order);

    stand_ins_make(&stand_ins);
    if (r == 0)
        r = texts_render(compose, job, &order, &stand_ins, &texts);
    if (r < 0)
        return r;
    message = message_make(compose, job, &order, &texts, date);
    r = message_write(message, &mail);
    g_object_unref(message);
    if (r == 0)
        stand_ins_replace(&stand_ins, compose->keys, job->id, (char *)mail.message,
                          mail.message_size);
    if (r < 0)
        return r;
    mail.sender = sender_make(compose, job);
    mail.recipient = strdup(order.to);
    if (!mail.sender || !mail.recipient)
        return -ENOMEM;
    *ret = mail;
    mail = (struct mail){0};
    return 0;
}
