"""Mails through what others run: Postfix as relay, its smtp-sink with every fault that it can play, and
mailers that are killed."""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(SOURCE / "tests"))
from mail_relay import (ACCEPTED, DEFERRED, JOB_ID, MESSAGE_TEXT, REJECTED, Authority, Mailer,  # noqa: E402
                        Relay, job_id, mail)
from postfix_box import Postfix, free_port, let_others_pass, wait_for_port  # noqa: E402
from sandboxlib.layout import Layout  # noqa: E402

NOBODY = 65534


@pytest.fixture(scope="module")
def program(build_dir):
    return Layout("/tmp/none", build_dir).program("portal-mailer")


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def certificate(authority):
    return authority.issue("localhost", "DNS:localhost,IP:127.0.0.1")


@pytest.fixture
def open_path():
    """A directory that daemons of other users find their way into: not one of pytest's, which shuts its
    own again as soon as another pytest starts."""
    with tempfile.TemporaryDirectory(prefix="portal-postfix-") as path:
        let_others_pass(Path(path))
        yield Path(path)


def ids(text):
    return Counter(re.findall(JOB_ID, text))


# smtp-sink ------------------------------------------------------------------------------------

class Sink:
    """smtp-sink: what it took is in a file."""

    def __init__(self, directory, *options):
        assert shutil.which("smtp-sink"), "this needs postfix from Debian"
        self.port = free_port()
        self.dump = Path(directory) / "dump"
        directory.chmod(0o777)
        self.process = subprocess.Popen(
            ["smtp-sink", "-u", "nobody", "-D", str(self.dump), *options, f"127.0.0.1:{self.port}", "50"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def __enter__(self):
        wait_for_port(self.port)
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()

    def taken(self):
        return ids(self.dump.read_text(encoding="ascii")) if self.dump.exists() else Counter()


def send_to_sink(program, tmp_path, sink, count, **keys):
    with Mailer(program, tmp_path, sink.port, host="127.0.0.1", starttls="off", reply="3s", accept="3s",
                **keys) as mailer:
        mailer.send(*(mail(job_id(n)) for n in range(count)))
        results = mailer.results()
        assert mailer.close() == 0, mailer.log()
    assert sorted(r.job for r in results) == [job_id(n) for n in range(count)]
    return results


def test_smtp_sink_takes_hundreds_once_each(program, tmp_path, open_path):
    with Sink(open_path) as sink:
        results = send_to_sink(program, tmp_path, sink, 500, batch=120)
        assert [r.result for r in results] == [ACCEPTED] * 500
    assert sink.taken() == {job_id(n): 1 for n in range(500)}


@pytest.mark.parametrize("options, expected", [
    (["-f", "connect"], DEFERRED), (["-r", "connect"], DEFERRED), (["-q", "connect"], DEFERRED),
    (["-Q", "connect"], DEFERRED),
    (["-q", "ehlo"], DEFERRED), (["-Q", "ehlo"], DEFERRED),
    (["-f", "mail"], DEFERRED), (["-r", "mail"], DEFERRED), (["-q", "mail"], DEFERRED),
    (["-Q", "mail"], DEFERRED),
    (["-f", "rcpt"], REJECTED), (["-r", "rcpt"], DEFERRED), (["-q", "rcpt"], DEFERRED),
    (["-Q", "rcpt"], DEFERRED),
    (["-f", "data"], REJECTED), (["-r", "data"], DEFERRED), (["-q", "data"], DEFERRED),
    (["-Q", "data"], DEFERRED),
    (["-f", "."], REJECTED), (["-r", "."], DEFERRED), (["-q", "."], DEFERRED), (["-Q", "."], DEFERRED),
    (["-A", "0"], REJECTED),
    (["-W", "mail:30"], DEFERRED), (["-W", "data:30"], DEFERRED), (["-W", ".:30"], DEFERRED),
], ids=lambda value: " ".join(value) if isinstance(value, list) else "")
def test_faults_of_smtp_sink(program, tmp_path, open_path, options, expected):
    """Nothing that wasn't taken counts as sent; what will never be taken isn't tried again."""
    with Sink(open_path, *options) as sink:
        results = send_to_sink(program, tmp_path, sink, 3)
        assert [r.result for r in results] == [expected] * 3, results
    if not options[1].startswith("."):  # it writes the file before it says no
        assert not sink.taken()


@pytest.mark.parametrize("options", [
    ["-f", "ehlo"], ["-e"], ["-p"], ["-E"], ["-8"], ["-N"], ["-q", "quit"], ["-f", "quit"], ["-P"],
    ["-w", "1"], ["-W", ".:1"], ["-T", "512"],
], ids=" ".join)
def test_oddities_of_smtp_sink_stop_no_mail(program, tmp_path, open_path, options):
    with Sink(open_path, *options) as sink:
        results = send_to_sink(program, tmp_path, sink, 2)
        assert [r.result for r in results] == [ACCEPTED] * 2, results
    assert sink.taken() == {job_id(0): 1, job_id(1): 1}


# Postfix --------------------------------------------------------------------------------------

@pytest.fixture
def postfix(open_path, certificate):
    shutil.copy(certificate, open_path / "relay.pem")
    mailboxes = open_path / "mail"
    mailboxes.mkdir()
    shutil.chown(mailboxes, NOBODY, NOBODY)
    settings = {
        "smtpd_tls_security_level": "encrypt",
        "smtpd_tls_received_header": "yes",
        "smtpd_tls_cert_file": open_path / "relay.pem",
        "smtpd_tls_key_file": open_path / "relay.pem",
        "virtual_mailbox_domains": "kunde.example",
        "virtual_mailbox_base": mailboxes,
        "virtual_mailbox_maps": "inline:{ erika@kunde.example=erika/ } regexp:{ {/^kunde-[0-9]+@/ erika/} }",
        "virtual_uid_maps": f"static:{NOBODY}",
        "virtual_gid_maps": f"static:{NOBODY}",
        "smtpd_recipient_restrictions": "permit_mynetworks, reject",
        "smtpd_reject_unlisted_recipient": "yes",
        # What was cut short inside it is delivered soon, too.
        "queue_run_delay": "1s", "minimal_backoff_time": "1s", "maximal_backoff_time": "2s",
        "transport_retry_time": "1s",
    }
    with Postfix(open_path / "box", settings) as box:
        box.mailbox = mailboxes / "erika"
        yield box


def delivered(postfix):
    """Messages in the mailbox."""
    return [path.read_text(encoding="ascii") for path in (postfix.mailbox / "new").glob("*")]


def test_postfix_delivers_one_mail_each_with_one_message_id(program, tmp_path, authority, postfix):
    with Mailer(program, tmp_path, postfix.port, ca_file=authority.file) as mailer:
        mailer.send(*(mail(job_id(n)) for n in range(200)))
        results = mailer.results()
        assert [r.result for r in results] == [ACCEPTED] * 200, (results[0], postfix.tail())
    postfix.wait_until_empty(60)
    texts = delivered(postfix)
    assert Counter(id for text in texts for id in ids(text)) == {job_id(n): 1 for n in range(200)}
    for text in texts:
        assert text.lower().count("\nmessage-id:") == 1
        assert "using TLSv1.3" in text
        assert text.endswith("Eine Zeile.\n.Eine mit Punkt.\n..Zwei.\n")


def test_postfix_refuses_a_mailbox_that_is_not_there(program, tmp_path, authority, postfix):
    with Mailer(program, tmp_path, postfix.port, ca_file=authority.file) as mailer:
        mailer.send(mail(job_id(1), recipient="nobody@kunde.example"), mail(job_id(2)))
        results = {r.job: r for r in mailer.results()}
    assert (results[job_id(1)].result, results[job_id(1)].status) == (REJECTED, 550), postfix.tail()
    assert results[job_id(2)].result == ACCEPTED


def test_postfix_with_a_certificate_of_a_stranger_gets_nothing(program, tmp_path, postfix):
    stranger = Authority(tmp_path / "stranger", "Stranger")
    with Mailer(program, tmp_path, postfix.port, ca_file=stranger.file) as mailer:
        mailer.send(mail(job_id(1)))
        result, = mailer.results()
    assert result.result == DEFERRED and "certificate" in result.text
    postfix.wait_until_empty(10)
    assert not delivered(postfix)


class Couriers:
    """bench_mail: couriers, mailers and a queue of their own, for mails to this relay."""

    def __init__(self, build_dir, program, directory, relay, count, couriers=4, retry=1):
        self.log_file = directory / "couriers.log"
        config = directory / "mailer.conf"
        config.write_text(f"[relay]\nhost = localhost\nport = {relay[0]}\nca_file = {relay[1]}\n",
                          encoding="utf-8")
        with open(self.log_file, "wb") as log:
            self.process = subprocess.Popen(
                [build_dir / "tests/bench/bench_mail", "--queue", directory / "queue.db", "--templates",
                 SOURCE / "config/templates", "--mailer", program, "--config", config,
                 "--mails", str(count), "--couriers", str(couriers), "--retry", str(retry)],
                stdout=subprocess.DEVNULL, stderr=log)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

    def log(self):
        return self.log_file.read_text(encoding="utf-8")

    def wait_for(self, what, count, seconds=60):
        """Until the log has so many lines of what."""
        end = time.monotonic() + seconds
        while self.log().count(what) < count:
            assert time.monotonic() < end and self.process.poll() is None, self.log()[-2000:]
            time.sleep(0.02)

    def finish(self, seconds):
        assert self.process.wait(seconds) == 0, self.log()[-2000:]


def test_a_postfix_that_stops_and_comes_back_gets_each_mail(program, build_dir, authority, tmp_path, postfix):
    """Restarted in the middle of mails, then away until mails have been tried in vain: it goes on by
    itself, and none comes twice but one that a session had under way when it was cut."""
    count, couriers, cuts = 800, 4, 3
    with Couriers(build_dir, program, tmp_path, (postfix.port, authority.file), count, couriers) as running:
        for cut in range(1, cuts):
            running.wait_for("accepted by the relay", 100 * cut)
            postfix.restart()
        running.wait_for("accepted by the relay", 100 * cuts)
        postfix.stop()
        running.wait_for("Connection refused", 8)
        postfix.start()
        back = time.monotonic()
        running.wait_for("accepted by the relay", running.log().count("accepted by the relay") + 1, 20)
        assert time.monotonic() - back < 15
        running.finish(120)
        log = running.log()
    postfix.wait_until_empty(60)
    arrived = Counter(re.search(r"(?im)^message-id: <(\w+)@", text).group(1) for text in delivered(postfix))
    assert len(arrived) == count and log.count("accepted by the relay") == count
    assert " failed: " not in log
    assert max(arrived.values()) <= 2 and sum(arrived.values()) - count <= couriers * cuts


# Killed mailers -------------------------------------------------------------------------------

def children(process_id):
    path = Path(f"/proc/{process_id}/task")
    return [int(word) for task in path.glob("*") for word in (task / "children").read_text().split()]


def kill_some(process, killed, done):
    while not done.wait(0.03):
        try:
            mailers = children(process.pid)
            if mailers:
                os.kill(mailers[len(killed) % len(mailers)], signal.SIGKILL)
                killed.append(mailers[0])
        except (OSError, ProcessLookupError):
            pass


def test_killed_mailers_lose_no_mail(program, build_dir, authority, certificate, tmp_path):
    """Two thousand mails, mailers killed all the time: each arrives, and none twice but for those that
    were under way at a kill. What a kill interrupts is tried again once the kills are over."""
    count, killed, done = 2000, [], threading.Event()
    with Relay(certificate, features=["PIPELINING"]) as relay:
        with Couriers(build_dir, program, tmp_path, (relay.port, authority.file), count, retry=15) as running:
            killer = threading.Thread(target=kill_some, args=(running.process, killed, done))
            killer.start()
            time.sleep(8)
            done.set()
            killer.join()
            running.finish(240)
        taken = Counter(re.search(rb"Message-I[dD]: <(\w+)@", text).group(1) for _, _, text in relay.mails)
        unknown = Counter(re.findall(r"mail (\w+) \(confirm\) deferred: the mailer gave no result", running.log()))
    assert len(killed) >= 20
    assert len(taken) == count
    assert all(times <= 1 + unknown[job.decode()] and times <= 2 for job, times in taken.items())
    print(f"{len(killed)} kills, {sum(taken.values()) - count} mails twice")
    assert sum(taken.values()) - count <= len(killed)
