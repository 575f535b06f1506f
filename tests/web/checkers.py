"""axe-core and the Nu checker, where tests/web/fetch-checkers put them. The way in is package(NAME)."""

import functools
import os
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
SOURCE = HERE.parents[1]


@functools.cache
def _directory():
    build = Path(os.environ.get("PORTAL_BUILDDIR") or SOURCE / "build")
    directory = build / "checkers"
    done = subprocess.run([HERE / "fetch-checkers", directory], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return directory


def package(name):
    """Its directory; skips the test where it can't be had."""
    unavailable = _directory() / "unavailable"
    if unavailable.exists():
        pytest.skip(unavailable.read_text(encoding="utf-8").strip())
    return _directory() / "node_modules" / name
