"""Mails that tell customers what was done to their account: each arrives once, says what happened and when, and undoes
it with "this wasn't me". Also when portald is killed between writing and settling."""

import os
import re
import signal
from concurrent.futures import ThreadPoolExecutor

import pytest

import otp
from customer import PASSWORD, World, is_gone, wait_for, with_password
from directory_gate import MODIFY, gate_before
from sandbox import Sandbox

OTHER = "Schnee auf dem Gartentor"
LOGIN, CHANGE, ENROLL = 0, 1, 2  # purposes
CODE = re.compile(r"^ +(\d{4} \d{4})\s*$", re.M)
WHEN = {"de": re.compile(r"Wann: \d{1,2}\. \w+ 20\d\d, \d\d:\d\d Uhr"), "en": re.compile(r"When: \d{1,2} \w+ 20\d\d, \d\d:\d\d")}


@pytest.fixture(scope="module")
def box():
    box = Sandbox("--customers", "80")
    yield box
    box.close()


@pytest.fixture(scope="module")
def world(box):
    return World(box)


@pytest.fixture(scope="module")
def gate(box, world):
    """From here on portald reaches slapd through it."""
    gate = gate_before(box)
    box.restart("portald")
    yield gate
    gate.close()


@pytest.fixture
def aside():
    pool = ThreadPoolExecutor(2)
    yield pool.submit
    pool.shutdown()


def wish(world, verb, c):
    done = world.box.ctl(verb, c.uid)
    assert done.returncode == 0, done.stderr


def notices(world, c):
    """Everything that c was mailed, once nothing is on its way any more and the entry knows."""
    world.wait_for_rest()
    wait_for(lambda: "portalJob" not in world.entry(c.uid), what="the end of the jobs in the entry")
    return world.mails(c.mail)


def one_notice(world, c, subject, language="de"):
    mails = notices(world, c)
    assert [m.message["Subject"].partition(": ")[2] for m in mails] == [subject]
    mail = mails[0]
    assert mail.message["Content-Language"] == language
    assert WHEN[language].search(mail.text)
    html = mail.message.get_body(("html",)).get_content()
    for text in (mail.text, html):
        assert f"/not-me/{mail.reference}" in text
        assert text.count(mail.reference) >= 2
    return mail


def press(world, mail):
    done = world.box.ctl("not-me", mail.reference)
    assert done.returncode == 0, done.stderr


def enrolled(world, c):
    """Sets TOTP up as a page would, and returns the secret."""
    ask = {"USER": c.mail, "SERVICE": "test", "LANGUAGE": "de"}
    grant = world.portald.authenticate(c.mail, PASSWORD, PURPOSE=ENROLL).get("GRANT")
    begun = world.portald.ask("api", "ENROLL", GRANT=grant, **ask)
    assert begun.verdict == "OK", begun.text
    secret = otp.secret_of(begun.get("URI"))
    done = world.portald.ask("api", "ENROLL_CODE", STATE=begun.get("STATE"), CODE=otp.code(secret, world.now()), **ask)
    assert done.verdict == "OK", done.text
    return secret


def changed(world, c, old, new):
    grant = world.portald.authenticate(c.mail, old, PURPOSE=CHANGE).get("GRANT")
    reply = world.portald.change(c.mail, grant, new)
    assert reply.verdict == "OK", reply.text


# What happens, and the subject of the one mail that tells of it. ------------------------------------

def test_setting_up_totp_is_told_once_and_can_be_reported(world):
    c = with_password(world)
    enrolled(world, c)
    mail = one_notice(world, c, "Anmeldung mit Code ist eingeschaltet")
    press(world, mail)
    assert c.state == "locked"
    assert world.portald.authenticate(c.mail, PASSWORD).verdict != "OK"


def test_taking_totp_away_is_told_once_and_can_be_reported(world):
    c = with_password(world, portalTOTPSecret=b"sealed by nobody")
    wish(world, "totp-off", c)
    mail = one_notice(world, c, "Anmeldung mit Code ist ausgeschaltet")
    press(world, mail)
    assert world.portald.authenticate(c.mail, PASSWORD).verdict == "LOCKED"
    press(world, mail)  # again: nothing more to do, and no error
    assert c.state == "locked"


def test_notices_come_in_the_customers_language(world):
    c = with_password(world, language="en", portalTOTPSecret=b"sealed by nobody")
    wish(world, "totp-off", c)
    mail = one_notice(world, c, "Log-in with a code is switched off", "en")
    assert "we lock your account at once" in mail.text


def test_restart_is_told_once_and_reporting_it_keeps_the_address(world):
    c = with_password(world)
    wish(world, "restart", c)
    mail = one_notice(world, c, "Ihr Konto wurde zurückgesetzt")
    assert c.state == "initial"
    press(world, mail)
    assert c.state == "locked"
    assert c.attribute("mail") == c.mail
    assert "before: initial" in c.attribute("portalLockReason")


def test_first_personal_password_is_told_once(world):
    c = world.customer()
    letter = c.initial()
    before = len(world.mails(c.mail))
    changed(world, c, letter.password, PASSWORD)
    mails = notices(world, c)[before:]
    assert [m.message["Subject"].partition(": ")[2] for m in mails] == ["Ihr Passwort ist eingerichtet"]
    press(world, mails[0])
    assert c.state == "locked"


def test_changed_password_is_told_once_and_can_be_reported(world):
    c = with_password(world)
    changed(world, c, PASSWORD, OTHER)
    press(world, one_notice(world, c, "Ihr Passwort wurde geändert"))
    assert world.portald.authenticate(c.mail, OTHER).verdict == "LOCKED"


def test_refused_password_is_told_to_nobody(world):
    c = with_password(world)
    grant = world.portald.authenticate(c.mail, PASSWORD, PURPOSE=CHANGE).get("GRANT")
    assert world.portald.change(c.mail, grant, "kurz").verdict == "REFUSED"
    assert world.portald.change(c.mail, grant, PASSWORD).verdict == "REFUSED"
    assert notices(world, c) == []


def forgotten(world, c):
    """Asks for a code and returns the mail that came with it."""
    before = len(world.mails(c.mail))
    reply = world.portald.ask("api", "FORGOTTEN", USER=c.mail, SERVICE="test", LANGUAGE="de")
    assert reply.verdict == "OK", reply.text
    return world.wait_for_mail(c.mail, before + 1)


def test_code_and_puk_set_a_password_and_both_are_told_once(world):
    c = world.customer()
    letter = c.active()
    before = len(notices(world, c))
    mail = forgotten(world, c)
    assert mail.message["Subject"].endswith("Ihr Code für ein neues Passwort")
    code = CODE.search(mail.text)[1]
    assert code in mail.message.get_body(("html",)).get_content()
    ask = {"USER": c.mail, "SERVICE": "test", "LANGUAGE": "de"}
    reply = world.portald.ask("api", "RECOVER", CODE=code, PUK=letter.puk, **ask)
    assert reply.verdict == "OK", reply.text
    assert world.portald.change(c.mail, reply.get("GRANT"), OTHER).verdict == "OK"
    later = notices(world, c)[before + 1:]
    told = {m.message["Subject"].partition(": ")[2]: m for m in later}
    assert len(later) == len(told)
    assert set(told) == {"Ihr Passwort wurde geändert", "Ihre PUK wurde verwendet"}
    press(world, told["Ihre PUK wurde verwendet"])
    assert world.portald.authenticate(c.mail, OTHER).verdict == "LOCKED"


def test_who_did_not_ask_for_the_code_can_lock_the_account(world):
    c = with_password(world, portalPUK="$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0c2FsdA$" + "A" * 43)
    press(world, forgotten(world, c))
    assert world.portald.authenticate(c.mail, PASSWORD).verdict == "LOCKED"


def test_unrequested_mail_is_limited_and_notices_are_not(world):
    c = with_password(world)
    for _ in range(5):
        world.modify(c.uid, portalTOTPSecret=b"sealed by nobody")
        wish(world, "totp-off", c)
    assert len(notices(world, c)) == 5


def kill(box):
    portald = int(box["PORTALD_PID"])
    os.kill(portald, signal.SIGKILL)
    wait_for(lambda: is_gone(portald), what="the end of portald")
    box.start("portald")


def staged(world, c):
    jobs = world.portald.control("queue-list", kind="mail")["jobs"]
    return [j for j in jobs if j["subject"] == c.uid and j["state"] == "staged"]


# Where the change is when portald is killed: before its write reaches slapd, or after it. ------------

@pytest.mark.parametrize("written", [True, False], ids=["answer lost", "write lost"])
def test_killed_between_write_and_settle_the_notice_comes_once_or_the_change_never_was(world, gate, aside, written):
    c = with_password(world, portalTOTPSecret=b"sealed by nobody")
    with gate.stop(MODIFY, c.uid, answers=written) as stop:
        stop.lost = True
        aside(world.box.ctl, "totp-off", c.uid)
        assert stop.caught.wait(10)
        kill(world.box)
        wait_for(lambda: not staged(world, c), what="the clerk's look at the staged row")
    if written:
        press(world, one_notice(world, c, "Anmeldung mit Code ist ausgeschaltet"))
        assert c.state == "locked"
    else:
        assert notices(world, c) == []
        assert "portalTOTPSecret" in world.entry(c.uid)
        wish(world, "totp-off", c)
        one_notice(world, c, "Anmeldung mit Code ist ausgeschaltet")

