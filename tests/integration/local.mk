# The sandbox and the tests that stand on it. They run on a build, not in one: ./run-tests.
EXTRA_DIST += tests/sandbox tests/sandboxlib tests/inbox tests/integration tests/pam-scripts

# Directories that are distributed whole come with what was built in them.
dist-hook:
	find '$(distdir)' '(' -name __pycache__ -o -name .deps -o -name .libs ')' -prune -exec rm -rf '{}' +
	find '$(distdir)' '(' -name '*.o' -o -name .dirstamp ')' -exec rm -f '{}' +
	cd '$(distdir)' && rm -f $(noinst_PROGRAMS)
