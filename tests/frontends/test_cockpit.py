"""Cockpit's login page in a real browser: what a customer sees there, from the first login on."""

import re

import pytest

import circumstances
from cockpit import MESSAGE, PROMPT, Cockpit
from people import PASSWORD as OWN
from second_factor import Phone

NEW = "New password:"
AGAIN = "New password again:"
CODE = "ode"
KEY = re.compile(r"(?:[A-Z2-7]{4} ){7}[A-Z2-7]{4}")
WRONG = "Wrong user name or password"


@pytest.fixture(scope="module")
def daemon(host):
    made = Cockpit(host)
    yield made
    made.close()


@pytest.fixture
def cockpit(daemon):
    """With the guide's PAM service; a test may change that."""
    daemon.pam()
    return daemon


def test_personal_password_opens_a_session(cockpit, people):
    person = people.active()
    cockpit.login(person.name, OWN)
    assert cockpit.arrived() == [person.name, person.customer.uid]


def test_wrong_password_and_unknown_name_look_alike(cockpit, people):
    person = people.active()
    cockpit.login(person.name, "Das ist es nicht")
    said = cockpit.refusal()
    assert WRONG in said
    assert cockpit.is_out()
    cockpit.login("not-even-nss@example.org", "Das ist es nicht")
    assert cockpit.refusal() == said


def test_first_login_asks_for_a_personal_password(cockpit, people):
    person = people.initial()
    cockpit.login(person.name, person.password)
    assert "Please choose your personal password now." in cockpit.answer(NEW, OWN)
    cockpit.answer(AGAIN, OWN)
    assert cockpit.arrived() == [person.name, person.customer.uid]
    assert person.customer.state == "active"
    cockpit.login(person.name, OWN)
    assert cockpit.arrived() == [person.name, person.customer.uid]


def test_a_refused_new_password_is_asked_for_again_with_the_reason(cockpit, people):
    person = people.initial()
    cockpit.login(person.name, person.password)
    cockpit.answer(NEW, "kurz")
    cockpit.answer(AGAIN, "kurz")
    assert "This password is too short." in cockpit.answer(NEW, OWN)
    cockpit.answer(AGAIN, OWN)
    assert cockpit.arrived() == [person.name, person.customer.uid]


def test_locked_is_refused(cockpit, people, world):
    person = people.active()
    circumstances.lock(world, person)
    cockpit.login(person.name, OWN)
    assert "Your account is locked." in cockpit.refusal()
    assert cockpit.is_out()
    cockpit.login(person.name, "Das ist es nicht")
    assert WRONG in cockpit.refusal()


def test_throttled_is_refused_and_nothing_is_verified(cockpit, people, world):
    person = people.active()
    circumstances.fail_often(world.login, person.name)
    cockpit.login(person.name, OWN)
    assert "For your protection nothing was checked. Please try again in" in cockpit.refusal()
    assert cockpit.is_out()


def test_guessing_from_elsewhere_does_not_lock_out_a_known_address(cockpit, people, world):
    person = people.active()
    cockpit.login(person.name, OWN)
    cockpit.arrived()
    circumstances.fail_often(lambda name, guess: world.portald.authenticate(name, guess, CLIENT="127.0.0.9"),
                             person.name)
    assert world.portald.authenticate(person.name, OWN, CLIENT="127.0.0.9").verdict == "THROTTLED"
    cockpit.login(person.name, OWN)
    assert cockpit.arrived() == [person.name, person.customer.uid]


def test_expired_initial_password_is_refused(cockpit, people, world):
    """Cockpit has its own words for every failed authentication."""
    person = people.initial()
    circumstances.expire(world, person)
    cockpit.login(person.name, person.password)
    assert WRONG in cockpit.refusal()
    assert cockpit.is_out()
    assert person.customer.state == "initial"


def test_the_code_is_asked_after_the_password(cockpit, people):
    person = people.with_code()
    cockpit.login(person.name, OWN)
    cockpit.answer(CODE, person.phone.code())
    assert cockpit.arrived() == [person.name, person.customer.uid]


def test_a_wrong_code_is_refused(cockpit, people):
    person = people.with_code()
    cockpit.login(person.name, OWN)
    cockpit.answer(CODE, person.phone.wrong())
    assert "Authentication failed" in cockpit.refusal()
    assert cockpit.is_out()


def test_set_up_goes_by_typing_the_secret(cockpit, people, world):
    """Cockpit's login page shows no block characters, so there is no QR code to be scanned."""
    person = people.active()
    cockpit.pam("enroll=require")
    cockpit.login(person.name, OWN)
    cockpit.browser.wait(lambda: CODE in cockpit.browser.text(PROMPT), "the question for a first code")
    said = cockpit.browser.text(MESSAGE)
    person.phone = Phone(world, "otpauth://totp/typed?secret=" + KEY.search(said)[0].replace(" ", ""))
    cockpit.answer(CODE, person.phone.code())
    assert cockpit.arrived() == [person.name, person.customer.uid]
    assert person.customer.attribute("portalTOTPSecret")


def test_a_first_code_that_is_wrong_sets_nothing_up(cockpit, people):
    person = people.active()
    cockpit.pam("enroll=offer")
    cockpit.login(person.name, OWN)
    cockpit.answer(CODE, "12345")
    cockpit.answer(CODE, "")
    assert cockpit.arrived() == [person.name, person.customer.uid]
    assert person.customer.attribute("portalTOTPSecret") is None
