"""What support does with portalctl for one account: every wish, allowed and refused, and what comes of it."""

import base64
import json

import pytest

from customer import wait_for
from recoverer import NEW, PASSWORD, WRONG, asked, tries, with_puk
from totp_customer import code, set_up

STATES = ("provisioned", "pending", "initial", "active", "locked", "closed")
ALLOWED = {
    "lock": {"provisioned", "pending", "initial", "active"},
    "unlock": {"locked"},
    "unblock": {"initial", "active", "locked"},
    "totp-off": set(),  # nowhere without TOTP
    "restart": {"active"},
    "letter": {"initial", "active"},
    "close": {"provisioned", "pending", "initial", "active", "locked"},
    "reopen": {"closed"},
}


def wish(world, word, who, *more):
    done = world.box.ctl(word, who, *more)
    assert done.returncode == 0, done.stderr
    return done.stdout


def refused(world, word, who):
    done = world.box.ctl(word, who)
    assert done.returncode == 1 and not done.stdout, done
    assert done.stderr.strip().endswith("."), done.stderr
    return done.stderr


def with_totp(world):
    return set_up(world, with_puk(world))


def in_state(world, state):
    c = with_puk(world, state)
    if state == "initial":
        world.modify(c.uid, portalInitialPasswordExpires="20991231235959Z")
    return c


def letters(c, kind):
    return [x for x in c.show()["letters"] if x["kind"] == kind]


def printed(c, kind, count=1):
    return wait_for(lambda: len([x for x in letters(c, kind) if x["state"] == "printed"]) == count and c.letter(),
                    what=f"letter {count} of kind {kind}")


@pytest.mark.parametrize("word", ALLOWED)
def test_wish_is_granted_in_these_states_and_refused_in_all_others(world, word):
    for state in STATES:
        c = in_state(world, state)
        before = world.entry(c.uid)
        if state in ALLOWED[word]:
            wish(world, word, c.uid)
        else:
            assert c.uid in refused(world, word, c.uid)
            assert world.entry(c.uid) == before


def test_who_may_be_address_policy_number_or_uid(world):
    c = with_puk(world)
    for who in (c.mail, c.policy, c.uid):
        wish(world, "unblock", who)
    done = world.box.ctl("unblock", "niemand@example.net")
    assert done.returncode == 1 and "no customer" in done.stderr


def test_exit_status_and_json(world):
    c = with_puk(world)
    done = world.box.ctl("--json", "lock", c.uid, "--reason", "Handy gestohlen")
    assert done.returncode == 0
    report = json.loads(done.stdout)
    assert report["uid"] == c.uid and report["wish"] == "lock" and report["text"]
    done = world.box.ctl("--json", "lock", c.uid)
    assert done.returncode == 1 and json.loads(done.stdout)["error"]
    assert world.box.ctl("lock").returncode == 2
    assert world.box.ctl("lock", c.uid, "--limit", "3").returncode == 2


def test_lock_ends_sessions_and_unlock_brings_everything_back(world):
    c = with_totp(world)
    before = world.entry(c.uid)
    wish(world, "lock", c.uid, "--reason", "Brief gestohlen")
    assert c.show()["locked"] == "Brief gestohlen; before: active"
    assert world.portald.authenticate(c.mail, PASSWORD).verdict in ("LOCKED", "CODE_NEEDED")
    assert world.portald.account(c.mail).verdict == "LOCKED"
    wish(world, "unlock", c.uid)
    after = world.entry(c.uid)
    for name in ("userPassword", "portalPUK", "portalTOTPSecret", "mail", "portalState"):
        assert after[name] == before[name]
    assert int(after["portalSessionEpoch"][0]) > int(before.get("portalSessionEpoch", ["0"])[0])
    assert "portalLockReason" not in after
    assert world.portald.account(c.mail).verdict == "OK"


def test_closed_while_locked_is_locked_again(world):
    c = with_puk(world)
    wish(world, "lock", c.uid, "--reason", "gestohlen")
    wish(world, "close", c.uid, "--reason", "Auto verkauft")
    assert world.portald.authenticate(c.mail, PASSWORD).verdict == "CLOSED"
    wish(world, "reopen", c.uid)
    assert c.state == "locked" and c.show()["locked"] == "gestohlen; before: active"
    wish(world, "unlock", c.uid)
    assert world.portald.authenticate(c.mail, PASSWORD).verdict == "OK"


def test_what_this_wasnt_me_locked_can_be_unlocked(world):
    c = with_puk(world)
    wish(world, "totp-off", set_up(world, c).uid)
    mail = wait_for(lambda: [m for m in world.mails(c.mail) if m.reference], what="a notice")[-1]
    assert world.portald.not_me(mail.reference).verdict == "OK"
    assert c.state == "locked"
    wish(world, "unlock", c.uid)
    assert world.portald.authenticate(c.mail, PASSWORD).verdict == "OK"


def test_unblock_lets_in_again(world):
    c = with_puk(world, portalPasswordFailures="100", portalPUKFailures="100", portalTOTPFailures="3")
    assert world.portald.authenticate(c.mail, PASSWORD).verdict == "THROTTLED"
    wish(world, "unblock", c.uid)
    assert world.portald.authenticate(c.mail, PASSWORD).verdict == "OK"
    assert all(f["count"] == 0 for f in c.show()["failures"].values())


def test_unblock_helps_known_clients_and_those_who_tried_codes(world):
    c, home = with_puk(world), "192.0.2.9"
    assert world.portald.authenticate(c.mail, PASSWORD, CLIENT=home).verdict == "OK"
    wrong = [world.portald.authenticate(c.mail, "falsch falsch", CLIENT=home).verdict for _ in range(7)]
    assert wrong[-1] == "THROTTLED"
    recovery = asked(world, c)
    assert tries(world, c, 6)[-1] == "THROTTLED"
    wish(world, "unblock", c.uid)
    assert world.portald.authenticate(c.mail, PASSWORD, CLIENT=home).verdict == "OK"
    assert world.portald.recover(c.mail, recovery, c.puk).verdict == "OK"


def test_totp_off_takes_the_code_away_and_tells_by_mail(world):
    c = with_totp(world)
    assert c.show()["totp"] is True
    assert world.portald.authenticate(c.mail, PASSWORD).verdict == "CODE_NEEDED"
    world.wait_for_rest()
    before = len(world.mails(c.mail))
    wish(world, "totp-off", c.uid)
    assert world.portald.authenticate(c.mail, PASSWORD).verdict == "OK"
    assert c.show()["totp"] is False
    assert world.wait_for_mail(c.mail, before + 1).reference
    refused(world, "totp-off", c.uid)


def test_restart_when_both_are_lost(world):
    c = world.customer()
    first = c.active(PASSWORD)
    set_up(world, c)
    world.wait_for_rest()
    before = len(world.mails(c.mail))
    wish(world, "restart", c.mail, "--reason", "R\u00fcckruf unter bekannter Nummer")
    # At once: nothing of the old works, and the mailbox is told.
    assert c.state == "initial"
    assert world.portald.authenticate(c.mail, PASSWORD).verdict == "WRONG"
    entry = world.entry(c.uid)
    assert not [name for name in entry if name.startswith("portalTOTP") or name == "portalCode"]
    assert world.wait_for_mail(c.mail, before + 1).reference
    # The letter starts at step 4.
    letter = printed(c, "access", 2)
    assert "gelten nicht mehr" in " ".join(letter.text.split()) and "willkommen" not in letter.text.lower()
    assert set(letter.codes).isdisjoint(first.codes)
    assert world.portald.authenticate(c.mail, first.password).verdict == "WRONG"
    login = world.login(c.mail, letter.password, NEW, NEW)
    assert login.ok, login.output
    assert world.portald.authenticate(c.mail, NEW).verdict == "OK"
    # The PUK of the new letter counts, that of the old one doesn't.
    recovery = asked(world, c)
    assert world.portald.recover(c.mail, recovery, first.puk).verdict == "WRONG"
    assert world.portald.recover(c.mail, recovery, letter.puk).verdict == "OK"
    world.wait_for_rest()
    wait_for(lambda: "portalJob" not in world.entry(c.uid), what="the end of all jobs")


def test_letter_to_an_active_account_brings_a_new_puk_only(world):
    c = with_puk(world)
    wish(world, "letter", c.uid)
    letter = printed(c, "puk")
    assert len(letter.codes) == 1
    assert world.portald.authenticate(c.mail, PASSWORD).verdict == "OK"
    recovery = asked(world, c)
    assert world.portald.recover(c.mail, recovery, c.puk).verdict == "WRONG"
    assert world.portald.recover(c.mail, recovery, letter.codes[0]).verdict == "OK"


def test_letter_to_an_initial_account_replaces_the_first_one(world):
    c = world.customer()
    first = c.initial()
    grant = world.portald.authenticate(c.mail, first.password).get("GRANT")
    wish(world, "letter", c.uid)
    letter = printed(c, "access", 2)
    assert world.portald.authenticate(c.mail, first.password).verdict == "WRONG"
    assert world.portald.change(c.mail, grant, NEW).verdict == "GRANT_OVER"
    assert world.login(c.mail, letter.password, NEW, NEW).ok


def test_a_letter_that_still_waits_gives_way_to_the_next(fresh_world):
    w = fresh_world
    c = with_puk(w)
    w.box.stop("print")
    for _ in range(3):
        wish(w, "letter", c.uid)
    jobs = w.portald.control("queue-list", kind="letter", entry=c.show()["uuid"])["jobs"]
    assert sorted(j["state"] for j in jobs) == ["ready", "withdrawn", "withdrawn"]
    last = max(jobs, key=lambda j: j["id"])
    assert last["state"] == "ready"
    w.box.start("print")
    letter = printed(c, "puk")
    assert last["id"] in letter.path.name
    assert w.portald.recover(c.mail, asked(w, c), letter.codes[0]).verdict == "OK"


def test_administrators_may_exceed_the_letters(world):
    c = with_puk(world)
    for _ in range(4):
        wish(world, "letter", c.uid)
    assert len(letters(c, "puk")) == 4


def test_show_tells_of_a_code_that_is_out_and_never_a_secret(world):
    c = with_totp(world)
    recovery = asked(world, c)
    assert world.portald.recover(c.mail, WRONG, c.puk).verdict == "WRONG"
    for options in ((), ("--json",)):
        shown = world.box.ctl(*options, "show", c.uid).stdout
        entry = world.entry(c.uid)
        for secret in (recovery, c.puk, base64.b32encode(c.secret).decode().rstrip("="), entry["portalCode"][0].split()[0], entry["portalPUK"][0]):
            assert secret not in shown
    assert "TOTP is set up" in world.box.ctl("show", c.uid).stdout
    assert "1 wrong try" in world.box.ctl("show", c.uid).stdout
    report = c.show()
    assert report["code"]["tries"] == 1 and report["code"]["expires"] > world.now()
    assert set(report["failures"]) == {"password", "totp", "puk"}


def test_totp_stays_with_a_recovery_and_its_code_comes_next(world):
    c = with_totp(world)
    reply = world.portald.recover(c.mail, asked(world, c), c.puk)
    changed = world.portald.change(c.mail, reply.get("GRANT"), NEW)
    assert changed.verdict == "OK" and changed.account is None and changed.get("UID") is None
    second = world.portald.ask("api", "SECOND", USER=c.mail, SERVICE="test", LANGUAGE="de", STATE=changed.get("STATE"),
                               CODE=code(world, c))
    assert second.verdict == "OK" and second.account == "OK" and second.get("UID").decode() == c.uid
    assert world.portald.authenticate(c.mail, NEW).verdict == "CODE_NEEDED"
