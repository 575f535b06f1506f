# Unit tests: each area lists its programs; CONTRIBUTING.md says how to run one.
UNIT_LIBS = common/libcommon.la $(CMOCKA_LIBS)
UNIT_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)

if HAVE_CMOCKA
include tests/unit/common.mk
include tests/unit/queue.mk
include tests/unit/account.mk
include tests/unit/directory.mk
include tests/unit/mail.mk
include tests/unit/print.mk
include tests/unit/pam.mk
include tests/unit/import.mk
include tests/unit/web.mk
endif
include tests/integration/local.mk
include tests/frontends/local.mk
include tests/web/local.mk
include tests/system/local.mk
include tests/fuzz/local.mk
include tests/bench/local.mk
