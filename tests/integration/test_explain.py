"""portalctl explain: for each situation that an account can be in, what it says agrees with what a login through PAM answers."""

import json

import ldap
import pytest
from ldap.controls.simple import ManageDSAITControl

import ldap_client
from customer import PASSWORD, wait_for, with_password
from totp_customer import code, set_up

FAR, PAST = "20991231235959Z", "20200101000000Z"
# What explain says of a login, and what pam-login then shows: authenticate, and acct_mgmt where that is reached.
PAM = {"ok": "PAM_SUCCESS", "wrong": "PAM_AUTH_ERR", "throttled": "PAM_MAXTRIES", "expired": "PAM_AUTH_ERR",
       "locked": "PAM_PERM_DENIED", "closed": "PAM_PERM_DENIED", "unavailable": "PAM_AUTHINFO_UNAVAIL"}
ACCOUNT = {"ok": "OK", "new-password": "NEW_PASSWORD", "expired": "EXPIRED", "locked": "LOCKED", "closed": "CLOSED",
           "blocked": "BLOCKED", "not-confirmed": "NOT_CONFIRMED", "unknown": "UNKNOWN"}
JOB = "01ARZ3NDEKTSV4RRFFQ69G5FAV"


def explain(world, who, **more):
    return world.portald.control("explain", who=who, **more)


def reasons(report, *effects):
    return {f["reason"] for f in report["findings"] if not effects or f["effect"] in effects}


def letter(state, when=PAST):
    return f"access {JOB} {state} {when}"


INITIAL = {"state": "initial", "portalInitialPasswordExpires": FAR, "portalPasswordChanged": PAST}
LINK = "A" * 43

# Attributes of an entry with a password, what a login is said to be, and a reason that must be given.
SITUATIONS = {
    "active": ({}, "ok", "personal-password"),
    "provisioned": ({"state": "provisioned"}, "wrong", "not-registered"),
    "no state": ({"portalState": None}, "wrong", "not-registered"),
    "pending, running": ({"state": "pending", "portalPending": f"{LINK} {FAR} a@example.org"}, "wrong", "link-sent"),
    "pending, over": ({"state": "pending", "portalPending": f"{LINK} {PAST} a@example.org"}, "wrong", "link-expired"),
    "pending, none": ({"state": "pending"}, "wrong", "link-missing"),
    "initial, no letter": (INITIAL, "ok", "letter-missing"),
    "initial, queued": ({**INITIAL, "portalLetter": letter("queued")}, "ok", "letter-not-printed"),
    "initial, printed": ({**INITIAL, "portalLetter": letter("printed")}, "ok", "letter-printed"),
    "initial, posted": ({**INITIAL, "portalLetter": letter("posted", FAR)}, "ok", "letter-posted"),
    "initial, long posted": ({**INITIAL, "portalLetter": letter("posted")}, "ok", "letter-arrived"),
    "initial, uncertain": ({**INITIAL, "portalLetter": letter("uncertain")}, "ok", "letter-uncertain"),
    "initial, returned": ({**INITIAL, "portalLetter": letter("returned"), "portalInitialPasswordExpires": PAST},
                          "expired", "letter-returned"),
    "initial, expired": ({**INITIAL, "portalInitialPasswordExpires": PAST}, "expired", "initial-password-expired"),
    "locked": ({"state": "locked", "portalLockReason": "Brief gestohlen; before: active"}, "locked", "locked"),
    "closed": ({"state": "closed", "portalLockReason": "Auto verkauft; before: active"}, "closed", "closed"),
    "throttled": ({"portalPasswordFailures": "9", "portalPasswordRetryAfter": FAR}, "throttled", "password-throttled"),
    "free failures": ({"portalPasswordFailures": "3"}, "ok", "failures"),
    "blocked": ({"portalPasswordFailures": "100"}, "throttled", "password-blocked"),
    "pending, throttled": ({"state": "pending", "portalPasswordFailures": "100"}, "wrong", "link-missing"),
    "locked, blocked": ({"state": "locked", "portalPasswordFailures": "100"}, "throttled", "password-blocked"),
    "malformed": ({"portalSessionEpoch": "-1"}, "wrong", "malformed"),
    "malformed elsewhere": ({"portalLetter": "x"}, "ok", "malformed-elsewhere"),
}


def compare(world, name, report, *answers):
    assert world.portald.account(name).verdict == ACCOUNT[report["account"]], report
    done = world.login(name, *answers)
    assert done.result("authenticate") == PAM[report["login"]], (report, done.output)


@pytest.mark.parametrize("situation", SITUATIONS)
def test_explanation_agrees_with_a_login_through_pam(world, situation):
    attributes, login, reason = SITUATIONS[situation]
    attributes = dict(attributes)
    c = with_password(world, state=attributes.pop("state", "active"))
    if attributes:
        world.modify(c.uid, **attributes)
    for who in (c.uid, c.policy, c.mail):
        report = explain(world, who)
        assert report["login"] == login and reason in reasons(report), report
        assert bool(reasons(report, "refused", "waiting")) == (login != "ok"), report
    new = PASSWORD + " und mehr"
    compare(world, c.mail, report, PASSWORD, new, new)
    world.modify(c.uid, portalSessionEpoch=None, portalLetter=None)


def test_unknown_name_and_no_address_at_all(world):
    report = explain(world, "niemand@example.net")
    assert not report["found"] and reasons(report) == {"unknown"}
    compare(world, "niemand@example.net", report, PASSWORD)
    c = with_password(world)
    world.modify(c.uid, mail=None)
    report = explain(world, c.uid)
    assert report["login"] == "wrong" and reasons(report, "refused") == {"mail-missing"}
    compare(world, c.mail, report, PASSWORD)


def test_changed_address_is_told_from_an_unknown_one(world):
    c = world.customer()
    c.confirmed()
    world.modify(c.uid, mail=f"neu-{c.uid}@example.org")
    report = explain(world, c.mail)
    assert report["uid"] == c.uid and "other-address" in reasons(report, "refused")
    assert report["login"] == "wrong"
    compare(world, c.mail, report, PASSWORD)


def test_address_that_waits_to_be_confirmed_is_found(world):
    c = world.customer()
    c.registered()
    wait_for(lambda: "link-sent" in reasons(explain(world, c.mail)), what="the link")
    report = explain(world, c.mail)
    assert report["uid"] == c.uid and report["state"] == "pending" and report["login"] == "wrong"
    assert [d["what"] for d in report["deadlines"]] == ["link"]
    assert [m["topic"] for m in report["mails"]] == ["confirm"]
    compare(world, c.mail, report, PASSWORD)


def test_attempt_to_register_with_a_wrong_birthdate_is_told(world):
    c = world.customer()
    assert world.portald.register(c.policy, "1911-11-11", c.mail).verdict == "OK"
    report = wait_for(lambda: [r for r in [explain(world, c.uid)] if "registration-attempted" in reasons(r)],
                      what="the attempt")[0]
    assert reasons(report, "refused") == {"not-registered"}
    assert world.portald.register("ZZ99999999", "1911-11-11", "x@example.org").verdict == "OK"
    report = wait_for(lambda: [r for r in [explain(world, "zz-99999999")] if "no match" in str(r["findings"])],
                      what="the attempt")[0]
    assert not report["found"] and "registration-attempted" in reasons(report, "told")


def test_unknown_name_is_throttled_like_a_known_one(world):
    name = "geraten@example.net"
    for _ in range(7):
        world.portald.authenticate(name, "falsch falsch")
    report = explain(world, name)
    assert report["login"] == "throttled" and "password-throttled" in reasons(report, "waiting")
    compare(world, name, report, PASSWORD)


def test_client_that_is_known_has_counters_of_its_own(world):
    c, home = with_password(world), "192.0.2.77"
    assert world.portald.authenticate(c.mail, PASSWORD, CLIENT=home).verdict == "OK"
    world.modify(c.uid, portalPasswordFailures="100")
    assert explain(world, c.uid)["login"] == "throttled"
    report = explain(world, c.uid, client=home)
    assert report["login"] == "ok" and "known-client" in reasons(report)
    assert world.portald.authenticate(c.mail, PASSWORD, CLIENT=home).verdict == "OK"
    for _ in range(7):
        world.portald.authenticate(c.mail, "falsch falsch", CLIENT=home)
    report = explain(world, c.uid, client=home)
    assert report["login"] == "throttled" and "password-throttled" in reasons(report)
    assert world.portald.authenticate(c.mail, PASSWORD, CLIENT=home).verdict == "THROTTLED"


def test_client_with_too_many_failing_names_is_told(world):
    c, cafe = with_password(world), "198.51.100.7"
    for i in range(21):
        world.portald.authenticate(f"name-{i}@example.net", "falsch falsch", CLIENT=cafe)
    assert explain(world, c.uid)["login"] == "ok"
    report = explain(world, c.uid, client=cafe)
    assert report["login"] == "throttled" and "client-throttled" in reasons(report, "waiting")
    assert world.portald.authenticate(c.mail, PASSWORD, CLIENT=cafe).verdict == "THROTTLED"


def test_second_factor_is_told_with_its_counter_and_its_secret(world):
    c = set_up(world, with_password(world))
    report = explain(world, c.mail)
    assert report["login"] == "ok" and report["code"] and "code-needed" in reasons(report)
    world.modify(c.uid, portalTOTPFailures="100")
    report = explain(world, c.mail)
    assert report["login"] == "throttled" and "code-blocked" in reasons(report, "refused")
    compare_second(world, c, "THROTTLED")
    world.modify(c.uid, portalTOTPFailures=None)
    with ldap_client.bound(world.box, "root") as connection:
        connection.modify_s(f"uid={c.uid},{ldap_client.customers_base(world.box)}",
                            [(ldap.MOD_REPLACE, "portalTOTPSecret", [b"\0" * 64])])
    report = explain(world, c.mail)
    assert report["login"] == "unavailable" and "code-unreadable" in reasons(report, "refused")
    compare_second(world, c, "UNAVAILABLE")


def compare_second(world, c, verdict):
    asked = world.portald.authenticate(c.mail, PASSWORD)
    assert asked.verdict == "CODE_NEEDED"
    assert world.portald.second(c.mail, asked.get("STATE"), "123456").verdict == verdict


def test_lockout_by_slapd_itself_is_seen(world):
    c = with_password(world, pwdAccountLockedTime="000001010000Z")
    report = explain(world, c.uid)
    assert report["login"] == "wrong" and "slapd-locked" in reasons(report, "refused")
    compare(world, c.mail, report, PASSWORD)
    assert world.box.ctl("unblock", c.uid).returncode == 0
    assert explain(world, c.uid)["login"] == "ok"
    assert world.portald.authenticate(c.mail, PASSWORD).verdict == "OK"


def test_new_password_lifts_the_lockout_by_slapd(world):
    c = with_password(world, pwdAccountLockedTime="000001010000Z")
    assert world.box.ctl("restart", c.uid).returncode == 0
    assert "slapd-locked" not in reasons(explain(world, c.uid), "refused")
    assert world.portald.authenticate(c.mail, c.letter().password).verdict == "OK"


def test_two_entries_with_one_address(world):
    a, b = with_password(world, state="pending"), with_password(world, state="pending")
    shared = f"geteilt-{a.uid}@example.org"
    world.modify(a.uid, mail=shared)
    with ldap_client.bound(world.box, "root") as connection:
        connection.modify_ext_s(f"uid={b.uid},{ldap_client.customers_base(world.box)}",
                                [(ldap.MOD_REPLACE, "mail", [shared.encode()])],
                                serverctrls=[ManageDSAITControl(True)])
    report = explain(world, shared)
    assert reasons(report, "refused") == {"several-entries"} and report["login"] == "wrong"
    compare(world, shared, report, PASSWORD)
    world.modify(b.uid, mail=None)


def test_every_reason_can_be_read_out_in_both_languages_and_names_no_secret(world):
    c = with_password(world, portalPasswordFailures="9", portalPasswordRetryAfter=FAR)
    report = explain(world, c.uid)
    for finding in report["findings"]:
        de, en = finding["say"]["de"], finding["say"]["en"]
        assert de and en and de != en and "%s" not in de + en
    throttled = next(f for f in report["findings"] if f["reason"] == "password-throttled")
    assert throttled["wish"] == "unblock" and throttled["count"] == 9
    # It ends at 00:59:59 in the sandbox's zone: who tries again when the clock shows 00:59 is still refused.
    assert "1. Januar 2100, 01:00 Uhr" in throttled["say"]["de"] and "00:59" not in throttled["say"]["en"]
    assert "{SSHA}" not in json.dumps(report) and "argon2" not in json.dumps(report).lower()


def test_screen_for_support(world):
    c = with_password(world, state="locked", portalLockReason="Brief gestohlen; before: active")
    done = world.box.ctl("explain", c.uid)
    assert done.returncode == 0, done.stderr
    assert "NO LOGIN" in done.stdout and "Brief gestohlen" in done.stdout
    assert "Ihr Konto ist zu Ihrem Schutz gesperrt." in " ".join(done.stdout.split())
    assert f"portalctl unlock {c.uid}" in done.stdout and "portalRequest: unlock" in done.stdout
    done = world.box.ctl("explain", c.uid, "--language", "en")
    assert "Your account is locked for your protection." in " ".join(done.stdout.split())
    assert world.box.ctl("explain", "niemand").returncode == 0
    assert world.box.ctl("explain", c.uid, "--client", "kein Ort").returncode == 2
    assert json.loads(world.box.ctl("--json", "explain", c.uid).stdout)["login"] == "locked"
