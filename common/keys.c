/* Key files: read with keys_load() or key_read(), written once with key_write(). */
#include "config.h"

#include "keys.h"

#include "cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define MASTER_SIZE   32
#define KEY_SIZE_MAX  64
#define KEY_LINE_SIZE sodium_base64_ENCODED_LEN(KEY_SIZE_MAX, sodium_base64_VARIANT_ORIGINAL)
#define KEY_FILE_MAX  (KEY_LINE_SIZE + 16) /* with white space around */
#define SIGN_SUBKEY   5

_Static_assert(MASTER_SIZE == crypto_kdf_KEYBYTES, "the master key is libsodium's");

/* What crypto_kdf makes of the master key. The numbers are part of the format: never use one for
   anything else, or every link, reference and grant that is out changes its meaning. */
static const struct {
    uint64_t number;
    size_t offset;
} subkeys[] = {
    {1, offsetof(struct keys, link)},
    {2, offsetof(struct keys, reference)},
    {3, offsetof(struct keys, grant)},
    {4, offsetof(struct keys, table)},
    /* 5 is the signature's */
    {6, offsetof(struct keys, code)},
    {7, offsetof(struct keys, totp)},
};

/* Whether the file's mode keeps a secret from all but its owner, and any key from being changed by
   others. systemd's credentials are root's, and their access list shows as 0440. */
static bool is_private(const struct stat *st, bool secret)
{
    mode_t others = secret ? 0077 : 0022;

    if (st->st_uid == 0 && (st->st_mode & 0777) == 0440)
        return true;
    return (st->st_mode & others) == 0;
}

/* Reads a small file whole. Returns 0 and the length. */
static int read_small(int fd, char *buffer, size_t size, size_t *ret_length)
{
    size_t have = 0;
    ssize_t n;

    do {
        n = read(fd, buffer + have, size - have);
        if (n < 0 && errno != EINTR)
            return -errno;
        if (n > 0)
            have += (size_t)n;
    } while (n != 0 && have < size);
    if (have == size)
        return -EINVAL;
    *ret_length = have;
    return 0;
}

/* One line of base64 that stands for exactly size bytes. */
static int key_decode(const char *text, size_t length, void *ret, size_t size)
{
    uint8_t key[KEY_SIZE_MAX];
    size_t decoded = 0;
    int r = -EINVAL;

    if (size <= sizeof key &&
        sodium_base642bin(key, sizeof key, text, length, " \t\r\n", &decoded, NULL,
                          sodium_base64_VARIANT_ORIGINAL) == 0 &&
        decoded == size) {
        memcpy(ret, key, size);
        r = 0;
    }
    sodium_memzero(key, sizeof key);
    return r;
}

int key_read(const char *file, bool secret, void *ret, size_t size)
{
    _cleanup_close_ int fd = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    char text[KEY_FILE_MAX];
    struct stat st;
    size_t length = 0;
    int r;

    if (fd < 0 || fstat(fd, &st) < 0)
        return -errno;
    if (!S_ISREG(st.st_mode))
        return -EINVAL;
    if (!is_private(&st, secret))
        return -EPERM;
    r = read_small(fd, text, sizeof text, &length);
    if (r == 0)
        r = key_decode(text, length, ret, size);
    sodium_memzero(text, sizeof text);
    return r;
}

static void keys_derive(struct keys *keys, const uint8_t master[static MASTER_SIZE])
{
    uint8_t seed[crypto_sign_SEEDBYTES];

    for (size_t i = 0; i < ELEMENTS(subkeys); i++)
        crypto_kdf_derive_from_key((uint8_t *)keys + subkeys[i].offset, 32, subkeys[i].number,
                                   "portald", master);
    crypto_kdf_derive_from_key(seed, sizeof seed, SIGN_SUBKEY, "portald", master);
    crypto_sign_seed_keypair(keys->sign_public, keys->sign_secret, seed);
    sodium_memzero(seed, sizeof seed);
}

int keys_load(const char *file, struct keys **ret)
{
    uint8_t master[MASTER_SIZE];
    struct keys *keys;
    int r;

    if (sodium_init() < 0)
        return -EIO;
    r = key_read(file, true, master, sizeof master);
    if (r < 0)
        return r;
    keys = sodium_malloc(sizeof *keys);
    if (keys) {
        keys_derive(keys, master);
        sodium_mprotect_readonly(keys);
        *ret = keys;
    }
    sodium_memzero(master, sizeof master);
    return keys ? 0 : -ENOMEM;
}

struct keys *keys_free(struct keys *keys)
{
    sodium_free(keys);
    return NULL;
}

static int write_all(int fd, const char *data, size_t size)
{
    ssize_t n;

    for (size_t written = 0; written < size; written += (size_t)n) {
        n = write(fd, data + written, size - written);
        if (n < 0 && errno != EINTR)
            return -errno;
        if (n < 0)
            n = 0;
    }
    return 0;
}

/* Makes what was done in file's directory durable. */
static int sync_directory(const char *file)
{
    _cleanup_free_ char *directory = strdup(file);
    _cleanup_close_ int fd = -1;
    char *slash;

    if (!directory)
        return -ENOMEM;
    slash = strrchr(directory, '/');
    if (slash)
        slash[slash == directory ? 1 : 0] = 0;
    fd = open(slash ? directory : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 || fsync(fd) < 0 ? -errno : 0;
}

/* A new file with this line, durable; none is left behind on failure. */
static int write_new(const char *file, mode_t mode, const char *line)
{
    _cleanup_close_ int fd = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    int r;

    if (fd < 0)
        return -errno;
    r = write_all(fd, line, strlen(line));
    if (r == 0 && (fchmod(fd, mode) < 0 || fsync(fd) < 0))
        r = -errno;
    if (r < 0)
        unlink(file);
    return r;
}

const char *key_error(int r)
{
    switch (r) {
    case -EPERM:
        return "others than its owner may read or change it (chmod 0600, a public key 0644)";
    case -EINVAL:
        return "it isn't a key, or not one of this kind";
    default:
        return strerror(-r);
    }
}

/* Under another name first, then linked: a crash leaves no half key, and link() overwrites none. */
int key_write(const char *file, mode_t mode, const void *key, size_t size)
{
    char line[KEY_LINE_SIZE + 1], temporary[PATH_MAX];
    int r;

    if (size > KEY_SIZE_MAX)
        return -EINVAL;
    if (snprintf(temporary, sizeof temporary, "%s.new-%08x", file, randombytes_random()) >=
        (int)sizeof temporary)
        return -ENAMETOOLONG;
    sodium_bin2base64(line, KEY_LINE_SIZE, key, size, sodium_base64_VARIANT_ORIGINAL);
    strcat(line, "\n");
    r = write_new(temporary, mode, line);
    sodium_memzero(line, sizeof line);
    if (r < 0)
        return r;
    if (link(temporary, file) < 0)
        r = -errno;
    unlink(temporary);
    return r == 0 ? sync_directory(file) : r;
}
