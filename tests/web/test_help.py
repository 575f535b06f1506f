"""Help, the texts that are consented to, and the switch of language: all there in both languages, no link into nothing."""

import re

import pytest
import raw_http
from visitor_forms import Forms, plain

LANGUAGES = ("de", "en")
PAGES = ("/", "/register", "/register/done", "/recover/letter", "/recover/letter/done", "/not-me", "/help", "/help/totp",
         "/privacy", "/terms", "/confirm/abc", "/login", "/recover")
TOPICS = ("address", "mail", "link", "letter", "initial", "forgotten", "phone", "strange", "support")


def look(site, path, language="de"):
    return raw_http.get(site, path, Accept_Language=language)


@pytest.mark.parametrize("language", LANGUAGES)
def test_help_is_there_for_every_step(site, language):
    answer = look(site, "/help", language)
    assert answer.status == 200
    for topic in TOPICS:
        assert f'<h2 id="{topic}">' in answer.text and f'href="#{topic}"' in answer.text, topic
    for number in ("48", "30"):
        assert re.search(rf"\b{number}\b", plain(answer.text)), number
    assert "service@versicherung.example" in plain(answer.text)


@pytest.mark.parametrize("language", LANGUAGES)
def test_setting_up_codes_is_told_step_by_step(site, language):
    text = plain(look(site, "/help/totp", language).text)
    for word in ("FreeOTP", "Aegis", "Google Authenticator", "Microsoft Authenticator", "2FAS", "iPhone", "Android", "TOTP",
                 "1.", "2.", "3.", "4."):
        assert word in text, word
    assert 'id="clock"' in look(site, "/help/totp", language).text


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_link_of_these_pages_leads_into_nothing(site, language):
    targets = {}
    for page in PAGES:
        for href in re.findall(r'href="([^"]*)"', look(site, page, language).text):
            path, _, anchor = href.partition("#")
            targets.setdefault(path or page, set()).add(anchor)
            assert href.startswith(("/", "#")), href
    for path, anchors in targets.items():
        answer = look(site, path, language)
        assert answer.status in (200, 303) or path.startswith("/confirm"), f"{path}: {answer.status}"
        for anchor in filter(None, anchors):
            assert f'id="{anchor}"' in answer.text, f"{path}#{anchor}"


def test_an_unknown_page_is_said_not_to_exist(site):
    for path in ("/help/nothing", "/register/nothing", "/recover/letter/nothing"):
        answer = look(site, path)
        assert answer.status == 404 and Forms(site).say("This page doesn't exist") in plain(answer.text)


def test_the_switch_changes_the_language_and_leads_back(site):
    forms = Forms(site, "de")
    assert 'lang="de"' in forms.get("/help").text
    answer = forms.post("/language", {"language": "en", "path": "/help"})
    assert (answer.status, answer.header("Location")) == (303, "/help")
    cookie = answer.header("Set-Cookie")
    assert "HttpOnly" in cookie and "SameSite=Lax" in cookie and "Path=/" in cookie and "Max-Age=" in cookie
    assert '<html lang="en">' in forms.get("/help").text
    assert forms.get("/language?language=de&path=/help/totp").header("Location") == "/help/totp"
    assert '<html lang="de">' in forms.get("/help").text


@pytest.mark.parametrize("path", ("//evil.example", "https://evil.example/", "/\\evil.example", "/%5Cevil.example", "help",
                                  "javascript:alert(1)", "/a\r\nSet-Cookie: x=1", "", "\\\\evil.example", "/" * 600))
def test_the_switch_leads_to_no_other_site(site, path):
    answer = raw_http.post(site, "/language", {"language": "en", "path": path})
    assert "evil" not in (answer.header("Location") or "") or answer.header("Location").startswith("/%5C")
    assert answer.status in (303, 400) and "x=1" not in answer.head
    if answer.status == 303 and not path.startswith("/%5C"):
        assert answer.header("Location") == "/"


def test_the_switch_knows_two_languages(site):
    for language in ("", "fr", "de; x=1", "DE"):
        answer = raw_http.post(site, "/language", {"language": language, "path": "/"})
        assert answer.status == 303 and answer.header("Set-Cookie") is None
