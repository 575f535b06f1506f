"""Attacks on portal-web that once worked, or nearly did. Each is made here as its attacker would make it."""

import re
from pathlib import Path

import pytest

from customer import PASSWORD, wait_for, with_password
from raw_http import Client, Connection
from test_requests import Strict, strict  # noqa: F401 (a fixture)


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


def try_from(site, forwarded):
    """A form that is refused, but counted, with these lines of X-Forwarded-For: its status."""
    lines = "".join(f"X-Forwarded-For: {line}\r\n" for line in forwarded)
    with Connection(site) as connection:
        connection.send(f"POST /login HTTP/1.1\r\nHost: {connection.host}\r\nContent-Length: 0\r\n{lines}"
                        "Content-Type: application/x-www-form-urlencoded\r\n\r\n".encode())
        return connection.answer().status


@pytest.mark.parametrize("invented", ["203.0.113.1", "a\tb", "203.0.113.1, " * 400],
                         ids=["another address", "no address", "too long a line"])
def test_invented_line_in_front_of_the_proxys_hides_nobody(strict, invented):
    """A proxy may add a line of its own instead of going on in the client's."""
    site = strict(posts_per_client=5)
    assert [try_from(site, (invented, "198.51.100.7")) for _ in range(6)] == [403] * 5 + [429]
    assert try_from(site, ("198.51.100.7",)) == 429
    assert try_from(site, (invented, "198.51.100.8")) == 403


def test_invented_addresses_to_the_left_hide_nobody_however_many(strict):
    site = strict(posts_per_client=5)
    long = "203.0.113.1, " * 400 + "198.51.100.7"
    assert [try_from(site, (long,)) for _ in range(6)] == [403] * 5 + [429]
    assert try_from(site, ("198.51.100.7",)) == 429
    assert try_from(site, ("198.51.100.8",)) == 403
