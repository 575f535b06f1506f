"""Reload and restart while people come: every request is answered, and nobody is logged out."""

import os
import re
import signal
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from customer import PASSWORD, wait_for, with_password  # noqa: E402
from raw_http import Client, get  # noqa: E402
from sandboxlib import process  # noqa: E402

BUILD = Path(os.environ.get("PORTAL_BUILDDIR") or Path(__file__).resolve().parents[2] / "build")
AT_ONCE = 8
REQUESTS = 200
ROUNDS = 3


class Held:
    """A portal-web on a socket that is held for it, as systemd does."""

    def __init__(self, sandbox, place):
        self.listening = process.listen()
        self.site = f"http://127.0.0.1:{self.listening.getsockname()[1]}"
        self.log = place / "log"
        text = Path(sandbox.env["PORTAL_WEB_CONF"]).read_text(encoding="utf-8")
        (place / "web.conf").write_text(re.sub(r"state_dir = .*", f"state_dir = {place}", text), encoding="utf-8")
        self.conf, self.id = place / "web.conf", None

    def start(self):
        before = self.said("is ready")
        kept = {name: os.environ[name] for name in ("PATH", "ASAN_OPTIONS", "TSAN_OPTIONS") if name in os.environ}
        self.id = process.start([str(BUILD / "web/portal-web"), "--config", str(self.conf)], self.log, kept,
                                ("http", self.listening))
        wait_for(lambda: self.said("is ready") > before, what="portal-web")

    def reload(self):
        before = self.said("were read again")
        os.kill(self.id, signal.SIGHUP)
        wait_for(lambda: self.said("were read again") > before, what="the reload")

    def said(self, what):
        return self.log.read_text(encoding="utf-8").count(what) if self.log.exists() else 0

    def stop(self):
        os.kill(self.id, signal.SIGTERM)
        _, status = os.waitpid(self.id, 0)
        assert os.waitstatus_to_exitcode(status) == 0, self.log.read_text(encoding="utf-8")
        self.id = None

    def restart(self):
        self.stop()
        self.start()


@pytest.fixture
def held(sandbox, tmp_path):
    made = Held(sandbox, tmp_path)
    made.start()
    yield made
    made.stop()
    made.listening.close()


@pytest.mark.parametrize("how", ["reload", "restart"])
def test_no_request_fails_and_nobody_is_logged_out_meanwhile(held, world, how):
    customer = with_password(world)
    browser = Client(held.site)
    browser.get("/login")
    assert browser.post("/login", {"mail": customer.mail, "password": PASSWORD}).status == 303
    cookie = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
    over = threading.Event()

    def ask(number):
        """Goes on until the last round is over, so that each of them meets requests."""
        answers = []
        while len(answers) < REQUESTS // AT_ONCE or not over.is_set():
            path = ("/auth", "/login", "/account")[(number + len(answers)) % 3]
            answers.append(get(held.site, path, **({} if path == "/login" else {"Cookie": cookie})))
        return answers
    with ThreadPoolExecutor(AT_ONCE) as pool:
        asking = [pool.submit(ask, number) for number in range(AT_ONCE)]
        try:
            for _ in range(ROUNDS):
                getattr(held, how)()
        finally:
            over.set()
        answers = [answer for one in asking for answer in one.result()]
    assert len(answers) >= REQUESTS
    assert [answer and answer.status for answer in answers] == [200] * len(answers)
