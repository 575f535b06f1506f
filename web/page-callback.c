/* /auth/callback, on an application's host: where a login of ours is fetched from, and where it
   comes back to. Way in: page_callback(). Pages for people are shown by our own host, which has
   their style. */
#include "config.h"

#include "auth.h"
#include "codes.h"
#include "cookie.h"
#include "pack.h"
#include "page.h"
#include "web.h"

#include "cleanup.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>

#define BROWSER_SECRET 32
#define LINK_MAX       4608

/* What COOKIE_BROWSER holds. */
struct browser {
    uint8_t secret[BROWSER_SECRET];
    time_t since; /* when the rounds were begun to be counted */
    unsigned rounds;
};

static bool browser_read(struct web *web, const struct request *request, struct browser *ret)
{
    uint8_t data[64];
    struct unpack u = {.data = data};

    if (cookie_get(web, request, COOKIE_BROWSER, data, sizeof data, &u.size) < 0)
        return false;
    unpack_fixed(&u, ret->secret, sizeof ret->secret);
    ret->since = (time_t)unpack_u64(&u);
    ret->rounds = unpack_u8(&u);
    return unpack_end(&u);
}

static int browser_write(struct web *web, struct response *response, const struct browser *browser)
{
    uint8_t data[64];
    struct pack p = {.data = data, .capacity = sizeof data};

    pack_fixed(&p, browser->secret, sizeof browser->secret);
    pack_u64(&p, (uint64_t)browser->since);
    pack_u8(&p, (uint8_t)browser->rounds);
    return cookie_set(web, response, COOKIE_BROWSER, data, p.size, AUTH_WAIT);
}

static void browser_hash(const struct browser *browser, uint8_t ret[static AUTH_BROWSER])
{
    crypto_generichash(ret, AUTH_BROWSER, browser->secret, sizeof browser->secret, NULL, 0);
}

static void go(struct web *web, struct response *response, const char *path, const char *value)
{
    char base[LINK_MAX], link[LINK_MAX];

    if (snprintf(base, sizeof base, "%s%s", web->settings->base_url, path) < (int)sizeof base &&
        auth_link(base, value, link, sizeof link) == 0)
        response_redirect(response, link);
}

/* The same value serves all tabs of a browser; how often it goes round is counted. */
static bool next_round(struct web *web, const struct request *request, struct browser *ret)
{
    if (!browser_read(web, request, ret)) {
        *ret = (struct browser){.since = request->now};
        randombytes_buf(ret->secret, sizeof ret->secret);
    }
    if (ret->since > request->now || request->now - ret->since >= AUTH_ROUND) {
        ret->since = request->now;
        ret->rounds = 0;
    }
    return ++ret->rounds <= AUTH_ROUNDS;
}

static void begin(struct web *web, struct request *request, struct response *response,
                  const char *host, const char *to)
{
    struct auth_request wish = {.made = request->now};
    struct browser browser = {0};
    char text[AUTH_REQUEST_MAX];
    bool good = target_check(web->settings, to, NULL, 0) == TARGET_PATH;

    if (!next_round(web, request, &browser)) {
        go(web, response, "/auth/continue?problem=", "round");
        return;
    }
    snprintf(wish.to, sizeof wish.to, "%s", good ? to : "/");
    snprintf(wish.host, sizeof wish.host, "%s", host);
    browser_hash(&browser, wish.browser);
    if (browser_write(web, response, &browser) == 0 &&
        auth_request_seal(web->keys->code, &wish, text) == 0)
        go(web, response, "/auth/continue?request=", text);
    sodium_memzero(&browser, sizeof browser);
}

/* Made for this host and this browser, by this process, just now, and not used yet. */
static bool code_good(struct web *web, const struct request *request, const struct auth_code *code,
                      const struct browser *browser, const char *host)
{
    uint8_t hash[AUTH_BROWSER];

    browser_hash(browser, hash);
    return strcmp(code->request.host, host) == 0 &&
           sodium_memcmp(code->request.browser, hash, sizeof hash) == 0 &&
           memcmp(code->id, web->process, sizeof web->process) == 0 &&
           codes_use(web->codes, code->id, code->request.made, request->now);
}

/* A code that can't be used any more, as after the back button, is no error: another one is
   fetched. */
static void redeem(struct web *web, struct request *request, struct response *response,
                   const char *host)
{
    struct auth_code code = {.request = {.to = "/"}};
    struct browser browser = {0};
    int r = auth_code_open(web->keys->code, request_query(request, "code"), &code);

    if (!browser_read(web, request, &browser))
        go(web, response, "/auth/continue?problem=", "cookies");
    else if (r < 0 || !code_good(web, request, &code, &browser, host))
        begin(web, request, response, host, code.request.to);
    else if (session_begin_app(web, request, response, &code.session, host) == 0)
        response_redirect(response, code.request.to);
    sodium_memzero(&code, sizeof code);
    sodium_memzero(&browser, sizeof browser);
}

void page_callback(struct web *web, struct request *request, struct response *response)
{
    const char *host = auth_host(web, request);

    if (!host || !*host)
        response_plain(response, 404, "There is nothing here.\n");
    else if (*request_query(request, "code"))
        redeem(web, request, response, host);
    else
        begin(web, request, response, host, request_query(request, "to"));
}
