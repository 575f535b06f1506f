/* What template.c reads of a view. */
#pragma once

#include "view.h"

#include <stddef.h>

/* -ENOMEM once something couldn't be put in. */
int view_error(const struct view *view);
/* What was put in as name: "" where it is empty, or markup was asked for and it isn't, or the other
   way round; NULL: nothing was. */
const char *view_value(const struct view *view, const char *name, bool markup);
/* The first row of the list name, and the one after a row; NULL: there is none. */
const struct view *view_first(const struct view *view, const char *name);
const struct view *view_next(const struct view *row);
