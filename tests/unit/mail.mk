# Unit tests of mails: addresses, templates, composing, couriers; the mailer's guard.
check_PROGRAMS += tests/unit/test_address tests/unit/test_template tests/unit/test_compose \
    tests/unit/test_compose_open tests/unit/test_mail_words \
    tests/unit/test_note tests/unit/test_notice tests/unit/test_courier tests/unit/test_guard \
    tests/unit/test_bounce

MAIL_TEST_CFLAGS = $(UNIT_CFLAGS) $(SODIUM_CFLAGS) $(GMIME_CFLAGS)
MAIL_TEST_LIBS = portald/libportald.la $(UNIT_LIBS) $(GMIME_LIBS)

tests_unit_test_address_SOURCES = tests/unit/test_address.c
tests_unit_test_address_CFLAGS = $(MAIL_TEST_CFLAGS)
tests_unit_test_address_LDADD = $(MAIL_TEST_LIBS)

tests_unit_test_template_SOURCES = tests/unit/test_template.c
tests_unit_test_template_CFLAGS = $(MAIL_TEST_CFLAGS)
tests_unit_test_template_LDADD = $(MAIL_TEST_LIBS)

tests_unit_test_compose_SOURCES = tests/unit/test_compose.c tests/unit/mail_fixture.h tests/unit/mail_parsed.h
tests_unit_test_compose_CFLAGS = $(MAIL_TEST_CFLAGS)
tests_unit_test_compose_LDADD = $(MAIL_TEST_LIBS)

tests_unit_test_compose_open_SOURCES = tests/unit/test_compose_open.c tests/unit/mail_fixture.h
tests_unit_test_compose_open_CFLAGS = $(MAIL_TEST_CFLAGS)
tests_unit_test_compose_open_LDADD = $(MAIL_TEST_LIBS)

tests_unit_test_mail_words_SOURCES = tests/unit/test_mail_words.c tests/unit/mail_fixture.h tests/unit/mail_parsed.h
tests_unit_test_mail_words_CFLAGS = $(MAIL_TEST_CFLAGS)
tests_unit_test_mail_words_LDADD = $(MAIL_TEST_LIBS)

tests_unit_test_note_SOURCES = tests/unit/test_note.c
tests_unit_test_note_CFLAGS = $(MAIL_TEST_CFLAGS)
tests_unit_test_note_LDADD = $(MAIL_TEST_LIBS)

tests_unit_test_notice_SOURCES = tests/unit/test_notice.c tests/unit/mail_fixture.h tests/unit/queue_fixture.h
tests_unit_test_notice_CFLAGS = $(MAIL_TEST_CFLAGS) $(JANSSON_CFLAGS) $(LDAP_CFLAGS) $(SYSTEMD_CFLAGS)
tests_unit_test_notice_LDADD = $(MAIL_TEST_LIBS) $(JANSSON_LIBS)

tests_unit_test_bounce_SOURCES = tests/unit/test_bounce.c tests/unit/mail_fixture.h \
    tests/unit/queue_fixture.h
tests_unit_test_bounce_CFLAGS = $(MAIL_TEST_CFLAGS)
tests_unit_test_bounce_LDADD = $(MAIL_TEST_LIBS)

tests_unit_test_courier_SOURCES = tests/unit/test_courier.c tests/unit/mail_fixture.h
tests_unit_test_courier_CFLAGS = $(MAIL_TEST_CFLAGS)
tests_unit_test_courier_LDADD = $(MAIL_TEST_LIBS)

tests_unit_test_guard_SOURCES = tests/unit/test_guard.c
tests_unit_test_guard_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_guard_LDADD = mailer/libmailer.la $(UNIT_LIBS)
