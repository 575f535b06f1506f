# Units, users, directories, and the journal catalog. Paths in *.in are those given to configure.
SYSTEMD_UNITS = systemd/portal.target systemd/portald-api.socket systemd/portald-account.socket \
    systemd/portald-web.socket systemd/portald-print.socket systemd/portald-control.socket \
    systemd/portald-support.socket systemd/portal-mailer.socket systemd/portal-print.timer
SYSTEMD_UNITS_IN = systemd/portald.service.in systemd/portal-mailer@.service.in \
    systemd/portal-print.service.in systemd/portal-web.service.in systemd/portal-web.socket.in
SYSTEMD_UNITS_MADE = $(SYSTEMD_UNITS_IN:.in=)

dist_systemdsystemunit_DATA = $(SYSTEMD_UNITS)
nodist_systemdsystemunit_DATA = $(SYSTEMD_UNITS_MADE)
dist_catalog_DATA = systemd/portal.catalog
CLEANFILES += $(SYSTEMD_UNITS_MADE)
EXTRA_DIST += $(SYSTEMD_UNITS_IN) systemd/portal.sysusers systemd/portal.tmpfiles

$(SYSTEMD_UNITS_MADE): systemd/%: $(srcdir)/systemd/%.in Makefile
	$(AM_V_GEN)$(MKDIR_P) systemd && sed -e 's|@sbindir[@]|$(sbindir)|g' -e 's|@sysconfdir[@]|$(sysconfdir)|g' \
	    -e 's|@pkglibexecdir[@]|$(pkglibexecdir)|g' '$(srcdir)/systemd/$*.in' >$@.new && mv $@.new $@

# Both are called portal.conf where they are installed.
install-data-local: install-systemd-conf
install-systemd-conf:
	$(MKDIR_P) '$(DESTDIR)$(sysusersdir)' '$(DESTDIR)$(tmpfilesdir)'
	$(INSTALL_DATA) '$(srcdir)/systemd/portal.sysusers' '$(DESTDIR)$(sysusersdir)/portal.conf'
	$(INSTALL_DATA) '$(srcdir)/systemd/portal.tmpfiles' '$(DESTDIR)$(tmpfilesdir)/portal.conf'

uninstall-local: uninstall-systemd-conf
uninstall-systemd-conf:
	rm -f '$(DESTDIR)$(sysusersdir)/portal.conf' '$(DESTDIR)$(tmpfilesdir)/portal.conf'
.PHONY: install-systemd-conf uninstall-systemd-conf
