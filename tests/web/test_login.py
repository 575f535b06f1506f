"""Logging in through the portal: password, code or PUK, and every way in which that can fail."""

import re

import pytest
import raw_http
from customer import PASSWORD, with_password
from recoverer import with_puk
from totp_customer import code, set_up, unused, with_totp, wrong_code

VARIANTS = [("de", True), ("en", False)]


@pytest.fixture(params=VARIANTS, ids=["german-script", "english-plain"])
def p(request, portal):
    return portal(language=request.param[0], javascript=request.param[1])


@pytest.fixture
def english(portal):
    """Where neither language nor script makes a difference."""
    return portal(language="en", javascript=False)


def ends_on(p, path):
    return re.sub(r"^https?://[^/]+", "", p.tab.url) == path


def test_password_leads_to_the_account(p, world):
    c = with_password(world)
    p.log_in(c.mail, PASSWORD).is_at("My account")
    p.go("/login").is_at("My account")


def test_wrong_password_keeps_the_address_and_never_the_password(p, world):
    c = with_password(world)
    p.log_in(c.mail, "Wolken über dem Acker").is_at("Log in")
    assert p.shows("The e-mail address or the password is not right.")
    assert p.tab.title.startswith(p.say("Please note:"))
    assert not p.tab.visitor.javascript or p.tab.evaluate("document.activeElement.id") == "notice"
    assert p.tab.field(p.say("E-mail address")).value == c.mail
    assert p.tab.field(p.say("Password")).value == ""
    assert "Wolken" not in p.tab.source


def test_blanks_around_the_address_are_no_mistake(english, world):
    c = with_password(world)
    english.log_in(f" {c.mail.upper()} ", PASSWORD).is_at("My account")


@pytest.mark.parametrize("mail, password, said", [
    ("", PASSWORD, "Please enter your e-mail address."),
    ("somebody@example.org", "", "Please enter your password."),
])
def test_what_is_missing_is_named(english, mail, password, said):
    english.log_in(mail, password).is_at("Log in")
    assert english.shows(said)


def test_typing_error_in_the_letters_code_is_said_to_be_one(english, world):
    c = with_password(world, state="initial", portalInitialPasswordExpires="20991231000000Z")
    english.log_in(c.mail, "7K3F-9QXM-2B4T-HW6V").is_at("Log in")
    assert english.shows("There is a typing error in the code. Please compare it with your letter, character by character, "
                   "and try again. This attempt does not count.")


def test_expired_initial_password_leads_to_a_new_letter(english, world):
    c = with_password(world, state="initial", portalInitialPasswordExpires="20260101000000Z")
    english.log_in(c.mail, PASSWORD).is_at("Log in")
    english.follow("Have a new letter sent")
    assert ends_on(english, "/recover/letter")


@pytest.mark.parametrize("state, said", [
    ("locked", "Your account is locked. Please contact our customer service."),
    ("closed", "Your account has been closed, because the contract has ended. If you have questions, please contact "
               "our customer service."),
])
def test_locked_and_closed_accounts_say_so_behind_the_right_password_only(english, world, state, said):
    c = with_password(world, state=state)
    english.log_in(c.mail, PASSWORD).is_at("Log in")
    assert english.shows(said) and english.tab.status == 403
    assert "service@versicherung.example" in english.tab.text
    english.log_in(c.mail, "Wolken über dem Acker")
    assert not english.shows(said)


def test_throttled_login_says_how_long_to_wait(p, world):
    c = with_password(world, portalPasswordFailures="7", portalPasswordRetryAfter="20991231000000Z")
    p.log_in(c.mail, PASSWORD).is_at("Log in")
    assert p.tab.status == 429
    assert re.search(r"\d+ (Tage|days)", p.complaint)


def test_known_and_unknown_names_are_answered_by_the_same_bytes(world, site):
    c = with_password(world)
    answers = []
    for name in (c.mail, "x" + c.mail[1:]):
        client = raw_http.Client(site)
        client.get("/login")
        answer = client.post("/login", {"mail": name, "password": "Wolken"})
        answers.append(answer.said.replace(name.encode(), b"NAME"))
    assert b"<h1>" in answers[0] and answers[0] == answers[1]


def test_login_leads_where_one_was_going(p, world):
    c = with_password(world)
    p.go("/account/sessions").is_at("Log in")
    p.fill("E-mail address", c.mail).fill("Password", PASSWORD).press("Log in").is_at("Where you are logged in")


@pytest.mark.parametrize("to", ["https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:alert(1)"])
def test_login_leads_nowhere_else(portal, world, to):
    c = with_password(world)
    p = portal(language="en")
    p.log_in(c.mail, PASSWORD, path=f"/login?to={to}").is_at("My account")
    assert p.tab.url.startswith(p.site)
    p.go(f"/login?to={to}").is_at("My account")
    p.go(f"/totp/offer?to={to}")
    assert p.tab.link("Later").address == f"{p.site}/account"


def test_code_is_asked_for_behind_the_password(p, world):
    c = with_totp(world)
    p.log_in(c.mail, PASSWORD, path="/login?to=/account/sessions").is_at("Enter the code")
    field = p.tab.field(p.say("Code from the app"))
    assert field.run("function() { return this.inputMode + ' ' + this.autocomplete }") == "numeric one-time-code"
    p.enter_code(wrong_code(world, c)).is_at("Enter the code")
    assert p.tab.status == 400 and p.complaint
    p.enter_code("").is_at("Enter the code")
    assert p.shows("Please enter the six digits that your app shows.")
    p.enter_code(code(world, c)).is_at("Where you are logged in")


def test_puk_takes_the_codes_place_and_what_follows_is_said(p, world):
    c = set_up(world, with_puk(world))
    p.log_in(c.mail, PASSWORD, path="/login?to=/account/sessions").enter_puk(c.wrong_puk)
    p.is_at("Use the PUK instead of the code")
    assert p.tab.status == 400
    p.fill("PUK from your letter", c.puk).press("Continue").is_at("Codes from the app are switched off")
    p.follow("Later").is_at("Where you are logged in")
    p.go("/account")
    assert p.shows("a letter with a new one is on its way to you")


def test_back_button_after_login_leads_on(english, world):
    c = with_totp(world)
    english.log_in(c.mail, PASSWORD)
    english.enter_code(code(world, c)).is_at("My account")
    english.go("/login/code").is_at("My account")


def test_code_page_of_another_tab_says_that_it_is_over(english, world):
    c = with_totp(world)
    english.log_in(c.mail, PASSWORD).is_at("Enter the code")
    other = type(english)(english.tab.visitor.tab(), english.site)
    other.log_in(c.mail, PASSWORD).is_at("Enter the code")
    english.enter_code(code(world, c)).is_at("Please start again")
    other.enter_code(code(world, c)).is_at("My account")


def test_reloading_what_a_login_led_to_logs_in_nobody_again(english, world):
    c = with_totp(world)
    english.log_in(c.mail, PASSWORD)
    english.enter_code(code(world, c)).is_at("My account")
    unused(world, c)
    english.tab.reload()
    english.is_at("My account")


def test_code_page_without_a_login_says_to_begin(english):
    english.go("/login/code").is_at("Please start again")
    english.follow("Start again").is_at("Log in")


def test_fields_are_named_for_password_managers(portal):
    p = portal(language="en").go("/login")
    names = [p.tab.field(label).run("function() { return this.autocomplete }") for label in ("E-mail address", "Password")]
    assert names == ["username", "current-password"]


def test_password_can_be_shown_with_the_script(portal):
    p = portal(language="en").go("/login")
    p.fill("Password", "abc")
    p.tab.click("Show")
    assert p.tab.field("Password").run("function() { return this.type }") == "text"
    p.tab.click("Hide")
    assert p.tab.field("Password").run("function() { return this.type }") == "password"
