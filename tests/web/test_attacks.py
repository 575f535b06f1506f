"""Attacks on portal-web that once worked, or nearly did. Each is made here as its attacker would make it."""

import re
import socket
import subprocess
from pathlib import Path

import pytest

from customer import PASSWORD, wait_for, with_password
from raw_http import Client, Connection, get
from sandbox import SOURCE
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


# One for the site, one for those who come by http.
LISTENS = re.compile(r"^    listen (80|443)( ssl http2)?;$", re.M)
SECRETS = ("/confirm/" + "x" * 43, "/not-me/ABCD-EFGH-JKMN-PQRS-TVWX-YZ0123")


def free_ports(count):
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in held]
    for one in held:
        one.close()
    return ports


@pytest.fixture(name="proxy")
def proxy_fixture(tmp_path):
    """nginx as it is shipped, but for TLS, in front of a portal-web that isn't there: its two addresses, and its logs."""
    ports = free_ports(2)
    text = (SOURCE / "config/nginx/portal.conf").read_text(encoding="utf-8")
    text = re.sub(r"^    (ssl_|listen \[).*\n", "", text, flags=re.M)
    text = LISTENS.sub(lambda found: f"    listen 127.0.0.1:{ports[found[1] == '80']};", text)
    text = text.replace("/run/portal-web/http.sock", f"{tmp_path}/http.sock")
    (tmp_path / "portal.conf").write_text(text, encoding="utf-8")
    kinds = "".join(f"{kind}_temp_path {tmp_path}/{kind}; " for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    (tmp_path / "nginx.conf").write_text(
        f"daemon off; pid {tmp_path}/pid; error_log {tmp_path}/error.log; events {{}}\n"
        f"http {{ access_log {tmp_path}/access.log; {kinds} include {tmp_path}/portal.conf; }}\n", encoding="utf-8")
    process = subprocess.Popen(["/usr/sbin/nginx", "-c", tmp_path / "nginx.conf", "-e", tmp_path / "error.log"])

    def logs():
        return "".join(path.read_text(encoding="utf-8") for path in tmp_path.glob("*.log"))
    sites = [f"http://127.0.0.1:{port}" for port in ports]
    try:
        wait_for(lambda: answers(sites[1]), what="nginx")
        yield sites[0], sites[1], logs
    finally:
        process.terminate()
        process.wait(30)


def answers(site):
    try:
        return get(site, "/")
    except ConnectionRefusedError:
        return None


def test_secrets_in_paths_are_in_no_log_of_nginx_even_when_it_fails(proxy):
    site, plain, logs = proxy
    for path in SECRETS:
        assert get(site, path).status == 502
        assert get(plain, path).status == 301
    assert get(site, "/login").status == 502
    wait_for(lambda: "/login" in logs(), what="nginx's own word of it")
    assert not [path for path in SECRETS if path in logs()]
