"""Dovecot's IMAP login: what a mail program is answered."""

import pytest

from circumstances import expire, fail_often, lock
from dovecot import Dovecot
from https import next_source
from people import PASSWORD

REFUSED = "NO [AUTHENTICATIONFAILED] Authentication failed."
CHANGE_FIRST = "NO [EXPIRED] Password expired"
UMLAUTS = "Füße hoch im Grünen – 3 Ösen"


@pytest.fixture(scope="module")
def daemon(host):
    made = Dovecot(host)
    yield made
    made.close()


@pytest.fixture
def dovecot(daemon):
    """With the guide's PAM service; a test may change that."""
    daemon.pam()
    return daemon


def accepted(answer):
    return answer.startswith("OK ")


def test_a_personal_password_opens_the_mailbox(dovecot, people):
    person = people.active()
    with dovecot.connect() as program:
        assert accepted(program.sign_in(person.name, person.password))
        assert program.append("INBOX", None, None, b"Subject: Ihre Police\r\n\r\nGuten Tag\r\n")[0] == "OK"
        assert program.select()[1] == [b"1"]
    mailbox = dovecot.host.path(f"/home/vmail/{person.name}/mail")
    assert mailbox.is_dir() and mailbox.stat().st_uid == 5000


def test_the_name_is_known_in_any_case_and_has_one_mailbox(dovecot, people):
    person = people.active()
    with dovecot.connect() as program:
        assert accepted(program.sign_in(person.name.upper(), person.password))
        program.append("INBOX", None, None, b"Subject: Ihre Police\r\n\r\nGuten Tag\r\n")
    with dovecot.connect() as program:
        assert accepted(program.sign_in(person.name, person.password))
        assert program.select()[1] == [b"1"]


def test_a_name_may_have_a_plus(dovecot, world, people):
    person = people.active()
    world.modify(person.customer.uid, mail="erika+post@example.org")
    assert accepted(dovecot.login("erika+post@example.org", person.password))


def test_a_password_may_have_umlauts(dovecot, people):
    assert accepted(dovecot.login(people.active(UMLAUTS).name, UMLAUTS))


def test_passwords_are_checked_without_root(dovecot, people):
    assert accepted(dovecot.login(people.active().name, PASSWORD))
    parent = str(dovecot.host.processes["dovecot"])
    lines = dovecot.host.run("ps", "--no-headers", "-o", "user,args", "--ppid", parent).stdout.splitlines()
    workers = [line.split()[0] for line in lines if "dovecot/auth" in line and "-w" in line.split()]
    assert workers and set(workers) == {"dovecot"}


def test_an_unknown_name_is_answered_like_a_wrong_password(dovecot, people):
    person = people.active()
    for name, password in ((person.name, "das ist es nicht"), ("nobody@example.org", PASSWORD), ("nobody", PASSWORD),
                           ("c-0001/../x@example.org", PASSWORD)):
        assert dovecot.login(name, password) == REFUSED
    assert dovecot.login(person.name, "") == REFUSED


def test_an_initial_password_is_said_to_need_a_change_first(dovecot, world, people):
    person = people.initial()
    assert dovecot.login(person.name, person.password) == CHANGE_FIRST
    assert person.customer.state == "initial"
    assert world.login(person.name, person.password, PASSWORD, PASSWORD).ok
    assert accepted(dovecot.login(person.name, PASSWORD))


def test_with_change_auth_the_initial_password_is_refused_like_a_wrong_one(dovecot, people):
    dovecot.pam(options="change=auth")
    person = people.initial()
    assert dovecot.login(person.name, person.password) == REFUSED


def test_the_expired_and_the_locked_are_refused_like_a_wrong_password(dovecot, world, people):
    expired, locked = people.initial(), people.active()
    expire(world, expired)
    lock(world, locked)
    for person in (expired, locked):
        assert dovecot.login(person.name, person.password) == REFUSED


def test_a_lock_counts_from_the_next_connection_on(dovecot, world, people):
    person = people.active()
    assert accepted(dovecot.login(person.name, person.password))
    lock(world, person)
    assert dovecot.login(person.name, person.password) == REFUSED


def test_while_throttled_the_right_password_is_refused_like_a_wrong_one(dovecot, people):
    person, source = people.active(), next_source()
    fail_often(lambda *words: dovecot.login(*words, source=source), person.name)
    assert dovecot.login(person.name, person.password, source) == REFUSED


def test_without_portald_nobody_comes_in_and_the_log_says_why(dovecot, sandbox, people):
    person = people.active()
    sandbox.stop("portald")
    try:
        assert dovecot.login(person.name, person.password) == REFUSED
    finally:
        sandbox.start("portald")
    assert "cannot retrieve authentication info" in dovecot.log
    assert accepted(dovecot.login(person.name, person.password))


def test_password_and_code_open_one_connection(dovecot, people):
    person = people.with_code()
    secret = person.password + person.phone.code()
    assert accepted(dovecot.login(person.name, secret))
    assert dovecot.login(person.name, secret) == REFUSED
    assert accepted(dovecot.login(person.name, person.password + person.phone.code()))


def test_with_a_second_factor_neither_alone_nor_wrong_opens_anything(dovecot, people):
    person = people.with_code()
    phone, source = person.phone, next_source()
    for secret in (person.password, person.password + phone.wrong(), phone.code(), "kein Passwort" + phone.code()):
        assert dovecot.login(person.name, secret, source) == REFUSED
    assert accepted(dovecot.login(person.name, person.password + phone.code(), source))


def test_no_log_has_a_password(dovecot, people):
    assert accepted(dovecot.login(people.active().name, PASSWORD))
    dovecot.login(people.active().name, "Das hier ist keines")
    assert PASSWORD not in dovecot.log
    assert "Das hier ist keines" not in dovecot.log
