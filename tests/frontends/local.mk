# Real daemons with pam_portal.so in them; like the integration tests they run on a build.
EXTRA_DIST += tests/frontends doc/frontends.md
