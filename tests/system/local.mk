# The journey, as run-demo and the system test go it, and the login program that both use.
noinst_PROGRAMS += tests/pam-login
tests_pam_login_SOURCES = tests/pam-login.c common/cleanup.h
tests_pam_login_LDADD = -lpam

EXTRA_DIST += tests/journey.py tests/web_journey.py tests/nojs_browser.py tests/demo.py tests/packages tests/install-packages tests/build tests/sum-up \
    tests/tap
EXTRA_DIST += tests/integration/test_portalctl.py tests/integration/test_documents.py \
    tests/system/machine.py tests/system/inside.py tests/system/test_installed.py
