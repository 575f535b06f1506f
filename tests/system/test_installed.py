"""Portal installed on a fresh Debian 12 under its own systemd: inside.py says what is checked there."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
SOURCE = HERE.parents[1]
sys.path.insert(0, str(HERE))
sys.path.insert(0, str(SOURCE / "tests"))
sys.path.append(str(SOURCE / "tests" / "integration"))

import inside  # noqa: E402
from machine import ROOT_PASSWORD, Machine, Unavailable  # noqa: E402

# As it is released: installed where a package would, without a clock that can be moved.
BUILD = Path(os.environ.get("PORTAL_BUILDDIR", SOURCE / "build")) / "installed"
OPTIONS = ("--prefix=/usr", "--sysconfdir=/etc", "--localstatedir=/var", "--enable-werror")


def install(root):
    subprocess.run([SOURCE / "tests" / "build", BUILD, *OPTIONS], check=True)
    subprocess.run(["make", "-s", "-C", BUILD, "install", f"DESTDIR={root}"], check=True, capture_output=True)
    home = root / "root"
    for path in (HERE / "inside.py", SOURCE / "tests/journey.py", SOURCE / "tests/web_journey.py",
                 SOURCE / "tests/nojs_browser.py", SOURCE / "tests/integration/otp.py",
                 SOURCE / "tests/integration/cups_server.py", SOURCE / "doc/letters.md", SOURCE / "doc/directory.md",
                 SOURCE / "tests/sandboxlib/sink.py", SOURCE / "doc/installing.md"):
        shutil.copy(path, home)
    # Applications run it, too, and they don't see /root.
    shutil.copy(BUILD / "tests/pam-login", root / "usr/local/bin/pam-login")
    rootpw = home / "rootpw"
    rootpw.write_text(ROOT_PASSWORD)
    rootpw.chmod(0o600)


@pytest.fixture(scope="module")
def outcomes():
    """The outcome of each check by its name, from one boot."""
    try:
        with Machine() as machine:
            install(machine.root)
            console = machine.boot("/usr/bin/python3 -B /root/inside.py")
            lines = (machine.root / "out" / "results").read_text(encoding="utf-8").splitlines()
    except Unavailable as reason:
        pytest.skip(str(reason))
    print(console)
    found = {}
    for line in lines:
        outcome, _, rest = line.partition(" ")
        name, _, why = rest.partition(": ")
        found[name] = None if outcome == "ok" else why
    return found


@pytest.mark.parametrize("name", inside.CHECKS)
def test_on_a_fresh_machine(outcomes, name):
    why = outcomes.get(name, "it was never reached")
    if why is not None:
        pytest.fail(why, pytrace=False)
