/* What is to change in an entry: a list that account.c fills and directory_swap() carries out.
   Errors stick, so that a rule reads as a list of changes and is asked once, at the end. */
#include "config.h"

#include "entry.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct change *changes_next(struct changes *c, enum change_op op, enum attribute attribute)
{
    if (c->error != 0)
        return NULL;
    if (c->count == CHANGES_MAX) {
        c->error = -E2BIG;
        return NULL;
    }
    struct change *item = &c->items[c->count];
    *item = (struct change){.op = op, .attribute = attribute};
    return item;
}

void changes_clear(struct changes *c)
{
    for (size_t i = 0; i < c->count; i++) {
        struct change *item = &c->items[i];
        if (item->value)
            explicit_bzero(item->value, item->length);
        free(item->value);
        *item = (struct change){0};
    }
    c->count = 0;
    c->error = 0;
}

void changes_bytes(struct changes *c, enum change_op op, enum attribute attribute,
                   const void *value, size_t length)
{
    struct change *item = changes_next(c, op, attribute);
    if (!item)
        return;
    if (length > ENTRY_VALUE_MAX) {
        c->error = -E2BIG;
        return;
    }
    item->value = malloc(length + 1);
    if (!item->value) {
        c->error = -ENOMEM;
        return;
    }
    memcpy(item->value, value, length);
    item->value[length] = '\0';
    item->length = length;
    c->count++;
}

void changes_string(struct changes *c, enum change_op op, enum attribute attribute,
                    const char *value)
{
    changes_bytes(c, op, attribute, value, strlen(value));
}

void changes_format(struct changes *c, enum change_op op, enum attribute attribute,
                    const char *format, ...)
{
    char buffer[ENTRY_VALUE_MAX + 1];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(buffer, sizeof buffer, format, arguments);
    va_end(arguments);
    if (length < 0 || (size_t)length >= sizeof buffer) {
        if (c->error == 0)
            c->error = -E2BIG;
    } else {
        changes_bytes(c, op, attribute, buffer, (size_t)length);
    }
    explicit_bzero(buffer,
                   length < 0 || (size_t)length >= sizeof buffer ? sizeof buffer : (size_t)length);
}

void changes_number(struct changes *c, enum attribute attribute, uint64_t value)
{
    changes_format(c, CHANGE_SET, attribute, "%llu", (unsigned long long)value);
}

void changes_time(struct changes *c, enum attribute attribute, time_t value)
{
    char text[CALENDAR_GENERALIZED_SIZE];
    calendar_generalized(value, text);
    changes_string(c, CHANGE_SET, attribute, text);
}

void changes_drop(struct changes *c, enum attribute attribute)
{
    struct change *item = changes_next(c, CHANGE_CLEAR, attribute);
    if (item)
        c->count++;
}
