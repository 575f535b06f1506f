"""Forms that another site sends: refused on every path that takes one, whatever they lack. A path that is new has a row
in FORMS, or the first test fails; so has every form that a template holds."""

import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import raw_http
from customer import PASSWORD, with_password
from visitor_forms import Forms, plain, unknown_policy

SOURCE = Path(__file__).resolve().parents[2]
FORBIDDEN = 403
# Takes no token: either what the path holds is secret, or nothing is done.
OPEN = {"/confirm", "/not-me", "/language"}
MAIL = {"mail": "nobody@example.org"}
VISITOR, CUSTOMER = "visitor", "customer"

# path of the form: who sends it, and what would do something if it came from our own page.
FORMS = {
    "/register": (VISITOR, {"birthdate": "24.12.1950", **MAIL, "again": MAIL["mail"], "privacy": "1", "terms": "1"}),
    "/login": (VISITOR, {**MAIL, "password": PASSWORD}),
    "/login/code": (VISITOR, {"code": "123456"}),
    "/login/puk": (VISITOR, {"code": "7K3F-9QXM-2B4T-HW6V"}),
    "/recover/forgotten": (VISITOR, MAIL),
    "/recover/mailed": (VISITOR, {**MAIL, "code": "12345678", "puk": "7K3F-9QXM-2B4T-HW6V"}),
    "/recover/code": (VISITOR, {"code": "123456"}),
    "/recover/letter": (VISITOR, {"birthdate": "24.12.1950", **MAIL}),
    "/password": (CUSTOMER, {"password": PASSWORD}),
    "/password/new": (CUSTOMER, {"new-password": PASSWORD}),
    "/password/check": (CUSTOMER, {"password": PASSWORD}),
    "/totp": (CUSTOMER, {"password": PASSWORD}),
    "/totp/begin": (CUSTOMER, {}),
    "/totp/first": (CUSTOMER, {"code": "123456"}),
    "/account/mail": (CUSTOMER, {"password": PASSWORD}),
    "/account/mail/new": (CUSTOMER, {"mail": "new@example.org", "mail-again": "new@example.org"}),
    "/account/sessions/one": (CUSTOMER, {"handle": "0" * 16}),
    "/account/sessions/all": (CUSTOMER, {}),
    "/logout": (CUSTOMER, {}),
}
OURS = [{}, {"Origin": "null"}, {"Origin": "null", "Sec_Fetch_Site": "same-origin"},
        {"Sec_Fetch_Site": "none"}, {"Origin": "{site}", "Sec_Fetch_Site": "same-origin"}]
THEIRS = [{"Origin": "https://evil.example"}, {"Origin": "{site}.evil.example"}, {"Origin": "http://evil.example/{site}"},
          {"Origin": "https{rest}"}, {"Origin": "http://127.0.0.1"}, {"Origin": "{site}/"}, {"Origin": ""},
          {"Origin": "null", "Sec_Fetch_Site": "cross-site"}, {"Origin": "null", "Sec_Fetch_Site": "same-site"},
          {"Origin": "{site}", "Sec_Fetch_Site": "cross-site"}, {"Sec_Fetch_Site": "same-site"},
          {"Sec_Fetch_Site": "Same-Origin"}, {"Sec_Fetch_Site": ""}]


def routes_with_forms():
    text = (SOURCE / "web/routes.c").read_text(encoding="utf-8")
    rows = re.findall(r'^    \{"([^"]+)", page_\w+, ([^}]*)\},$', text, re.M)
    assert len(rows) > 15
    return {path for path, flags in rows if "POST" in flags}, {path for path, flags in rows if "OPEN" in flags}


def route_of(path):
    posts, _ = routes_with_forms()
    return path if path in posts else path.rpartition("/")[0]


def test_every_path_that_takes_forms_is_among_these():
    posts, without = routes_with_forms()
    assert {route_of(path) for path in FORMS} | without == posts
    assert without == OPEN


def test_every_form_of_a_page_has_a_token_and_is_among_these():
    found = set()
    for template in sorted((SOURCE / "config/web").glob("*.html")):
        for tag, inside in re.findall(r"<form\b([^>]*)>(.*?)</form>", template.read_text(encoding="utf-8"), re.S):
            assert 'method="post"' in tag, template.name
            action = re.search(r'action="([^"#]*)', tag)[1]
            found.add(action)
            tokens = inside.count('<input type="hidden" name="token" value="{{token}}">')
            assert tokens == 1 or template.name in ("confirm.html", "confirm-expired.html", "not-me.html",
                                                    "not-me-form.html"), template.name
    fixed = {action for action in found if "{{" not in action}
    assert len(fixed) > 10
    assert fixed <= set(FORMS) | OPEN


def headers_for(site, headers):
    return {name: value.format(site=site, rest=site.removeprefix("http")) for name, value in headers.items()}


class Sender(Forms):
    """Somebody whose browser is made to send forms: as visitor or logged in."""

    def as_customer(self, c):
        self.before = self.get("/login").token
        answer = self.post("/login", {"mail": c.mail, "password": PASSWORD})
        assert answer.status == 303, plain(answer.text)
        assert self.get("/account").status == 200
        return self

    def as_visitor(self):
        assert self.get("/login").token
        return self

    def send(self, path, fields, token, **headers):
        """Keeps nothing of the answer."""
        cookies = {"Cookie": "; ".join(f"{n}={v}" for n, v in self.cookies.items())} if self.cookies else {}
        fields = fields if token is None else {**fields, "token": token}
        return raw_http.post(self.address, path, fields, self.source, **cookies, **headers)


@pytest.fixture(scope="module")
def people(world, site):
    c, other = with_password(world), with_password(world)
    return {"c": c, VISITOR: Sender(site).as_visitor(), CUSTOMER: Sender(site).as_customer(c),
            "other visitor": Sender(site).as_visitor(), "other customer": Sender(site).as_customer(other)}


def wrong_tokens(people, sender):
    good = sender.token
    return {"none": None, "empty": "", "invented": "x" * len(good), "cut": good[:-1], "longer": good + "A",
            "the last sign": good[:-1] + ("A" if good[-1] != "A" else "E"), "in capitals": good.upper(),
            "another visitor's": people["other visitor"].token, "another customer's": people["other customer"].token,
            "of before the login": getattr(sender, "before", "")}


@pytest.mark.parametrize("path", FORMS)
def test_form_without_this_browsers_token_is_refused(site, people, path):
    who, fields = FORMS[path]
    sender = people[who]
    for what, token in wrong_tokens(people, sender).items():
        answer = sender.send(path, {**fields, "policy": unknown_policy()}, token)
        assert answer.status == FORBIDDEN and not set(answer.cookies) - {"portal-form"}, what
    assert sender.send(f"{path}?token={sender.token}", fields, None).status == FORBIDDEN
    without = raw_http.post(site, path, {**fields, "token": sender.token}, sender.source)
    assert without.status == FORBIDDEN


@pytest.mark.parametrize("path", FORMS)
def test_form_that_another_site_sent_is_refused_with_the_right_token(site, people, path):
    who, fields = FORMS[path]
    sender = people[who]
    for headers in THEIRS:
        answer = sender.send(path, fields, sender.token, **headers_for(site, headers))
        assert answer.status == FORBIDDEN, headers


def test_nothing_came_of_all_these(world, people):
    """What each would have done is seen from what it leaves behind: sessions, the entry, mail."""
    sender, c = people[CUSTOMER], people["c"]
    assert sender.get("/account").status == 200
    assert not world.mails(c.mail) and c.state == "active" and world.login(c.mail, PASSWORD).ok


@pytest.mark.parametrize("headers", OURS)
def test_our_own_forms_are_taken_from_every_browser(world, site, people, headers):
    """Each path, so that a refusal above is the token's or the header's doing and not the path's. Logging out is last."""
    headers = headers_for(site, headers)
    sender = {VISITOR: Sender(site).as_visitor(), CUSTOMER: Sender(site).as_customer(people["c"])}
    ends = ("/account/sessions/all", "/logout")
    for path in [path for path in FORMS if path not in ends] + ["/logout"]:
        who, fields = FORMS[path]
        answer = sender[who].send(path, {**fields, "policy": unknown_policy()}, sender[who].token, **headers)
        assert answer.status != FORBIDDEN, f"{path}: {plain(answer.text)}"
        if path == "/password":  # which has begun a step of its own
            assert answer.status == 303
    assert sender[CUSTOMER].get("/account").status == 303


def test_form_token_ends_with_the_session(site, people):
    one = Sender(site).as_customer(people["c"])
    cookies, token = dict(one.cookies), one.token
    assert one.post("/logout", {}).status == 303
    one.cookies = cookies
    assert one.send("/account/sessions/all", {}, token).status == FORBIDDEN


class Elsewhere:
    """Another site's page, which sends a form as soon as it is opened."""

    def __init__(self):
        self.page = b""
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.end_headers()
                self.wfile.write(outer.page)

            def log_message(self, *_):
                pass
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05})
        self.thread.start()

    def sends(self, address, token):
        self.page = (f'<!DOCTYPE html><title>x</title><link rel="icon" href="data:,"><form method="post" action="{address}">'
                     f'<input name="token" value="{token}"></form><script>document.forms[0].submit()</script>').encode()

    def close(self):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture
def elsewhere():
    made = Elsewhere()
    yield made
    made.close()


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"], ids=["cross-site", "same-site"])
def test_browser_logs_nobody_out_for_another_site(world, portal, people, site, elsewhere, host):
    """Even if that site knew the token: cross-site no cookie comes along, from the same site the browser says so."""
    p = portal(language="en").log_in(people["c"].mail, PASSWORD)
    token = p.tab.evaluate("document.querySelector('[name=token]').value")
    elsewhere.sends(site + "/logout", token)
    p.tab.open(f"http://{host}:{elsewhere.server.server_port}/")
    p.tab.wait(lambda: p.tab.url.startswith(site) and p.tab.heading, "the answer to the forged form")
    assert p.tab.status == FORBIDDEN
    p.is_at("Please send it once more")
    p.go("/account").is_at("My account")


def test_browser_says_nothing_of_where_our_own_forms_come_from(portal, people):
    """Origin: null, because of Referrer-Policy: no-referrer. It must be taken all the same."""
    p = portal(language="en").go("/login")
    sent = {}

    def note(method, params):
        if method == "Network.requestWillBeSentExtraInfo":
            headers = {name.lower(): value for name, value in params["headers"].items()}
            if "origin" in headers:
                sent.update(headers)
        p.tab._report(method, params)
    p.tab.chromium.listen(p.tab.session, note)
    p.fill("E-mail address", people["c"].mail).fill("Password", PASSWORD).press("Log in").is_at("My account")
    assert sent["origin"] == "null" and sent["sec-fetch-site"] == "same-origin" and "referer" not in sent
