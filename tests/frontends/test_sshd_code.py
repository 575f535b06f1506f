"""The second factor in a terminal: asked after the password, set up with a QR code, taken off with the PUK."""

import re

import pytest

import qr
from customer import wait_for
from people import PASSWORD as OWN
from second_factor import Phone
from sshd import INTERACTIVE, Sshd
from terminal import AGAIN, CODE, NEW, PASSWORD

QR_LINES = range(25, 28)


@pytest.fixture(scope="module")
def daemon(host):
    sshd = Sshd(host, INTERACTIVE)
    yield sshd
    sshd.close()


@pytest.fixture
def sshd(daemon):
    daemon.pam()
    return daemon


def logged_in(ssh):
    return "I am here" in ssh.shell("echo I am here")


def set_up(ssh, person, directory):
    """Reads the QR code off the screen into the person's app, and checks what else is shown."""
    ssh.expect(CODE)
    lines = qr.lines_of(ssh.screen)
    assert len(lines) in QR_LINES
    uri = qr.read(lines, directory)
    assert uri in re.sub(r"\s", "", ssh.screen), "the address beside the QR code is another one"
    person.phone = Phone(person.customer.world, uri)
    assert person.phone.secret in re.sub(r"\s", "", ssh.screen.replace(uri, "")), "the secret is not shown to be typed"
    return uri


def test_the_code_is_asked_after_the_password(sshd, people):
    person = people.with_code()
    with sshd.login(person.name) as ssh:
        ssh.answer(PASSWORD, OWN)
        ssh.code(person.phone.code())
        assert logged_in(ssh)


def test_a_wrong_code_is_refused(sshd, people):
    person = people.with_code()
    with sshd.login(person.name) as ssh:
        ssh.answer(PASSWORD, OWN)
        ssh.code(person.phone.wrong())
        assert "$ " not in ssh.refused()


def test_the_same_code_works_once(sshd, people):
    person = people.with_code()
    code = person.phone.code()
    with sshd.login(person.name) as ssh:
        ssh.answer(PASSWORD, OWN)
        ssh.code(code)
        assert logged_in(ssh)
    with sshd.login(person.name) as ssh:
        ssh.answer(PASSWORD, OWN)
        ssh.code(code)
        assert "$ " not in ssh.refused()


def test_no_code_is_asked_after_a_wrong_password(sshd, people):
    person = people.with_code()
    with sshd.login(person.name) as ssh:
        ssh.answer(PASSWORD, "Das ist es nicht")
        assert "Code" not in ssh.refused()


def test_the_puk_instead_of_the_code_takes_the_second_factor_off(sshd, people):
    person = people.with_code()
    with sshd.login(person.name) as ssh:
        ssh.answer(PASSWORD, OWN)
        ssh.code(person.letter.puk)
        assert logged_in(ssh)
    assert person.customer.attribute("portalTOTPSecret") is None
    with sshd.login(person.name) as ssh:
        ssh.answer(PASSWORD, OWN)
        assert logged_in(ssh)
    # The one that was used is void; the next comes by letter.
    wait_for(lambda: person.customer.letter().path != person.letter.path, what="the letter with the next PUK")


def test_set_up_is_required_and_confirmed_with_a_first_code(sshd, people, host):
    person = people.active()
    sshd.pam("enroll=require")
    with sshd.login(person.name) as ssh:
        ssh.answer(PASSWORD, OWN)
        uri = set_up(ssh, person, host.dir)
        assert uri.startswith("otpauth://totp/")
        ssh.child.sendline(person.phone.code())
        assert logged_in(ssh)
    with sshd.login(person.name) as ssh:
        ssh.answer(PASSWORD, OWN)
        ssh.code(person.phone.code())
        assert logged_in(ssh)


def test_a_required_set_up_that_is_not_finished_leaves_nothing_and_nobody_in(sshd, people, host):
    person = people.active()
    sshd.pam("enroll=require")
    with sshd.login(person.name) as ssh:
        ssh.answer(PASSWORD, OWN)
        set_up(ssh, person, host.dir)
        ssh.child.sendline("")
        assert "$ " not in ssh.refused()
    assert person.customer.attribute("portalTOTPSecret") is None


def test_an_offered_set_up_may_be_skipped(sshd, people):
    person = people.active()
    sshd.pam("enroll=offer")
    with sshd.login(person.name) as ssh:
        ssh.answer(PASSWORD, OWN)
        ssh.code("")
        assert logged_in(ssh)
    assert person.customer.attribute("portalTOTPSecret") is None


def test_first_login_with_required_set_up_asks_for_both(sshd, people, host):
    person = people.initial()
    sshd.pam("enroll=require")
    with sshd.login(person.name) as ssh:
        ssh.answer(PASSWORD, person.password)
        ssh.answer(NEW, OWN)
        ssh.answer(AGAIN, OWN)
        set_up(ssh, person, host.dir)
        ssh.child.sendline(person.phone.code())
        assert logged_in(ssh)
    assert person.customer.state == "active"
    with sshd.login(person.name) as ssh:
        ssh.answer(PASSWORD, OWN)
        ssh.code(person.phone.code())
        assert logged_in(ssh)
