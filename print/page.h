/* A page of A4 and what can be put on it: text, lines, boxes, pictures, QR codes. Lengths and
   places are millimetres from the upper left corner, sizes of type are points. */
#pragma once

#include "cleanup.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PAGE_WIDTH  210.0
#define PAGE_HEIGHT 297.0

#define PAGE_POINTS(mm) ((mm)*72.0 / 25.4)

/* What becomes of the page: bytes that page_pdf_clear() wipes. */
struct page_pdf {
    uint8_t *data;
    size_t size, capacity;
    struct page_sheaf *sheaf; /* while pages are gathered */
};
void page_pdf_clear(struct page_pdf *pdf);
/* From now on each page_close() adds a page to pdf, which must be zeroed; complete is it after
   page_pdf_finish(). Return 0 or -ENOMEM. */
int page_pdf_gather(struct page_pdf *pdf);
int page_pdf_finish(struct page_pdf *pdf);

enum page_face {
    PAGE_BODY,
    PAGE_CODE, /* in which no two characters look alike */
};

struct page_colour {
    double red, green, blue;
};

enum page_align {
    PAGE_LEFT,
    PAGE_RIGHT,
};

struct page_style {
    enum page_face face;
    double size;
    int weight; /* as CSS has it: 400 regular, 700 bold; 0 means 400 */
    enum page_align align;
    double leading; /* from one baseline to the next, in sizes; 0 means the font's own */
    struct page_colour colour;
    bool kept; /* the text comes back with other letters and tells nothing of any customer, so its
                  layout may be kept */
};

struct page_fonts; /* the two faces, found once, and layouts that were kept */

/* Looks for the families. Returns 0, or -ENOENT and a sentence in problem when one isn't installed:
   a substitute could be one in which 0 and O look alike. */
int page_fonts_open(const char *body, const char *code, char *problem, size_t size,
                    struct page_fonts **ret);
struct page_fonts *page_fonts_free(struct page_fonts *fonts);

/* For the PDF's metadata. created is YYYY-MM-DDTHH:MM:SSZ, so that the same input makes the same
   bytes. */
struct page_about {
    const char *title, *author, *created;
};

struct page;

/* A new page. Nothing is drawn on it before page_close(): what turns out not to fit costs little.
 */
int page_open(struct page_fonts *fonts, struct page **ret);
/* Draws the page into pdf, which must be zeroed unless it gathers. Returns 0; -EILSEQ when a
   character was asked for that no installed font has; -E2BIG when too much is on it; -ENOMEM. */
int page_close(struct page *page, const struct page_about *about, struct page_pdf *pdf);
/* Whether a character was asked for that no installed font has; then which, and what helps. */
bool page_misses(const struct page *page, char *ret, size_t size);
/* Takes everything off the page again. What comes back needn't be laid out again. */
void page_empty(struct page *page);
struct page *page_free(struct page *page);
DEFINE_CLEANUP(struct page, page_free)

/* Puts text there, wrapped at width; TEXT_BOLD and TEXT_KEEP (texts.h) mark parts of it. Returns
   its height; with draw false nothing but that. */
double page_text(struct page *page, const struct page_style *style, double x, double y,
                 double width, const char *text, bool draw);
/* Whether text is valid UTF-8 and holds nothing that isn't shown but steers what is: control
   characters, separators of lines, and those that turn the direction of writing. */
bool page_text_is_plain(const char *text);
/* The width of the widest line, unwrapped. */
double page_text_width(struct page *page, const struct page_style *style, const char *text);
/* The largest size, from the style's down to smallest in steps of half a point, at which every line
   of text is no wider than width; 0 for none. */
double page_fitting_size(struct page *page, const struct page_style *style, double smallest,
                         double width, const char *text);
/* How many of length bytes make the first line, wrapped at words; 0 when the first word is wider
   than width. */
size_t page_text_fits(struct page *page, const struct page_style *style, double width,
                      const char *text, size_t length);
/* One line whose baseline is at y. */
void page_line_of_text(struct page *page, const struct page_style *style, double x, double y,
                       const char *text);
void page_line(struct page *page, double x1, double y1, double x2, double y2, double width_points,
               struct page_colour colour);
void page_box(struct page *page, double x, double y, double width, double height,
              struct page_colour colour);

/* A picture of a file, made ready for a place of width and height millimetres: no larger than that,
   and no finer than a printer shows. Returns 0, or a negative errno and a sentence in problem. */
struct page_picture;
int page_picture_load(const char *file, double width, double height, char *problem, size_t size,
                      struct page_picture **ret);
struct page_picture *page_picture_free(struct page_picture *picture);
/* Its size there, in millimetres. */
double page_picture_width(const struct page_picture *picture);
double page_picture_height(const struct page_picture *picture);
/* The picture must outlive the page; so must a QR code. */
void page_picture(struct page *page, const struct page_picture *picture, double x, double y);

/* The QR code of a text. Returns 0, -ERANGE when the text is too long, -ENOMEM. */
struct page_code;
int page_code_make(const char *text, struct page_code **ret);
struct page_code *page_code_free(struct page_code *code);
int page_code_modules(const struct page_code *code); /* a side */
/* At most size wide, its right edge at x + size. Without the quiet zone, which the page must leave.
 */
void page_code(struct page *page, const struct page_code *code, double x, double y, double size,
               struct page_colour colour);
