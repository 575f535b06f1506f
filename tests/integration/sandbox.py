"""A sandbox as a test has it: comes up when made, goes with close(). The way in is Sandbox()."""

import shlex
import shutil
import subprocess
import tempfile
from pathlib import Path

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
