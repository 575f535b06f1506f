/* The floor of the letters' measure: a page of about as much text, in the same three faces, through
   Pango and Cairo into memory, with nothing kept but the fonts. tests/bench/letters runs it. */
#include "config.h"

#include <cairo-pdf.h>
#include <pango/pangocairo.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define WARM_UP   20
#define PAGES_MAX 1000000
#define A4_WIDTH  595.276
#define A4_HEIGHT 841.89
#define LEFT      71
#define WIDTH     468

static const struct {
    const char *font, *text;
} paragraphs[] = {
    {"Lato Bold 19", "Beispiel Versicherung"},
    {"Lato 8", "Musterstraße 1\n12345 Musterstadt\nwww.versicherung.example"},
    {"Lato 7.5", "Beispiel Versicherung · Postfach 10 01 00 · 50441 Köln"},
    {"Lato 11", "%s\nLindenallee 12\n50667 Köln"},
    {"Lato 8", "Datum\n22. November 2026\nBriefnummer"},
    {"Hack 8", "01KAN0PQ7ZJ3S8V4W6X9Y2T5RB"},
    {"Lato Bold 13", "Ihr Zugang zum Kundenportal"},
    {"Lato 10", "Guten Tag %s,"},
    {"Lato 10", "willkommen im Kundenportal! Ihre E-Mail-Adresse ist bestätigt, und hier sind Ihre "
                "persönlichen Zugangsdaten. Mit dem Startpasswort melden Sie sich ein einziges Mal "
                "an; danach gilt das Passwort, das Sie selbst wählen."},
    {"Lato Bold 12", "%s@mail.example"},
    {"Hack 18", "7K3M-9QXC-2V8D-HJ0B"},
    {"Hack 18", "0B8D-5S2Z-G6VY-1QTA"},
    {"Lato 9", "gültig bis einschließlich 27. Dezember 2026, läuft nicht ab; bitte aufbewahren"},
    {"Lato 9",
     "Groß oder klein, mit oder ohne Bindestriche: Tippen Sie, wie es Ihnen am leichtesten "
     "fällt. Die Buchstaben I, L und O kommen in den Codes nicht vor – was so aussieht, "
     "ist immer eine Eins oder eine Null."},
    {"Lato Bold 10", "So geht es weiter"},
    {"Lato 10", "Öffnen Sie https://konto.versicherung.example und melden Sie sich bis zum "
                "27. Dezember 2026 mit Ihrer E-Mail-Adresse und dem Startpasswort an. Wählen Sie "
                "Ihr persönliches Passwort. Ab dann gilt nur noch dieses. Legen Sie diesen Brief "
                "in eine Schublade. Mit der PUK kommen Sie wieder in Ihr Konto, falls Sie einmal "
                "Ihr Passwort vergessen oder Ihr Telefon verlieren."},
    {"Lato Bold 10", "Das waren Sie nicht?"},
    {"Lato 10",
     "Dann öffnen Sie bitte gleich die folgende Adresse, oder rufen Sie uns an und nennen "
     "Sie die Kennung an ihrem Ende. Wir stoppen dann alles Weitere."},
    {"Hack 9", "https://konto.versicherung.example/not-me/7K3M9-QXC2V-8DHJ4-N0B5S-2ZTGWR"},
    {"Lato 10", "Haben Sie Fragen? Telefon 0221 555-0100. Niemand von uns wird Sie je nach Ihrem "
                "Passwort oder Ihrer PUK fragen.\n\nMit freundlichen Grüßen\n\nIhr Kundenservice"},
    {"Lato 7.5", "Amtsgericht Musterstadt HRB 12345\nVorstand: Dr. Erika Beispiel"},
};

static cairo_status_t count_bytes(void *closure, const unsigned char *data, unsigned int length)
{
    (void)data;
    *(size_t *)closure += length;
    return CAIRO_STATUS_SUCCESS;
}

static double cpu_now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void paragraph_draw(cairo_t *cairo, size_t i, unsigned number, double *y)
{
    PangoLayout *layout = pango_cairo_create_layout(cairo);
    PangoFontDescription *font = pango_font_description_from_string(paragraphs[i].font);
    char name[32], text[1024];
    int height;

    snprintf(name, sizeof name, "Anna Beispiel-%u", number);
    const char *value = strstr(paragraphs[i].text, "%s");
    if (value)
        snprintf(text, sizeof text, "%.*s%s%s", (int)(value - paragraphs[i].text),
                 paragraphs[i].text, name, value + 2);
    pango_layout_set_font_description(layout, font);
    pango_font_description_free(font);
    pango_layout_set_width(layout, WIDTH * PANGO_SCALE);
    pango_layout_set_text(layout, value ? text : paragraphs[i].text, -1);
    cairo_move_to(cairo, LEFT, *y);
    pango_cairo_show_layout(cairo, layout);
    pango_layout_get_size(layout, NULL, &height);
    *y += (double)height / PANGO_SCALE + 3;
    g_object_unref(layout);
}

static size_t page_make(unsigned number)
{
    size_t bytes = 0;
    cairo_surface_t *surface =
        cairo_pdf_surface_create_for_stream(count_bytes, &bytes, A4_WIDTH, A4_HEIGHT);
    cairo_t *cairo = cairo_create(surface);
    double y = 40;

    for (size_t i = 0; i < sizeof paragraphs / sizeof paragraphs[0]; i++)
        paragraph_draw(cairo, i, number, &y);
    cairo_show_page(cairo);
    cairo_destroy(cairo);
    cairo_surface_destroy(surface);
    return bytes;
}

/* bench_page PAGES */
int main(int argc, char **argv)
{
    unsigned pages = argc == 2 ? (unsigned)strtoul(argv[1], NULL, 10) : 0;
    size_t bytes = 0;
    double begun = 0;

    if (pages == 0 || pages > PAGES_MAX) {
        fprintf(stderr, "Usage: bench_page PAGES\n");
        return 2;
    }
    for (unsigned i = 0; i < WARM_UP + pages; i++) {
        if (i == WARM_UP)
            begun = cpu_now();
        bytes = page_make(i);
    }
    printf("pages %u rate %.1f bytes %zu\n", pages, pages / (cpu_now() - begun), bytes);
    return 0;
}
