/* Whole files: written so that a crash leaves the old one or the new one, read up to a limit. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Writes directory/name, mode 0600, in place of what is there; on disk when it returns 0. What it
   is made from in between is called ".name.new". Returns 0 or a negative errno. */
int file_write(const char *directory, const char *name, const void *data, size_t size);
/* Reads a regular file of at most `most` bytes. *ret is malloc'ed with a NUL behind it. Returns 0;
   -EFBIG when it is longer; -EINVAL when it isn't a regular file; or what open() and read() say. */
int file_read(const char *path, size_t most, uint8_t **ret, size_t *ret_size);
