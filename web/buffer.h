/* Text that grows, up to a limit. What it held while growing is wiped. Errors stick. */
#pragma once

#include <stddef.h>

struct buffer {
    char *data; /* NUL-terminated once something was added */
    size_t size, room, most;
    int error; /* 0, -ENOMEM, or -EMSGSIZE beyond most bytes */
};

#define BUFFER(limit) ((struct buffer){.most = (limit)})

void buffer_add(struct buffer *buffer, const char *data, size_t size);
void buffer_add_text(struct buffer *buffer, const char *text);
void buffer_clear(struct buffer *buffer); /* wipes; for _cleanup_ */
/* Hands its text over, "" where nothing was added. Returns buffer's error, or 0. */
int buffer_take(struct buffer *buffer, char **ret, size_t *ret_size);
