# portal-web in a real browser; like the integration tests they run on a build.
EXTRA_DIST += tests/web tests/chromium
