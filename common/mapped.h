/* A file of fixed size that begins with a header and is worked on in memory: what tables that
   outlive their process are kept in. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Maps file, of size bytes, the first of which are exactly header; one that begins otherwise or has
   another size is replaced by a new one, all zero behind its header, mode 0600. Replaced, not
   changed: who has the old one mapped goes on with that. All of it is allocated on disk, so that a
   full disk is an error here and no SIGBUS later. file NULL: in memory only. *ret is for munmap();
   *ret_new (or NULL): whether it was made just now. Returns 0; -EINVAL when it isn't a regular
   file; or a negative errno. */
int mapped_open(const char *file, const void *header, size_t header_size, size_t size, void **ret,
                bool *ret_new);
