/* What templates are filled with; view_new() is the way in. Pages have some dozen values, so they
   are kept as lists. */
#include "config.h"

#include "view-private.h"

#include "calendar.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SAID_SIZE 64 /* a day and a time of day, in words */

struct value {
    struct value *next;
    char *name, *text;
    bool markup;
};

struct list {
    struct list *next;
    char *name;
    struct view *first, *last;
};

struct view {
    struct view *next; /* of the same list */
    struct view *page; /* who keeps the error */
    struct value *values;
    struct list *lists;
    int error;
};

static struct view *make(struct view *page)
{
    struct view *view = calloc(1, sizeof *view);

    if (view)
        view->page = page ? page : view;
    return view;
}

struct view *view_new(void)
{
    return make(NULL);
}

static void values_free(struct value *values)
{
    while (values) {
        struct value *next = values->next;

        wipe_free_p(&values->text);
        free(values->name);
        free(values);
        values = next;
    }
}

struct view *view_free(struct view *view)
{
    while (view) {
        struct view *next = view->next;

        values_free(view->values);
        while (view->lists) {
            struct list *list = view->lists;

            view->lists = list->next;
            view_free(list->first);
            free(list->name);
            free(list);
        }
        free(view);
        view = next;
    }
    return NULL;
}

static struct value *find(const struct view *view, const char *name)
{
    struct value *value = view->values;

    while (value && strcmp(value->name, name) != 0)
        value = value->next;
    return value;
}

static struct value *add(struct view *view, const char *name)
{
    struct value *value = calloc(1, sizeof *value);

    if (value)
        value->name = strdup(name);
    if (!value || !value->name) {
        free(value);
        return NULL;
    }
    value->next = view->values;
    view->values = value;
    return value;
}

/* Takes text over. */
static void put(struct view *view, const char *name, char *text, bool markup)
{
    struct value *value = find(view, name);

    if (!value)
        value = add(view, name);
    if (!value) {
        wipe_free_p(&text);
        view->page->error = -ENOMEM;
        return;
    }
    wipe_free_p(&value->text);
    value->text = text;
    value->markup = markup;
}

static void copy(struct view *view, const char *name, const char *text, bool markup)
{
    char *copied;

    if (!view)
        return;
    copied = strdup(text ? text : "");
    if (copied)
        put(view, name, copied, markup);
    else
        view->page->error = -ENOMEM;
}

void view_set(struct view *view, const char *name, const char *value)
{
    copy(view, name, value, false);
}

void view_markup(struct view *view, const char *name, const char *markup)
{
    copy(view, name, markup, true);
}

void view_flag(struct view *view, const char *name, bool value)
{
    copy(view, name, value ? "1" : "", false);
}

void view_format(struct view *view, const char *name, const char *format, ...)
{
    va_list arguments;
    char *text = NULL;
    int r;

    if (!view)
        return;
    va_start(arguments, format);
    r = vasprintf(&text, format, arguments);
    va_end(arguments);
    if (r < 0)
        view->page->error = -ENOMEM;
    else
        put(view, name, text, false);
}

void view_day(struct view *view, const char *name, const char *language, time_t when)
{
    char day[CALENDAR_DAY_SIZE], said[SAID_SIZE] = "";

    if (when != 0) {
        calendar_day(when, day);
        if (calendar_say_day(day, language, said, sizeof said) < 0)
            *said = '\0';
    }
    copy(view, name, said, false);
}

void view_time(struct view *view, const char *name, const char *language, time_t when)
{
    char said[SAID_SIZE] = "";

    if (when != 0 && calendar_say_time(when, language, said, sizeof said) < 0)
        *said = '\0';
    copy(view, name, said, false);
}

static struct list *find_list(const struct view *view, const char *name)
{
    struct list *list = view->lists;

    while (list && strcmp(list->name, name) != 0)
        list = list->next;
    return list;
}

static struct list *add_list(struct view *view, const char *name)
{
    struct list *list = calloc(1, sizeof *list);

    if (list)
        list->name = strdup(name);
    if (!list || !list->name) {
        free(list);
        return NULL;
    }
    list->next = view->lists;
    view->lists = list;
    return list;
}

struct view *view_row(struct view *view, const char *name)
{
    struct list *list;
    struct view *row;

    if (!view)
        return NULL;
    list = find_list(view, name);
    if (!list)
        list = add_list(view, name);
    row = list ? make(view->page) : NULL;
    if (!row) {
        view->page->error = -ENOMEM;
        return NULL;
    }
    if (list->last)
        list->last->next = row;
    else
        list->first = row;
    list->last = row;
    return row;
}

int view_error(const struct view *view)
{
    return view ? view->page->error : -ENOMEM;
}

const char *view_value(const struct view *view, const char *name, bool markup)
{
    const struct value *value = find(view, name);

    if (!value)
        return NULL;
    return value->markup == markup ? value->text : "";
}

const struct view *view_first(const struct view *view, const char *name)
{
    const struct list *list = find_list(view, name);

    return list ? list->first : NULL;
}

const struct view *view_next(const struct view *row)
{
    return row->next;
}
