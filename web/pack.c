/* Packing; pack.h has the format. */
#include "config.h"

#include "pack.h"

#include <endian.h>
#include <string.h>

void pack_fixed(struct pack *p, const void *value, size_t size)
{
    if (p->failed || size > p->capacity - p->size) {
        p->failed = true;
        return;
    }
    if (size > 0)
        memcpy(p->data + p->size, value, size);
    p->size += size;
}

void pack_u8(struct pack *p, uint8_t value)
{
    pack_fixed(p, &value, sizeof value);
}

void pack_u64(struct pack *p, uint64_t value)
{
    uint64_t big = htobe64(value);

    pack_fixed(p, &big, sizeof big);
}

void pack_blob(struct pack *p, const void *value, size_t size)
{
    uint16_t big = htobe16((uint16_t)size);

    if (size > UINT16_MAX)
        p->failed = true;
    pack_fixed(p, &big, sizeof big);
    pack_fixed(p, value, size);
}

void pack_string(struct pack *p, const char *value)
{
    pack_blob(p, value, strlen(value));
}

void unpack_fixed(struct unpack *u, void *ret, size_t size)
{
    if (u->failed || size > u->size) {
        u->failed = true;
        memset(ret, 0, size);
        return;
    }
    if (size > 0)
        memcpy(ret, u->data, size);
    u->data += size;
    u->size -= size;
}

uint8_t unpack_u8(struct unpack *u)
{
    uint8_t value;

    unpack_fixed(u, &value, sizeof value);
    return value;
}

uint64_t unpack_u64(struct unpack *u)
{
    uint64_t big;

    unpack_fixed(u, &big, sizeof big);
    return be64toh(big);
}

size_t unpack_blob(struct unpack *u, void *ret, size_t capacity)
{
    uint16_t big;
    size_t size;

    unpack_fixed(u, &big, sizeof big);
    size = be16toh(big);
    if (size > capacity)
        u->failed = true;
    if (u->failed)
        return 0;
    unpack_fixed(u, ret, size);
    return u->failed ? 0 : size;
}

void unpack_string(struct unpack *u, char *ret, size_t capacity)
{
    size_t size = unpack_blob(u, ret, capacity - 1);

    ret[size] = '\0';
    if (strlen(ret) != size) {
        u->failed = true;
        ret[0] = '\0';
    }
}

bool unpack_end(const struct unpack *u)
{
    return !u->failed && u->size == 0;
}
