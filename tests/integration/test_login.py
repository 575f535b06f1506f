"""Logging in with what the letter says, choosing a password, and what the throttle holds back: through the real PAM module
and, where an edge needs it, straight through the protocol."""

import datetime
import zoneinfo

import ldap
import pytest

from customer import PASSWORD, wait_for, with_password

BERLIN = zoneinfo.ZoneInfo("Europe/Berlin")


def as_typed(code):
    """As a person types it from paper: lower case, no hyphens, letters for digits that look like them."""
    return code.replace("-", "").lower().replace("0", "o").replace("1", "l")


def mistyped(code):
    """One character wrong."""
    last = code[-1]
    return code[:-1] + ("2" if last != "2" else "3")


def clock_to(world, day, hour, minute, second):
    when = datetime.datetime(day.year, day.month, day.day, hour, minute, second, tzinfo=BERLIN)
    world.clock(f"{int(when.timestamp()) - world.now():+d}s")


def day_of(timestamp):
    return datetime.datetime.fromtimestamp(timestamp, BERLIN).date()


def test_initial_password_as_a_person_types_it_leads_to_a_personal_one(world):
    c = world.customer()
    letter = c.initial()
    bad = "zu kurz"
    login = world.login(c.mail.upper(), as_typed(letter.password), bad, bad, PASSWORD, PASSWORD)
    assert login.ok, login.output
    assert login.result("account") == "PAM_NEW_AUTHTOK_REQD"
    assert any("zu kurz" in m for m in login.messages)
    assert c.state == "active"
    assert "portalInitialPasswordExpires" not in world.entry(c.uid)
    assert "pwdReset" not in world.entry(c.uid)
    assert world.login(c.mail, PASSWORD).ok
    again = world.login(c.mail, letter.password)
    assert again.result("authenticate") == "PAM_AUTH_ERR"


@pytest.mark.parametrize("new, word", [
    ("kurz", "zu kurz"), ("ABCD-EFGH-JKMN-PQRS", "Code"), ("aaaaaaaaaaaaaaaa", "Code"), ("hahahahahahahahahaha", "dieselben"),
    ("x" * 129 + "yz", "zu lang"),
])
def test_refused_passwords_come_with_their_reason_and_change_nothing(world, new, word):
    c = world.customer()
    letter = c.initial()
    reply = world.portald.authenticate(c.mail, letter.password)
    assert (reply.verdict, reply.account) == ("OK", "NEW_PASSWORD")
    before = world.entry(c.uid)["userPassword"]
    answer = world.portald.change(c.mail, reply.get("GRANT"), new)
    assert answer.verdict == "REFUSED"
    assert word in answer.text
    assert world.entry(c.uid)["userPassword"] == before
    assert world.portald.change(c.mail, reply.get("GRANT"), PASSWORD).verdict == "OK"


def test_password_with_the_customers_own_name_is_refused(world):
    c = world.customer()
    letter = c.initial()
    name = "Groß-Öttingen"  # not the sample's own: that may be too short to count
    world.modify(c.uid, sn=name, cn=f"Anna {name}")
    reply = world.portald.authenticate(c.mail, letter.password)
    assert world.portald.change(c.mail, reply.get("GRANT"), f"der {name.upper()} und ich").verdict == "REFUSED"


def test_password_in_force_is_refused_as_a_new_one(world):
    c = with_password(world)
    reply = world.portald.authenticate(c.mail, PASSWORD, PURPOSE=1)
    assert world.portald.change(c.mail, reply.get("GRANT"), PASSWORD).verdict == "REFUSED"
    assert world.portald.change(c.mail, reply.get("GRANT"), PASSWORD + " neu").verdict == "OK"


def test_grant_serves_once_for_its_name_and_service_only(world):
    c = with_password(world)
    grant = world.portald.authenticate(c.mail, PASSWORD, PURPOSE=1).get("GRANT")
    other = with_password(world)
    assert world.portald.change(other.mail, grant, PASSWORD + " neu").verdict == "GRANT_OVER"
    assert world.portald.change(c.mail, grant, PASSWORD + " neu", service="sshd").verdict == "GRANT_OVER"
    assert world.portald.change(c.mail, grant, PASSWORD + " neu").verdict == "OK"
    assert world.portald.change(c.mail, grant, PASSWORD + " noch neuer").verdict == "GRANT_OVER"


def test_login_with_a_personal_password_gives_no_grant_unless_asked(world):
    c = with_password(world)
    assert world.portald.authenticate(c.mail, PASSWORD).get("GRANT") is None


def test_typing_error_is_told_alike_for_all_and_not_counted(world):
    c = world.customer()
    wrong = mistyped(c.initial().password)
    answers = set()
    for _ in range(7):
        for name in (c.mail, "gibt-es-nicht-17@example.org"):
            reply = world.portald.authenticate(name, as_typed(wrong))
            answers.add(reply.data)
            assert reply.verdict == "TYPING_ERROR"
    assert len(answers) == 1
    assert c.show()["failures"]["password"]["count"] == 0


def test_wrong_password_and_unknown_name_are_told_apart_by_nothing(world):
    c = with_password(world)
    pending = world.customer()
    pending.registered()
    world.modify(pending.uid, mail=pending.mail)
    seen = {world.login(name, "ganz falsches Passwort").output
            for name in (c.mail, "gibt-es-nicht-18@example.org", pending.mail)}
    assert len(seen) == 1


def test_fifth_failure_is_free_and_after_the_sixth_nothing_is_verified(fresh_world):
    w = fresh_world
    c = with_password(w)
    for name in (c.mail, "gibt-es-nicht@example.org"):
        for _ in range(6):
            assert w.portald.authenticate(name, "falsch falsch").verdict == "WRONG"
    right = w.portald.authenticate(c.mail, PASSWORD)
    wrong = w.portald.authenticate(c.mail, "falsch falsch")
    unknown = w.portald.authenticate("gibt-es-nicht@example.org", "falsch falsch")
    assert right.verdict == wrong.verdict == unknown.verdict == "THROTTLED"
    assert "Sekunden" in right.text
    assert w.login(c.mail, PASSWORD).result("authenticate") == "PAM_MAXTRIES"
    w.clock("+31s")
    assert w.portald.authenticate(c.mail, PASSWORD).verdict == "OK"
    assert c.show()["failures"]["password"]["count"] == 0
    # The table of names that don't exist survives a restart.
    for _ in range(2):
        w.portald.authenticate("gibt-es-nicht@example.org", "falsch falsch")
    w.box.restart("portald")
    assert w.portald.authenticate("gibt-es-nicht@example.org", "falsch falsch").verdict == "THROTTLED"


def test_fifth_failure_alone_holds_nobody_up(world):
    c = with_password(world)
    for _ in range(5):
        assert world.portald.authenticate(c.mail, "falsch falsch").verdict == "WRONG"
    assert world.portald.authenticate(c.mail, PASSWORD).verdict == "OK"
    assert c.show()["failures"]["password"]["count"] == 0


def test_hundred_failures_in_a_row_block_until_somebody_helps(fresh_world):
    w = fresh_world
    c = with_password(w)
    w.modify(c.uid, portalPasswordFailures="99")
    assert w.portald.authenticate(c.mail, "falsch falsch").verdict == "WRONG"
    w.clock("+10d")
    assert w.portald.authenticate(c.mail, PASSWORD).verdict == "THROTTLED"
    assert w.portald.account(c.mail).verdict == "BLOCKED"


def test_20_failing_names_of_one_client_are_enough(world):
    """An address that no other test has: it is throttled for an hour in the shared sandbox."""
    c = with_password(world)
    for i in range(20):
        world.portald.authenticate(f"niemand-{i}@example.org", "falsch falsch", CLIENT="203.0.113.201")
    assert world.portald.authenticate(c.mail, PASSWORD, CLIENT="203.0.113.201").verdict == "THROTTLED"
    assert world.portald.authenticate(c.mail, PASSWORD, CLIENT="203.0.113.202").verdict == "OK"


def test_parallel_guesses_never_outrun_the_throttle(world):
    from concurrent.futures import ThreadPoolExecutor
    c = with_password(world)
    with ThreadPoolExecutor(64) as pool:
        verdicts = list(pool.map(lambda i: world.portald.authenticate(c.mail, f"Versuch Nummer {i}").verdict, range(1000)))
    assert verdicts.count("WRONG") <= 6
    assert set(verdicts) <= {"WRONG", "THROTTLED"}
    assert c.show()["failures"]["password"]["count"] == verdicts.count("WRONG")


def set_read_only(box, value):
    connection = ldap.initialize(box["PORTAL_LDAP_URI"])
    connection.simple_bind_s("cn=admin,cn=config", box["PORTAL_ROOT_PW"])
    connection.modify_s("olcDatabase={1}mdb,cn=config", [(ldap.MOD_REPLACE, "olcReadOnly", value)])
    connection.unbind_s()


def test_guesses_count_while_the_directory_can_only_be_read(fresh_world):
    w = fresh_world
    c, nobody = with_password(w), "gibt-es-nicht@example.org"

    def right():
        return w.portald.authenticate(c.mail, PASSWORD).verdict

    set_read_only(w.box, b"TRUE")
    assert right() == "OK", "who gets it right needs no write"
    for name in (c.mail, nobody):
        answers = [w.portald.authenticate(name, "falsch falsch").verdict for _ in range(8)]
        assert answers == ["UNAVAILABLE"] * 6 + ["THROTTLED"] * 2
    assert right() == "THROTTLED"
    set_read_only(w.box, b"FALSE")
    w.clock("+31s")
    assert [w.portald.authenticate(name, "falsch falsch").verdict for name in (c.mail, nobody)] == ["WRONG"] * 2
    assert w.entry(c.uid)["portalPasswordFailures"] == ["7"]
    w.clock("+61s")
    assert right() == "OK"
    assert w.portald.authenticate(c.mail, "falsch falsch").verdict == "WRONG"
    assert w.entry(c.uid)["portalPasswordFailures"] == ["1"]


@pytest.mark.parametrize("state, verdict, authenticate, account", [
    ("locked", "LOCKED", "PAM_PERM_DENIED", "LOCKED"), ("closed", "CLOSED", "PAM_PERM_DENIED", "CLOSED"),
])
def test_locked_and_closed_are_said_only_to_who_knows_the_password(world, state, verdict, authenticate, account):
    c = with_password(world, state=state)
    assert world.portald.authenticate(c.mail, PASSWORD).verdict == verdict
    assert world.portald.authenticate(c.mail, "falsch falsch").verdict == "WRONG"
    assert world.login(c.mail, PASSWORD).result("authenticate") == authenticate
    assert world.portald.account(c.mail).verdict == account


def test_account_phase_alone_enforces_everything(world):
    c = with_password(world)
    assert world.portald.account(c.mail).verdict == "OK"
    assert world.portald.account("gibt-es-nicht@example.org").verdict == "UNKNOWN"
    c = world.customer()
    c.confirmed()
    assert world.portald.account(c.mail).verdict == "NEW_PASSWORD"


def test_initial_password_works_to_the_end_of_its_last_day(fresh_world):
    w = fresh_world
    c, late = w.customer(), w.customer()
    letters = [c.initial(), late.initial()]
    printed = next(x["time"] for x in c.show()["letters"])
    last = day_of(printed) + datetime.timedelta(days=35)
    assert day_of(c.show()["initial_expires"]) == last
    assert last.strftime("%Y") in letters[0].text and f"{last.day}." in letters[0].text
    clock_to(w, last, 23, 59, 50)
    assert w.portald.authenticate(c.mail, letters[0].password).verdict == "OK"
    clock_to(w, last + datetime.timedelta(days=1), 0, 0, 0)
    reply = w.portald.authenticate(late.mail, letters[1].password)
    assert reply.verdict == "EXPIRED"
    assert "nicht mehr gültig" in reply.text
    assert w.portald.authenticate(late.mail, "falsch falsch").verdict == "WRONG"
    assert w.portald.account(late.mail).verdict == "EXPIRED"
    assert w.login(late.mail, letters[1].password).result("authenticate") == "PAM_AUTH_ERR"


@pytest.mark.parametrize("days, last", [(0, 35), (2, 35), (3, 36), (10, 43), (40, 60)])
def test_posting_moves_the_last_day_later_never_earlier(fresh_world, days, last):
    w = fresh_world
    c = w.customer()
    c.initial()
    printed = c.show()["letters"][0]["time"]
    batch = w.portald.control("letters-list")["letters"][0]["batch"]
    w.clock(f"+{days}d")
    done = w.box.ctl("letters", "posted", batch)
    assert done.returncode == 0, done.stderr
    assert c.show()["letters"][0]["state"] == "posted"
    assert day_of(c.show()["initial_expires"]) == day_of(printed) + datetime.timedelta(days=last)
    assert w.box.ctl("letters", "posted", batch).returncode == 0
    assert w.box.ctl("letters", "posted", "01ARZ3NDEKTSV4RRFFQ69G5FAV").returncode == 1


def test_not_me_locks_after_the_first_personal_password(world):
    c = world.customer()
    c.active()
    mail = world.mails(c.mail)[0]
    assert world.portald.not_me(mail.reference).verdict == "OK"
    assert world.portald.authenticate(c.mail, "Regen auf dem Zeltdach").verdict == "LOCKED"
    assert "before: active" in world.entry(c.uid)["portalLockReason"][0]


def test_last_login_is_written_down_some_time_after(world):
    c = with_password(world)
    assert world.portald.authenticate(c.mail, PASSWORD).verdict == "OK"
    wait_for(lambda: c.show()["last_login"], what="the last login")


def test_letter_whose_account_has_moved_on_is_withdrawn(fresh_world):
    w = fresh_world
    c = w.customer()
    w.box.stop("print")
    mail = c.confirmed()
    assert w.portald.not_me(mail.reference).verdict == "OK"
    w.box.start("print")
    assert w.portald.control("queue-list", kind="letter")["jobs"][0]["state"] == "withdrawn"


def test_printed_letter_cannot_be_dropped(world):
    c = world.customer()
    c.initial()
    job = c.show()["letters"][0]["job"]
    done = world.box.ctl("queue", "drop", job)
    assert done.returncode == 1
    assert "printed" in done.stderr
    assert c.show()["letters"][0]["state"] == "printed"


def test_no_secret_reaches_a_log(world):
    """Of everything that the tests of this session used."""
    from pathlib import Path
    c = world.customer()
    letter = c.active("Ein ganz geheimes Wort")
    tokens = [m.token for m in world.mails() if m.token]
    references = [m.reference for m in world.mails() if m.reference]
    logs = "".join(p.read_text(encoding="utf-8", errors="replace") for p in Path(world.box.dir).rglob("*.log"))
    assert "portald" in logs
    for secret in ["Ein ganz geheimes", letter.password, letter.puk, *tokens, *references]:
        assert secret not in logs
