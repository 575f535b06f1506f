/* The letter: one page of A4 after DIN 5008, form B or A, for a window envelope.

                         form B                                       form A
       address field     85 x 45 mm at 20 mm from the left and
                         45 mm from the top                           27 mm
                         17.7 mm of it for return address and remarks, 27.3 mm for six lines
       information       125 mm from the left, 50 mm from the top     32 mm
       text              from 98.46 mm, margins 25 and 20 mm          80.46 mm
       fold marks        105 and 210 mm                               87 and 192 mm
       hole mark         148.5 mm

   The same letter makes the same bytes. */
#pragma once

#include "letter.h"
#include "page.h"
#include "texts.h"

enum render_form {
    RENDER_FORM_B,
    RENDER_FORM_A,
    RENDER_FORMS,
};

/* What is the same in every letter; from print.conf. Strings with several lines have them
   separated by "|". */
struct render_look {
    const char *texts; /* directory */
    const char *font, *code_font;
    const char *colour; /* #RRGGBB */
    const char *company;
    const char *return_address;
    const char *letterhead;
    const char *footer;
    const char *support;
    const char *portal_url;
    const char *signature;
    const char *logo, *signature_image; /* PNG files; NULL or "" for none */
    enum render_form form;
    bool qr; /* the portal's address as a QR code */
};

struct renderer;

/* Finds fonts, reads and checks texts. Returns 0, or a negative errno and a sentence in problem. */
int renderer_open(const struct render_look *look, char *problem, size_t size,
                  struct renderer **ret);
struct renderer *renderer_free(struct renderer *renderer);

/* Makes the page. pdf must be zeroed, or gather; page_pdf_clear() wipes it. Returns 0; -EBADMSG,
   and why in a few words, when this letter can't be shown whole; -ENOMEM. */
int render_letter(struct renderer *renderer, const struct letter *letter, struct page_pdf *pdf,
                  char why[static LETTER_WHY_SIZE]);
