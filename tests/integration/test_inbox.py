"""The page that shows what arrived in a sandbox: what the demo sends people to."""

import http.client
import subprocess

import pytest

from sandbox import SOURCE


class Page:
    def __init__(self, url):
        self.host = url.split("/")[2]

    def ask(self, method, path, body=None, **headers):
        client = http.client.HTTPConnection(self.host, timeout=30)
        try:
            client.request(method, path, body, headers)
            answer = client.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            client.close()

    def text(self, path):
        status, _headers, body = self.ask("GET", path)
        assert status == 200
        return body.decode()


@pytest.fixture(scope="module")
def inbox(sandbox):
    command = [SOURCE / "tests" / "inbox", sandbox.dir]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Page(process.stdout.readline())
        finally:
            process.terminate()
            assert process.wait(30) == 0


def test_mail_is_shown_in_a_frame_that_runs_nothing_and_its_link_leads_out(world, inbox):
    mail = world.customer().registered()
    name = mail.path.name
    overview = inbox.text("/")
    assert "Bitte bestätigen" in overview and f'<a href="/mail/{name}">' in overview
    page = inbox.text(f"/mail/{name}")
    assert f'<iframe sandbox="allow-top-navigation-by-user-activation" src="/html/{name}"' in page
    status, headers, body = inbox.ask("GET", f"/html/{name}")
    assert status == 200 and headers["Content-Security-Policy"].startswith("sandbox allow-top-navigation-by-")
    assert b'<base target="_top">' in body and mail.token.encode() in body


def test_letter_is_shown_as_picture_text_and_pdf(world, inbox):
    letter = world.customer().initial()
    name = letter.path.name
    assert f'<img src="/picture/{name}"' in inbox.text("/")
    assert letter.password in inbox.text(f"/letter/{name}")
    for verb, kind, magic in (("picture", "image/png", b"\x89PNG"), ("pdf", "application/pdf", b"%PDF")):
        status, headers, body = inbox.ask("GET", f"/{verb}/{name}")
        assert (status, headers["Content-Type"], body[:4]) == (200, kind, magic)


def test_page_names_customers_who_may_register(sandbox, inbox):
    with open(sandbox["PORTAL_CUSTOMERS"], encoding="utf-8") as customers:
        _uid, policy, born = customers.readline().split()
    text = inbox.text("/")
    assert policy in text and ".".join(reversed(born.split("-"))) in text


@pytest.mark.parametrize("path", ("/pdf/../../etc/passwd", "/pdf/%2e%2e%2fportald.conf", "/html/", "/env", "/mail/x.eml"))
def test_nothing_else_is_given_out(inbox, path):
    assert inbox.ask("GET", path)[0] == 404


def test_other_sites_neither_read_nor_press_the_button(inbox):
    assert inbox.ask("GET", "/", Host="evil.example")[0] == 403
    assert inbox.ask("POST", "/mailroom", "", Origin="http://evil.example")[0] == 403
    assert inbox.ask("POST", "/mailroom", "")[0] == 403
