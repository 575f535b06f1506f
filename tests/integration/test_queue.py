"""The queue as an operator meets it: no room, damaged jobs, a damaged file; who is still served, what is said, and the way
back that portald(8) describes."""

import contextlib
import json
import shutil
import signal
import sqlite3
import subprocess
from pathlib import Path

import ldap_client
import pytest
from customer import World, wait_for
from sandbox import SOURCE, Sandbox
from small_disk import small_disk
from socket_holder import Holder

PASSWORD = "Regen auf dem Zeltdach"
NEW = "Sieben Schafe im Nebel"


@pytest.fixture(scope="module")
def box():
    box = Sandbox("--customers", "60")
    yield box
    box.close()


@pytest.fixture(scope="module")
def world(box):
    return World(box)


@pytest.fixture(scope="module")
def held(box):
    with Holder(box) as holder:
        yield holder


@pytest.fixture(scope="module")
def someone(world):
    """An active customer."""
    c = world.customer()
    world.modify(c.uid, portalState="active", mail=c.mail, userPassword=ldap_client.ssha(PASSWORD))
    return c


@pytest.fixture(name="disk")
def fixture_disk(box, held):
    with small_disk(box, held) as disk:
        yield disk


def registers(world, customer):
    return world.portald.register(customer.policy, customer.birthdate, customer.mail, language="en")


def listed(box, *options):
    done = box.ctl("--json", "queue", "list", *options)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@contextlib.contextmanager
def database(path):
    """While portald is stopped: there may be one connection."""
    with contextlib.closing(sqlite3.connect(path)) as db, db:
        yield db


# Room.

RESERVED = 100 * 1024  # less than what 2 MiB keep free of new registrations, enough for a few letters


def test_room_is_kept_for_what_was_promised(box, world, held, someone, disk):
    link, late = world.customer().registered(), world.customer()
    disk.fill(leave=RESERVED)
    reply = registers(world, late)
    assert reply.verdict == "UNAVAILABLE" and "try again" in reply.text
    status = box.ctl("status")
    assert status.returncode == 0 and "new registrations are refused" in status.stdout
    assert "new registrations" in world.portald.control("queue-stats")["refused"]
    assert world.portald.confirm(link.token).verdict == "OK"
    assert world.portald.authenticate(someone.mail, PASSWORD).verdict == "OK"
    assert world.portald.forgotten(someone.mail).verdict == "OK"
    disk.free()
    assert world.portald.control("queue-stats")["refused"] == []
    assert late.registered().token


def test_password_is_changed_on_a_full_disk(world, held, disk):
    """The notice is what is left out."""
    c = world.customer()
    world.modify(c.uid, portalState="active", mail=c.mail, userPassword=ldap_client.ssha(PASSWORD))
    disk.fill()
    grant = world.portald.authenticate(c.mail, PASSWORD, PURPOSE=1).get("GRANT")
    assert world.portald.change(c.mail, grant, NEW).verdict == "OK"
    assert world.portald.authenticate(c.mail, NEW).verdict == "OK"
    disk.free()


def test_queue_that_is_full_refuses_registrations_only(box, world, held):
    """A limit of 100 jobs, of which letters that nobody prints take 90."""
    link = world.customer().registered()
    box.stop("print")
    drop_in = Path(f"{held.conf}.d") / "60-limit.conf"
    drop_in.parent.mkdir(exist_ok=True)
    drop_in.write_text("[queue]\nlimit = 100\n")
    try:
        held.end()
        with database(queue_of(box)) as db:
            db.executemany("INSERT INTO job (id, kind, state, created, due, expires, lease) VALUES (?, 2, 1, 1, 1, 0, 0)",
                           [(f"01FVLLFVLLFVLL{n:012d}",) for n in range(90)])
        held.start()
        held.wait()
        assert registers(world, world.customer()).verdict == "UNAVAILABLE"
        assert world.portald.confirm(link.token).verdict == "OK"
    finally:
        drop_in.unlink()
        held.end()
        with database(queue_of(box)) as db:
            db.execute("DELETE FROM job WHERE id GLOB '01FVLL*'")
        held.start()
        held.wait()
        box.start("print")
    assert world.customer().registered().token


# Damaged jobs.

def queue_of(box):
    return next(Path(box["PORTALD_CONF"]).parent.rglob("queue.db"), None) or next(box.parent.rglob("queue.db"))


@pytest.mark.parametrize("name", ["01DAMAGEDDAMAGEDDAMAGED001", "01DAMAGED"])
def test_damaged_job_is_set_aside_told_and_dropped_by_hand(box, world, held, name):
    stuck = world.customer()
    held.end()
    with database(queue_of(box)) as db:
        db.execute("INSERT INTO job (id, kind, state, subject, created, due, expires, lease, fence)"
                   " VALUES (?, 0, 1, 'VN1', 1, 1, 0, 0, -9)", (name,))
        number, = db.execute("SELECT number FROM job WHERE id = ?", (name,)).fetchone()
    log = held.log.stat().st_size
    held.start()
    held.wait()
    wait_for(lambda: b"1 jobs of the queue are damaged and set aside" in held.log.read_bytes()[log:], what="the log line")
    assert stuck.registered().token  # later than the damaged one, and not behind it
    (job,) = listed(box, "--state", "damaged")
    assert job["id"] == (name if len(name) == 26 else f"ROW-{number}") and "set aside" in job["note"]
    assert job in listed(box)  # among what is unfinished, too
    assert "1 jobs are DAMAGED" in box.ctl("status").stdout
    assert "DAMAGE in portald(8)" in box.ctl("queue", "show", job["id"]).stdout
    assert box.ctl("queue", "retry", job["id"]).returncode == 1
    assert box.ctl("queue", "drop", job["id"]).returncode == 0
    assert listed(box, "--state", "damaged") == []
    assert "DAMAGED and" not in box.ctl("status").stdout


# A damaged file.

def spoil_header(path):
    with open(path, "r+b") as file:
        file.write(b"x" * 100)


def spoil_page(path):
    """The root of the table of jobs."""
    with database(path) as db:
        root, = db.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'job'").fetchone()
        size, = db.execute("PRAGMA page_size").fetchone()
    with open(path, "r+b") as file:
        file.seek((root - 1) * size)
        file.write(b"\x55" * size)


def spoil_index(path):
    with database(path) as db:
        root, = db.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'job_ready'").fetchone()
        size, = db.execute("PRAGMA page_size").fetchone()
    with open(path, "r+b") as file:
        file.seek((root - 1) * size)
        file.write(b"\x55" * size)


def spoil_payloads(path):
    """The middle of the table of payloads; that of the newest job is at its end."""
    with database(path) as db:
        db.executemany("INSERT INTO payload (number, body) VALUES (?, ?)", [(n - 100000, bytes(3000)) for n in range(300)])
    with database(path) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        page, = db.execute("SELECT pageno FROM dbstat WHERE name = 'payload' AND pagetype = 'leaf' LIMIT 1 OFFSET 60").fetchone()
        size, = db.execute("PRAGMA page_size").fetchone()
    with open(path, "r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\x55" * size)


def cut(path):
    with open(path, "r+b") as file:
        file.truncate(path.stat().st_size // 2)


@pytest.fixture
def pair(world, held):
    """While portald still answers: an active customer, and one who comes later."""
    active, late = world.customer(), world.customer()
    world.modify(active.uid, portalState="active", mail=active.mail, userPassword=ldap_client.ssha(PASSWORD))
    return active, late


@pytest.fixture
def good(box, held):
    """A copy of the queue as it was, put back in the end."""
    path = queue_of(box)
    held.end()
    copy = path.with_suffix(".good")
    shutil.copy2(path, copy)
    yield path
    held.end()
    Path(f"{path}-wal").unlink(missing_ok=True)
    shutil.copy2(copy, path)
    copy.unlink()
    held.start()
    held.wait()


@pytest.mark.parametrize("spoil", [spoil_header, spoil_page, spoil_index, cut])
def test_damaged_file_keeps_nobody_from_logging_in(box, world, held, someone, pair, good, spoil):
    changes, late = pair
    spoil(good)
    before, log = good.read_bytes(), held.log.stat().st_size
    held.start()
    held.wait()
    assert world.portald.authenticate(someone.mail, PASSWORD).verdict == "OK"
    assert world.login(someone.mail, PASSWORD).ok
    grant = world.portald.authenticate(changes.mail, PASSWORD, PURPOSE=1).get("GRANT")
    assert world.portald.change(changes.mail, grant, NEW).verdict == "OK"
    assert world.portald.authenticate(changes.mail, NEW).verdict == "OK"
    reply = registers(world, late)
    assert reply.verdict == "UNAVAILABLE" and "try again" in reply.text
    assert world.portald.forgotten(someone.mail).verdict == "UNAVAILABLE"
    assert late.state == "provisioned"
    status = box.ctl("status")
    assert status.returncode == 0 and "The queue's file is damaged" in status.stdout and "portald(8)" in status.stdout
    for words in (("queue", "list"), ("queue", "stats"), ("letters", "list")):
        done = box.ctl(*words)
        assert done.returncode == 1 and "damaged" in done.stderr
    said = held.log.read_bytes()[log:].decode(errors="replace")
    assert "is damaged, or no queue. It is left as it is" in said and "DAMAGE in portald(8)" in said
    assert held.restart(signal.SIGTERM) == 0
    held.wait()
    assert good.read_bytes() == before


def test_confirmation_on_a_damaged_queue_does_nothing_by_halves(world, held, good, box):
    held.start()
    held.wait()
    c = world.customer()
    link = c.registered()
    world.wait_for_rest()
    held.end()
    whole = good.read_bytes()
    spoil_page(good)
    held.start()
    held.wait()
    assert world.portald.confirm(link.token).verdict == "UNAVAILABLE"
    assert c.state == "pending" and "portalLetter" not in world.entry(c.uid)
    held.end()
    good.write_bytes(whole)
    held.start()
    held.wait()
    assert world.portald.confirm(link.token).verdict == "OK"
    assert c.letter().password


def restoring():
    """The manual's own lines."""
    text = (SOURCE / "doc" / "portald.8").read_text(encoding="utf-8")
    return text.split(".EX\n")[1].split(".EE\n")[0].replace("\\-", "-").replace("\\e", "\\")


@pytest.mark.parametrize("spoil", [spoil_index, spoil_payloads])
def test_damaged_file_is_restored_as_the_manual_says(box, world, held, good, spoil):
    """Jobs outside the damage go on."""
    held.start()
    held.wait()
    box.stop("print")
    c = world.customer()
    c.confirmed()
    (letter,) = listed(box, c.uid, "--kind", "letter")
    world.wait_for_rest()
    held.end()
    spoil(good)
    aside = good.parent / "damaged"
    aside.mkdir()
    for path in good.parent.glob("queue.db*"):
        if path.suffix != ".good":
            path.rename(aside / path.name)
    subprocess.run(["sh", "-ec", restoring()], cwd=good.parent, check=True, capture_output=True)
    held.start()
    held.wait()
    assert "damaged" not in box.ctl("status").stdout
    assert letter["id"] in [job["id"] for job in listed(box, "--kind", "letter")]
    box.start("print")
    assert c.letter().password
    assert world.customer().registered().token
    shutil.rmtree(aside)


def test_lost_queue_is_begun_anew_and_letters_are_made_again(box, world, held, good):
    held.start()
    held.wait()
    box.stop("print")
    c = world.customer()
    c.confirmed()
    world.wait_for_rest()
    held.end()
    for path in good.parent.glob("queue.db*"):
        if path.suffix != ".good":
            path.unlink()
    held.start()
    held.wait()
    assert listed(box, "--all") == []
    assert box.ctl("letter", c.uid).returncode == 0
    box.start("print")
    password = wait_for(lambda: c.letter().password, what="the letter")
    assert world.portald.authenticate(c.mail, password).verdict in ("OK", "NEW_PASSWORD")
