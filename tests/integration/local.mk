# The sandbox and the tests that stand on it. They run on a build, not in one: ./run-tests.
EXTRA_DIST += tests/sandbox tests/sandboxlib/__init__.py tests/sandboxlib/box.py \
    tests/sandboxlib/customers.py tests/sandboxlib/layout.py tests/sandboxlib/process.py \
    tests/sandboxlib/settings.py tests/sandboxlib/sink.py tests/sandboxlib/slapd.py \
    tests/integration/conftest.py tests/integration/ldap_client.py \
    tests/integration/test_access.py tests/integration/test_overlays.py \
    tests/integration/test_sandbox.py tests/integration/test_schema.py
