/* Makes what all pages share; web_open() is the way in. */
#include "config.h"

#include "web.h"

#include "assets.h"
#include "codes.h"
#include "limits.h"

#include "cleanup.h"
#include "keys.h"
#include "log.h"
#include "messages.h"
#include "process.h"
#include "texts.h"

#include <errno.h>
#include <pwd.h>
#include <sodium.h>
#include <stdio.h>
#include <unistd.h>

#define KEY_BYTES   32
#define KEY_CONTEXT "portlweb" /* crypto_kdf_CONTEXTBYTES */

_Static_assert(KEY_BYTES == crypto_kdf_KEYBYTES, "the cookie key is libsodium's");

static int complain(const char *what, const char *why)
{
    log_event(LOG_ERR, MESSAGE_CONFIGURATION, NULL, "%s: %s", what, why);
    return -EINVAL;
}

static int find_peer(struct web *web)
{
    const struct passwd *user;

    if (!*web->settings->peer)
        return 0;
    user = getpwnam(web->settings->peer);
    if (!user)
        return complain("[portald] peer", "there is no such user");
    web->peer = user->pw_uid;
    return 0;
}

/* The numbers are part of the format: another one ends every session. */
static int derive_keys(struct web *web)
{
    uint8_t master[KEY_BYTES];
    int r = key_read(web->settings->cookie_key, true, master, sizeof master);

    if (r < 0)
        return complain(web->settings->cookie_key, key_error(r));
    web->keys = sodium_malloc(sizeof *web->keys);
    if (!web->keys) {
        sodium_memzero(master, sizeof master);
        return -ENOMEM;
    }
    crypto_kdf_derive_from_key(web->keys->cookie, KEY_BYTES, 1, KEY_CONTEXT, master);
    crypto_kdf_derive_from_key(web->keys->form, KEY_BYTES, 2, KEY_CONTEXT, master);
    crypto_kdf_derive_from_key(web->keys->code, KEY_BYTES, 3, KEY_CONTEXT, master);
    crypto_kdf_derive_from_key(web->keys->table, KEY_BYTES, 4, KEY_CONTEXT, master);
    sodium_memzero(master, sizeof master);
    return 0;
}

static int open_table(struct web *web)
{
    const struct settings *s = web->settings;
    _cleanup_free_ char *file = NULL;
    int r;

    if (s->state_dir && asprintf(&file, "%s/sessions", s->state_dir) < 0)
        return -ENOMEM;
    r = sessions_open(file, web->keys->table, (unsigned)s->slots, s->absolute, &web->sessions);
    if (r < 0)
        complain(file ? file : "the table of sessions", strerror(-r));
    return r;
}

static int open_parts(struct web *web)
{
    const struct settings *s = web->settings;
    int r;

    if ((r = find_peer(web)) < 0 || (r = derive_keys(web)) < 0)
        return r;
    if ((r = texts_open(s->locale_dir)) < 0)
        return complain(s->locale_dir, "the German texts are not there");
    if ((r = templates_load(s->templates, &web->templates)) < 0 ||
        (r = assets_load(s, &web->assets)) < 0 || (r = site_new(&web->site)) < 0 ||
        (r = codes_new(&web->codes)) < 0 || (r = limits_new(s, web->keys->table, &web->limits)) < 0)
        return r;
    return 0;
}

static int load(const char *file, bool table, struct web **ret)
{
    struct web *web = calloc(1, sizeof *web);
    int r;

    if (!web)
        return -ENOMEM;
    randombytes_buf(web->process, sizeof web->process);
    r = settings_load(file, &web->settings);
    if (r == 0)
        r = open_parts(web);
    if (r == 0 && table)
        r = open_table(web);
    if (r < 0) {
        web_free(web);
        return r;
    }
    *ret = web;
    return 0;
}

int web_open(const char *file, struct web **ret)
{
    return load(file, true, ret);
}

/* The table stays alone: whoever checks may be another user, and a file of theirs would keep the
   service from starting. */
int web_check(const char *file)
{
    struct web *web = NULL;
    int r = load(file, false, &web);

    web_free(web);
    return r;
}

struct web *web_free(struct web *web)
{
    if (!web)
        return NULL;
    sessions_free(web->sessions);
    codes_free(web->codes);
    limits_free(web->limits);
    site_free(web->site);
    assets_free(web->assets);
    templates_free(web->templates);
    if (web->keys)
        sodium_free(web->keys);
    settings_free(web->settings);
    free(web);
    return NULL;
}
