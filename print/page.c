/* Text, lines, boxes and pictures on one page of PDF, through Cairo. They are noted first and drawn
   when all fits. The way in is page_open(). */
#include "config.h"

#include "page.h"

#include "layout.h"
#include "picture.h"
#include "texts.h"

#include "cleanup.h"

#include <cairo-pdf.h>
#include <errno.h>
#include <math.h>
#include <qrencode.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#define MILLIMETRES(p) ((p)*25.4 / 72.0)
#define PDF_FIRST      65536u
#define PDF_MAX        (16u << 20)
#define ITEMS_MAX      128
#define HALF_POINT     0.5

enum item_type {
    ITEM_TEXT,
    ITEM_LINE_OF_TEXT,
    ITEM_LINE,
    ITEM_BOX,
    ITEM_PICTURE,
    ITEM_CODE,
};

/* Something to be drawn; in points. */
struct item {
    enum item_type type;
    struct page_colour colour;
    double x, y, width, height; /* of a line: x, y of its end, and its thickness in width */
    double to_x, to_y;
    union {
        PangoLayout *layout;
        cairo_surface_t *picture;
        QRcode *code;
    };
};

struct page {
    struct layouts layouts;
    struct item items[ITEMS_MAX];
    size_t count;
    bool full;
};

struct page_code {
    QRcode *code;
};

/* The document while it is drawn; its metadata are the first page's. */
struct page_sheaf {
    cairo_surface_t *surface; /* NULL before the first page */
    cairo_t *cairo;
};

static void sheaf_clear(struct page_sheaf *sheaf)
{
    if (sheaf->cairo)
        cairo_destroy(sheaf->cairo);
    if (sheaf->surface)
        cairo_surface_destroy(sheaf->surface);
    *sheaf = (struct page_sheaf){0};
}

void page_pdf_clear(struct page_pdf *pdf)
{
    if (pdf->sheaf) /* it may still write */
        sheaf_clear(pdf->sheaf);
    free(pdf->sheaf);
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

int page_open(struct page_fonts *fonts, struct page **ret)
{
    _cleanup_(page_free_p) struct page *page = calloc(1, sizeof *page);
    if (!page || layouts_open(fonts, &page->layouts) < 0)
        return -ENOMEM;
    *ret = TAKE(page);
    return 0;
}

void page_empty(struct page *page)
{
    for (size_t i = 0; i < page->count; i++)
        if (page->items[i].type <= ITEM_LINE_OF_TEXT)
            g_object_unref(page->items[i].layout);
    page->count = 0;
    page->full = false;
}

struct page *page_free(struct page *page)
{
    if (!page)
        return NULL;
    page_empty(page);
    layouts_clear(&page->layouts);
    free(page);
    return NULL;
}

/* Notes what is to be drawn; NULL when the page has too much on it. */
static struct item *item_add(struct page *page, enum item_type type, struct page_colour colour)
{
    if (page->count == ITEMS_MAX) {
        page->full = true;
        return NULL;
    }
    struct item *item = &page->items[page->count++];
    item->type = type;
    item->colour = colour;
    return item;
}

/* ---- Drawing ---- */

static void draw_line(cairo_t *cairo, const struct item *item)
{
    cairo_set_line_width(cairo, item->width);
    cairo_move_to(cairo, item->x, item->y);
    cairo_line_to(cairo, item->to_x, item->to_y);
    cairo_stroke(cairo);
}

static void draw_picture(cairo_t *cairo, const struct item *item)
{
    cairo_save(cairo);
    cairo_translate(cairo, item->x, item->y);
    cairo_scale(cairo, item->width / cairo_image_surface_get_width(item->picture),
                item->height / cairo_image_surface_get_height(item->picture));
    cairo_set_source_surface(cairo, item->picture, 0, 0);
    cairo_paint(cairo);
    cairo_restore(cairo);
}

/* One stroke for each row of dark modules, as thick as they are high: fewer points than a box for
   each. On quarters of a point, which take few digits. */
static void draw_code(cairo_t *cairo, const struct item *item)
{
    const int modules = item->code->width;
    const double size = floor(item->width / modules * 4) / 4;
    const double right = floor((item->x + item->width) * 4) / 4;
    const double x = right - size * modules, y = floor(item->y * 4) / 4;
    cairo_set_line_width(cairo, size);
    for (int row = 0; row < modules; row++) {
        const unsigned char *dark = item->code->data + row * modules;
        for (int from = 0, to; from < modules; from = to + 1) {
            for (to = from; to < modules && (dark[to] & 1); to++)
                ;
            if (to == from)
                continue;
            cairo_move_to(cairo, x + from * size, y + (row + 0.5) * size);
            cairo_line_to(cairo, x + to * size, y + (row + 0.5) * size);
        }
    }
    cairo_stroke(cairo);
}

static void draw_item(cairo_t *cairo, const struct item *item)
{
    cairo_set_source_rgb(cairo, item->colour.red, item->colour.green, item->colour.blue);
    switch (item->type) {
    case ITEM_TEXT:
        cairo_move_to(cairo, item->x, item->y);
        pango_cairo_show_layout(cairo, item->layout);
        break;
    case ITEM_LINE_OF_TEXT:
        cairo_move_to(cairo, item->x, item->y);
        pango_cairo_show_layout_line(cairo, pango_layout_get_line_readonly(item->layout, 0));
        break;
    case ITEM_LINE:
        draw_line(cairo, item);
        break;
    case ITEM_BOX:
        cairo_rectangle(cairo, item->x, item->y, item->width, item->height);
        cairo_fill(cairo);
        break;
    case ITEM_PICTURE:
        draw_picture(cairo, item);
        break;
    case ITEM_CODE:
        draw_code(cairo, item);
        break;
    }
}

static void sheaf_begin(struct page_sheaf *sheaf, const struct page_about *about,
                        struct page_pdf *pdf)
{
    sheaf->surface = cairo_pdf_surface_create_for_stream(pdf_write, pdf, PAGE_POINTS(PAGE_WIDTH),
                                                         PAGE_POINTS(PAGE_HEIGHT));
    sheaf->cairo = cairo_create(sheaf->surface);
    cairo_pdf_surface_restrict_to_version(sheaf->surface, CAIRO_PDF_VERSION_1_5);
    cairo_pdf_surface_set_metadata(sheaf->surface, CAIRO_PDF_METADATA_TITLE, about->title);
    cairo_pdf_surface_set_metadata(sheaf->surface, CAIRO_PDF_METADATA_AUTHOR, about->author);
    cairo_pdf_surface_set_metadata(sheaf->surface, CAIRO_PDF_METADATA_CREATE_DATE, about->created);
}

static int sheaf_status(const struct page_sheaf *sheaf)
{
    return cairo_status(sheaf->cairo) == CAIRO_STATUS_SUCCESS &&
                   cairo_surface_status(sheaf->surface) == CAIRO_STATUS_SUCCESS
               ? 0
               : -ENOMEM;
}

int page_pdf_gather(struct page_pdf *pdf)
{
    pdf->sheaf = calloc(1, sizeof *pdf->sheaf);
    return pdf->sheaf ? 0 : -ENOMEM;
}

int page_pdf_finish(struct page_pdf *pdf)
{
    int r = 0;
    if (pdf->sheaf && pdf->sheaf->surface) {
        cairo_surface_finish(pdf->sheaf->surface);
        r = sheaf_status(pdf->sheaf);
        sheaf_clear(pdf->sheaf);
    }
    free(pdf->sheaf);
    pdf->sheaf = NULL;
    return r;
}

bool page_misses(const struct page *page, char *ret, size_t size)
{
    if (page->layouts.missing.count > 0)
        missing_say(&page->layouts.missing, ret, size);
    return page->layouts.missing.count > 0;
}

int page_close(struct page *page, const struct page_about *about, struct page_pdf *pdf)
{
    _cleanup_(sheaf_clear) struct page_sheaf alone = {0};
    struct page_sheaf *sheaf = pdf->sheaf ? pdf->sheaf : &alone;
    if (page->layouts.missing.count > 0)
        return -EILSEQ;
    if (page->full)
        return -E2BIG;
    if (!sheaf->surface)
        sheaf_begin(sheaf, about, pdf);
    for (size_t i = 0; i < page->count; i++)
        draw_item(sheaf->cairo, &page->items[i]);
    cairo_show_page(sheaf->cairo);
    if (sheaf == &alone)
        cairo_surface_finish(sheaf->surface);
    return sheaf_status(sheaf);
}

/* ---- Text ---- */

static void text_add(struct page *page, enum item_type type, struct page_colour colour, double x,
                     double y, PangoLayout *layout)
{
    struct item *item = item_add(page, type, colour);
    if (!item)
        return;
    item->x = PAGE_POINTS(x);
    item->y = PAGE_POINTS(y);
    item->layout = g_object_ref(layout);
}

bool page_text_is_plain(const char *text)
{
    if (!g_utf8_validate(text, -1, NULL))
        return false;
    for (const char *c = text; *c; c = g_utf8_next_char(c)) {
        const gunichar u = g_utf8_get_char(c);
        if ((u < 0x20 && u != '\n') || (u >= 0x7f && u < 0xa0) || (u >= 0x2028 && u <= 0x202e) ||
            (u >= 0x2066 && u <= 0x2069) || u == 0xfeff)
            return false;
    }
    return true;
}

double page_text(struct page *page, const struct page_style *style, double x, double y,
                 double width, const char *text, bool draw)
{
    _cleanup_(unref_p) PangoLayout *layout = layout_get(&page->layouts, style, width, text);
    int height;
    pango_layout_get_size(layout, NULL, &height);
    if (draw)
        text_add(page, ITEM_TEXT, style->colour, x, y, layout);
    return MILLIMETRES((double)height / PANGO_SCALE);
}

double page_text_width(struct page *page, const struct page_style *style, const char *text)
{
    _cleanup_(unref_p) PangoLayout *layout = layout_get(&page->layouts, style, 0, text);
    PangoRectangle ink, logical;
    pango_layout_get_extents(layout, &ink, &logical);
    int right = ink.x + ink.width > logical.width ? ink.x + ink.width : logical.width;
    return MILLIMETRES((double)right / PANGO_SCALE);
}

size_t page_text_fits(struct page *page, const struct page_style *style, double width,
                      const char *text, size_t length)
{
    char line[TEXT_SIZE];
    snprintf(line, sizeof line, "%.*s", (int)length, text);
    if (page_text_width(page, style, line) <= width)
        return length;
    _cleanup_(unref_p) PangoLayout *made = layout_get(&page->layouts, style, width, line);
    _cleanup_(unref_p) PangoLayout *layout = pango_layout_copy(made);
    pango_layout_set_wrap(layout, PANGO_WRAP_WORD);
    const PangoLayoutLine *first = pango_layout_get_line_readonly(layout, 0);
    PangoRectangle logical;
    pango_layout_line_get_extents((PangoLayoutLine *)first, NULL, &logical);
    return logical.width > PAGE_POINTS(width) * PANGO_SCALE ? 0 : (size_t)first->length;
}

double page_fitting_size(struct page *page, const struct page_style *style, double smallest,
                         double width, const char *text)
{
    struct page_style tried = *style;
    double whole = page_text_width(page, style, text);
    if (whole > width) /* widths grow with sizes: nearly there at once */
        tried.size -= HALF_POINT * floor(style->size * (1 - width / whole) / HALF_POINT);
    for (; tried.size >= smallest; tried.size -= HALF_POINT)
        if (page_text_width(page, &tried, text) <= width)
            return tried.size;
    return 0;
}

void page_line_of_text(struct page *page, const struct page_style *style, double x, double y,
                       const char *text)
{
    _cleanup_(unref_p) PangoLayout *layout = layout_get(&page->layouts, style, 0, text);
    text_add(page, ITEM_LINE_OF_TEXT, style->colour, x, y, layout);
}

/* ---- All else ---- */

void page_line(struct page *page, double x1, double y1, double x2, double y2, double width_points,
               struct page_colour colour)
{
    struct item *item = item_add(page, ITEM_LINE, colour);
    if (!item)
        return;
    item->x = PAGE_POINTS(x1);
    item->y = PAGE_POINTS(y1);
    item->to_x = PAGE_POINTS(x2);
    item->to_y = PAGE_POINTS(y2);
    item->width = width_points;
}

static struct item *area_add(struct page *page, enum item_type type, double x, double y,
                             double width, double height, struct page_colour colour)
{
    struct item *item = item_add(page, type, colour);
    if (!item)
        return NULL;
    item->x = PAGE_POINTS(x);
    item->y = PAGE_POINTS(y);
    item->width = PAGE_POINTS(width);
    item->height = PAGE_POINTS(height);
    return item;
}

void page_box(struct page *page, double x, double y, double width, double height,
              struct page_colour colour)
{
    area_add(page, ITEM_BOX, x, y, width, height, colour);
}

void page_picture(struct page *page, const struct page_picture *picture, double x, double y)
{
    struct item *item = area_add(page, ITEM_PICTURE, x, y, page_picture_width(picture),
                                 page_picture_height(picture), (struct page_colour){0});
    if (item)
        item->picture = picture_surface(picture);
}

int page_code_make(const char *text, struct page_code **ret)
{
    struct page_code *made = calloc(1, sizeof *made);
    if (!made)
        return -ENOMEM;
    made->code = QRcode_encodeString8bit(text, 0, QR_ECLEVEL_M);
    if (!made->code) {
        int r = -errno;
        free(made);
        return r == 0 ? -EINVAL : r;
    }
    *ret = made;
    return 0;
}

struct page_code *page_code_free(struct page_code *code)
{
    if (code)
        QRcode_free(code->code);
    free(code);
    return NULL;
}

int page_code_modules(const struct page_code *code)
{
    return code->code->width;
}

void page_code(struct page *page, const struct page_code *code, double x, double y, double size,
               struct page_colour colour)
{
    struct item *item = area_add(page, ITEM_CODE, x, y, size, size, colour);
    if (item)
        item->code = code->code;
}
