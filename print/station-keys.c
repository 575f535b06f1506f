/* The print station's keys: the pair in use and those before it, and making a new one. */
#include "config.h"

#include "station.h"

#include "keys.h"
#include "log.h"
#include "messages.h"

#include <errno.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>

DEFINE_CLEANUP(struct station_key, station_key_free)

static int key_trouble(int r, const char *what, const char *file)
{
    log_event(LOG_ERR, MESSAGE_CONFIGURATION, NULL, "%s %s: %s", what, file, key_error(r));
    return r;
}

/* The first of the list is tried first. */
static int old_keys_load(const char *files, struct station_key **key)
{
    _cleanup_free_ char *copy = files ? strdup(files) : NULL;
    char *blank;
    int r = 0;

    while (r == 0 && copy && *copy) {
        const char *file;

        blank = strrchr(copy, ' ');
        file = blank ? blank + 1 : copy;
        r = station_key_load(file, *key, key);
        if (r < 0)
            return key_trouble(r, "an older key of the station", file);
        *(blank ? blank : copy) = '\0';
    }
    return files && !copy ? -ENOMEM : r;
}

int station_keys_load(const struct settings *settings, uint8_t *portald, size_t size,
                      struct station_key **ret)
{
    _cleanup_(station_key_free_p) struct station_key *key = NULL;
    int r = key_read(settings->portald_key, false, portald, size);

    if (r < 0)
        return key_trouble(r, "portald's public key", settings->portald_key);
    r = old_keys_load(settings->old_keys, &key);
    if (r < 0)
        return r;
    r = station_key_load(settings->station_key, key, &key);
    if (r < 0)
        return key_trouble(r, "the station's key", settings->station_key);
    *ret = TAKE(key);
    return 0;
}

int station_keygen(const char *directory)
{
    uint8_t *secret = sodium_malloc(crypto_box_SECRETKEYBYTES);
    uint8_t public_key[crypto_box_PUBLICKEYBYTES];
    char path[PATH_MAX], public_path[PATH_MAX];
    int r = 0;

    if (!secret)
        return -ENOMEM;
    if (snprintf(path, sizeof path, "%s/station.key", directory) >= (int)sizeof path ||
        snprintf(public_path, sizeof public_path, "%s/station.pub", directory) >=
            (int)sizeof public_path)
        r = -ENAMETOOLONG;
    else if (access(public_path, F_OK) == 0)
        r = -EEXIST; /* never half a pair */
    crypto_box_keypair(public_key, secret);
    if (r == 0)
        r = key_write(path, 0600, secret, crypto_box_SECRETKEYBYTES);
    if (r == 0)
        r = key_write(public_path, 0644, public_key, sizeof public_key);
    sodium_free(secret);
    return r;
}
