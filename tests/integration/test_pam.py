"""The return code table of pam_portal(8), cell by cell: the real module, portald and directory.

Every state is made in the directory, as time or an administrator would have made it; that the journey
leads there is for other tests. tests/pam-scripts has what no real portald can be brought to say.
"""

import itertools
import time

import ldap_client
import pytest
from pam_application import Application, one, several

PASSWORD = "Regen auf dem Zeltdach"
INITIAL = "anfangs-war-dieses-Wort"
NEW = "blauer Elefant im Schnee"
WRONG = "etwas ganz und gar anderes"
MISTYPED = "K7QD-M2XA-9PVW-4TBH"  # sixteen symbols, but the last doesn't fit
ASK, CURRENT, NEW_ASK, AGAIN = ("Passwort: ", "Aktuelles Passwort: ", "Neues Passwort: ",
                                "Neues Passwort wiederholen: ")
LATER, EARLIER = "20991231225959Z", "20200101000000Z"

STATES = {
    "active": {"portalState": "active", "userPassword": PASSWORD},
    "initial": {"portalState": "initial", "userPassword": INITIAL, "pwdReset": "TRUE",
                "portalInitialPasswordExpires": LATER},
    "expired": {"portalState": "initial", "userPassword": INITIAL, "pwdReset": "TRUE",
                "portalInitialPasswordExpires": EARLIER},
    "locked": {"portalState": "locked", "userPassword": PASSWORD},
    "closed": {"portalState": "closed", "userPassword": PASSWORD},
    "pending": {"portalState": "pending", "userPassword": PASSWORD},
    "blocked": {"portalState": "active", "userPassword": PASSWORD, "portalPasswordFailures": "100"},
    "throttled": {"portalState": "active", "userPassword": PASSWORD, "portalPasswordFailures": "6",
                  "portalPasswordRetryAfter": LATER},
}
numbers = itertools.count(1)


def customer(world, state):
    """A customer in this state; returns the login name."""
    one_more = world.customer()
    attributes = dict(STATES[state])
    attributes["userPassword"] = ldap_client.ssha(attributes["userPassword"])
    world.modify(one_more.uid, mail=one_more.mail, **attributes)
    return one_more


def right(state):
    return STATES[state]["userPassword"]


# authenticate and, after a success, acct_mgmt; the password is right.
@pytest.mark.parametrize(("state", "authenticate", "account"), [
    ("active", "SUCCESS", "SUCCESS"),
    ("initial", "SUCCESS", "NEW_AUTHTOK_REQD"),
    ("expired", "AUTH_ERR", None),
    ("locked", "PERM_DENIED", None),
    ("closed", "PERM_DENIED", None),
    ("pending", "AUTH_ERR", None),
    ("throttled", "MAXTRIES", None),
    ("blocked", "MAXTRIES", None),
])
def test_right_password(world, state, authenticate, account):
    who = customer(world, state)
    steps = several(world.box, who.mail, ("authenticate", right(state)), *([("account",)] if account else []))
    assert steps[0].code == authenticate
    assert steps[0].prompts == [ASK]
    assert bool(steps[0].errors) == (authenticate != "SUCCESS")
    assert steps[0].env.get("PORTAL_UID") == (who.uid if authenticate == "SUCCESS" else None)
    assert steps[0].user == who.mail
    if account:
        assert steps[1].code == account


# acct_mgmt alone, as after a login with an SSH key.
@pytest.mark.parametrize(("state", "account"), [
    ("active", "SUCCESS"),
    ("initial", "NEW_AUTHTOK_REQD"),
    ("expired", "AUTHTOK_EXPIRED"),
    ("locked", "PERM_DENIED"),
    ("closed", "ACCT_EXPIRED"),
    ("pending", "PERM_DENIED"),
    ("throttled", "SUCCESS"),
    ("blocked", "PERM_DENIED"),
])
def test_account_without_authentication(world, state, account):
    step = one(world.box, customer(world, state).mail, "account")
    assert step.code == account
    assert step.prompts == []


# chauthtok of one's own will, with the right current password.
@pytest.mark.parametrize(("state", "change"), [
    ("active", "SUCCESS"),
    ("initial", "SUCCESS"),
    ("expired", "AUTHTOK_ERR"),
    ("locked", "PERM_DENIED"),
    ("closed", "PERM_DENIED"),
    ("pending", "AUTH_ERR"),
    ("throttled", "MAXTRIES"),
    ("blocked", "MAXTRIES"),
])
def test_change(world, state, change):
    who = customer(world, state)
    step = one(world.box, who.mail, "change", right(state), NEW, NEW)
    assert step.code == change
    if change != "SUCCESS":
        assert step.prompts == [CURRENT]
        assert step.errors
        return
    assert step.prompts == [CURRENT, NEW_ASK, AGAIN]
    assert who.state == "active"
    assert one(world.box, who.mail, "authenticate", NEW).code == "SUCCESS"
    assert one(world.box, who.mail, "authenticate", right(state)).code == "AUTH_ERR"


# chauthtok for expired passwords only, without a login before.
@pytest.mark.parametrize(("state", "change", "prompts"), [
    ("active", "SUCCESS", []),
    ("initial", "SUCCESS", [CURRENT, NEW_ASK, AGAIN]),
    ("expired", "AUTHTOK_ERR", [CURRENT]),
    ("locked", "PERM_DENIED", []),
    ("closed", "PERM_DENIED", []),
    ("pending", "AUTH_ERR", []),
    ("blocked", "MAXTRIES", []),
])
def test_change_of_expired_passwords_only(world, state, change, prompts):
    who = customer(world, state)
    step = one(world.box, who.mail, "change-expired", right(state), NEW, NEW)
    assert step.code == change
    assert step.prompts == prompts
    if state == "active":
        assert one(world.box, who.mail, "authenticate", PASSWORD).code == "SUCCESS"


def unknown_name():
    return f"niemand-{next(numbers)}-{time.monotonic_ns()}@example.org"


@pytest.mark.parametrize("answers", [
    pytest.param((WRONG,), id="wrong"),
    pytest.param(("",), id="empty"),
    pytest.param(("x" * 511,), id="511-bytes"),
    pytest.param(("x" * 512,), id="512-bytes"),
    pytest.param((b"\xff\xfekaputt",), id="not-utf-8"),
    pytest.param((PASSWORD.upper(),), id="another-case"),
    pytest.param(("*",), id="asterisk"),
])
@pytest.mark.parametrize("step", ["authenticate", "change"])
def test_wrong_password_and_unknown_user_look_alike(world, step, answers):
    known = one(world.box, customer(world, "active").mail, step, *answers)
    pending = one(world.box, customer(world, "pending").mail, step, *answers)
    unknown = one(world.box, unknown_name(), step, *answers)
    assert known.code == "AUTH_ERR"
    assert known.errors == ["Die E-Mail-Adresse oder das Passwort stimmt nicht."]
    for other in (pending, unknown):
        assert (other.code, other.prompts, other.errors, other.infos, other.env) == \
            (known.code, known.prompts, known.errors, known.infos, known.env)


@pytest.mark.parametrize("name", ["root", "nobody", "", " anna@example.org", "anna @example.org",
                                  "anna@example.org\n", "x" * 250 + "@example.org"])
def test_name_that_is_no_customers_is_unknown_at_once(world, name):
    steps = several(world.box, name, ("authenticate", PASSWORD), ("account",), ("change", PASSWORD, NEW, NEW))
    assert [step.code for step in steps] == ["USER_UNKNOWN"] * 3
    assert [step.prompts for step in steps] == [[]] * 3


def test_unknown_customer_is_unknown_to_account(world):
    assert one(world.box, unknown_name(), "account").code == "USER_UNKNOWN"


@pytest.mark.parametrize("name", ["*)(mail=*@example.org", "*@example.org", "\\2a@example.org",
                                  "a)(uid=*))(|(mail=a@example.org"])
def test_name_with_the_signs_of_a_filter_is_nobodys(world, name):
    customer(world, "active")
    steps = several(world.box, name, ("authenticate", PASSWORD), ("account",))
    assert [step.code for step in steps] == ["AUTH_ERR", "USER_UNKNOWN"]


def test_login_name_is_compared_without_case_and_pam_user_stays(world):
    who = customer(world, "active")
    step = one(world.box, who.mail.upper(), "authenticate", PASSWORD)
    assert (step.code, step.user) == ("SUCCESS", who.mail.upper())
    assert step.env["PORTAL_UID"] == who.uid


def test_sixth_failure_starts_the_wait_for_right_and_wrong_answers_alike(world):
    who = customer(world, "active")
    for _ in range(6):
        assert one(world.box, who.mail, "authenticate", WRONG).code == "AUTH_ERR"
    wrong = one(world.box, who.mail, "authenticate", WRONG)
    right_one = one(world.box, who.mail, "authenticate", PASSWORD)
    assert wrong.code == right_one.code == "MAXTRIES"
    assert wrong.prompts == right_one.prompts == [ASK]
    assert "Sekunden" in right_one.errors[0] and "Sekunden" in wrong.errors[0]
    assert one(world.box, who.mail, "account").code == "SUCCESS"
    assert one(world.box, who.mail, "change", PASSWORD, NEW, NEW).code == "MAXTRIES"


def test_names_that_do_not_exist_are_throttled_alike(world):
    name = unknown_name()
    for _ in range(6):
        assert one(world.box, name, "authenticate", WRONG).code == "AUTH_ERR"
    step = one(world.box, name, "authenticate", WRONG)
    assert step.code == "MAXTRIES"
    assert "Sekunden" in step.errors[0]


def test_typing_error_in_a_code_is_said_to_be_one_alike_and_not_counted(world):
    who, nobody = customer(world, "active"), unknown_name()
    for _ in range(8):
        known = one(world.box, who.mail, "authenticate", MISTYPED)
        unknown = one(world.box, nobody, "authenticate", MISTYPED)
        assert known.code == unknown.code == "AUTH_ERR"
        assert known.errors == unknown.errors
        assert "Tippfehler" in known.errors[0]
    assert one(world.box, who.mail, "authenticate", PASSWORD).code == "SUCCESS"
    assert one(world.box, nobody, "authenticate", WRONG).code == "AUTH_ERR"


def test_empty_password_is_not_counted_and_not_bound(world):
    who = customer(world, "active")
    for _ in range(8):
        assert one(world.box, who.mail, "authenticate", "").code == "AUTH_ERR"
    assert one(world.box, who.mail, "authenticate", PASSWORD).code == "SUCCESS"


def test_forced_change_asks_only_for_the_new_password_and_again_after_a_refusal(world):
    who = customer(world, "initial")
    steps = several(world.box, who.mail, ("authenticate", INITIAL), ("account",),
                    ("change-expired", "zu kurz", "zu kurz"), ("change-expired", NEW, "vertippt"),
                    ("change-expired", NEW, NEW), ("setcred",), ("open",), ("close",))
    assert [step.code for step in steps] == ["SUCCESS", "NEW_AUTHTOK_REQD", "AUTHTOK_ERR",
                                             "AUTHTOK_ERR", "SUCCESS", "SUCCESS", "SUCCESS", "SUCCESS"]
    assert steps[2].prompts == steps[4].prompts == [NEW_ASK, AGAIN]
    assert "12" in steps[2].errors[0]
    assert steps[4].infos
    assert who.state == "active"
    assert one(world.box, who.mail, "authenticate", NEW).code == "SUCCESS"
    assert one(world.box, who.mail, "authenticate", INITIAL).code == "AUTH_ERR"


def test_old_password_cannot_be_the_new_one(world):
    who = customer(world, "active")
    step = one(world.box, who.mail, "change", PASSWORD, PASSWORD, PASSWORD)
    assert step.code == "AUTHTOK_ERR"
    assert step.errors


def test_grant_ends_with_the_password_that_it_was_given_for(world):
    who = customer(world, "initial")
    with Application(world.box, who.mail) as slow:
        assert slow.step("authenticate", INITIAL).code == "SUCCESS"
        quick = several(world.box, who.mail, ("authenticate", INITIAL), ("change", NEW, NEW))
        assert quick[1].code == "SUCCESS"
        step = slow.step("change", "ein ganz anderes Wort", "ein ganz anderes Wort")
    assert step.code == "AUTHTOK_ERR"
    assert step.errors
    assert one(world.box, who.mail, "authenticate", NEW).code == "SUCCESS"


def test_lock_between_authentication_and_change_stops_the_change(world):
    who = customer(world, "initial")
    with Application(world.box, who.mail) as application:
        assert application.step("authenticate", INITIAL).code == "SUCCESS"
        world.modify(who.uid, portalState="locked")
        step = application.step("change", NEW, NEW)
    assert step.code == "AUTHTOK_ERR"
    assert step.errors
    assert who.state == "locked"


def test_verdict_that_came_with_the_authentication_counts_once(world):
    who = customer(world, "active")
    with Application(world.box, who.mail) as application:
        assert application.step("authenticate", PASSWORD).code == "SUCCESS"
        world.modify(who.uid, portalState="locked")
        assert application.step("account").code == "SUCCESS"
        assert application.step("account").code == "PERM_DENIED"


def test_english_where_the_service_says_so(world, tmp_path):
    service = tmp_path / "english"
    portal = (world.box.dir / "pam" / "portal").read_text(encoding="utf-8")
    service.write_text("".join(f"{line} lang=en\n" for line in portal.splitlines()), encoding="utf-8")
    step = one(world.box, customer(world, "active").mail, "authenticate", WRONG, service="english",
               directory=tmp_path)
    assert step.prompts == ["Password: "]
    assert step.errors == ["The e-mail address or the password is not right."]


def test_unreachable_directory_and_portald(fresh_world):
    box = fresh_world.box
    who = customer(fresh_world, "active")
    for service in ("slapd", "portald"):
        box.stop(service)
        steps = several(box, who.mail, ("authenticate", PASSWORD), ("account",),
                        ("change", PASSWORD, NEW, NEW))
        assert [step.code for step in steps] == ["AUTHINFO_UNAVAIL"] * 3, service
        assert all(step.errors for step in steps), service
        assert "PORTAL_UID" not in steps[0].env
    for service in ("slapd", "portald"):
        box.start(service)
    assert one(box, who.mail, "authenticate", PASSWORD).code == "SUCCESS"
