# portal-mailer: hands mails to the SMTP relay. libmailer holds everything but main(), so that unit tests link what
# they test.
pkglibexec_PROGRAMS += mailer/portal-mailer
noinst_LTLIBRARIES += mailer/libmailer.la

mailer_libmailer_la_SOURCES = mailer/batch.c mailer/batch.h mailer/guard.c mailer/guard.h mailer/protocol.h \
    mailer/session.c mailer/session.h mailer/settings.c mailer/settings.h mailer/tls.c mailer/tls.h
mailer_libmailer_la_CFLAGS = $(AM_CFLAGS) $(OPENSSL_CFLAGS)
mailer_libmailer_la_LIBADD = common/libcommon.la $(ESMTP_LIBS) $(OPENSSL_LIBS)

mailer_portal_mailer_SOURCES = mailer/main.c
mailer_portal_mailer_CFLAGS = $(AM_CFLAGS) $(OPENSSL_CFLAGS) -fPIE
mailer_portal_mailer_LDFLAGS = $(AM_LDFLAGS) -pie
mailer_portal_mailer_LDADD = mailer/libmailer.la
