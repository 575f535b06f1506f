# German texts of portald and portal-web. Each language is a domain of its own in the locale C, so that threads can speak
# several at once (common/texts.h). `make update-po` takes new originals over into de.po.
EXTRA_DIST += po/de.po po/templates.awk
cataloguedir = $(localedir)/C/LC_MESSAGES
nodist_catalogue_DATA = po/C/LC_MESSAGES/portal-de.mo
CLEANFILES += $(nodist_catalogue_DATA)

po/C/LC_MESSAGES/portal-de.mo: po/de.po
	$(AM_V_GEN)$(MKDIR_P) po/C/LC_MESSAGES && $(MSGFMT) --check -o $@ $(top_srcdir)/po/de.po

.PHONY: update-po portal.pot
portal.pot:
	cd $(top_srcdir) && $(AWK) -f po/templates.awk config/web/*.html | \
	    xgettext --language=C --from-code=UTF-8 --keyword=N_ --no-location -o '$(abs_builddir)/$@' \
	    portald/*.c common/*.c web/*.c -
CLEANFILES += portal.pot

update-po: portal.pot
	msgmerge --update --backup=none --no-fuzzy-matching $(top_srcdir)/po/de.po portal.pot
