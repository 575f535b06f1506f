/* Text that grows: buffer.h. */
#include "config.h"

#include "buffer.h"

#include "cleanup.h"

#include <errno.h>

#define ROOM_FIRST 4096

static int grow(struct buffer *buffer, size_t need)
{
    size_t room = buffer->room > 0 ? buffer->room : ROOM_FIRST;
    char *data;

    while (room < need)
        room *= 2;
    data = malloc(room);
    if (!data)
        return -ENOMEM;
    if (buffer->data) {
        memcpy(data, buffer->data, buffer->size);
        explicit_bzero(buffer->data, buffer->size);
        free(buffer->data);
    }
    buffer->data = data;
    buffer->room = room;
    return 0;
}

void buffer_add(struct buffer *buffer, const char *data, size_t size)
{
    if (buffer->error < 0)
        return;
    if (size > buffer->most - buffer->size) {
        buffer->error = -EMSGSIZE;
        return;
    }
    if (buffer->size + size + 1 > buffer->room)
        buffer->error = grow(buffer, buffer->size + size + 1);
    if (buffer->error < 0)
        return;
    if (size > 0)
        memcpy(buffer->data + buffer->size, data, size);
    buffer->size += size;
    buffer->data[buffer->size] = '\0';
}

void buffer_add_text(struct buffer *buffer, const char *text)
{
    buffer_add(buffer, text, strlen(text));
}

void buffer_clear(struct buffer *buffer)
{
    if (buffer->data)
        explicit_bzero(buffer->data, buffer->size);
    free(buffer->data);
    *buffer = BUFFER(buffer->most);
}

int buffer_take(struct buffer *buffer, char **ret, size_t *ret_size)
{
    buffer_add(buffer, "", 0);
    if (buffer->error < 0)
        return buffer->error;
    *ret = TAKE(buffer->data);
    *ret_size = buffer->size;
    buffer->size = buffer->room = 0;
    return 0;
}
