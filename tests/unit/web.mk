# Unit tests of portal-web.
check_PROGRAMS += tests/unit/test_web_target tests/unit/test_web_sessions \
    tests/unit/test_web_request tests/unit/test_web_server tests/unit/test_web_template \
    tests/unit/test_web_assets tests/unit/test_web_birthdate \
    tests/unit/test_web_cookie tests/unit/test_web_step tests/unit/test_web_told \
    tests/unit/test_web_auth

WEB_TEST_CFLAGS = $(UNIT_CFLAGS) $(SODIUM_CFLAGS) $(GLIB_CFLAGS) $(MICROHTTPD_CFLAGS)
WEB_TEST_LIBS = web/libweb.la $(UNIT_LIBS) $(SODIUM_LIBS) $(GLIB_LIBS) $(MICROHTTPD_LIBS)

tests_unit_test_web_request_SOURCES = tests/unit/test_web_request.c
tests_unit_test_web_request_CFLAGS = $(WEB_TEST_CFLAGS)
tests_unit_test_web_request_LDADD = $(WEB_TEST_LIBS)

tests_unit_test_web_server_SOURCES = tests/unit/test_web_server.c
tests_unit_test_web_server_CFLAGS = $(WEB_TEST_CFLAGS)
tests_unit_test_web_server_LDADD = $(WEB_TEST_LIBS)

tests_unit_test_web_template_SOURCES = tests/unit/test_web_template.c
tests_unit_test_web_template_CFLAGS = $(WEB_TEST_CFLAGS) -DSOURCE_DIR='"$(abs_top_srcdir)"'
tests_unit_test_web_template_LDADD = $(WEB_TEST_LIBS)
tests_unit_test_web_template_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=text

tests_unit_test_web_assets_SOURCES = tests/unit/test_web_assets.c tests/unit/scratch.h
tests_unit_test_web_assets_CFLAGS = $(WEB_TEST_CFLAGS) -DSOURCE_DIR='"$(abs_top_srcdir)"'
tests_unit_test_web_assets_LDADD = $(WEB_TEST_LIBS)

tests_unit_test_web_birthdate_SOURCES = tests/unit/test_web_birthdate.c
tests_unit_test_web_birthdate_CFLAGS = $(WEB_TEST_CFLAGS)
tests_unit_test_web_birthdate_LDADD = $(WEB_TEST_LIBS)

tests_unit_test_web_target_SOURCES = tests/unit/test_web_target.c
tests_unit_test_web_target_CFLAGS = $(WEB_TEST_CFLAGS)
tests_unit_test_web_target_LDADD = $(WEB_TEST_LIBS)

tests_unit_test_web_sessions_SOURCES = tests/unit/test_web_sessions.c tests/unit/scratch.h
tests_unit_test_web_sessions_CFLAGS = $(WEB_TEST_CFLAGS)
tests_unit_test_web_sessions_LDADD = $(WEB_TEST_LIBS)

# Requests without libmicrohttpd: web_visit.h.
WEB_VISIT_FLAGS = $(AM_LDFLAGS) -Wl,--wrap=MHD_get_connection_values

tests_unit_test_web_cookie_SOURCES = tests/unit/test_web_cookie.c tests/unit/web_visit.h
tests_unit_test_web_cookie_CFLAGS = $(WEB_TEST_CFLAGS)
tests_unit_test_web_cookie_LDADD = $(WEB_TEST_LIBS)
tests_unit_test_web_cookie_LDFLAGS = $(WEB_VISIT_FLAGS)

tests_unit_test_web_step_SOURCES = tests/unit/test_web_step.c tests/unit/web_visit.h
tests_unit_test_web_step_CFLAGS = $(WEB_TEST_CFLAGS)
tests_unit_test_web_step_LDADD = $(WEB_TEST_LIBS)
tests_unit_test_web_step_LDFLAGS = $(WEB_VISIT_FLAGS)

tests_unit_test_web_told_SOURCES = tests/unit/test_web_told.c tests/unit/web_visit.h
tests_unit_test_web_told_CFLAGS = $(WEB_TEST_CFLAGS) $(JANSSON_CFLAGS)
tests_unit_test_web_told_LDADD = $(WEB_TEST_LIBS) $(JANSSON_LIBS)
tests_unit_test_web_told_LDFLAGS = $(WEB_VISIT_FLAGS) -Wl,--wrap=client_call

tests_unit_test_web_auth_SOURCES = tests/unit/test_web_auth.c tests/unit/web_visit.h
tests_unit_test_web_auth_CFLAGS = $(WEB_TEST_CFLAGS)
tests_unit_test_web_auth_LDADD = $(WEB_TEST_LIBS)
tests_unit_test_web_auth_LDFLAGS = $(WEB_VISIT_FLAGS)
