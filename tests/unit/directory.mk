# Unit tests of this area, and the program that the integration test of the directory drives.
check_PROGRAMS += tests/unit/test_entry
tests_unit_test_entry_SOURCES = tests/unit/test_entry.c
tests_unit_test_entry_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_entry_LDADD = portald/libportald.la $(UNIT_LIBS)

check_PROGRAMS += tests/unit/test_directory_servers
tests_unit_test_directory_servers_SOURCES = tests/unit/test_directory_servers.c
tests_unit_test_directory_servers_CFLAGS = $(UNIT_CFLAGS) $(LDAP_CFLAGS)
tests_unit_test_directory_servers_LDADD = portald/libportald.la $(UNIT_LIBS)

noinst_PROGRAMS += tests/integration/directory-probe
tests_integration_directory_probe_SOURCES = tests/integration/directory-probe.c
tests_integration_directory_probe_CFLAGS = $(AM_CFLAGS) $(LDAP_CFLAGS)
tests_integration_directory_probe_LDADD = portald/libportald.la

EXTRA_DIST += tests/integration/directory_probe.py tests/integration/test_directory_c.py \
    tests/integration/test_directory_faults.py

noinst_PROGRAMS += tests/integration/secrecy-probe
tests_integration_secrecy_probe_SOURCES = tests/integration/secrecy-probe.c
tests_integration_secrecy_probe_CFLAGS = $(AM_CFLAGS) $(SODIUM_CFLAGS)
tests_integration_secrecy_probe_LDADD = portald/libportald.la
