/* What is sealed opens for the right key and purpose, whole, and for nothing else. */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cleanup.h"
#include "seal.h"

#define BATCH "01ARYZ6S41TSV4RRFFQ69G5FAV"
#define OTHER "01ARYZ6S41TSV4RRFFQ69G5FAW"

static const char content[] = "{\"version\":1,\"password\":\"0123456789ABCDEF\"}";

static void test_a_letter_opens_at_its_station_only(void **state)
{
    uint8_t public_key[crypto_box_PUBLICKEYBYTES], secret[crypto_box_SECRETKEYBYTES];
    uint8_t other_public[crypto_box_PUBLICKEYBYTES], other_secret[crypto_box_SECRETKEYBYTES];
    _cleanup_free_ uint8_t *sealed = NULL, *opened = NULL, *none = NULL;
    size_t size, length;

    (void)state;
    crypto_box_keypair(public_key, secret);
    crypto_box_keypair(other_public, other_secret);
    assert_int_equal(seal_letter(public_key, content, strlen(content), &sealed, &size), 0);
    assert_int_equal(size, strlen(content) + crypto_box_SEALBYTES);
    assert_null(memmem(sealed, size, "password", 8));
    assert_int_equal(unseal_letter(public_key, secret, sealed, size, &opened, &length), 0);
    assert_int_equal(length, strlen(content));
    assert_string_equal((char *)opened, content); /* with its NUL */
    assert_int_equal(unseal_letter(other_public, other_secret, sealed, size, &none, &length),
                     -EBADMSG);
    assert_null(none);
}

static void test_a_letter_changed_or_cut_anywhere_stays_shut(void **state)
{
    uint8_t public_key[crypto_box_PUBLICKEYBYTES], secret[crypto_box_SECRETKEYBYTES];
    _cleanup_free_ uint8_t *sealed = NULL, *none = NULL;
    size_t size, length;

    (void)state;
    crypto_box_keypair(public_key, secret);
    assert_int_equal(seal_letter(public_key, content, strlen(content), &sealed, &size), 0);
    for (size_t i = 0; i < size; i++) {
        sealed[i] ^= 1;
        assert_int_equal(unseal_letter(public_key, secret, sealed, size, &none, &length), -EBADMSG);
        sealed[i] ^= 1;
        assert_int_equal(unseal_letter(public_key, secret, sealed, i, &none, &length), -EBADMSG);
    }
    assert_null(none);
}

static void test_state_opens_for_its_key_and_purpose_only(void **state)
{
    uint8_t key[32], other[32], sealed[200], opened[200];
    size_t size, length;

    (void)state;
    randombytes_buf(key, sizeof key);
    randombytes_buf(other, sizeof other);
    assert_int_equal(
        seal_state(key, "grant", content, strlen(content), sealed, sizeof sealed, &size), 0);
    assert_int_equal(size, strlen(content) + SEAL_OVERHEAD);
    assert_int_equal(unseal_state(key, "grant", sealed, size, opened, sizeof opened, &length), 0);
    assert_int_equal(length, strlen(content));
    assert_memory_equal(opened, content, length);
    assert_int_equal(unseal_state(key, "grand", sealed, size, opened, sizeof opened, &length),
                     -EBADMSG);
    assert_int_equal(unseal_state(key, "", sealed, size, opened, sizeof opened, &length), -EBADMSG);
    assert_int_equal(unseal_state(other, "grant", sealed, size, opened, sizeof opened, &length),
                     -EBADMSG);
}

static void test_state_changed_or_cut_anywhere_stays_shut(void **state)
{
    uint8_t key[32], sealed[200], opened[200];
    size_t size, length;

    (void)state;
    randombytes_buf(key, sizeof key);
    assert_int_equal(
        seal_state(key, "grant", content, strlen(content), sealed, sizeof sealed, &size), 0);
    for (size_t i = 0; i < size; i++) {
        sealed[i] ^= 0x80;
        assert_int_equal(unseal_state(key, "grant", sealed, size, opened, sizeof opened, &length),
                         -EBADMSG);
        sealed[i] ^= 0x80;
        assert_int_equal(unseal_state(key, "grant", sealed, i, opened, sizeof opened, &length),
                         -EBADMSG);
    }
}

static void test_the_same_state_never_seals_alike(void **state)
{
    uint8_t key[32] = {0}, one[100], other[100];
    size_t size;

    (void)state;
    assert_int_equal(seal_state(key, "grant", "x", 1, one, sizeof one, &size), 0);
    assert_int_equal(seal_state(key, "grant", "x", 1, other, sizeof other, &size), 0);
    assert_memory_not_equal(one, other, size);
}

static void test_state_that_does_not_fit_is_refused(void **state)
{
    uint8_t key[32] = {0}, sealed[SEAL_OVERHEAD + 4], opened[4];
    size_t size, length;

    (void)state;
    assert_int_equal(seal_state(key, "grant", "12345", 5, sealed, sizeof sealed, &size), -ENOBUFS);
    assert_int_equal(seal_state(key, "grant", "", 0, sealed, SEAL_OVERHEAD - 1, &size), -ENOBUFS);
    assert_int_equal(seal_state(key, "grant", "", SIZE_MAX, sealed, sizeof sealed, &size),
                     -ENOBUFS);
    assert_int_equal(seal_state(key, "grant", "1234", 4, sealed, sizeof sealed, &size), 0);
    assert_int_equal(unseal_state(key, "grant", sealed, size, opened, 3, &length), -ENOBUFS);
    assert_int_equal(unseal_state(key, "grant", sealed, size, opened, 4, &length), 0);
}

static void manifest(const char *const *letters, uint8_t ret[static 32])
{
    struct seal_manifest m;

    seal_manifest_begin(&m);
    for (; *letters; letters++)
        seal_manifest_add(&m, (const uint8_t *)*letters, strlen(*letters));
    seal_manifest_end(&m, ret);
}

static void test_manifest_is_bound_to_order_and_bounds(void **state)
{
    static const char *const lists[][4] = {{"ab", "c"}, {"a", "bc"},     {"abc"},
                                           {"c", "ab"}, {"ab", "c", ""}, {NULL}};
    uint8_t made[ELEMENTS(lists)][32];

    (void)state;
    for (size_t i = 0; i < ELEMENTS(lists); i++) {
        manifest(lists[i], made[i]);
        for (size_t j = 0; j < i; j++)
            assert_memory_not_equal(made[i], made[j], 32);
    }
}

/* blake2b("\0\0\0\2ab\0\0\0\1c", 32 bytes), worked out with another implementation. */
static void test_manifest_is_what_wire_h_says(void **state)
{
    static const char *const letters[] = {"ab", "c", NULL};
    static const char expected[] =
        "7ae6c100f6821eb965b5895923b9aa32426990168af93b0d01cf041f6c51a405";
    uint8_t made[32];
    char hex[65];

    (void)state;
    manifest(letters, made);
    assert_string_equal(sodium_bin2hex(hex, sizeof hex, made, sizeof made), expected);
}

static void test_a_claim_is_bound_to_batch_manifest_and_key(void **state)
{
    uint8_t public_key[32], secret[64], other_public[32], other_secret[64];
    uint8_t manifest_one[32] = {1}, manifest_two[32] = {2}, signature[64];

    (void)state;
    crypto_sign_keypair(public_key, secret);
    crypto_sign_keypair(other_public, other_secret);
    seal_claim(secret, BATCH, manifest_one, signature);
    assert_int_equal(seal_claim_check(public_key, BATCH, manifest_one, signature, 64), 0);
    assert_int_equal(seal_claim_check(public_key, OTHER, manifest_one, signature, 64), -EBADMSG);
    assert_int_equal(seal_claim_check(public_key, BATCH, manifest_two, signature, 64), -EBADMSG);
    assert_int_equal(seal_claim_check(other_public, BATCH, manifest_one, signature, 64), -EBADMSG);
    assert_int_equal(seal_claim_check(public_key, BATCH, manifest_one, signature, 63), -EBADMSG);
    assert_int_equal(seal_claim_check(public_key, BATCH, manifest_one, NULL, 0), -EBADMSG);
    for (size_t i = 0; i < sizeof signature; i++) {
        signature[i] ^= 1;
        assert_int_equal(seal_claim_check(public_key, BATCH, manifest_one, signature, 64),
                         -EBADMSG);
        signature[i] ^= 1;
    }
}

static void test_what_a_claim_signs_is_what_wire_h_says(void **state)
{
    uint8_t public_key[32], secret[64], manifest_one[32], signature[64], message[15 + 26 + 32];

    (void)state;
    memset(manifest_one, 0x5a, sizeof manifest_one);
    crypto_sign_keypair(public_key, secret);
    seal_claim(secret, BATCH, manifest_one, signature);
    memcpy(message, "portal-claim-1", 15);
    memcpy(message + 15, BATCH, 26);
    memcpy(message + 41, manifest_one, 32);
    assert_int_equal(crypto_sign_verify_detached(signature, message, sizeof message, public_key),
                     0);
}

static void test_a_batch_that_is_no_id_is_never_vouched_for(void **state)
{
    static const char *const batches[] = {"", "01ARYZ6S41TSV4RRFFQ69G5FA",
                                          "01ARYZ6S41TSV4RRFFQ69G5FAVV"};
    uint8_t public_key[32], secret[64], manifest_one[32] = {1}, signature[64];

    (void)state;
    crypto_sign_keypair(public_key, secret);
    for (size_t i = 0; i < ELEMENTS(batches); i++) {
        seal_claim(secret, batches[i], manifest_one, signature);
        assert_true(sodium_is_zero(signature, sizeof signature));
        assert_int_equal(seal_claim_check(public_key, batches[i], manifest_one, signature, 64),
                         -EBADMSG);
    }
}

static void test_a_result_is_believed_of_this_station_for_this_portald_only(void **state)
{
    uint8_t station_public[crypto_box_PUBLICKEYBYTES], station[crypto_box_SECRETKEYBYTES];
    uint8_t portald_public[crypto_sign_PUBLICKEYBYTES], portald[crypto_sign_SECRETKEYBYTES];
    uint8_t other_public[crypto_box_PUBLICKEYBYTES], other[crypto_box_SECRETKEYBYTES];
    uint8_t stranger_public[crypto_sign_PUBLICKEYBYTES], stranger[crypto_sign_SECRETKEYBYTES];
    uint8_t seal[SEAL_RESULT], none[crypto_sign_PUBLICKEYBYTES] = {0};
    char text[] = "{\"batch\":\"" BATCH "\"}";
    size_t size = strlen(text);

    (void)state;
    crypto_box_keypair(station_public, station);
    crypto_box_keypair(other_public, other);
    crypto_sign_keypair(portald_public, portald);
    crypto_sign_keypair(stranger_public, stranger);
    assert_int_equal(seal_result(station, portald_public, text, size, seal), 0);
    assert_int_equal(seal_result_check(portald, station_public, text, size, seal, sizeof seal), 0);
    assert_int_equal(seal_result_check(portald, other_public, text, size, seal, sizeof seal),
                     -EBADMSG);
    assert_int_equal(seal_result_check(stranger, station_public, text, size, seal, sizeof seal),
                     -EBADMSG);
    for (size_t i = 0; i < sizeof seal; i++) {
        seal[i] ^= 1;
        assert_int_equal(seal_result_check(portald, station_public, text, size, seal, sizeof seal),
                         -EBADMSG);
        seal[i] ^= 1;
        assert_int_equal(seal_result_check(portald, station_public, text, size, seal, i), -EBADMSG);
    }
    for (size_t i = 0; i < size; i++) {
        text[i] ^= 1;
        assert_int_equal(seal_result_check(portald, station_public, text, size, seal, sizeof seal),
                         -EBADMSG);
        text[i] ^= 1;
        assert_int_equal(seal_result_check(portald, station_public, text, i, seal, sizeof seal),
                         -EBADMSG);
    }
    assert_int_equal(seal_result(station, none, text, size, seal), -EBADMSG);
    assert_int_equal(seal_result_check(portald, none, text, size, seal, sizeof seal), -EBADMSG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_letter_opens_at_its_station_only),
        cmocka_unit_test(test_a_letter_changed_or_cut_anywhere_stays_shut),
        cmocka_unit_test(test_a_result_is_believed_of_this_station_for_this_portald_only),
        cmocka_unit_test(test_state_opens_for_its_key_and_purpose_only),
        cmocka_unit_test(test_state_changed_or_cut_anywhere_stays_shut),
        cmocka_unit_test(test_the_same_state_never_seals_alike),
        cmocka_unit_test(test_state_that_does_not_fit_is_refused),
        cmocka_unit_test(test_manifest_is_bound_to_order_and_bounds),
        cmocka_unit_test(test_manifest_is_what_wire_h_says),
        cmocka_unit_test(test_a_claim_is_bound_to_batch_manifest_and_key),
        cmocka_unit_test(test_what_a_claim_signs_is_what_wire_h_says),
        cmocka_unit_test(test_a_batch_that_is_no_id_is_never_vouched_for),
    };

    if (sodium_init() < 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
