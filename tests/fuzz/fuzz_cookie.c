/* What browsers send back, through libFuzzer: `make fuzz`. The bytes are a cookie as anybody may
   send it; then, sealed with the right key, the content of a session's and of a step's: whatever
   is taken is whole. */
#include "config.h"

#include "web/auth.h"
#include "web/cookie.h"
#include "web/step.h"
#include "web/web.h"

#include "cleanup.h"
#include "seal.h"

#include <microhttpd.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NOW       2000000000
#define STEP_NAME "__Host-" COOKIE_STEP

static char base[] = "https://konto.example.org";
static struct settings settings = {.base_url = base, .step = 900};
static struct web_keys keys = {.cookie = {1}, .code = {2}};
static struct web web = {.settings = &settings, .keys = &keys};
/* What libmicrohttpd would have: one cookie. */
static const char *sent;

int __wrap_MHD_get_connection_values(struct MHD_Connection *connection, enum MHD_ValueKind kind,
                                     MHD_KeyValueIterator iterator, void *userdata);
int __wrap_MHD_get_connection_values(struct MHD_Connection *connection, enum MHD_ValueKind kind,
                                     MHD_KeyValueIterator iterator, void *userdata)
{
    (void)connection;
    if (kind == MHD_COOKIE_KIND)
        iterator(userdata, kind, STEP_NAME, sent);
    return 1;
}

static void demand(bool what)
{
    if (!what)
        abort();
}

static bool is_text(const char *text, size_t size)
{
    return memchr(text, '\0', size);
}

static void try_text(const uint8_t *data, size_t size)
{
    _cleanup_free_ char *text = malloc(size + 1);
    uint8_t content[COOKIE_VALUE_MAX];
    struct auth_request wish;
    struct auth_code code;
    size_t length;

    memcpy(text, data, size);
    text[size] = '\0';
    demand(cookie_open(keys.cookie, STEP_NAME, text, content, sizeof content, &length) < 0);
    demand(auth_request_open(keys.code, text, &wish) < 0);
    demand(auth_code_open(keys.code, text, &code) < 0);
}

static void try_session(const uint8_t *data, size_t size)
{
    uint8_t packed[SESSION_PACKED];
    struct session session;

    if (session_unpack(data, size, &session) < 0)
        return;
    demand(is_text(session.uid, sizeof session.uid) && is_text(session.mail, sizeof session.mail) &&
           is_text(session.host, sizeof session.host) &&
           session.state_size <= sizeof session.state);
    demand(session_pack(&session, packed) == size && memcmp(packed, data, size) == 0);
}

static void try_step(const uint8_t *data, size_t size)
{
    struct request request = {.path = "/", .rest = "", .language = "de", .now = NOW};
    uint8_t sealed[COOKIE_VALUE_MAX + SEAL_OVERHEAD];
    char text[sizeof sealed * 4 / 3 + 4];
    size_t length;

    if (size > COOKIE_VALUE_MAX)
        return;
    demand(seal_state(keys.cookie, "portal-web cookie 1 " STEP_NAME, data, size, sealed,
                      sizeof sealed, &length) == 0);
    sodium_bin2base64(text, sizeof text, sealed, length, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    sent = text;
    for (int kind = STEP_CODE; kind <= STEP_RECOVER_CODE; kind++) {
        struct step step;

        if (step_load(&web, &request, (enum step_kind)kind, &step) < 0)
            continue;
        demand(step.kind == (enum step_kind)kind && step.made > NOW - settings.step &&
               is_text(step.id, sizeof step.id) && is_text(step.user, sizeof step.user) &&
               is_text(step.to, sizeof step.to) && is_text(step.purpose, sizeof step.purpose) &&
               is_text(step.extra, sizeof step.extra) && step.blob_size <= sizeof step.blob);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    try_text(data, size);
    try_session(data, size);
    try_step(data, size);
    return 0;
}
