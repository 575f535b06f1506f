/* Form tokens. SameSite and Sec-Fetch-Site keep most forged requests away; the token is what holds
   where a browser knows neither. */
#include "config.h"

#include "token.h"

#include "cookie.h"
#include "web.h"

#include "cleanup.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>

#define TOKEN_BYTES 32
#define TOKEN_SEED  32 /* of the cookie */
_Static_assert(TOKEN_SIZE ==
                   sodium_base64_ENCODED_LEN(TOKEN_BYTES, sodium_base64_VARIANT_URLSAFE_NO_PADDING),
               "a token as text");

/* what: "session" or "form", so that neither id can stand for the other. */
static void compute(const struct web *web, const char *what, const void *id, size_t size,
                    char ret[static TOKEN_SIZE])
{
    crypto_generichash_state state;
    uint8_t hash[TOKEN_BYTES];

    crypto_generichash_init(&state, web->keys->form, sizeof web->keys->form, sizeof hash);
    crypto_generichash_update(&state, (const uint8_t *)what, strlen(what) + 1);
    crypto_generichash_update(&state, id, size);
    crypto_generichash_final(&state, hash, sizeof hash);
    sodium_bin2base64(ret, TOKEN_SIZE, hash, sizeof hash, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    sodium_memzero(&state, sizeof state);
}

static bool read_seed(struct web *web, const struct request *request,
                      uint8_t ret[static TOKEN_SEED])
{
    size_t size;

    return cookie_get(web, request, COOKIE_FORM, ret, TOKEN_SEED, &size) == 0 && size == TOKEN_SEED;
}

int token_make(struct web *web, const struct request *request, struct response *response,
               char ret[static TOKEN_SIZE])
{
    uint8_t seed[TOKEN_SEED];
    int r;

    if (session_has_id(request->session_status)) {
        compute(web, "session", request->session.id, sizeof request->session.id, ret);
        return 0;
    }
    if (!read_seed(web, request, seed)) {
        randombytes_buf(seed, sizeof seed);
        r = cookie_set(web, response, COOKIE_FORM, seed, sizeof seed, 0);
        if (r < 0)
            return r;
    }
    compute(web, "form", seed, sizeof seed, ret);
    return 0;
}

/* What browsers call the origin of base_url: without the port that its scheme has anyway. */
static bool is_ours(const struct settings *settings, const char *origin)
{
    const char *base = settings->base_url;
    const char *port = settings_secure(settings) ? ":443" : ":80";
    size_t length = strlen(base), cut = strlen(port);

    if (length > cut && strcmp(base + length - cut, port) == 0)
        length -= cut;
    return strncasecmp(base, origin, length) == 0 && origin[length] == '\0';
}

/* Our pages say Referrer-Policy: no-referrer, and browsers then send "Origin: null" with our own
   forms, too (Fetch, 3.2): it says nothing. Sec-Fetch-Site tells then, where it is sent. */
bool token_origin(const struct settings *settings, const char *origin, const char *site)
{
    if (site && strcmp(site, "same-origin") != 0 && strcmp(site, "none") != 0)
        return false;
    return !origin || strcmp(origin, "null") == 0 || is_ours(settings, origin);
}

bool token_check(struct web *web, const struct request *request)
{
    const char *given = request_form(request, "token");
    char expected[TOKEN_SIZE];
    uint8_t seed[TOKEN_SEED];

    if (!token_origin(web->settings, request_header(request, "Origin"),
                      request_header(request, "Sec-Fetch-Site")))
        return false;
    if (session_has_id(request->session_status))
        compute(web, "session", request->session.id, sizeof request->session.id, expected);
    else if (read_seed(web, request, seed))
        compute(web, "form", seed, sizeof seed, expected);
    else
        return false;
    return strlen(given) == TOKEN_SIZE - 1 && sodium_memcmp(given, expected, TOKEN_SIZE - 1) == 0;
}
