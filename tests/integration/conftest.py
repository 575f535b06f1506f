"""What the integration tests stand on: sandboxes that come up for them and go with them."""

import os
from pathlib import Path

import pytest

from customer import World
from sandbox import SOURCE, Sandbox


@pytest.fixture(scope="session")
def sandbox():
    """One for all tests that leave it as they found it, or use customers of their own."""
    box = Sandbox("--customers", "500")
    yield box
    box.close()


@pytest.fixture
def fresh_sandbox():
    """One for a test that kills, fills or moves the clock."""
    box = Sandbox()
    yield box
    box.close()


@pytest.fixture(scope="module")
def directory():
    """A private slapd with sample customers and nothing else; needs no build."""
    box = Sandbox("--only", "slapd")
    yield box
    box.close()


@pytest.fixture(scope="session")
def build_dir():
    return Path(os.environ.get("PORTAL_BUILDDIR") or SOURCE / "build")


@pytest.fixture(scope="session")
def world(sandbox):
    """The shared sandbox with customers to hand out; its clock stays where it is."""
    return World(sandbox)


@pytest.fixture
def fresh_world(fresh_sandbox):
    """One of a test's own, whose clock it may move."""
    return World(fresh_sandbox)
