# Unit tests of the queue, the throttle and the secrets.
QUEUE_CFLAGS = $(UNIT_CFLAGS) $(SQLITE_CFLAGS)
QUEUE_LIBS = portald/libportald.la $(UNIT_LIBS) $(SQLITE_LIBS)

check_PROGRAMS += tests/unit/test_queue tests/unit/test_queue_letters tests/unit/test_queue_history \
    tests/unit/test_queue_store tests/unit/test_queue_threads tests/unit/test_queue_lanes \
    tests/unit/test_queue_damage tests/unit/test_reminder tests/unit/test_throttle \
    tests/unit/test_secret

tests_unit_test_queue_SOURCES = tests/unit/test_queue.c tests/unit/queue_fixture.h \
    tests/unit/scratch.h
tests_unit_test_queue_CFLAGS = $(QUEUE_CFLAGS)
tests_unit_test_queue_LDADD = $(QUEUE_LIBS)

tests_unit_test_queue_letters_SOURCES = tests/unit/test_queue_letters.c
tests_unit_test_queue_letters_CFLAGS = $(QUEUE_CFLAGS)
tests_unit_test_queue_letters_LDADD = $(QUEUE_LIBS)

tests_unit_test_queue_history_SOURCES = tests/unit/test_queue_history.c
tests_unit_test_queue_history_CFLAGS = $(QUEUE_CFLAGS)
tests_unit_test_queue_history_LDADD = $(QUEUE_LIBS)

tests_unit_test_queue_store_SOURCES = tests/unit/test_queue_store.c
tests_unit_test_queue_store_CFLAGS = $(QUEUE_CFLAGS)
tests_unit_test_queue_store_LDADD = $(QUEUE_LIBS)

tests_unit_test_queue_threads_SOURCES = tests/unit/test_queue_threads.c tests/unit/queue_faults.c \
    tests/unit/queue_faults.h
tests_unit_test_queue_threads_CFLAGS = $(QUEUE_CFLAGS)
tests_unit_test_queue_threads_LDADD = $(QUEUE_LIBS)

tests_unit_test_queue_lanes_SOURCES = tests/unit/test_queue_lanes.c
tests_unit_test_queue_lanes_CFLAGS = $(QUEUE_CFLAGS)
tests_unit_test_queue_lanes_LDADD = $(QUEUE_LIBS)

tests_unit_test_queue_damage_SOURCES = tests/unit/test_queue_damage.c
tests_unit_test_queue_damage_CFLAGS = $(QUEUE_CFLAGS)
tests_unit_test_queue_damage_LDADD = $(QUEUE_LIBS)

tests_unit_test_reminder_SOURCES = tests/unit/test_reminder.c tests/unit/account_fixture.h
tests_unit_test_reminder_CFLAGS = $(QUEUE_CFLAGS)
tests_unit_test_reminder_LDADD = $(QUEUE_LIBS)
tests_unit_test_reminder_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=directory_each_between \
    -Wl,--wrap=directory_each_with -Wl,--wrap=directory_each_present \
    -Wl,--wrap=directory_find -Wl,--wrap=entry_free \
    -Wl,--wrap=entry_swap -Wl,--wrap=queue_get -Wl,--wrap=letter_mail

tests_unit_test_throttle_SOURCES = tests/unit/test_throttle.c
tests_unit_test_throttle_CFLAGS = $(UNIT_CFLAGS) $(SODIUM_CFLAGS)
tests_unit_test_throttle_LDADD = portald/libportald.la $(UNIT_LIBS) $(SODIUM_LIBS)

tests_unit_test_secret_SOURCES = tests/unit/test_secret.c
tests_unit_test_secret_CFLAGS = $(UNIT_CFLAGS) $(SODIUM_CFLAGS)
tests_unit_test_secret_LDADD = portald/libportald.la $(UNIT_LIBS) $(SODIUM_LIBS)
