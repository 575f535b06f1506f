"""nginx's auth_pam as a login door: one location takes the password, with the code behind it, and everything else
asks for the application's session."""

import base64

import pytest

from circumstances import expire, fail_often, lock
from nginx import START, Nginx
from people import PASSWORD

LOGIN = "/login/"
UMLAUTS = "Füße hoch im Grünen – 3 Ösen"


@pytest.fixture(scope="module")
def daemon(host):
    nginx = Nginx(host)
    yield nginx
    nginx.close()


@pytest.fixture
def nginx(daemon):
    daemon.pam()
    return daemon


@pytest.fixture(scope="module")
def refusal(daemon, people):
    """What a wrong password is answered with; everything that is refused must look like it."""
    answer = daemon.browser().get(LOGIN, people.active().name, "das ist es nicht")
    assert answer.status == 401
    assert answer.header("WWW-Authenticate") == 'Basic realm="Customer account"'
    assert answer.body == START
    return answer.said


def enter(nginx, person, secret):
    """Logs in, and returns the browser with its session."""
    browser = nginx.browser()
    assert browser.get(LOGIN, person.name, secret).status == 303
    return browser


def welcome(person):
    return f"Willkommen, {person.name}."


def test_a_personal_password_opens_a_session_that_needs_no_password_any_more(nginx, people):
    person = people.active()
    browser = enter(nginx, person, person.password)
    assert browser.get("/").body == welcome(person)
    assert browser.get("/some/picture.png").body == welcome(person)


def test_nginx_checks_as_an_unprivileged_worker(nginx, people):
    enter(nginx, people.active(), PASSWORD)
    parent = nginx.host.processes["nginx"]
    users = nginx.host.run("ps", "--no-headers", "-o", "user", "--ppid", str(parent)).stdout.split()
    assert set(users) == {"www-data"}


def test_without_a_session_people_are_told_how_to_log_in(nginx):
    answer = nginx.browser().get("/")
    assert answer.status == 302
    assert answer.header("Location").endswith("/start.html")
    assert nginx.browser().get("/start.html").body == START
    assert nginx.browser().get("/session").status == 404


def test_nobody_brings_a_name_along(nginx, people):
    person = people.active()
    stolen = (f"X-Remote-User: {person.name}",)
    assert nginx.browser().get("/", headers=stolen).status == 302
    assert nginx.browser().get(LOGIN, headers=stolen).status == 401
    browser = enter(nginx, person, person.password)
    browser.get("/", headers=stolen)
    assert nginx.shop.seen[-1]["X-Remote-User"] is None


def test_a_name_that_goes_on_behind_a_nul_is_none(nginx, people):
    """PAM's strings end there, nginx's don't: it is the right password, and a forged line for the application."""
    person = people.active()
    words = f"{person.name}\0\r\nX-Forged\r\n:{person.password}".encode()
    header = f"Authorization: Basic {base64.b64encode(words).decode()}"
    assert nginx.browser().get(LOGIN, headers=(header,)).status in (400, 401, 403)
    assert "X-Forged" not in str(nginx.shop.seen[-1])


def test_the_application_never_sees_a_password(nginx, people):
    browser = enter(nginx, people.active(), PASSWORD)
    browser.get("/", "someone@example.org", PASSWORD)
    assert all(headers["Authorization"] is None for headers in nginx.shop.seen)


def test_the_name_is_known_in_any_case(nginx, people):
    person = people.active()
    browser = nginx.browser()
    assert browser.get(LOGIN, person.name.upper(), person.password).status == 303
    assert browser.get("/").body == welcome(person)


def test_a_password_may_have_umlauts(nginx, people):
    person = people.active(UMLAUTS)
    enter(nginx, person, UMLAUTS)


def test_an_unknown_name_is_answered_like_a_wrong_password(nginx, refusal):
    for name in ("nobody@example.org", "nobody", ""):
        assert nginx.browser().get(LOGIN, name, PASSWORD).said == refusal


def test_an_empty_password_opens_nothing(nginx, people, refusal):
    assert nginx.browser().get(LOGIN, people.active().name, "").said == refusal


def test_the_initial_password_opens_nothing_until_there_is_a_personal_one(nginx, world, people, refusal):
    person = people.initial()
    assert nginx.browser().get(LOGIN, person.name, person.password).said == refusal
    assert person.customer.state == "initial"
    assert world.login(person.name, person.password, PASSWORD, PASSWORD).ok
    enter(nginx, person, PASSWORD)


def test_the_initial_password_opens_nothing_even_where_change_auth_was_forgotten(nginx, people, refusal):
    nginx.pam(without=" change=auth")
    person = people.initial()
    assert nginx.browser().get(LOGIN, person.name, person.password).said == refusal


def test_an_expired_initial_password_opens_nothing(nginx, world, people, refusal):
    person = people.initial()
    expire(world, person)
    assert nginx.browser().get(LOGIN, person.name, person.password).said == refusal


def test_who_is_locked_stays_out(nginx, world, people, refusal):
    person = people.active()
    lock(world, person)
    assert nginx.browser().get(LOGIN, person.name, person.password).said == refusal


def test_while_throttled_the_right_password_is_refused_like_a_wrong_one(nginx, people, refusal):
    person = people.active()
    browser = nginx.browser()
    fail_often(lambda *words: browser.get(LOGIN, *words), person.name)
    assert browser.get(LOGIN, person.name, person.password).said == refusal
    assert int(person.customer.attribute("portalPasswordFailures")) > 0


def test_without_portald_nobody_comes_in_and_the_log_says_why(nginx, sandbox, people, refusal):
    person = people.active()
    sandbox.stop("portald")
    try:
        assert nginx.browser().get(LOGIN, person.name, person.password).said == refusal
    finally:
        sandbox.start("portald")
    assert "cannot retrieve authentication info" in nginx.log
    enter(nginx, person, person.password)


def test_password_and_code_open_a_session_and_a_code_does_so_once(nginx, people, refusal):
    person = people.with_code()
    secret = person.password + person.phone.code()
    browser = enter(nginx, person, secret)
    assert nginx.browser().get(LOGIN, person.name, secret).said == refusal
    assert browser.get("/").body == welcome(person)
    enter(nginx, person, person.password + person.phone.code())


def test_with_a_second_factor_neither_alone_nor_wrong_opens_anything(nginx, people, refusal):
    person = people.with_code()
    phone = person.phone
    for secret in (person.password, person.password + phone.wrong(), phone.code(), "kein Passwort" + phone.code()):
        assert nginx.browser().get(LOGIN, person.name, secret).said == refusal
    enter(nginx, person, person.password + phone.code())


def test_no_log_has_a_password(nginx, people):
    enter(nginx, people.active(), PASSWORD)
    nginx.browser().get(LOGIN, people.active().name, "Das hier ist keines")
    everything = nginx.log + nginx.host.path("/var/log/nginx/access.log").read_text(encoding="utf-8")
    assert PASSWORD not in everything
    assert "Das hier ist keines" not in everything
