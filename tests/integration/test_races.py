"""Whatever happens between two steps of a handler: portald killed, slapd slow, somebody else faster. A gate between portald
and slapd stops the world where a test wants it to."""

import signal
import threading
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
