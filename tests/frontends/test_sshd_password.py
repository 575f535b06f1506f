"""sshd's password authentication: one field for everything, so password and code go in together."""

import pytest

from people import PASSWORD as OWN
from sshd import PASSWORD_ONLY, Sshd
from terminal import AGAIN, CURRENT, NEW


@pytest.fixture(scope="module")
def sshd(host):
    daemon = Sshd(host, PASSWORD_ONLY)
    yield daemon
    daemon.close()


def login(sshd, person, typed):
    """ssh asks in its own words."""
    ssh = sshd.login(person.name, options=("PreferredAuthentications=password",))
    ssh.answer("'s password: ", typed)
    return ssh


def test_a_password_alone_is_enough_without_a_second_factor(sshd, people):
    person = people.active()
    with login(sshd, person, OWN) as ssh:
        assert f"I am {person.name}" in ssh.shell("echo I am $(whoami)")


def test_an_initial_password_has_to_be_changed_first(sshd, people):
    person = people.initial()
    with login(sshd, person, person.password) as ssh:
        ssh.answer(CURRENT, person.password)
        ssh.answer(NEW, OWN)
        ssh.answer(AGAIN, OWN)
        ssh.end()
    assert person.customer.state == "active"


def test_password_and_code_go_in_together(sshd, people):
    person = people.with_code()
    with login(sshd, person, OWN + person.phone.code()) as ssh:
        assert f"I am {person.name}" in ssh.shell("echo I am $(whoami)")


def test_a_password_without_its_code_is_refused(sshd, people):
    person = people.with_code()
    with login(sshd, person, OWN) as ssh:
        assert "$ " not in ssh.refused(r"'s password: $")
    with login(sshd, person, OWN + person.phone.wrong()) as ssh:
        assert "$ " not in ssh.refused(r"'s password: $")
