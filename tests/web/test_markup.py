"""Markup in whatever comes from outside: fields, addresses, cookies, headers, entries of the directory. Pages show it as
text: no element, attribute or script comes of it, and the page stays valid HTML."""

import re
from html.parser import HTMLParser
from urllib.parse import quote, urlencode

import pytest
import raw_http
from customer import PASSWORD, with_password
from test_forged_forms import CUSTOMER, FORMS, VISITOR, Sender
from totp_customer import code, with_totp

# Each would leave the place where a page may put it, or mean something to templates, URLs or scripts. mark() is nobody's.
VECTORS = (
    "<script>mark()</script>", "\"><script>mark()</script>", "'><img src=x onerror=mark()>",
    "\" onfocus=mark() autofocus x=\"", "' onmouseover='mark()", "</title><script>mark()</script>", "</textarea><svg onload=mark()>",
    "<!--<script>mark()</script>",
    "--><mark-it>", "]]><mark-it>", "javascript:mark()", "&lt;mark-it&gt;&#60;mark-it&#62;", "{{{token}}}{{> head}}{{/_}}",
    "<mark-it style=animation-name:x onanimationstart=mark()>", "%3Cmark-it%3E", "\u202e<mark-it>\u2028", "＜mark-it＞",
    "\\x3cmark-it\\x3e\\\"><mark-it>", "<base href=//evil.example>",
    "<meta http-equiv=refresh content=0;url=//evil.example>",
    "${mark()} #{mark()} <%= mark() %>", "<mark-it/<mark-it", "`><mark-it>", "%s%n%1$s%%",
)
ALL = " ".join(VECTORS)
NAMES = ("policy", "birthdate", "mail", "again", "asked", "take", "privacy", "terms", "password", "code", "puk", "to", "step",
         "new-password", "new-password-again", "twice", "handle", "mail-again", "reference", "language", "path")
# These read no field, and end what the others need.
PATHS = (*sorted(set(FORMS) - {"/logout", "/account/sessions/all"}), "/not-me", "/language")
QUERIES = ("to", "why", "done", "problem", "request", "code", "language", "path", "token")
PAGES = ("/", "/login", "/register", "/recover/mailed", "/help", "/logout", "/auth/continue", "/auth/callback", "/auth",
         "/password", "/account", "/totp/offer", "/totp/done", "/account/sessions", "/nothing")


class Page(HTMLParser):
    """What a browser would make of it, as far as that tells whether anything was added."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.bad = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        names = [name for name, _ in attributes]
        values = dict(attributes)
        allowed = tag not in ("base", "iframe", "object", "embed", "mark-it", "textarea")
        if tag == "script":
            allowed = (values.get("src") or "").startswith("/static/") and "src" in names
        if tag == "meta" and "http-equiv" in names:
            allowed = False
        if tag == "img" and not (values.get("src") or "").startswith(("/static/", "data:")):
            allowed = False
        if any(name.startswith("on") or name in ("style", "srcdoc", "autofocus") for name in names):
            allowed = False
        for name in ("href", "src", "action", "formaction"):
            where = values.get(name) or ""
            if re.match(r"\s*(javascript|data|vbscript):", where, re.I) or where.startswith(("//", "/\\")):
                allowed = False
        if not allowed or any("mark" in name or "<" in name for name in names):
            self.bad.append((tag, attributes))

    def handle_startendtag(self, tag, attributes):
        if tag not in ("path", "rect", "svg"):
            self.handle_starttag(tag, attributes)


def harm(answer):
    """What is wrong with an answer whose body may hold markup of ours."""
    kind = answer.header("Content-Type") or ""
    if kind.startswith("text/html"):
        return Page(answer.text).bad
    return [] if kind.startswith(("text/plain", "application/json")) or not answer.size else [("type", kind)]


@pytest.fixture(scope="module")
def people(world, site):
    c = with_password(world)
    return {VISITOR: Sender(site).as_visitor(), CUSTOMER: Sender(site).as_customer(c)}


def test_the_check_finds_what_it_is_for():
    for vector in ("<script>mark()</script>", "<img src=x onerror=mark()>", "<mark-it>", "<a href='javascript:mark()'>",
                   "<input value='' onfocus=mark() autofocus>", "<svg onload=mark()>", "<base href=//evil.example>"):
        assert Page(vector).bad, vector
    assert not Page('<a href="/help">x</a><script src="/static/a.js" defer></script>&lt;mark-it&gt;').bad


@pytest.mark.parametrize("path", PATHS)
def test_markup_in_every_field_of_every_form_is_text(people, validator, path):
    who = FORMS[path][0] if path in FORMS else VISITOR
    sender = people[who]
    pages = set()
    for vector in (*VECTORS, ALL):
        answer = sender.send(path, dict.fromkeys(NAMES, vector), sender.token)
        assert answer.status < 500 and not harm(answer), f"{vector}: {harm(answer)}"
        if (answer.header("Content-Type") or "").startswith("text/html") and answer.size:
            pages.add(answer.text)
    # The longest of them has all of what the others have.
    for page in sorted(pages, key=len)[-1:]:
        assert validator.errors(page) == []


@pytest.mark.parametrize("who", [VISITOR, CUSTOMER])
def test_markup_in_paths_and_queries_is_text(people, site, who):
    sender = people[who]
    cookies = "; ".join(f"{name}={value}" for name, value in sender.cookies.items())
    for vector in VECTORS:
        encoded = quote(vector, safe="")
        paths = [f"/{encoded}", f"/nothing/{encoded}", f"/confirm/{encoded}", f"/not-me/{encoded}", f"/login/{encoded}",
                 f"/recover/{encoded}", f"/help/{encoded}"]
        paths += [f"{page}?{urlencode(dict.fromkeys(QUERIES, vector))}" for page in PAGES]
        for path in paths:
            answer = raw_http.get(site, path, Cookie=cookies, Accept_Language="en")
            assert answer.status < 500 and not harm(answer), f"{path}: {harm(answer)}"


def test_markup_in_cookies_and_headers_is_text(people, site):
    cookies = dict(people[CUSTOMER].cookies)
    for vector in VECTORS:
        sent = vector.encode().decode("latin-1").replace("\r", "").replace("\n", "")
        headers = {name: sent.encode("latin-1", "ignore").decode("ascii", "ignore")
                   for name in ("User_Agent", "Accept_Language", "Referer", "X_Forwarded_Host", "X_Forwarded_Uri",
                                "X_Forwarded_Method", "X_Forwarded_Proto", "X_Original_URL", "X_Forwarded_For")}
        for page in ("/", "/account/sessions", "/nothing", "/auth", "/login"):
            some = "; ".join(f"{name}={value}" for name, value in cookies.items())
            broken = f'portal-language="{headers["User_Agent"]}"; portal-step={headers["User_Agent"].replace(";", "")}'
            for cookie in (some, broken):
                answer = raw_http.get(site, page, Cookie=cookie, **headers)
                assert answer.status < 500 and not harm(answer), f"{page}: {harm(answer)}"


def test_a_browsers_name_in_the_list_of_sessions_is_one_of_ours(world, site):
    c, sender = with_password(world), Sender(site, "en")
    sender.get("/login", User_Agent="<script>mark()</script> Firefox/1 <mark-it> Linux")
    sender.post("/login", {"mail": c.mail, "password": PASSWORD}, User_Agent="<script>mark()</script> Firefox/1 <mark-it> Linux")
    page = sender.get("/account/sessions").text
    assert "<h2>Firefox, Linux <" in page and "mark" not in page


def test_markup_in_an_entry_is_text_on_every_page(world, portal, validator):
    """In Chromium, with scripts: nothing of it runs, whatever page shows it."""
    c = with_totp(world)
    world.modify(c.uid, cn=ALL.replace("\\", ""), givenName=VECTORS[1], sn=VECTORS[2],
                 postalAddress="$".join(v.replace("\\", "").replace("$", "") for v in VECTORS[:6]),
                 portalConsent=f"privacy {VECTORS[0].replace(' ', '')} {'0' * 64} 20260102030405Z")
    p = portal(language="en")
    p.log_in(c.mail, PASSWORD).is_at("Enter the code")
    p.enter_code(code(world, c)).is_at("My account")
    for vector in VECTORS[:6]:
        assert " ".join(vector.split()) in " ".join(p.tab.text.split()), vector
    for path in ("/account", "/account/mail", "/totp", "/password", "/account/sessions"):
        p.go(path)
        assert p.tab.evaluate("typeof mark === 'undefined' && !document.querySelector('mark-it, [onerror], [onload], base')")
        assert not Page(p.tab.source).bad and validator.errors(p.tab.source) == [], path


def test_signs_of_markup_in_a_login_name_are_text(world, portal):
    """What an address may hold of it; the directory takes no more."""
    c = with_password(world, mail="a'b&amp{{token}}`@example.org")
    p = portal(language="en").log_in(c.mail, PASSWORD)
    p.is_at("My account")
    assert c.mail in p.tab.text
    for path in ("/account/mail", "/password"):
        p.go(path)
        assert p.tab.evaluate("document.querySelector('input.unseen').value") == c.mail
        assert not Page(p.tab.source).bad


# What the browser itself would let nobody type is put there all the same.
FILL = """(() => { for (const e of document.querySelectorAll('main input')) {
    if (e.type === 'hidden') continue;
    if (e.type === 'checkbox') { e.checked = true; continue }
    e.removeAttribute('maxlength'); if (e.type === 'email') e.type = 'text'; e.value = %r } })()"""


@pytest.mark.parametrize("path", ["/login", "/register", "/recover/letter", "/recover/forgotten", "/recover/mailed", "/not-me"])
def test_no_script_runs_that_was_typed(portal, path):
    """Chromium's own view of the page that comes back. What its policy had to stop would be among its complaints."""
    p = portal(language="en").go(path)
    p.tab.evaluate("window.mark = () => { window.marked = true }, 0")
    p.tab.evaluate(FILL % ALL)
    buttons = [b for b in p.tab.all("button", main=True) if b.name not in ("Show", "Hide")]
    buttons[0].press()
    assert p.tab.evaluate("typeof marked === 'undefined' && !document.querySelector('mark-it, [onerror], [onload], base')")
    assert p.tab.status < 500
