/* Key files: what is read, what is refused, and that no key is ever overwritten. */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cleanup.h"
#include "keys.h"
#include "scratch.h"

/* 32 bytes of 0x01. */
#define MASTER "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE="

static const char *write_key(void **state, const char *text, mode_t mode, char *path)
{
    scratch_path(state, "portald.key", path);
    unlink(path);
    scratch_write(path, text, strlen(text), mode);
    return path;
}

static void assert_hex(const uint8_t *bytes, const char *expected)
{
    char hex[65];

    assert_string_equal(sodium_bin2hex(hex, sizeof hex, bytes, 32), expected);
}

/* The numbers of the subkeys are part of the format: these were worked out with another
   implementation of BLAKE2b and Ed25519. */
static void test_derived_keys_never_change(void **state)
{
    _cleanup_(keys_free_p) struct keys *keys = NULL;
    char path[SCRATCH_PATH_SIZE];

    assert_int_equal(keys_load(write_key(state, MASTER "\n", 0600, path), &keys), 0);
    assert_hex(keys->link, "5347d2987b60f73f100e30d2a46d0aaedfcc06ac36c528b20c3c6de34ebd134d");
    assert_hex(keys->reference, "bb2810fc38777145734e7c8bca9ec9b45d38bf246d7d7e4935ff386e7ab1eab5");
    assert_hex(keys->grant, "dfc28263c2305e25fa21dab57828e8119d9453c2a51213e0d827b83e4682ed71");
    assert_hex(keys->table, "251249175a75a4c8b41d4c5020e05dda6482ac9adeb11ddaade25e737051cbb9");
    assert_hex(keys->sign_public,
               "419fca24f42c7a70f521d7c97f1ec81258653e9a1232e90325a1e5f4b1a4ff22");
}

static void test_what_the_derived_key_signs_its_public_key_checks(void **state)
{
    _cleanup_(keys_free_p) struct keys *keys = NULL;
    uint8_t signature[crypto_sign_BYTES];
    char path[SCRATCH_PATH_SIZE];

    assert_int_equal(keys_load(write_key(state, MASTER "\n", 0600, path), &keys), 0);
    crypto_sign_detached(signature, NULL, (const uint8_t *)"x", 1, keys->sign_secret);
    assert_int_equal(
        crypto_sign_verify_detached(signature, (const uint8_t *)"x", 1, keys->sign_public), 0);
}

static const struct {
    const char *what, *text;
    mode_t mode;
    bool secret;
    int r;
} files[] = {
    {"a secret", MASTER "\n", 0600, true, 0},
    {"without newline", MASTER, 0600, true, 0},
    {"with CR LF", MASTER "\r\n", 0600, true, 0},
    {"read-only", MASTER "\n", 0400, true, 0},
    {"a secret that others may read", MASTER "\n", 0604, true, -EPERM},
    {"a secret that others may write", MASTER "\n", 0602, true, -EPERM},
    {"a secret that its group may read and its owner write", MASTER "\n", 0640, true, -EPERM},
    {"a secret that its group may write", MASTER "\n", 0460, true, -EPERM},
    {"a public key", MASTER "\n", 0644, false, 0},
    {"a public key that its group may write", MASTER "\n", 0664, false, -EPERM},
    {"a public key that others may write", MASTER "\n", 0646, false, -EPERM},
    {"empty", "", 0600, true, -EINVAL},
    {"too short", "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQ==\n", 0600, true, -EINVAL},
    {"too long", "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB\n", 0600, true, -EINVAL},
    {"without its padding", "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE\n", 0600, true, -EINVAL},
    {"two keys", MASTER "\n" MASTER "\n", 0600, true, -EINVAL},
    {"no base64", "this is not a key but a sentence with blanks\n", 0600, true, -EINVAL},
    {"base64 of URLs", "_wEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=\n", 0600, true, -EINVAL},
};

static void test_only_a_whole_key_in_a_private_file_is_read(void **state)
{
    char path[SCRATCH_PATH_SIZE];

    for (size_t i = 0; i < ELEMENTS(files); i++) {
        uint8_t key[32] = {0}, expected[32];

        print_message("# %s\n", files[i].what);
        write_key(state, files[i].text, files[i].mode, path);
        assert_int_equal(key_read(path, files[i].secret, key, sizeof key), files[i].r);
        memset(expected, files[i].r == 0 ? 1 : 0, sizeof expected);
        assert_memory_equal(key, expected, sizeof expected);
    }
}

static void test_a_credential_of_systemd_is_read(void **state)
{
    char path[SCRATCH_PATH_SIZE];
    uint8_t key[32];

    write_key(state, MASTER "\n", 0440, path);
    assert_int_equal(key_read(path, true, key, sizeof key), 0);
    assert_int_equal(chown(path, 1, 0), 0);
    assert_int_equal(key_read(path, true, key, sizeof key), -EPERM);
}

static void test_what_is_no_file_is_refused(void **state)
{
    static char large[100000];
    char path[SCRATCH_PATH_SIZE];
    struct keys *keys = NULL;
    uint8_t key[32];

    assert_int_equal(key_read("/nonexistent", true, key, sizeof key), -ENOENT);
    assert_int_equal(keys_load("/nonexistent", &keys), -ENOENT);
    assert_int_equal(key_read(*state, true, key, sizeof key), -EINVAL);
    assert_int_equal(mkfifo(scratch_path(state, "fifo", path), 0600), 0);
    assert_int_equal(key_read(path, true, key, sizeof key), -EINVAL);
    scratch_path(state, "large", path);
    memset(large, 'A', sizeof large);
    scratch_write(path, large, sizeof large, 0600);
    assert_int_equal(key_read(path, true, key, sizeof key), -EINVAL);
    assert_null(keys);
}

static void test_a_key_reads_back_as_written_with_its_mode(void **state)
{
    static const size_t sizes[] = {32, 64};
    char path[SCRATCH_PATH_SIZE];
    uint8_t key[64], read[64];
    struct stat st;

    for (size_t i = 0; i < ELEMENTS(sizes); i++) {
        randombytes_buf(key, sizeof key);
        scratch_path(state, i == 0 ? "secret" : "public", path);
        assert_int_equal(key_write(path, i == 0 ? 0600 : 0644, key, sizes[i]), 0);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 07777, i == 0 ? 0600 : 0644);
        assert_int_equal(st.st_nlink, 1);
        assert_int_equal(key_read(path, i == 0, read, sizes[i]), 0);
        assert_memory_equal(read, key, sizes[i]);
    }
}

static void test_a_key_is_never_overwritten(void **state)
{
    uint8_t one[32] = {1}, other[32] = {2}, read[32];
    char path[SCRATCH_PATH_SIZE];

    scratch_path(state, "portald.key", path);
    assert_int_equal(key_write(path, 0600, one, sizeof one), 0);
    assert_int_equal(key_write(path, 0600, other, sizeof other), -EEXIST);
    assert_int_equal(key_read(path, true, read, sizeof read), 0);
    assert_memory_equal(read, one, sizeof one);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(*state), 0); /* nothing else was left there */
    assert_int_equal(mkdir(*state, 0700), 0);
}

static void test_a_key_is_not_written_where_it_cannot_be(void **state)
{
    uint8_t key[65] = {0};
    char path[SCRATCH_PATH_SIZE];

    assert_int_equal(key_write("/nonexistent/key", 0600, key, 32), -ENOENT);
    assert_int_equal(key_write(scratch_path(state, "key", path), 0600, key, sizeof key), -EINVAL);
}

#define WITH_DIRECTORY(test) cmocka_unit_test_setup_teardown(test, scratch_make, scratch_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_DIRECTORY(test_derived_keys_never_change),
        WITH_DIRECTORY(test_what_the_derived_key_signs_its_public_key_checks),
        WITH_DIRECTORY(test_only_a_whole_key_in_a_private_file_is_read),
        WITH_DIRECTORY(test_a_credential_of_systemd_is_read),
        WITH_DIRECTORY(test_what_is_no_file_is_refused),
        WITH_DIRECTORY(test_a_key_reads_back_as_written_with_its_mode),
        WITH_DIRECTORY(test_a_key_is_never_overwritten),
        WITH_DIRECTORY(test_a_key_is_not_written_where_it_cannot_be),
    };

    if (sodium_init() < 0)
        return 1;
    if (geteuid() != 0) {
        puts("# skipped: test_a_credential_…, because only root can make files of root");
        cmocka_set_skip_filter("test_a_credential_*");
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
