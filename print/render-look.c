/* The look of letters: render-look.h. The way in is renderer_open(). */
#include "config.h"

#include "render-look.h"

#include "render-field.h"

#include "cleanup.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define KEPT_URL_MAX      60
#define LOGO_WIDTH        90.0
#define LOGO_GAP          4.0 /* at least, to the address field */
#define SIGNATURE_WIDTH   60.0
#define CODE_MODULE_LEAST 0.4 /* what a telephone still reads from paper */
#define FOOTER_TOP        279.5
#define FOOTER_BOTTOM     293.0
#define BORDER_POINT      0.4
#define MARK_LEFT         4.0
#define MARK_SHORT        5.0
#define MARK_LONG         8.0
#define HOLE_MARK         148.5

const struct page_colour render_ink = {0.10, 0.11, 0.13};
const struct page_colour render_grey = {0.36, 0.39, 0.43};
const struct page_colour render_pale = {0.72, 0.74, 0.77};

/* The text begins 8.46 mm below the address field. */
static const struct render_places places[RENDER_FORMS] = {
    [RENDER_FORM_B] =
        {.head = 14, .field = 45, .information = 50, .text = 98.46, .fold = {105, 210}},
    [RENDER_FORM_A] = {.head = 8, .field = 27, .information = 32, .text = 80.46, .fold = {87, 192}},
};

DEFINE_CLEANUP(struct renderer, renderer_free)

struct renderer *renderer_free(struct renderer *r)
{
    if (!r)
        return NULL;
    char *strings[] = {r->company, r->return_address, r->letterhead, r->footer,
                       r->support, r->portal_url,     r->signature,  r->portal_kept};
    for (size_t i = 0; i < ELEMENTS(strings); i++)
        free(strings[i]);
    page_picture_free(r->logo);
    page_picture_free(r->signed_by);
    page_code_free(r->code);
    page_fonts_free(r->fonts);
    texts_free(r->texts);
    free(r);
    return NULL;
}

static int colour_read(const char *text, struct page_colour *ret)
{
    unsigned red, green, blue;
    char behind;
    if (strlen(text) != 7 || sscanf(text, "#%2x%2x%2x%c", &red, &green, &blue, &behind) != 3)
        return -EINVAL;
    *ret = (struct page_colour){red / 255.0, green / 255.0, blue / 255.0};
    return 0;
}

/* Lines are configured with "|" between them. */
static char *lines_of(const char *configured)
{
    char *text = strdup(configured ? configured : "");
    char *to = text;
    for (const char *from = text; text && *from; from++) {
        if (*from != '|') {
            *to++ = *from;
            continue;
        }
        while (to > text && to[-1] == ' ')
            to--;
        *to++ = '\n';
        while (from[1] == ' ')
            from++;
    }
    if (text)
        *to = '\0';
    return text;
}

static int colours_find(struct renderer *r, const struct render_look *look, char *problem,
                        size_t size)
{
    if (colour_read(look->colour, &r->accent) < 0) {
        snprintf(problem, size, "expected a colour such as #1f4e79 instead of \"%s\"",
                 look->colour);
        return -EINVAL;
    }
    const double share = 0.07;
    r->tint =
        (struct page_colour){1 - share * (1 - r->accent.red), 1 - share * (1 - r->accent.green),
                             1 - share * (1 - r->accent.blue)};
    return 0;
}

static int strings_copy(struct renderer *r, const struct render_look *look)
{
    r->company = strdup(look->company);
    r->return_address = strdup(look->return_address);
    r->letterhead = lines_of(look->letterhead);
    r->footer = lines_of(look->footer);
    r->support = strdup(look->support);
    r->portal_url = strdup(look->portal_url);
    r->signature = lines_of(look->signature[0] ? look->signature : look->company);
    const char keep_mark[] = {TEXT_KEEP, '\0'};
    bool keep = strlen(look->portal_url) <= KEPT_URL_MAX;
    if (asprintf(&r->portal_kept, "%s%s%s", keep ? keep_mark : "", look->portal_url,
                 keep ? keep_mark : "") < 0)
        r->portal_kept = NULL;
    return r->portal_kept && r->company && r->return_address && r->letterhead && r->footer &&
                   r->support && r->portal_url && r->signature
               ? 0
               : -ENOMEM;
}

static int pictures_load(struct renderer *r, const struct render_look *look, char *problem,
                         size_t size)
{
    int error = 0;
    if (look->logo && look->logo[0])
        error =
            page_picture_load(look->logo, LOGO_WIDTH, r->places->field - r->places->head - LOGO_GAP,
                              problem, size, &r->logo);
    if (error == 0 && look->signature_image && look->signature_image[0])
        error = page_picture_load(look->signature_image, SIGNATURE_WIDTH, RENDER_SIGNATURE_HEIGHT,
                                  problem, size, &r->signed_by);
    return error;
}

static int qr_make(struct renderer *r, const struct render_look *look, char *problem, size_t size)
{
    if (!look->qr)
        return 0;
    int error = page_code_make(look->portal_url, &r->code);
    if (error == -ENOMEM)
        return error;
    if (error == 0 && RENDER_CODE_SIZE / page_code_modules(r->code) >= CODE_MODULE_LEAST)
        return 0;
    snprintf(problem, size, "portal_url is too long for a QR code that can be read; see qr");
    return -EINVAL;
}

static const struct page_style name_style = {.size = 19, .weight = 700, .kept = true};
static const struct page_style lines_style = {
    .size = 8.5, .align = PAGE_RIGHT, .leading = 1.4, .colour = {0.36, 0.39, 0.43}, .kept = true};
static const struct page_style foot_style = {
    .size = 7.5, .leading = 1.4, .colour = {0.36, 0.39, 0.43}, .kept = true};

static double draw_name(const struct renderer *r, struct page *page, bool draw)
{
    struct page_style style = name_style;
    style.colour = r->accent;
    if (!r->logo)
        return page_text(page, &style, RENDER_LEFT, r->places->head,
                         RENDER_INFORMATION - RENDER_LEFT, r->company, draw);
    if (draw)
        page_picture(page, r->logo, RENDER_LEFT, r->places->head);
    return page_picture_height(r->logo);
}

static double draw_letterhead(const struct renderer *r, struct page *page, bool draw)
{
    const double down = 1.2; /* level with the name */
    return down + page_text(page, &lines_style, RENDER_INFORMATION, r->places->head + down,
                            RENDER_RIGHT - RENDER_INFORMATION, r->letterhead, draw);
}

static double draw_footer(const struct renderer *r, struct page *page, bool draw)
{
    if (draw)
        page_line(page, RENDER_LEFT, FOOTER_TOP, RENDER_RIGHT, FOOTER_TOP, BORDER_POINT,
                  render_pale);
    return FOOTER_TOP + 1.5 +
           page_text(page, &foot_style, RENDER_LEFT, FOOTER_TOP + 1.5, RENDER_TEXT_WIDTH, r->footer,
                     draw);
}

static void draw_mark(struct page *page, double y, double length)
{
    page_line(page, MARK_LEFT, y, MARK_LEFT + length, y, BORDER_POINT, render_pale);
}

void render_frame(const struct renderer *r, struct page *page)
{
    draw_mark(page, r->places->fold[0], MARK_SHORT);
    draw_mark(page, HOLE_MARK, MARK_LONG);
    draw_mark(page, r->places->fold[1], MARK_SHORT);
    draw_name(r, page, true);
    draw_letterhead(r, page, true);
    draw_footer(r, page, true);
}

/* What is configured must fit, which is better said at the start than with each letter. */
static int look_check(struct renderer *r, char *problem, size_t size)
{
    _cleanup_(page_free_p) struct page *page = NULL;
    int error = page_open(r->fonts, &page);
    if (error < 0)
        return error;
    const char *wrong = NULL;
    if (!render_return_address_fits(page, r->return_address))
        wrong = "return_address doesn't fit into the address field";
    else if (r->places->head + draw_name(r, page, false) > r->places->field)
        wrong = "company doesn't fit above the address field";
    else if (r->places->head + draw_letterhead(r, page, false) > r->places->information)
        wrong = "letterhead has too many lines";
    else if (draw_footer(r, page, false) > FOOTER_BOTTOM)
        wrong = "footer has too many lines";
    if (!wrong && !page_misses(page, problem, size))
        return 0;
    if (wrong)
        snprintf(problem, size, "%s", wrong);
    return -EINVAL;
}

int renderer_open(const struct render_look *look, char *problem, size_t size, struct renderer **ret)
{
    _cleanup_(renderer_free_p) struct renderer *r = calloc(1, sizeof *r);
    if (!r)
        return -ENOMEM;
    problem[0] = '\0';
    r->places = &places[look->form];
    int error = colours_find(r, look, problem, size);
    if (error == 0)
        error = page_fonts_open(look->font, look->code_font, problem, size, &r->fonts);
    if (error == 0)
        error = texts_load(look->texts, problem, size, &r->texts);
    if (error == 0)
        error = strings_copy(r, look);
    if (error == 0)
        error = pictures_load(r, look, problem, size);
    if (error == 0)
        error = qr_make(r, look, problem, size);
    if (error == 0)
        error = look_check(r, problem, size);
    if (error < 0)
        return error;
    *ret = TAKE(r);
    return 0;
}
