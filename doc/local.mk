# Man pages are installed; the guides beside them are for reading in the tree, and on the web.
dist_man_MANS += doc/pam_portal.8 doc/portald.8 doc/portal-schema.5 doc/portald.conf.5 doc/portal-mailer.8 doc/portal-print.8 \
    doc/portalctl.8 doc/portal-web.8 doc/web.conf.5
EXTRA_DIST += doc/architecture.md doc/directory.md doc/frontends.md doc/installing.md doc/mail.md doc/letters.md doc/security.md doc/performance.md .ci/run
