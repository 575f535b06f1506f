# German texts of portald. Each language is a domain of its own in the locale C, so that threads can speak
# several at once (common/texts.h). `make update-po` takes new originals over into de.po.
EXTRA_DIST += po/de.po
cataloguedir = $(localedir)/C/LC_MESSAGES
nodist_catalogue_DATA = po/C/LC_MESSAGES/portal-de.mo
CLEANFILES += $(nodist_catalogue_DATA)

po/C/LC_MESSAGES/portal-de.mo: po/de.po
	$(AM_V_GEN)$(MKDIR_P) po/C/LC_MESSAGES && $(MSGFMT) --check -o $@ $(top_srcdir)/po/de.po

.PHONY: update-po
update-po:
	cd $(top_srcdir) && xgettext --from-code=UTF-8 --keyword=N_ --no-location -o po/portal.pot portald/*.c common/*.c web/*.c && \
	    msgmerge --update --backup=none --no-fuzzy-matching po/de.po po/portal.pot && rm po/portal.pot
