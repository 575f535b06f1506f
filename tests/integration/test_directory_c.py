"""portald's directory against a real slapd: finding, verifying, swapping, and what it does when slapd
is slow, stopped, killed, or an impostor. The way in is Probe, which drives directory-probe.c."""

import itertools
import os
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import threading
import time
from pathlib import Path

import ldap
import pytest

from ldap_client import CUSTOMER_PASSWORD, bound, customers_base, entry, modify, read, ssha

NUMBERS = itertools.count(1)
DEADLINE_MS = 5000
# What a deadline may be overrun by on a busy machine.
GRACE_MS = 200
# A sanitizer's shadow is larger, and holds no text.
SPAN_MAX = 256 << 20
HASH = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNO-_"
PENDING = HASH + " 20301122110000Z anna@example.org"
ULID = "01ARYZ6S41TSV4RRFFQ69G5FAV"
CONFIRMED = ("initial", "active", "locked", "closed")


class Answer:
    def __init__(self, head, values):
        self.result, elapsed, self.error = head.split("\t", 2)
        self.ms = int(elapsed)
        self.values = values

    def __getitem__(self, name):
        return self.values[name]


class Probe:
    """One process with one struct directory, whose handles stay open between commands."""

    def __init__(self, program, box, *options, uri=None, environment=None):
        base = box["PORTAL_LDAP_BASE"]
        self.process = subprocess.Popen(
            [program, uri or box["PORTAL_LDAP_URI"], customers_base(box),
             f"cn=decoy,ou=services,{base}", *options],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=os.environ | (environment or {}))

    def send(self, name, *words, ms=DEADLINE_MS):
        line = "\t".join((name, str(ms), *map(str, words))) + "\n"
        self.process.stdin.write(line.encode())
        self.process.stdin.flush()

    def receive(self):
        lines = iter(lambda: self.process.stdout.readline().decode().rstrip("\n"), ".")
        head, values = None, {}
        for line in itertools.islice(lines, 40):
            if "\t" in line:
                head = line
            else:
                name, _, value = line.partition("=")
                values[name] = value
        assert head, f"the probe has ended, status {self.process.poll()}"
        return Answer(head, values)

    def __call__(self, name, *words, ms=DEADLINE_MS):
        self.send(name, *words, ms=ms)
        return self.receive()

    def close(self):
        self.process.stdin.close()
        status = self.process.wait(timeout=20)
        self.process.stdout.close()
        assert status == 0, f"the probe ended with status {status}"


@pytest.fixture
def probes(build_dir, directory):
    """Makes probes and ends them; a leak or a fault that a sanitizer saw is their status."""
    made = []

    def make(*options, box=directory, **named):
        made.append(Probe(build_dir / "tests" / "integration" / "directory-probe", box, *options,
                          **named))
        return made[-1]
    yield make
    for probe in made:
        probe.close()


@pytest.fixture
def probe(probes):
    return probes()


@pytest.fixture
def people(directory):
    """Makes customers and takes them away again: people(mail=…) returns a uid."""
    made = []
    with bound(directory, "root") as root:
        def make(**attributes):
            uid = f"d-{next(NUMBERS)}"
            root.add_s(dn_of(directory, uid), entry(uid, **attributes))
            made.append(uid)
            return uid
        yield make
        for uid in made:
            try:
                root.delete_s(dn_of(directory, uid))
            except ldap.NO_SUCH_OBJECT:
                pass


def dn_of(box, uid):
    return f"uid={uid},{customers_base(box)}"


def by_root(box, uid, *changes):
    with bound(box, "root") as root:
        modify(root, dn_of(box, uid), *changes)


def value_of(box, uid, name):
    with bound(box, "root") as root:
        return [value.decode() for value in read(root, dn_of(box, uid), name).get(name, [])]


def epoch_of(box, uid):
    return int((value_of(box, uid, "portalSessionEpoch") or ["0"])[0])


def by_password(box, who="root"):
    """Options and URI for a probe that binds with a password, over TCP."""
    name = who.upper()
    return ((f"bind={box[f'PORTAL_{name}_DN']}", f"password={box[f'PORTAL_{name}_PW']}"),
            box["PORTAL_LDAP_TCP_URI"])


# Finding.

def test_each_key_finds_its_entry(directory, people, probe):
    uid = people(mail="each@example.org", portalState="active", portalPolicyNumber="EACH1",
                 portalPending=PENDING, portalJob=ULID)
    with bound(directory, "root") as root:
        uuid = read(root, dn_of(directory, uid), "entryUUID")["entryUUID"][0].decode()
    for key, value in (("mail", "each@example.org"), ("mail", "EACH@example.ORG"),
                       ("login", "each@example.org"), ("confirmed", "each@example.org"), ("policy", "EACH1"), ("uid", uid),
                       ("pending", HASH), ("uuid", uuid), ("job", ULID)):
        found = probe("find", key, value)
        assert (found.result, found["uid"], found["problem"]) == ("0", uid, ""), key
        assert found["uuid"] == uuid
        assert found["dn"] == dn_of(directory, uid)


@pytest.mark.parametrize("key", ("mail", "login", "confirmed", "policy", "uid", "uuid", "job", "pending"))
@pytest.mark.parametrize("value", (
    "*)(mail=*", "*", "", "d-*", ")(uid=*", "x)(|(uid=*))", "\\2a", "\\", "((((", "(", "anna\x01",
    "é" * 40, "x" * 10000, "*" * 43, "%s%n", "1.1;binary"))
def test_nothing_in_a_value_is_a_filter(people, probe, key, value):
    people(mail="filter@example.org", portalState="active", portalPending=PENDING, portalJob=ULID)
    assert probe("find", key, value).result == "ENOENT"
    assert probe("ping").result == "0"


def test_a_confirmed_address_wins_over_those_only_written_down(people, probe):
    people(mail="many@example.org")
    winner = people(mail="many@example.org", portalState="locked")
    people(mail="many@example.org", portalState="pending")
    assert probe("find", "mail", "many@example.org")["uid"] == winner
    assert probe("find", "login", "many@example.org")["uid"] == winner
    assert probe("find", "confirmed", "many@example.org")["uid"] == winner


def test_several_that_nobody_confirmed_are_several(people, probe):
    people(mail="two@example.org")
    people(mail="two@example.org", portalState="pending")
    assert probe("find", "mail", "two@example.org").result == "ENOTUNIQ"
    assert probe("find", "login", "two@example.org").result == "ENOTUNIQ"
    assert probe("find", "confirmed", "two@example.org").result == "ENOENT"


@pytest.mark.parametrize("state", ("provisioned", "pending", None))
def test_an_address_that_is_not_confirmed_is_found_as_such(people, probe, state):
    uid = people(mail="alone@example.org", portalState=state)
    assert probe("find", "mail", "alone@example.org")["uid"] == uid
    assert probe("find", "confirmed", "alone@example.org").result == "ENOENT"


def test_a_token_is_found_by_its_whole_hash_in_its_own_case(people, probe):
    people(portalPending=PENDING)
    assert probe("find", "pending", HASH).result == "0"
    for other in (HASH[:-1], HASH[:8], HASH.swapcase(), HASH + " ", HASH[:-1] + "A"):
        assert probe("find", "pending", other).result == "ENOENT", other


def test_secrets_come_only_when_asked_for(people, probe):
    uid = people(portalPUK="$argon2id$x", userPassword=ssha("x"))
    assert probe("find", "uid", uid)["puk"] == ""
    assert probe("find", "uid", uid, "secrets")["puk"] == "there"
    # The access rules let nobody read it, portald neither.
    assert probe("find", "uid", uid, "secrets")["password"] == ""


def test_password_history_is_read_as_slapd_writes_it(directory, people, probe):
    uid = people(userPassword=ssha("first"))
    for n in range(3):
        assert probe("find", "uid", uid).result == "0"
        assert probe("swap", "set", "userPassword", ssha(f"later {n}").decode()).result == "0"
    found = probe("find", "uid", uid, "secrets")
    assert found["problem"] == ""
    assert found["history"] == str(len(value_of(directory, uid, "pwdHistory"))) != "0"


def test_a_login_reads_all_that_it_decides_on_and_nothing_else(people, probe):
    people(mail="login@example.org", portalState="active", portalRevision="5",
           portalSessionEpoch="3", portalPasswordFailures="2", portalPUK="x",
           portalPending="not one of ours")
    found = probe("find", "login", "login@example.org")
    assert (found["problem"], found["state"], found["revision"], found["epoch"], found["failures"],
            found["mail"]) == ("", "active", "5", "3", "2", "login@example.org")
    assert (found["name"], found["puk"], found["pending"]) == ("", "", "0")


def test_an_entry_that_is_not_understood_is_malformed(people, probe):
    uid = people(portalPending="not one of ours")
    assert probe("find", "uid", uid)["problem"].startswith("portalPending: ")


def test_every_sample_customer_is_understood(directory, probe):
    for line in Path(directory["PORTAL_CUSTOMERS"]).read_text(encoding="utf-8").splitlines():
        uid = line.split()[0]
        assert probe("find", "uid", uid)["problem"] == "", uid


# Verifying.

def test_the_right_password_is_right_and_all_others_are_wrong(directory, people, probe):
    dn = dn_of(directory, people(userPassword=ssha(CUSTOMER_PASSWORD)))
    for password, result in ((CUSTOMER_PASSWORD, "0"), ("wrong", "EACCES"), (CUSTOMER_PASSWORD, "0"),
                             (CUSTOMER_PASSWORD + " ", "EACCES"), (CUSTOMER_PASSWORD[:-1], "EACCES"),
                             ("", "EINVAL"), ("x" * 1025, "EINVAL"), ("\xff", "EACCES")):
        assert probe("verify", dn, password).result == result, password


def test_an_empty_password_or_name_never_reaches_slapd(directory, probe):
    with bound(directory, "root") as root:
        before = operations(root)
        assert probe("verify", dn_of(directory, "c-0001"), "").result == "EINVAL"
        assert probe("verify", "-", "").result == "EINVAL"
        assert probe("verify", "", "anything").result == "EINVAL"
        assert probe("verify", "", "").result == "EINVAL"
        assert operations(root) == before


def operations(root):
    """How many binds slapd has begun, if it counts them."""
    try:
        found = root.search_s("cn=Bind,cn=Operations,cn=Monitor", ldap.SCOPE_BASE,
                              attrlist=["monitorOpInitiated"])
    except ldap.NO_SUCH_OBJECT:
        return None
    return found[0][1]["monitorOpInitiated"]


def test_an_entry_without_a_password_and_one_that_has_gone_are_wrong(directory, people, probe):
    assert probe("verify", dn_of(directory, people()), "anything").result == "EACCES"
    assert probe("verify", dn_of(directory, "gone"), "anything").result == "EACCES"


def test_the_decoy_is_always_wrong(directory, probe):
    decoy = f"cn=decoy,ou=services,{directory['PORTAL_LDAP_BASE']}"
    assert probe("verify", "-", "anything").result == "EACCES"
    with bound(directory, "root") as root:
        old = read(root, decoy, "userPassword")["userPassword"]
        modify(root, decoy, (ldap.MOD_REPLACE, "userPassword", ssha("known")))
        try:
            assert probe("verify", decoy, "known").result == "0"
            assert probe("verify", "-", "known").result == "EACCES"
        finally:
            modify(root, decoy, (ldap.MOD_REPLACE, "userPassword", old))


def test_a_verified_customer_does_not_become_the_service(directory, people, probe):
    uid = people(userPassword=ssha(CUSTOMER_PASSWORD), pwdReset="TRUE")
    assert probe("verify", dn_of(directory, uid), CUSTOMER_PASSWORD).result == "0"
    assert probe("find", "uid", uid).result == "0"
    assert probe("swap", "set", "portalState", "active").result == "0"
    # A bind that left the handle restricted (pwdReset) doesn't hinder the next one.
    assert probe("verify", dn_of(directory, uid), "wrong").result == "EACCES"
    assert probe("verify", dn_of(directory, uid), CUSTOMER_PASSWORD).result == "0"


def test_the_decoy_is_touched(directory, probe):
    decoy = f"cn=decoy,ou=services,{directory['PORTAL_LDAP_BASE']}"
    seen = set()
    for _ in range(3):
        assert probe("touch").result == "0"
        with bound(directory, "root") as root:
            seen |= set(read(root, decoy, "description")["description"])
        time.sleep(0.002)
    assert len(seen) == 3


# Swapping.

def test_a_swap_moves_the_revision_by_one(directory, people, probe):
    uid = people()
    for revision in ("1", "2", "3"):
        assert probe("find", "uid", uid).result == "0"
        assert probe("swap", "set", "portalState", "pending").result == "0"
        assert value_of(directory, uid, "portalRevision") == [revision]


def test_changes_are_carried_out_as_listed(directory, people, probe):
    uid = people(portalLockReason="old", portalJob=ULID)
    assert probe("find", "uid", uid).result == "0"
    assert probe("swap", "set", "portalState", "active", "clear", "portalLockReason", "_",
                 "clear", "portalLastLogin", "_", "remove", "portalJob", ULID,
                 "add", "portalConsent", "privacy 1", "add", "portalConsent", "terms 1",
                 "set", "pwdReset", "TRUE", "set", "portalPUK", "$argon2id$x").result == "0"
    with bound(directory, "root") as root:
        found = read(root, dn_of(directory, uid), "*", "pwdReset")
    assert found["portalState"] == [b"active"]
    assert "portalLockReason" not in found and "portalJob" not in found
    assert sorted(found["portalConsent"]) == [b"privacy 1", b"terms 1"]
    assert found["pwdReset"] == [b"TRUE"]


@pytest.mark.parametrize("before", (None, "7"))
@pytest.mark.parametrize("moved", (1, 2))
def test_who_comes_late_is_told_so(people, probes, before, moved):
    """Without a revision, one that moved once gives typeOrValueExists, twice constraintViolation."""
    uid = people(portalRevision=before)
    late, early = probes(), probes()
    assert late("find", "uid", uid).result == "0"
    for _ in range(moved):
        assert early("find", "uid", uid).result == "0"
        assert early("swap", "set", "portalState", "active").result == "0"
    assert late("swap", "set", "portalState", "pending").result == "ESTALE"
    assert late("find", "uid", uid)["state"] == "active"
    assert late("swap", "set", "portalState", "pending").result == "0"


def test_mail_is_swapped_by_its_exact_value(directory, people, probe):
    uid = people(mail="old@example.org", portalRevision="1")
    assert probe("find", "uid", uid).result == "0"
    by_root(directory, uid, (ldap.MOD_REPLACE, "mail", "corrected@example.org"))
    assert probe("swap", "set", "mail", "new@example.org").result == "ESTALE"
    assert value_of(directory, uid, "mail") == ["corrected@example.org"]
    assert probe("find", "uid", uid).result == "0"
    assert probe("swap", "set", "mail", "new@example.org").result == "0"
    assert value_of(directory, uid, "mail") == ["new@example.org"]


@pytest.mark.parametrize("mail", (None, "mine@example.org"))
def test_an_address_in_use_is_refused_as_such(directory, people, probe, mail):
    people(mail="taken@example.org", portalState="active")
    uid = people(mail=mail, portalState="pending")
    assert probe("find", "uid", uid).result == "0"
    answer = probe("swap", "set", "mail", "taken@example.org", "set", "portalState", "initial")
    assert answer.result == "EEXIST"
    assert "taken" not in answer.error
    assert value_of(directory, uid, "mail") == ([mail] if mail else [])
    assert value_of(directory, uid, "portalState") == ["pending"]


def test_a_value_that_the_directory_refuses_is_not_an_address_in_use(people, probe):
    uid = people()
    assert probe("find", "uid", uid).result == "0"
    assert probe("swap", "set", "portalState", "asleep").result == "EIO"
    assert probe("swap", "set", "mail", "two words").result == "EIO"


def test_what_is_gone_cannot_be_removed_and_what_is_there_not_added(people, probe):
    uid = people(portalJob=ULID, portalRevision="3")
    assert probe("find", "uid", uid).result == "0"
    assert probe("swap", "remove", "portalJob", ULID[:-1] + "W").result == "ESTALE"
    assert probe("swap", "add", "portalJob", ULID).result == "ESTALE"
    assert probe("swap", "remove", "portalJob", ULID).result == "0"


def test_an_entry_that_has_gone_is_gone(directory, people, probe):
    uid = people()
    assert probe("find", "uid", uid).result == "0"
    with bound(directory, "root") as root:
        root.delete_s(dn_of(directory, uid))
    assert probe("swap", "set", "portalState", "active").result == "ENOENT"
    assert probe("find", "uid", uid).result == "ENOENT"


def test_what_the_access_rules_refuse_is_no_permission(directory, people, probes):
    uid = people()
    options, uri = None, directory["PORTAL_LDAP_URI"]
    with bound(directory, "root") as root:
        # Who reads everything and writes nothing of ours; over ldapi, where a password is taken.
        assert read(root, directory["PORTAL_SUPPORT_DN"])
    options, _ = by_password(directory, "support")
    support = probes(*options, uri=uri)
    assert support("find", "uid", uid).result == "0"
    assert support("swap", "set", "portalState", "active").result == "EPERM"


@pytest.mark.parametrize("change", (("set", "portalRevision", "9"), ("set", "entryUUID", "x")))
def test_nobody_changes_the_revision_by_hand(people, probe, change):
    assert probe("find", "uid", people()).result == "0"
    assert probe("swap", *change).result == "EINVAL"


def test_of_two_who_count_at_the_same_time_each_step_counts_once(directory, people, probes):
    uid = people()
    both = probes(), probes()
    for one in both:
        one.send("count", 200, uid, ms=60000)
    assert [one.receive().result for one in both] == ["0", "0"]
    assert epoch_of(directory, uid) == 400
    assert value_of(directory, uid, "portalRevision") == ["400"]


def test_four_threads_share_a_process(directory, people, probe):
    uid = people()
    assert probe("threads", 25, uid, ms=60000).result == "0"
    assert epoch_of(directory, uid) == 100


# slapd stopped, killed, restarted.

@pytest.fixture
def box():
    """A slapd of its own for a test that kills it."""
    from conftest import Sandbox
    own = Sandbox("--only", "slapd")
    yield own
    own.close()


def slapd_pid(box):
    return int(box["PORTAL_SLAPD_PID"])


def thread_states(pid):
    """The letter of each thread's state; a process that has gone has none."""
    states = []
    try:
        for task in Path(f"/proc/{pid}/task").iterdir():
            states.append((task / "stat").read_text().rpartition(")")[2].split()[0])
    except OSError:
        pass
    return states


def wait_for_threads(pid, wanted):
    """The last thread to end closes the sockets, not the first."""
    for _ in range(2000):
        if wanted(thread_states(pid)):
            return
        time.sleep(0.005)
    raise AssertionError(f"slapd didn't follow the signal: {thread_states(pid)}")


def kill_slapd(box):
    pid = slapd_pid(box)
    os.kill(pid, signal.SIGKILL)
    wait_for_threads(pid, lambda states: states in ([], ["Z"]))


def stop_slapd(box):
    """SIGSTOP takes a moment to reach every thread."""
    pid = slapd_pid(box)
    os.kill(pid, signal.SIGSTOP)
    wait_for_threads(pid, lambda states: states and set(states) == {"T"})


def stop_gently(box):
    box.stop("slapd")


def in_time(answer, ms):
    return ms - 5 <= answer.ms <= ms + GRACE_MS


def test_no_search_and_no_bind_fails_while_slapd_is_killed_and_started(box, probes):
    options, uri = by_password(box)
    local, over_tcp = probes(box=box), probes(*options, box=box, uri=uri)
    for one in (local, over_tcp):
        one.send("finds", 8, "c-0001", ms=5000)
    for end in (kill_slapd, stop_gently, kill_slapd):
        time.sleep(1)
        end(box)
        time.sleep(0.3)
        box.start("slapd")
    for one in (local, over_tcp):
        answer = one.receive()
        assert answer["failed"] == "0", answer["first"]
        assert int(answer["done"]) > 10


def test_no_swap_is_lost_or_doubled_while_slapd_is_killed_and_started(box, probes):
    """Who is told that the outcome isn't known reads again; then every step counts once."""
    options, uri = by_password(box)
    for uid, one in (("c-0003", probes(box=box)), ("c-0004", probes(*options, box=box, uri=uri))):
        one.send("count", 700, uid, ms=60000)
        for end in (kill_slapd, stop_gently, kill_slapd):
            time.sleep(0.2)
            end(box)
            box.start("slapd")
        assert one.receive().result == "0"
        assert epoch_of(box, uid) == 700
        assert value_of(box, uid, "portalRevision") == ["700"]


def test_a_swap_on_a_connection_from_before_a_restart_is_done(box, probes):
    """For certain: a connection that the server has left is noticed before anything is written."""
    options, uri = by_password(box)
    for one in (probes(box=box), probes(*options, box=box, uri=uri)):
        assert one("find", "uid", "c-0002").result == "0"
        box.stop("slapd")
        box.start("slapd")
        assert one("swap", "set", "portalState", "pending").result == "0"


def test_slapd_stopped_is_a_timeout_at_the_deadline(box, probes):
    old, new = probes(box=box), probes(box=box)
    dn = dn_of(box, "c-0001")
    assert old("find", "uid", "c-0001").result == "0"
    assert old("verify", dn, "wrong").result == "EACCES"
    stop_slapd(box)
    try:
        for ms in (50, 300, 1000):
            for one in (old, new):
                for command in (("find", "uid", "c-0001"), ("verify", dn, "wrong"), ("ping",),
                                ("find", "mail", "nobody@example.org")):
                    answer = one(*command, ms=ms)
                    assert answer.result == "ETIMEDOUT", command
                    assert in_time(answer, ms), (command, ms, answer.ms)
    finally:
        os.kill(slapd_pid(box), signal.SIGCONT)
    for one in (old, new):
        assert one("find", "uid", "c-0001").result == "0"
        assert one("verify", dn, "wrong").result == "EACCES"


def test_a_swap_without_an_answer_has_an_unknown_outcome(box, probes):
    one = probes(box=box)
    assert one("find", "uid", "c-0001").result == "0"
    stop_slapd(box)
    try:
        answer = one("swap", "set", "portalState", "pending", ms=500)
    finally:
        os.kill(slapd_pid(box), signal.SIGCONT)
    assert answer.result == "EUCLEAN"
    assert in_time(answer, 500)
    # It lay in the socket: now it is carried out, and read as such.
    for _ in range(100):
        found = one("find", "uid", "c-0001")
        if found["revision"] == "1":
            break
        time.sleep(0.02)
    assert (found["revision"], found["state"]) == ("1", "pending")


def test_without_slapd_it_is_down_at_the_deadline_and_not_before(box, probes):
    one = probes(box=box)
    assert one("find", "uid", "c-0001").result == "0"
    kill_slapd(box)
    for command in (("swap", "set", "portalState", "active"), ("find", "uid", "c-0001"),
                    ("verify", "-", "wrong"), ("ping",), ("touch",)):
        answer = one(*command, ms=400)
        assert answer.result == "EHOSTDOWN", command
        assert in_time(answer, 400), (command, answer.ms)
        assert "contact" in answer.error
    box.start("slapd")
    assert one("ping").result == "0"


def test_a_deadline_that_has_passed_asks_nobody(probe):
    assert probe("find", "uid", "c-0001", ms=0).result == "ETIMEDOUT"
    assert probe("verify", "-", "wrong", ms=-5).result == "ETIMEDOUT"


# Impostors: servers that lie, drip, hang up.

class Middleman:
    """Between the probe and slapd, over TCP: tamper(reply bytes, send) forwards what it likes, and
    stop(request bytes) says that the connection is to be cut once slapd has it."""

    def __init__(self, target=None, tamper=None, stop=None, tls=None):
        self.target, self.tamper, self.stop, self.tls = target, tamper, stop, tls
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.uri = f"ldap://127.0.0.1:{self.port}"
        self.open = []
        self.done = False
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while not self.done:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            self.open.append(client)
            if self.target:
                threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        try:
            if self.tls:
                client = self.tls.wrap_socket(client, server_side=True)
            server = socket.create_connection(self.target)
            self.open += [client, server]
            threading.Thread(target=self.backwards, args=(server, client), daemon=True).start()
            while data := client.recv(65536):
                server.sendall(data)
                if self.stop and self.stop(data):
                    time.sleep(0.2)
                    break
            # Both directions: shutdown() ends the other thread's recv(), too.
            for one in (server, client):
                one.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

    def backwards(self, server, client):
        try:
            while data := server.recv(65536):
                if self.tamper:
                    self.tamper(data, client.sendall)
                else:
                    client.sendall(data)
        except OSError:
            pass

    def close(self):
        self.done = True
        for one in (self.listener, *self.open):
            one.close()


@pytest.fixture
def middlemen(directory):
    made = []
    host, port = directory["PORTAL_LDAP_TCP_URI"].removeprefix("ldap://").split(":")

    def make(to_slapd=True, **named):
        made.append(Middleman((host, int(port)) if to_slapd else None, **named))
        return made[-1]
    yield make
    for one in made:
        one.close()


def is_operation(data, tag):
    """Whether an LDAPMessage with a short id holds this operation."""
    header = 2 if data[1] < 0x80 else 2 + (data[1] & 0x7F)
    return data[0] == 0x30 and data[header + 3] == tag


ENTRY, MODIFY_REQUEST = 0x64, 0x66


def test_half_a_reply_is_a_timeout_at_the_deadline(directory, probes, middlemen):
    def half(data, send):
        send(data[:len(data) // 2] if is_operation(data, ENTRY) else data)
    options, _ = by_password(directory)
    one = probes(*options, uri=middlemen(tamper=half).uri)
    answer = one("find", "uid", "c-0001", ms=700)
    assert answer.result == "ETIMEDOUT"
    assert in_time(answer, 700)


def test_a_reply_in_drops_is_read_but_not_past_the_deadline(directory, probes, middlemen):
    def drip(data, send):
        for n in range(len(data)):
            send(data[n:n + 1])
            if is_operation(data, ENTRY):
                time.sleep(0.002)
    options, _ = by_password(directory)
    one = probes(*options, uri=middlemen(tamper=drip).uri)
    assert one("find", "uid", "c-0001")["uid"] == "c-0001"
    answer = one("find", "uid", "c-0001", ms=300)
    assert answer.result == "ETIMEDOUT"
    assert in_time(answer, 300)


@pytest.mark.parametrize("junk", (b"\x30\x84\xff\xff\xff\xff", b"\x30\x05\x02\x01\x02\x64\x7f",
                                  b"HTTP/1.0 200 OK\r\n\r\n", b"\x00" * 64, b"\x30\x80" * 40,
                                  b"\x30\x84\x00\x50\x00\x00"))
def test_a_reply_that_is_none_does_no_harm(directory, probes, middlemen, junk):
    def spoil(data, send):
        send(junk if is_operation(data, ENTRY) else data)
    options, _ = by_password(directory)
    # libldap 2.5.13 forgets to free the request that a broken reply belongs to.
    one = probes(*options, uri=middlemen(tamper=spoil).uri,
                 environment={"ASAN_OPTIONS": "detect_leaks=0"})
    answer = one("find", "uid", "c-0001", ms=400)
    assert answer.result in ("EIO", "EHOSTDOWN", "ETIMEDOUT")
    assert answer.ms <= 400 + GRACE_MS


def test_a_connection_cut_after_a_modify_has_an_unknown_outcome(directory, people, probes,
                                                                middlemen):
    uid = people()
    options, _ = by_password(directory)
    silent = middlemen(stop=lambda data: is_operation(data, MODIFY_REQUEST),
                       tamper=lambda data, send: None if is_operation(data, 0x67) else send(data))
    one = probes(*options, uri=silent.uri)
    assert one("find", "uid", uid).result == "0"
    assert one("swap", "set", "portalState", "pending").result == "EUCLEAN"
    # It was carried out once, not twice.
    assert one("find", "uid", uid)["revision"] == "1"


def test_a_server_that_takes_connections_and_says_nothing_gives_way_to_the_next(
        directory, probes, middlemen):
    options, uri = by_password(directory)
    deaf = middlemen(to_slapd=False)
    one = probes(*options, uri=f"{deaf.uri} {uri}")
    assert one("find", "uid", "c-0001", ms=2000).result == "0"
    assert one("verify", "-", "wrong", ms=2000).result == "EACCES"


def test_a_server_that_is_not_there_gives_way_to_the_next(directory, probes):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        gone = f"ldap://127.0.0.1:{unused.getsockname()[1]}"
        one = probes(uri=f"{gone}  ldapi://%2Fnowhere {directory['PORTAL_LDAP_URI']}")
        answer = one("find", "uid", "c-0001", ms=2000)
        assert answer.result == "0"
        assert answer.ms < 500


def test_a_reply_that_never_comes_is_waited_for_only_so_long_each_time(directory, probes, middlemen):
    """reply=1: the second try gets another connection, which answers."""
    dead = []

    def swallow(data, send):
        if is_operation(data, ENTRY) and not dead:
            dead.append(send.__self__)
        if send.__self__ not in dead:
            send(data)
    options, _ = by_password(directory)
    one = probes(*options, "reply=1", uri=middlemen(tamper=swallow).uri)
    answer = one("find", "uid", "c-0001", ms=4000)
    assert answer.result == "0"
    assert 1000 <= answer.ms < 1000 + 2 * GRACE_MS


@pytest.mark.parametrize("uri", ("", "   ", "http://127.0.0.1/", "nonsense", "ldap://[::1"))
def test_what_is_no_uri_is_refused_when_it_is_opened(build_dir, uri):
    done = subprocess.run([build_dir / "tests" / "integration" / "directory-probe", uri, "o=x",
                           "cn=x"], capture_output=True, input=b"", timeout=20, check=False)
    assert (done.returncode, done.stdout) == (1, b"EINVAL\n")


def test_an_empty_service_password_is_never_bound_with(directory, probes):
    """It would be an anonymous bind, and succeed."""
    name = directory["PORTAL_ROOT_DN"]
    for options in ((f"bind={name}", "password="), (f"bind={name}",), ("bind=", "password=x")):
        assert probes(*options)("find", "uid", "c-0001").result == "EINVAL"


def test_a_wrong_service_password_is_an_error_at_once(directory, probes):
    answer = probes(f"bind={directory['PORTAL_ROOT_DN']}", "password=wrong")("find", "uid", "c-0001")
    assert answer.result == "EIO"
    assert "Invalid credentials" in answer.error and "wrong" not in answer.error
    assert answer.ms < 2000


# TLS.

class Authority:
    """A certificate authority and a certificate of localhost, in files."""

    def __init__(self, directory, names):
        self.dir = Path(directory)
        self.ca, self.key, self.cert = (self.dir / n for n in ("ca.pem", "key.pem", "cert.pem"))
        self.run("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                 "-days", "2", "-subj", "/CN=test authority", "-keyout", self.dir / "ca.key",
                 "-out", self.ca)
        self.run("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj",
                 "/CN=test server", "-keyout", self.key, "-out", self.dir / "request")
        (self.dir / "extensions").write_text(f"subjectAltName={names}\n", encoding="ascii")
        self.run("x509", "-req", "-in", self.dir / "request", "-CA", self.ca, "-CAkey",
                 self.dir / "ca.key", "-CAcreateserial", "-days", "2", "-extfile",
                 self.dir / "extensions", "-out", self.cert)

    def run(self, *words):
        subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True, timeout=60)

    def context(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.cert, self.key)
        return context


@pytest.fixture(scope="module")
def authorities():
    """localhost's, and another's for another name; removed afterwards."""
    parent = Path(tempfile.mkdtemp(prefix="portal-test-"))
    made = {}
    for name, names in (("good", "DNS:localhost,IP:127.0.0.1"), ("other", "DNS:elsewhere.example")):
        (parent / name).mkdir()
        made[name] = Authority(parent / name, names)
    yield made
    shutil.rmtree(parent)


def ldaps(middleman):
    return middleman.uri.replace("ldap:", "ldaps:")


def test_ldaps_works_with_a_good_certificate(directory, probes, middlemen, authorities):
    options, _ = by_password(directory)
    front = middlemen(tls=authorities["good"].context())
    one = probes(*options, f"ca={authorities['good'].ca}", uri=ldaps(front))
    assert one("find", "uid", "c-0001").result == "0"
    assert one("verify", "-", "wrong").result == "EACCES"
    assert one("swap", "clear", "portalLockReason", "_").result == "0"


@pytest.mark.parametrize("served, trusted", (("good", "other"), ("other", "other"), ("good", None)))
@pytest.mark.parametrize("environment", ({}, {"LDAPTLS_REQCERT": "never"}, "ldaprc"))
def test_ldaps_refuses_a_certificate_that_is_not_good(
        directory, probes, middlemen, authorities, tmp_path, served, trusted, environment):
    """Of another authority, for another name, of an authority that the system doesn't know; and no
    environment or file of libldap's changes that."""
    if environment == "ldaprc":
        (tmp_path / ".ldaprc").write_text("TLS_REQCERT never\n", encoding="ascii")
        environment = {"HOME": str(tmp_path), "LDAPRC": str(tmp_path / ".ldaprc")}
    options, _ = by_password(directory)
    front = middlemen(tls=authorities[served].context())
    trust = (f"ca={authorities[trusted].ca}",) if trusted else ()
    one = probes(*options, *trust, uri=ldaps(front), environment=environment)
    answer = one("find", "uid", "c-0001", ms=1500)
    assert answer.result in ("EIO", "EHOSTDOWN")
    assert "TLS" in answer.error


def test_a_ca_file_that_cannot_be_read_is_an_error(directory, probes, middlemen, authorities):
    options, _ = by_password(directory)
    front = middlemen(tls=authorities["good"].context())
    one = probes(*options, "ca=/nowhere.pem", uri=ldaps(front))
    assert one("find", "uid", "c-0001", ms=1500).result == "EIO"


@pytest.mark.parametrize("tls", ("ldaps", "starttls"))
def test_a_handshake_that_stalls_is_a_timeout_that_costs_no_time(directory, probes, middlemen, tls):
    """libldap alone would spin in it for ever."""
    options, _ = by_password(directory)
    deaf = middlemen(to_slapd=False)
    more = ("starttls",) if tls == "starttls" else ()
    one = probes(*options, *more, uri=ldaps(deaf) if tls == "ldaps" else deaf.uri)
    answer = one("find", "uid", "c-0001", ms=1000)
    assert answer.result == "ETIMEDOUT"
    assert in_time(answer, 1000)
    one.process.stdin.close()
    _, _, usage = os.wait4(one.process.pid, 0)
    one.process.returncode = 0
    assert usage.ru_utime + usage.ru_stime < 0.5


def test_starttls_works_and_is_required(directory, probes, authorities):
    options, uri = by_password(directory)
    good, other = authorities["good"], authorities["other"]
    without = probes(*options, "starttls", f"ca={good.ca}", uri=uri)
    assert without("find", "uid", "c-0001", ms=1000).result == "EIO"
    set_up_tls(directory, good)
    try:
        one = probes(*options, "starttls", f"ca={good.ca}", uri=uri)
        assert one("find", "uid", "c-0001").result == "0"
        assert one("verify", "-", "wrong").result == "EACCES"
        wrong = probes(*options, "starttls", f"ca={other.ca}", uri=uri)
        assert wrong("find", "uid", "c-0001", ms=1000).result in ("EIO", "EHOSTDOWN")
    finally:
        directory.restart("slapd")


def set_up_tls(box, authority):
    connection = ldap.initialize(box["PORTAL_LDAP_URI"])
    connection.simple_bind_s("cn=admin,cn=config", box["PORTAL_ROOT_PW"])
    modify(connection, "cn=config",
           (ldap.MOD_REPLACE, "olcTLSCertificateFile", str(authority.cert)),
           (ldap.MOD_REPLACE, "olcTLSCertificateKeyFile", str(authority.key)))
    connection.unbind_s()


# What is left in memory.

def memory_holds(pid, needle):
    """Whether any writable memory of the process holds these bytes, stack and heap among it."""
    with open(f"/proc/{pid}/maps", encoding="ascii") as maps, open(f"/proc/{pid}/mem", "rb", 0) as mem:
        for line in maps:
            span, rights = line.split()[:2]
            if "w" not in rights:
                continue
            start, end = (int(number, 16) for number in span.split("-"))
            if end - start > SPAN_MAX:
                continue
            try:
                mem.seek(start)
                if needle in mem.read(end - start):
                    return True
            except (OSError, OverflowError):
                continue
    return False


def test_passwords_and_puks_do_not_stay_in_memory(directory, people, probes):
    """LD_BIND_NOW: what binds functions when they are first called saves the vector registers on the
    stack, and in those is whatever was copied last."""
    probe = probes(environment={"LD_BIND_NOW": "1"})
    marks = {name: f"{name}-{os.urandom(8).hex()}" for name in ("right", "wrong", "puk", "hash", "name")}
    uid = people(userPassword=ssha(marks["right"]), portalPUK=marks["puk"], cn=marks["name"])
    dn = dn_of(directory, uid)
    assert probe("find", "uid", uid, "secrets")["puk"] == "there"
    # The search works, then: what is still held is found, secret or not.
    assert memory_holds(probe.process.pid, marks["puk"].encode())
    assert memory_holds(probe.process.pid, marks["name"].encode())
    assert probe("swap", "set", "portalPUK", marks["hash"]).result == "0"
    assert probe("verify", dn, marks["right"]).result == "0"
    assert probe("verify", dn, marks["wrong"]).result == "EACCES"
    assert probe("forget").result == "0"
    for name in ("right", "wrong", "puk", "hash"):
        assert not memory_holds(probe.process.pid, marks[name].encode()), name
