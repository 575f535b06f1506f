/* What a person sees: table_put() cell by cell, then table_print(); output_pair(),
   output_error(). */
#include "config.h"

#include "output.h"

#include "cleanup.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

#define LABEL_WIDTH    18
#define FLEXIBLE_LEAST 8 /* columns of the screen that a cut cell keeps */
#define GAP            2
#define CELLS_FIRST    64

/* Control characters would let a name or a note move the cursor; the others hide what is
   written. */
static bool is_unsafe(wchar_t c)
{
    return c < 0x20 || (c >= 0x7f && c < 0xa0) || (c >= 0x202a && c <= 0x202e) ||
           (c >= 0x2066 && c <= 0x2069) || c == 0x2028 || c == 0x2029 || c == 0x200e || c == 0x200f;
}

/* The next character of text: its bytes, at least 1; *ret is -1 for what isn't UTF-8. */
static size_t character_next(const char *text, wchar_t *ret)
{
    mbstate_t state = {0};
    size_t n = mbrtowc(ret, text, strlen(text), &state);

    if (n == (size_t)-1 || n == (size_t)-2) {
        *ret = -1;
        return 1;
    }
    return n > 0 ? n : 1;
}

char *output_escape(const char *text, const char *keep)
{
    size_t size = 0;
    char *result = NULL;
    FILE *f = open_memstream(&result, &size);
    wchar_t c;

    if (!f)
        return NULL;
    for (size_t n; *text; text += n) {
        n = character_next(text, &c);
        if (c > 0 && c < 0x80 && strchr(keep, (int)c))
            fputc((int)c, f);
        else if (c == -1 || (is_unsafe(c) && c < 0x100))
            fprintf(f, "\\x%02x", c == -1 ? (unsigned)(unsigned char)*text : (unsigned)c);
        else if (is_unsafe(c))
            fprintf(f, "\\u%04x", (unsigned)c);
        else
            fwrite(text, 1, n, f);
    }
    if (fclose(f) != 0) {
        free(result);
        return NULL;
    }
    return result;
}

void output_error(const char *format, ...)
{
    _cleanup_free_ char *text = NULL, *safe = NULL;
    va_list arguments;
    int n;

    va_start(arguments, format);
    n = vasprintf(&text, format, arguments);
    va_end(arguments);
    if (n < 0) {
        text = NULL;
        return;
    }
    safe = output_escape(text, "\n");
    fprintf(stderr, "portalctl: %s\n", safe ? safe : "out of memory");
}

void output_text(const char *text)
{
    _cleanup_free_ char *safe = output_escape(text, "\n");

    printf("%s\n", safe ? safe : "");
}

void output_json(const json_t *json)
{
    json_dumpf(json, stdout, JSON_INDENT(2) | JSON_ENSURE_ASCII | JSON_PRESERVE_ORDER);
    putchar('\n');
}

/* Tables have no room for the zone. */
static void time_show(time_t t, bool zone, char ret[static OUTPUT_TIME_SIZE])
{
    struct tm tm;

    if (t == 0 || !localtime_r(&t, &tm) ||
        strftime(ret, OUTPUT_TIME_SIZE, zone ? "%F %T %Z" : "%F %T", &tm) == 0)
        snprintf(ret, OUTPUT_TIME_SIZE, "-");
}

void output_time(time_t t, char ret[static OUTPUT_TIME_SIZE])
{
    time_show(t, true, ret);
}

void output_span(long long seconds, char ret[static OUTPUT_TIME_SIZE])
{
    static const struct {
        unsigned long long seconds;
        const char *unit;
    } units[] = {{86400, "d"}, {3600, "h"}, {60, "min"}, {1, "s"}};
    unsigned long long left =
        seconds < 0 ? -(unsigned long long)seconds : (unsigned long long)seconds;
    size_t used = 0, i = 0;

    while (i + 1 < ELEMENTS(units) && left < units[i].seconds)
        i++;
    for (size_t last = i + 1; i <= last && i < ELEMENTS(units); i++) {
        unsigned long long n = left / units[i].seconds;

        left %= units[i].seconds;
        if (n > 0 || used == 0)
            used += (size_t)snprintf(ret + used, OUTPUT_TIME_SIZE - used, "%s%llu%s",
                                     used > 0 ? " " : "", n, units[i].unit);
    }
}

void output_pair(const char *label, const char *value)
{
    _cleanup_free_ char *safe = output_escape(value && *value ? value : "-", "");

    printf("%s:%*s%s\n", label, LABEL_WIDTH - 1 - (int)strlen(label), "", safe ? safe : "");
}

/* Columns of the screen that text takes; it is escaped already. */
static size_t text_width(const char *text)
{
    size_t width = 0;
    wchar_t c;

    for (size_t n; *text; text += n) {
        n = character_next(text, &c);
        width += c > 0 && wcwidth(c) > 0 ? (size_t)wcwidth(c) : 0;
    }
    return width;
}

/* Prints text in exactly width columns of the screen, cut with an ellipsis when it is longer. */
static void cell_print(const char *text, size_t width, bool right, bool last)
{
    size_t have = text_width(text), used = 0, padding = have < width ? width - have : 0;
    wchar_t c;

    if (right)
        printf("%*s", (int)padding, "");
    if (have <= width) {
        fputs(text, stdout);
    } else {
        for (size_t n, w; *text; text += n, used += w) {
            n = character_next(text, &c);
            w = c > 0 && wcwidth(c) > 0 ? (size_t)wcwidth(c) : 0;
            if (used + w + 1 > width)
                break;
            fwrite(text, 1, n, stdout);
        }
        fputs("…", stdout);
        padding = width - used - 1;
    }
    if (!last)
        printf("%*s", (int)((right ? 0 : padding) + GAP), "");
}

void table_put(struct table *t, const char *text)
{
    size_t capacity = t->capacity > 0 ? 2 * t->capacity : CELLS_FIRST;
    char **cells, *cell;

    if (t->error < 0)
        return;
    if (t->count == t->capacity) {
        cells = reallocarray(t->cells, capacity, sizeof *cells);
        if (!cells) {
            t->error = -ENOMEM;
            return;
        }
        t->cells = cells;
        t->capacity = capacity;
    }
    cell = output_escape(text && *text ? text : "-", "");
    if (cell)
        t->cells[t->count++] = cell;
    else
        t->error = -ENOMEM;
}

void table_put_number(struct table *t, long long number)
{
    char text[24];

    snprintf(text, sizeof text, "%lld", number);
    table_put(t, text);
}

void table_put_time(struct table *t, time_t time)
{
    char text[OUTPUT_TIME_SIZE];

    time_show(time, false, text);
    table_put(t, text);
}

/* Columns of the terminal; without one nothing is ever cut. */
static size_t screen_width(void)
{
    struct winsize size;

    if (!isatty(STDOUT_FILENO) || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_col == 0)
        return SIZE_MAX;
    return size.ws_col;
}

/* How wide each column is: as wide as its widest cell, flexible ones less until all fit. */
static void widths_find(const struct table *t, size_t *widths)
{
    size_t screen = screen_width(), total = 0;

    for (size_t c = 0; c < t->width; c++) {
        widths[c] = text_width(t->columns[c].title);
        for (size_t i = c; i < t->count; i += t->width)
            if (text_width(t->cells[i]) > widths[c])
                widths[c] = text_width(t->cells[i]);
        total += widths[c] + (c > 0 ? GAP : 0);
    }
    for (size_t c = t->width; c-- > 0 && total > screen;) {
        size_t spare = widths[c] > FLEXIBLE_LEAST ? widths[c] - FLEXIBLE_LEAST : 0;

        if (!t->columns[c].flexible)
            continue;
        if (spare > total - screen)
            spare = total - screen;
        widths[c] -= spare;
        total -= spare;
    }
}

void table_print(const struct table *t, const char *empty)
{
    _cleanup_free_ size_t *widths = calloc(t->width, sizeof *widths);

    if (t->error < 0 || !widths) {
        output_error("out of memory");
        return;
    }
    if (t->count == 0) {
        if (empty)
            output_text(empty);
        return;
    }
    widths_find(t, widths);
    for (size_t c = 0; c < t->width; c++)
        cell_print(t->columns[c].title, widths[c], t->columns[c].right, c + 1 == t->width);
    putchar('\n');
    for (size_t i = 0; i < t->count; i++) {
        size_t c = i % t->width;

        cell_print(t->cells[i], widths[c], t->columns[c].right, c + 1 == t->width);
        if (c + 1 == t->width)
            putchar('\n');
    }
}

void table_clear(struct table *t)
{
    for (size_t i = 0; i < t->count; i++)
        free(t->cells[i]);
    free(t->cells);
    t->cells = NULL;
    t->count = t->capacity = 0;
}
