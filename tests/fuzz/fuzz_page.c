/* Templates of pages, and what is put into them, through libFuzzer: `make fuzz`. The input is a
   template and, behind a NUL, a value. What is taken in is rendered with that value and with a
   harmless one: a value must never make a tag or end an attribute. */
#include "config.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

#include "cleanup.h"
#include "web/template-private.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct told {
    unsigned faults, lines;
};

static void demand(bool what)
{
    if (!what)
        abort();
}

static void tell(void *userdata, const char *file, unsigned line, const char *problem)
{
    struct told *told = userdata;

    demand(*file && *problem && line >= 1 && line <= told->lines);
    told->faults++;
}

static char *render(const struct templates *t, const char *value)
{
    _cleanup_(view_free_p) struct view *view = view_new();
    char *page = NULL;
    size_t size;
    int r;

    view_set(view, "a", value);
    view_set(view, "b", value);
    view_markup(view, "m", "<b>x</b>");
    view_set(view_row(view, "r"), "a", value);
    view_row(view, "r");
    r = templates_render(t, "de", "page", view, &page, &size);
    demand(r == 0 || r == -EMSGSIZE || r == -ENOMEM);
    demand(r < 0 || strlen(page) == size);
    return page;
}

static size_t count(const char *text, char c)
{
    size_t n = 0;

    for (; *text; text++)
        n += *text == c;
    return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _cleanup_(templates_free_p) struct templates *t = NULL;
    _cleanup_free_ char *text = strndup((const char *)data, size), *value = NULL, *page = NULL,
                        *harmless = NULL;
    struct told told = {.lines = 1 + (unsigned)count(text, '\n')};
    const struct source source[] = {{"page", text}, {"part", "<p>{{a}}</p>"}};
    size_t length = strlen(text);
    int r = templates_make(&(struct sources){source, ELEMENTS(source)}, tell, &told, &t);

    demand(r == 0 ? told.faults == 0 : told.faults > 0 && r == -EINVAL);
    if (r < 0 || length + 1 >= size)
        return 0;
    value = strndup((const char *)data + length + 1, size - length - 1);
    if (!*value)
        return 0;
    page = render(t, value);
    harmless = render(t, "x");
    for (const char *c = "<>\"'"; page && harmless && *c; c++)
        demand(count(page, *c) == count(harmless, *c));
    return 0;
}
