/* Escaping; escape_add() is the way in. */
#include "config.h"

#include "template-escape.h"

#include "cleanup.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

static bool is_alphanumeric(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static const char *entity(char c)
{
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    default:
        /* No control character has a meaning in HTML but these two. */
        return ((unsigned char)c < ' ' && c != '\n' && c != '\t') || c == 0x7f ? "" : NULL;
    }
}

static void add_text(struct buffer *buffer, const char *value)
{
    const char *from = value;

    for (const char *p = value; *p; p++) {
        const char *instead = entity(*p);

        if (!instead)
            continue;
        buffer_add(buffer, from, (size_t)(p - from));
        buffer_add_text(buffer, instead);
        from = p + 1;
    }
    buffer_add_text(buffer, from);
}

/* A browser drops blanks and control characters from URLs, and takes \ for /. */
static bool is_clean(const char *url)
{
    for (const char *p = url; *p; p++) {
        if ((unsigned char)*p <= ' ' || *p == 0x7f || *p == '\\')
            return false;
    }
    return true;
}

static bool url_is_safe(const char *url)
{
    static const char *const hosts[] = {"https://", "http://"};

    if (!is_clean(url))
        return false;
    if (url[0] == '/')
        return url[1] != '/';
    for (size_t i = 0; i < ELEMENTS(hosts); i++) {
        size_t length = strlen(hosts[i]);

        if (strncasecmp(url, hosts[i], length) == 0)
            return is_alphanumeric(url[length]) || url[length] == '[';
    }
    return strncasecmp(url, "mailto:", strlen("mailto:")) == 0 ||
           strncasecmp(url, "tel:", strlen("tel:")) == 0;
}

/* RFC 3986, 2.3, and the @ of addresses. */
static void add_encoded(struct buffer *buffer, const char *value)
{
    static const char digits[] = "0123456789ABCDEF";

    for (const char *p = value; *p; p++) {
        const unsigned char c = (unsigned char)*p;
        const char encoded[3] = {'%', digits[c >> 4], digits[c & 15]};

        if (is_alphanumeric(*p) || strchr("-._~@", *p))
            buffer_add(buffer, p, 1);
        else
            buffer_add(buffer, encoded, sizeof encoded);
    }
}

void escape_add(struct buffer *buffer, enum html_hole hole, const char *value)
{
    switch (hole) {
    case HOLE_TEXT:
    case HOLE_ATTRIBUTE:
        add_text(buffer, value);
        break;
    case HOLE_URL:
        if (url_is_safe(value))
            add_text(buffer, value);
        break;
    case HOLE_URL_PART:
        add_encoded(buffer, value);
        break;
    }
}
