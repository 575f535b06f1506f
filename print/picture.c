/* Reading a logo or a signature once, small enough that each letter can carry it: picture.h. */
#include "config.h"

#include "picture.h"

#include "cleanup.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define DOTS_PER_MM  (300 / 25.4)
#define HEADER_SIZE  24 /* signature, and IHDR to width and height */
#define WIDTH_BEGIN  16
#define HEIGHT_BEGIN 20

struct page_picture {
    cairo_surface_t *surface;
    double width, height; /* in millimetres */
};

DEFINE_CLEANUP(struct page_picture, page_picture_free)

struct page_picture *page_picture_free(struct page_picture *picture)
{
    if (picture && picture->surface)
        cairo_surface_destroy(picture->surface);
    free(picture);
    return NULL;
}

double page_picture_width(const struct page_picture *picture)
{
    return picture->width;
}

double page_picture_height(const struct page_picture *picture)
{
    return picture->height;
}

cairo_surface_t *picture_surface(const struct page_picture *picture)
{
    return picture->surface;
}

static uint32_t number_at(const unsigned char *bytes)
{
    uint32_t number;
    memcpy(&number, bytes, sizeof number);
    return be32toh(number);
}

/* The size is looked at before libpng makes room for it. Returns NULL, or what is wrong. */
static const char *header_check(FILE *f)
{
    static const unsigned char begin[] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n',
                                          0,    0,   0,   13,  'I',  'H',  'D',  'R'};
    unsigned char header[HEADER_SIZE];
    struct stat st;
    if (fstat(fileno(f), &st) < 0 || !S_ISREG(st.st_mode))
        return "not a file";
    if (st.st_size > (off_t)PICTURE_FILE_MAX)
        return "larger than 4 MiB";
    if (fread(header, sizeof header, 1, f) != 1 || memcmp(header, begin, sizeof begin) != 0)
        return "not a PNG";
    uint32_t width = number_at(header + WIDTH_BEGIN), height = number_at(header + HEIGHT_BEGIN);
    if (width < 1 || height < 1 || width > PICTURE_PIXELS_MAX || height > PICTURE_PIXELS_MAX)
        return "wider or higher than 4000 pixels";
    rewind(f);
    return NULL;
}

static cairo_status_t read_more(void *closure, unsigned char *data, unsigned int length)
{
    return fread(data, 1, length, closure) == length ? CAIRO_STATUS_SUCCESS
                                                     : CAIRO_STATUS_READ_ERROR;
}

/* On white, which it will lie on: without transparency it needs no second picture for it. */
static cairo_surface_t *resample(cairo_surface_t *from, int width, int height)
{
    cairo_surface_t *to = cairo_image_surface_create(CAIRO_FORMAT_RGB24, width, height);
    cairo_t *cairo = cairo_create(to);
    cairo_set_source_rgb(cairo, 1, 1, 1);
    cairo_paint(cairo);
    cairo_scale(cairo, (double)width / cairo_image_surface_get_width(from),
                (double)height / cairo_image_surface_get_height(from));
    cairo_set_source_surface(cairo, from, 0, 0);
    cairo_pattern_set_filter(cairo_get_source(cairo), CAIRO_FILTER_GOOD);
    cairo_pattern_set_extend(cairo_get_source(cairo), CAIRO_EXTEND_PAD);
    cairo_paint(cairo);
    cairo_destroy(cairo);
    cairo_surface_flush(to);
    return to;
}

/* As large as its place allows, and no finer than 300 dots an inch. */
static int picture_fit(struct page_picture *picture, double width, double height)
{
    const double w = cairo_image_surface_get_width(picture->surface);
    const double h = cairo_image_surface_get_height(picture->surface);
    double scale = width / w < height / h ? width / w : height / h; /* millimetres a pixel */
    picture->width = w * scale;
    picture->height = h * scale;
    double finer = scale * DOTS_PER_MM;
    if (finer > 1)
        finer = 1;
    int across = (int)(w * finer + 0.5), down = (int)(h * finer + 0.5);
    cairo_surface_t *made =
        resample(picture->surface, across > 1 ? across : 1, down > 1 ? down : 1);
    cairo_surface_destroy(picture->surface);
    picture->surface = made;
    return cairo_surface_status(made) == CAIRO_STATUS_SUCCESS ? 0 : -ENOMEM;
}

int page_picture_load(const char *file, double width, double height, char *problem, size_t size,
                      struct page_picture **ret)
{
    _cleanup_(page_picture_free_p) struct page_picture *picture = calloc(1, sizeof *picture);
    if (!picture)
        return -ENOMEM;
    int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    _cleanup_fclose_ FILE *f = fd < 0 ? NULL : fdopen(fd, "r");
    if (!f) {
        int r = -errno;
        snprintf(problem, size, "%s: %s", file, strerror(-r));
        if (fd >= 0)
            close(fd);
        return r;
    }
    const char *wrong = header_check(f);
    if (!wrong) {
        picture->surface = cairo_image_surface_create_from_png_stream(read_more, f);
        if (cairo_surface_status(picture->surface) != CAIRO_STATUS_SUCCESS)
            wrong = "can't be read as a PNG";
    }
    if (wrong) {
        snprintf(problem, size, "%s: %s", file, wrong);
        return -EINVAL;
    }
    int r = picture_fit(picture, width, height);
    if (r < 0)
        return r;
    *ret = TAKE(picture);
    return 0;
}
