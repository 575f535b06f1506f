/* /privacy, /terms: the very texts whose version and hash a registration records. Way in:
   page_text(). */
#include "config.h"

#include "page.h"

#include "site.h"
#include "visitor.h"
#include "web.h"

#include "cleanup.h"

#define PARAGRAPH_MAX 65536

/* Where the paragraph at p ends: at an empty line. */
static size_t paragraph_length(const char *p)
{
    const char *end = strstr(p, "\n\n");
    size_t length = end ? (size_t)(end - p) : strlen(p);

    return length > PARAGRAPH_MAX ? PARAGRAPH_MAX : length;
}

static void show_lines(struct view *paragraph, const char *p, size_t length)
{
    while (length > 0) {
        const char *newline = memchr(p, '\n', length);
        size_t line = newline ? (size_t)(newline - p) : length;
        struct view *row = view_row(paragraph, "lines");

        view_format(row, "line", "%.*s", (int)line, p);
        view_flag(row, "more", newline && line + 1 < length);
        line += newline != NULL;
        p += line;
        length -= line;
    }
}

static void show_text(struct view *view, const char *text)
{
    for (text += strspn(text, "\n"); *text; text += strspn(text, "\n")) {
        size_t length = paragraph_length(text);

        show_lines(view_row(view, "paragraphs"), text, length);
        text += length;
    }
}

void page_text(struct web *web, struct request *request, struct response *response)
{
    _cleanup_(site_facts_free_p) struct site_facts *facts = NULL;
    bool privacy = strcmp(request->path, "/privacy") == 0;
    const struct site_text *text;
    struct view *view;

    if (site_get(web, request, &facts) < 0) {
        visitor_unavailable(web, request, response);
        return;
    }
    text = privacy ? &facts->privacy : &facts->terms;
    view = view_new();
    view_flag(view, "privacy", privacy);
    view_set(view, "version", text->version);
    show_text(view, text->text);
    page_render(web, request, response, 200, "text", view);
}
