# The pure rules, each edge by itself.
check_PROGRAMS += tests/unit/test_account_registration tests/unit/test_account_letter tests/unit/test_account_login \
    tests/unit/test_account_request tests/unit/test_backlog tests/unit/test_account_recovery tests/unit/test_account_renewal tests/unit/test_account_mail tests/unit/test_account_move tests/unit/test_account_wish tests/unit/test_account_explain tests/unit/test_lint tests/unit/test_derive tests/unit/test_order \
    tests/unit/test_account_factor tests/unit/test_grant tests/unit/test_session tests/unit/test_known tests/unit/test_state tests/unit/test_totp tests/unit/test_enrollment tests/unit/test_account_password tests/unit/test_quality

ACCOUNT_TEST_CFLAGS = $(UNIT_CFLAGS) $(SODIUM_CFLAGS) $(GLIB_CFLAGS)
ACCOUNT_TEST_LIBS = portald/libportald.la $(UNIT_LIBS)

tests_unit_test_account_registration_SOURCES = tests/unit/test_account_registration.c tests/unit/account_fixture.h
tests_unit_test_account_registration_CFLAGS = $(ACCOUNT_TEST_CFLAGS)
tests_unit_test_account_registration_LDADD = $(ACCOUNT_TEST_LIBS)

tests_unit_test_account_letter_SOURCES = tests/unit/test_account_letter.c tests/unit/account_fixture.h
tests_unit_test_account_letter_CFLAGS = $(ACCOUNT_TEST_CFLAGS)
tests_unit_test_account_letter_LDADD = $(ACCOUNT_TEST_LIBS)

tests_unit_test_account_login_SOURCES = tests/unit/test_account_login.c tests/unit/account_fixture.h
tests_unit_test_account_login_CFLAGS = $(ACCOUNT_TEST_CFLAGS)
tests_unit_test_account_login_LDADD = $(ACCOUNT_TEST_LIBS)

tests_unit_test_account_password_SOURCES = tests/unit/test_account_password.c tests/unit/account_fixture.h
tests_unit_test_account_password_CFLAGS = $(ACCOUNT_TEST_CFLAGS)
tests_unit_test_account_password_LDADD = $(ACCOUNT_TEST_LIBS)

tests_unit_test_quality_SOURCES = tests/unit/test_quality.c tests/unit/scratch.h
tests_unit_test_quality_CFLAGS = $(ACCOUNT_TEST_CFLAGS) -DSOURCE_DIR='"$(abs_top_srcdir)"'
tests_unit_test_quality_LDADD = $(ACCOUNT_TEST_LIBS)

tests_unit_test_order_SOURCES = tests/unit/test_order.c
tests_unit_test_order_CFLAGS = $(ACCOUNT_TEST_CFLAGS)
tests_unit_test_order_LDADD = $(ACCOUNT_TEST_LIBS)

tests_unit_test_grant_SOURCES = tests/unit/test_grant.c
tests_unit_test_grant_CFLAGS = $(ACCOUNT_TEST_CFLAGS)
tests_unit_test_grant_LDADD = $(ACCOUNT_TEST_LIBS)

tests_unit_test_totp_SOURCES = tests/unit/test_totp.c tests/unit/scratch.h
tests_unit_test_totp_CFLAGS = $(ACCOUNT_TEST_CFLAGS)
tests_unit_test_totp_LDADD = $(ACCOUNT_TEST_LIBS)

tests_unit_test_account_recovery_SOURCES = tests/unit/test_account_recovery.c tests/unit/account_fixture.h
tests_unit_test_account_recovery_CFLAGS = $(ACCOUNT_TEST_CFLAGS)
tests_unit_test_account_recovery_LDADD = $(ACCOUNT_TEST_LIBS)

tests_unit_test_account_renewal_SOURCES = tests/unit/test_account_renewal.c tests/unit/account_fixture.h
tests_unit_test_account_renewal_CFLAGS = $(ACCOUNT_TEST_CFLAGS)
tests_unit_test_account_renewal_LDADD = $(ACCOUNT_TEST_LIBS)

tests_unit_test_account_request_SOURCES = tests/unit/test_account_request.c tests/unit/account_fixture.h
tests_unit_test_account_request_CFLAGS = $(ACCOUNT_TEST_CFLAGS)
tests_unit_test_account_request_LDADD = $(ACCOUNT_TEST_LIBS)

tests_unit_test_backlog_SOURCES = tests/unit/test_backlog.c
tests_unit_test_backlog_CFLAGS = $(ACCOUNT_TEST_CFLAGS)
tests_unit_test_backlog_LDADD = $(ACCOUNT_TEST_LIBS)

tests_unit_test_account_mail_SOURCES = tests/unit/test_account_mail.c tests/unit/account_fixture.h
tests_unit_test_account_mail_CFLAGS = $(ACCOUNT_TEST_CFLAGS)
tests_unit_test_account_mail_LDADD = $(ACCOUNT_TEST_LIBS)

tests_unit_test_account_move_SOURCES = tests/unit/test_account_move.c tests/unit/account_fixture.h
tests_unit_test_account_move_CFLAGS = $(ACCOUNT_TEST_CFLAGS)
tests_unit_test_account_move_LDADD = $(ACCOUNT_TEST_LIBS)

tests_unit_test_account_wish_SOURCES = tests/unit/test_account_wish.c tests/unit/account_fixture.h
tests_unit_test_account_wish_CFLAGS = $(ACCOUNT_TEST_CFLAGS)
tests_unit_test_account_wish_LDADD = $(ACCOUNT_TEST_LIBS)

tests_unit_test_account_factor_SOURCES = tests/unit/test_account_factor.c tests/unit/account_fixture.h
tests_unit_test_account_factor_CFLAGS = $(ACCOUNT_TEST_CFLAGS)
tests_unit_test_account_factor_LDADD = $(ACCOUNT_TEST_LIBS)

tests_unit_test_known_SOURCES = tests/unit/test_known.c tests/unit/account_fixture.h
tests_unit_test_known_CFLAGS = $(ACCOUNT_TEST_CFLAGS)
tests_unit_test_known_LDADD = $(ACCOUNT_TEST_LIBS)

tests_unit_test_session_SOURCES = tests/unit/test_session.c tests/unit/account_fixture.h
tests_unit_test_session_CFLAGS = $(ACCOUNT_TEST_CFLAGS)
tests_unit_test_session_LDADD = $(ACCOUNT_TEST_LIBS)

tests_unit_test_state_SOURCES = tests/unit/test_state.c tests/unit/account_fixture.h
tests_unit_test_state_CFLAGS = $(ACCOUNT_TEST_CFLAGS)
tests_unit_test_state_LDADD = $(ACCOUNT_TEST_LIBS)

tests_unit_test_enrollment_SOURCES = tests/unit/test_enrollment.c tests/unit/account_fixture.h
tests_unit_test_enrollment_CFLAGS = $(ACCOUNT_TEST_CFLAGS)
tests_unit_test_enrollment_LDADD = $(ACCOUNT_TEST_LIBS)

tests_unit_test_derive_SOURCES = tests/unit/test_derive.c tests/unit/mail_fixture.h
tests_unit_test_derive_CFLAGS = $(ACCOUNT_TEST_CFLAGS)
tests_unit_test_derive_LDADD = $(ACCOUNT_TEST_LIBS)

tests_unit_test_account_explain_SOURCES = tests/unit/test_account_explain.c tests/unit/account_fixture.h
tests_unit_test_account_explain_CFLAGS = $(ACCOUNT_TEST_CFLAGS)
tests_unit_test_account_explain_LDADD = $(ACCOUNT_TEST_LIBS)

tests_unit_test_lint_SOURCES = tests/unit/test_lint.c tests/unit/account_fixture.h
tests_unit_test_lint_CFLAGS = $(ACCOUNT_TEST_CFLAGS)
tests_unit_test_lint_LDADD = $(ACCOUNT_TEST_LIBS)
