# portal-print. libprint holds everything but main(), so that unit tests link what they test.
sbin_PROGRAMS += print/portal-print
noinst_LTLIBRARIES += print/libprint.la

print_libprint_la_SOURCES = print/batch.c print/batch.h print/claim.c print/claim.h print/exchange.c print/exchange.h print/ledger.c print/ledger.h print/letter.c print/letter.h \
    print/layout.c print/layout.h print/missing.c print/missing.h print/output-dir.c print/output-dir.h print/output-ipp.c print/output-ipp.h print/page.c print/page.h \
    print/press.c print/press.h \
    print/picture.c print/picture.h print/render.c print/render.h print/render-field.c print/render-field.h \
    print/render-look.c print/render-look.h \
    print/settings.c print/settings.h print/station.c print/station-files.c print/station-keys.c print/station-private.h print/station.h print/texts.c print/texts.h \
    print/trust.c print/trust.h
print_libprint_la_CPPFLAGS = $(AM_CPPFLAGS) -DPRINT_STATE_DIR='"$(localstatedir)/lib/portal-print"'
print_libprint_la_CFLAGS = $(AM_CFLAGS) $(SODIUM_CFLAGS) $(SQLITE_CFLAGS) $(JANSSON_CFLAGS) $(PANGO_CFLAGS) $(QRENCODE_CFLAGS) $(GNUTLS_CFLAGS)
print_libprint_la_LIBADD = common/libcommon.la $(SODIUM_LIBS) $(SQLITE_LIBS) $(JANSSON_LIBS) $(PANGO_LIBS) $(QRENCODE_LIBS) $(CUPS_LIBS) $(GNUTLS_LIBS) -lm

print_portal_print_SOURCES = print/main.c
print_portal_print_CFLAGS = $(AM_CFLAGS) $(SODIUM_CFLAGS) $(JANSSON_CFLAGS) -fPIE
print_portal_print_LDFLAGS = $(AM_LDFLAGS) -pie
print_portal_print_LDADD = print/libprint.la

