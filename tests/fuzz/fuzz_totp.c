/* TOTP, through libFuzzer: `make fuzz`. Sealed secrets as the directory may have them, codes as
   people type them, and names as they get into what is scanned: it always fits a terminal. */
#include "config.h"

#include <errno.h>
#include <stdlib.h>

#include "portald/totp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define UUID "11111111-2222-3333-4444-555555555555"
#define NOW  2000000000
#define STEP (NOW / TOTP_STEP_SECONDS)

static const uint8_t secret[TOTP_SECRET_BYTES] = "12345678901234567890";

static void demand(bool what)
{
    if (!what)
        abort();
}

static struct totp_keys *keys_make(void)
{
    static const struct keys own = {.totp = {1, 2, 3}};
    struct totp_keys *keys = NULL;
    char problem[64];

    demand(totp_keys_load(&own, NULL, problem, sizeof problem, &keys) == 0);
    return keys;
}

/* What was given, and a sealed secret that was changed by it, opens nothing. */
static void unseal(const struct totp_keys *keys, const uint8_t *data, size_t size)
{
    uint8_t sealed[ENTRY_TOTP_MAX], opened[TOTP_SECRET_BYTES];
    char why[TOTP_WHY_SIZE];
    size_t length = 0;
    bool changed = false;
    int r = totp_unseal(keys, UUID, data, size, opened);

    demand(r == -EBADMSG || r == -ENOKEY);
    totp_explain(data, size, r, why);
    demand(*why && strlen(why) < sizeof why - 1);
    demand(totp_seal(keys, UUID, secret, sealed, &length) == 0);
    for (size_t i = 0; i < size && i < length; i++) {
        sealed[i] ^= data[i];
        changed |= data[i] != 0;
    }
    r = totp_unseal(keys, UUID, sealed, length, opened);
    demand(changed ? r == -EBADMSG || r == -ENOKEY : r == 0);
}

static void check(const char *typed)
{
    uint64_t step = 7;
    int r = totp_check(secret, typed, NOW, 0, &step);

    demand(r == -EACCES || r == 0);
    demand(r == 0 ? totp_is_code(typed) && step + 1 >= STEP && step <= STEP + 1 : step == 7);
    if (r == 0)
        demand(totp_check(secret, typed, NOW, step, &step) == -EACCES || step == STEP + 1);
}

static void draw(const char *company, const char *account)
{
    char uri[TOTP_URI_SIZE], qr[TOTP_QR_SIZE];
    size_t lines = 1;

    demand(totp_uri(secret, company, account, uri) == 0);
    for (const char *c = uri; *c; c++)
        demand(*c > ' ' && *c < 0x7f);
    demand(totp_qr(uri, qr) == 0);
    for (const char *c = qr; *c; c++)
        lines += *c == '\n';
    demand(lines >= 25 && lines <= 27);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct totp_keys *keys;
    char *text = malloc(size + 1);

    if (!keys)
        keys = keys_make();
    demand(text != NULL);
    if (size > 0)
        memcpy(text, data, size);
    text[size] = 0;
    unseal(keys, data, size);
    check(text);
    draw(text, text + strlen(text) / 2);
    if (strlen(text) < size)
        draw(text, text + strlen(text) + 1);
    free(text);
    return 0;
}
