# Unit tests of the print station: seals, wording, pages.
check_PROGRAMS += tests/unit/test_letter tests/unit/test_letter_texts tests/unit/test_ledger tests/unit/test_render

PRINT_TEST_CFLAGS = $(UNIT_CFLAGS) $(SODIUM_CFLAGS) $(JANSSON_CFLAGS)
PRINT_TEST_LIBS = print/libprint.la $(UNIT_LIBS) $(SODIUM_LIBS) $(JANSSON_LIBS)

tests_unit_test_letter_SOURCES = tests/unit/test_letter.c
tests_unit_test_letter_CFLAGS = $(PRINT_TEST_CFLAGS)
tests_unit_test_letter_LDADD = $(PRINT_TEST_LIBS)

tests_unit_test_letter_texts_SOURCES = tests/unit/test_letter_texts.c
tests_unit_test_letter_texts_CFLAGS = $(PRINT_TEST_CFLAGS)
tests_unit_test_letter_texts_LDADD = $(PRINT_TEST_LIBS)

tests_unit_test_ledger_SOURCES = tests/unit/test_ledger.c tests/unit/scratch.h
tests_unit_test_ledger_CFLAGS = $(PRINT_TEST_CFLAGS) $(SQLITE_CFLAGS)
tests_unit_test_ledger_LDADD = $(PRINT_TEST_LIBS) $(SQLITE_LIBS)

tests_unit_test_render_SOURCES = tests/unit/test_render.c
tests_unit_test_render_CFLAGS = $(PRINT_TEST_CFLAGS)
tests_unit_test_render_LDADD = $(PRINT_TEST_LIBS)
