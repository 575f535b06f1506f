"""Attacks on portal-web that once worked, or nearly did. Each is made here as its attacker would make it."""

import contextlib
import re
import socket
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
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


def plain(text, ports):
    """The shipped configuration without TLS, on these ports of loopback."""
    text = re.sub(r"^    (ssl_|listen \[).*\n", "", text, flags=re.M)
    return LISTENS.sub(lambda found: f"    listen 127.0.0.1:{ports[found[1] == '80']};", text)


@contextlib.contextmanager
def nginx(place, upstream, ports, **shipped):
    """nginx as it is shipped, but for TLS and what files say is at other places: {name: what is replaced}."""
    for name, pairs in shipped.items():
        text = plain((SOURCE / f"config/nginx/{name.split('__')[0].replace('_', '-')}.conf").read_text(encoding="utf-8"), ports)
        for theirs, ours in {"unix:/run/portal-web/http.sock": upstream, **pairs}.items():
            text = text.replace(theirs, ours)
        (place / f"{name}.conf").write_text(text, encoding="utf-8")
    kinds = "".join(f"{kind}_temp_path {place}/{kind}; " for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    files = "".join(f"include {place}/{name}.conf; " for name in shipped)
    (place / "nginx.conf").write_text(
        f"daemon off; pid {place}/pid; error_log {place}/error.log; events {{}}\n"
        f"http {{ access_log {place}/access.log; {kinds} {files} }}\n", encoding="utf-8")
    process = subprocess.Popen(["/usr/sbin/nginx", "-c", place / "nginx.conf", "-e", place / "error.log"])
    try:
        wait_for(lambda: answers(f"http://127.0.0.1:{ports[1]}"), what="nginx")
        yield
    finally:
        process.terminate()
        process.wait(30)


@pytest.fixture(name="proxy")
def proxy_fixture(tmp_path):
    """In front of a portal-web that isn't there: its two addresses, and its logs."""
    ports = free_ports(2)

    def logs():
        return "".join(path.read_text(encoding="utf-8") for path in tmp_path.glob("*.log"))
    with nginx(tmp_path, f"unix:{tmp_path}/http.sock", ports, portal={}):
        yield f"http://127.0.0.1:{ports[0]}", f"http://127.0.0.1:{ports[1]}", logs


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


# Forward auth: a login at one application is none at another.

ONE, OTHER = "one.example.org", "other.example.org"
THEIRS = "vertrag.versicherung.example"


class Application(BaseHTTPRequestHandler):
    def do_GET(self):
        body = f"Remote-User is {self.headers['Remote-User']}".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture(name="applications")
def applications_fixture(sandbox, tmp_path):
    """The portal and two applications behind nginx: the portal's address, and the applications' hosts with their port."""
    ports = free_ports(2)
    hosts = [f"{name}:{ports[0]}" for name in (ONE, OTHER)]
    conf, web = tmp_path / "template.conf", tmp_path / "web"
    web.mkdir(mode=0o700)
    text = Path(sandbox.env["PORTAL_WEB_CONF"]).read_text(encoding="utf-8")
    conf.write_text(text.replace("[site]\n", f"[site]\nhosts = {' '.join(hosts)}\n"), encoding="utf-8")
    application = ThreadingHTTPServer(("127.0.0.1", 0), Application)
    threading.Thread(target=application.serve_forever).start()

    class Other:
        env = {**sandbox.env, "PORTAL_WEB_CONF": str(conf)}
    portal = Strict(Other, web)
    backend = {"127.0.0.1:9000": f"127.0.0.1:{application.server_port}"}
    try:
        with nginx(tmp_path, portal.site.removeprefix("http://"), ports, portal={},
                   forward_auth__one={THEIRS: ONE, **backend}, forward_auth__other={THEIRS: OTHER, **backend}):
            yield portal.site, f"http://127.0.0.1:{ports[0]}", hosts
    finally:
        portal.stop()
        application.shutdown()
        application.server_close()


def test_a_login_at_one_application_opens_no_other(world, applications):
    """An application sees its visitors' cookies. With a request whose line and Host name two hosts it would get in
    wherever else they may."""
    portal, front, (one, other) = applications
    client, browser = logged_in(world, portal), Client(front)

    def goes_round():
        """A code of the second in which portal-web started isn't taken."""
        browser.cookies.clear()
        wanted = browser.get("/auth/callback?to=/", Host=one).header("Location")
        code = client.get("/" + wanted.split("/", 3)[3]).header("Location")
        return browser.get("/" + code.split("/", 3)[3], Host=one).header("Location") == "/"
    wait_for(goes_round, what="a login at the application")
    assert "Remote-User is c-" in browser.get("/", Host=one).text
    assert browser.get("/", Host=other).status in (303, 401)
    for target, host in ((f"http://{other}/", one), (f"http://{one}/", other)):
        answer = browser.get(target, Host=host)
        assert ("Remote-User is c-" in answer.text) == (target == f"http://{one}/"), (target, host)


# Requests in requests: where a body ends.

HIDDEN = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
DOUBTFUL = (b"Content-Length: 0\r\nContent-Length: %d\r\n\r\n" % len(HIDDEN),
            b"Content-Length: %d\r\nContent-Length: 0\r\n\r\n" % len(HIDDEN),
            b"Content-Length: %d\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" % (len(HIDDEN) + 5),
            b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n")


@pytest.mark.parametrize("lines", DOUBTFUL, ids=("none or some", "some or none", "chunked at last", "chunked at first"))
def test_what_a_proxy_may_take_for_a_body_is_no_request(site, lines):
    with Connection(site) as connection:
        connection.send(b"POST /login HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n" + lines + HIDDEN)
        assert connection.answer().status == 400
        assert connection.is_closed(10)
        assert b"ok" not in connection.data
