/* What is the same in every letter, read and checked at the start; for render.c and render-field.c.
 */
#pragma once

#include "render.h"

#define RENDER_LEFT       25.0
#define RENDER_RIGHT      190.0
#define RENDER_TEXT_WIDTH (RENDER_RIGHT - RENDER_LEFT)

#define RENDER_INFORMATION      125.0 /* the information block, and the letterhead above it */
#define RENDER_SIGNATURE_HEIGHT 11.0
#define RENDER_CODE_SIZE        19.0

/* Where things stand on the page: DIN 5008, forms A and B. Millimetres from the upper edge. */
struct render_places {
    double head;        /* company and letterhead */
    double field;       /* the address field */
    double information; /* the information block */
    double text;
    double fold[2];
};

struct renderer {
    struct page_fonts *fonts;
    struct texts *texts;
    char *company, *return_address, *letterhead, *footer, *support, *portal_url, *signature;
    char *portal_kept; /* portal_url, on one line where it isn't too long for that */
    struct page_colour accent, tint;
    struct page_picture *logo, *signed_by; /* NULL without */
    struct page_code *code;                /* of the portal's address; NULL without */
    const struct render_places *places;
};

extern const struct page_colour render_ink, render_grey, render_pale;

/* Draws what surrounds a letter: marks, company or logo, letterhead, footer. */
void render_frame(const struct renderer *r, struct page *page);
