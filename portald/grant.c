/* Grants for setting a new password or TOTP; grant_make() is the way in. */
#include "config.h"

#include "grant.h"

#include "account.h"

#include "cleanup.h"
#include "seal.h"

#include <errno.h>

struct content {
    char uuid[JOB_ENTRY_SIZE];
    uint8_t bound[SEAL_BOUND]; /* to name and service */
    int64_t until, changed;
    uint64_t epoch, kind;
    uint64_t coded;  /* with a code, that is, where TOTP was set up */
    uint8_t puk[32]; /* BLAKE2b of the hash of the PUK that was right; of a recovery only */
};

static void digest_puk(const struct entry *entry, uint8_t ret[static 32])
{
    const char *puk = entry->puk ? entry->puk : "";

    crypto_generichash(ret, 32, (const uint8_t *)puk, strlen(puk), NULL, 0);
}

int grant_make(const struct keys *keys, enum grant_kind kind, const char *name, const char *service,
               const struct entry *entry, time_t now, uint8_t ret[static GRANT_SIZE],
               size_t *ret_size)
{
    struct content content;

    memset(&content, 0, sizeof content); /* padding, too: it leaves the process */
    memcpy(content.uuid, entry->uuid, sizeof content.uuid);
    seal_bind(name, service, NULL, content.bound);
    content.until = now + GRANT_SECONDS;
    content.changed = entry->password_changed;
    content.epoch = entry->session_epoch;
    content.kind = kind;
    content.coded = account_needs_code(entry);
    if (kind == GRANT_RECOVERY)
        digest_puk(entry, content.puk);
    return seal_state(keys->grant, GRANT_PURPOSE, &content, sizeof content, ret, GRANT_SIZE,
                      ret_size);
}

static int unseal(const struct keys *keys, const uint8_t *grant, size_t size, struct content *ret)
{
    size_t length = 0;
    int r =
        unseal_state(keys->grant, GRANT_PURPOSE, grant, size, (uint8_t *)ret, sizeof *ret, &length);

    return r < 0 || length != sizeof *ret || ret->uuid[sizeof ret->uuid - 1] ? -EBADMSG : 0;
}

int grant_open(const struct keys *keys, const uint8_t *grant, size_t size, const char *name,
               const char *service, time_t now, char ret_uuid[static JOB_ENTRY_SIZE])
{
    struct content content;
    uint8_t bound[SEAL_BOUND];

    seal_bind(name, service, NULL, bound);
    if (unseal(keys, grant, size, &content) < 0 ||
        sodium_memcmp(bound, content.bound, sizeof bound) != 0 || now >= content.until ||
        now < content.until - GRANT_SECONDS)
        return -EBADMSG;
    memcpy(ret_uuid, content.uuid, sizeof content.uuid);
    return 0;
}

/* Who only had to show a password can't do what a code is asked for by now; and a PUK that was
   replaced meanwhile opens nothing any more, whoever had it. */
static bool factors_hold(const struct content *content, const struct entry *entry)
{
    uint8_t puk[32];

    if (content->kind == GRANT_LOGIN)
        return content->coded || !account_needs_code(entry);
    digest_puk(entry, puk);
    return sodium_memcmp(puk, content->puk, sizeof puk) == 0;
}

int grant_check(const struct keys *keys, const uint8_t *grant, size_t size,
                const struct entry *entry, enum grant_kind *ret_kind)
{
    struct content content;

    if (unseal(keys, grant, size, &content) < 0 || strcmp(content.uuid, entry->uuid) != 0 ||
        content.changed != entry->password_changed || content.epoch != entry->session_epoch ||
        content.kind > GRANT_RECOVERY || !factors_hold(&content, entry))
        return -EBADMSG;
    *ret_kind = (enum grant_kind)content.kind;
    return 0;
}
