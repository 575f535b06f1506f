"""The base itself: what a test changes in its host shows inside, and nowhere else."""

import os
import pwd
from pathlib import Path

from host import PRIVATE


def test_what_a_test_writes_shows_inside_only(host):
    host.write("/etc/portal-only-inside", "here\n")
    assert host.run("cat", "/etc/portal-only-inside").stdout == "here\n"
    assert not Path("/etc/portal-only-inside").exists()


def test_nothing_is_mounted_outside(host):
    mounts = Path("/proc/self/mountinfo").read_text(encoding="utf-8")
    assert str(host.dir) not in mounts
    inside = host.run("cat", "/proc/self/mountinfo").stdout
    for name in PRIVATE:
        assert f" {name} " in inside


def test_customers_resolve_by_their_address_inside_only(host):
    host.know("somebody@example.org")
    assert "/home/somebody@example.org" in host.run("getent", "passwd", "somebody@example.org").stdout
    assert "somebody@example.org" not in [entry.pw_name for entry in pwd.getpwall()]


def test_another_user_reaches_api_sock_and_no_secret(host):
    box = host.box
    command = "import socket, sys; socket.socket(socket.AF_UNIX).connect(sys.argv[1])"

    def connects(name):
        path = os.path.join(box["PORTAL_SOCKET_DIR"], name)
        return host.run("setpriv", "--reuid=www-data", "--regid=www-data", "--clear-groups",
                        "/usr/bin/python3", "-c", command, path).returncode == 0

    assert connects("api.sock")
    assert not connects("account.sock")
    assert not connects("control.sock")
    assert not connects("support.sock")
    for name in ("PORTAL_MAIL_DIR", "PORTAL_LETTER_DIR"):
        assert host.run("setpriv", "--reuid=www-data", "--regid=www-data", "--clear-groups", "ls",
                        box[name]).returncode != 0
