/* Fonts and text in them: layout.h. What belongs to one customer is never kept. */
#include "config.h"

#include "layout.h"

#include "texts.h"

#include "cleanup.h"

#include <cairo-pdf.h>
#include <ctype.h>
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define BOLD_MORE   300 /* what TEXT_BOLD adds to a weight */
#define WEIGHT_MOST 900
#define KEPT_MAX    1024

#ifdef __has_feature
#if __has_feature(address_sanitizer)
#define LEAKS_ARE_WATCHED
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define LEAKS_ARE_WATCHED
#endif

#ifdef LEAKS_ARE_WATCHED
/* fontconfig loses 288 bytes once a process, while Pango's thread sets it up. */
const char *__lsan_default_suppressions(void);
__attribute__((visibility("default"))) const char *__lsan_default_suppressions(void)
{
    return "leak:libfontconfig";
}
#endif

/* A layout and what it was made of. */
struct layout_made {
    uint64_t hash;
    char *text;
    struct page_style style;
    double width;
    PangoLayout *layout;
    struct missing missing;
};

struct page_fonts {
    PangoFontMap *map;
    PangoContext *context;
    char *family[2]; /* by enum page_face */
    struct layout_made kept[KEPT_MAX];
    size_t count;
};

DEFINE_CLEANUP(PangoFontDescription, pango_font_description_free)
DEFINE_CLEANUP(struct page_fonts, page_fonts_free)

/* Whether the family is there, and not only something like it. */
static bool family_exists(PangoFontMap *map, const char *family)
{
    PangoFontFamily **families = NULL;
    int count = 0;
    bool found = false;
    pango_font_map_list_families(map, &families, &count);
    for (int i = 0; i < count && !found; i++)
        found = strcasecmp(pango_font_family_get_name(families[i]), family) == 0;
    g_free(families);
    return found;
}

/* Metrics as a page of PDF has them: in no pixels. */
static PangoContext *context_new(PangoFontMap *map)
{
    PangoContext *context = pango_font_map_create_context(map);
    cairo_surface_t *surface = cairo_pdf_surface_create_for_stream(NULL, NULL, 1, 1);
    cairo_t *cairo = cairo_create(surface);
    pango_cairo_update_context(cairo, context);
    pango_context_set_round_glyph_positions(context, FALSE);
    cairo_destroy(cairo);
    cairo_surface_destroy(surface);
    return context;
}

int page_fonts_open(const char *body, const char *code, char *problem, size_t size,
                    struct page_fonts **ret)
{
    _cleanup_(page_fonts_free_p) struct page_fonts *fonts = calloc(1, sizeof *fonts);
    if (!fonts)
        return -ENOMEM;
    fonts->map = pango_cairo_font_map_new();
    fonts->context = context_new(fonts->map);
    fonts->family[PAGE_BODY] = strdup(body);
    fonts->family[PAGE_CODE] = strdup(code);
    if (!fonts->family[PAGE_BODY] || !fonts->family[PAGE_CODE])
        return -ENOMEM;
    for (size_t i = 0; i < ELEMENTS(fonts->family); i++) {
        if (family_exists(fonts->map, fonts->family[i]))
            continue;
        snprintf(problem, size, "the font \"%s\" isn't installed", fonts->family[i]);
        return -ENOENT;
    }
    *ret = TAKE(fonts);
    return 0;
}

static void made_clear(struct layout_made *made)
{
    if (made->layout)
        g_object_unref(made->layout);
    if (made->text)
        sodium_memzero(made->text, strlen(made->text));
    free(made->text);
    *made = (struct layout_made){0};
}

static void kept_drop(struct page_fonts *fonts)
{
    for (size_t i = 0; i < fonts->count; i++)
        made_clear(&fonts->kept[i]);
    fonts->count = 0;
}

struct page_fonts *page_fonts_free(struct page_fonts *fonts)
{
    if (!fonts)
        return NULL;
    kept_drop(fonts);
    if (fonts->context)
        g_object_unref(fonts->context);
    if (fonts->map)
        g_object_unref(fonts->map);
    free(fonts->family[PAGE_BODY]);
    free(fonts->family[PAGE_CODE]);
    free(fonts);
    return NULL;
}

static PangoFontDescription *describe(const struct page_fonts *fonts,
                                      const struct page_style *style)
{
    PangoFontDescription *d = pango_font_description_new();
    pango_font_description_set_family_static(d, fonts->family[style->face]);
    pango_font_description_set_absolute_size(d, style->size * PANGO_SCALE);
    pango_font_description_set_weight(d, (PangoWeight)(style->weight ? style->weight : 400));
    return d;
}

static void add_attribute(PangoAttrList *list, PangoAttribute *attribute, size_t from, size_t to)
{
    attribute->start_index = (guint)from;
    attribute->end_index = (guint)to;
    pango_attr_list_insert(list, attribute);
}

/* "E-Mail" isn't broken behind its hyphen. */
static void keep_hyphens(const char *plain, PangoAttrList *list)
{
    for (const char *c = strchr(plain, '-'); c; c = strchr(c + 1, '-')) {
        size_t at = (size_t)(c - plain);
        if (at > 0 && c[1] && isalpha((unsigned char)c[-1]) &&
            (at == 1 || !isgraph((unsigned char)c[-2])))
            add_attribute(list, pango_attr_allow_breaks_new(FALSE), at - 1, at + 2);
    }
}

/* Takes the marks out of text into plain, and makes them attributes. */
static size_t take_marks(const struct page_style *style, const char *text,
                         char plain[static TEXT_SIZE], PangoAttrList *list)
{
    const int more = (style->weight ? style->weight : 400) + BOLD_MORE;
    const PangoWeight weight = (PangoWeight)(more < WEIGHT_MOST ? more : WEIGHT_MOST);
    size_t length = 0, bold = SIZE_MAX, keep = SIZE_MAX;
    for (const char *c = text; *c && length + 1 < TEXT_SIZE; c++) {
        size_t *from = *c == TEXT_BOLD ? &bold : *c == TEXT_KEEP ? &keep : NULL;
        if (!from) {
            plain[length++] = *c;
        } else if (*from == SIZE_MAX) {
            *from = length;
        } else {
            add_attribute(list,
                          from == &bold ? pango_attr_weight_new(weight)
                                        : pango_attr_allow_breaks_new(FALSE),
                          *from, length);
            *from = SIZE_MAX;
        }
    }
    plain[length] = '\0';
    keep_hyphens(plain, list);
    return length;
}

/* Latin, Greek and Cyrillic, for which ligatures are an ornament: one that costs each letter a
   font of its own, since they have no place among the 256 characters of the other. */
static bool is_plain_script(const char *text)
{
    for (const char *c = text; *c; c = g_utf8_next_char(c)) {
        gunichar u = g_utf8_get_char(c);
        if (u >= 0x530 && (u < 0x1e00 || u > 0x2bff))
            return false;
    }
    return true;
}

static void add_features(const struct page_style *style, const char *plain, size_t length,
                         PangoAttrList *list)
{
    if (style->face == PAGE_CODE) /* a ligature would make two characters one; zero: the slashed */
        add_attribute(list, pango_attr_font_features_new("liga=0, calt=0, zero=1"), 0, length);
    else if (is_plain_script(plain))
        add_attribute(list, pango_attr_font_features_new("liga=0"), 0, length);
    if (style->leading > 0)
        add_attribute(
            list,
            pango_attr_line_height_new_absolute((int)(style->size * style->leading * PANGO_SCALE)),
            0, length);
}

static PangoLayout *layout_new(const struct page_fonts *fonts, const struct page_style *style,
                               double width, const char *text)
{
    PangoLayout *layout = pango_layout_new(fonts->context);
    _cleanup_(pango_font_description_free_p) PangoFontDescription *font = describe(fonts, style);
    PangoAttrList *list = pango_attr_list_new();
    char plain[TEXT_SIZE];
    size_t length = take_marks(style, text, plain, list);
    add_features(style, plain, length, list);
    pango_layout_set_font_description(layout, font);
    pango_layout_set_attributes(layout, list);
    pango_attr_list_unref(list);
    if (width > 0) {
        pango_layout_set_width(layout, (int)(PAGE_POINTS(width) * PANGO_SCALE));
        pango_layout_set_wrap(layout, PANGO_WRAP_WORD_CHAR);
        /* What stands in the letter's own words runs as they do, whoever is named first. */
        pango_layout_set_auto_dir(layout, FALSE);
    }
    pango_layout_set_alignment(layout,
                               style->align == PAGE_RIGHT ? PANGO_ALIGN_RIGHT : PANGO_ALIGN_LEFT);
    pango_layout_set_text(layout, plain, (int)length);
    sodium_memzero(plain, sizeof plain);
    return layout;
}

static uint64_t hash_of(const char *text, double width, double size)
{
    uint64_t hash = 14695981039346656037u; /* FNV-1a */
    for (const unsigned char *c = (const unsigned char *)text; *c; c++)
        hash = (hash ^ *c) * 1099511628211u;
    return hash ^ (uint64_t)(width * 1000) ^ (uint64_t)(size * 1000) << 32;
}

static bool same_style(const struct page_style *a, const struct page_style *b)
{
    return a->face == b->face && a->size == b->size && a->weight == b->weight &&
           a->align == b->align && a->leading == b->leading;
}

static const struct layout_made *made_find(const struct layout_made *made, size_t count,
                                           const struct layout_made *wanted)
{
    for (const struct layout_made *m = made; m < made + count; m++)
        if (m->hash == wanted->hash && m->width == wanted->width &&
            same_style(&m->style, &wanted->style) && strcmp(m->text, wanted->text) == 0)
            return m;
    return NULL;
}

int layouts_open(struct page_fonts *fonts, struct layouts *ret)
{
    struct layout_made *own = calloc(LAYOUTS_OWN, sizeof *own);
    if (!own)
        return -ENOMEM;
    *ret = (struct layouts){.fonts = fonts, .own = own};
    return 0;
}

void layouts_clear(struct layouts *layouts)
{
    for (size_t i = 0; layouts->own && i < LAYOUTS_OWN; i++)
        made_clear(&layouts->own[i]);
    free(layouts->own);
    *layouts = (struct layouts){0};
}

/* A free place for what was made. */
static struct layout_made *place_for(struct layouts *l, bool kept)
{
    if (!kept) {
        struct layout_made *place = &l->own[l->count++ % LAYOUTS_OWN];
        made_clear(place);
        return place;
    }
    if (l->fonts->count == KEPT_MAX)
        kept_drop(l->fonts);
    return &l->fonts->kept[l->fonts->count++];
}

/* Pango draws a box with the character's number for each. */
static void missing_find(PangoLayout *layout, struct missing *ret)
{
    if (pango_layout_get_unknown_glyphs_count(layout) == 0)
        return;
    PangoLayoutIter *iter = pango_layout_get_iter(layout);
    do {
        const PangoLayoutRun *run = pango_layout_iter_get_run_readonly(iter);
        for (int i = 0; run && i < run->glyphs->num_glyphs; i++) {
            const PangoGlyph glyph = run->glyphs->glyphs[i].glyph;
            if (glyph & PANGO_GLYPH_UNKNOWN_FLAG)
                missing_add(ret, glyph & ~(PangoGlyph)PANGO_GLYPH_UNKNOWN_FLAG);
        }
    } while (pango_layout_iter_next_run(iter));
    pango_layout_iter_free(iter);
}

PangoLayout *layout_get(struct layouts *l, const struct page_style *style, double width,
                        const char *text)
{
    struct layout_made made = {.hash = hash_of(text, width, style->size),
                               .text = (char *)text,
                               .style = *style,
                               .width = width};
    const struct layout_made *known =
        style->kept ? made_find(l->fonts->kept, l->fonts->count, &made)
                    : made_find(l->own, l->count < LAYOUTS_OWN ? l->count : LAYOUTS_OWN, &made);
    if (known) {
        missing_add_all(&l->missing, &known->missing);
        return g_object_ref(known->layout);
    }
    made.layout = layout_new(l->fonts, style, width, text);
    missing_find(made.layout, &made.missing);
    missing_add_all(&l->missing, &made.missing);
    made.text = strdup(text);
    if (made.text) /* what can't be kept is only slower */
        *place_for(l, style->kept) = made;
    return made.text ? g_object_ref(made.layout) : made.layout;
}
