"""Where pages send people, and what they put into headers: never what an outsider wrote. Chromium says where that is."""

import html
import json
import re
from urllib.parse import quote, urlencode

import pytest
import raw_http
from customer import PASSWORD, with_password
from test_cookies import FIRST, Browser, step_of
from totp_customer import code, with_totp

ELSEWHERE = (
    "https://evil.example", "//evil.example", "///evil.example", "////evil.example", "/\\evil.example", "\\\\evil.example",
    "\\/evil.example", "/\t/evil.example", "\t//evil.example", "/\n/evil.example", " //evil.example", "https:evil.example",
    "https:/evil.example", "http:evil.example", "HTTPS://evil.example", "javascript:alert(1)", "JaVaScRiPt:alert(1)",
    "java\nscript:alert(1)", "data:text/html,x", "vbscript:x", "/%09/evil.example", "/%2f/evil.example", "/%5cevil.example",
    "/.//evil.example", "/..//evil.example", "/%2e%2e//evil.example", "{site}@evil.example", "{site}.evil.example",
    "{site}:80@evil.example/", "{site}%00.evil.example", "//evil.example%2f@{host}", "//{host}@evil.example",
    "//evil.example?{host}",
    "/／evil.example", "／／evil.example", "//evil。example", "/?\r\nLocation: //evil.example", "?//evil.example",
    "#//evil.example",
    "evil.example", "ftp://evil.example", "//[::1]/", "//0x7f000001/", "/" * 2000, "x" * 3000)
SPLITS = ("\r\nX-Injected: yes", "\nX-Injected: yes", "\rX-Injected: yes", "\r\n\r\n<h1>X-Injected</h1>",
          "\r\n X-Injected: yes", "%0d%0aX-Injected: yes", "%0aX-Injected:%20yes", "\u560a\u560dX-Injected: yes",
          "\u2028X-Injected: yes", "\x0bX-Injected: yes", "a\r\nSet-Cookie: portal-session=x", ";Set-Cookie: a=b", "\0X-Injected: yes")


def targets(site):
    return [text.replace("{site}", site).replace("{host}", site.partition("//")[2]) for text in ELSEWHERE]


def leads(answer):
    """Every address that the answer would lead to."""
    found = answer.headers("Location") + [text.partition("url=")[2] for text in answer.headers("Refresh")]
    if (answer.header("Content-Type") or "").startswith("text/html"):
        found += [html.unescape(text) for text in re.findall(r'\b(?:href|action|src|formaction)="([^"]*)"', answer.text)]
    return found


@pytest.fixture(scope="module")
def judge(chromium, site):
    """What Chromium takes addresses for, as links on a page of ours."""
    tab = chromium.visitor(language="en").tab().open(site + "/help")

    def strangers(found):
        listed = json.dumps(sorted(found))
        return tab.evaluate("%s.filter(l => { try { const u = new URL(l, document.baseURI);"
                            " return u.protocol !== 'mailto:' && u.protocol !== 'tel:' && u.origin !== location.origin }"
                            " catch (e) { return true } })" % listed)
    assert strangers(["/account", "#x", "//evil.example", "/\\evil.example", "javascript:x"]) == [
        "//evil.example", "/\\evil.example", "javascript:x"]
    yield strangers
    tab.visitor.close()


@pytest.fixture
def browser(site):
    return lambda: Browser(site, "en")


def asked(path, /, **query):
    return f"{path}?{urlencode(query)}"


def test_no_link_or_redirect_leads_elsewhere(world, site, browser, judge):
    one, visitor = browser(), browser()
    one.log_in(with_password(world))
    found = set()
    for target in targets(site):
        for path in ("/login", "/totp/offer", "/totp/done", "/totp/anew", "/account", "/password", "/register/done",
                     "/auth/continue", "/auth/callback"):
            found.update(leads(one.get(asked(path, to=target, path=target, problem=target, request=target))))
        found.update(leads(visitor.get(asked("/login", to=target, why=target))))
        found.update(leads(visitor.post("/login", {"mail": "a@b.example", "password": "", "to": target})))
        found.update(leads(one.get(asked("/language", language="en", path=target))))
        found.update(leads(one.post("/language", {"language": "en", "path": target})))
        found.update(leads(one.get("/" + quote(target, safe=""))))
        found.update(leads(one.get("/not-me/" + quote(target, safe=""))))
        headers = {"X_Forwarded_Uri": re.sub(r"[^\x21-\x7e]", "", target), "X_Forwarded_Method": "GET", "Accept": "text/html"}
        for host in (None, "evil.example"):
            found.update(leads(raw_http.get(site, "/auth", **headers, **({"X_Forwarded_Host": host} if host else {}))))
    assert len(found) > 10
    assert judge(found) == []


def test_no_login_leads_elsewhere(world, site, judge):
    """To the end of the way: after the password, after the code, after the first password."""
    plain, coded = with_password(world), with_totp(world)
    first = with_password(world, FIRST, state="initial", portalInitialPasswordExpires="20991231000000Z")
    found = set()
    for target in targets(site):
        one = Browser(site, "en")
        one.get("/login")
        answer = one.post("/login", {"mail": plain.mail, "password": PASSWORD, "to": target})
        assert answer.status == 303
        found.update(leads(answer))
    some = [target for target in targets(site) if "evil" in target][::8]
    for n, target in enumerate(some):
        one = Browser(site, "en")
        one.get("/login")
        one.post("/login", {"mail": coded.mail, "password": PASSWORD, "to": target})
        world.modify(coded.uid, portalTOTPLastStep=None)
        answer = one.post("/login/code", {"code": code(world, coded), "step": step_of(one.get("/login/code"))})
        assert answer.status == 303, n
        found.update(leads(answer))
    one = Browser(site, "en")
    one.get("/login")
    one.post("/login", {"mail": first.mail, "password": FIRST, "to": "//evil.example"})
    answer = one.post("/password/new", {"step": step_of(one.get("/password")), "new-password": PASSWORD})
    found.update(leads(answer))
    found.update(leads(one.get(answer.header("Location"))))
    assert judge(found) == []


def names(answer):
    return [line.partition(":")[0].lower() for line in answer.head.split("\r\n")[1:]]


def test_no_header_is_made_of_what_was_sent(world, site, browser):
    one, visitor = browser(), browser()
    one.log_in(with_password(world))
    usual = set()
    for path in ("/", "/login", "/account", "/auth", "/nothing", "/language?language=en&path=/help"):
        usual.update(names(one.get(path)))
    usual |= {"location", "allow", "retry-after", "refresh", "set-cookie", "www-authenticate"}
    for split in SPLITS:
        answers = []
        for typed in (split, "/" + split, "/help" + split, "de" + split):
            for path in ("/login", "/language", "/auth/callback", "/auth/continue", "/totp/offer"):
                answers.append(one.get(asked(path, to=typed, path=typed, language=typed, request=typed, code=typed)))
            answers.append(one.get("/" + quote(typed, safe="/")))
            answers.append(one.get("/not-me/" + quote(typed, safe="")))
            answers.append(one.get("/account/sessions/" + quote(typed, safe="")))
            for path in ("/language", "/login", "/not-me", "/recover/forgotten", "/register"):
                names_sent = ("to", "path", "language", "mail", "reference", "policy")
                answers.append(visitor.post(path, dict.fromkeys(names_sent, typed)))
        for answer in answers:
            assert answer and answer.status < 500
            assert set(names(answer)) <= usual, (split, answer.head)
            assert not {"a", "portal-session"} & set(answer.cookies), answer.head
        visitor.get("/login")


def test_methods_and_hosts_in_headers_are_not_given_back(site):
    for name in ("X_Forwarded_Host", "X_Forwarded_Proto", "X_Original_URL", "X_Rewrite_URL", "X_HTTP_Method_Override",
                 "Forwarded", "X_Forwarded_Prefix", "X_Forwarded_Uri"):
        for path in ("/", "/login", "/account", "/auth"):
            answer = raw_http.get(site, path, **{name: "evil.example/x-injected"})
            assert b"evil.example" not in answer.data and b"x-injected" not in answer.data, (name, path)
