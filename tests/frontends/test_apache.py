"""Apache's mod_authnz_pam: with a form and a session, and with HTTP's own dialog."""

import base64

import pytest

from apache import ACCOUNT, FILE, FORM, Apache
from circumstances import expire, fail_often, lock
from https import FILES_SITE
from people import PASSWORD

ELSEWHERE = "https://konto.versicherung.example/password"
POLICE = "/police.txt"


@pytest.fixture(scope="module")
def apache(host):
    daemon = Apache(host)
    yield daemon
    daemon.stop()


@pytest.fixture(scope="module")
def site(apache):
    """With www-data in the group, as the session's section asks for."""
    with apache.account_group():
        yield apache


def sign_in(browser, name, password):
    return browser.post("/login", httpd_username=name, httpd_password=password)


def enter(apache, person, secret):
    """Logs in, and returns the browser with its session."""
    browser = apache.browser()
    answer = sign_in(browser, person.name, secret)
    assert (answer.status, answer.header("Location")) == (302, "/account/")
    return browser


@pytest.fixture(scope="module")
def form_refusal(site, people):
    """What a wrong password in the form is answered with; everything that is refused must look like it."""
    browser = site.browser()
    answer = sign_in(browser, people.active().name, "das ist es nicht")
    assert (answer.status, answer.header("Location")) == (302, "/index.html")
    assert browser.get("/account/").header("Location") == "/index.html"
    return answer.said


@pytest.fixture(scope="module")
def refusal(apache, people):
    """The same for the dialog."""
    answer = apache.browser(FILES_SITE).get(POLICE, people.active().name, "das ist es nicht")
    assert answer.status == 401
    assert answer.header("WWW-Authenticate") == 'Basic realm="Customer account"'
    return answer.said


# The dialog. These come first: the group isn't needed for them, and www-data isn't in it yet.

def test_the_dialog_takes_a_personal_password_at_each_request(apache, people):
    person = people.active()
    browser = apache.browser(FILES_SITE)
    assert browser.get(POLICE).status == 401
    for _ in range(2):
        assert browser.get(POLICE, person.name, person.password).body == FILE


def test_apache_checks_as_an_unprivileged_child_without_the_group(apache, people):
    assert apache.browser(FILES_SITE).get(POLICE, people.active().name, PASSWORD).body == FILE
    parent = apache.host.processes["apache"]
    users = apache.host.run("ps", "--no-headers", "-o", "user,supgrp", "--ppid", str(parent)).stdout.split("\n")
    assert {tuple(user.split()) for user in users if user} == {("www-data", "www-data")}


def test_the_session_lets_nobody_in_without_the_group(apache, people):
    browser = enter(apache, people.active(), PASSWORD)
    assert ACCOUNT not in browser.get("/account/").body
    assert "account.sock" not in browser.get("/account/").body


def test_the_dialog_answers_an_unknown_name_like_a_wrong_password(apache, refusal):
    for name in ("nobody@example.org", "nobody", ""):
        assert apache.browser(FILES_SITE).get(POLICE, name, PASSWORD).said == refusal


def test_the_initial_password_in_the_dialog_leads_to_where_a_personal_one_is_chosen(apache, world, people):
    person = people.initial()
    answer = apache.browser(FILES_SITE).get(POLICE, person.name, person.password)
    assert (answer.status, answer.header("Location")) == (303, ELSEWHERE)
    assert FILE not in answer.body
    assert world.login(person.name, person.password, PASSWORD, PASSWORD).ok
    assert apache.browser(FILES_SITE).get(POLICE, person.name, PASSWORD).body == FILE


def test_the_dialog_refuses_the_expired_and_the_locked_like_a_wrong_password(apache, world, people, refusal):
    expired, locked = people.initial(), people.active()
    expire(world, expired)
    lock(world, locked)
    for person in (expired, locked):
        assert apache.browser(FILES_SITE).get(POLICE, person.name, person.password).said == refusal


def test_while_throttled_the_dialog_refuses_the_right_password_like_a_wrong_one(apache, people, refusal):
    person = people.active()
    browser = apache.browser(FILES_SITE)
    fail_often(lambda *words: browser.get(POLICE, *words), person.name)
    assert browser.get(POLICE, person.name, person.password).said == refusal


def test_password_and_code_open_one_request_of_the_dialog(apache, people, refusal):
    person = people.with_code()
    phone = person.phone
    secret = person.password + phone.code()
    assert apache.browser(FILES_SITE).get(POLICE, person.name, secret).body == FILE
    for secret in (secret, person.password, person.password + phone.wrong()):
        assert apache.browser(FILES_SITE).get(POLICE, person.name, secret).said == refusal


def test_without_portald_nobody_comes_in_and_the_log_says_why(apache, sandbox, people, refusal):
    person = people.active()
    sandbox.stop("portald")
    try:
        assert apache.browser(FILES_SITE).get(POLICE, person.name, person.password).said == refusal
    finally:
        sandbox.start("portald")
    assert "cannot retrieve authentication info" in apache.log
    assert apache.browser(FILES_SITE).get(POLICE, person.name, person.password).body == FILE


# The form and its session.

def test_a_personal_password_in_the_form_opens_a_session(site, people):
    person = people.active()
    for path in ("/account", "/account/", "/account/index.html"):
        assert site.browser().get(path).header("Location") == "/index.html"
    browser = enter(site, person, person.password)
    for _ in range(2):
        assert browser.get("/account/").body == ACCOUNT


def test_the_session_ends_with_logging_out(site, people):
    browser = enter(site, people.active(), PASSWORD)
    assert browser.get("/logout").header("Location") == "/index.html"
    assert browser.get("/account/").header("Location") == "/index.html"
    assert browser.get("/").body == FORM


def test_the_session_is_sealed(site, people):
    person = people.active()
    browser = site.browser()
    cookie = sign_in(browser, person.name, person.password).header("Set-Cookie")
    name, _, value = cookie.partition(";")[0].partition("=")
    assert name == "__Host-account"
    assert "secure" in cookie.lower() and "httponly" in cookie.lower()
    for part in (person.name, person.password.split()[-1]):
        assert part not in cookie
        assert part.encode() not in base64.b64decode(value)


def test_a_session_that_apache_did_not_make_is_none(site, people):
    forged = f"Cookie: __Host-account=Customer+account-user={people.active().name}&Customer+account-site=1"
    assert site.browser().get("/account/", headers=(forged,)).header("Location") == "/index.html"


def test_who_is_locked_is_out_with_the_next_request(site, world, people):
    person = people.active()
    browser = enter(site, person, person.password)
    assert browser.get("/account/").body == ACCOUNT
    lock(world, person)
    answer = browser.get("/account/")
    assert answer.status in (302, 401, 403)
    assert ACCOUNT not in answer.body


def test_the_form_answers_an_unknown_name_like_a_wrong_password(site, form_refusal):
    for name in ("nobody@example.org", "nobody"):
        assert sign_in(site.browser(), name, PASSWORD).said == form_refusal


def test_the_initial_password_in_the_form_leads_to_where_a_personal_one_is_chosen(site, world, people):
    person = people.initial()
    browser = site.browser()
    answer = sign_in(browser, person.name, person.password)
    assert (answer.status, answer.header("Location")) == (303, ELSEWHERE)
    assert browser.get("/account/").header("Location") == "/index.html"
    assert world.login(person.name, person.password, PASSWORD, PASSWORD).ok
    assert enter(site, person, PASSWORD).get("/account/").body == ACCOUNT


def test_the_form_refuses_the_expired_and_the_locked_like_a_wrong_password(site, world, people, form_refusal):
    expired, locked = people.initial(), people.active()
    expire(world, expired)
    lock(world, locked)
    for person in (expired, locked):
        assert sign_in(site.browser(), person.name, person.password).said == form_refusal


def test_password_and_code_open_a_session_and_a_code_does_so_once(site, people, form_refusal):
    person = people.with_code()
    secret = person.password + person.phone.code()
    browser = enter(site, person, secret)
    assert sign_in(site.browser(), person.name, secret).said == form_refusal
    for _ in range(2):
        assert browser.get("/account/").body == ACCOUNT


def test_with_a_second_factor_neither_alone_nor_wrong_opens_anything(site, people, form_refusal):
    person = people.with_code()
    phone = person.phone
    for secret in (person.password, person.password + phone.wrong(), phone.code(), "kein Passwort" + phone.code()):
        assert sign_in(site.browser(), person.name, secret).said == form_refusal
    enter(site, person, person.password + phone.code())


def test_no_log_has_a_password(site, people):
    enter(site, people.active(), PASSWORD)
    sign_in(site.browser(), people.active().name, "Das hier ist keines")
    assert PASSWORD not in site.log
    assert "Das hier ist keines" not in site.log
