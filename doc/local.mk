# Man pages are installed; the guides beside them are for reading in the tree, and on the web.
dist_man_MANS += doc/portalctl.8
EXTRA_DIST += doc/architecture.md .ci/run
