"""portald's directory when slapd is stopped, killed, restarted, or played by an impostor."""

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

from directory_probe import (GRACE_MS, by_password, dn_of, epoch_of, in_time,  # noqa: F401
                             people, probe, probes, value_of)
from ldap_client import modify
from sandbox import Sandbox


# slapd stopped, killed, restarted.

@pytest.fixture
def box():
    """A slapd of its own for a test that kills it."""
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
