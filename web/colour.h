/* The insurer's colour, and what goes with it so that all can read it (WCAG 2.2, 1.4.3). */
#pragma once

#define COLOUR_SIZE       8 /* #rrggbb and NUL */
#define COLOUR_STYLE_SIZE 256

enum colour_scheme {
    COLOUR_LIGHT,
    COLOUR_DARK,
};

struct colours {
    char colour[COLOUR_SIZE]; /* as it was configured */
    char on[COLOUR_SIZE];     /* white, or black where white can't be read on it */
    char link[COLOUR_SIZE];   /* it, as much darker or lighter as it takes on the page's grounds */
};

/* From #rrggbb. Returns 0 or -EINVAL. */
int colours_make(const char *colour, enum colour_scheme scheme, struct colours *ret);
/* The contrast of two colours of that form, 1 to 21; 0 when one isn't. */
double colour_contrast(const char *a, const char *b);
