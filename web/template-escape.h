/* Puts values into pages, each escaped for where it stands. */
#pragma once

#include "buffer.h"
#include "template-html.h"

void escape_add(struct buffer *buffer, enum html_hole hole, const char *value);
