"""Cookies as a thief or a tinkerer sends them: planted, copied, changed, swapped, sealed with another key, used twice."""

import base64
import itertools
import os
import re
import subprocess
from pathlib import Path

import pytest
from customer import PASSWORD, wait_for, with_password
from recoverer import NEW, codes_of, with_puk
from test_forged_forms import Sender
from test_requests import Strict
from totp_customer import code, unused, with_totp
from visitor_forms import plain

BUILD = Path(os.environ.get("PORTAL_BUILDDIR") or Path(__file__).resolve().parents[2] / "build")
SESSION, STEP, FORM, DEVICE = "portal-session", "portal-step", "portal-form", "portal-device"
FIRST = "initial password from the letter"


def step_of(answer):
    return re.search(r'name="step" value="([^"]*)"', answer.text)[1]


class Browser(Sender):
    def log_in(self, c, password=PASSWORD):
        self.get("/login")
        return self.post("/login", {"mail": c.mail, "password": password})

    def is_in(self):
        return self.get("/account").status == 200

    def kept(self):
        """What somebody has who copied all of it now."""
        return dict(self.cookies), self.token

    def put_back(self, kept):
        self.cookies, self.token = dict(kept[0]), kept[1]

    def give_password(self, path):
        self.get(path)
        return self.post(path, {"password": PASSWORD})


@pytest.fixture
def browser(site):
    return lambda: Browser(site, "en")


def test_login_changes_the_session_that_was_planted(world, browser):
    """Fixation: an attacker's own session, put into the victim's browser, never becomes the victim's."""
    attacker, victim = browser(), browser()
    mine, theirs = with_password(world), with_password(world)
    assert attacker.log_in(mine).status == 303
    planted = attacker.cookies[SESSION]
    victim.cookies[SESSION] = planted
    victim.token = victim.get("/account").token
    assert victim.post("/login", {"mail": theirs.mail, "password": PASSWORD}).status == 303
    assert victim.cookies[SESSION] != planted
    assert theirs.mail in victim.get("/account").text
    assert attacker.get("/account").status == 303, "the planted one goes on"


def test_token_that_was_planted_is_worth_nothing_after_the_login(world, browser):
    """Whoever knows the visitor's form cookie knows its token: the session's is another."""
    attacker, victim = browser(), browser()
    attacker.get("/login")
    known = attacker.token
    victim.cookies[FORM] = attacker.cookies[FORM]
    assert victim.get("/login").token == known
    assert victim.log_in(with_password(world)).status == 303
    assert victim.send("/account/sessions/all", {}, known).status == 403
    assert victim.is_in()


def test_invented_cookies_before_the_login_are_replaced(world, browser):
    one = browser()
    one.cookies = {SESSION: "A" * 200, STEP: "B" * 200, DEVICE: "C" * 50, FORM: "D" * 99}
    assert one.log_in(with_password(world)).status == 303
    assert not [name for name in (SESSION, DEVICE, FORM) if one.cookies[name].strip("ABCD") == ""]
    assert one.is_in()


def test_each_login_has_a_session_of_its_own(world, browser):
    c, one = with_password(world), browser()
    seen = set()
    for _ in range(3):
        one.log_in(c)
        seen.add(one.cookies[SESSION])
        old = one.kept()
        one.get("/account")
        assert one.post("/logout", {}).status == 303
        one.put_back(old)
        assert not one.is_in()
    assert len(seen) == 3


def regions(text):
    """The places of a sealed value: nonce, content, tag, each with its ends."""
    data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    size = len(data)
    return data, sorted({0, 1, 11, 23, 24, 25, 26, size // 2, size - 40, size - 17, size - 16, size - 8, size - 1})


def changed(text):
    data, places = regions(text)

    def encoded(some):
        return base64.urlsafe_b64encode(bytes(some)).decode().rstrip("=")
    for place, bit in itertools.product(places, (1, 128)):
        yield encoded(data[:place] + bytes([data[place] ^ bit]) + data[place + 1:])
    yield ""
    for cut in (1, 23, 24, 39, 40, 41, len(data) - 1):
        yield encoded(data[:cut])
        yield encoded(data[cut:])
    yield encoded(data + b"\0")
    yield encoded(data + data)
    yield text + "="
    yield text[:-1] + "!"
    yield "A" * 4000


def test_changed_session_is_nobodys(world, browser):
    one = browser()
    one.log_in(with_password(world))
    good = one.kept()
    for value in changed(good[0][SESSION]):
        one.cookies = {**good[0], SESSION: value}
        answer = one.get("/account")
        assert answer.status == 303 and answer.header("Location").startswith("/login"), value
    one.put_back(good)
    assert one.is_in()


def test_changed_step_is_none(world, browser):
    c, one = with_totp(world), browser()
    one.log_in(c)
    assert one.get("/login/code").status == 200
    good = one.kept()
    for value in changed(good[0][STEP]):
        one.cookies = {**good[0], STEP: value}
        answer = one.get("/login/code")
        assert answer.status == 410 and "Please start again" in plain(answer.text), value
    one.put_back(good)
    assert one.get("/login/code").status == 200


def test_changed_form_cookie_has_no_token(browser):
    one = browser()
    token, good = one.get("/login").token, one.kept()
    fields = {"mail": "nobody@example.org", "password": ""}
    for value in changed(good[0][FORM]):
        one.cookies = {**good[0], FORM: value}
        assert one.send("/login", fields, token).status == 403, value
    one.put_back(good)
    assert one.send("/login", fields, token).status == 400


def test_cookie_of_one_name_is_none_of_another(world, browser):
    c, one = with_totp(world), browser()
    one.log_in(c)
    step = one.cookies[STEP]
    token = one.token
    one.post("/login/code", {"code": code(world, c), "step": step_of(one.get("/login/code"))})
    assert one.is_in() and SESSION in one.cookies
    values = {**one.cookies, STEP: step}
    values.setdefault(FORM, one.cookies.get(FORM, ""))
    for name, other in itertools.permutations((SESSION, STEP, DEVICE, FORM), 2):
        one.cookies = {FORM: values[FORM], name: values[other]}
        assert not one.is_in(), f"{other} as {name}"
        one.cookies = {FORM: values[FORM], name: values[other]}
        assert one.get("/login/code").status == 410, f"{other} as {name}"
        if name == FORM:
            one.cookies = {FORM: values[other]}
            assert one.send("/login", {"mail": "a@b.example", "password": ""}, token).status == 403


def test_cookies_of_another_key_are_nobodys(world, sandbox, browser, tmp_path):
    """Another portal's, or this one's before its key was changed."""
    one = browser()
    one.log_in(with_password(world))
    key, conf, place = tmp_path / "other.key", tmp_path / "web.conf", tmp_path / "place"
    place.mkdir(mode=0o700)
    subprocess.run([BUILD / "web/portal-web", "--make-key", key], check=True)
    text = Path(sandbox.env["PORTAL_WEB_CONF"]).read_text(encoding="utf-8")
    conf.write_text(re.sub("cookie_key = .*", f"cookie_key = {key}", text), encoding="utf-8")

    class Other:
        env = {**sandbox.env, "PORTAL_WEB_CONF": str(conf)}
    other = Strict(Other, place)
    try:
        there = Browser(other.site, "en")
        there.put_back(one.kept())
        answer = there.send("/logout", {}, there.token)
        assert answer.status == 403
        answer = there.get("/account")
        assert answer.status == 303 and answer.header("Location").startswith("/login")
    finally:
        other.stop()
    assert one.is_in()


def test_code_and_its_step_log_in_once(world, browser):
    """Copied by somebody who looks on: neither the code, nor the step, nor both again."""
    c, one = with_totp(world), browser()
    one.log_in(c)
    answer = one.get("/login/code")
    kept, typed = one.kept(), {"code": code(world, c), "step": step_of(answer)}
    assert one.post("/login/code", typed).status == 303 and one.is_in()
    one.put_back(kept)
    again = one.post("/login/code", typed)
    assert again.status in (400, 410, 429) and SESSION not in again.cookies
    one.put_back(kept)
    assert not one.is_in()
    unused(world, c)


def test_step_of_one_person_is_none_for_another(world, browser):
    """Steps of the account are its owner's, also in a browser where somebody else is logged in by now."""
    mine, theirs = with_password(world), with_password(world)
    one, other = browser(), browser()
    for path, sent in (("/password", "/password/new"), ("/account/mail", "/account/mail/new"), ("/totp", "/totp/first")):
        one.log_in(mine)
        assert one.give_password(path).status == 303
        step = step_of(one.get(path))
        other.log_in(theirs)
        other.cookies[STEP] = one.cookies[STEP]
        shown = other.get(path)
        assert 'name="password"' in shown.text and 'name="step"' not in shown.text, path
        answer = other.post(sent, {"step": step, "new-password": NEW, "mail": "x@example.net", "mail-again": "x@example.net",
                                   "code": "123456"})
        assert answer.status == 410, path
        assert theirs.mail in other.get("/account").text, path
        other.get("/account")
        other.post("/logout", {})
    assert world.login(mine.mail, PASSWORD).ok and world.login(theirs.mail, PASSWORD).ok


def test_password_given_once_changes_once(world, browser):
    c, one = with_password(world), browser()
    one.log_in(c)
    one.give_password("/password")
    answer = one.get("/password")
    kept, step = one.kept(), step_of(answer)
    assert one.post("/password/new", {"step": step, "new-password": NEW}).status == 303
    fresh = one.cookies[SESSION]
    one.put_back(kept)
    assert not one.is_in(), "the session of before lives on"
    one.put_back(kept)
    one.cookies[SESSION] = fresh
    one.get("/account")
    answer = one.post("/password/new", {"step": step, "new-password": "Wolken über dem Acker"})
    assert answer.status == 410 and world.login(c.mail, NEW).ok


def test_first_password_is_chosen_once(world, browser):
    c = with_password(world, FIRST, state="initial", portalInitialPasswordExpires="20991231000000Z")
    one = browser()
    assert one.log_in(c, FIRST).header("Location") == "/password"
    answer = one.get("/password")
    kept, step = one.kept(), step_of(answer)
    assert one.post("/password/new", {"step": step, "new-password": PASSWORD}).status == 303
    one.put_back(kept)
    answer = one.post("/password/new", {"step": step, "new-password": NEW})
    assert answer.status == 410 and SESSION not in answer.cookies
    assert "Perhaps it is done already." in plain(answer.text)
    assert world.login(c.mail, PASSWORD).ok and not one.is_in()


def test_code_and_puk_recover_once(world, browser):
    c, one = with_puk(world), browser()
    one.get("/recover/forgotten")
    one.post("/recover/forgotten", {"mail": c.mail})
    digits = wait_for(lambda: codes_of(world, c), what="the code")[-1]
    typed = {"mail": c.mail, "code": digits, "puk": c.puk}
    one.get("/recover/mailed")
    assert one.post("/recover/mailed", typed).header("Location") == "/password"
    answer = one.get("/password")
    kept, step = one.kept(), step_of(answer)
    assert one.post("/password/new", {"step": step, "new-password": NEW}).status == 303 and one.is_in()
    one.put_back(kept)
    assert one.post("/password/new", {"step": step, "new-password": PASSWORD}).status == 410
    answer = one.post("/recover/mailed", typed)
    assert answer.status in (400, 429) and STEP not in answer.cookies
    assert world.login(c.mail, NEW).ok


def test_wish_for_another_address_ends_its_step(world, browser):
    c, one = with_password(world), browser()
    one.log_in(c)
    one.give_password("/account/mail")
    step = step_of(one.get("/account/mail"))
    for address, status in ((f"a-{c.uid}@example.net", 303), (f"b-{c.uid}@example.net", 410)):
        assert one.post("/account/mail/new", {"step": step, "mail": address, "mail-again": address}).status == status
    world.wait_for_mail(f"a-{c.uid}@example.net")
    world.wait_for_rest()
    assert not world.mails(f"b-{c.uid}@example.net")


def test_secret_of_the_app_is_over_with_its_step(world, browser):
    """What was offered to one browser can't be set up from it once somebody has logged out there."""
    c, one = with_password(world), browser()
    one.log_in(c)
    one.give_password("/totp")
    kept = one.kept()
    assert 'id="secret"' in one.get("/totp").text
    one.post("/logout", {})
    assert STEP not in one.cookies and SESSION not in one.cookies
    one.put_back(kept)
    assert one.get("/totp").status == 303
    assert 'id="secret"' not in one.get("/login").text
