"""Attacks on portal-web that once worked, or nearly did. Each is made here as its attacker would make it."""

import re
from pathlib import Path

import pytest

from customer import PASSWORD, wait_for, with_password
from raw_http import Client, get
from test_requests import Strict


class Beside:
    """A portal-web of the test's own whose way to the sandbox's portald can be cut and mended."""

    def __init__(self, sandbox, place, **settings):
        self.real, self.run = Path(sandbox.env["PORTAL_SOCKET_DIR"]) / "web.sock", place / "run"
        self.run.mkdir(mode=0o755)
        self.mend()
        conf = place / "template.conf"
        text = Path(sandbox.env["PORTAL_WEB_CONF"]).read_text(encoding="utf-8")
        conf.write_text(re.sub(r"socket_dir = .*", f"socket_dir = {self.run}", text), encoding="utf-8")
        self.env = {**sandbox.env, "PORTAL_WEB_CONF": str(conf)}
        self.web = Strict(self, place, **settings)
        self.site = self.web.site

    def cut(self):
        (self.run / "web.sock").unlink()

    def mend(self):
        (self.run / "web.sock").symlink_to(self.real)


@pytest.fixture(name="beside")
def beside_fixture(sandbox, tmp_path):
    tmp_path.chmod(0o755)
    made = Beside(sandbox, tmp_path)
    yield made
    made.web.stop()


def logged_in(world, site):
    c, client = with_password(world), Client(site)
    client.get("/login")
    assert client.post("/login", {"mail": c.mail, "password": PASSWORD}).status == 303
    return client


def test_logging_out_works_while_portald_is_away(world, beside):
    """Nobody is told that they are logged out who isn't, and the button does it without asking anybody."""
    client = logged_in(world, beside.site)
    assert client.get("/account").status == 200
    beside.cut()
    wait_for(lambda: client.get("/account").status == 503, what="portald's absence")
    kept = dict(client.cookies)
    assert 'action="/logout"' in client.get("/logout").text
    assert client.post("/logout", {}).status == 303
    beside.mend()
    client.cookies = kept
    assert client.get("/account").header("Location").startswith("/login?")
