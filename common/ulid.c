/* ULIDs: ulid_make() and, for what came from outside, ulid_read(). */
#include "config.h"

#include "ulid.h"

#include "base32.h"

#include <endian.h>
#include <errno.h>
#include <sodium.h>
#include <string.h>

#define TIME_BYTES 6

void ulid_make(int64_t milliseconds, char ret[static ULID_SIZE])
{
    uint64_t time = htobe64((uint64_t)milliseconds << 16);
    uint8_t id[BASE32_ID_BYTES];

    memcpy(id, &time, TIME_BYTES);
    randombytes_buf(id + TIME_BYTES, sizeof id - TIME_BYTES);
    base32_id_print(id, ret);
}

int ulid_read(const char *typed, char ret[static ULID_SIZE])
{
    uint8_t values[BASE32_SYMBOLS_MAX] = {0}, id[BASE32_ID_BYTES];

    if (strlen(typed) != BASE32_ID_SYMBOLS || base32_read(typed, values) != BASE32_ID_SYMBOLS)
        return -EINVAL;
    if (base32_id_read(values, id) < 0)
        return -EINVAL;
    base32_id_print(id, ret);
    return 0;
}
