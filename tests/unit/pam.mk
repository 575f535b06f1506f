# The module: through a real libpam by scripts, and as a guest in somebody else's process.
check_LTLIBRARIES += tests/unit/pam_given.la
check_PROGRAMS += tests/unit/test_pam_scripts tests/unit/test_pam_process

tests_unit_pam_given_la_SOURCES = tests/unit/pam_given.c
tests_unit_pam_given_la_LDFLAGS = $(AM_LDFLAGS) -module -avoid-version -shared -rpath /nowhere
tests_unit_pam_given_la_LIBADD = -lpam

# It stands in for clock_gettime() and pam_syslog(), so the module must find its symbols.
tests_unit_test_pam_scripts_SOURCES = tests/unit/test_pam_scripts.c \
    tests/unit/pam_fake.c tests/unit/pam_fake.h tests/unit/pam_reply.c tests/unit/pam_reply.h \
    tests/unit/pam_script.c tests/unit/pam_script.h tests/unit/pam_stack.c tests/unit/pam_stack.h
tests_unit_test_pam_scripts_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_pam_scripts_LDFLAGS = $(AM_LDFLAGS) -export-dynamic
tests_unit_test_pam_scripts_LDADD = common/libwire.la $(CMOCKA_LIBS) -lpam

tests_unit_test_pam_process_SOURCES = tests/unit/test_pam_process.c \
    tests/unit/pam_fake.c tests/unit/pam_fake.h tests/unit/pam_place.c tests/unit/pam_place.h
tests_unit_test_pam_process_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_pam_process_LDADD = common/libwire.la $(CMOCKA_LIBS) -lpam -ldl

EXTRA_DIST += tests/integration/pam_application.py tests/integration/test_pam.py \
    tests/pam-scripts/README.md tests/pam-scripts/account.txt \
    tests/pam-scripts/authenticate.txt tests/pam-scripts/change-code.txt \
    tests/pam-scripts/chauthtok.txt tests/pam-scripts/enroll.txt tests/pam-scripts/first-pass.txt \
    tests/pam-scripts/options.txt tests/pam-scripts/recover.txt \
    tests/pam-scripts/second-factor.txt tests/pam-scripts/setcred.txt \
    tests/pam-scripts/unreachable.txt
