"""The account's pages: what is on file, another address, sessions, logging out."""

import re

import pytest
from customer import PASSWORD, with_password
from recoverer import with_puk
from totp_customer import code, with_totp

VARIANTS = [("de", True), ("en", False)]


@pytest.fixture(params=VARIANTS, ids=["german-script", "english-plain"])
def p(request, portal):
    return portal(language=request.param[0], javascript=request.param[1])


@pytest.fixture
def english(portal):
    """Where neither language nor script makes a difference."""
    return portal(language="en", javascript=False)


def entry_lines(world, c):
    entry = world.entry(c.uid)
    return [*entry["cn"], *entry["portalPolicyNumber"], *entry["postalAddress"][0].split("$"), c.mail]


def test_all_that_is_on_file_is_shown(p, world):
    c = with_puk(world, portalConsent="privacy 1 " + "0" * 64 + " 20260102030405Z")
    p.log_in(c.mail, PASSWORD).is_at("My account")
    for line in entry_lines(world, c):
        assert line in p.tab.text
    year, _, day = c.birthdate.split("-")
    assert re.search(rf"\b{int(day)}\.? \w+ {year}\b", p.tab.text)
    assert p.shows("Privacy notice") and p.shows("in your latest letter; please keep it in a safe place")
    assert p.shows("not set up") and "service@versicherung.example" in p.tab.text


def test_markup_in_an_entry_is_text(portal, world):
    c = with_password(world, cn="<img src=x onerror=alert(1)>")
    p = portal(language="en").log_in(c.mail, PASSWORD)
    assert "<img src=x onerror=alert(1)>" in p.tab.text


def test_another_address_waits_for_its_link(p, world):
    c = with_totp(world)
    new = f"neu-{c.uid}@example.net"
    p.log_in(c.mail, PASSWORD).enter_code(code(world, c)).go("/account/mail").is_at("Change your e-mail address")
    p.fill("Current password", PASSWORD).press("Continue").enter_code(code(world, c, 1)).is_at("Change your e-mail address")
    p.press("Mail the link")
    assert p.shows("Please enter your e-mail address.") and p.tab.title.startswith(p.say("Please check:"))
    p.fill("New e-mail address", new).fill("New e-mail address, once more", "x" + new).press("Mail the link")
    assert p.tab.field(p.say("New e-mail address")).value == new and p.tab.status == 400
    p.fill("New e-mail address, once more", new).press("Mail the link").is_at("Please look into your new mailbox")
    mail = world.wait_for_mail(new)
    p.follow("To my account").is_at("My account")
    assert new in p.tab.text and c.attribute("mail") == c.mail
    p.confirm(mail.token)
    assert c.attribute("mail") == new


def test_another_address_takes_the_password_first(english, world):
    c = with_password(world)
    english.log_in(c.mail, PASSWORD).go("/account/mail").fill("Current password", "Wolken")
    english.press("Continue").is_at("Change your e-mail address")
    assert english.shows("The password is not right.") and not english.tab.has(english.say("Mail the link"))


def test_sessions_are_listed_and_one_can_be_ended(p, world, portal):
    c = with_password(world)
    other = portal(language="en").log_in(c.mail, PASSWORD)
    p.log_in(c.mail, PASSWORD).go("/account/sessions").is_at("Where you are logged in")
    assert len(p.tab.all("button", p.say("Log out here"))) == 1
    p.press("Log out there").is_at("Where you are logged in")
    assert p.shows("You are logged out there.") and not p.tab.has(p.say("Log out there"))
    other.go("/account").is_at("Log in")
    p.go("/account").is_at("My account")


def test_logging_out_everywhere_ends_all(english, world, portal):
    c = with_password(world)
    other = portal(language="en").log_in(c.mail, PASSWORD)
    english.log_in(c.mail, PASSWORD).go("/account/sessions").press("Log out everywhere").is_at("You are logged out")
    english.go("/account").is_at("Log in")
    other.tab.wait(lambda: other.go("/account").tab.heading == "Log in", "the other session's end")


def test_logging_out_takes_the_button(p, world):
    c = with_password(world)
    p.log_in(c.mail, PASSWORD).go("/logout").is_at("Log out")
    p.go("/account").is_at("My account")
    kept = list(p.tab.visitor.cookies.values())
    p.tab.arrive(p.tab.all("button", p.say("Log out"))[-1].click, "the end of the session")
    p.is_at("You are logged out")
    p.tab.visitor.set_cookies(*kept)
    p.go("/account").is_at("Log in")


def test_session_that_ended_meanwhile_leads_back_after_a_login(english, world):
    c = with_password(world)
    english.log_in(c.mail, PASSWORD).is_at("My account")
    world.modify(c.uid, portalSessionEpoch="77")
    english.tab.wait(lambda: english.go("/account/sessions").tab.heading == english.say("Log in"), "the session's end")
    assert english.shows("You are not logged in any more: your password or your e-mail address was changed, or "
                         "somebody logged you out from another device. Please log in again: you will then be where you were.")
    english.fill("E-mail address", c.mail).fill("Password", PASSWORD).press("Log in").is_at("Where you are logged in")
