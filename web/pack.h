/* What cookies and codes hold, as bytes: integers big-endian, strings and blobs with their length
   (2) in front. Errors stick: put or take everything, then ask once. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pack {
    uint8_t *data;
    size_t size, capacity;
    bool failed; /* it didn't fit */
};

void pack_u8(struct pack *p, uint8_t value);
void pack_u64(struct pack *p, uint64_t value);
void pack_fixed(struct pack *p, const void *value, size_t size); /* without a length */
void pack_blob(struct pack *p, const void *value, size_t size);
void pack_string(struct pack *p, const char *value);

struct unpack {
    const uint8_t *data;
    size_t size;
    bool failed; /* too short, or something didn't fit; all that is taken from then on is zero */
};

uint8_t unpack_u8(struct unpack *u);
uint64_t unpack_u64(struct unpack *u);
void unpack_fixed(struct unpack *u, void *ret, size_t size);
size_t unpack_blob(struct unpack *u, void *ret, size_t capacity);
/* A NUL within it is a failure, too. */
void unpack_string(struct unpack *u, char *ret, size_t capacity);
/* Whether all was well and nothing is left. */
bool unpack_end(const struct unpack *u);
