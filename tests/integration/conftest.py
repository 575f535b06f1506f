"""What the integration tests stand on: sandboxes that come up for them and go with them."""

import os
import shlex
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from customer import World

SOURCE = Path(__file__).resolve().parents[2]
SANDBOX = SOURCE / "tests" / "sandbox"
# A socket's path is short: not below pytest's own long temporary directories.
PREFIX = "portal-test-"


class Sandbox:
    """A running sandbox: env is what DIR/env has, and verbs act on its processes."""

    def __init__(self, *options):
        self.parent = Path(tempfile.mkdtemp(prefix=PREFIX))
        self.dir = self.parent / "box"
        try:
            self._run("up", *options)
        except BaseException:
            shutil.rmtree(self.parent, ignore_errors=True)
            raise

    def _run(self, verb, *arguments):
        done = subprocess.run([SANDBOX, verb, self.dir, *arguments], text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        assert done.returncode == 0, f"tests/sandbox {verb}: {done.stdout}"

    @property
    def env(self):
        """Read anew each time: process ids change."""
        lines = (self.dir / "env").read_text(encoding="utf-8").splitlines()
        words = (shlex.split(line, comments=True) for line in lines)
        return dict(word[1].split("=", 1) for word in words if word)

    def __getitem__(self, name):
        return self.env[name]

    def start(self, name):
        self._run("start", name)

    def stop(self, name):
        self._run("stop", name)

    def restart(self, name):
        self._run("restart", name)

    def ctl(self, *arguments):
        """Runs portalctl and returns what became of it: returncode, stdout, stderr."""
        return subprocess.run([self["PORTAL_CTL"], *arguments], text=True, capture_output=True,
                              check=False)

    def close(self):
        try:
            self._run("down")
        finally:
            shutil.rmtree(self.parent, ignore_errors=True)


@pytest.fixture(scope="session")
def sandbox():
    """One for all tests that leave it as they found it, or use customers of their own."""
    box = Sandbox("--customers", "400")
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
