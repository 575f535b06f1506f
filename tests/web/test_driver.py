"""The driver and the checkers themselves, on small pages of their own: a check that can't fail would hide what it
should find."""

import html
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

import axe
import focus
import pytest
import raw_http

FORM = """<!DOCTYPE html><html lang="{language}"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1"><title>Form</title>
<link rel="icon" href="data:,"></head><body><main><h1>Form</h1><noscript><p>Without scripts.</p></noscript>
<form method="post" action="/said"><p><label for="n">Name</label> <input id="n" name="name" autocomplete="name"></p>
<p><label for="p">Password</label> <input id="p" name="password" type="password"
autocomplete="current-password"></p>
<p><input type="checkbox" id="c" name="terms" value="yes"> <label for="c">I accept</label></p>
<p><label for="k">Kind</label> <select id="k" name="kind"><option>one</option><option>two</option></select></p>
<p hidden><button>Hidden</button></p><p><button>Send</button></p></form>
<p><a href="/other">Other page</a></p></main></body></html>"""
PAGE = """<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Page</title><link rel="icon" href="data:,">
</head><body><main><h1>{}</h1></main></body></html>"""
BAD = {
    "/console": '<script>console.error("something broke")</script>',
    "/exception": "<script>nothing.there()</script>",
    "/policy": '<p style="color: red">inline</p>',
    "/missing": '<img src="/none.png" alt="">',
    "/stranger": '<img src="https://stranger.example/x.png" alt="">',
    "/dialog": '<script>alert("hello")</script>',
    "/contrast": '<style>@media (prefers-color-scheme: dark) { p { color: #222; background: #000 } }</style><p>Text</p>',
    "/unfocused": '<style>a:focus { outline: none }</style><a href="/1">1</a> <a href="/2">2</a> <button>B</button>',
    "/unlabelled": '<form><input name="x"></form>',
}
POLICY = {"/policy": "default-src 'self'; style-src 'self'"}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def _answer(self, text, status=200, **headers):
        data = text.encode()
        self.send_response(status)
        for name, value in {"Content-Type": "text/html; charset=utf-8", "Content-Length": str(len(data)),
                            **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self):
        policy = {"Content-Security-Policy": POLICY[self.path]} if self.path in POLICY else {}
        if self.path == "/":
            self._answer(FORM.format(language=self.headers.get("Accept-Language", "")[:2]), Set_Cookie="visited=1; Path=/")
        elif self.path in BAD:
            self._answer(PAGE.format("Bad").replace("</main>", BAD[self.path] + "</main>"), **policy)
        elif self.path == "/other":
            self._answer(PAGE.format(self.headers.get("Cookie", "no cookie")))
        else:
            self._answer(PAGE.format("Nothing here"), 404)

    def do_POST(self):
        said = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        self._answer(PAGE.format(html.escape(" ".join(f"{name}={value[0]}" for name, value in said.items()))))

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def small():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("javascript", [True, False])
def test_form_is_filled_and_sent_as_a_person_would(small, visit, javascript):
    tab = visit(javascript=javascript, language="en").open(small)
    assert ("Without scripts." in tab.text) == (not javascript)
    assert (tab.heading, tab.title, tab.status, tab.path, tab.language) == ("Form", "Form", 200, "/", "en")
    tab.fill_all({"Name": "old", "Password": "Änderung ß"})
    tab.fill("Name", "O'Neil <b>")
    tab.check("I accept")
    tab.check("I accept")
    tab.choose("Kind", "two")
    assert tab.box("I accept").checked and tab.field("Name").value == "O'Neil <b>"
    tab.press("Send")
    assert tab.heading == "name=O'Neil <b> password=Änderung ß terms=yes kind=two"


def test_form_is_sent_with_keys_alone(small, visit):
    tab = visit().open(small)
    tab.tab_to("Name")
    tab.type("Jo")
    tab.key("Tab")
    assert tab.focused.name == "Password"
    tab.type("geheim")
    tab.tab_to("I accept")
    tab.key("Space")
    assert tab.box("I accept").checked
    tab.tab_to("Password", shift=True)
    tab.enter()
    assert tab.heading == "name=Jo password=geheim terms=yes kind=one"


def test_things_are_found_by_role_and_name_and_hidden_ones_are_not(small, visit):
    tab = visit().open(small)
    assert [b.name for b in tab.all("button")] == ["Send"]
    assert tab.button(re.compile("^Se")).name == "Send"
    with pytest.raises(AssertionError, match="there are: button “Send”"):
        tab.press("Nope")


def test_visitors_share_no_cookies_and_tabs_of_one_do(small, visit):
    one = visit().open(small)
    assert one.visitor.tab(small + "/other").heading == "visited=1"
    assert visit().open(small + "/other").heading == "no cookie"
    assert set(one.visitor.cookies) == {"visited"}
    one.visitor.forget_cookies()
    assert one.open(small + "/other").heading == "no cookie"


def test_back_forward_and_links(small, visit):
    tab = visit().open(small)
    tab.follow("Other page")
    assert tab.heading == "visited=1" and len(tab.requests) == 2
    tab.back()
    assert tab.heading == "Form"
    tab.forward()
    tab.reload()
    assert tab.heading == "visited=1" and tab.status == 200


def test_width_and_colours_are_the_visitors(small, visit):
    tab = visit(width=320, scheme="dark").open(small)
    assert tab.evaluate("innerWidth") == 320
    assert tab.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
    tab.media("light", "print")
    assert tab.evaluate("matchMedia('print').matches && !matchMedia('(prefers-color-scheme: dark)').matches")


@pytest.mark.parametrize("path, said", [
    ("/console", "something broke"), ("/exception", "nothing is not defined"), ("/policy", "Content Security Policy"),
    ("/missing", "404"), ("/stranger", "stranger.example"), ("/dialog", "hello")])
def test_what_the_browser_complains_of_is_a_problem(small, visit, path, said):
    tab = visit().open(small + path)
    tab.wait(lambda: any(said in problem for problem in tab.problems), f"a problem with {said}")
    if path == "/stranger":
        assert "https://stranger.example/x.png" in tab.requests
        tab.requests.clear()
    tab.problems.clear()


def test_refusal_is_no_problem(small, visit):
    tab = visit().open(small + "/none")
    assert tab.status == 404 and "Nothing here" in tab.source
    tab.reload()


@pytest.mark.parametrize("javascript", [True, False])
def test_axe_finds_what_is_wrong_and_nothing_else(small, visit, javascript):
    tab = visit(javascript=javascript, language="en").open(small)
    assert axe.violations(tab) == []
    assert any("label" in line for line in axe.violations(tab.open(small + "/unlabelled")))
    found = axe.violations(tab.open(small + "/contrast"))
    assert len(found) == 1 and found[0].startswith("dark: color-contrast")
    tab.problems.clear()


def test_focus_that_nothing_shows_is_found(small, visit):
    assert focus.unseen(visit().open(small + "/unfocused")) == [f"nothing shows the focus on link “{n}”" for n in (1, 2)]


def test_validator_finds_what_is_wrong_and_nothing_else(validator):
    assert validator.errors(FORM.format(language="en")) == []
    assert any("alt" in line for line in validator.errors(PAGE.format('<img src="x">')))
    assert validator.errors("p { color: var(--ink); margin-inline: 1rem }", "text/css") == []
    assert any("foo" in line for line in validator.errors("p { foo: 1 }", "text/css"))


def test_bytes_go_out_as_they_are(small):
    answer = raw_http.get(small, "/other", Cookie="a=b")
    assert (answer.status, answer.header("content-type")) == (200, "text/html; charset=utf-8")
    assert "<h1>a=b</h1>" in answer.text and answer.size == int(answer.header("Content-Length"))
    assert raw_http.post(small, "/said", {"name": "ä&"}).text.count("name=ä&") == 1
    with raw_http.Connection(small) as connection:
        connection.send(b"GET /other HT")
        connection.send_slowly(b"TP/1.1\r\nHost: x\r\n\r\n", each=0.001)
        assert connection.answer().status == 200
        connection.send(b"GET /none HTTP/1.0\r\n\r\n")
        assert connection.answer().status == 404 and connection.is_closed()
