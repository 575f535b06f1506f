# The schema in both its forms, and what a directory needs besides.
schemadir = $(pkgdatadir)/schema
dist_schema_DATA = schema/portal.schema config/slapd/config.ldif.in config/slapd/private.ldif.in \
    config/slapd/tree.ldif.in config/slapd/replication.ldif.in config/slapd/merge.awk
dist_schema_SCRIPTS = schema/portal-directory
nodist_schema_DATA = schema/portal.ldif
EXTRA_DIST += schema/schema-to-ldif.awk
CLEANFILES += schema/portal.ldif

schema/portal.ldif: schema/portal.schema schema/schema-to-ldif.awk
	$(AM_V_GEN)$(MKDIR_P) schema && $(AWK) -v name=portal \
	    -f $(srcdir)/schema/schema-to-ldif.awk $(srcdir)/schema/portal.schema > $@.new && mv $@.new $@
