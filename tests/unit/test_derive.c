/* Mailed codes, links and references: what is derived from a job's id, and what the directory holds
   of it. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mail_fixture.h"
#include "portald/derive.h"

#define JOB_A  "01JAZZZZZZ0000000000000000"
#define JOB_B  "01JAZZZZZZ0000000000000001"
#define UUID_A "11111111-2222-3333-4444-555555555555"
#define UUID_B "11111111-2222-3333-4444-555555555556"

static const struct keys some_keys = {.code = {1}}, other_keys = {.code = {2}};

static void test_code_has_eight_digits(void **state)
{
    char job[] = JOB_A, code[MAILED_CODE_SIZE];

    (void)state;
    for (char last = '0'; last <= '9'; last++) {
        job[sizeof job - 2] = last;
        derive_code(&some_keys, job, code);
        assert_int_equal(strlen(code), 8);
        assert_int_equal(strspn(code, "0123456789"), 8);
    }
}

static void test_same_job_gives_the_same_code(void **state)
{
    char first[MAILED_CODE_SIZE], second[MAILED_CODE_SIZE];

    (void)state;
    derive_code(&some_keys, JOB_A, first);
    derive_code(&some_keys, JOB_A, second);
    assert_string_equal(first, second);
}

static void test_code_depends_on_job_and_key(void **state)
{
    char code[MAILED_CODE_SIZE], job[MAILED_CODE_SIZE], key[MAILED_CODE_SIZE];

    (void)state;
    derive_code(&some_keys, JOB_A, code);
    derive_code(&some_keys, JOB_B, job);
    derive_code(&other_keys, JOB_A, key);
    assert_string_not_equal(code, job);
    assert_string_not_equal(code, key);
}

static void test_hash_depends_on_code_entry_and_key(void **state)
{
    char hash[JOB_HASH_SIZE], code[JOB_HASH_SIZE], entry[JOB_HASH_SIZE], key[JOB_HASH_SIZE];

    (void)state;
    derive_code_hash(&some_keys, UUID_A, "12345678", hash);
    derive_code_hash(&some_keys, UUID_A, "12345679", code);
    derive_code_hash(&some_keys, UUID_B, "12345678", entry);
    derive_code_hash(&other_keys, UUID_A, "12345678", key);
    assert_string_not_equal(hash, code);
    assert_string_not_equal(hash, entry);
    assert_string_not_equal(hash, key);
}

/* Eight digits could be searched through in a moment by whoever reads the directory. */
static void test_hash_is_not_the_plain_one(void **state)
{
    char keyed[JOB_HASH_SIZE], plain[JOB_HASH_SIZE];

    (void)state;
    derive_code_hash(&some_keys, UUID_A, "12345678", keyed);
    derive_hash("12345678", 8, plain);
    assert_string_not_equal(keyed, plain);
}

static void test_derivations_depend_on_key_and_job_and_never_change(void **state)
{
    unsigned char token[TOKEN_BYTES], again[TOKEN_BYTES], reference[REFERENCE_BYTES];
    char hash[JOB_HASH_SIZE], other[JOB_HASH_SIZE];
    struct keys keys;

    (void)state;
    fixture_options();
    keys = fixture_keys;
    derive_token(&keys, JOB_ID, token);
    derive_hash(token, sizeof token, hash);
    /* Mails already out there must stay good: these values are part of the format. */
    assert_string_equal(hash, "myTQIvcAg18lLgfuvciWufiQJP5ADRoKzJ3BWeU5EfQ");
    derive_reference(&keys, JOB_ID, reference);
    derive_hash(reference, sizeof reference, hash);
    assert_string_equal(hash, "MQziBH6pLs2EHQyNNXhD8VLDnXoRz5jXIzQsabT8irs");

    derive_token(&keys, OTHER_JOB, again);
    assert_memory_not_equal(token, again, sizeof token);
    keys.link[31] ^= 1;
    derive_token(&keys, JOB_ID, again);
    assert_memory_not_equal(token, again, sizeof token);

    derive_address_hash(&keys, "Erika@Kunde.example", hash);
    derive_address_hash(&keys, "erika@kunde.example", other);
    assert_string_equal(hash, other);
    derive_address_hash(&keys, "erika@kunde.exampl", other);
    assert_string_not_equal(hash, other);
    keys.table[0] ^= 1;
    derive_address_hash(&keys, "erika@kunde.example", other);
    assert_string_not_equal(hash, other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_code_has_eight_digits),
        cmocka_unit_test(test_same_job_gives_the_same_code),
        cmocka_unit_test(test_code_depends_on_job_and_key),
        cmocka_unit_test(test_hash_depends_on_code_entry_and_key),
        cmocka_unit_test(test_hash_is_not_the_plain_one),
        cmocka_unit_test(test_derivations_depend_on_key_and_job_and_never_change),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
