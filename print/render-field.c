/* The address field: render-field.h. */
#include "config.h"

#include "render-field.h"

#include "cleanup.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define FIELD_LEFT      25.0 /* 5 mm inside the window */
#define FIELD_WIDTH     78.0
#define RETURN_BASELINE 15.0 /* from the field's top */
#define RETURN_SMALLEST 5.5
#define REMARK_PITCH    4.3
#define REMARK_LINES    2
#define ADDRESS_TOP     17.7
#define ADDRESS_LINES   6
#define ADDRESS_PITCH   (27.3 / ADDRESS_LINES)
#define ADDRESS_RISE    0.75 /* of the pitch: the baseline within its line */
#define HALF_POINT      0.5
#define BORDER_POINT    0.4

static const struct page_style return_style = {
    .size = 7.5, .colour = {0.36, 0.39, 0.43}, .kept = true};
static const struct page_style remark_style = {
    .size = 9, .weight = 700, .colour = {0.10, 0.11, 0.13}};

static double return_size(struct page *page, const char *text)
{
    return page_fitting_size(page, &return_style, RETURN_SMALLEST, FIELD_WIDTH, text);
}

bool render_return_address_fits(struct page *page, const char *text)
{
    return return_size(page, text) > 0;
}

/* The address as it will stand: lines that point into the letter's own. */
struct address {
    struct {
        const char *text;
        size_t length;
    } lines[ADDRESS_LINES];
    size_t count;
};

/* Adds one line, in pieces where it is wider than the field. -E2BIG when a word is, or no line is
   left. */
static int address_add(struct page *page, const struct page_style *style, struct address *a,
                       const char *line, size_t length)
{
    while (length > 0) {
        size_t fits = page_text_fits(page, style, FIELD_WIDTH, line, length);
        if (fits == 0 || a->count == ADDRESS_LINES)
            return -E2BIG;
        a->lines[a->count].text = line;
        a->lines[a->count++].length = fits;
        line += fits;
        length -= fits;
    }
    return 0;
}

/* The next line of a text without the blanks around it; moves on behind it. Empty ones are left
   out. */
static size_t next_line(const char **text, const char **ret)
{
    *text += strspn(*text, " \n");
    size_t length = strcspn(*text, "\n"), end = length;
    while (end > 0 && (*text)[end - 1] == ' ')
        end--;
    *ret = *text;
    *text += length;
    return end;
}

/* Each line as it is; there are no more than six. */
static void address_split(const char *text, struct address *a)
{
    const char *line;
    size_t length;
    a->count = 0;
    while (a->count < ADDRESS_LINES && (length = next_line(&text, &line)) > 0) {
        a->lines[a->count].text = line;
        a->lines[a->count++].length = length;
    }
}

/* Lines that are too long go on in the next. */
static int address_fit(struct page *page, const struct page_style *style, const char *text,
                       struct address *a)
{
    const char *line;
    size_t length;
    int r = 0;
    a->count = 0;
    while (r == 0 && (length = next_line(&text, &line)) > 0)
        r = address_add(page, style, a, line, length);
    return r;
}

static size_t address_count(const char *text)
{
    size_t count = 0;
    while (*text) {
        text += strspn(text, " \n");
        count += *text != '\0';
        text += strcspn(text, "\n");
    }
    return count;
}

/* The size at which each line stays one; 0 where one would be too small. */
static double address_whole(struct page *page, const struct page_style *largest, double smaller,
                            const struct address *a)
{
    double size = largest->size;
    char line[LETTER_ADDRESS_SIZE];
    for (size_t i = 0; i < a->count && size > 0; i++) {
        snprintf(line, sizeof line, "%.*s", (int)a->lines[i].length, a->lines[i].text);
        double fits = page_fitting_size(page, largest, smaller, FIELD_WIDTH, line);
        size = fits < size ? fits : size;
    }
    return size;
}

/* Better small than broken, better broken than tiny: the largest size from 11 to 9 points at which
   each line stays one, else from 11 to 8 with long lines going on in the next. */
static int address_choose(struct page *page, const char *text, struct page_style *style,
                          struct address *a)
{
    const double largest = 11, smaller = 9, smallest = 8;
    style->size = largest;
    address_split(text, a);
    double whole = address_whole(page, style, smaller, a);
    if (whole > 0) {
        style->size = whole;
        return 0;
    }
    for (; style->size >= smallest; style->size -= HALF_POINT)
        if (address_fit(page, style, text, a) == 0)
            return 0;
    return -E2BIG;
}

static int draw_address(struct page *page, double top, const char *text,
                        char why[static LETTER_WHY_SIZE])
{
    struct page_style style = {.colour = render_ink};
    struct address a;
    char line[LETTER_ADDRESS_SIZE];
    size_t count = address_count(text);
    const char *problem = count == 0              ? "the postal address is empty"
                          : count > ADDRESS_LINES ? "the postal address has more than six lines"
                                                  : NULL;
    if (!problem && address_choose(page, text, &style, &a) < 0)
        problem = "the postal address is too long for the address field";
    if (problem) {
        snprintf(why, LETTER_WHY_SIZE, "%s", problem);
        return -EBADMSG;
    }
    for (size_t i = 0; i < a.count; i++) {
        snprintf(line, sizeof line, "%.*s", (int)a.lines[i].length, a.lines[i].text);
        page_line_of_text(page, &style, FIELD_LEFT,
                          top + ADDRESS_TOP + ((double)i + ADDRESS_RISE) * ADDRESS_PITCH, line);
    }
    return 0;
}

/* Remarks stand right above the address, and the return address above them. Returns -EBADMSG when
   there are more than fit. */
static int draw_remarks(struct page *page, double top, const char *remark, double *ret_above,
                        char why[static LETTER_WHY_SIZE])
{
    size_t count = address_count(remark);
    char line[TEXT_SIZE];
    *ret_above = top + RETURN_BASELINE - (double)count * REMARK_PITCH;
    for (size_t i = 0; *remark; i++) {
        size_t length = strcspn(remark, "\n");
        snprintf(line, sizeof line, "%.*s", (int)length, remark);
        if (count > REMARK_LINES || page_text_width(page, &remark_style, line) > FIELD_WIDTH) {
            snprintf(why, LETTER_WHY_SIZE, "the remark doesn't fit into the address field");
            return -EBADMSG;
        }
        page_line_of_text(page, &remark_style, FIELD_LEFT,
                          *ret_above + (double)(i + 1) * REMARK_PITCH + 0.8, line);
        remark += length + (remark[length] == '\n');
    }
    return 0;
}

static void draw_return_address(struct page *page, double baseline, const char *text)
{
    struct page_style style = return_style;
    style.size = return_size(page, text);
    page_line_of_text(page, &style, FIELD_LEFT, baseline, text);
    page_line(page, FIELD_LEFT, baseline + 0.9, FIELD_LEFT + page_text_width(page, &style, text),
              baseline + 0.9, BORDER_POINT, render_pale);
}

int render_field(const struct renderer *r, struct page *page, const char *remark,
                 const char *address, char why[static LETTER_WHY_SIZE])
{
    const double top = r->places->field;
    double above;
    int error = draw_address(page, top, address, why);
    if (error == 0)
        error = draw_remarks(page, top, remark, &above, why);
    if (error == 0)
        draw_return_address(page, above, r->return_address);
    return error;
}
