/* Reads delivery status notifications with GMime: dsn.h. */
#include "config.h"

#include "dsn.h"

#include "cleanup.h"

#include <ctype.h>
#include <errno.h>
#include <gmime/gmime.h>
#include <stdbool.h>
#include <string.h>

#define PARTS_MAX    8 /* of the report: it has three */
#define FIELDS_MAX   1000
#define ADDRESS_MAX  998 /* of a header's value; a line of RFC 5322 */
#define DELIMITERS   "+-="
#define DIGITS       "0123456789"
#define SYMBOLS      DIGITS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
#define SYMBOL_COUNT (DSN_REFERENCE_SIZE - 1)

void dsn_start(void)
{
    g_mime_init();
}

/* "…+REFERENCE@" anywhere in text. Whether it is ours is for portald to say. */
static bool reference_find(const char *text, char ret[static DSN_REFERENCE_SIZE])
{
    const char *end = text + strnlen(text, ADDRESS_MAX);

    for (const char *at = strchr(text, '@'); at && at < end; at = strchr(at + 1, '@')) {
        const char *first = at - SYMBOL_COUNT;

        if (at - text <= (ptrdiff_t)SYMBOL_COUNT || !strchr(DELIMITERS, first[-1]) ||
            strspn(first, SYMBOLS) != SYMBOL_COUNT)
            continue;
        memcpy(ret, first, SYMBOL_COUNT);
        ret[SYMBOL_COUNT] = '\0';
        return true;
    }
    return false;
}

/* What relays call the address that a mail came to, the most certain first. */
static bool reference_in_headers(GMimeMessage *message, char ret[static DSN_REFERENCE_SIZE])
{
    static const char *const names[] = {"X-Original-To", "Delivered-To", "Envelope-To", "To"};

    for (size_t i = 0; i < ELEMENTS(names); i++) {
        const char *value = g_mime_object_get_header(GMIME_OBJECT(message), names[i]);

        if (value && reference_find(value, ret))
            return true;
    }
    return false;
}

/* The content of part as text, without its transfer encoding; NULL when it is too long. */
static char *part_text(GMimePart *part)
{
    GMimeDataWrapper *content = g_mime_part_get_content(part);
    GMimeStream *stream;
    GByteArray *bytes;
    char *text = NULL;

    if (!content)
        return NULL;
    stream = g_mime_stream_mem_new();
    if (g_mime_data_wrapper_write_to_stream(content, stream) >= 0) {
        bytes = g_mime_stream_mem_get_byte_array(GMIME_STREAM_MEM(stream));
        if (bytes && bytes->len <= DSN_STATUS_MAX && (text = malloc(bytes->len + 1u))) {
            if (bytes->len > 0)
                memcpy(text, bytes->data, bytes->len);
            text[bytes->len] = '\0';
        }
    }
    g_object_unref(stream);
    return text;
}

static bool is_status(GMimeObject *object)
{
    GMimeContentType *type = g_mime_object_get_content_type(object);

    return GMIME_IS_PART(object) &&
           (g_mime_content_type_is_type(type, "message", "delivery-status") ||
            g_mime_content_type_is_type(type, "message", "global-delivery-status")); /* RFC 6533 */
}

/* The fields of a report, as text. NULL when the message isn't one. */
static char *report_find(GMimeMessage *message)
{
    GMimeObject *root = g_mime_message_get_mime_part(message);
    GMimeContentType *type = root ? g_mime_object_get_content_type(root) : NULL;
    const char *reported;

    if (!type || !GMIME_IS_MULTIPART(root) ||
        !g_mime_content_type_is_type(type, "multipart", "report"))
        return NULL;
    reported = g_mime_content_type_get_parameter(type, "report-type");
    if (reported && strcasecmp(reported, "delivery-status") != 0)
        return NULL;
    for (int i = 0; i < g_mime_multipart_get_count(GMIME_MULTIPART(root)) && i < PARTS_MAX; i++) {
        GMimeObject *part = g_mime_multipart_get_part(GMIME_MULTIPART(root), i);

        if (is_status(part))
            return part_text(GMIME_PART(part));
    }
    return NULL;
}

/* Folded lines become one, line ends and NULs uniform; in place. */
static void lines_unfold(char *text)
{
    char *to = text;

    for (const char *from = text; *from; from++) {
        if (*from == '\r')
            continue;
        if (*from == '\n' && (from[1] == ' ' || from[1] == '\t'))
            continue;
        *to++ = *from;
    }
    *to = '\0';
}

static char *trim(char *text)
{
    size_t length;

    text += strspn(text, " \t");
    length = strlen(text);
    while (length > 0 && strchr(" \t", text[length - 1]))
        text[--length] = '\0';
    return text;
}

/* Value without its type ("smtp; 550 …", "rfc822; a@b.example"), printable, cut to size. */
static void value_copy(const char *value, char *ret, size_t size)
{
    const char *behind = strchr(value, ';');
    size_t n = 0;

    for (value = behind ? behind + 1 : value; *value && n + 1 < size; value++)
        if (*value > ' ' && *value <= '~')
            ret[n++] = *value;
        else if (n > 0 && ret[n - 1] != ' ')
            ret[n++] = *value == ' ' || *value == '\t' ? ' ' : '?';
    ret[n] = '\0';
}

/* The fields of one recipient. */
struct group {
    int action; /* enum wire_bounce; < 0: none */
    char status[DSN_CODE_SIZE], diagnostic[DSN_DIAGNOSTIC_SIZE], recipient[DSN_RECIPIENT_SIZE];
};

static int action_read(const char *value)
{
    static const struct {
        const char *word;
        enum wire_bounce what;
    } actions[] = {
        {"failed", WIRE_BOUNCE_FAILED},       {"delayed", WIRE_BOUNCE_DELAYED},
        {"delivered", WIRE_BOUNCE_DELIVERED}, {"relayed", WIRE_BOUNCE_DELIVERED},
        {"expanded", WIRE_BOUNCE_DELIVERED},
    };
    size_t length = strcspn(value, " \t;(");

    for (size_t i = 0; i < ELEMENTS(actions); i++)
        if (strlen(actions[i].word) == length && strncasecmp(actions[i].word, value, length) == 0)
            return (int)actions[i].what;
    return -EBADMSG;
}

/* class "." subject "." detail, RFC 3463, 2; comments may follow. */
static void status_read(const char *value, char ret[static DSN_CODE_SIZE])
{
    size_t length = 1;

    if (!value[0] || !strchr("245", value[0]))
        return;
    for (int i = 0; i < 2; i++) {
        size_t digits = value[length] == '.' ? strspn(value + length + 1, DIGITS) : 0;

        if (digits < 1 || digits > 3)
            return;
        length += 1 + digits;
    }
    memcpy(ret, value, length);
    ret[length] = '\0';
}

static void field_take(struct group *group, const char *name, const char *value)
{
    if (strcasecmp(name, "Action") == 0)
        group->action = action_read(value);
    else if (strcasecmp(name, "Status") == 0)
        status_read(value, group->status);
    else if (strcasecmp(name, "Diagnostic-Code") == 0)
        value_copy(value, group->diagnostic, sizeof group->diagnostic);
    else if (strcasecmp(name, "Final-Recipient") == 0)
        value_copy(value, group->recipient, sizeof group->recipient);
}

/* Whether action and status say the same. A relay that gave up after days of 4.x.x failed. */
static bool group_is_sound(const struct group *group)
{
    static const char *const classes[] = {
        [WIRE_BOUNCE_FAILED] = "54",
        [WIRE_BOUNCE_DELAYED] = "4",
        [WIRE_BOUNCE_DELIVERED] = "2",
    };

    return group->action >= 0 && group->status[0] &&
           strchr(classes[group->action], group->status[0]);
}

/* Our mails have one recipient; what an expander made of it may have more. The worst counts. */
static void group_end(struct group *group, struct dsn *dsn)
{
    if (group_is_sound(group) && (!dsn->status[0] || (enum wire_bounce)group->action < dsn->what)) {
        dsn->what = (enum wire_bounce)group->action;
        memcpy(dsn->status, group->status, sizeof dsn->status);
        memcpy(dsn->diagnostic, group->diagnostic, sizeof dsn->diagnostic);
        memcpy(dsn->recipient, group->recipient, sizeof dsn->recipient);
    }
    *group = (struct group){.action = -1};
}

static int fields_read(char *text, struct dsn *dsn)
{
    struct group group = {.action = -1};
    char *line, *rest = text;

    lines_unfold(text);
    for (int i = 0; i < FIELDS_MAX && (line = strsep(&rest, "\n")); i++) {
        char *colon = strchr(line, ':');

        if (!*line) {
            group_end(&group, dsn);
        } else if (colon) {
            *colon = '\0';
            field_take(&group, trim(line), trim(colon + 1));
        }
    }
    group_end(&group, dsn);
    return dsn->status[0] ? 0 : -EBADMSG;
}

static GMimeMessage *message_parse(const void *data, size_t size)
{
    GMimeStream *stream = g_mime_stream_mem_new_with_buffer(data, size);
    GMimeParser *parser = g_mime_parser_new_with_stream(stream);
    GMimeMessage *message = g_mime_parser_construct_message(parser, NULL);

    g_object_unref(parser);
    g_object_unref(stream);
    return message;
}

int dsn_read(const void *data, size_t size, const char *address, struct dsn *ret)
{
    _cleanup_free_ char *text = NULL;
    struct dsn dsn = {0};
    GMimeMessage *message;
    bool named;

    if (size == 0 || !(message = message_parse(data, size < DSN_MAX ? size : DSN_MAX)))
        return -EBADMSG;
    text = report_find(message);
    named = address ? reference_find(address, dsn.reference)
                    : reference_in_headers(message, dsn.reference);
    g_object_unref(message);
    if (!text || fields_read(text, &dsn) < 0)
        return -EBADMSG;
    if (!named)
        return -ENOENT;
    *ret = dsn;
    return 0;
}
