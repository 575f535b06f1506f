"""Whatever happens between two steps of a handler: portald killed, slapd slow, somebody else faster. A gate between portald
and slapd stops the world where a test wants it to."""

import signal
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import ldap_client
from customer import PASSWORD, World, wait_for, with_password
from directory_gate import BIND, MODIFY, SEARCH, gate_before
from sandbox import Sandbox
from socket_holder import Holder
from totp_customer import COMBINED, code, failures, last_step, set_up, state_of, with_totp


@pytest.fixture(scope="module")
def box():
    box = Sandbox("--customers", "120")
    yield box
    box.close()


@pytest.fixture(scope="module")
def world(box):
    return World(box)


@pytest.fixture(scope="module")
def gate(box):
    gate = gate_before(box)
    yield gate
    gate.close()


@pytest.fixture(scope="module")
def held(box, gate):  # the gate comes first
    with Holder(box) as holder:
        yield holder


@pytest.fixture(autouse=True)
def still_there(held):
    yield
    assert not held.ended(), held.tail()


@pytest.fixture
def aside():
    """Calls a function aside, whose result is of no interest when portald dies over it."""
    pool = ThreadPoolExecutor(8)
    yield pool.submit
    pool.shutdown()


@pytest.mark.parametrize("kind", [BIND, SEARCH, MODIFY])
def test_notice_of_disconnection_is_waited_out(world, held, gate, kind):
    c = with_password(world)
    assert world.portald.authenticate(c.mail, "falsch falsch").verdict == "WRONG"
    with gate.stop(kind, c.mail if kind == SEARCH else c.uid, notice=True) as stop:
        assert world.portald.authenticate(c.mail, PASSWORD).verdict == "OK"
        assert stop.caught.is_set()
    assert c.show()["failures"]["password"]["count"] == 0


def entry_uuid(world, customer):
    with ldap_client.bound(world.box, "root") as connection:
        dn = f"uid={customer.uid},{ldap_client.customers_base(world.box)}"
        return ldap_client.read(connection, dn, "entryUUID")["entryUUID"][0].decode()


def letters_of(world, customer):
    jobs = world.portald.control("queue-list", kind="letter")["jobs"]
    return [j for j in jobs if j["subject"] == customer.uid]


def one_letter(world, customer):
    """The letter that came of it all: one that counts, printed once, with a password that works."""
    letter = customer.letter()
    live = [j["state"] for j in letters_of(world, customer) if j["state"] != "withdrawn"]
    assert live == ["printed"]
    assert world.portald.authenticate(customer.mail, letter.password).account == "NEW_PASSWORD"
    wait_for(lambda: "portalJob" not in world.entry(customer.uid), what="the end of the jobs in the entry")


# Where confirming is when portald is killed: before its write reaches slapd, before it is answered, after it.
STEPS = {"write lost": (False, True), "write arrives late": (False, False), "answer lost": (True, True)}


@pytest.mark.parametrize("answers, lost", STEPS.values(), ids=STEPS)
def test_confirmation_killed_at_any_step_is_whole_or_may_be_pressed_again(world, held, gate, aside, answers, lost):
    c = world.customer()
    mail = c.registered()
    wait_for(lambda: not world.portald.control("status")["queue"]["untold"], what="the link's 48 hours")
    with gate.stop(MODIFY, c.uid, answers=answers) as stop:
        stop.lost = lost
        aside(world.portald.confirm, mail.token)
        assert stop.caught.wait(10)
        held.restart(signal.SIGKILL)
        held.wait()
        wait_for(lambda: [j["state"] for j in letters_of(world, c)] != ["staged"], what="the clerk's look at the staged row")
        stop.lost = lost
    time.sleep(0.5)  # for slapd, where the write has arrived late
    assert world.portald.confirm(mail.token).verdict in ("OK", "LINK_DONE")
    one_letter(world, c)


@pytest.mark.parametrize("answers, lost", STEPS.values(), ids=STEPS)
def test_registration_killed_at_any_step_sends_one_link_that_works(world, held, gate, answers, lost):
    c = world.customer()
    with gate.stop(MODIFY, c.uid, answers=answers) as stop:
        stop.lost = lost
        c.register()
        assert stop.caught.wait(10)
        held.restart(signal.SIGKILL)
        held.wait()
    world.clock("+31s")  # the lease of the registration
    mails = wait_for(lambda: world.mails(c.mail), seconds=60, what="the mail")
    assert len({m.token for m in mails}) == 1
    assert world.portald.confirm(mails[0].token).verdict == "OK"
    one_letter(world, c)


def stage_orphan(world, held, customer):
    """A letter's row as a portald leaves it that dies before its write to the directory. portald must not run."""
    now = int(time.time())
    with sqlite3.connect(Path(world.box.dir) / "queue" / "queue.db") as db:
        db.execute("INSERT INTO job (id, kind, state, topic, entry, subject, created, due, expires, lease)"
                   " VALUES ('01ARZ3NDEKTSV4RRFFQ69G5FAV', 2, 0, 'access', ?, ?, ?, ?, 0, ?)",
                   (entry_uuid(world, customer), customer.uid, now, now, now + 60))
    db.close()
    assert held.ended()


def test_rows_that_are_staged_while_old_ones_are_looked_at_are_not_dropped_with_them(world, held, gate, aside):
    left, c = world.customer(), world.customer()
    mail = c.registered()
    wait_for(lambda: not world.portald.control("status")["queue"]["untold"], what="the link's 48 hours")
    held.end()
    stage_orphan(world, held, left)
    before = held.log.stat().st_size
    with gate.stop(SEARCH, entry_uuid(world, left), every=True) as clerk, gate.stop(MODIFY, c.uid) as confirmation:
        held.start()
        wait_for(lambda: b"directory can't be reached" in held.log.read_bytes()[before:], seconds=30, what="the clerk's giving up")
        answer = aside(world.portald.confirm, mail.token)
        assert confirmation.caught.wait(10)
        tries = clerk.count
        wait_for(lambda: clerk.count > tries, what="the clerk's second look")
        clerk.go.set()
        wait_for(lambda: not letters_of(world, left), what="the old row's end")
        time.sleep(0.5)
        confirmation.go.set()
        assert answer.result().verdict == "OK"
    one_letter(world, c)


ROUNDS = 6


def at_once(*calls):
    with ThreadPoolExecutor(len(calls)) as pool:
        return [f.result() for f in [pool.submit(call) for call in calls]]


def test_link_pressed_eight_times_at_once_makes_one_letter(world):
    for _ in range(ROUNDS):
        c = world.customer()
        mail = c.registered()
        verdicts = [r.verdict for r in at_once(*[lambda: world.portald.confirm(mail.token)] * 8)]
        assert verdicts.count("OK") == 1 and set(verdicts) <= {"OK", "LINK_DONE"}, verdicts
        one_letter(world, c)


def test_two_links_pressed_at_once_confirm_one_address(world):
    for i in range(ROUNDS):
        c = world.customer()
        mails = [c.registered(), c.registered(f"anders-{i}-{c.uid}@example.org")]
        verdicts = [r.verdict for r in at_once(*[lambda m=m: world.portald.confirm(m.token) for m in mails])]
        assert sorted(verdicts) == ["LINK_OVER", "OK"]
        c.mail = mails[verdicts.index("OK")].recipient
        one_letter(world, c)


def test_one_address_confirmed_by_two_customers_at_once_belongs_to_one(world):
    for i in range(ROUNDS):
        both = [world.customer(), world.customer()]
        address = f"gemeinsam-{i}@example.org"
        for c in both:
            c.register(address)
        mails = wait_for(lambda: len(world.mails(address)) == 2 and world.mails(address), what="both mails")
        verdicts = [r.verdict for r in at_once(*[lambda m=m: world.portald.confirm(m.token) for m in mails])]
        assert sorted(verdicts) == ["LINK_TAKEN", "OK"]
        assert sorted(c.state for c in both) == ["initial", "pending"]


def test_confirming_against_not_me_leaves_nothing_of_the_registration(world):
    for _ in range(ROUNDS):
        c = world.customer()
        mail = c.registered()
        at_once(lambda: world.portald.confirm(mail.token), lambda: world.portald.not_me(mail.reference))
        assert c.state == "provisioned"
        assert not {"userPassword", "mail", "portalPUK", "portalPending"} & set(world.entry(c.uid))
        wait_for(lambda: all(j["state"] == "withdrawn" for j in letters_of(world, c)), what="the letter's withdrawal")


def test_changing_a_password_against_not_me_ends_locked(world):
    for _ in range(ROUNDS):
        c = world.customer()
        mail = c.registered()
        assert world.portald.confirm(mail.token).verdict == "OK"
        world.modify(c.uid, portalState="active", userPassword=ldap_client.ssha(PASSWORD))
        grant = world.portald.authenticate(c.mail, PASSWORD, PURPOSE=1).get("GRANT")
        changed, _ = at_once(lambda: world.portald.change(c.mail, grant, PASSWORD + " neu"),
                             lambda: world.portald.not_me(mail.reference))
        assert changed.verdict in ("OK", "GRANT_OVER")
        assert c.state == "locked"
        valid = PASSWORD + " neu" if changed.verdict == "OK" else PASSWORD
        assert world.portald.authenticate(c.mail, valid).verdict == "LOCKED"
        assert world.portald.change(c.mail, grant, PASSWORD + " noch neuer").verdict == "GRANT_OVER"


def test_one_grant_used_twice_at_once_sets_one_password(world):
    for _ in range(ROUNDS):
        c = with_password(world)
        grant = world.portald.authenticate(c.mail, PASSWORD, PURPOSE=1).get("GRANT")
        words = [f"{PASSWORD} {i}" for i in range(4)]
        verdicts = [r.verdict for r in at_once(*[lambda p=p: world.portald.change(c.mail, grant, p) for p in words])]
        assert sorted(verdicts) == ["GRANT_OVER"] * 3 + ["OK"]
        assert world.portald.authenticate(c.mail, words[verdicts.index("OK")]).verdict == "OK"


def test_not_me_whose_answer_was_lost_still_takes_the_letter_back(world, gate):
    world.box.stop("print")
    try:
        c = world.customer()
        mail = c.confirmed()
        with gate.stop(MODIFY, c.uid, answers=True) as stop:
            stop.lost = True
            assert world.portald.not_me(mail.reference).verdict == "OK"
        assert [j["state"] for j in letters_of(world, c)] == ["withdrawn"]
    finally:
        world.box.start("print")


def test_request_that_cannot_be_answered_is_in_the_log(world, held, gate):
    c = with_password(world)
    before = held.log.stat().st_size
    with gate.stop(SEARCH, c.mail, every=True):
        assert world.portald.authenticate(c.mail, PASSWORD).verdict == "UNAVAILABLE"
    assert b"answered as unavailable: Connection timed out" in held.log.read_bytes()[before:]


def test_nobody_is_let_in_when_a_lost_race_cannot_be_looked_at(world, gate):
    """It may have been for a new password."""
    c = with_password(world)
    assert world.portald.authenticate(c.mail, "falsch falsch").verdict == "WRONG"
    world.modify(c.uid, portalRevision="1000")
    with gate.stop(MODIFY, "1002") as stop, ThreadPoolExecutor(1) as pool:
        login = pool.submit(world.portald.authenticate, c.mail, PASSWORD, PURPOSE=1)
        assert stop.caught.wait(10)
        world.modify(c.uid, portalRevision="1005")
        with gate.stop(SEARCH, c.mail, every=True) as search:
            stop.go.set()
            reply = login.result()
            assert search.caught.is_set()
    assert reply.verdict == "UNAVAILABLE"
    assert reply.get("UID") is None and reply.get("GRANT") is None
    assert world.portald.authenticate(c.mail, PASSWORD).verdict == "OK"


def told(world, c):
    """Once the entry knows what became of the jobs behind it, nobody else writes there."""
    wait_for(lambda: "portalJob" not in world.entry(c.uid), what="the end of the jobs in the entry")
    return c


def new_password(world, c):
    """As another portald sets it."""
    world.modify(c.uid, portalRevision="77005", portalSessionEpoch="7", portalPasswordChanged="20260101000000Z",
                 userPassword=ldap_client.ssha(PASSWORD + " neu"))


@pytest.mark.parametrize("mode, verdict", [(None, "GRANT_OVER"), (COMBINED, "WRONG")])
def test_code_opens_nothing_once_another_portald_has_set_a_new_password(world, gate, mode, verdict):
    """Between verifying the code and writing that its step is used."""
    c = told(world, with_totp(world))
    digits = code(world, c)
    state = state_of(world, c)
    with gate.stop(MODIFY, "portalTOTPLastStep") as stop, ThreadPoolExecutor(1) as pool:
        login = pool.submit(world.portald.authenticate, c.mail, PASSWORD + digits, MODE=mode) if mode else \
            pool.submit(world.portald.second, c.mail, state, digits)
        assert stop.caught.wait(10)
        new_password(world, c)
        stop.go.set()
        reply = login.result()
    assert reply.verdict == verdict and reply.get("UID") is None
    assert last_step(world, c) == 0


def test_code_whose_use_another_portald_wrote_first_is_a_used_one(world, gate):
    c = told(world, with_totp(world))
    digits = code(world, c)
    state = state_of(world, c)
    with gate.stop(MODIFY, "portalTOTPLastStep") as stop, ThreadPoolExecutor(1) as pool:
        login = pool.submit(world.portald.second, c.mail, state, digits)
        assert stop.caught.wait(10)
        world.modify(c.uid, portalRevision="77005", portalTOTPLastStep=str(world.now() // 30 + 1))
        stop.go.set()
        assert login.result().verdict == "WRONG"
    assert failures(world, c, "TOTP") == 1


def test_code_whose_race_was_lost_to_something_else_lets_in(world, gate):
    c = told(world, with_totp(world))
    state = state_of(world, c)
    with gate.stop(MODIFY, "portalTOTPLastStep") as stop, ThreadPoolExecutor(1) as pool:
        login = pool.submit(world.portald.second, c.mail, state, code(world, c))
        assert stop.caught.wait(10)
        world.modify(c.uid, portalRevision="77005")
        stop.go.set()
        assert login.result().verdict == "OK"


def test_code_whose_swap_was_never_answered_lets_nobody_in(world, gate):
    """Whose swap it was that is found there can't be known. It isn't held against the customer, and the next code works."""
    c = told(world, with_totp(world))
    digits = code(world, c)
    with gate.stop(MODIFY, "portalTOTPLastStep", answers=True) as stop:
        stop.lost = True
        reply = world.portald.second(c.mail, state_of(world, c), digits)
    assert reply.verdict == "UNAVAILABLE" and reply.get("UID") is None
    assert failures(world, c, "TOTP") == 0
    assert world.portald.second(c.mail, state_of(world, c), digits).verdict == "WRONG"
    assert world.portald.second(c.mail, state_of(world, c), code(world, c, 1)).verdict == "OK"


def puk_letters(world, c):
    return [j["state"] for j in letters_of(world, c) if j["topic"] == "puk"]


@pytest.mark.parametrize("answers", [True, False], ids=["answer lost", "write lost"])
def test_puk_whose_swap_was_not_answered_is_used_once(world, gate, answers):
    c = world.customer()
    puk = c.active(PASSWORD).puk
    told(world, set_up(world, c))
    with gate.stop(MODIFY, "portalPUK", answers=answers) as stop:
        stop.lost = True
        reply = world.portald.second(c.mail, state_of(world, c), puk)
    assert reply.verdict in ("OK", "UNAVAILABLE")
    if reply.verdict != "OK":
        assert world.portald.authenticate(c.mail, PASSWORD).verdict == "CODE_NEEDED"
        assert world.portald.second(c.mail, state_of(world, c), puk).verdict == "OK"
    assert world.portald.authenticate(c.mail, PASSWORD).verdict == "OK"
    wait_for(lambda: puk_letters(world, c) == ["printed"], what="one letter with a new PUK")


@pytest.mark.parametrize("answers, lost", STEPS.values(), ids=STEPS)
def test_puk_killed_at_any_step_is_used_whole_or_not_at_all(world, held, gate, aside, answers, lost):
    c = world.customer()
    puk = c.active(PASSWORD).puk
    told(world, set_up(world, c))
    state = state_of(world, c)
    with gate.stop(MODIFY, "portalPUK", answers=answers) as stop:
        stop.lost = lost
        aside(world.portald.second, c.mail, state, puk)
        assert stop.caught.wait(10)
        held.restart(signal.SIGKILL)
        held.wait()
        wait_for(lambda: "staged" not in puk_letters(world, c), what="the clerk's look at the staged row")
        stop.lost = lost
    time.sleep(0.5)  # for slapd, where the write has arrived late
    verdict = world.portald.second(c.mail, state, puk).verdict
    assert verdict == "OK", verdict
    assert "portalTOTPSecret" not in world.entry(c.uid)
    assert world.portald.authenticate(c.mail, PASSWORD).verdict == "OK"
    told(world, c)


def test_old_password_opens_nothing_once_another_portald_has_set_a_new_one(world, gate):
    """Between verifying the old one and writing that its failures are over."""
    c = with_password(world)
    assert world.portald.authenticate(c.mail, "falsch falsch").verdict == "WRONG"
    world.modify(c.uid, portalRevision="1000")
    with gate.stop(MODIFY, "1002") as stop, ThreadPoolExecutor(1) as pool:
        login = pool.submit(world.portald.authenticate, c.mail, PASSWORD, PURPOSE=1)
        assert stop.caught.wait(10)
        world.modify(c.uid, portalRevision="1005", portalSessionEpoch="7", portalPasswordChanged="20260101000000Z",
                     userPassword=ldap_client.ssha(PASSWORD + " neu"))
        stop.go.set()
        reply = login.result()
    assert reply.verdict == "WRONG" and reply.get("GRANT") is None
    assert world.portald.authenticate(c.mail, PASSWORD + " neu").verdict == "OK"
