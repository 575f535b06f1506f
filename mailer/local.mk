# portal-mailer: hands mails to the SMTP relay.
pkglibexec_PROGRAMS += mailer/portal-mailer
mailer_portal_mailer_SOURCES = mailer/main.c mailer/batch.c mailer/batch.h mailer/guard.c mailer/guard.h \
    mailer/protocol.h mailer/session.c mailer/session.h mailer/settings.c mailer/settings.h \
    mailer/tls.c mailer/tls.h
mailer_portal_mailer_CFLAGS = $(AM_CFLAGS) $(OPENSSL_CFLAGS)
mailer_portal_mailer_LDADD = common/libcommon.la $(ESMTP_LIBS) $(OPENSSL_LIBS)
