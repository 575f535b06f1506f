# libwire: libc only, because pam_portal.so links it. libcommon: the rest that several programs share.
noinst_LTLIBRARIES += common/libwire.la common/libcommon.la

common_libwire_la_SOURCES = common/wire.c common/wire.h common/client.c common/client.h common/cleanup.h
common_libwire_la_LDFLAGS = $(AM_LDFLAGS)

common_libcommon_la_SOURCES = common/base32.c common/base32.h common/calendar.c common/calendar.h \
    common/clock.c common/clock.h common/code.c common/code.h common/conf.c common/conf.h \
    common/conf-value.c common/conf-value.h common/daemon.c common/daemon.h common/file.c common/file.h common/keys.c common/keys.h common/mapped.c common/mapped.h \
    common/log.c common/log.h common/loopback.c \
    common/loopback.h common/messages.h common/policy.c common/policy.h common/postal.c common/postal.h common/process.c common/process.h \
    common/seal.c common/seal.h common/texts.c common/texts.h common/throttle.c common/throttle.h common/ulid.c common/ulid.h
common_libcommon_la_CFLAGS = $(AM_CFLAGS) $(SODIUM_CFLAGS) $(SYSTEMD_CFLAGS) $(INIH_CFLAGS)
common_libcommon_la_LDFLAGS = $(AM_LDFLAGS)
common_libcommon_la_LIBADD = common/libwire.la $(SODIUM_LIBS) $(SYSTEMD_LIBS) $(INIH_LIBS)
