/* TOTP: RFC 6238's vectors, the edges of the three steps, sealed secrets, and what is scanned. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "portald/totp.h"
#include "scratch.h"
#include <errno.h>
#include <security/_pam_types.h>

#define UUID  "11111111-2222-3333-4444-555555555555"
#define OTHER "11111111-2222-3333-4444-555555555556"

static const uint8_t secret[TOTP_SECRET_BYTES] = "12345678901234567890";
static const struct keys own = {.totp = {1, 2, 3}};

/* Appendix B, SHA-1; the last six of its eight digits. */
static const struct {
    time_t time;
    uint64_t step;
    const char *code;
} vectors[] = {
    {59, 0x1, "287082"},
    {1111111109, 0x23523EC, "081804"},
    {1111111111, 0x23523ED, "050471"},
    {1234567890, 0x273EF07, "005924"},
    {2000000000, 0x3F940AA, "279037"},
    {20000000000, 0x27BC86AA, "353130"}, /* in 2603 */
};

static void test_vectors_of_rfc_6238(void **state)
{
    (void)state;
    for (size_t i = 0; i < ELEMENTS(vectors); i++) {
        uint64_t step = 0;
        assert_int_equal(totp_check(secret, vectors[i].code, vectors[i].time, 0, &step), 0);
        assert_int_equal(step, vectors[i].step);
    }
}

static void test_code_works_one_step_early_and_late_to_the_second(void **state)
{
    const time_t begin = 2000000000 - 2000000000 % 30;
    static const struct {
        time_t offset;
        int result;
    } edges[] = {{-31, -EACCES}, {-30, 0}, {-1, 0}, {0, 0}, {29, 0}, {59, 0}, {60, -EACCES}};

    (void)state;
    for (size_t i = 0; i < ELEMENTS(edges); i++) {
        uint64_t step = 7;
        assert_int_equal(totp_check(secret, "279037", begin + edges[i].offset, 0, &step),
                         edges[i].result);
        assert_int_equal(step, edges[i].result == 0 ? 0x3F940AA : 7);
    }
}

static void test_step_is_not_accepted_again_nor_an_older_one(void **state)
{
    uint64_t step = 7;

    (void)state;
    assert_int_equal(totp_check(secret, "279037", 2000000000, 0x3F940A9, &step), 0);
    assert_int_equal(totp_check(secret, "279037", 2000000000, 0x3F940AA, &step), -EACCES);
    assert_int_equal(totp_check(secret, "279037", 2000000000, 0x3F940AB, &step), -EACCES);
    assert_int_equal(totp_check(secret, "279037", 2000000000, UINT64_MAX, &step), -EACCES);
}

/* 755224 is the code of step 0 (RFC 4226, appendix D); a last step of 0 means none. */
static void test_step_0_and_times_before_it_are_refused(void **state)
{
    uint64_t step = 7;

    (void)state;
    for (time_t now = -61; now < 60; now++)
        assert_int_equal(totp_check(secret, "755224", now, 0, &step), -EACCES);
    assert_int_equal(step, 7);
}

static void test_wrong_codes_are_refused(void **state)
{
    static const char *const typed[] = {
        "",        "0",          "279036",   "27903",      "2790370", "0279037", "27903７7",
        "279037a", "２７９０３", "-279037x", "279037\x80", "27903U",  "000000",  "279 037 0",
    };
    uint64_t step = 7;

    (void)state;
    for (size_t i = 0; i < ELEMENTS(typed); i++)
        assert_int_equal(totp_check(secret, typed[i], 2000000000, 0, &step), -EACCES);
    assert_int_equal(step, 7);
}

static void test_code_may_be_typed_with_blanks_and_in_full_width(void **state)
{
    static const char *const typed[] = {
        "279 037",
        " 2 7 9 0 3 7 ",
        "279\xc2\xa0"
        "037",
        "279\xe2\x80\xaf"
        "037",
        "279-037",
        "２７９０３７",
        "279O37",
        "\t279037\n",
    };
    uint64_t step = 0;

    (void)state;
    for (size_t i = 0; i < ELEMENTS(typed); i++) {
        assert_true(totp_is_code(typed[i]));
        assert_int_equal(totp_check(secret, typed[i], 2000000000, 0, &step), 0);
    }
}

static void test_form_of_a_code(void **state)
{
    (void)state;
    assert_true(totp_is_code("000 000"));
    assert_false(totp_is_code(""));
    assert_false(totp_is_code("12345"));
    assert_false(totp_is_code("1234567"));
    assert_false(totp_is_code("12345A"));
    assert_false(totp_is_code("0000-0000-0000-0000"));
}

/* A file in the scratch directory with a key of 32 times byte. */
static void write_key(void **state, const char *name, int byte, mode_t mode)
{
    char path[SCRATCH_PATH_SIZE];
    uint8_t key[TOTP_KEY_BYTES];

    memset(key, byte, sizeof key);
    assert_int_equal(key_write(scratch_path(state, name, path), mode, key, sizeof key), 0);
}

static int load(void **state, const char *names, char *problem, size_t size, struct totp_keys **ret)
{
    char files[1024] = "", copy[256], path[SCRATCH_PATH_SIZE], *rest = NULL;

    snprintf(copy, sizeof copy, "%s", names);
    for (char *name = strtok_r(copy, " ", &rest); name; name = strtok_r(NULL, " ", &rest)) {
        strcat(files, scratch_path(state, name, path));
        strcat(files, "  ");
    }
    return totp_keys_load(&own, files, problem, size, ret);
}

static struct totp_keys *loaded(void **state, const char *names)
{
    struct totp_keys *keys = NULL;
    char problem[256] = "";

    assert_int_equal(load(state, names, problem, sizeof problem, &keys), 0);
    assert_string_equal(problem, "");
    return keys;
}

static void test_sealed_secret_opens_for_its_entry_only(void **state)
{
    struct totp_keys *keys = loaded(state, "");
    uint8_t sealed[ENTRY_TOTP_MAX], opened[TOTP_SECRET_BYTES] = "untouched";
    size_t size = 0;

    assert_int_equal(totp_seal(keys, UUID, secret, sealed, &size), 0);
    assert_int_equal(totp_unseal(keys, OTHER, sealed, size, opened), -EBADMSG);
    assert_string_equal((char *)opened, "untouched");
    assert_int_equal(totp_unseal(keys, UUID, sealed, size, opened), 0);
    assert_memory_equal(opened, secret, sizeof secret);
    totp_keys_free(keys);
}

static void test_every_changed_byte_or_length_is_refused(void **state)
{
    struct totp_keys *keys = loaded(state, "");
    uint8_t sealed[ENTRY_TOTP_MAX] = {0}, opened[TOTP_SECRET_BYTES];
    size_t size = 0;

    assert_int_equal(totp_seal(keys, UUID, secret, sealed, &size), 0);
    for (size_t i = 0; i < size; i++) {
        int expected = i >= 1 && i < 5 ? -ENOKEY : -EBADMSG;
        sealed[i] ^= 1;
        assert_int_equal(totp_unseal(keys, UUID, sealed, size, opened), expected);
        sealed[i] ^= 1;
    }
    for (size_t i = 0; i <= sizeof sealed; i++)
        if (i != size)
            assert_int_equal(totp_unseal(keys, UUID, sealed, i, opened), -EBADMSG);
    assert_int_equal(totp_unseal(keys, UUID, sealed, size, opened), 0);
    totp_keys_free(keys);
}

static void test_first_key_seals_and_all_open(void **state)
{
    struct totp_keys *none, *a, *b_and_a, *b;
    uint8_t by_own[ENTRY_TOTP_MAX], by_a[ENTRY_TOTP_MAX], opened[TOTP_SECRET_BYTES];
    char id[TOTP_KEY_ID_SIZE], other_id[TOTP_KEY_ID_SIZE];
    size_t size = 0;

    write_key(state, "a.key", 'a', 0600);
    write_key(state, "b.key", 'b', 0400);
    none = loaded(state, "");
    a = loaded(state, "a.key");
    b_and_a = loaded(state, "b.key a.key");
    b = loaded(state, "b.key");
    assert_int_equal(totp_seal(none, UUID, secret, by_own, &size), 0);
    assert_int_equal(totp_seal(a, UUID, secret, by_a, &size), 0);

    assert_int_equal(totp_unseal(b_and_a, UUID, by_a, size, opened), 0);
    assert_true(totp_is_old(b_and_a, by_a, size));
    assert_false(totp_is_old(a, by_a, size));
    assert_int_equal(totp_unseal(b, UUID, by_a, size, opened), -ENOKEY);
    assert_int_equal(totp_unseal(b, UUID, by_own, size, opened), 0);
    assert_true(totp_is_old(b, by_own, size));
    assert_false(totp_is_old(none, by_own, size));

    totp_key_id(by_a, size, id);
    totp_key_id(by_own, size, other_id);
    assert_int_equal(strlen(id), 8);
    assert_string_not_equal(id, other_id);
    totp_key_id(by_own, 0, id);
    assert_string_equal(id, "?");
    totp_keys_free(none);
    totp_keys_free(a);
    totp_keys_free(b_and_a);
    totp_keys_free(b);
}

static void test_bad_keys_are_named(void **state)
{
    static const struct {
        const char *files;
        int result;
        const char *problem;
    } cases[] = {
        {"a.key none.key", -ENOENT, "/none.key: No such file or directory"},
        {"open.key", -EPERM, "/open.key: others than its owner may read or change it"},
        {"a.key copy.key", -EEXIST, "/copy.key: the same key as another file's"},
        {"short.key", -EINVAL, "/short.key: it isn't a key, or not one of this kind"},
    };
    struct totp_keys *keys = NULL;
    char path[SCRATCH_PATH_SIZE];

    write_key(state, "a.key", 'a', 0600);
    write_key(state, "copy.key", 'a', 0600);
    write_key(state, "open.key", 'c', 0644);
    scratch_write(scratch_path(state, "short.key", path), "AAAA\n", 5, 0600);
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        char problem[256] = "";
        assert_int_equal(load(state, cases[i].files, problem, sizeof problem, &keys),
                         cases[i].result);
        assert_non_null(strstr(problem, cases[i].problem));
        assert_null(keys);
    }
}

static void test_code_is_verified_against_the_entry(void **state)
{
    struct totp_keys *keys = loaded(state, "");
    struct entry e = {.uuid = UUID, .totp_last_step = 0x3F940A9};
    uint64_t step = 0;

    assert_int_equal(totp_verify(keys, &e, "279037", 2000000000, &step), -EBADMSG);
    assert_int_equal(totp_seal(keys, UUID, secret, e.totp_secret, &e.totp_size), 0);
    assert_int_equal(totp_verify(keys, &e, "279037", 2000000000, &step), 0);
    assert_int_equal(step, 0x3F940AA);
    e.totp_last_step = step;
    assert_int_equal(totp_verify(keys, &e, "279037", 2000000000, &step), -EACCES);
    e.totp_secret[2] ^= 1;
    assert_int_equal(totp_verify(keys, &e, "279037", 2000000000, &step), -ENOKEY);
    totp_keys_free(keys);
}

#define SECRET_TEXT "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"

static void test_uri_escapes_what_is_not_plain(void **state)
{
    static const struct {
        const char *company, *account, *uri;
    } cases[] = {
        {"Beispiel", "anna@beispiel.de",
         "otpauth://totp/Beispiel:anna@beispiel.de?secret=" SECRET_TEXT "&issuer=Beispiel"},
        {"Ärzte: 100% & so", "a+b=c@x.de",
         "otpauth://totp/%C3%84rzte%3A%20100%25%20%26%20so:a%2Bb%3Dc@x.de?secret=" SECRET_TEXT
         "&issuer=%C3%84rzte%3A%20100%25%20%26%20so"},
    };
    char uri[TOTP_URI_SIZE], text[TOTP_SECRET_TEXT];

    (void)state;
    totp_secret_text(secret, text);
    assert_string_equal(text, SECRET_TEXT);
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        assert_int_equal(totp_uri(secret, cases[i].company, cases[i].account, uri), 0);
        assert_string_equal(uri, cases[i].uri);
    }
}

/* 254 bytes, most of them umlauts, and so the company. */
static void test_long_names_are_cut_between_characters_and_never_fail(void **state)
{
    char company[400] = "", account[300] = "x", uri[TOTP_URI_SIZE], *issuer;

    (void)state;
    for (size_t i = 0; i < 120; i++) {
        strcat(company, "Ü");
        strcat(account, "ö");
    }
    strcat(account, "@example.de");
    assert_int_equal(totp_uri(secret, company, account, uri), 0);
    assert_in_range(strlen(uri), 140, 154);
    assert_true(strncmp(uri, "otpauth://totp/x%C3%B6%C3%B6", 28) == 0);
    assert_non_null(strstr(uri, "%C3%B6?secret=" SECRET_TEXT "&issuer=%C3%9C"));
    issuer = strstr(uri, "&issuer=") + 8;
    assert_int_equal(strlen(issuer), 36); /* six whole Ü in 40 bytes */

    assert_int_equal(totp_uri(secret, "Beispiel Versicherung AG",
                              "anna.lena.mustermann-beispielhausen@versicherung.example", uri),
                     0);
    assert_string_equal(uri,
                        "otpauth://totp/anna.lena.mustermann-beispielhausen@versicherung.example"
                        "?secret=" SECRET_TEXT "&issuer=Beispiel%20Versicherung%20AG");
}

static size_t points(const char *line, size_t length)
{
    size_t count = 0;

    for (size_t i = 0; i < length; i++)
        count += ((unsigned char)line[i] & 0xc0) != 0x80;
    return count;
}

/* 25 to 27 lines, as long as each other, each of which a PAM conversation takes. */
static void test_qr_code_has_25_to_27_lines_for_every_length_of_name(void **state)
{
    char account[256] = "", uri[TOTP_URI_SIZE], qr[TOTP_QR_SIZE];

    (void)state;
    for (size_t n = 1; n < 255; n++) {
        size_t lines = 0, width = 0;
        account[n - 1] = 'm';
        assert_int_equal(totp_uri(secret, n % 2 ? "B" : "Beispiel Versicherung", account, uri), 0);
        assert_int_equal(totp_qr(uri, qr), 0);
        for (const char *line = qr; *line; lines++) {
            size_t length = strcspn(line, "\n");
            width = lines == 0 ? points(line, length) : width;
            assert_int_equal(points(line, length), width);
            assert_true(length < PAM_MAX_MSG_SIZE);
            line += length + (line[length] == '\n');
        }
        assert_in_range(lines, 25, 27);
        assert_in_range(width, 49, 53);
    }
}

static void test_what_no_qr_code_holds_is_too_big(void **state)
{
    char big[4000], qr[TOTP_QR_SIZE];

    (void)state;
    memset(big, 'x', sizeof big - 1);
    big[sizeof big - 1] = 0;
    assert_int_equal(totp_qr(big, qr), -E2BIG);
    big[2000] = 0;
    assert_int_equal(totp_qr(big, qr), -E2BIG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors_of_rfc_6238),
        cmocka_unit_test(test_code_works_one_step_early_and_late_to_the_second),
        cmocka_unit_test(test_step_is_not_accepted_again_nor_an_older_one),
        cmocka_unit_test(test_step_0_and_times_before_it_are_refused),
        cmocka_unit_test(test_wrong_codes_are_refused),
        cmocka_unit_test(test_code_may_be_typed_with_blanks_and_in_full_width),
        cmocka_unit_test(test_form_of_a_code),
        cmocka_unit_test_setup_teardown(test_sealed_secret_opens_for_its_entry_only, scratch_make,
                                        scratch_remove),
        cmocka_unit_test_setup_teardown(test_every_changed_byte_or_length_is_refused, scratch_make,
                                        scratch_remove),
        cmocka_unit_test_setup_teardown(test_first_key_seals_and_all_open, scratch_make,
                                        scratch_remove),
        cmocka_unit_test_setup_teardown(test_bad_keys_are_named, scratch_make, scratch_remove),
        cmocka_unit_test_setup_teardown(test_code_is_verified_against_the_entry, scratch_make,
                                        scratch_remove),
        cmocka_unit_test(test_uri_escapes_what_is_not_plain),
        cmocka_unit_test(test_long_names_are_cut_between_characters_and_never_fail),
        cmocka_unit_test(test_qr_code_has_25_to_27_lines_for_every_length_of_name),
        cmocka_unit_test(test_what_no_qr_code_holds_is_too_big),
    };

    return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
