/* What a set-up of TOTP has come to; enrollment_make() is the way in. */
#include "config.h"

#include "enrollment.h"

#include "seal.h"

#include <errno.h>

struct content {
    char uuid[JOB_ENTRY_SIZE];
    uint8_t bound[SEAL_BOUND]; /* to name and service */
    int64_t until, changed;
    uint64_t epoch, size;
    uint8_t sealed[ENTRY_TOTP_MAX];
};
_Static_assert(sizeof(struct content) + SEAL_OVERHEAD <= STATE_SIZE, "it fits WIRE_STATE");

int enrollment_make(const struct keys *keys, const char *name, const char *service,
                    const struct enrollment *enrollment, time_t now, uint8_t ret[static STATE_SIZE],
                    size_t *ret_size)
{
    struct content content;

    if (enrollment->size > sizeof content.sealed)
        return -E2BIG;
    memset(&content, 0, sizeof content); /* padding, too: it leaves the process */
    memcpy(content.uuid, enrollment->proof.uuid, sizeof content.uuid);
    seal_bind(name, service, NULL, content.bound);
    content.until = now + STATE_SECONDS;
    content.changed = enrollment->proof.changed;
    content.epoch = enrollment->proof.epoch;
    content.size = enrollment->size;
    memcpy(content.sealed, enrollment->sealed, enrollment->size);
    return seal_state(keys->grant, ENROLLMENT_PURPOSE, &content, sizeof content, ret, STATE_SIZE,
                      ret_size);
}

int enrollment_open(const struct keys *keys, const uint8_t *state, size_t size, const char *name,
                    const char *service, time_t now, struct enrollment *ret)
{
    struct content content;
    uint8_t bound[SEAL_BOUND];
    size_t length = 0;

    seal_bind(name, service, NULL, bound);
    if (unseal_state(keys->grant, ENROLLMENT_PURPOSE, state, size, (uint8_t *)&content,
                     sizeof content, &length) < 0 ||
        length != sizeof content || content.uuid[sizeof content.uuid - 1] ||
        content.size > sizeof content.sealed ||
        sodium_memcmp(bound, content.bound, sizeof bound) != 0 || now >= content.until ||
        now < content.until - STATE_SECONDS)
        return -EBADMSG;
    *ret = (struct enrollment){.size = content.size,
                               .proof = {.changed = content.changed, .epoch = content.epoch}};
    memcpy(ret->proof.uuid, content.uuid, sizeof ret->proof.uuid);
    memcpy(ret->sealed, content.sealed, content.size);
    return 0;
}
