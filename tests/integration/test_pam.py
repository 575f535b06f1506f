"""The return code table of pam_portal(8), cell by cell: the real module, portald and directory.

Every state is made in the directory, as time or an administrator would have made it; that the journey
leads there is for other tests. tests/pam-scripts has what no real portald can be brought to say.
"""

import itertools
import time

import ldap_client
import otp
import pytest
from customer import wait_for
from pam_application import Application, one, several
from recoverer import codes_of, with_puk
from totp_customer import code, unused, with_password, with_totp, wrong_code

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
CODE = "Code: "
CODE_TOO = "Code (leer lassen, wenn keiner eingerichtet ist): "
COMBINED = "Passwort, dahinter der Code (falls eingerichtet): "
FIRST_CODE, MAILED, PUK = "Code aus der App: ", "Code aus der E-Mail: ", "PUK: "
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


# --- The second factor ---

def test_code_is_asked_for_behind_the_password_and_decides(world):
    who = with_totp(world)
    wrong = one(world.box, who.mail, "authenticate", PASSWORD, wrong_code(world, who))
    assert (wrong.code, wrong.prompts) == ("AUTH_ERR", [ASK, CODE])
    assert wrong.errors and "PORTAL_UID" not in wrong.env
    steps = several(world.box, who.mail, ("authenticate", PASSWORD, code(world, who)), ("account",))
    assert [step.code for step in steps] == ["SUCCESS", "SUCCESS"]
    assert steps[0].env["PORTAL_UID"] == who.uid


@pytest.mark.parametrize(("answer", "result"), [("", "AUTH_ERR"), (None, "CONV_ERR"), (PASSWORD, "AUTH_ERR")])
def test_missing_code_is_never_a_login_and_never_counts(world, answer, result):
    who = with_totp(world)
    for _ in range(7):
        step = one(world.box, who.mail, "authenticate", PASSWORD, answer)
        assert step.code == result
        assert "PORTAL_UID" not in step.env
    assert one(world.box, who.mail, "authenticate", PASSWORD, code(world, who)).code == "SUCCESS"


def test_wrong_password_is_not_asked_for_a_code(world):
    step = one(world.box, with_totp(world).mail, "authenticate", WRONG)
    assert (step.code, step.prompts) == ("AUTH_ERR", [ASK])


@pytest.mark.parametrize(("answers", "result"), [
    pytest.param(lambda code: (PASSWORD, code), "SUCCESS", id="both"),
    pytest.param(lambda code: (PASSWORD + code, None), "SUCCESS", id="second-missing"),
    pytest.param(lambda code: (PASSWORD + code, PASSWORD + code), "SUCCESS", id="the-same-twice"),
    pytest.param(lambda code: (PASSWORD, ""), "AUTH_ERR", id="empty"),
    pytest.param(lambda code: (PASSWORD, None), "AUTH_ERR", id="password-alone"),
    pytest.param(lambda code: (PASSWORD, PASSWORD), "AUTH_ERR", id="password-twice"),
    pytest.param(lambda code: (WRONG, code), "AUTH_ERR", id="wrong-password"),
    pytest.param(lambda code: (code, PASSWORD), "AUTH_ERR", id="the-wrong-way-round"),
])
def test_together(world, answers, result):
    who = with_totp(world)
    step = one(world.box, who.mail, "authenticate", *answers(code(world, who)), service="portal-together")
    assert (step.code, step.prompts) == (result, [ASK, CODE_TOO])
    assert ("PORTAL_UID" in step.env) == (result == "SUCCESS")


@pytest.mark.parametrize("answers", [(PASSWORD, ""), (PASSWORD, "123456"), (PASSWORD, None), (PASSWORD, PASSWORD)])
def test_together_without_a_second_factor(world, answers):
    who = with_password(world)
    assert one(world.box, who.mail, "authenticate", *answers, service="portal-together").code == "SUCCESS"


def test_combined(world):
    who = with_totp(world)
    for answer, result in ((PASSWORD, "AUTH_ERR"), (PASSWORD + wrong_code(world, who), "AUTH_ERR"),
                           (PASSWORD + code(world, who), "SUCCESS")):
        step = one(world.box, who.mail, "authenticate", answer, service="portal-combined")
        assert (step.code, step.prompts) == (result, [COMBINED])
    plain = with_password(world)
    assert one(world.box, plain.mail, "authenticate", PASSWORD, service="portal-combined").code == "SUCCESS"


def test_change_with_a_code_asks_for_it_behind_the_first_pass(world):
    who = with_totp(world)
    wrong = one(world.box, who.mail, "change", PASSWORD, wrong_code(world, who))
    assert (wrong.code, wrong.prompts) == ("AUTH_ERR", [CURRENT, CODE])
    steps = several(world.box, who.mail, ("change", PASSWORD, code(world, who), "kurz", "kurz"), ("change", NEW, NEW))
    assert [step.code for step in steps] == ["AUTHTOK_ERR", "SUCCESS"]
    assert [step.prompts for step in steps] == [[CURRENT, CODE, NEW_ASK, AGAIN], [NEW_ASK, AGAIN]]
    unused(world, who)
    assert one(world.box, who.mail, "authenticate", NEW, code(world, who)).code == "SUCCESS"


# --- Set-up ---

def scanned(world):
    """The person with the app: types the code of the secret that has just been shown."""
    return lambda step: otp.code(otp.secret_of("\n".join(step.infos)), at=world.now())


def drawn(step):
    return [line for line in step.infos if set(line) <= set(" █▀▄") and line.strip()]


def test_set_up_at_login_shows_code_and_address_and_is_needed(world):
    who = with_password(world)
    left = one(world.box, who.mail, "authenticate", PASSWORD, "", service="portal-enroll")
    assert (left.code, left.prompts) == ("AUTH_ERR", [ASK, FIRST_CODE])
    assert left.errors and "PORTAL_UID" not in left.env
    steps = several(world.box, who.mail, ("authenticate", PASSWORD, "000000", scanned(world)), ("account",),
                    service="portal-enroll")
    assert [step.code for step in steps] == ["SUCCESS", "SUCCESS"]
    assert steps[0].prompts == [ASK, FIRST_CODE, FIRST_CODE]
    assert 25 <= len(drawn(steps[0])) <= 27
    who.secret = otp.secret_of("\n".join(steps[0].infos))
    unused(world, who)
    step = one(world.box, who.mail, "authenticate", PASSWORD, code(world, who), service="portal-enroll")
    assert (step.code, step.prompts) == ("SUCCESS", [ASK, CODE])
    assert one(world.box, who.mail, "authenticate", PASSWORD).code == "CONV_ERR"


def test_set_up_follows_the_forced_change(world):
    who = customer(world, "initial")
    steps = several(world.box, who.mail, ("authenticate", INITIAL), ("account",),
                    ("change-expired", NEW, NEW, scanned(world)), service="portal-enroll")
    assert [step.code for step in steps] == ["SUCCESS", "NEW_AUTHTOK_REQD", "SUCCESS"]
    assert steps[2].prompts == [NEW_ASK, AGAIN, FIRST_CODE]
    assert one(world.box, who.mail, "authenticate", NEW, None).prompts == [ASK, CODE]


def test_set_up_left_out_behind_the_forced_change_keeps_the_password(world):
    who = customer(world, "initial")
    steps = several(world.box, who.mail, ("authenticate", INITIAL), ("change-expired", NEW, NEW, ""),
                    service="portal-enroll")
    assert steps[1].code == "AUTH_ERR"
    assert "Passwort gilt" in steps[1].infos[-1]
    assert one(world.box, who.mail, "authenticate", NEW).code == "SUCCESS"


# --- Recovery ---

def mailed(world, who):
    """The person at the mailbox: waits for the code and types it."""
    before = len(codes_of(world, who))
    return lambda _step: wait_for(lambda: codes_of(world, who)[before:], what="the code")[-1]


def test_recovery_sets_a_new_password_and_lets_in(world):
    who = with_puk(world)
    steps = several(world.box, who.mail, ("authenticate", mailed(world, who), who.puk, "kurz", "kurz", NEW, NEW),
                    ("account",), service="portal-recover")
    assert [step.code for step in steps] == ["SUCCESS", "SUCCESS"]
    assert steps[0].prompts == [MAILED, PUK, NEW_ASK, AGAIN, NEW_ASK, AGAIN]
    assert steps[0].env["PORTAL_UID"] == who.uid
    assert one(world.box, who.mail, "authenticate", NEW).code == "SUCCESS"
    assert one(world.box, who.mail, "authenticate", PASSWORD).code == "AUTH_ERR"


def test_recovery_needs_the_code_of_the_app_where_there_is_one(world):
    who = with_totp(world)
    who.puk = with_puk(world).puk
    world.modify(who.uid, portalPUK=world.drawer.hash, portalPasswordChanged="20260101000000Z")
    step = one(world.box, who.mail, "authenticate", mailed(world, who), who.puk, NEW, NEW,
               lambda _step: wrong_code(world, who), service="portal-recover")
    assert (step.code, step.prompts) == ("AUTH_ERR", [MAILED, PUK, NEW_ASK, AGAIN, CODE])
    assert "Passwort gilt" in step.infos[-1] and "PORTAL_UID" not in step.env
    assert one(world.box, who.mail, "authenticate", NEW, code(world, who)).code == "SUCCESS"


@pytest.mark.parametrize("step", ["authenticate", "change"])
def test_recovery_looks_alike_for_wrong_codes_and_unknown_names(world, step):
    who = with_puk(world)
    known = one(world.box, who.mail, step, "00000000", who.puk, service="portal-recover")
    unknown = one(world.box, unknown_name(), step, "00000000", who.puk, service="portal-recover")
    assert (known.code, known.prompts) == ("AUTH_ERR", [MAILED, PUK])
    assert (known.code, known.prompts, known.infos, known.errors, known.env) == \
        (unknown.code, unknown.prompts, unknown.infos, unknown.errors, unknown.env)


def test_change_in_a_service_for_recovery(world):
    who = with_puk(world)
    step = one(world.box, who.mail, "change", mailed(world, who), who.puk, NEW, NEW, service="portal-recover")
    assert (step.code, step.prompts) == ("SUCCESS", [MAILED, PUK, NEW_ASK, AGAIN])
    assert one(world.box, who.mail, "authenticate", NEW).code == "SUCCESS"


# --- The rest ---

def test_last_login_is_shown_from_the_second_one_on(world):
    who = customer(world, "active")
    assert not one(world.box, who.mail, "authenticate", PASSWORD).infos
    wait_for(lambda: who.attribute("portalLastLogin"), what="the last login")
    assert "Letzte Anmeldung" in one(world.box, who.mail, "authenticate", PASSWORD).infos[0]


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
