/* Codes, references and tokens: what is caught, and what is understood. */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#include "cleanup.h"
#include "code.h"

#define CODES 300

static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

static void test_every_wrong_symbol_is_caught(void **state)
{
    char code[CODE_SIZE], wrong[CODE_SIZE], read[CODE_SIZE] = "untouched";

    (void)state;
    for (int n = 0; n < CODES; n++) {
        code_make(code);
        for (size_t place = 0; place < CODE_SYMBOLS; place++)
            for (const char *symbol = alphabet; *symbol; symbol++) {
                memcpy(wrong, code, sizeof wrong);
                wrong[place] = *symbol;
                if (*symbol != code[place])
                    assert_int_equal(code_read(wrong, read), CODE_TYPING_ERROR);
            }
    }
    assert_string_equal(read, "untouched");
}

static void test_every_swap_is_caught(void **state)
{
    char code[CODE_SIZE], swapped[CODE_SIZE], read[CODE_SIZE];

    (void)state;
    for (int n = 0; n < CODES; n++) {
        code_make(code);
        for (size_t a = 0; a < CODE_SYMBOLS; a++)
            for (size_t b = a + 1; b < CODE_SYMBOLS; b++) {
                memcpy(swapped, code, sizeof swapped);
                swapped[a] = code[b];
                swapped[b] = code[a];
                assert_int_equal(code_read(swapped, read),
                                 code[a] == code[b] ? CODE_RIGHT : CODE_TYPING_ERROR);
            }
    }
}

static void test_printed_form_has_four_groups_and_reads_back(void **state)
{
    char code[CODE_SIZE], printed[CODE_PRINTED_SIZE], read[CODE_SIZE];

    (void)state;
    for (int n = 0; n < CODES; n++) {
        code_make(code);
        assert_int_equal(strspn(code, alphabet), CODE_SYMBOLS);
        code_print(code, printed);
        assert_int_equal(strlen(printed), CODE_PRINTED_SIZE - 1);
        for (size_t i = 4; i < CODE_PRINTED_SIZE - 1; i += 5)
            assert_int_equal(printed[i], '-');
        assert_int_equal(code_read(printed, read), CODE_RIGHT);
        assert_string_equal(read, code);
    }
}

static void test_codes_are_random_in_every_place(void **state)
{
    uint32_t seen[CODE_SYMBOLS] = {0};
    char code[CODE_SIZE];

    (void)state;
    for (int n = 0; n < 2000; n++) {
        code_make(code);
        for (size_t i = 0; i < CODE_SYMBOLS; i++)
            seen[i] |= UINT32_C(1) << (strchr(alphabet, code[i]) - alphabet);
    }
    for (size_t i = 0; i < CODE_SYMBOLS; i++)
        assert_int_equal(seen[i], UINT32_MAX);
}

/* 0123456789ABCDE and its check symbol, worked out by hand from the sum in code.h. */
static void test_check_symbol_is_the_published_sum(void **state)
{
    unsigned a[32] = {1}, sum = 0;
    char code[CODE_SIZE] = "0123456789ABCDE?", read[CODE_SIZE];

    (void)state;
    for (size_t i = 1; i < 32; i++)
        a[i] = a[i - 1] & 16 ? ((a[i - 1] << 1) ^ 0x25) : a[i - 1] << 1;
    assert_int_equal(a[31], 1); /* a generates all of the field */
    for (size_t i = 0; i < 15; i++) {
        unsigned x = (unsigned)(strchr(alphabet, code[i]) - alphabet);

        /* the product by adding logarithms */
        for (size_t log = 0; x > 0 && log < 31; log++)
            if (a[log] == x)
                sum ^= a[(log + 15 - i) % 31];
    }
    code[15] = alphabet[sum];
    assert_int_equal(code_read(code, read), CODE_RIGHT);
}

/* "0110" stands first in each: what a person may type for it. */
static const char *const liberties[] = {
    "0110-%s",
    "o1i0%s",
    "OLlO %s",
    "0IlO%s",
    "  0-1-1-0  %s  ",
    "\t0110%s\r\n",
    "0110\xc2\xa0%s", /* no-break space */
    "01\xc2\xad"
    "10%s",               /* soft hyphen */
    "0110\xe2\x80\x90%s", /* hyphen */
    "0110\xe2\x80\x91%s", /* non-breaking hyphen */
    "0110\xe2\x80\x93%s", /* en dash */
    "0110\xe2\x80\x94%s", /* em dash */
    "0110\xe2\x88\x92%s", /* minus */
    "0110\xe2\x80\x89%s", /* thin space */
    "0110\xe2\x80\xaf%s", /* narrow no-break space */
    "0110\xe2\x80\x8b%s", /* zero-width space */
    "0110\xe3\x80\x80%s", /* ideographic space */
    "\xef\xbb\xbf"
    "0110%s",                                             /* byte order mark */
    "0110\xef\xbc\x8d%s",                                 /* full-width hyphen */
    "0110%s\xe2\x80\x8f",                                 /* right-to-left mark */
    "\xef\xbc\x90\xef\xbc\x91\xef\xbc\x91\xef\xbc\x90%s", /* full-width digits */
};

/* A right code that begins with 0110. */
static void make_code_with_0110(char ret[static CODE_SIZE])
{
    char symbol[] = "0110ABCDEFGHJKM?", read[CODE_SIZE];

    for (const char *check = alphabet; *check; check++) {
        symbol[15] = *check;
        if (code_read(symbol, read) == CODE_RIGHT)
            break;
    }
    memcpy(ret, symbol, CODE_SIZE);
}

static void test_liberties_of_typing_are_understood(void **state)
{
    char code[CODE_SIZE], typed[100], read[CODE_SIZE];

    (void)state;
    make_code_with_0110(code);
    for (size_t i = 0; i < ELEMENTS(liberties); i++) {
        const char *rest = strstr(liberties[i], "%s");

        snprintf(typed, sizeof typed, "%.*s%s%s", (int)(rest - liberties[i]), liberties[i],
                 code + 4, rest + 2);
        memset(read, 0, sizeof read);
        assert_int_equal(code_read(typed, read), CODE_RIGHT);
        assert_string_equal(read, code);
    }
}

static void test_lower_case_is_understood(void **state)
{
    char code[CODE_SIZE], lower[CODE_SIZE], read[CODE_SIZE];

    (void)state;
    for (int n = 0; n < CODES; n++) {
        code_make(code);
        for (size_t i = 0; i < CODE_SIZE; i++)
            lower[i] = code[i] >= 'A' ? (char)(code[i] | 0x20) : code[i];
        assert_int_equal(code_read(lower, read), CODE_RIGHT);
        assert_string_equal(read, code);
    }
}

static void test_what_is_no_code_is_other(void **state)
{
    static const char *const typed[] = {
        "",
        "0",
        "000000000000000",                                  /* 15 */
        "00000000000000000",                                /* 17 */
        "000000000000000000000000000000000000000000000000", /* 48: 16 more than the buffer */
        "0000-0000-0000-000U",                              /* U is no symbol */
        "0000_0000_0000_0000",
        "0000.0000.0000.0000",
        "Passwort mit 16!",
        "0000-0000-0000-000\xc3\xa9",  /* é */
        "0000-0000-0000-0000\xe2\x80", /* cut short */
        "0000-0000-0000-0000\x80",     /* no lead */
        "0000-0000-0000-0000\xff",
        "0000\xc0\xad"
        "000000000000", /* overlong hyphen, two bytes */
        "0000\xe0\x80\xad"
        "000000000000", /* overlong hyphen, three */
        "0000\xf0\x80\x80\xad"
        "000000000000",
        "0000\xe2\x80"
        "0000000000000",
        "0000\xe2\x80\x93\x93"
        "000000000000",
        "\xef\xbc\xa1"
        "000000000000000", /* full-width A */
    };
    char read[CODE_SIZE] = "untouched";

    (void)state;
    for (size_t i = 0; i < ELEMENTS(typed); i++)
        assert_int_equal(code_read(typed[i], read), CODE_OTHER);
    assert_string_equal(read, "untouched");
}

static void test_references_read_back_as_printed_or_as_link(void **state)
{
    unsigned char reference[REFERENCE_BYTES], read[REFERENCE_BYTES];
    char printed[REFERENCE_PRINTED_SIZE], link[200];

    (void)state;
    for (int n = 0; n < CODES; n++) {
        randombytes_buf(reference, sizeof reference);
        code_reference_print(reference, printed);
        assert_int_equal(strlen(printed), REFERENCE_PRINTED_SIZE - 1);
        assert_int_equal(strspn(printed, "-0123456789ABCDEFGHJKMNPQRSTVWXYZ"), strlen(printed));
        assert_int_equal(code_reference_read(printed, read), 0);
        assert_memory_equal(read, reference, sizeof read);
        snprintf(link, sizeof link, " https://portal.example.org/not-me/%s\n", printed);
        memset(read, 0, sizeof read);
        assert_int_equal(code_reference_read(link, read), 0);
        assert_memory_equal(read, reference, sizeof read);
    }
}

static void test_reference_has_the_groups_of_the_header(void **state)
{
    static const unsigned char reference[REFERENCE_BYTES] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                                             0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                                             0xff, 0xff, 0xff, 0xff};
    char printed[REFERENCE_PRINTED_SIZE];

    (void)state;
    code_reference_print(reference, printed);
    assert_string_equal(printed, "7ZZZZ-ZZZZZ-ZZZZZ-ZZZZZ-ZZZZZZ");
}

static void test_wrong_references_are_refused(void **state)
{
    static const char *const typed[] = {"",
                                        "7ZZZZ-ZZZZZ-ZZZZZ-ZZZZZ-ZZZZZ",
                                        "7ZZZZ-ZZZZZ-ZZZZZ-ZZZZZ-ZZZZZZZ",
                                        "8ZZZZ-ZZZZZ-ZZZZZ-ZZZZZ-ZZZZZZ", /* 129 bits */
                                        "7ZZZZ-ZZZZZ-ZZZZZ-ZZZZZ-ZZZZZU",
                                        "https://portal.example.org/not-me/"};
    unsigned char read[REFERENCE_BYTES];

    (void)state;
    for (size_t i = 0; i < ELEMENTS(typed); i++)
        assert_int_equal(code_reference_read(typed[i], read), -EINVAL);
}

static void test_tokens_read_back_as_printed_or_as_link(void **state)
{
    unsigned char token[TOKEN_BYTES], read[TOKEN_BYTES];
    char printed[TOKEN_SIZE], link[200];

    (void)state;
    for (int n = 0; n < CODES; n++) {
        randombytes_buf(token, sizeof token);
        code_token_print(token, printed);
        assert_int_equal(strlen(printed), TOKEN_SIZE - 1);
        assert_int_equal(code_token_read(printed, read), 0);
        assert_memory_equal(read, token, sizeof read);
        snprintf(link, sizeof link, "\t https://portal.example.org/confirm/%s \r\n", printed);
        memset(read, 0, sizeof read);
        assert_int_equal(code_token_read(link, read), 0);
        assert_memory_equal(read, token, sizeof read);
    }
}

static void test_wrong_tokens_are_refused(void **state)
{
    static const char *const typed[] = {
        "",
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",   /* 42 */
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", /* 44 */
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB",  /* bits beyond the 256th */
        "AAAAAAAAAAAAAAAAAAAAA+AAAAAAAAAAAAAAAAAAAAA",  /* not the URL's alphabet */
        "AAAAAAAAAAAAAAAAAAAAA AAAAAAAAAAAAAAAAAAAAA",
        "https://portal.example.org/confirm/",
    };
    unsigned char read[TOKEN_BYTES];

    (void)state;
    for (size_t i = 0; i < ELEMENTS(typed); i++)
        assert_int_equal(code_token_read(typed[i], read), -EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_wrong_symbol_is_caught),
        cmocka_unit_test(test_every_swap_is_caught),
        cmocka_unit_test(test_printed_form_has_four_groups_and_reads_back),
        cmocka_unit_test(test_codes_are_random_in_every_place),
        cmocka_unit_test(test_check_symbol_is_the_published_sum),
        cmocka_unit_test(test_liberties_of_typing_are_understood),
        cmocka_unit_test(test_lower_case_is_understood),
        cmocka_unit_test(test_what_is_no_code_is_other),
        cmocka_unit_test(test_references_read_back_as_printed_or_as_link),
        cmocka_unit_test(test_reference_has_the_groups_of_the_header),
        cmocka_unit_test(test_wrong_references_are_refused),
        cmocka_unit_test(test_tokens_read_back_as_printed_or_as_link),
        cmocka_unit_test(test_wrong_tokens_are_refused),
    };

    if (sodium_init() < 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
