/* Colours that can be read; colours_make() is the way in. */
#include "config.h"

#include "colour.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define CONTRAST_LEAST 4.5
#define STEPS          50 /* from the colour to black or white */
#define CHANNELS       3

struct rgb {
    int channel[CHANNELS];
};

/* The style sheet's ground on which links are read worst: --desk, and --done-tint in dark. */
static const struct rgb grounds[] = {
    [COLOUR_LIGHT] = {{0xf2, 0xf0, 0xeb}},
    [COLOUR_DARK] = {{0x1b, 0x2d, 0x22}},
};
static const struct rgb black = {{0, 0, 0}}, white = {{255, 255, 255}};

static bool read_colour(const char *text, struct rgb *ret)
{
    unsigned channel[CHANNELS];
    int end = 0;

    if (strlen(text) != COLOUR_SIZE - 1 || strspn(text + 1, "0123456789abcdefABCDEF") != 6 ||
        sscanf(text, "#%2x%2x%2x%n", &channel[0], &channel[1], &channel[2], &end) != CHANNELS ||
        end != COLOUR_SIZE - 1)
        return false;
    for (size_t i = 0; i < CHANNELS; i++)
        ret->channel[i] = (int)channel[i];
    return true;
}

static void print_colour(const struct rgb *colour, char ret[static COLOUR_SIZE])
{
    snprintf(ret, COLOUR_SIZE, "#%02x%02x%02x", (unsigned)colour->channel[0] & 255u,
             (unsigned)colour->channel[1] & 255u, (unsigned)colour->channel[2] & 255u);
}

/* WCAG 2.2, "relative luminance". */
static double luminance(const struct rgb *colour)
{
    static const double share[CHANNELS] = {0.2126, 0.7152, 0.0722};
    double sum = 0;

    for (size_t i = 0; i < CHANNELS; i++) {
        double c = colour->channel[i] / 255.0;

        sum += share[i] * (c <= 0.04045 ? c / 12.92 : pow((c + 0.055) / 1.055, 2.4));
    }
    return sum;
}

static double contrast(const struct rgb *a, const struct rgb *b)
{
    double one = luminance(a), other = luminance(b);

    return (fmax(one, other) + 0.05) / (fmin(one, other) + 0.05);
}

/* The first of STEPS steps towards end that can be read on ground. */
static struct rgb readable(const struct rgb *colour, const struct rgb *end,
                           const struct rgb *ground)
{
    struct rgb mixed = *colour;

    for (int step = 1; step <= STEPS && contrast(&mixed, ground) < CONTRAST_LEAST; step++) {
        for (size_t i = 0; i < CHANNELS; i++)
            mixed.channel[i] =
                colour->channel[i] + (end->channel[i] - colour->channel[i]) * step / STEPS;
    }
    return mixed;
}

int colours_make(const char *colour, enum colour_scheme scheme, struct colours *ret)
{
    struct rgb given, link;

    if (!read_colour(colour, &given))
        return -EINVAL;
    link = readable(&given, scheme == COLOUR_LIGHT ? &black : &white, &grounds[scheme]);
    print_colour(&given, ret->colour);
    print_colour(contrast(&given, &white) >= CONTRAST_LEAST ? &white : &black, ret->on);
    print_colour(&link, ret->link);
    return 0;
}

double colour_contrast(const char *a, const char *b)
{
    struct rgb one, other;

    return read_colour(a, &one) && read_colour(b, &other) ? contrast(&one, &other) : 0;
}
