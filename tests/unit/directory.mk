# Unit tests of this area, and the program that the integration test of the directory drives.
check_PROGRAMS += tests/unit/test_entry
tests_unit_test_entry_SOURCES = tests/unit/test_entry.c portald/entry.c portald/changes.c
tests_unit_test_entry_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_entry_LDADD = $(UNIT_LIBS)

noinst_PROGRAMS += tests/integration/directory-probe
tests_integration_directory_probe_SOURCES = tests/integration/directory-probe.c \
    portald/entry.c portald/changes.c portald/directory.c portald/directory-connect.c \
    portald/directory-modify.c portald/directory-search.c portald/directory-socket.c
tests_integration_directory_probe_CFLAGS = $(AM_CFLAGS) $(LDAP_CFLAGS)
tests_integration_directory_probe_LDADD = common/libcommon.la $(LDAP_LIBS)

EXTRA_DIST += tests/integration/test_directory_c.py
