/* What is kept of a relay's reply. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cleanup.h"
#include "portald/note.h"

static void test_addresses_and_links_are_left_out(void **state)
{
    static const struct {
        const char *text, *recipient, *kept;
    } cases[] = {
        {"250 2.0.0 Ok: queued as 4ABCDEF", "erika@kunde.example",
         "250 2.0.0 Ok: queued as 4ABCDEF"},
        {"550 5.1.1 <erika@kunde.example>: no such user", "erika@kunde.example",
         "550 5.1.1 (…) no such user"},
        {"550 5.1.1 <other@kunde.example>: alias unknown", "erika@kunde.example",
         "550 5.1.1 (…) alias unknown"},
        {"550 User ERIKA.MUSTER unknown", "erika.muster@kunde.example", "550 User (…) unknown"},
        {"550 /var/mail/erika.muster: full", "erika.muster@kunde.example", "550 (…) full"},
        {"550 user \"eva\" unknown", "eva@kunde.example", "550 user (…) unknown"},
        {"550 user eva, unknown", "eva@kunde.example", "550 user (…) unknown"},
        {"550 no such evaluation", "eva@kunde.example", "550 no such evaluation"},
        {"554 bad link https://k.example/confirm/x in it", NULL, "554 bad link (…) in it"},
        {"554 bad link k.example/confirm/x in it", NULL, "554 bad link (…) in it"},
        {"554 saw /not-me/x in it", NULL, "554 saw (…) in it"},
        {"554 saw 0Abc-2_4567890123456789012345678901234567890 in it", NULL, "554 saw (…) in it"},
        {"554 saw AAAAA-BBBBB-CCCCC-DDDDD-EEEEEE in it", NULL, "554 saw (…) in it"},
        {"  many   blanks  ", NULL, "many blanks"},
        {"", NULL, ""},
    };

    (void)state;
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        char note[JOB_NOTE_SIZE];

        note_from_reply(cases[i].text, cases[i].recipient, note);
        assert_string_equal(note, cases[i].kept);
    }
}

static void test_a_note_fits_into_its_field(void **state)
{
    char text[1000], note[JOB_NOTE_SIZE];

    (void)state;
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = i % 2 ? ' ' : '@';
    text[sizeof text - 1] = '\0';
    note_from_reply(text, NULL, note);
    assert_true(strlen(note) < JOB_NOTE_SIZE);
    memset(text, 'a', sizeof text - 1);
    note_from_reply(text, NULL, note);
    assert_string_equal(note, "(…)");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_addresses_and_links_are_left_out),
        cmocka_unit_test(test_a_note_fits_into_its_field),
    };

    return cmocka_run_group_tests_name("note", tests, NULL, NULL);
}
