/* CSV as people's programs write it: what is read, in which line it begins, and what is refused. */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cleanup.h"
#include "portalctl/sheet.h"

#define ALL_SIZE 512

/* All records as "LINE:field/field " and errors as "LINE!why ". */
static void read_bytes(const char *text, size_t size, char ret[static ALL_SIZE])
{
    _cleanup_fclose_ FILE *f = tmpfile();
    struct sheet *sheet = NULL;
    struct record record;
    size_t used = 0;
    int r;

    assert_int_equal(fwrite(text, 1, size, f), size);
    rewind(f);
    assert_int_equal(sheet_open(f, &sheet), 0);
    ret[0] = '\0';
    while ((r = sheet_next(sheet, &record)) != 0) {
        assert_true(r == 1 || r == -EILSEQ || r == -EBADMSG);
        used += (size_t)snprintf(ret + used, ALL_SIZE - used, "%lu%s", record.line,
                                 r == 1         ? ":"
                                 : r == -EILSEQ ? "?"
                                                : "!");
        for (size_t i = 0; r == 1 && i < record.count; i++)
            used += (size_t)snprintf(ret + used, ALL_SIZE - used, "%s%s", i > 0 ? "/" : "",
                                     record.field[i]);
        used += (size_t)snprintf(ret + used, ALL_SIZE - used, " ");
        assert_true(used < ALL_SIZE);
    }
    sheet_free(sheet);
}

static void check(const char *text, const char *expected)
{
    char all[ALL_SIZE];

    read_bytes(text, strlen(text), all);
    assert_string_equal(all, expected);
}

static void test_fields_are_read_whatever_separates_them(void **state)
{
    (void)state;
    check("a,b\n1,2\n", "1:a/b 2:1/2 ");
    check("a;b\n1,5;2\n", "1:a/b 2:1,5/2 ");
    check("a\tb\n1\t2", "1:a/b 2:1/2 ");
    check("\"a,x,y,z\";b\n1;2\n", "1:a,x,y,z/b 2:1/2 ");
}

static void test_mark_and_either_end_of_lines_are_fine(void **state)
{
    (void)state;
    check("\xef\xbb\xbf"
          "a,b\r\n1,2\r\n",
          "1:a/b 2:1/2 ");
    check("", "");
    check("\xef\xbb\xbf", "");
    check("\n\n \t\r\n", "");
}

static void test_the_line_is_the_one_that_a_record_begins_in(void **state)
{
    (void)state;
    check("a,b\n\n\"1\n2\n\",3\n\n4,5", "1:a/b 3:1\n2\n/3 7:4/5 ");
}

static void test_quotation_marks_are_read_as_rfc_4180_says(void **state)
{
    (void)state;
    check("a,b\n\"x \"\"y\"\" , z\",\"\"\n", "1:a/b 2:x \"y\" , z/ ");
    check("a,b\n,\n", "1:a/b 2:/ ");
}

static void test_a_wrong_quotation_mark_costs_its_line_and_says_so(void **state)
{
    (void)state;
    check("a,b\n1\"x,2\n3,4\n", "1:a/b 2! 3:3/4 ");
    check("a,b\n\"1\"x,2\n3,4\n", "1:a/b 2! 3:3/4 ");
    check("a,b\n\"1,2\n3,4\n", "1:a/b 2! ");
}

static void test_a_carriage_return_alone_loses_no_field(void **state)
{
    (void)state;
    check("a,b\r1,2\r3,4\r", "1! ");
    check("a,b\n1,2\r3", "1:a/b 2:1/2 2! ");
}

static void test_what_is_no_text_is_refused_and_the_next_line_read(void **state)
{
    static const char zero[] = "a,b\n1,\0002\n3,4\n";
    char all[ALL_SIZE];

    (void)state;
    check("a,b\n\xfc,2\n3,4\n", "1:a/b 2? 3:3/4 ");
    check("a,b\n1,\x1b[2J\n3,4\n", "1:a/b 2? 3:3/4 ");
    check("a,b\n1,\xc2\x85\n3,4\n", "1:a/b 2? 3:3/4 ");
    check("a,b\n\"\xfc\nx\",2\n3,4\n", "1:a/b 2? 4:3/4 ");
    read_bytes(zero, sizeof zero - 1, all);
    assert_string_equal(all, "1:a/b 2? 3:3/4 ");
}

static void test_too_many_fields_are_refused(void **state)
{
    char text[4 * SHEET_FIELDS] = "a,b\n";

    (void)state;
    for (int i = 0; i < SHEET_FIELDS - 1; i++)
        strcat(text, ",");
    strcat(text, "\n");
    {
        char all[ALL_SIZE];

        read_bytes(text, strlen(text), all);
        assert_ptr_equal(strchr(all, '?'), NULL);
    }
    text[strlen(text) - 1] = ',';
    check(text, "1:a/b 2? ");
}

static void test_a_record_of_64_kib_is_the_longest(void **state)
{
    _cleanup_free_ char *text = malloc(3 * SHEET_RECORD);
    char all[ALL_SIZE];
    size_t size = 4;

    (void)state;
    memcpy(text, "a,b\n", size);
    memset(text + size, '\n', SHEET_RECORD + 1);
    text[size] = '"';
    size += SHEET_RECORD + 1;
    memcpy(text + size, "3,4\n", 4);
    read_bytes(text, size + 4, all);
    /* Behind it nobody knows what is quoted; it goes on with the next line that there is. */
    assert_memory_equal(all, "1:a/b 2! ", 9);
    assert_non_null(strstr(all, ":3/4 "));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fields_are_read_whatever_separates_them),
        cmocka_unit_test(test_mark_and_either_end_of_lines_are_fine),
        cmocka_unit_test(test_the_line_is_the_one_that_a_record_begins_in),
        cmocka_unit_test(test_quotation_marks_are_read_as_rfc_4180_says),
        cmocka_unit_test(test_a_wrong_quotation_mark_costs_its_line_and_says_so),
        cmocka_unit_test(test_a_carriage_return_alone_loses_no_field),
        cmocka_unit_test(test_what_is_no_text_is_refused_and_the_next_line_read),
        cmocka_unit_test(test_too_many_fields_are_refused),
        cmocka_unit_test(test_a_record_of_64_kib_is_the_longest),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
