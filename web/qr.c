/* QR codes as pictures; qr_svg() is the way in. */
#include "config.h"

#include "qr.h"

#include "buffer.h"
#include "template-escape.h"

#include "cleanup.h"

#include <errno.h>
#include <qrencode.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>

#define QUIET   4      /* modules around a code, ISO/IEC 18004 */
#define SVG_MAX 262144 /* more than the largest code needs */

static bool is_dark(const QRcode *code, int x, int y)
{
    return code->data[y * code->width + x] & 1;
}

__attribute__((format(printf, 2, 3))) static void add(struct buffer *svg, const char *format, ...)
{
    char text[256];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    buffer_add_text(svg, text);
}

/* One rectangle for each run of dark modules, so that no seams are seen within a row. */
static void draw(const QRcode *code, struct buffer *svg)
{
    for (int y = 0; y < code->width; y++) {
        for (int x = 0; x < code->width; x++) {
            int run = 0;

            while (x + run < code->width && is_dark(code, x + run, y))
                run++;
            if (run > 0)
                add(svg, "M%d %dh%dv1h-%dz", x + QUIET, y + QUIET, run, run);
            x += run;
        }
    }
}

static void free_code(QRcode **code)
{
    if (!*code)
        return;
    explicit_bzero((*code)->data, (size_t)(*code)->width * (size_t)(*code)->width);
    QRcode_free(*code);
}

int qr_svg(const char *text, const char *title, char **ret)
{
    _cleanup_(buffer_clear) struct buffer svg = BUFFER(SVG_MAX);
    _cleanup_(free_code) QRcode *code = QRcode_encodeString8bit(text, 0, QR_ECLEVEL_M);
    int side;
    size_t size;

    if (!code)
        return errno == ERANGE ? -E2BIG : -ENOMEM;
    side = code->width + 2 * QUIET;
    add(&svg, "<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"", side, side);
    escape_add(&svg, HOLE_ATTRIBUTE, title);
    add(&svg, "\"><rect width=\"%d\" height=\"%d\" fill=\"#fff\"/>", side, side);
    buffer_add_text(&svg, "<path fill=\"#000\" shape-rendering=\"crispEdges\" d=\"");
    draw(code, &svg);
    buffer_add_text(&svg, "\"/></svg>");
    return buffer_take(&svg, ret, &size);
}
