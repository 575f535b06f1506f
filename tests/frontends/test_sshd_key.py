"""sshd with public keys, where the module has the account phase alone: every state counts there, too."""

import pytest

from people import PASSWORD as OWN
from sandbox import SOURCE
from sshd import ACCOUNT_ONLY, Sshd
from terminal import AGAIN, CURRENT, NEW, make_key


@pytest.fixture(scope="module")
def daemon(host):
    made = Sshd(host, ACCOUNT_ONLY)
    made.public = make_key(made.dir / "key")
    yield made
    made.close()


@pytest.fixture
def sshd(daemon):
    """With the guide's PAM service; a test may change that."""
    daemon.pam()
    return daemon


@pytest.fixture
def with_key(sshd, host):
    """Puts the key where sshd looks for this person's, and logs in with it."""
    def login(person):
        keys = f"/home/{person.name}/.ssh/authorized_keys"
        if not host.path(keys).exists():
            host.path(keys).parent.mkdir()
            host.write(keys, sshd.public + "\n")
        return sshd.login(person.name, options=("PreferredAuthentications=publickey", "IdentitiesOnly=yes",
                                                f"IdentityFile={sshd.dir}/key"))
    return login


def test_active_comes_in(with_key, people):
    person = people.active()
    with with_key(person) as ssh:
        assert f"I am {person.name}" in ssh.shell("echo I am $(whoami)")


def test_initial_has_to_change_the_password_first(with_key, people):
    person = people.initial()
    with with_key(person) as ssh:
        ssh.answer(CURRENT, person.password)
        ssh.answer(NEW, OWN)
        ssh.answer(AGAIN, OWN)
        ssh.end()
    assert person.customer.state == "active"
    with with_key(person) as ssh:
        assert f"I am {person.name}" in ssh.shell("echo I am $(whoami)")


def test_initial_gets_no_shell_without_the_change(with_key, people):
    person = people.initial()
    with with_key(person) as ssh:
        ssh.answer(CURRENT, "Das ist es nicht")
        ssh.end()
        assert "$ " not in ssh.screen
    assert person.customer.state == "initial"


@pytest.mark.parametrize("state, said", (("locked", "gesperrt"), ("closed", "geschlossen")))
def test_a_key_does_not_open_what_an_administrator_closed(with_key, people, world, state, said):
    person = people.active()
    world.modify(person.customer.uid, portalState=state)
    with with_key(person) as ssh:
        assert ssh.end() == 255
        assert said in ssh.screen
        assert "$ " not in ssh.screen


@pytest.mark.parametrize("service", ("the guide's", "portal-mixed"))
def test_a_customer_who_is_deleted_but_known_to_nss_is_refused(sshd, with_key, host, service):
    class Deleted:
        name = "was-a-customer@example.org"
    host.know(Deleted.name)
    if service == "portal-mixed":
        host.pam("sshd", (SOURCE / "config" / "pam.d" / service).read_text(encoding="utf-8"))
    with with_key(Deleted) as ssh:
        assert ssh.end() == 255
        assert "$ " not in ssh.screen
