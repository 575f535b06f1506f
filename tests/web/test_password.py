"""Choosing a password: the first one, another one from the account, and what is said of it before and after."""

import pytest
from customer import PASSWORD, with_password
from recoverer import NEW
from totp_customer import code, with_totp

VARIANTS = [("de", True), ("en", False)]
FIRST = "initial password from the letter"


@pytest.fixture(params=VARIANTS, ids=["german-script", "english-plain"])
def p(request, portal):
    return portal(language=request.param[0], javascript=request.param[1])


@pytest.fixture
def english(portal):
    """Where neither language nor script makes a difference."""
    return portal(language="en", javascript=False)


def with_first(world):
    return with_password(world, FIRST, state="initial", portalInitialPasswordExpires="20991231000000Z")


def confirm_password(p, password=PASSWORD):
    p.fill("Current password", password)
    return p.press("Continue")


def test_initial_password_is_changed_before_anything_else(p, world):
    c = with_first(world)
    p.log_in(c.mail, FIRST, path="/login?to=/account/sessions").is_at("Choose your personal password")
    p.go("/account").is_at("Log in")
    p.go("/password").is_at("Choose your personal password")
    p.choose_password(PASSWORD).is_at("Your password is set")
    p.follow("Later").is_at("Where you are logged in")
    assert c.state == "active"


def test_letter_of_the_real_journey_is_taken_as_it_is_typed(portal, world):
    c = world.customer()
    letter = c.initial()
    p = portal(language="de")
    p.log_in(c.mail, letter.password.lower().replace("-", " ")).is_at("Choose your personal password")
    p.choose_password(PASSWORD).is_at("Your password is set")


def test_rules_are_shown_before_and_the_reason_after(p, world):
    c = with_first(world)
    p.log_in(c.mail, FIRST)
    assert "12" in p.tab.text
    p.choose_password("kurz").is_at("Choose your personal password")
    assert p.tab.status == 400 and "12" in p.complaint
    p.choose_password("Passwort1234").is_at("Choose your personal password")
    assert p.complaint and "Passwort1234" not in p.tab.source
    p.choose_password(PASSWORD).is_at("Your password is set")


def test_without_the_script_both_must_be_alike(portal, world):
    c = with_first(world)
    p = portal(language="en", javascript=False)
    p.log_in(c.mail, FIRST).choose_password(PASSWORD, NEW).is_at("Choose your personal password")
    assert p.shows("The two passwords are not alike. Please enter the new one again, both times.")
    assert c.state == "initial"


def test_meter_says_what_would_be_said_of_the_password(portal, world):
    c = with_first(world)
    p = portal(language="en")
    p.log_in(c.mail, FIRST)
    p.fill("New password", "Passwort1234")
    p.tab.wait(lambda: p.shows("This password is little more than a word, a name, a date or a row of keys. Others could "
                               "guess it; please choose another one, for example three words that have nothing to do "
                               "with each other."), "what the meter says of a bad one")
    p.fill("New password", PASSWORD)
    p.tab.wait(lambda: p.shows("Good: others will hardly guess this password."), "what it says of a good one")
    assert c.state == "initial"


def test_meter_answers_nobody_without_a_step(portal):
    p = portal(language="en").go("/login")
    status = p.tab.evaluate("""fetch("/password/check", {method: "POST", body: new URLSearchParams({
        token: document.querySelector("[name=token]").value, password: "Passwort1234"})}).then(r => r.status)""")
    assert status == 204


def test_change_ends_other_sessions_and_keeps_this_one(p, world, portal):
    c = with_password(world)
    other = portal(language="en").log_in(c.mail, PASSWORD)
    other.is_at("My account")
    p.log_in(c.mail, PASSWORD).go("/password").is_at("Change your password")
    confirm_password(p, "Wolken").is_at("Change your password")
    assert p.shows("The password is not right.")
    confirm_password(p).is_at("Choose a new password")
    p.choose_password(PASSWORD).is_at("Choose a new password")
    assert p.shows("This is the password that you have now. Please choose another one.")
    p.choose_password(NEW).is_at("My account")
    assert p.shows("Your new password is set. Everywhere else you are logged out now; here you can go on.")
    p.go("/account").is_at("My account")
    other.tab.wait(lambda: other.go("/account").tab.heading == other.say("Log in"), "the other session's end")
    assert world.login(c.mail, NEW).ok and not world.login(c.mail, PASSWORD).ok


def test_change_asks_for_the_code_too(english, world):
    c = with_totp(world)
    english.log_in(c.mail, PASSWORD).enter_code(code(world, c)).go("/password")
    confirm_password(english).is_at("Enter the code")
    english.enter_code(code(world, c, 1)).is_at("Choose a new password")
    english.choose_password(NEW).is_at("My account")


def test_form_of_another_tab_changes_nothing(english, world):
    c = with_password(world)
    english.log_in(c.mail, PASSWORD).go("/password")
    confirm_password(english).is_at("Choose a new password")
    other = type(english)(english.tab.visitor.tab(), english.site).go("/totp")
    other.fill("Current password", PASSWORD).press("Continue").is_at("Set up codes from an app")
    english.choose_password(NEW).is_at("Please start again")
    assert world.login(c.mail, PASSWORD).ok


def test_fields_are_named_for_password_managers(portal, world):
    c = with_first(world)
    p = portal(language="en")
    p.log_in(c.mail, FIRST)
    named = p.tab.evaluate("""Array.from(document.querySelectorAll("main form [autocomplete]"),
        e => e.autocomplete + "=" + e.value).join()""")
    assert named == f"username={c.mail},new-password="


def test_password_given_for_one_change_serves_no_other(portal, world):
    c = with_password(world)
    p = portal(language="en").log_in(c.mail, PASSWORD).go("/account/mail")
    confirm_password(p).is_at("Change your e-mail address")
    assert p.tab.has("Mail the link")
    p.go("/password").is_at("Change your password")
    assert p.tab.field("Current password")
