"""portald and slapd restarted, reloaded, stopped and out of space while customers log in: nobody who can wait is turned
away, and nobody is let in or refused who shouldn't be. portald's sockets belong to somebody who stays, as with systemd."""

import os
import shutil
import signal
import time
from pathlib import Path

import pytest

from customer import PASSWORD, World, is_gone, wait_for, with_password
from login_load import LoginLoad
from sandbox import Sandbox
from small_disk import small_disk
from socket_holder import Holder
from wire import connect, field, frame, receive

RESTARTS = 20
SLAPD_RESTARTS = 6
RELOADS = 8
STEADY, MISTAKEN = 4, 2


@pytest.fixture(scope="module")
def box():
    box = Sandbox("--customers", "80")
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
def people(world):
    return [with_password(world) for _ in range(STEADY + MISTAKEN)]


@pytest.fixture
def load(world, held, people):
    """Started by the test."""
    return LoginLoad(world, PASSWORD, people[:STEADY], people[STEADY:])


def restart_slapd(box, number):
    """As somebody's Restart=always would: its sandbox process ends by this signal and starts again."""
    process_id = int(box["PORTAL_SLAPD_PID"])
    os.kill(process_id, number)
    wait_for(lambda: is_gone(process_id), what="slapd's end")
    box.start("slapd")


SIGNALS = (signal.SIGTERM, signal.SIGKILL)


def test_no_login_fails_while_portald_is_restarted_20_times(held, load):
    with load:
        for i in range(RESTARTS):
            time.sleep(1)  # the module tries twice: one kill a request, no more
            held.restart(SIGNALS[i % 2])
        held.wait()
        load.wait_for_more(20)
    load.check(least=RESTARTS * 10)


def test_no_login_fails_or_is_wrongly_decided_while_slapd_is_restarted(box, load):
    with load:
        for i in range(SLAPD_RESTARTS):
            time.sleep(0.7)
            restart_slapd(box, SIGNALS[i % 2])
        load.wait_for_more(20)
    load.check(least=SLAPD_RESTARTS * 10)


def reload(held, expected):
    """Sends SIGHUP and waits until the log says what came of it."""
    before = held.log.stat().st_size
    held.send(signal.SIGHUP)
    wait_for(lambda: expected in held.log.read_bytes()[before:].decode(errors="replace"), what=f'"{expected}"')


def test_no_login_fails_while_portald_reads_its_configuration_again(held, load, drop_in):
    process_id = held.process_id
    with load:
        for i in range(RELOADS):
            time.sleep(0.3)
            drop_in(f"[portal]\ncompany = Versicherung Nummer {i}\n")
            reload(held, "were read again")
        load.wait_for_more(20)
    load.check(least=RELOADS * 5)
    assert held.process_id == process_id and not held.ended()


@pytest.fixture
def drop_in(held):
    """Writes text where portald reads it last, and takes it away again."""
    directory = Path(f"{held.conf}.d")
    directory.mkdir(exist_ok=True)
    file = directory / "99-test.conf"
    yield file.write_text
    file.unlink(missing_ok=True)
    reload(held, "were read again")


BROKEN = {
    "unknown key": "[server]\nworkres = 8\n",
    "unknown section": "[sever]\nworkers = 8\n",
    "bad value": "[server]\nworkers = many\n",
    "missing templates": "[mail]\ntemplates = /nonexistent/templates\n",
    "missing key": "[keys]\nmaster = /nonexistent/portald.key\n",
    "URI that is none": "[directory]\nuri = nonsense\n",
    "missing directory of the queue": "[queue]\nfile = /nonexistent/queue.db\n",
    "missing state directory": "[server]\nstate_dir = /nonexistent\n",
    "unknown zone": "[portal]\nzone = Europe/Atlantis\n",
}


@pytest.mark.parametrize("text", BROKEN.values(), ids=BROKEN)
def test_broken_configuration_is_refused_and_the_old_one_stays(world, held, drop_in, text):
    c = with_password(world)
    drop_in(text)
    reload(held, "the old one stays in force")
    assert not held.ended()
    assert world.portald.authenticate(c.mail, PASSWORD).verdict == "OK"
    assert world.customer().registered().token


def test_missing_template_is_refused_and_mails_still_go_out(world, held, drop_in, tmp_path):
    source = Path(__file__).resolve().parents[2] / "config" / "templates"
    shutil.copytree(source, tmp_path / "templates")
    gone = next((tmp_path / "templates").rglob("confirm*"))
    gone.unlink()
    drop_in(f"[mail]\ntemplates = {tmp_path}/templates\n")
    reload(held, "the old one stays in force")
    assert gone.name.split(".")[0] in held.tail()
    assert world.customer().registered().token


def test_stop_finishes_what_runs(world, held):
    """More requests than workers, each long enough (Argon2id) to be in the middle of it when SIGTERM comes."""
    customers = [with_password(world) for _ in range(12)]
    for c in customers:
        grant = world.portald.authenticate(c.mail, PASSWORD, PURPOSE=1).get("GRANT")
        assert world.portald.change(c.mail, grant, PASSWORD + " neu").verdict == "OK"
    connections = []
    for c in customers:
        s = connect(world.portald.path("api"))
        s.sendall(frame("AUTHENTICATE", field("USER", c.mail) + field("PASSWORD", PASSWORD + " neu")))
        connections.append(s)
    try:
        time.sleep(0.02)
        assert held.restart(signal.SIGTERM) == 0
        # No second try here: each is answered by the portald that stops, or by the next one if it never took it up.
        assert [receive(s) and 1 for s in connections] == [1] * len(connections)
    finally:
        for s in connections:
            s.close()


def stall(world):
    """A mail that a courier has in hand and can't get rid of."""
    before = world.portald.control("status")["queue"]["mail"]["claimed"]
    world.customer().register()
    wait_for(lambda: world.portald.control("status")["queue"]["mail"]["claimed"] > before, what="the mail's claim")


def test_relay_that_stalls_holds_up_neither_reload_nor_stop(box, world, held, load, drop_in):
    sink = int(box["PORTAL_SINK_PID"])
    os.kill(sink, signal.SIGSTOP)
    try:
        with load:
            stall(world)
            drop_in("[portal]\ncompany = Versicherung mit lahmem Relais\n")
            reload(held, "were read again")
            stall(world)
            assert held.restart(signal.SIGTERM) == 0
            held.wait()
            load.wait_for_more(20)
        assert load.check(least=30) < 10
    finally:
        os.kill(sink, signal.SIGCONT)


@pytest.fixture(name="disk")
def fixture_disk(box, held):
    with small_disk(box, held) as disk:
        yield disk


def test_full_disk_refuses_registrations_clearly_and_nothing_else(world, held, load, disk):
    link = world.customer().registered()
    late = world.customer()
    disk.fill()
    with load:
        for i in range(9):
            reply = world.portald.register(late.policy, late.birthdate, f"voll-{i}@example.org", language="en")
            assert reply.verdict == "UNAVAILABLE" and "try again" in reply.text
        assert world.portald.confirm(link.token).verdict == "UNAVAILABLE"
        load.wait_for_more(20)
        assert world.portald.control("status")
    load.check(least=20)
    disk.free()
    # What wasn't taken doesn't count as one of the five a day.
    assert late.registered("nicht-mehr-voll@example.org").token
    assert world.portald.confirm(link.token).verdict == "OK"
    assert world.portald.confirm(link.token).verdict == "LINK_DONE"


def test_portald_that_starts_on_a_full_disk_lets_customers_in(world, held, load, disk):
    with load:
        for number in SIGNALS:
            assert world.customer().registered().token
            disk.fill()
            held.restart(number)
            held.wait()
            load.wait_for_more(10)
            disk.free()
        assert world.customer().registered().token
    load.check(least=20)
