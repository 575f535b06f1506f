"""What the frontends' tests stand on: one sandbox with customers, and one host with daemons, for all of them."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "integration"))

from customer import World  # noqa: E402
from host import Host, Unavailable  # noqa: E402
from people import People  # noqa: E402
from sandbox import Sandbox  # noqa: E402

CUSTOMERS = "240"


@pytest.fixture(scope="session")
def sandbox():
    box = Sandbox("--customers", CUSTOMERS)
    yield box
    box.close()


@pytest.fixture(scope="session")
def world(sandbox):
    """The shared sandbox; its clock stays where it is."""
    return World(sandbox)


@pytest.fixture(scope="session")
def host(sandbox):
    try:
        made = Host(sandbox)
    except Unavailable as reason:
        pytest.skip(str(reason))
    yield made
    made.close()


@pytest.fixture(scope="session")
def people(world, host):
    """Hands out customers who have their letter, or a personal password."""
    return People(world, host)


@pytest.fixture
def fresh_world():
    """One of a test's own, whose clock it may move."""
    box = Sandbox()
    yield World(box)
    box.close()
