"""What portal-web's tests stand on: one sandbox, one Chromium and one validator for all of them.

    def test_x(world, portal):
        p = portal(language="en", javascript=False, width=320)    a visitor of the test's own (tests/chromium/browser.py)
        p.log_in(name, password)                                  what people do on the portal's pages (pages.py)

After each test its visitors are looked at: whatever Chromium complained of (console, Content-Security-Policy, its own
audit) fails the test, and so does a request to another host. What a test provokes it takes out of tab.problems.
PORTAL_WEB_URL in the environment points them all at a portal-web that runs already; PORTAL_PICTURES=DIR keeps
pictures of pages there."""

import os
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / "integration"), str(TESTS / "chromium")]

from browser import Chromium  # noqa: E402
from customer import World  # noqa: E402
from pages import Portal  # noqa: E402
from sandbox import Sandbox  # noqa: E402
from validator import Validator  # noqa: E402

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


@pytest.fixture
def fresh_world():
    """One of a test's own, whose clock it may move."""
    box = Sandbox()
    yield World(box)
    box.close()


@pytest.fixture(scope="session")
def site(request):
    """Where portal-web is, without a slash at the end."""
    address = os.environ.get("PORTAL_WEB_URL") or request.getfixturevalue("sandbox").env["PORTAL_WEB_URL"]
    return address.rstrip("/")


@pytest.fixture(scope="session")
def chromium(tmp_path_factory):
    made = Chromium(tmp_path_factory.mktemp("chromium"))
    yield made
    made.close()


@pytest.fixture(scope="session")
def validator(tmp_path_factory):
    made = Validator(tmp_path_factory.mktemp("validator"))
    yield made
    made.close()


def complaints(visitor):
    """What is wrong whatever a test is about."""
    hosts = {"127.0.0.1", "localhost", None}
    strangers = [url for tab in visitor.tabs for url in tab.requests
                 if not url.startswith(("data:", "about:", "chrome"))
                 and urlsplit(url).hostname not in hosts and not urlsplit(url).hostname.endswith(".example.org")]
    return visitor.problems + [f"a request to another host: {url}" for url in strangers]


@pytest.fixture
def visitor(chromium):
    """Makes visitors: visitor(language=…, javascript=…, width=…, scheme=…). They go with the test."""
    made = []

    def make(**more):
        made.append(chromium.visitor(**more))
        return made[-1]
    yield make
    found = [problem for one in made for problem in complaints(one)]
    for one in made:
        one.close()
    assert not found, "\n".join(found)


@pytest.fixture
def visit(visitor):
    """The one tab of a new visitor; more come with tab.visitor.tab()."""
    return lambda **more: visitor(**more).tab()


@pytest.fixture
def portal(visit, site):
    """A new visitor of the portal: portal(language=…, javascript=…, width=…, scheme=…)."""
    return lambda **more: Portal(visit(**more), site)
