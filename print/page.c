/* Text, lines and boxes on one page of PDF, through Pango and Cairo. The way in is page_open(). */
#include "config.h"

#include "page.h"

#include "texts.h"

#include "cleanup.h"

#include <cairo-pdf.h>
#include <ctype.h>
#include <errno.h>
#include <pango/pangocairo.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define POINTS_PER_MM  (72.0 / 25.4)
#define POINTS(mm)     ((mm)*POINTS_PER_MM)
#define MILLIMETRES(p) ((p) / POINTS_PER_MM)
#define PDF_FIRST      65536u
#define PDF_MAX        (16u << 20)
#define BOLD_MORE      300 /* what TEXT_BOLD adds to a weight */
#define WEIGHT_MOST    900

#ifdef __SANITIZE_ADDRESS__
/* fontconfig loses 288 bytes once a process, while Pango's thread sets it up. */
const char *__lsan_default_suppressions(void);
__attribute__((visibility("default"))) const char *__lsan_default_suppressions(void)
{
    return "leak:libfontconfig";
}
#endif

struct page_fonts {
    PangoFontMap *map;
    char *family[2]; /* by enum page_face */
};

struct page {
    struct page_fonts *fonts;
    struct page_pdf *pdf;
    cairo_surface_t *surface;
    cairo_t *cairo;
    PangoContext *context;
    bool unknown; /* a character that no font has was asked for */
};

void page_pdf_clear(struct page_pdf *pdf)
{
    if (pdf->data)
        sodium_memzero(pdf->data, pdf->capacity);
    free(pdf->data);
    *pdf = (struct page_pdf){0};
}

static void unref_p(void *object)
{
    if (*(void **)object)
        g_object_unref(*(void **)object);
}

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

int page_fonts_open(const char *body, const char *code, char *problem, size_t size,
                    struct page_fonts **ret)
{
    _cleanup_(page_fonts_free_p) struct page_fonts *fonts = calloc(1, sizeof *fonts);
    if (!fonts)
        return -ENOMEM;
    fonts->map = pango_cairo_font_map_new();
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

struct page_fonts *page_fonts_free(struct page_fonts *fonts)
{
    if (!fonts)
        return NULL;
    if (fonts->map)
        g_object_unref(fonts->map);
    free(fonts->family[PAGE_BODY]);
    free(fonts->family[PAGE_CODE]);
    free(fonts);
    return NULL;
}

/* Grows by copying and wiping, since realloc() would leave a copy of the codes behind. */
static cairo_status_t pdf_write(void *closure, const unsigned char *data, unsigned int length)
{
    struct page_pdf *pdf = closure;
    if (pdf->size + length > PDF_MAX)
        return CAIRO_STATUS_WRITE_ERROR;
    if (pdf->size + length > pdf->capacity) {
        size_t capacity = pdf->capacity ? pdf->capacity : PDF_FIRST;
        while (capacity < pdf->size + length)
            capacity *= 2;
        uint8_t *grown = malloc(capacity);
        if (!grown)
            return CAIRO_STATUS_NO_MEMORY;
        if (pdf->data) {
            memcpy(grown, pdf->data, pdf->size);
            sodium_memzero(pdf->data, pdf->capacity);
            free(pdf->data);
        }
        pdf->data = grown;
        pdf->capacity = capacity;
    }
    memcpy(pdf->data + pdf->size, data, length);
    pdf->size += length;
    return CAIRO_STATUS_SUCCESS;
}

int page_open(struct page_fonts *fonts, const char *title, const char *author, const char *created,
              struct page_pdf *pdf, struct page **ret)
{
    _cleanup_(page_free_p) struct page *page = calloc(1, sizeof *page);
    if (!page)
        return -ENOMEM;
    page->fonts = fonts;
    page->pdf = pdf;
    page->surface = cairo_pdf_surface_create_for_stream(pdf_write, pdf, POINTS(PAGE_WIDTH),
                                                        POINTS(PAGE_HEIGHT));
    cairo_pdf_surface_restrict_to_version(page->surface, CAIRO_PDF_VERSION_1_5);
    cairo_pdf_surface_set_metadata(page->surface, CAIRO_PDF_METADATA_TITLE, title);
    cairo_pdf_surface_set_metadata(page->surface, CAIRO_PDF_METADATA_AUTHOR, author);
    cairo_pdf_surface_set_metadata(page->surface, CAIRO_PDF_METADATA_CREATE_DATE, created);
    page->cairo = cairo_create(page->surface);
    page->context = pango_font_map_create_context(fonts->map);
    pango_cairo_update_context(page->cairo, page->context);
    pango_context_set_round_glyph_positions(page->context, FALSE);
    if (cairo_status(page->cairo) != CAIRO_STATUS_SUCCESS)
        return -ENOMEM;
    *ret = TAKE(page);
    return 0;
}

int page_close(struct page *page)
{
    cairo_show_page(page->cairo);
    cairo_surface_finish(page->surface);
    if (cairo_status(page->cairo) != CAIRO_STATUS_SUCCESS ||
        cairo_surface_status(page->surface) != CAIRO_STATUS_SUCCESS)
        return -ENOMEM;
    return page->unknown ? -EILSEQ : 0;
}

struct page *page_free(struct page *page)
{
    if (!page)
        return NULL;
    if (page->context)
        g_object_unref(page->context);
    if (page->cairo)
        cairo_destroy(page->cairo);
    if (page->surface)
        cairo_surface_destroy(page->surface);
    free(page);
    return NULL;
}

static PangoFontDescription *describe(const struct page *page, const struct page_style *style)
{
    PangoFontDescription *d = pango_font_description_new();
    pango_font_description_set_family_static(d, page->fonts->family[style->face]);
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

static PangoLayout *layout_new(struct page *page, const struct page_style *style, double width,
                               const char *text)
{
    PangoLayout *layout = pango_layout_new(page->context);
    _cleanup_(pango_font_description_free_p) PangoFontDescription *font = describe(page, style);
    PangoAttrList *list = pango_attr_list_new();
    char plain[TEXT_SIZE];
    size_t length = take_marks(style, text, plain, list);
    if (style->face == PAGE_CODE) /* a ligature would make two characters one; zero: the slashed */
        add_attribute(list, pango_attr_font_features_new("liga=0, calt=0, zero=1"), 0, length);
    if (style->leading > 0)
        add_attribute(
            list,
            pango_attr_line_height_new_absolute((int)(style->size * style->leading * PANGO_SCALE)),
            0, length);
    pango_layout_set_font_description(layout, font);
    pango_layout_set_attributes(layout, list);
    pango_attr_list_unref(list);
    if (width > 0) {
        pango_layout_set_width(layout, (int)(POINTS(width) * PANGO_SCALE));
        pango_layout_set_wrap(layout, PANGO_WRAP_WORD_CHAR);
    }
    pango_layout_set_alignment(layout,
                               style->align == PAGE_RIGHT ? PANGO_ALIGN_RIGHT : PANGO_ALIGN_LEFT);
    pango_layout_set_text(layout, plain, (int)length);
    if (pango_layout_get_unknown_glyphs_count(layout) > 0)
        page->unknown = true;
    sodium_memzero(plain, sizeof plain);
    return layout;
}

static void set_colour(struct page *page, struct page_colour colour)
{
    cairo_set_source_rgb(page->cairo, colour.red, colour.green, colour.blue);
}

double page_text(struct page *page, const struct page_style *style, double x, double y,
                 double width, const char *text, bool draw)
{
    _cleanup_(unref_p) PangoLayout *layout = layout_new(page, style, width, text);
    int height;
    pango_layout_get_size(layout, NULL, &height);
    if (draw) {
        set_colour(page, style->colour);
        cairo_move_to(page->cairo, POINTS(x), POINTS(y));
        pango_cairo_show_layout(page->cairo, layout);
    }
    return MILLIMETRES((double)height / PANGO_SCALE);
}

size_t page_text_fits(struct page *page, const struct page_style *style, double width,
                      const char *text, size_t length)
{
    char line[TEXT_SIZE];
    snprintf(line, sizeof line, "%.*s", (int)length, text);
    _cleanup_(unref_p) PangoLayout *layout = layout_new(page, style, width, line);
    pango_layout_set_wrap(layout, PANGO_WRAP_WORD);
    const PangoLayoutLine *first = pango_layout_get_line_readonly(layout, 0);
    PangoRectangle logical;
    pango_layout_line_get_extents((PangoLayoutLine *)first, NULL, &logical);
    return logical.width > POINTS(width) * PANGO_SCALE ? 0 : (size_t)first->length;
}

double page_text_width(struct page *page, const struct page_style *style, const char *text)
{
    _cleanup_(unref_p) PangoLayout *layout = layout_new(page, style, 0, text);
    PangoRectangle ink, logical;
    pango_layout_get_extents(layout, &ink, &logical);
    int right = ink.x + ink.width > logical.width ? ink.x + ink.width : logical.width;
    return MILLIMETRES((double)right / PANGO_SCALE);
}

void page_line_of_text(struct page *page, const struct page_style *style, double x, double y,
                       const char *text)
{
    _cleanup_(unref_p) PangoLayout *layout = layout_new(page, style, 0, text);
    set_colour(page, style->colour);
    cairo_move_to(page->cairo, POINTS(x), POINTS(y));
    pango_cairo_show_layout_line(page->cairo, pango_layout_get_line_readonly(layout, 0));
}

void page_line(struct page *page, double x1, double y1, double x2, double y2, double width_points,
               struct page_colour colour)
{
    set_colour(page, colour);
    cairo_set_line_width(page->cairo, width_points);
    cairo_move_to(page->cairo, POINTS(x1), POINTS(y1));
    cairo_line_to(page->cairo, POINTS(x2), POINTS(y2));
    cairo_stroke(page->cairo);
}

void page_box(struct page *page, double x, double y, double width, double height,
              struct page_colour colour)
{
    set_colour(page, colour);
    cairo_rectangle(page->cairo, POINTS(x), POINTS(y), POINTS(width), POINTS(height));
    cairo_fill(page->cairo);
}
