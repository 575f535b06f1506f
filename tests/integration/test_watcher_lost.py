"""Wishes while the way to slapd falls silent, slapd stands still or ends, and over TLS: none is lost, none is done twice."""

import os
import signal
import sys
import time
from pathlib import Path

import ldap
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import ldap_client  # noqa: E402
from customer import World, wait_for  # noqa: E402
from directory_gate import MODIFY, gate_before  # noqa: E402
from recoverer import with_puk  # noqa: E402
from sandbox import Sandbox  # noqa: E402
from sandboxlib.provider import Pair  # noqa: E402
from sandboxlib.slapd import SUFFIX, ssha  # noqa: E402
from test_watcher import dn, done, fulfilled, status, wish  # noqa: E402

TIMEOUT = 1  # [directory] timeout
# Two of them until all is listed again, three until nothing came of it; connecting, and a busy machine's grace.
NOTICED = 5 * TIMEOUT + 5
STATUS_SECONDS = 5  # what a second is on a busy machine
SERVICE, SERVICE_PASSWORD = f"cn=portald,ou=services,{SUFFIX}", "ein Dienst hat auch eins"


def configure(world, lines):
    """What [directory] says from now on."""
    drop_ins = Path(world.box["PORTALD_CONF"] + ".d")
    drop_ins.mkdir(exist_ok=True)
    (drop_ins / "lost.conf").write_text(f"[directory]\ntimeout = {TIMEOUT}s\n{lines}", encoding="utf-8")
    world.box.restart("portald")
    wait_for(lambda: status(world)["state"] == "connected", 30, "the connection")


@pytest.fixture(scope="module")
def place():
    """A world whose portald reaches slapd through a gate."""
    world = World(Sandbox())
    world.gate = gate_before(world.box)
    configure(world, "")
    yield world
    world.gate.close()
    world.box.close()


def test_connection_that_fell_silent_is_noticed_in_the_stated_time(place):
    c = with_puk(place)
    place.gate.fall_silent()
    began = time.monotonic()
    wish(place, c.uid, "lock")
    assert done(place, c.uid, seconds=60) == ["lock ok"]
    assert time.monotonic() - began < NOTICED
    began = time.monotonic()
    fulfilled(place, c.uid, "unlock", count=2)
    assert time.monotonic() - began < NOTICED


def test_slapd_that_stands_still_is_noticed_and_status_says_so_at_once(place):
    c = with_puk(place)
    slapd = int(place.box["PORTAL_SLAPD_PID"])
    with ldap_client.bound(place.box, "admin") as connection:
        os.kill(slapd, signal.SIGSTOP)
        try:
            began = time.monotonic()
            connection.modify(dn(place, c.uid), [(ldap.MOD_ADD, "portalRequest", [b"letter", b"unblock"])])
            reply = place.portald.control("status")
            assert time.monotonic() - began < STATUS_SECONDS and not reply["directory"]["ok"]
            wait_for(lambda: status(place)["state"] == "lost", NOTICED, "the loss")
        finally:
            os.kill(slapd, signal.SIGCONT)
        assert sorted(done(place, c.uid, 2, 60)) == ["letter ok", "unblock ok"]
    assert len(c.show()["letters"]) == 1
    wait_for(lambda: status(place)["state"] == "connected", 30, "the connection")


@pytest.mark.parametrize("answers", (False, True), ids=("before the write", "before its answer"))
def test_slapd_restarted_while_a_wish_is_under_way(place, answers):
    c = with_puk(place)
    place.wait_for_rest()
    with place.gate.stop(MODIFY, "portalRequestResult", answers=answers) as stop:
        wish(place, c.uid, "letter")
        assert stop.caught.wait(30)
        place.box.restart("slapd")
    assert done(place, c.uid, seconds=60) == ["letter ok"]
    wait_for(lambda: [x["state"] for x in c.show()["letters"]] == ["printed"], 30, "one letter on paper")


def test_wish_taken_back_at_the_last_moment_is_none(place):
    c = with_puk(place)
    place.wait_for_rest()
    log = Path(place.box["PORTALD_LOG"])
    with place.gate.stop(MODIFY, "portalRequestResult") as stop:
        wish(place, c.uid, "letter")
        assert stop.caught.wait(30)
        place.modify(c.uid, portalRequest=None)
    fulfilled(place, c.uid, "unblock")  # behind it
    assert status(place)["troubled"] == 0 and f"A wish for {c.uid} waits" not in log.read_text(encoding="utf-8")
    place.wait_for_rest()
    assert not c.show()["letters"] and c.attribute("portalPUK") == with_puk(place).attribute("portalPUK")


def test_portald_starts_and_says_status_while_slapd_is_away(place):
    place.box.stop("portald")
    place.box.stop("slapd")
    began = time.monotonic()
    place.box.start("portald")  # until status answers
    assert time.monotonic() - began < STATUS_SECONDS
    assert "CAN'T BE ASKED" in place.box.ctl("status").stdout
    assert not place.portald.control("status")["directory"]["servers"][0]["well"]
    place.box.start("slapd")
    fulfilled(place, with_puk(place).uid, "lock", seconds=60)


@pytest.fixture
def provider(place):
    """The world's slapd as one of a pair, whom portald reaches over TLS only, by a name and a password."""
    pair = Pair(place.box)
    first = pair.providers[0]
    first.modify(f"dn: {SERVICE}\nchangetype: modify\nadd: objectClass\nobjectClass: simpleSecurityObject\n-\n"
                 f"add: userPassword\nuserPassword: {ssha(SERVICE_PASSWORD)}\n")
    password = pair.dir / "portald.pw"
    password.write_text(SERVICE_PASSWORD + "\n", encoding="utf-8")
    password.chmod(0o600)
    configure(place, f"uri = {first.peer_uri}\nbind_dn = {SERVICE}\nbind_password_file = {password}\n"
                     f"ca_file = {pair.authority.ca}\n")
    yield first
    pair.close()


def test_wishes_over_tls(place, provider):
    """The last of them: the world's slapd is another one's from now on."""
    c = with_puk(place)
    fulfilled(place, c.uid, "lock")
    provider.end()
    provider.start()
    fulfilled(place, c.uid, "unlock", count=2, seconds=60)
    assert c.state == "active"
    provider.signal(signal.SIGSTOP)
    try:
        # A handshake with a server that stands still has time-outs of its own.
        wait_for(lambda: status(place)["state"] == "lost", 2 * NOTICED, "the loss")
    finally:
        provider.signal(signal.SIGCONT)
    fulfilled(place, c.uid, "close", count=3, seconds=60)
