/* Mail addresses: which are taken, and in which one form. */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "cleanup.h"
#include "portald/address.h"

static void test_addresses_get_one_form(void **state)
{
    static const struct {
        const char *typed, *form;
    } cases[] = {
        {"erika@kunde.example", "erika@kunde.example"},
        {"  erika@kunde.example \t\r\n", "erika@kunde.example"},
        {"Erika.Muster@KUNDE.Example", "Erika.Muster@kunde.example"},
        {"erika+portal@kunde.example", "erika+portal@kunde.example"},
        {"o'neill_1-2@mail.kunde.example", "o'neill_1-2@mail.kunde.example"},
        {"erika@müller.example", "erika@xn--mller-kva.example"},
        {"erika@MÜLLER.example", "erika@xn--mller-kva.example"},
        {"erika@xn--mller-kva.example", "erika@xn--mller-kva.example"},
        {"erika@mu\xcc\x88ller.example", "erika@xn--mller-kva.example"}, /* u and combining dots */
        {"erika@straße.example", "erika@xn--strae-oqa.example"},
        {"erika@παράδειγμα.example", "erika@xn--hxajbheg2az3al.example"},
        {"1@2.example", "1@2.example"},
    };

    (void)state;
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        char form[MAIL_ADDRESS_SIZE] = "untouched";

        assert_int_equal(mail_address_read(cases[i].typed, form), 0);
        assert_string_equal(form, cases[i].form);
        assert_int_equal(mail_address_read(form, form), 0); /* and that form stays */
        assert_string_equal(form, cases[i].form);
    }
}

static void test_what_is_no_address_is_refused(void **state)
{
    static const char *const cases[] = {
        "",
        " ",
        "erika",
        "@kunde.example",
        "erika@",
        "erika@kunde",
        "erika@@kunde.example",
        "a@b@kunde.example",
        "a@b\xef\xbc\xa0kunde.example", /* full-width @ */
        "a@b!kunde.example",
        "erika@.example",
        "erika@kunde..example",
        "erika@kunde.example.",
        "erika@-kunde.example",
        "erika@kunde-.example",
        "erika@kunde_1.example",
        "erika@127.0.0.1",
        "erika@[127.0.0.1]",
        "erika@kunde.123",
        ".erika@kunde.example",
        "erika.@kunde.example",
        "e..rika@kunde.example",
        "eri ka@kunde.example",
        "\"erika\"@kunde.example",
        "\"eri ka\"@kunde.example",
        "<erika@kunde.example>",
        "Erika <erika@kunde.example>",
        "erika@kunde.example>",
        "erika@kunde.example\r\nRCPT TO:<x@y.example",
        "eri\nka@kunde.example",
        "eri\tka@kunde.example",
        "erika@kunde.example\x7f",
        "erika@kun\001de.example",
        "@relay.example:erika@kunde.example",
        "erika%kunde.example@relay.example",
        "relay.example!erika@kunde.example",
        "erika,max@kunde.example",
        "erika@kunde.example,max@kunde.example",
        "erika;max@kunde.example",
        "ërika@kunde.example",
        "erika@kunde\xff.example",
        "erika(comment)@kunde.example",
        "*)(mail=*@kunde.example",
        "erika\\@kunde.example",
    };

    (void)state;
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        char form[MAIL_ADDRESS_SIZE] = "untouched";

        if (mail_address_read(cases[i], form) != -EINVAL)
            fail_msg("taken: %s", cases[i]);
        assert_string_equal(form, "untouched");
    }
}

/* A local part of local bytes, and a domain that makes the whole as long as whole. */
static const char *address_of(size_t local, size_t whole, char buffer[static 2048])
{
    memset(buffer, 'a', whole);
    buffer[local] = '@';
    for (size_t i = local + 10; i + 3 < whole; i += 10)
        buffer[i] = '.';
    buffer[whole] = '\0';
    return buffer;
}

static void test_lengths_end_where_rfc_5321_says(void **state)
{
    char form[MAIL_ADDRESS_SIZE], buffer[2048];

    (void)state;
    assert_int_equal(mail_address_read(address_of(64, 254, buffer), form), 0);
    assert_int_equal(strlen(form), 254);
    assert_int_equal(mail_address_read(address_of(64, 255, buffer), form), -EINVAL);
    assert_int_equal(mail_address_read(address_of(65, 200, buffer), form), -EINVAL);
    assert_int_equal(mail_address_read(address_of(10, 2000, buffer), form), -EINVAL);
}

static void test_addresses_compare_without_case(void **state)
{
    char folded[MAIL_ADDRESS_SIZE], large[400];

    (void)state;
    mail_address_fold("Erika.MUSTER@Kunde.Example", folded);
    assert_string_equal(folded, "erika.muster@kunde.example");
    mail_address_fold("ÄRGER@kunde.example", folded); /* no address of ours: only ASCII changes */
    assert_string_equal(folded, "Ärger@kunde.example");
    memset(large, 'A', sizeof large - 1);
    large[sizeof large - 1] = '\0';
    mail_address_fold(large, folded);
    assert_int_equal(strlen(folded), MAIL_ADDRESS_SIZE - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_addresses_get_one_form),
        cmocka_unit_test(test_what_is_no_address_is_refused),
        cmocka_unit_test(test_lengths_end_where_rfc_5321_says),
        cmocka_unit_test(test_addresses_compare_without_case),
    };

    return cmocka_run_group_tests_name("address", tests, NULL, NULL);
}
