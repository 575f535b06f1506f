"""What portald keeps for portal-web: who is logged in, by which browser accounts know people, and what only the web asks."""

import json
import os
import signal

import pytest

import ldap
import ldap_client
import otp
from customer import PASSWORD, wait_for, with_password
from recoverer import asked, with_puk
from totp_customer import ENROLL, code, set_up, unused, wait_for_notice, with_totp, wrong_code
from wire import NUMBERS, call, field, frame

NEW = "Nebel hinter der Scheune"
CHANGE = NUMBERS["WIRE_PURPOSE_CHANGE"]
HOME, ELSEWHERE = "192.0.2.50", "198.51.100.50"
OURS, THEIRS = "0123456789abcdef0123456789abcdef", "fedcba9876543210fedcba9876543210"
SESSION_REQUESTS = ["SESSION", "PROFILE", "END_SESSIONS"]
GRANT_REQUESTS = ["TOTP_OFF", "QUALITY"]


class Web:
    """What portal-web says to portald."""

    def __init__(self, world):
        self.world, self.portald = world, world.portald

    def authenticate(self, c, password=PASSWORD, **more):
        return self.portald.authenticate(getattr(c, "mail", c), password, sock="web", service="web", **more)

    def second(self, c, state, typed, **more):
        return self.portald.second(c.mail, state, typed, sock="web", service="web", **more)

    def change(self, c, grant, new, **more):
        return self.portald.change(c.mail, grant, new, sock="web", service="web", **more)

    def session(self, c, password=PASSWORD, **more):
        reply = self.authenticate(c, password, **more)
        if reply.verdict == "CODE_NEEDED":
            unused(self.world, c)
            reply = self.second(c, reply.get("STATE"), code(self.world, c))
        assert (reply.verdict, reply.account) == ("OK", "OK"), reply.text
        return reply.get("SESSION_STATE")

    def grant(self, c, password=PASSWORD, purpose=CHANGE):
        reply = self.authenticate(c, password, PURPOSE=purpose)
        if reply.verdict == "CODE_NEEDED":
            unused(self.world, c)
            reply = self.second(c, reply.get("STATE"), code(self.world, c))
        return reply.get("GRANT")

    def ask(self, kind, session, sock="web"):
        return self.portald.ask(sock, kind, SESSION_STATE=session, LANGUAGE="de")

    def with_grant(self, kind, c, grant, sock="web", **more):
        return self.portald.ask(sock, kind, USER=c.mail, SERVICE="web", LANGUAGE="de", GRANT=grant, **more)

    def holds(self, session):
        verdict = self.ask("SESSION", session).verdict
        assert verdict in ("OK", "GRANT_OVER"), verdict
        return verdict == "OK"


@pytest.fixture(name="web")
def web_fixture(world):
    return Web(world)


def wish(c, word):
    """As an administrator writes it; waits until it is so."""
    with ldap_client.bound(c.world.box, "admin") as connection:
        connection.modify_s(f"uid={c.uid},{ldap_client.customers_base(c.world.box)}",
                            [(ldap.MOD_ADD, "portalRequest", [word.encode()])])
    wait_for(lambda: "portalRequest" not in c.world.entry(c.uid), what=word)


# Beginning and end.

def test_login_on_the_web_gives_a_session_that_says_whose_it_is(web):
    c = with_password(web.world)
    reply = web.ask("SESSION", web.session(c))
    assert (reply.verdict, reply.get("UID"), reply.get("LOGIN"), reply.text) == ("OK", c.uid.encode(), c.mail.encode(), "")


def test_every_purpose_gives_one(web):
    c = with_password(web.world)
    for purpose in (CHANGE, ENROLL):
        reply = web.authenticate(c, PURPOSE=purpose)
        assert reply.get("GRANT") and web.holds(reply.get("SESSION_STATE"))


def test_asking_for_a_session_writes_nothing(web):
    c = with_password(web.world)
    session = web.session(c)
    wait_for(lambda: "portalLastLogin" in web.world.entry(c.uid), what="the note of the login")
    before = web.world.entry(c.uid)
    for kind in ("SESSION", "PROFILE") * 5:
        assert web.ask(kind, session).verdict == "OK"
    assert web.world.entry(c.uid) == before


def test_no_other_socket_gives_a_session_or_takes_one(web):
    for sock in ("api", "account"):
        c = with_password(web.world)
        reply = web.portald.authenticate(c.mail, PASSWORD, sock=sock, PURPOSE=CHANGE)
        assert reply.verdict == "OK" and reply.get("SESSION_STATE") is None
        changed = web.portald.change(c.mail, reply.get("GRANT"), NEW, sock=sock)
        assert changed.verdict == "OK" and changed.get("SESSION_STATE") is None
    session, grant = web.session(c, NEW), web.grant(c, NEW)
    for sock in ("api", "account", "print", "control", "support"):
        assert web.portald.ask(sock, "SITE").refused
        for kind in SESSION_REQUESTS:
            assert web.ask(kind, session, sock=sock).refused, (sock, kind)
        for kind in GRANT_REQUESTS:
            assert web.with_grant(kind, c, grant, sock=sock, PASSWORD=NEW).refused, (sock, kind)


def test_initial_password_gives_no_session_before_the_personal_one_is_chosen(web):
    c = web.world.customer()
    letter = c.initial()
    first = web.authenticate(c, letter.password)
    assert (first.verdict, first.account) == ("OK", "NEW_PASSWORD")
    assert first.get("SESSION_STATE") is None
    refused = web.change(c, first.get("GRANT"), "kurz")
    assert refused.verdict == "REFUSED" and refused.get("SESSION_STATE") is None
    changed = web.change(c, first.get("GRANT"), PASSWORD)
    assert changed.verdict == "OK" and web.holds(changed.get("SESSION_STATE"))
    assert json.loads(web.ask("PROFILE", changed.get("SESSION_STATE")).get("JSON"))["puk"] == "usable"


@pytest.mark.parametrize("password", ["falsch falsch", ""])
def test_failure_gives_none(web, password):
    assert web.authenticate(with_password(web.world), password).get("SESSION_STATE") is None


def test_locked_and_closed_accounts_get_none(web):
    for state in ("locked", "closed"):
        reply = web.authenticate(with_password(web.world, state=state))
        assert reply.verdict == state.upper() and reply.get("SESSION_STATE") is None


def changed_elsewhere(web, c):
    grant = web.portald.authenticate(c.mail, PASSWORD, PURPOSE=CHANGE).get("GRANT")
    assert web.portald.change(c.mail, grant, NEW).verdict == "OK"


def locked_and_unlocked(web, c):
    wish(c, "lock")
    wish(c, "unlock")
    assert web.authenticate(c).verdict == "OK"


def deleted(web, c):
    with ldap_client.bound(web.world.box, "root") as connection:
        connection.delete_s(f"uid={c.uid},{ldap_client.customers_base(web.world.box)}")


def ended_everywhere(web, c):
    assert web.ask("END_SESSIONS", web.session(c)).verdict == "OK"


def with_another_address(web, c):
    web.world.modify(c.uid, mail="andere-" + c.mail)


ENDS = {
    "new password": changed_elsewhere,
    "lock": lambda web, c: wish(c, "lock"),
    "lock and unlock": locked_and_unlocked,
    "close": lambda web, c: wish(c, "close"),
    "restart": lambda web, c: wish(c, "restart"),
    "forget": lambda web, c: wish(c, "forget"),
    "deleted entry": deleted,
    "all sessions ended": ended_everywhere,
    "address changed by an administrator": with_another_address,
    "TOTP set up elsewhere": lambda web, c: set_up(web.world, c),
}


@pytest.mark.parametrize("how", ENDS)
def test_session_is_over_at_once_after(web, how):
    c = with_password(web.world)
    session = web.session(c)
    assert web.holds(session)
    ENDS[how](web, c)
    for kind in SESSION_REQUESTS:
        reply = web.ask(kind, session)
        assert (reply.verdict, reply.get("UID"), reply.get("JSON")) == ("GRANT_OVER", None, None), kind
        assert "melden" in reply.text


def test_session_ends_12_hours_after_login_and_nothing_is_said_of_it_while_the_directory_is_away(web, fresh_world):
    own_web, web = web, Web(fresh_world)
    impatient = fresh_world.box.dir / "portald.conf.d"
    impatient.mkdir()
    (impatient / "impatient.conf").write_text("[server]\ntimeout = 1s\n")
    fresh_world.box.restart("portald")
    c = with_password(fresh_world)
    session = web.session(c)
    fresh_world.clock("+11h59m")
    assert web.holds(session)
    fresh_world.clock("+12h1m")
    assert not web.holds(session)
    session = web.session(c)
    assert web.holds(session)
    assert own_web.ask("SESSION", session).verdict == "GRANT_OVER"  # of another portald
    os.kill(int(fresh_world.box["PORTAL_SLAPD_PID"]), signal.SIGSTOP)
    try:
        replies = [web.ask(kind, session) for kind in SESSION_REQUESTS]
    finally:
        os.kill(int(fresh_world.box["PORTAL_SLAPD_PID"]), signal.SIGCONT)
    assert [(r.verdict, r.get("UID"), r.get("JSON")) for r in replies] == [("UNAVAILABLE", None, None)] * 3


def test_end_of_all_sessions_ends_this_one_and_no_other_customers(web):
    c, other = with_password(web.world), with_password(web.world)
    first, second, others = web.session(c), web.session(c), web.session(other)
    reply = web.ask("END_SESSIONS", first)
    assert reply.verdict == "OK" and "überall" in reply.text
    assert not web.holds(first) and not web.holds(second) and web.holds(others)
    assert web.ask("END_SESSIONS", second).verdict == "GRANT_OVER"
    assert web.holds(web.session(c))


def test_own_change_of_password_gives_a_new_session(web):
    c = with_password(web.world)
    session = web.session(c)
    changed = web.change(c, web.grant(c), NEW)
    assert changed.verdict == "OK"
    assert not web.holds(session) and web.holds(changed.get("SESSION_STATE"))


def test_recovery_ends_sessions_and_gives_one(web):
    c = with_puk(web.world)
    session = web.session(c)
    grant = web.portald.ask("web", "RECOVER", USER=c.mail, SERVICE="web", LANGUAGE="de", CODE=asked(web.world, c),
                            PUK=c.puk).get("GRANT")
    assert web.holds(session)
    changed = web.change(c, grant, NEW)
    assert (changed.verdict, changed.account) == ("OK", "OK")
    assert not web.holds(session)
    profile = json.loads(web.ask("PROFILE", changed.get("SESSION_STATE")).get("JSON"))
    assert profile["puk"] == "on its way"


# The second factor.

def test_right_password_gives_no_session_before_the_code(web):
    c = with_totp(web.world)
    first = web.authenticate(c)
    assert first.verdict == "CODE_NEEDED" and first.get("SESSION_STATE") is None
    wrong = web.second(c, first.get("STATE"), wrong_code(web.world, c))
    assert wrong.verdict == "WRONG" and wrong.get("SESSION_STATE") is None
    assert web.holds(web.second(c, first.get("STATE"), code(web.world, c)).get("SESSION_STATE"))


def test_recovery_with_totp_gives_a_state_first(web):
    c = set_up(web.world, with_puk(web.world))
    grant = web.portald.ask("web", "RECOVER", USER=c.mail, SERVICE="web", LANGUAGE="de", CODE=asked(web.world, c),
                            PUK=c.puk).get("GRANT")
    changed = web.change(c, grant, NEW)
    assert changed.verdict == "OK" and changed.get("SESSION_STATE") is None
    assert web.holds(web.second(c, changed.get("STATE"), code(web.world, c)).get("SESSION_STATE"))


def test_setting_totp_up_ends_sessions_without_a_code_and_gives_one_with(web):
    c = with_password(web.world)
    thief, own = web.session(c), web.session(c)
    offer = web.with_grant("ENROLL", c, web.grant(c, purpose=ENROLL))
    assert web.holds(thief) and offer.get("SESSION_STATE") is None
    c.secret = otp.secret_of(offer.get("URI"))
    typed = code(web.world, c)
    done = web.portald.ask("web", "ENROLL_CODE", USER=c.mail, SERVICE="web", LANGUAGE="de", STATE=offer.get("STATE"), CODE=typed)
    assert done.verdict == "OK"
    assert web.holds(done.get("SESSION_STATE")) and not web.holds(thief) and not web.holds(own)
    again = web.portald.ask("web", "ENROLL_CODE", USER=c.mail, SERVICE="web", LANGUAGE="de", STATE=offer.get("STATE"), CODE=typed)
    assert again.verdict == "OK" and again.get("SESSION_STATE") is None


def test_totp_is_switched_off_with_password_and_code(web):
    c = with_totp(web.world)
    session, grant = web.session(c), web.grant(c)
    reply = web.with_grant("TOTP_OFF", c, grant)
    assert reply.verdict == "OK" and "ausgeschaltet" in reply.text
    assert web.authenticate(c).verdict == "OK"
    entry = web.world.entry(c.uid)
    assert "portalTOTPSecret" not in entry and "portalTOTPLastStep" not in entry
    assert web.holds(session)
    wait_for_notice(web.world, c, "ausgeschaltet")
    assert web.with_grant("TOTP_OFF", c, grant).verdict == "REFUSED"


def test_totp_stays_without_a_code(web):
    c = with_password(web.world)
    before = web.grant(c)
    assert web.with_grant("TOTP_OFF", c, before).verdict == "REFUSED"
    set_up(web.world, c)
    session = web.session(c)
    for grant in (before, session, b"", None):
        assert web.with_grant("TOTP_OFF", c, grant).verdict == "GRANT_OVER"
    other = with_totp(web.world)
    assert web.with_grant("TOTP_OFF", c, web.grant(other)).verdict == "GRANT_OVER"
    right = web.grant(c)
    wish(c, "lock")
    assert web.with_grant("TOTP_OFF", c, right).verdict == "GRANT_OVER"
    assert "portalTOTPSecret" in web.world.entry(c.uid)


# Forgeries.

def test_changed_session_is_refused(web):
    c = with_password(web.world)
    session = web.session(c)
    forged = [session[:at] + bytes([session[at] ^ 1]) + session[at + 1:] for at in range(len(session))]
    forged += [b"", session[:-1], session + b"\0", bytes(len(session)), b"\xff" * 512, None]
    for one in forged:
        assert web.ask("SESSION", one).verdict == "GRANT_OVER"
    for kind in ("PROFILE", "END_SESSIONS"):
        assert web.ask(kind, forged[50]).verdict == "GRANT_OVER"
    assert web.ask("SESSION", session * 5).refused and web.holds(session)


def test_session_grant_and_state_are_taken_for_nothing_else(web):
    c = with_totp(web.world)
    session, grant = web.session(c), web.grant(c)
    state = web.authenticate(c).get("STATE")
    for one in (grant, state):
        assert {web.ask(kind, one).verdict for kind in SESSION_REQUESTS} == {"GRANT_OVER"}
    for one in (session, state):
        assert web.change(c, one, NEW).verdict == "GRANT_OVER"
        for kind in ("TOTP_OFF", "QUALITY", "ENROLL"):
            assert web.with_grant(kind, c, one, PASSWORD=NEW).verdict == "GRANT_OVER"
    unused(web.world, c)
    for one in (session, grant):
        assert web.second(c, one, code(web.world, c)).verdict == "GRANT_OVER"
        assert web.portald.ask("web", "ENROLL_CODE", USER=c.mail, SERVICE="web", LANGUAGE="de", STATE=one,
                               CODE=code(web.world, c)).verdict == "GRANT_OVER"


# Devices.

def fail(web, c, count, **more):
    return [web.authenticate(c, "falsch falsch", **more).verdict for _ in range(count)]


def test_strangers_guesses_do_not_hold_a_known_device_up(web):
    c = with_password(web.world)
    web.session(c, DEVICE=OURS, CLIENT=HOME)
    verdicts = fail(web, c, 10, DEVICE=THEIRS, CLIENT=HOME)
    assert verdicts[:5] == ["WRONG"] * 5 and verdicts[-1] == "THROTTLED"
    for client in (HOME, ELSEWHERE):
        assert web.authenticate(c, DEVICE=OURS, CLIENT=client).verdict == "OK"
    assert web.authenticate(c, DEVICE=THEIRS, CLIENT=HOME).verdict == "THROTTLED"
    assert web.authenticate(c, CLIENT=HOME).verdict == "THROTTLED"


def test_known_devices_guesses_are_throttled_whatever_address_they_come_from_and_hold_nobody_else_up(web):
    c = with_password(web.world)
    web.session(c, DEVICE=OURS, CLIENT=HOME)
    verdicts = [fail(web, c, 1, DEVICE=OURS, CLIENT=f"198.51.100.{i}")[0] for i in range(10)]
    assert verdicts[:5] == ["WRONG"] * 5 and verdicts[-1] == "THROTTLED"
    assert web.authenticate(c, DEVICE=OURS.upper(), CLIENT=HOME).verdict == "THROTTLED"
    assert web.authenticate(c, DEVICE=THEIRS, CLIENT=HOME).verdict == "OK"
    assert web.portald.authenticate(c.mail, PASSWORD, CLIENT=HOME).verdict == "OK"


def test_address_alone_is_not_known_on_the_web_nor_a_device_elsewhere(web):
    c = with_password(web.world)
    web.session(c, CLIENT=HOME)
    assert web.portald.authenticate(c.mail, PASSWORD, CLIENT=ELSEWHERE).verdict == "OK"
    fail(web, c, 7, DEVICE=THEIRS)
    assert web.authenticate(c, CLIENT=HOME).verdict == "THROTTLED"
    assert web.authenticate(c, CLIENT=ELSEWHERE).verdict == "THROTTLED"
    assert web.portald.authenticate(c.mail, PASSWORD, CLIENT=HOME).verdict == "THROTTLED"
    assert web.portald.authenticate(c.mail, PASSWORD, CLIENT=ELSEWHERE).verdict == "OK"


def test_device_is_forgotten_with_all_sessions(web):
    c = with_password(web.world)
    assert web.ask("END_SESSIONS", web.session(c, DEVICE=OURS)).verdict == "OK"
    fail(web, c, 7, DEVICE=THEIRS)
    assert web.authenticate(c, DEVICE=OURS).verdict == "THROTTLED"


def test_right_password_makes_no_device_known_before_the_code(web):
    c = with_totp(web.world)
    assert web.authenticate(c, DEVICE=THEIRS).verdict == "CODE_NEEDED"
    fail(web, c, 7)
    assert web.authenticate(c, DEVICE=THEIRS).verdict == "THROTTLED"


def test_state_goes_with_the_device_not_the_address(web):
    c = with_totp(web.world)
    for first, then, verdict in (({"DEVICE": OURS, "CLIENT": HOME}, {"DEVICE": OURS, "client": ELSEWHERE}, "OK"),
                                 ({"DEVICE": OURS, "CLIENT": HOME}, {"DEVICE": THEIRS, "client": HOME}, "GRANT_OVER"),
                                 ({"DEVICE": OURS, "CLIENT": HOME}, {"client": HOME}, "GRANT_OVER"),
                                 ({"CLIENT": HOME}, {"client": HOME}, "OK"),
                                 ({"CLIENT": HOME}, {"client": ELSEWHERE}, "GRANT_OVER")):
        state = web.authenticate(c, **first).get("STATE")
        unused(web.world, c)
        assert web.second(c, state, code(web.world, c), **then).verdict == verdict, (first, then)


def test_known_device_has_no_fresh_tries_of_mailed_codes_at_every_address(web):
    c = with_puk(web.world)
    web.session(c, DEVICE=OURS, CLIENT=HOME)
    verdicts = [web.portald.ask("web", "RECOVER", USER=c.mail, SERVICE="web", LANGUAGE="de", CODE="00000000", PUK=c.puk,
                                DEVICE=OURS, CLIENT=f"198.51.100.{i}").verdict for i in range(7)]
    assert verdicts == ["WRONG"] * 5 + ["THROTTLED"] * 2


def test_what_is_no_device_is_refused_and_so_is_one_elsewhere(web):
    c = with_password(web.world)
    for device in ("", OURS[:-1], OURS[:-1] + "g", OURS[:-2] + " 0", OURS[:-1] + "\0"):
        assert web.authenticate(c, DEVICE=device).refused
        assert web.portald.ask("web", "FORGOTTEN", USER=c.mail, SERVICE="web", LANGUAGE="de", DEVICE=device).refused
    assert web.authenticate(c, DEVICE=OURS + "0").refused
    for sock in ("api", "account"):
        assert web.portald.authenticate(c.mail, PASSWORD, sock=sock, DEVICE=OURS).refused


def test_unknown_name_is_answered_like_a_wrong_password_on_the_web_too(web):
    c = with_password(web.world)
    web.session(c, DEVICE=OURS)
    for device in (OURS, THEIRS, None):
        known = [web.authenticate(c, "falsch falsch", DEVICE=device) for _ in range(7)]
        unknown = [web.authenticate(f"niemand-{device}@example.org", "falsch falsch", DEVICE=device) for _ in range(7)]
        assert [(r.verdict, sorted(r.values)) for r in known] == [(r.verdict, sorted(r.values)) for r in unknown]
        assert known[0].data == unknown[0].data
        web.world.modify(c.uid, portalPasswordFailures=None, portalPasswordRetryAfter=None)


# The customer's own account.

def test_profile_shows_the_account(web):
    c = with_password(web.world)
    web.world.modify(c.uid, portalConsent=["privacy 2026-1 " + "ab" * 32 + " 20260102030405Z", "terms 3 " + "cd" * 32 +
                                           " 20260102030405Z"])
    entry = web.world.entry(c.uid)
    profile = json.loads(web.ask("PROFILE", web.session(c)).get("JSON"))
    assert list(profile) == ["name", "mail", "address", "policies", "birthdate", "language", "state", "totp",
                             "password_changed", "last_login", "puk", "new_mail", "consents"]
    assert (profile["name"], profile["mail"], profile["birthdate"]) == (entry["cn"][0], c.mail, c.birthdate)
    assert profile["address"] == entry["postalAddress"][0].split("$")
    assert sorted(profile["policies"]) == sorted(entry["portalPolicyNumber"])
    assert (profile["language"], profile["state"], profile["totp"]) == ("de", "active", False)
    assert profile["puk"] == "none" and profile["new_mail"] is None and profile["password_changed"] is None
    assert profile["consents"] == [{"text": "privacy", "version": "2026-1", "time": 1767323045},
                                   {"text": "terms", "version": "3", "time": 1767323045}]


def test_profile_has_no_secret(web):
    c = set_up(web.world, with_puk(web.world))
    asked(web.world, c)
    session = web.session(c)
    shown = web.ask("PROFILE", session).data.decode(errors="replace")
    assert '"totp":true' in shown
    entry = web.world.entry(c.uid)
    secrets = [c.puk, c.secret, PASSWORD, "argon2", "SSHA"]
    for name in ("userPassword", "portalPUK", "portalTOTPSecret", "portalCode"):
        secrets += entry[name] + [word for value in entry[name] for word in value.split() if len(word) > 8]
    for secret in secrets:
        assert str(secret) not in shown and json.dumps(str(secret))[1:-1] not in shown
    assert "dn" not in json.loads(web.ask("PROFILE", session).get("JSON"))


# A new password, looked at.

LOOKS = ["kurz", "x" * 129, "aaaaaaaaaaaaaaaa", "0123-4567-89AB-CDEF", "Passwort12345", "{uid}-geheim-geheim", NEW]


def test_quality_says_what_the_change_would_and_changes_nothing(web):
    c = with_password(web.world)
    grant = web.grant(c)
    wait_for(lambda: "portalLastLogin" in web.world.entry(c.uid), what="the note of the login")
    before = web.world.entry(c.uid)
    for word in LOOKS:
        word = word.format(uid=c.uid)
        look = web.with_grant("QUALITY", c, grant, PASSWORD=word)
        assert web.world.entry(c.uid) == before
        change = web.change(c, grant, word)
        assert look.verdict == change.verdict
        assert look.text == (change.text if change.verdict == "REFUSED" else "")
        assert look.get("SESSION_STATE") is None
    assert change.verdict == "OK"
    assert web.with_grant("QUALITY", c, grant, PASSWORD="Apfelbaum ohne Leiter").verdict == "GRANT_OVER"


def test_quality_compares_no_hashes(web):
    c = with_password(web.world)
    assert web.with_grant("QUALITY", c, web.grant(c), PASSWORD=PASSWORD).verdict == "OK"
    assert web.change(c, web.grant(c), PASSWORD).verdict == "REFUSED"


def test_quality_takes_the_grants_of_a_first_password_and_of_a_recovery(web):
    c = with_puk(web.world)
    grant = web.portald.ask("web", "RECOVER", USER=c.mail, SERVICE="web", LANGUAGE="de", CODE=asked(web.world, c),
                            PUK=c.puk).get("GRANT")
    assert web.with_grant("QUALITY", c, grant, PASSWORD="kurz").verdict == "REFUSED"
    assert web.with_grant("QUALITY", c, grant, PASSWORD=NEW).verdict == "OK"
    other = with_password(web.world)
    assert web.with_grant("QUALITY", other, grant, PASSWORD=NEW).verdict == "GRANT_OVER"


# The site.

def test_site_says_what_pages_need(web):
    reply = web.portald.ask("web", "SITE")
    site = json.loads(reply.get("JSON"))
    assert reply.kind == NUMBERS["WIRE_REPORT"]
    assert list(site) == ["company", "support", "privacy", "terms", "password", "link_hours", "code_minutes", "initial_days",
                          "session_seconds"]
    assert (site["password"], site["link_hours"], site["code_minutes"]) == ({"least": 12, "most": 128}, 48, 30)
    assert (site["initial_days"], site["session_seconds"]) == (30, 43200)
    assert site["privacy"]["version"] == "1" and site["privacy"]["text"].startswith("Datenschutzhinweise")
    assert site["terms"]["version"] == "1" and site["terms"]["text"]


def test_requests_of_the_web_may_lack_or_hold_anything(web):
    c = with_password(web.world)
    whole = {"USER": c.mail, "SERVICE": "web", "GRANT": web.grant(c), "PASSWORD": "kurz", "SESSION_STATE": web.session(c)}
    for kind in SESSION_REQUESTS[:2] + GRANT_REQUESTS:
        for without in whole:
            assert web.portald.ask("web", kind, **{k: v for k, v in whole.items() if k != without}).verdict in (
                "OK", "REFUSED", "GRANT_OVER")
        assert web.portald.ask("web", kind).verdict == "GRANT_OVER"
        with_nul = field("SESSION_STATE", b"\0" * 40) + field("GRANT", b"\0" * 40) + field("USER", "a\0b@example.org")
        reply = call(web.portald.path("web"), frame(kind, with_nul))
        assert reply.refused or reply.verdict == "GRANT_OVER"
