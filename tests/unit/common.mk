# Unit tests of common/. --wrap lets a test look at what is freed or sent to the journal.
check_PROGRAMS += tests/unit/test_wire tests/unit/test_client tests/unit/test_code \
    tests/unit/test_ulid tests/unit/test_clock tests/unit/test_calendar tests/unit/test_conf \
    tests/unit/test_keys tests/unit/test_seal tests/unit/test_log tests/unit/test_process \
    tests/unit/test_loopback
EXTRA_DIST += tests/unit/scratch.h

tests_unit_test_wire_SOURCES = tests/unit/test_wire.c
tests_unit_test_wire_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_wire_LDADD = $(UNIT_LIBS)
tests_unit_test_wire_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=free

tests_unit_test_client_SOURCES = tests/unit/test_client.c
tests_unit_test_client_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_client_LDADD = $(UNIT_LIBS)
tests_unit_test_client_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=free -Wl,--wrap=send

tests_unit_test_code_SOURCES = tests/unit/test_code.c
tests_unit_test_code_CFLAGS = $(UNIT_CFLAGS) $(SODIUM_CFLAGS)
tests_unit_test_code_LDADD = $(UNIT_LIBS)

tests_unit_test_loopback_SOURCES = tests/unit/test_loopback.c
tests_unit_test_loopback_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_loopback_LDADD = $(UNIT_LIBS)

tests_unit_test_ulid_SOURCES = tests/unit/test_ulid.c
tests_unit_test_ulid_CFLAGS = $(UNIT_CFLAGS) $(SODIUM_CFLAGS)
tests_unit_test_ulid_LDADD = $(UNIT_LIBS)

tests_unit_test_clock_SOURCES = tests/unit/test_clock.c
tests_unit_test_clock_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_clock_LDADD = $(UNIT_LIBS)

tests_unit_test_calendar_SOURCES = tests/unit/test_calendar.c
tests_unit_test_calendar_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_calendar_LDADD = $(UNIT_LIBS)

tests_unit_test_conf_SOURCES = tests/unit/test_conf.c
tests_unit_test_conf_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_conf_LDADD = $(UNIT_LIBS)

tests_unit_test_keys_SOURCES = tests/unit/test_keys.c
tests_unit_test_keys_CFLAGS = $(UNIT_CFLAGS) $(SODIUM_CFLAGS)
tests_unit_test_keys_LDADD = $(UNIT_LIBS)

tests_unit_test_seal_SOURCES = tests/unit/test_seal.c
tests_unit_test_seal_CFLAGS = $(UNIT_CFLAGS) $(SODIUM_CFLAGS)
tests_unit_test_seal_LDADD = $(UNIT_LIBS)

tests_unit_test_log_SOURCES = tests/unit/test_log.c
tests_unit_test_log_CFLAGS = $(UNIT_CFLAGS) $(SYSTEMD_CFLAGS)
tests_unit_test_log_LDADD = $(UNIT_LIBS)
tests_unit_test_log_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=sd_journal_sendv

tests_unit_test_process_SOURCES = tests/unit/test_process.c
tests_unit_test_process_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_process_LDADD = $(UNIT_LIBS)

check_PROGRAMS += tests/unit/test_postal
tests_unit_test_postal_SOURCES = tests/unit/test_postal.c
tests_unit_test_postal_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_postal_LDADD = $(UNIT_LIBS)
