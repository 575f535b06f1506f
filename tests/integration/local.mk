# The sandbox and the tests that stand on it. They run on a build, not in one: ./run-tests.
EXTRA_DIST += tests/sandbox tests/sandboxlib tests/integration tests/pam-scripts

dist-hook:
	find '$(distdir)' -name __pycache__ -prune -exec rm -rf '{}' +
