# Unit tests of portalctl's import: CSV, columns and rules, differences, doubles.
check_PROGRAMS += tests/unit/test_sheet tests/unit/test_customer tests/unit/test_seen

IMPORT_TEST_CFLAGS = $(UNIT_CFLAGS) $(GMIME_CFLAGS) $(LDAP_CFLAGS) $(SODIUM_CFLAGS)
IMPORT_TEST_LIBS = $(UNIT_LIBS) $(GMIME_LIBS) $(LDAP_LIBS) $(CSV_LIBS) $(SODIUM_LIBS)

tests_unit_test_sheet_SOURCES = tests/unit/test_sheet.c portalctl/sheet.c portalctl/sheet.h
tests_unit_test_sheet_CFLAGS = $(IMPORT_TEST_CFLAGS)
tests_unit_test_sheet_LDADD = $(IMPORT_TEST_LIBS)

tests_unit_test_customer_SOURCES = tests/unit/test_customer.c portalctl/customer.c \
    portalctl/customer.h portalctl/existing.c portalctl/existing.h
tests_unit_test_customer_CFLAGS = $(IMPORT_TEST_CFLAGS)
tests_unit_test_customer_LDADD = $(IMPORT_TEST_LIBS)

tests_unit_test_seen_SOURCES = tests/unit/test_seen.c portalctl/seen.c portalctl/seen.h
tests_unit_test_seen_CFLAGS = $(IMPORT_TEST_CFLAGS)
tests_unit_test_seen_LDADD = $(IMPORT_TEST_LIBS)
