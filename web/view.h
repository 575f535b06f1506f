/* What a template is filled with: values by name, and rows of values for lists. Names are the
   templates' own. Errors stick (out of memory): the page that is rendered with it becomes a 500. */
#pragma once

#include "cleanup.h"

#include <stdbool.h>
#include <time.h>

struct view;

struct view *view_new(void);               /* NULL when out of memory: all functions take that */
struct view *view_free(struct view *view); /* wipes all values */
DEFINE_CLEANUP(struct view, view_free)

/* Copies. A value that is NULL or "" counts as absent: {{#name}} leaves its section out. */
void view_set(struct view *view, const char *name, const char *value);
void view_format(struct view *view, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void view_flag(struct view *view, const char *name, bool value);
/* "22. November 2026" or "22 November 2026", and with the time of day; of the process's zone. 0:
   absent. */
void view_day(struct view *view, const char *name, const char *language, time_t when);
void view_time(struct view *view, const char *name, const char *language, time_t when);
/* Markup that was made by our own code (an SVG), put in with {{{name}}}, which only templates of
   ours may use. */
void view_markup(struct view *view, const char *name, const char *markup);
/* Another row of the list name; owned by view. NULL when out of memory. */
struct view *view_row(struct view *view, const char *name);
