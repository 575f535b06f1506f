/* A page of A4 and what can be put on it: text, lines, boxes. Lengths and places are millimetres
   from the upper left corner, sizes of type are points. */
#pragma once

#include "cleanup.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PAGE_WIDTH  210.0
#define PAGE_HEIGHT 297.0

/* What becomes of the page: bytes that page_pdf_clear() wipes. */
struct page_pdf {
    uint8_t *data;
    size_t size, capacity;
};
void page_pdf_clear(struct page_pdf *pdf);

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
};

struct page_fonts; /* the two faces, found once */

/* Looks for the families. Returns 0, or -ENOENT and a sentence in problem when one isn't installed:
   a substitute could be one in which 0 and O look alike. */
int page_fonts_open(const char *body, const char *code, char *problem, size_t size,
                    struct page_fonts **ret);
struct page_fonts *page_fonts_free(struct page_fonts *fonts);

struct page;

/* A new page that goes to pdf, which must be zeroed. created is the time in the metadata, as
   YYYY-MM-DDTHH:MM:SSZ, so that the same input makes the same bytes. */
int page_open(struct page_fonts *fonts, const char *title, const char *author, const char *created,
              struct page_pdf *pdf, struct page **ret);
/* Finishes the page; pdf is complete then. Returns 0; -EILSEQ when a character was asked for that
   no installed font has; -ENOMEM. */
int page_close(struct page *page);
struct page *page_free(struct page *page);
DEFINE_CLEANUP(struct page, page_free)

/* Puts text there, wrapped at width; TEXT_BOLD and TEXT_KEEP (texts.h) mark parts of it. Returns
   its height; with draw false nothing but that. */
double page_text(struct page *page, const struct page_style *style, double x, double y,
                 double width, const char *text, bool draw);
/* The width of the widest line, unwrapped. */
double page_text_width(struct page *page, const struct page_style *style, const char *text);
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
