/* The fields of a request as they come in; exchange_field() is the way in. */
#include "config.h"

#include "exchange.h"

#include "cleanup.h"

#include <errno.h>
#include <glib.h>

static int field_new(struct request_fields *fields, const char *name, struct request_field **ret)
{
    struct request_field *field = &fields->field[fields->count];

    if (fields->count == REQUEST_FIELDS_MAX || strlen(name) > REQUEST_NAME_MAX)
        return -E2BIG;
    field->value = calloc(1, 1);
    if (!field->value)
        return -ENOMEM;
    strcpy(field->name, name);
    fields->count++;
    *ret = field;
    return 0;
}

/* realloc() would leave what may be a password where it was. */
static int field_grow(struct request_field *field, size_t length, const char *data, size_t size)
{
    char *grown = malloc(length + size + 1);

    if (!grown)
        return -ENOMEM;
    memcpy(grown, field->value, length);
    memcpy(grown + length, data, size);
    grown[length + size] = '\0';
    wipe_free_p(&field->value);
    field->value = grown;
    return 0;
}

int exchange_field(struct request_fields *fields, const char *name, const char *data,
                   uint64_t offset, size_t size)
{
    struct request_field *field = NULL;
    int r;

    for (size_t i = 0; i < fields->count; i++)
        if (strcmp(fields->field[i].name, name) == 0)
            field = &fields->field[i];
    if (field && offset == 0)
        return -EEXIST;
    if (!field && (r = field_new(fields, name, &field)) < 0)
        return r;
    if (offset != strlen(field->value) || size > REQUEST_FIELD_MAX - offset ||
        memchr(data, '\0', size))
        return -E2BIG;
    return size > 0 ? field_grow(field, (size_t)offset, data, size) : 0;
}

static bool value_good(const char *value)
{
    if (!g_utf8_validate(value, -1, NULL))
        return false;
    for (const unsigned char *c = (const unsigned char *)value; *c; c++)
        if ((*c < 0x20 && !strchr("\t\r\n", *c)) || *c == 0x7f)
            return false;
    return true;
}

bool exchange_fields_good(const struct request_fields *fields)
{
    for (size_t i = 0; i < fields->count; i++)
        if (!value_good(fields->field[i].name) || !value_good(fields->field[i].value))
            return false;
    return true;
}

static void fields_clear(struct request_fields *fields)
{
    for (size_t i = 0; i < fields->count; i++)
        wipe_free_p(&fields->field[i].value);
    fields->count = 0;
}

void exchange_clear(struct exchange *x)
{
    if (x->post)
        MHD_destroy_post_processor(x->post);
    fields_clear(&x->request.query);
    fields_clear(&x->request.form);
    response_clear(&x->response);
    explicit_bzero(x, sizeof *x);
}
