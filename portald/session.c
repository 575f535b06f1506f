/* Sessions of the web; session_make() is the way in. */
#include "config.h"

#include "session.h"

#include "account.h"

#include "cleanup.h"
#include "seal.h"

#include <errno.h>

struct content {
    char uuid[JOB_ENTRY_SIZE];
    int64_t started, changed;
    uint64_t epoch, coded;
};
_Static_assert(sizeof(struct content) + SEAL_OVERHEAD <= SESSION_SIZE, "it fits SESSION");

int session_make(const struct keys *keys, const struct entry *entry, time_t now,
                 uint8_t ret[static SESSION_SIZE], size_t *ret_size)
{
    struct content content;

    memset(&content, 0, sizeof content); /* padding, too: it leaves the process */
    memcpy(content.uuid, entry->uuid, sizeof content.uuid);
    content.started = now;
    content.changed = entry->password_changed;
    content.epoch = entry->session_epoch;
    content.coded = account_needs_code(entry);
    return seal_state(keys->grant, SESSION_PURPOSE, &content, sizeof content, ret, SESSION_SIZE,
                      ret_size);
}

int session_open(const struct keys *keys, const uint8_t *sealed, size_t size, time_t now, long life,
                 struct session *ret)
{
    struct content content;
    size_t length = 0;

    if (unseal_state(keys->grant, SESSION_PURPOSE, sealed, size, (uint8_t *)&content,
                     sizeof content, &length) < 0 ||
        length != sizeof content || content.uuid[sizeof content.uuid - 1] || content.started < 0 ||
        now - content.started >= life || now - content.started < -SESSION_SKEW)
        return -EBADMSG;
    *ret = (struct session){.proof = {.changed = content.changed, .epoch = content.epoch},
                            .coded = content.coded != 0,
                            .started = content.started};
    memcpy(ret->proof.uuid, content.uuid, sizeof ret->proof.uuid);
    return 0;
}

/* An address that somebody changed ends sessions as soon as readdress.c gets to it: it doesn't
   outlive that. Who only had to show a password isn't let in where a code is asked for by now. */
bool session_holds(const struct session *session, const struct entry *entry)
{
    return proof_holds(&session->proof, entry) && entry->state == ACCOUNT_ACTIVE && entry->mail &&
           !account_mail_changed(entry) && (session->coded || !account_needs_code(entry));
}
