# Configuration and mail templates. What an operator may have changed is never overwritten.
PORTAL_CONF = config/portald.conf config/mailer.conf config/print.conf \
    config/letters/de.txt config/letters/en.txt \
    config/templates/de/frame.txt config/templates/de/frame.html \
    config/templates/de/confirm.subject config/templates/de/confirm.txt config/templates/de/confirm.html \
    config/templates/de/in-use.subject config/templates/de/in-use.txt config/templates/de/in-use.html \
    config/templates/de/registered.subject config/templates/de/registered.txt \
    config/templates/de/registered.html \
    config/templates/en/frame.txt config/templates/en/frame.html \
    config/templates/en/confirm.subject config/templates/en/confirm.txt config/templates/en/confirm.html \
    config/templates/en/in-use.subject config/templates/en/in-use.txt config/templates/en/in-use.html \
    config/templates/en/registered.subject config/templates/en/registered.txt \
    config/templates/en/registered.html
EXTRA_DIST += $(PORTAL_CONF)

install-data-local: install-portal-conf
install-portal-conf:
	@for f in $(PORTAL_CONF); do \
	    to="$(DESTDIR)$(portalconfdir)/$${f#config/}"; \
	    test -e "$$to" && continue; \
	    $(MKDIR_P) "$${to%/*}" && $(INSTALL_DATA) "$(srcdir)/$$f" "$$to" || exit 1; \
	done

uninstall-local: uninstall-portal-conf
uninstall-portal-conf:
	@for f in $(PORTAL_CONF); do \
	    to="$(DESTDIR)$(portalconfdir)/$${f#config/}"; \
	    cmp -s "$(srcdir)/$$f" "$$to" && rm -f "$$to"; \
	done; true
.PHONY: install-portal-conf uninstall-portal-conf

# PAM services to copy from; which one fits is in pam_portal(8).
pamexampledir = $(docdir)/pam.d
dist_pamexample_DATA = config/pam.d/portal config/pam.d/portal-account config/pam.d/portal-mail config/pam.d/portal-mixed \
    config/pam.d/portal-web
