/* What portald gives out sealed and gets back, through libFuzzer: `make fuzz`. The bytes are a
   grant, a state, a set-up and a session as anybody may send them; then, sealed with the right key,
   as their content: whatever opens is whole. */
#include "config.h"

#include <errno.h>
#include <stdlib.h>

#include "portald/enrollment.h"
#include "portald/grant.h"
#include "portald/session.h"
#include "seal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NOW     2000000000
#define NAME    "anna@example.org"
#define SERVICE "sshd"
#define CLIENT  "192.0.2.1"
#define LIFE    43200

static const struct keys keys = {.grant = {1, 2, 3}};
static const struct entry entry = {.uuid = "11111111-2222-3333-4444-555555555555",
                                   .password_changed = NOW - 1000};

static void demand(bool what)
{
    if (!what)
        abort();
}

static bool is_whole(const char uuid[static JOB_ENTRY_SIZE])
{
    return memchr(uuid, 0, JOB_ENTRY_SIZE) != NULL;
}

/* Each in turn; returns how many open. */
static unsigned open_all(const uint8_t *sealed, size_t size)
{
    static const struct state_bounds bounds = {NAME, SERVICE, CLIENT};
    enum wire_purpose purpose = WIRE_PURPOSE_LOGIN;
    enum grant_kind kind = GRANT_LOGIN;
    struct enrollment enrollment;
    char uuid[JOB_ENTRY_SIZE];
    struct session session;
    struct proof proof;
    unsigned opened = 0;

    if (grant_open(&keys, sealed, size, NAME, SERVICE, NOW, uuid) == 0) {
        demand(is_whole(uuid));
        opened++;
    }
    if (grant_check(&keys, sealed, size, &entry, &kind) == 0)
        demand(kind == GRANT_LOGIN || kind == GRANT_RECOVERY);
    if (state_open(&keys, sealed, size, &bounds, NOW, &proof, &purpose) == 0) {
        demand(is_whole(proof.uuid) && purpose <= WIRE_PURPOSE_ENROLL);
        opened++;
    }
    if (enrollment_open(&keys, sealed, size, NAME, SERVICE, NOW, &enrollment) == 0) {
        demand(is_whole(enrollment.proof.uuid) && enrollment.size <= sizeof enrollment.sealed);
        opened++;
    }
    if (session_open(&keys, sealed, size, NOW, LIFE, &session) == 0) {
        demand(is_whole(session.proof.uuid) && NOW - session.started < LIFE);
        session_holds(&session, &entry);
        opened++;
    }
    return opened;
}

static void seal_and_open(const char *purpose, const uint8_t *data, size_t size)
{
    uint8_t sealed[1024];
    size_t length = 0;

    if (size <= sizeof sealed - SEAL_OVERHEAD) {
        demand(seal_state(keys.grant, purpose, data, size, sealed, sizeof sealed, &length) == 0);
        demand(open_all(sealed, length) <= 1);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    demand(open_all(data, size) == 0);
    seal_and_open(GRANT_PURPOSE, data, size);
    seal_and_open(STATE_PURPOSE, data, size);
    seal_and_open(ENROLLMENT_PURPOSE, data, size);
    seal_and_open(SESSION_PURPOSE, data, size);
    return 0;
}
