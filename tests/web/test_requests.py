"""Requests that no browser sends: each is answered with a clear refusal or hung up on, and portal-web goes on."""

import os
import random
import re
import signal
import socket
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from raw_http import Client, Connection, get, post, request

BUILD = Path(os.environ.get("PORTAL_BUILDDIR") or Path(__file__).resolve().parents[2] / "build")
FORM = "application/x-www-form-urlencoded"
SECURITY = ("Content-Security-Policy", "X-Content-Type-Options", "Referrer-Policy", "Cache-Control")
ROUNDS = 400


@pytest.fixture(autouse=True)
def still_the_same_portal_web(sandbox, site):
    yield
    os.kill(int(sandbox.env["PORTAL_WEB_PID"]), 0)
    assert get(site, "/healthz").body == b"ok\n"


class Strict:
    """Another portal-web on the same portald, with limits that a test can reach."""

    def __init__(self, sandbox, place, **settings):
        self.port_file = place / "port"
        text = Path(sandbox.env["PORTAL_WEB_CONF"]).read_text(encoding="utf-8")
        http = "".join(f"{key} = {value}\n" for key, value in settings.items())
        text = re.sub(r"\[http\]\n(?:[a-z_]+ = .*\n)*", f"[http]\nlisten = 127.0.0.1:0\n{http}", text)
        text = re.sub(r"state_dir = .*", f"state_dir = {place}", text)
        (place / "web.conf").write_text(text, encoding="utf-8")
        with open(place / "log", "wb") as log:
            self.process = subprocess.Popen([BUILD / "web/portal-web", "--config", place / "web.conf", "--port-file",
                                             self.port_file], stderr=log)
        self._wait(place)

    def _wait(self, place):
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            if self.port_file.exists() and self.port_file.read_text(encoding="ascii").endswith("\n"):
                self.site = f"http://127.0.0.1:{self.port_file.read_text(encoding='ascii').strip()}"
                return
            assert self.process.poll() is None, (place / "log").read_text(encoding="utf-8")
            time.sleep(0.02)
        raise AssertionError("it doesn't listen")

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(30) == 0


@pytest.fixture
def strict(sandbox, tmp_path):
    made = []

    def make(**settings):
        place = tmp_path / str(len(made))
        place.mkdir(mode=0o700)
        made.append(Strict(sandbox, place, **settings))
        return made[-1].site
    yield make
    for one in made:
        one.stop()


NO_HTTP = (
    b"GET\r\n\r\n", b"GET /\r\n\r\n", b"\0\0\0\0\r\n\r\n",
    b"GET / HTTP/1.1\r\nno colon\r\n\r\n", b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    b"GET / HTTP/1.1\r\n\r\n", b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n",
    b"POST /login HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    b"POST /login HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
)


def test_what_is_not_http_is_refused_or_hung_up_on(strict):
    site = strict(header_time="1s", idle_time="1s", request_time="2s")

    def ask(line):
        with Connection(site) as connection:
            connection.send(line)
            return connection.answer()
    with ThreadPoolExecutor(len(NO_HTTP)) as pool:
        for line, answer in zip(NO_HTTP, pool.map(ask, NO_HTTP)):
            assert answer is None or answer.status in (400, 411, 413, 421, 501, 505), line


@pytest.mark.parametrize("path", ["/%00", "/login%00", "/%ff%fe", "/%zz", "/%", "/confirm/%0d%0aSet-Cookie:%20a=b",
                                  "/\x7f", "/login?to=%00", "/login?a=%ff",
                                  pytest.param("/login?" + "&".join(f"a{i}=1" for i in range(40)), id="forty-fields")])
def test_paths_and_queries_that_are_no_text_are_bad_requests(site, path):
    answer = get(site, path)
    assert answer.status in (400, 404)
    assert answer.status == 400 or "%ff" not in path
    assert not [cookie for cookie in answer.cookies if cookie == "a"]
    assert not answer.headers("a")


@pytest.mark.parametrize("path", ["/../etc/passwd", "/static/../web.conf", "/..%2f..%2fetc/passwd", "/static/%2e%2e/x",
                                  "/healthz/", "//evil.example", "/LOGIN", "/login/../account", "/confirm/a/b"])
def test_what_is_no_page_is_not_found(site, path):
    answer = get(site, path)
    assert answer.status == 404
    assert "root:" not in answer.text


@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS", "TRACE", "PATCH", "PROPFIND", "FOO"])
def test_other_methods_are_refused(site, method):
    answer = request(site, method, "/login", headers={"Cookie": "secret=1"})
    assert answer.status == 405
    assert answer.header("Allow") == "GET, HEAD, POST"
    assert "secret=1" not in answer.text


def test_head_is_get_without_the_body(site):
    whole, head = get(site, "/help"), request(site, "HEAD", "/help")
    assert head.status == 200 and head.size == 0
    assert head.header("Content-Length") == str(whole.size)


@pytest.mark.parametrize("path", ["/", "/login", "/nothing", "/static/x/style.css", "/logout", "/account", "/confirm/x"])
def test_every_answer_has_the_security_headers(site, path):
    answer = get(site, path)
    for name in SECURITY:
        assert len(answer.headers(name)) == 1, name
    policy = answer.header("Content-Security-Policy")
    assert "unsafe" not in policy and "*" not in policy and "default-src 'none'" in policy
    assert answer.header("Referrer-Policy") == "no-referrer"
    assert answer.header("Cache-Control") == "no-store"
    assert not answer.headers("Server") and not answer.headers("X-Powered-By")


def test_body_must_be_a_form(site):
    client = Client(site)
    client.get("/login")
    for kind in ("application/json", "text/plain", "multipart/form-data; boundary=x", FORM.upper() + "x/"):
        answer = client.post("/login", {"mail": "a@b.example", "password": "x"}, Content_Type=kind)
        assert answer.status in ((415,) if "URLENCODEDX" not in kind else (415, 400, 403, 200)), kind
    assert request(site, "POST", "/login", b"token=x").status == 415


@pytest.mark.parametrize("size", [16385, 100000, 1000000])
def test_body_that_is_too_large_is_refused_with_a_page(site, size):
    answer = post(site, "/login", b"mail=" + b"x" * (size - 5))
    assert answer.status == 413
    assert "<h1>" in answer.text


def test_body_without_end_is_hung_up_on(site):
    with Connection(site) as connection:
        connection.send(f"POST /login HTTP/1.1\r\nHost: x\r\nContent-Type: {FORM}\r\nTransfer-Encoding: chunked\r\n\r\n"
                        .encode())
        sent = 0
        while sent < 64 and connection.send(b"10000\r\n" + b"x" * 65536 + b"\r\n"):
            sent += 1
        assert sent < 64, "four megabytes were taken"


def test_headers_that_are_too_large_are_refused(site):
    answer = get(site, "/", X_Large="x" * 60000)
    assert answer is None or answer.status in (400, 413, 431)
    assert get(site, "/" + "a" * 3000).status in (404, 414)
    assert get(site, "/login?to=" + "a" * 20000).status in (400, 414)


@pytest.mark.parametrize("body", [
    b"mail=a&mail=b", b"mail=%00", b"mail=%ff%fe", b"=x", b"&&&&", b"mail", b"%", b"mail=%zz",
    pytest.param(b"a=" + b"x" * 5000, id="large"), pytest.param(b"n" * 50 + b"=1", id="long-name"),
    pytest.param(b"&".join(b"f%d=1" % i for i in range(50)), id="fifty-fields"), b"mail=\x01\x02", b"mail=%01",
])
def test_fields_that_no_form_has_are_refused_and_change_nothing(site, body):
    client = Client(site)
    token = client.get("/login").token
    answer = post(site, "/login", body + b"&token=" + token.encode(),
                  Cookie="; ".join(f"{n}={v}" for n, v in client.cookies.items()))
    assert answer.status in (200, 400, 403)
    assert answer.status == 400 or body in (b"=x", b"&&&&", b"mail", b"%", b"mail=%zz", b"mail=%00")
    assert "session" not in " ".join(answer.cookies)


def test_requests_on_one_connection_are_kept_apart(site):
    with Connection(site) as connection:
        one = f"GET /help HTTP/1.1\r\nHost: {connection.host}\r\n\r\n".encode()
        other = f"GET /nothing HTTP/1.1\r\nHost: {connection.host}\r\nAccept-Language: en\r\n\r\n".encode()
        connection.send(one + other + one)
        assert [connection.answer().status for _ in range(3)] == [200, 404, 200]


def test_host_is_never_believed(site):
    for headers in ({"Host": "evil.example"}, {"X_Forwarded_Host": "evil.example"}, {"Forwarded": "host=evil.example"}):
        for path in ("/", "/login", "/account", "/confirm/x", "/register"):
            answer = get(site, path, **headers)
            assert b"evil.example" not in answer.data


def mutate(random_source, whole):
    data = bytearray(whole)
    for _ in range(random_source.randint(1, 6)):
        place = random_source.randrange(len(data))
        what = random_source.randrange(4)
        if what == 0:
            data[place] = random_source.randrange(256)
        elif what == 1:
            del data[place:place + random_source.randint(1, 40)]
        elif what == 2:
            data[place:place] = bytes(random_source.randrange(256) for _ in range(random_source.randint(1, 40)))
        else:
            data[place:place] = data[place:place + random_source.randint(1, 200)]
    return bytes(data)


def test_broken_requests_at_random_leave_it_running(strict):
    """Mutations of a login, from a fixed seed. What stays incomplete is hung up on in time."""
    site = strict(header_time="1s", idle_time="1s", request_time="2s", posts_per_client=1000000)
    random_source = random.Random(20261122)
    client = Client(site)
    token = client.get("/login").token
    body = f"mail=nobody%40example.org&password=x&token={token}".encode()
    whole = (f"POST /login HTTP/1.1\r\nHost: {urlsplit(site).netloc}\r\nContent-Type: {FORM}\r\nConnection: close\r\n"
             f"Cookie: portal-form={client.cookies.get('portal-form', '')}; portal-session=AAAA\r\n"
             f"Content-Length: {len(body)}\r\n\r\n").encode() + body

    def ask(data):
        with Connection(site, seconds=25) as connection:
            connection.send(data)
            answer = connection.answer()
            return answer and answer.status
    with ThreadPoolExecutor(48) as pool:
        statuses = list(pool.map(ask, [mutate(random_source, whole) for _ in range(ROUNDS)]))
    assert not {status for status in statuses if status and status >= 500} - {501, 505}
    assert len([status for status in statuses if status]) > ROUNDS / 10
    assert get(site, "/help").status == 200


def test_slow_header_is_hung_up_on_and_others_are_served(strict):
    site = strict(header_time="1s", idle_time="1s", request_time="3s", connections=64)
    slow = [Connection(site) for _ in range(40)]
    try:
        for connection in slow:
            connection.send(b"GET / HTTP/1.1\r\nHost: x\r\n")
        began = time.monotonic()
        while slow and time.monotonic() - began < 20:
            assert get(site, "/help").status == 200
            for connection in list(slow):
                if connection.is_closed() or not connection.send(b"X"):
                    connection.close()
                    slow.remove(connection)
            time.sleep(0.2)
        assert not slow, f"{len(slow)} connections held for 20 s"
    finally:
        for connection in slow:
            connection.close()


def test_slow_body_is_hung_up_on(strict):
    site = strict(header_time="1s", idle_time="5s", request_time="3s")
    with Connection(site) as connection:
        connection.send(f"POST /login HTTP/1.1\r\nHost: x\r\nContent-Type: {FORM}\r\nContent-Length: 1000\r\n\r\n".encode())
        assert connection.send_slowly(b"x" * 200, 0.1) < 100


def test_reader_that_takes_nothing_is_hung_up_on(strict):
    site = strict(header_time="1s", idle_time="5s", request_time="2s")
    with Connection(site) as connection:
        connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.socket.settimeout(20)
        one = b"GET /help HTTP/1.1\r\nHost: x\r\n\r\n"
        try:
            for _ in range(2000):
                connection.socket.sendall(one)
        except (BrokenPipeError, ConnectionResetError, TimeoutError) as error:
            assert not isinstance(error, TimeoutError), "it was let wait"
            return
        deadline = time.monotonic() + 15
        while time.monotonic() < deadline:
            try:
                connection.socket.send(one)
            except (BrokenPipeError, ConnectionResetError):
                return
            time.sleep(0.2)
        raise AssertionError("it is still there")


def test_more_connections_than_allowed_wait_their_turn(strict):
    site = strict(connections=32, header_time="2s", idle_time="2s")
    held = [Connection(site) for _ in range(100)]
    try:
        assert get(site, "/help").status == 200  # once the idle ones are gone
    finally:
        for connection in held:
            connection.close()


def test_one_client_posts_only_so_often(strict):
    site = strict(posts_per_client=5)
    client = Client(site)
    client.get("/login")
    fields = {"mail": "", "password": ""}
    answers = [client.post("/login", fields, X_Forwarded_For="198.51.100.7").status for _ in range(7)]
    assert answers == [400] * 5 + [429] * 2
    assert client.post("/login", fields, X_Forwarded_For="198.51.100.8").status == 400
    # What stands further left is anybody's invention.
    assert client.post("/login", fields, X_Forwarded_For="203.0.113.1, 198.51.100.7").status == 429
    assert client.get("/login", X_Forwarded_For="198.51.100.7").status == 200


def test_answer_comes_when_portald_is_away(strict, sandbox, tmp_path):
    """Of a portal-web whose portald nobody can reach: pages that need none are served, others say so."""
    site = strict(workers=4)
    assert get(site, "/help").status == 200
    empty = tmp_path / "empty"
    empty.mkdir(mode=0o755)
    place = tmp_path / "away"
    place.mkdir(mode=0o700)
    conf = place / "conf"
    conf.mkdir()
    text = Path(sandbox.env["PORTAL_WEB_CONF"]).read_text(encoding="utf-8")
    sandbox_conf = conf / "web.conf"
    sandbox_conf.write_text(re.sub(r"socket_dir = .*", f"socket_dir = {empty}", text), encoding="utf-8")

    class Away:
        env = {**sandbox.env, "PORTAL_WEB_CONF": str(sandbox_conf)}
    away = Strict(Away, place)
    try:
        assert get(away.site, "/help").status == 200
        assert get(away.site, "/healthz").status == 200
        client = Client(away.site)
        client.get("/login")
        answer = client.post("/login", {"mail": "a@b.example", "password": "Regen auf dem Zeltdach"})
        assert answer.status == 503
        assert answer.header("Retry-After") == "60" and "<form" in answer.text
    finally:
        away.stop()


def test_pages_go_on_while_portald_hangs(sandbox, tmp_path):
    """It takes connections and never answers: whoever comes later is told at once, and help is there."""
    place, run = tmp_path / "hangs", tmp_path / "run"
    place.mkdir(mode=0o700)
    run.mkdir(mode=0o755)
    text = Path(sandbox.env["PORTAL_WEB_CONF"]).read_text(encoding="utf-8")
    text = re.sub(r"socket_dir = .*", f"socket_dir = {run}\ntimeout = 2s", text)
    conf = tmp_path / "web.conf"
    conf.write_text(text, encoding="utf-8")

    class Hangs:
        env = {**sandbox.env, "PORTAL_WEB_CONF": str(conf)}
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(run / "web.sock"))
        listening.listen(1000)
        one = Strict(Hangs, place, workers=4)
        try:
            client = Client(one.site)
            assert client.get("/login").status == 200  # waits once for what the insurer is called
            fields = {"mail": "a@b.example", "password": "Regen auf dem Zeltdach"}
            with ThreadPoolExecutor(40) as pool:
                began = time.monotonic()
                waiting = [pool.submit(client.post, "/login", fields) for _ in range(40)]
                assert get(one.site, "/help").status == 200
                assert {answer.result().status for answer in waiting} == {503}
                assert time.monotonic() - began < 15, "one after the other they would take 20 s"
        finally:
            one.stop()


def test_restart_loses_no_connection(strict, sandbox, tmp_path):
    """Requests under way are answered before it ends."""
    place = tmp_path / "restart"
    place.mkdir(mode=0o700)
    one = Strict(sandbox, place)
    with Connection(one.site) as connection:
        connection.send(f"GET /help HTTP/1.1\r\nHost: {connection.host}\r\n".encode())
        time.sleep(0.1)
        one.process.send_signal(signal.SIGTERM)
        time.sleep(0.3)
        connection.send(b"\r\n")
        assert connection.answer().status == 200
    assert one.process.wait(30) == 0
