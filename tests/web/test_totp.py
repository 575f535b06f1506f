"""Codes from an app: set up, asked for, switched off."""

import base64
import re

import otp
import pytest
from customer import PASSWORD, with_password
from recoverer import with_puk
from totp_customer import code, set_up, with_totp

VARIANTS = [("de", True), ("en", False)]


@pytest.fixture(params=VARIANTS, ids=["german-script", "english-plain"])
def p(request, portal):
    return portal(language=request.param[0], javascript=request.param[1])


@pytest.fixture
def english(portal):
    """Where neither language nor script makes a difference."""
    return portal(language="en", javascript=False)


def app(p):
    """What the authenticator app knows after the key was typed in."""
    return base64.b32decode(p.secret + "=" * (-len(p.secret) % 8))


def begin(p, c):
    p.log_in(c.mail, PASSWORD).go("/totp").fill("Current password", PASSWORD)
    p.press("Continue").is_at("Set up codes from an app")


def finish(p, digits):
    p.fill("Code from the app", digits)
    return p.press("Finish")


def test_first_code_sets_them_up_and_the_session_goes_on(p, world):
    c = with_password(world)
    begin(p, c)
    finish(p, otp.code(app(p), at=world.now())).is_at("Codes from the app are set up")
    p.follow("Continue").is_at("My account")
    assert p.shows("switched on")
    assert world.portald.authenticate(c.mail, PASSWORD).verdict == "CODE_NEEDED"


def test_secret_stays_the_same_until_it_is_confirmed(english, world):
    c = with_password(world)
    begin(english, c)
    secret = english.secret
    assert re.fullmatch(r"[A-Z2-7]{32}", secret)
    english.tab.reload()
    assert english.secret == secret
    finish(english, "000000").is_at("Set up codes from an app")
    assert english.tab.status == 400 and english.secret == secret
    finish(english, otp.code(app(english), at=world.now())).is_at("Codes from the app are set up")


def test_picture_is_named_and_apps_and_help_are_at_hand(p, world):
    c = with_password(world)
    begin(p, c)
    assert p.tab.has(p.say("QR code for your app"), "image")
    assert "FreeOTP" in p.tab.text and f"{p.site}/help/totp" in p.tab.links


def test_wrong_password_shows_no_secret(english, world):
    c = with_password(world)
    english.log_in(c.mail, PASSWORD).go("/totp").fill("Current password", "Wolken")
    english.press("Continue").is_at("Set up codes from an app")
    assert english.shows("The password is not right.") and "otpauth" not in english.tab.source and 'id="secret"' not in english.tab.source


def test_they_are_offered_once_after_the_first_password(portal, world):
    first = "initial password from the letter"
    c = with_password(world, first, state="initial", portalInitialPasswordExpires="20991231000000Z")
    p = portal(language="en")
    p.log_in(c.mail, first, path="/login?to=/account/sessions").choose_password(PASSWORD).is_at("Your password is set")
    p.press("Set up now").is_at("Set up codes from an app")
    finish(p, otp.code(app(p), at=world.now())).is_at("Codes from the app are set up")
    p.follow("Continue").is_at("Where you are logged in")
    p.log_out()
    p.log_in(c.mail, PASSWORD).is_at("Enter the code")


def test_switching_off_takes_password_and_code(p, world):
    c = with_totp(world)
    p.log_in(c.mail, PASSWORD).enter_code(code(world, c)).go("/totp").is_at("Switch off codes from an app")
    p.fill("Current password", PASSWORD).press("Continue").is_at("Enter the code")
    assert world.portald.authenticate(c.mail, PASSWORD).verdict == "CODE_NEEDED"
    p.enter_code(code(world, c, 1)).is_at("My account")
    assert p.shows("Codes from an app are switched off. From now on your password alone suffices to log in.")
    assert world.portald.authenticate(c.mail, PASSWORD).verdict == "OK"


def test_switching_off_without_the_phone_takes_the_puk(english, world):
    c = set_up(world, with_puk(world))
    english.log_in(c.mail, PASSWORD).enter_code(code(world, c)).go("/totp")
    english.fill("Current password", PASSWORD).press("Continue").enter_puk(c.puk).is_at("My account")
    assert english.shows("Codes from an app are switched off. Your PUK was used with that and isn't valid any more.")
    english.go("/account").is_at("My account")


def test_setting_them_up_ends_sessions_without_a_code(portal, world):
    c = with_password(world)
    other = portal(language="en").log_in(c.mail, PASSWORD)
    mine = portal(language="en")
    begin(mine, c)
    finish(mine, otp.code(app(mine), at=world.now())).is_at("Codes from the app are set up")
    other.tab.wait(lambda: other.go("/account").tab.heading == "Log in", "the end of a session without a code")
    mine.go("/account").is_at("My account")


def test_nobody_gets_there_without_a_login(english):
    english.go("/totp").is_at("Log in")
    english.go("/totp/offer").is_at("Log in")
