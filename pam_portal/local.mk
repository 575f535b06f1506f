# The PAM module: libpam and libc, and libwire, which is libc only.
pam_LTLIBRARIES = pam_portal/pam_portal.la

pam_portal_pam_portal_la_SOURCES = pam_portal/module.c pam_portal/steps.h \
    pam_portal/account.c pam_portal/admit.c pam_portal/admit.h pam_portal/authenticate.c \
    pam_portal/converse.c pam_portal/converse.h pam_portal/enroll.c pam_portal/enroll.h \
    pam_portal/exchange.c pam_portal/exchange.h pam_portal/factors.c pam_portal/factors.h \
    pam_portal/newpassword.c pam_portal/newpassword.h pam_portal/options.c pam_portal/options.h \
    pam_portal/password.c pam_portal/recover.c pam_portal/recover.h pam_portal/texts.c pam_portal/texts.h pam_portal/ticket.c pam_portal/ticket.h \
    pam_portal/transaction.c pam_portal/transaction.h pam_portal/utf8.c pam_portal/utf8.h \
    pam_portal/verdict.c pam_portal/verdict.h
pam_portal_pam_portal_la_LDFLAGS = $(AM_LDFLAGS) -module -avoid-version -shared \
    -Wl,--version-script=$(srcdir)/pam_portal/pam_portal.map
pam_portal_pam_portal_la_LIBADD = common/libwire.la -lpam
EXTRA_pam_portal_pam_portal_la_DEPENDENCIES = pam_portal/pam_portal.map
EXTRA_DIST += pam_portal/pam_portal.map

# libpam opens the file by its name; nobody links it, so nobody needs libtool's description of it.
install-data-hook: install-pam-alone
install-pam-alone:
	rm -f '$(DESTDIR)$(pamdir)/pam_portal.la'
uninstall-local: uninstall-pam
uninstall-pam:
	rm -f '$(DESTDIR)$(pamdir)/pam_portal.so'
.PHONY: install-pam-alone uninstall-pam
