/* Pictures of the operator's, for page.c: PNG files, read through libpng as Cairo does. */
#pragma once

#include "page.h"

#include <cairo.h>

#define PICTURE_FILE_MAX   (4u << 20) /* bytes */
#define PICTURE_PIXELS_MAX 4000u      /* a side */

/* What is drawn; stays the picture's. */
cairo_surface_t *picture_surface(const struct page_picture *picture);
