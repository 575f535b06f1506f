# Man pages are installed; the guides beside them are for reading in the tree, and on the web.
dist_man_MANS += doc/portalctl.8
EXTRA_DIST += doc/architecture.md tests/packages tests/install-packages tests/build tests/sum-up .ci/run
