/* Where one is in a page's HTML; html_feed() is the way in. */
#include "config.h"

#include "template-html.h"

#include "cleanup.h"

#include <string.h>
#include <strings.h>

static const struct {
    const char *name;
    enum html_kind kind;
} attributes[] = {
    {"href", HTML_URL},
    {"src", HTML_URL},
    {"action", HTML_URL},
    {"formaction", HTML_URL},
    {"content", HTML_NO_VALUES},
    {"http-equiv", HTML_NO_VALUES},
    {"srcset", HTML_NO_VALUES},
    {"imagesrcset", HTML_NO_VALUES},
    {"ping", HTML_NO_VALUES},
    {"poster", HTML_NO_VALUES},
    {"cite", HTML_NO_VALUES},
    {"background", HTML_NO_VALUES},
    {"xlink:href", HTML_NO_VALUES},
    {"style", HTML_REFUSED},
    {"srcdoc", HTML_REFUSED},
};

/* Elements whose content isn't read as HTML, or that pages have no business with. */
static const struct {
    const char *name;
    enum html_place inside; /* HTML_TEXT: refused */
} elements[] = {
    {"title", HTML_RCDATA}, {"textarea", HTML_RCDATA}, {"script", HTML_SCRIPT},
    {"style", HTML_TEXT},   {"iframe", HTML_TEXT},     {"object", HTML_TEXT},
    {"embed", HTML_TEXT},   {"base", HTML_TEXT},       {"xmp", HTML_TEXT},
    {"noembed", HTML_TEXT}, {"noframes", HTML_TEXT},   {"plaintext", HTML_TEXT},
    {"applet", HTML_TEXT},  {"frame", HTML_TEXT},      {"frameset", HTML_TEXT},
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\n' || c == '\t';
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_name(char c)
{
    return is_letter(c) || (c >= '0' && c <= '9') || c == '-' || c == ':';
}

static const char *append(char name[static HTML_NAME_MAX], char c)
{
    size_t length = strlen(name);

    if (length + 1 >= HTML_NAME_MAX)
        return "a name is too long";
    name[length] = (char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
    name[length + 1] = '\0';
    return NULL;
}

static enum html_kind kind_of(const char *attribute)
{
    for (size_t i = 0; i < ELEMENTS(attributes); i++) {
        if (strcmp(attribute, attributes[i].name) == 0)
            return attributes[i].kind;
    }
    return strncmp(attribute, "on", 2) == 0 ? HTML_REFUSED : HTML_PLAIN;
}

static const char *attribute_named(struct html *html)
{
    html->kind = kind_of(html->attribute);
    return html->kind == HTML_REFUSED ? "this attribute isn't had in pages" : NULL;
}

static const char *element_named(const struct html *html)
{
    for (size_t i = 0; i < ELEMENTS(elements); i++) {
        if (strcmp(html->element, elements[i].name) == 0 && elements[i].inside == HTML_TEXT)
            return "this element isn't had in pages";
    }
    return NULL;
}

/* The tag is whole. */
static void tag_end(struct html *html)
{
    html->place = HTML_TEXT;
    html->inside[0] = '\0';
    for (size_t i = 0; i < ELEMENTS(elements) && !html->closing; i++) {
        if (strcmp(html->element, elements[i].name) == 0) {
            html->place = elements[i].inside;
            strcpy(html->inside, html->element);
        }
    }
    html->element[0] = html->attribute[0] = '\0';
    html->closing = false;
}

static const char *feed_open(struct html *html, char c)
{
    if (html->inside[0] && c != '/')
        return "no tag may stand here";
    if (c == '/') {
        html->place = HTML_CLOSE;
        return NULL;
    }
    if (c == '!') {
        html->place = HTML_DOCTYPE;
        return NULL;
    }
    if (!is_letter(c))
        return "a < that begins no tag: write &lt;";
    html->place = HTML_ELEMENT;
    return append(html->element, c);
}

static const char *feed_close(struct html *html, char c)
{
    if (!is_letter(c))
        return "a </ that ends no element";
    html->closing = true;
    html->place = HTML_ELEMENT;
    return append(html->element, c);
}

static const char *feed_between(struct html *html, char c)
{
    if (is_blank(c)) {
        html->place = HTML_BETWEEN;
        return NULL;
    }
    if (c == '/' && !html->closing) {
        html->place = HTML_AFTER;
        return NULL;
    }
    if (c == '>') {
        tag_end(html);
        return NULL;
    }
    if (html->place == HTML_AFTER)
        return "a blank is missing between attributes";
    if (!is_letter(c) || html->closing)
        return "this can't be an attribute";
    html->attribute[0] = '\0';
    html->place = HTML_NAME;
    return append(html->attribute, c);
}

static const char *feed_element(struct html *html, char c)
{
    const char *problem;

    if (is_name(c))
        return append(html->element, c);
    problem = element_named(html);
    if (problem)
        return problem;
    if (html->inside[0] && strcmp(html->element, html->inside) != 0)
        return "another element ends here than began";
    html->place = HTML_AFTER;
    return feed_between(html, c);
}

static const char *feed_name(struct html *html, char c)
{
    const char *problem;

    if (is_name(c))
        return append(html->attribute, c);
    problem = attribute_named(html);
    if (problem)
        return problem;
    if (c == '=') {
        html->place = HTML_EQUALS;
        return NULL;
    }
    html->place = HTML_AFTER;
    return feed_between(html, c);
}

static const char *feed_value(struct html *html, char c)
{
    size_t length = strlen(html->prefix);

    if (c == html->quote) {
        html->place = HTML_AFTER;
        html->attribute[0] = html->prefix[0] = html->quote = '\0';
        html->begun = false;
        html->kind = HTML_PLAIN;
        return NULL;
    }
    if (html->kind == HTML_URL) {
        html->begun = true;
        if (length + 1 < HTML_PREFIX_MAX) {
            html->prefix[length] = c;
            html->prefix[length + 1] = '\0';
        }
    }
    return NULL;
}

static const char *feed_equals(struct html *html, char c)
{
    if (c != '"' && c != '\'')
        return "an attribute's value needs quotes";
    html->quote = c;
    html->place = HTML_VALUE;
    html->prefix[0] = '\0';
    html->begun = false;
    return NULL;
}

static const char *feed_text(struct html *html, char c)
{
    if (c == '<')
        html->place = HTML_OPEN;
    else if (html->place == HTML_SCRIPT)
        return "scripts stand in files of their own";
    return NULL;
}

/* Comments are for templates: they would be sent. */
static const char *feed_doctype(struct html *html, char c)
{
    if (c == '>')
        html->place = HTML_TEXT;
    else if (!is_letter(c) && c != ' ')
        return "comments are written {{! … }}";
    return NULL;
}

const char *html_feed(struct html *html, char c)
{
    if ((unsigned char)c < ' ' && c != '\n' && c != '\t')
        return "a control character";
    switch (html->place) {
    case HTML_TEXT:
    case HTML_RCDATA:
    case HTML_SCRIPT:
        return feed_text(html, c);
    case HTML_OPEN:
        return feed_open(html, c);
    case HTML_CLOSE:
        return feed_close(html, c);
    case HTML_ELEMENT:
        return feed_element(html, c);
    case HTML_BETWEEN:
    case HTML_AFTER:
        return feed_between(html, c);
    case HTML_NAME:
        return feed_name(html, c);
    case HTML_EQUALS:
        return feed_equals(html, c);
    case HTML_VALUE:
        return feed_value(html, c);
    case HTML_DOCTYPE:
        return feed_doctype(html, c);
    }
    return "out of place";
}

/* What a literal beginning must be, so that percent-encoded text behind it stays harmless. */
static bool prefix_is_safe(const char *prefix)
{
    static const char *const safe[] = {"#", "?", "http:", "https:", "mailto:", "tel:"};

    if (prefix[0] == '/')
        return prefix[1] != '/' && prefix[1] != '\\';
    for (size_t i = 0; i < ELEMENTS(safe); i++) {
        if (strncmp(prefix, safe[i], strlen(safe[i])) == 0)
            return true;
    }
    return false;
}

static const char *url_hole(struct html *html, enum html_hole *ret)
{
    if (html->prefix[0] && !prefix_is_safe(html->prefix))
        return "an URL that begins so can't hold values";
    *ret = html->begun ? HOLE_URL_PART : HOLE_URL;
    html->begun = true;
    return NULL;
}

const char *html_hole(struct html *html, enum html_hole *ret)
{
    if (html->place == HTML_TEXT || html->place == HTML_RCDATA) {
        *ret = HOLE_TEXT;
        return NULL;
    }
    if (html->place != HTML_VALUE)
        return "a value can't be escaped here";
    if (html->kind == HTML_URL)
        return url_hole(html, ret);
    if (html->kind != HTML_PLAIN)
        return "this attribute can't hold values";
    *ret = HOLE_ATTRIBUTE;
    return NULL;
}

const char *html_pause(struct html *html)
{
    const char *problem = NULL;

    switch (html->place) {
    case HTML_TEXT:
    case HTML_RCDATA:
    case HTML_BETWEEN:
    case HTML_AFTER:
    case HTML_VALUE:
        return NULL;
    case HTML_ELEMENT: /* its name ends here */
        if (html->closing)
            return "a section can't begin or end here";
        html->place = HTML_AFTER;
        return element_named(html);
    case HTML_NAME: /* likewise */
        problem = attribute_named(html);
        html->attribute[0] = '\0';
        html->place = HTML_AFTER;
        return problem;
    default:
        return "a section can't begin or end here";
    }
}

const char *html_join(struct html *html, const struct html *before)
{
    bool in_tag = (html->place == HTML_AFTER || html->place == HTML_BETWEEN) &&
                  (before->place == HTML_AFTER || before->place == HTML_BETWEEN);

    if ((html->place != before->place && !in_tag) || html->quote != before->quote ||
        html->begun != before->begun || html->closing != before->closing ||
        strcmp(html->element, before->element) != 0 ||
        strcmp(html->attribute, before->attribute) != 0 ||
        strcmp(html->inside, before->inside) != 0)
        return "a section must end where it began: both in text, or in the same tag or attribute";
    if (before->place == HTML_AFTER)
        html->place = HTML_AFTER;
    return NULL;
}
