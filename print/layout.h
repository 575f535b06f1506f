/* Text laid out by Pango, for page.c alone. Layouts of texts that come back with every letter are
   made once and kept. */
#pragma once

#include "missing.h"
#include "page.h"

#include <pango/pangocairo.h>

#define LAYOUTS_OWN 64

struct layout_made;

/* The layouts of one page's own texts, which are dropped with it. */
struct layouts {
    struct page_fonts *fonts;
    struct layout_made *own; /* LAYOUTS_OWN of them, the oldest replaced first */
    size_t count;
    struct missing missing; /* characters of its texts that no installed font has */
};
int layouts_open(struct page_fonts *fonts, struct layouts *ret);
void layouts_clear(struct layouts *layouts);

/* text in style, wrapped at width millimetres, or not at all where width is 0. Not to be changed;
   the caller unrefs. */
PangoLayout *layout_get(struct layouts *layouts, const struct page_style *style, double width,
                        const char *text);
