/* What has been proven until the code comes; state_make() is the way in. */
#include "config.h"

#include "state.h"

#include "cleanup.h"
#include "seal.h"

#include <errno.h>

struct content {
    char uuid[JOB_ENTRY_SIZE];
    uint8_t bound[SEAL_BOUND]; /* to name, service and client */
    int64_t until, changed;
    uint64_t epoch, purpose;
};

struct proof proof_make(const struct entry *entry)
{
    struct proof proof = {.changed = entry->password_changed, .epoch = entry->session_epoch};

    memcpy(proof.uuid, entry->uuid, sizeof proof.uuid);
    return proof;
}

bool proof_holds(const struct proof *proof, const struct entry *entry)
{
    return entry && !entry->malformed && strcmp(proof->uuid, entry->uuid) == 0 &&
           proof->changed == entry->password_changed && proof->epoch == entry->session_epoch;
}

int state_make(const struct keys *keys, const struct state_bounds *bounds,
               const struct proof *proof, enum wire_purpose purpose, time_t now,
               uint8_t ret[static STATE_SIZE], size_t *ret_size)
{
    struct content content;

    memset(&content, 0, sizeof content); /* padding, too: it leaves the process */
    memcpy(content.uuid, proof->uuid, sizeof content.uuid);
    seal_bind(bounds->name, bounds->service, bounds->client, content.bound);
    content.until = now + STATE_SECONDS;
    content.changed = proof->changed;
    content.epoch = proof->epoch;
    content.purpose = purpose;
    return seal_state(keys->grant, STATE_PURPOSE, &content, sizeof content, ret, STATE_SIZE,
                      ret_size);
}

int state_open(const struct keys *keys, const uint8_t *state, size_t size,
               const struct state_bounds *bounds, time_t now, struct proof *ret,
               enum wire_purpose *ret_purpose)
{
    struct content content;
    uint8_t bound[SEAL_BOUND];
    size_t length = 0;

    seal_bind(bounds->name, bounds->service, bounds->client, bound);
    if (unseal_state(keys->grant, STATE_PURPOSE, state, size, (uint8_t *)&content, sizeof content,
                     &length) < 0 ||
        length != sizeof content || content.uuid[sizeof content.uuid - 1] ||
        sodium_memcmp(bound, content.bound, sizeof bound) != 0 || now >= content.until ||
        now < content.until - STATE_SECONDS || content.purpose > WIRE_PURPOSE_ENROLL)
        return -EBADMSG;
    *ret = (struct proof){.changed = content.changed, .epoch = content.epoch};
    memcpy(ret->uuid, content.uuid, sizeof ret->uuid);
    *ret_purpose = (enum wire_purpose)content.purpose;
    return 0;
}
