"""sshd's keyboard-interactive, in a terminal: what a customer sees from the first login on."""

import re

import pytest

from customer import wait_for
from people import PASSWORD as OWN
from sshd import INTERACTIVE, Sshd, guess
from terminal import AGAIN, NEW, PASSWORD

WRONG = "Die E-Mail-Adresse oder das Passwort stimmt nicht."
ELSEWHERE = "127.0.0.2"
THIRD_PLACE = "127.0.0.3"
THROTTLED = "Zu Ihrem Schutz wurde nichts geprüft."


@pytest.fixture(scope="module")
def daemon(host):
    sshd = Sshd(host, INTERACTIVE)
    yield sshd
    sshd.close()


@pytest.fixture
def sshd(daemon):
    """With the guide's PAM service; a test may change that."""
    daemon.pam()
    return daemon


def typed_from_paper(password):
    """As people type it: lower case, no hyphens, and letters for digits that look like them."""
    return password.replace("-", "").lower().replace("0", "o").replace("1", "l")


def test_first_login_asks_for_a_personal_password_and_the_next_shows_the_last(sshd, people):
    person = people.initial()
    with sshd.login(person.name) as ssh:
        ssh.answer(PASSWORD, typed_from_paper(person.password))
        ssh.answer(NEW, OWN)
        ssh.answer(AGAIN, OWN)
        screen = ssh.shell("echo I am $(whoami), $PORTAL_UID.")
    assert "Bitte wählen Sie jetzt Ihr persönliches Passwort." in screen
    assert f"I am {person.name}, {person.customer.uid}." in screen
    assert person.customer.state == "active"
    wait_for(lambda: person.customer.attribute("portalLastLogin"), what="last login in the directory")
    with sshd.login(person.name) as ssh:
        ssh.answer(PASSWORD, OWN)
        screen = ssh.shell()
    assert NEW not in screen
    assert "Letzte Anmeldung" in screen


def test_a_refused_new_password_comes_with_its_reason(sshd, people):
    person = people.initial()
    with sshd.login(person.name) as ssh:
        ssh.answer(PASSWORD, person.password)
        ssh.answer(NEW, "kurz")
        ssh.answer(AGAIN, "kurz")
        screen = ssh.refused()
    assert "Dieses Passwort ist zu kurz." in screen
    assert person.customer.state == "initial"


def test_wrong_password_and_unknown_name_look_alike(sshd, people, host):
    person = people.active()
    host.know("nobody-knows@example.org")

    def screen_of(name):
        """NSS may know a name that portald doesn't, and neither may."""
        with sshd.login(name, "127.0.0.4") as ssh:
            ssh.answer(PASSWORD, "Das ist es nicht")
            return ssh.refused().replace(name, "NAME")

    wrong = screen_of(person.name)
    assert WRONG in wrong
    assert screen_of("nobody-knows@example.org") == wrong
    assert screen_of("not-even-nss@example.org") == wrong


def test_names_without_an_at_sign_are_left_to_the_computer(sshd, host):
    host.run("useradd", "--create-home", "--shell=/bin/bash", "operator1")
    host.run("chpasswd", input="operator1:local and long enough\n")
    with sshd.login("operator1") as ssh:
        ssh.expect("Password: $")
        ssh.child.sendline("local and long enough")
        assert "I am operator1" in ssh.shell("echo I am $(whoami)")


def test_a_typing_error_is_called_one(sshd, people):
    person = people.initial()
    last = person.password[-1]
    with sshd.login(person.name) as ssh:
        ssh.answer(PASSWORD, person.password[:-1] + ("2" if last != "2" else "3"))
        assert "Tippfehler" in ssh.refused()


def test_locked_is_said_to_who_knows_the_password(sshd, people, world):
    person = people.active()
    world.modify(person.customer.uid, portalState="locked")
    with sshd.login(person.name) as ssh:
        ssh.answer(PASSWORD, OWN)
        assert "Ihr Konto ist gesperrt." in ssh.refused()
    with sshd.login(person.name) as ssh:
        ssh.answer(PASSWORD, "Das ist es nicht")
        assert "gesperrt" not in ssh.refused()


def test_expired_initial_password_says_whom_to_ask(sshd, fresh_world, host):
    customer = fresh_world.customer()
    letter = customer.initial()
    host.know(customer.mail)
    fresh_world.clock("+61d")
    sshd.pam(box=fresh_world.box)
    with sshd.login(customer.mail) as ssh:
        ssh.answer(PASSWORD, letter.password)
        screen = ssh.refused()
    assert "nicht mehr gültig" in screen
    assert "Kundenservice" in screen
    assert customer.state == "initial"


def test_guessing_from_elsewhere_does_not_lock_out_a_known_address(sshd, people):
    person = people.active()
    with sshd.login(person.name) as ssh:
        ssh.answer(PASSWORD, OWN)
        ssh.shell()
    screen = guess(sshd, person.name, 6, ELSEWHERE)
    assert WRONG in screen
    for place in (ELSEWHERE, THIRD_PLACE):
        with sshd.login(person.name, place) as ssh:
            ssh.answer(PASSWORD, OWN)
            screen = ssh.refused()
        assert THROTTLED in screen
        assert re.search(r"in [23]\d Sekunden noch einmal", screen)
    with sshd.login(person.name) as ssh:
        ssh.answer(PASSWORD, OWN)
        assert "I am " + person.name in ssh.shell("echo I am $(whoami)")


def test_portald_absent_is_said_and_nobody_comes_in(sshd, people, host):
    person = people.active()
    sshd.pam(box={"PORTAL_SOCKET_DIR": host.dir / "nowhere"})
    with sshd.login(person.name) as ssh:
        ssh.answer(PASSWORD, OWN)
        assert "im Moment leider nicht möglich" in ssh.refused()
