"""Every page that can be looked at, in both languages, with scripts and without: nothing wrong with it for a browser, a
screen reader, a keyboard, a small screen, or the W3C. What the browser complains of is looked at after each test."""

import re
import time
from urllib.parse import urldefrag, urlsplit

import axe
import focus
import pytest
import raw_http
from browser import WIDTHS
from customer import PASSWORD, with_password
from pages import INSIDE, OPEN

VARIANTS = [(language, javascript) for language in ("de", "en") for javascript in (True, False)]
SCROLLS = "document.documentElement.scrollWidth > document.documentElement.clientWidth"


def inspect(p, path, validator):
    """All that a page must never be, whatever it is about: the complaints."""
    found = [f"not in the visitor's language but {p.tab.language}"] * (p.tab.language != p.tab.visitor.language)
    # As built by scripts and as sent, once each: that the texts are another language's is nothing to axe.
    if (p.tab.visitor.language == "de") == p.tab.visitor.javascript:
        found += axe.violations(p.tab)
    found += validator.errors(p.tab.source)
    for width in WIDTHS:
        p.tab.resize(width)
        if p.tab.evaluate(SCROLLS):
            found.append(f"wider than its {width} pixels")
        p.tab.picture(f"{path.strip('/') or 'home'}-{p.tab.language}-{'js' if p.tab.visitor.javascript else 'plain'}-{width}")
    p.tab.resize(p.tab.visitor.width)
    return [f"{path}: {line}" for line in found]


@pytest.mark.parametrize("language, javascript", VARIANTS)
def test_open_pages_are_sound(portal, validator, language, javascript):
    p = portal(language=language, javascript=javascript)
    found = []
    for path in OPEN:
        found += inspect(p.go(path), path, validator)
    assert not found, "\n".join(found)


@pytest.mark.parametrize("language, javascript", VARIANTS)
def test_pages_behind_the_login_are_sound(world, portal, validator, language, javascript):
    customer = with_password(world, language=language)
    p = portal(language=language, javascript=javascript).log_in(customer.mail, PASSWORD, "/account")
    p.is_at("My account")
    found = []
    for path in INSIDE:
        found += inspect(p.go(path), path, validator)
    assert not found, "\n".join(found)


@pytest.mark.parametrize("language", ["de", "en"])
def test_every_link_leads_somewhere(portal, site, language):
    p = portal(language=language)
    links = {}
    for path in OPEN:
        for link in p.go(path).tab.links:
            links.setdefault(link, path)
    inside = {link for link in links if urlsplit(link).scheme in ("http", "https")}
    assert len(inside) > 10
    texts = {}
    for link in sorted(inside):
        address, anchor = urldefrag(link)
        assert address.startswith(site + "/"), f"{links[link]} leads to another host: {link}"
        if address not in texts:
            answer = raw_http.get(site, address[len(site):], Accept_Language=language)
            # Those that want a login lead there.
            unknown = urlsplit(address).path in ("/nothing", "/confirm/unknown", "/not-me/unknown")
            assert unknown or answer.status in (200, 303), f"{links[link]} leads to {link}: {answer.status}"
            texts[address] = answer.text
        assert not anchor or f'id="{anchor}"' in texts[address], f"{links[link]} leads to {link}, which isn't there"


@pytest.mark.parametrize("path", ["/", "/register", "/login", "/help"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_focus_can_be_seen(portal, path, scheme):
    found = focus.unseen(portal(scheme=scheme).go(path).tab)
    assert not found, "\n".join(found)


def test_style_sheet_is_valid(portal, site, validator):
    p = portal().go("/")
    sheets = p.tab.evaluate("Array.from(document.querySelectorAll('link[rel=stylesheet]'), l => l.href)")
    assert len(sheets) == 1
    answer = raw_http.get(site, sheets[0][len(site):])
    assert answer.status == 200 and answer.header("Content-Type") == "text/css; charset=utf-8"
    assert validator.errors(answer.text, "text/css") == []


@pytest.mark.parametrize("language, other", [("de", "en"), ("en", "de")])
def test_language_is_switched_and_stays(portal, language, other):
    p = portal(language=language).go("/register")
    p.is_at("Register")
    p.switch_language()
    assert p.language == other and p.is_at("Register") and p.tab.path == "/register"
    p.go("/login")
    assert p.language == other and p.is_at("Log in")


def test_nothing_is_printed_that_is_of_no_use_on_paper(portal):
    p = portal().go("/help")
    p.tab.media("light", "print")
    assert not p.tab.evaluate(SCROLLS)
    visible = "Array.from(document.querySelectorAll('main button, form.language, nav')).filter(e => e.offsetParent)"
    assert p.tab.evaluate(f"{visible}.length") == 0


def test_pages_come_at_once(portal):
    """No page waits for something that isn't there: a font, a picture, another host."""
    p = portal().go("/login")
    began = time.monotonic()
    p.go("/register")
    assert time.monotonic() - began < 20
    assert all(re.match(r"(http://127\.0\.0\.1:|data:)", url) for url in p.tab.requests)
