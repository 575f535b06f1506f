"""Whatever happens between two steps of a handler: portald killed, slapd slow, somebody else faster. A gate between portald
and slapd stops the world where a test wants it to."""

import signal
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import ldap_client
from conftest import Sandbox
from customer import World, wait_for
from directory_gate import BIND, MODIFY, SEARCH, Gate
from socket_holder import Holder

PASSWORD = "Regen auf dem Zeltdach"


@pytest.fixture(scope="module")
def box():
    box = Sandbox("--customers", "80")
    yield box
    box.close()


@pytest.fixture(scope="module")
def world(box):
    return World(box)


@pytest.fixture(scope="module")
def gate(box):
    gate = Gate(box, box.dir)
    drop_ins = Path(box["PORTALD_CONF"] + ".d")
    drop_ins.mkdir()
    (drop_ins / "gate.conf").write_text(f"[directory]\nuri = {gate.uri}\n", encoding="utf-8")
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


def with_password(world, state="active"):
    c = world.customer()
    world.modify(c.uid, portalState=state, mail=c.mail, userPassword=ldap_client.ssha(PASSWORD))
    return c


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
