# Configuration and mail templates. What an operator may have changed is never overwritten.
PORTAL_CONF = config/portald.conf config/mailer.conf config/print.conf config/web.conf \
    config/letters/de.txt config/letters/en.txt \
    config/passwords/de.txt config/passwords/en.txt \
    config/templates/de/frame.txt config/templates/de/frame.html \
    config/templates/de/confirm.subject config/templates/de/confirm.txt config/templates/de/confirm.html \
    config/templates/de/in-use.subject config/templates/de/in-use.txt config/templates/de/in-use.html \
    config/templates/de/registered.subject config/templates/de/registered.txt config/templates/de/registered.html \
    config/templates/de/code.subject config/templates/de/code.txt config/templates/de/code.html \
    config/templates/de/password-set.subject config/templates/de/password-set.txt config/templates/de/password-set.html \
    config/templates/de/password-changed.subject config/templates/de/password-changed.txt config/templates/de/password-changed.html \
    config/templates/de/totp-on.subject config/templates/de/totp-on.txt config/templates/de/totp-on.html \
    config/templates/de/totp-off.subject config/templates/de/totp-off.txt config/templates/de/totp-off.html \
    config/templates/de/puk-used.subject config/templates/de/puk-used.txt config/templates/de/puk-used.html \
    config/templates/de/puk-void.subject config/templates/de/puk-void.txt config/templates/de/puk-void.html \
    config/templates/de/mail-changed.subject config/templates/de/mail-changed.txt config/templates/de/mail-changed.html \
    config/templates/de/mail-new.subject config/templates/de/mail-new.txt config/templates/de/mail-new.html \
    config/templates/de/mail-confirm.subject config/templates/de/mail-confirm.txt config/templates/de/mail-confirm.html \
    config/templates/de/mail-moved.subject config/templates/de/mail-moved.txt config/templates/de/mail-moved.html \
    config/templates/de/mail-back.subject config/templates/de/mail-back.txt config/templates/de/mail-back.html \
    config/templates/de/mail-undone.subject config/templates/de/mail-undone.txt config/templates/de/mail-undone.html \
    config/templates/de/restarted.subject config/templates/de/restarted.txt config/templates/de/restarted.html \
    config/templates/de/letter-new.subject config/templates/de/letter-new.txt config/templates/de/letter-new.html \
    config/templates/de/letter-valid.subject config/templates/de/letter-valid.txt config/templates/de/letter-valid.html \
    config/templates/de/letter-refused.subject config/templates/de/letter-refused.txt config/templates/de/letter-refused.html \
    config/templates/de/has-password.subject config/templates/de/has-password.txt config/templates/de/has-password.html \
    config/templates/de/letter-address.subject config/templates/de/letter-address.txt config/templates/de/letter-address.html \
    config/templates/de/letter-posted.subject config/templates/de/letter-posted.txt config/templates/de/letter-posted.html \
    config/templates/de/letter-returned.subject config/templates/de/letter-returned.txt config/templates/de/letter-returned.html \
    config/templates/de/password-expires.subject config/templates/de/password-expires.txt config/templates/de/password-expires.html \
    config/templates/en/frame.txt config/templates/en/frame.html \
    config/templates/en/confirm.subject config/templates/en/confirm.txt config/templates/en/confirm.html \
    config/templates/en/in-use.subject config/templates/en/in-use.txt config/templates/en/in-use.html \
    config/templates/en/registered.subject config/templates/en/registered.txt config/templates/en/registered.html \
    config/templates/en/code.subject config/templates/en/code.txt config/templates/en/code.html \
    config/templates/en/password-set.subject config/templates/en/password-set.txt config/templates/en/password-set.html \
    config/templates/en/password-changed.subject config/templates/en/password-changed.txt config/templates/en/password-changed.html \
    config/templates/en/totp-on.subject config/templates/en/totp-on.txt config/templates/en/totp-on.html \
    config/templates/en/totp-off.subject config/templates/en/totp-off.txt config/templates/en/totp-off.html \
    config/templates/en/puk-used.subject config/templates/en/puk-used.txt config/templates/en/puk-used.html \
    config/templates/en/puk-void.subject config/templates/en/puk-void.txt config/templates/en/puk-void.html \
    config/templates/en/mail-changed.subject config/templates/en/mail-changed.txt config/templates/en/mail-changed.html \
    config/templates/en/mail-new.subject config/templates/en/mail-new.txt config/templates/en/mail-new.html \
    config/templates/en/mail-confirm.subject config/templates/en/mail-confirm.txt config/templates/en/mail-confirm.html \
    config/templates/en/mail-moved.subject config/templates/en/mail-moved.txt config/templates/en/mail-moved.html \
    config/templates/en/mail-back.subject config/templates/en/mail-back.txt config/templates/en/mail-back.html \
    config/templates/en/mail-undone.subject config/templates/en/mail-undone.txt config/templates/en/mail-undone.html \
    config/templates/en/restarted.subject config/templates/en/restarted.txt config/templates/en/restarted.html \
    config/templates/en/letter-new.subject config/templates/en/letter-new.txt config/templates/en/letter-new.html \
    config/templates/en/letter-valid.subject config/templates/en/letter-valid.txt config/templates/en/letter-valid.html \
    config/templates/en/letter-refused.subject config/templates/en/letter-refused.txt config/templates/en/letter-refused.html \
    config/templates/en/has-password.subject config/templates/en/has-password.txt config/templates/en/has-password.html \
    config/templates/en/letter-address.subject config/templates/en/letter-address.txt config/templates/en/letter-address.html \
    config/templates/en/letter-posted.subject config/templates/en/letter-posted.txt config/templates/en/letter-posted.html \
    config/templates/en/letter-returned.subject config/templates/en/letter-returned.txt config/templates/en/letter-returned.html \
    config/templates/en/password-expires.subject config/templates/en/password-expires.txt config/templates/en/password-expires.html
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

# portal-web's pages, all of the directory. Who wants others copies it and says so in web.conf.
EXTRA_DIST += config/web
install-data-local: install-web-pages
install-web-pages:
	$(MKDIR_P) '$(DESTDIR)$(pkgdatadir)/web'
	$(INSTALL_DATA) '$(srcdir)'/config/web/* '$(DESTDIR)$(pkgdatadir)/web'

uninstall-local: uninstall-web-pages
uninstall-web-pages:
	@for f in '$(srcdir)'/config/web/*; do \
	    rm -f "$(DESTDIR)$(pkgdatadir)/web/$${f##*/}"; \
	done
.PHONY: install-web-pages uninstall-web-pages

# PAM services to copy from; which one fits is in pam_portal(8).
pamexampledir = $(docdir)/pam.d
dist_pamexample_DATA = config/pam.d/portal config/pam.d/portal-account config/pam.d/portal-enroll \
    config/pam.d/portal-mail config/pam.d/portal-mixed config/pam.d/portal-pwquality \
    config/pam.d/portal-recover config/pam.d/portal-web

# Reverse proxies: examples to copy from; web.conf(5) says how portal-web believes them.
nginxexampledir = $(docdir)/nginx
dist_nginxexample_DATA = config/nginx/portal.conf config/nginx/forward-auth.conf
caddyexampledir = $(docdir)/caddy
dist_caddyexample_DATA = config/caddy/Caddyfile
traefikexampledir = $(docdir)/traefik
dist_traefikexample_DATA = config/traefik/dynamic.yml
