"""Two slapds that replicate, both from the configuration that is shipped, and portald on both: one is killed, stopped or
away under logins, and nobody who can wait is turned away, nobody wrongly let in or refused."""

import signal
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import ldap_client  # noqa: E402
from customer import PASSWORD, World, is_gone, wait_for, with_password  # noqa: E402
from directory_gate import MODIFY, Gate  # noqa: E402
from login_load import LoginLoad  # noqa: E402
from sandbox import Sandbox  # noqa: E402
from sandboxlib.provider import Pair  # noqa: E402
from wire import NUMBERS  # noqa: E402

STEADY, MISTAKEN = 4, 2
REPLY_SECONDS = 2
# A login that met a stuck server: noticed within the reply's time, or that of the look just begun; a busy machine's grace.
STUCK_SECONDS = 2 * REPLY_SECONDS + 2
NEW = "Schnee auf dem Gartentor"


@pytest.fixture(scope="module")
def box():
    box = Sandbox("--customers", "60")
    yield box
    box.close()


@pytest.fixture(scope="module")
def pair(box):
    pair = Pair(box)
    yield pair
    pair.close()


@pytest.fixture(scope="module")
def world(box, pair):
    configure(box, f"uri = {pair.providers[0].uri} {pair.providers[1].uri}")
    return World(box)


@pytest.fixture(scope="module")
def people(world):
    return [with_password(world) for _ in range(STEADY + MISTAKEN)]


@pytest.fixture
def load(world, people):
    return LoginLoad(world, PASSWORD, people[:STEADY], people[STEADY:])


@pytest.fixture
def first(world, pair):
    """The first, in use and at rest; and so again afterwards."""
    wait_for(lambda: used(world) == pair.providers[0].uri, what="the first server's use")
    yield pair.providers[0]
    for one in pair.providers:
        if is_gone(one.pid):
            one.start()
    wait_for(lambda: used(world) == pair.providers[0].uri, what="the way back")
    pair.wait_until_same()


@pytest.fixture
def second(pair):
    return pair.providers[1]


def configure(box, lines):
    """What [directory] says from now on."""
    drop_ins = Path(box["PORTALD_CONF"] + ".d")
    drop_ins.mkdir(exist_ok=True)
    (drop_ins / "servers.conf").write_text(f"[directory]\ntimeout = {REPLY_SECONDS}s\n{lines}\n", encoding="utf-8")
    box.restart("portald")


def servers(world):
    return world.portald.control("status")["directory"]["servers"]


def used(world):
    return next(s["uri"] for s in servers(world) if s["used"])


def kill(provider):
    provider.signal(signal.SIGKILL)
    wait_for(lambda: is_gone(provider.pid), what="slapd's end")


def log_of(box):
    return Path(box["PORTALD_LOG"]).read_text(encoding="utf-8", errors="replace")


def customer(provider, c, *names):
    return provider.read(f"uid={c.uid},{ldap_client.customers_base({'PORTAL_LDAP_BASE': 'dc=example,dc=org'})}", *names)


def failures(provider, c):
    return int(customer(provider, c, "portalPasswordFailures").get("portalPasswordFailures", ["0"])[0])


# Killed.

def test_the_one_in_use_is_killed_and_comes_back(world, load, first, second):
    with load:
        load.wait_for_more(10)
        kill(first)
        load.wait_for_more(20)
        assert used(world) == second.uri
        first.start()
        wait_for(lambda: used(world) == first.uri, what="the way back")
        load.wait_for_more(20)
    assert load.check(least=50) < 2


def test_the_other_one_is_killed_and_comes_back_and_nobody_notices(world, load, first, second):
    with load:
        load.wait_for_more(10)
        kill(second)
        wait_for(lambda: not servers(world)[1]["well"], what="news of it")
        assert used(world) == first.uri
        load.wait_for_more(20)
        second.start()
        wait_for(lambda: servers(world)[1]["well"], what="its return")
        load.wait_for_more(10)
    assert load.check(least=40) < 2


def test_each_takes_over_from_the_other_before_any_way_back(world, load, first, second):
    with load:
        kill(first)
        load.wait_for_more(20)
        first.start()
        wait_for(lambda: servers(world)[0]["well"], what="its return")
        kill(second)
        load.wait_for_more(20)
        assert used(world) == first.uri
    assert load.check(least=40) < 3


def test_with_both_gone_logins_wait_for_the_first_that_comes(world, load, first, second):
    with load:
        kill(first)
        kill(second)
        time.sleep(0.5)
        second.start()
        load.wait_for_more(20)
        assert used(world) == second.uri
    load.check(least=20)


# Stuck.

@contextmanager
def stuck(provider):
    provider.signal(signal.SIGSTOP)
    try:
        yield
    finally:
        provider.signal(signal.SIGCONT)


def test_a_stuck_server_costs_those_who_met_it_and_nobody_after_them(world, load, first, second):
    with load:
        load.wait_for_more(10)
        with stuck(first):
            wait_for(lambda: used(world) == second.uri, what="the second one's use")
            load.wait_for_more(40)
        load.wait_for_more(10)
    assert load.check(least=60) < STUCK_SECONDS
    slow = [took for _, took, _, _ in load.outcomes if took > REPLY_SECONDS / 2]
    assert len(slow) <= STEADY + MISTAKEN, slow


# What is decided meanwhile.

def test_failures_are_counted_across_servers_and_wrong_passwords_never_let_in(world, pair, first, second):
    c = with_password(world)
    for _ in range(2):
        assert world.portald.authenticate(c.mail, "ganz und gar falsch").verdict == "WRONG"
    pair.wait_until_same()
    kill(first)
    for _ in range(2):
        assert world.portald.authenticate(c.mail, "ganz und gar falsch").verdict == "WRONG"
    assert failures(second, c) == 4
    first.start()
    wait_for(lambda: used(world) == first.uri, what="the way back")
    assert failures(first, c) == 4
    assert world.portald.authenticate(c.mail, "ganz und gar falsch").verdict == "WRONG"
    assert world.portald.authenticate(c.mail, PASSWORD).verdict == "THROTTLED" or failures(first, c) == 0


def change(world, c, old, new):
    reply = world.portald.authenticate(c.mail, old, PURPOSE=NUMBERS["WIRE_PURPOSE_CHANGE"])
    assert reply.verdict == "OK", reply.text
    return world.portald.change(c.mail, reply.get("GRANT"), new)


def test_a_password_changed_while_one_is_away_is_the_password_when_it_is_back(world, first, second):
    c = with_password(world)
    wait_for(lambda: customer(second, c, "userPassword") == customer(first, c, "userPassword"), what="the second's copy")
    kill(first)
    assert change(world, c, PASSWORD, NEW).verdict == "OK"
    first.start()
    wait_for(lambda: used(world) == first.uri, what="the way back")
    assert world.portald.authenticate(c.mail, PASSWORD).verdict == "WRONG"
    assert world.portald.authenticate(c.mail, NEW).verdict == "OK"


@pytest.fixture
def gate(box, pair, world):
    """Between portald and the first; the second without."""
    gate = Gate({"PORTAL_LDAP_URI": pair.providers[0].uri}, box.dir)
    configure(box, f"uri = {gate.uri} {pair.providers[1].uri}")
    wait_for(lambda: used(world) == gate.uri, what="the first server's use")
    yield gate
    gate.close()
    (Path(box.dir) / "gate").unlink()
    if is_gone(pair.providers[0].pid):
        pair.providers[0].start()
    configure(box, f"uri = {pair.providers[0].uri} {pair.providers[1].uri}")


@pytest.mark.parametrize("answers", (False, True), ids=("not done", "done"))
def test_a_swap_whose_outcome_is_unknown_is_decided_anew_where_the_data_is(world, pair, gate, second, answers):
    """A failure is on its way to be written, or written and not answered, when the server dies."""
    c = with_password(world)
    pair.wait_until_same()
    with gate.stop(MODIFY, c.uid, answers=answers) as stop:
        with LoginOf(world, c, "ganz und gar falsch") as login:
            assert stop.caught.wait(20)
            if answers:
                wait_for(lambda: failures(second, c) == 1, what="the write on the other server")
            stop.lost = True
            kill(pair.providers[0])
            gate.close()
    assert login.reply.verdict == "WRONG", login.reply.text
    # Once if it was lost; where it had been done, this server counted it, too: never not at all.
    assert failures(second, c) == (2 if answers else 1)
    assert world.portald.authenticate(c.mail, PASSWORD).verdict == "OK"
    assert failures(second, c) == 0


class LoginOf:
    """One login, beside the test."""

    def __init__(self, world, c, password):
        self.reply = None
        self.thread = threading.Thread(target=self._run, args=(world, c, password))

    def _run(self, world, c, password):
        self.reply = world.portald.authenticate(c.mail, password)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.thread.join()


# The way back.

def replicate(provider, on):
    """Whether it takes what the other one has."""
    if on:
        provider.config(f"dn: olcDatabase={{1}}mdb,cn=config\nchangetype: modify\nadd: olcSyncrepl\nolcSyncrepl: {provider.syncrepl}\n"
                        "-\nreplace: olcMultiProvider\nolcMultiProvider: TRUE\n")
        return
    found = provider.read_config("olcDatabase={1}mdb,cn=config", "olcSyncrepl")
    provider.syncrepl = found["olcSyncrepl"][0].removeprefix("{0}")
    provider.config("dn: olcDatabase={1}mdb,cn=config\nchangetype: modify\ndelete: olcMultiProvider\n-\ndelete: olcSyncrepl\n")


def test_a_server_that_lacks_changes_is_not_gone_back_to_not_even_after_a_restart(box, world, first, second):
    c = with_password(world)
    wait_for(lambda: customer(second, c, "userPassword") == customer(first, c, "userPassword"), what="the second's copy")
    replicate(first, False)
    kill(first)
    assert change(world, c, PASSWORD, NEW).verdict == "OK"
    first.start()
    try:
        wait_for(lambda: "doesn't hold all changes" in servers(world)[0].get("why", ""), what="why it stays")
        assert world.portald.authenticate(c.mail, PASSWORD).verdict == "WRONG"
        box.restart("portald")
        assert world.portald.authenticate(c.mail, PASSWORD).verdict == "WRONG"
        assert used(world) == second.uri
    finally:
        replicate(first, True)
    wait_for(lambda: used(world) == first.uri, what="the way back")
    assert world.portald.authenticate(c.mail, NEW).verdict == "OK"


def test_the_log_and_status_say_which_server_is_in_use_and_why(box, world, first, second):
    before = len(log_of(box))
    kill(first)
    wait_for(lambda: used(world) == second.uri or world.portald.authenticate("x@example.org", "falsch falsch") and False,
             what="the second one's use")
    lines = box.ctl("status").stdout
    assert f"{first.uri}: CAN'T BE USED, " in lines and f"{second.uri}: well, in use" in lines
    first.start()
    wait_for(lambda: used(world) == first.uri, what="the way back")
    said = log_of(box)[before:]
    for line in (f"The directory server {first.uri} can't be used: ", f"{first.uri} → {second.uri}",
                 f"The directory server {first.uri} answers again", f"{second.uri} → {first.uri}"):
        assert said.count(line) == 1, (line, said)
