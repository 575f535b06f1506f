"""portal-print with a real CUPS server on loopback: a letter is printed when the printer says so, and
what nobody knows is said to be so."""

import hashlib
import re
import select
import signal
import socket
import subprocess
import tempfile
import threading
from contextlib import suppress
from pathlib import Path

import pytest
from cups_server import Cups
from fake_portald import Letter
from mail_relay import Authority, openssl
from steps import command, numbers
from test_print import Station, program, wait_for  # noqa: F401

STEPS_MOST = 400
CREATE_JOB = b"\x02\x00\x00\x05"  # as a request's first bytes say it


@pytest.fixture
def cups():
    with tempfile.TemporaryDirectory(prefix="portal-test-") as path:
        Path(path).chmod(0o711)  # cupsd's helpers run as another user
        server = Cups(Path(path) / "cups")
        yield server
        server.stop()


@pytest.fixture
def station(program, tmp_path, cups):  # noqa: F811
    directory = tmp_path / "station"
    directory.mkdir(mode=0o700)
    made = Station(program, directory)
    made.cups = cups
    use(made, cups.printer())
    yield made
    made.portald.stop()


def use(station, printer, **settings):
    """Points the station at a printer."""
    station.configure()
    lines = "".join(f"{key} = {value}\n" for key, value in {"printer": printer, **settings}.items())
    station.conf.write_text(station.conf.read_text().replace("[output]\n", f"[output]\n{lines}"))


class Running:
    """A station at work, whose log grows."""

    def __init__(self, station, *options):
        self.log = station.dir / "log"
        with self.log.open("w") as log:
            self.process = subprocess.Popen([station.program, "--config", station.conf, *options], stdout=log,
                                            stderr=log)

    def says(self, words):
        return words in self.log.read_text()

    def wait_for(self, words):
        wait_for(lambda: self.says(words))

    def ends(self, status=0):
        assert self.process.wait(60) == status, self.log.read_text()
        assert "Sanitizer" not in self.log.read_text(), self.log.read_text()


def jobs_of(letters):
    return sorted(letter.job for letter in letters)


def test_a_letter_comes_out_of_a_printer_that_is_a_file(station):
    paper = station.cups.dir / "paper.pdf"
    use(station, station.cups.file_printer(paper))
    letter, = station.portald.add(Letter())
    station.prints()
    row = station.portald.rows()[letter.job]
    assert row["sha256"] == hashlib.sha256(paper.read_bytes()).hexdigest() and row["pages"] == 1
    assert station.files() == []


def test_every_letter_is_a_job_of_its_own_and_printed_once(station):
    letters = station.portald.add(*(Letter() for _ in range(5)))
    station.prints()
    assert sorted(name for name, _ in station.cups.printed()) == jobs_of(letters)
    for name, paper in station.cups.printed():
        assert station.portald.rows()[name]["sha256"] == hashlib.sha256(paper).hexdigest()
    assert station.cups.jobs() == []


def test_a_letter_that_is_held_waits_and_is_printed_once_released(station):
    use(station, station.cups.printer(job_hold_until_default="indefinite"))
    letter, = station.portald.add(Letter())
    running = Running(station)
    running.wait_for("held at the printer")
    assert station.portald.rows() == {} and station.cups.printed() == []
    job, = station.cups.jobs()
    station.cups.run("lp", "-i", job, "-H", "resume")
    running.ends()
    assert [name for name, _ in station.cups.printed()] == [letter.job]
    assert station.portald.rows()[letter.job]["pages"] == 1


def test_a_letter_that_is_held_too_long_is_taken_back_and_comes_again(station):
    use(station, station.cups.printer(job_hold_until_default="indefinite"), wait="1s")
    letter, = station.portald.add(Letter())
    done = station.run()
    row = station.portald.rows()[letter.job]
    assert "taken back" in row["failed"] and "held" in row["failed"] and "1 failed" in done.stdout
    assert station.cups.jobs() == []
    # portald gives it out again, in another batch.
    use(station, station.cups.printer(job_hold_until_default="no-hold"))
    station.portald.add(letter)
    station.prints()
    assert [name for name, _ in station.cups.printed()] == [letter.job]
    assert station.portald.rows()[letter.job]["pages"] == 1


def test_a_letter_that_is_cancelled_has_failed(station):
    use(station, station.cups.printer(job_hold_until_default="indefinite"))
    letter, = station.portald.add(Letter())
    running = Running(station)
    running.wait_for("held at the printer")
    job, = station.cups.jobs()
    station.cups.run("cancel", job)
    running.ends()
    assert "cancelled at the printer" in station.portald.rows()[letter.job]["failed"]
    assert station.cups.printed() == []


def test_a_letter_that_is_aborted_has_failed_and_the_next_one_is_printed(station):
    use(station, station.cups.printer(printer_error_policy="abort-job"))
    station.cups.mode("fail")
    letter, = station.portald.add(Letter())
    station.prints()
    assert "aborted at the printer" in station.portald.rows()[letter.job]["failed"]
    station.cups.mode("print")
    other, = station.portald.add(Letter())
    station.prints()
    assert [name for name, _ in station.cups.printed()] == [other.job]


@pytest.mark.parametrize("before", ["", "x", "xx"], ids=["0", "1", "2"])
def test_a_printer_that_says_much_in_other_letters_keeps_no_batch_from_its_report(station, before):
    """Wherever its words are cut, what is left is text."""
    use(station, station.cups.printer(printer_error_policy="abort-job"))
    (station.cups.dir / "words").write_text(before + "紙がありません" * 40, encoding="utf-8")
    station.cups.mode("babble")
    letter, = station.portald.add(Letter())
    station.prints()
    assert "aborted at the printer" in station.portald.rows()[letter.job]["failed"]


def test_a_letter_that_is_aborted_after_a_page_is_uncertain(station):
    use(station, station.cups.printer(printer_error_policy="abort-job"))
    station.cups.mode("tear")
    letter, = station.portald.add(Letter())
    station.prints()
    assert "after a page was out" in station.portald.rows()[letter.job]["uncertain"]


def test_a_printer_that_stops_is_waited_for(station):
    station.cups.mode("stop")
    letter, = station.portald.add(Letter())
    running = Running(station)
    running.wait_for("waiting for the printer")
    assert station.portald.rows() == {}
    station.cups.mode("print")
    station.cups.run("cupsenable", "letters")
    running.ends()
    assert [name for name, _ in station.cups.printed()] == [letter.job]


def test_a_letter_that_had_begun_when_the_printer_stopped_for_long_is_uncertain(station):
    use(station, station.cups.printer(), wait="2s")
    station.cups.mode("stop")
    letter, later = station.portald.add(Letter(), Letter())
    assert station.run().returncode == 1  # no more is asked for
    assert "after it had begun" in station.portald.rows()[letter.job]["uncertain"]
    # Those behind it never reached the printer.
    assert "stopped" in station.portald.rows()[later.job]["failed"]


@pytest.mark.parametrize("stop", [lambda cups: cups.run("cupsdisable", "letters"),
                                  lambda cups: cups.run("cupsreject", "letters"), Cups.stop])
def test_nothing_is_asked_for_while_the_printer_cannot_print(station, stop):
    stop(station.cups)
    letter, = station.portald.add(Letter())
    done = station.run()
    assert done.returncode == 1 and "No letters are asked for" in done.stderr
    assert station.portald.asked == []
    if station.cups.process is None:
        station.cups.start()
    station.cups.run("cupsenable", "letters")
    station.cups.run("cupsaccept", "letters")
    station.prints()
    assert [name for name, _ in station.cups.printed()] == [letter.job]


def test_a_server_that_is_gone_leaves_the_letter_uncertain_and_it_is_never_printed_again(station):
    use(station, station.cups.printer(job_hold_until_default="indefinite"), wait="3s")
    letter, later = station.portald.add(Letter(), Letter())
    running = Running(station)
    running.wait_for("held at the printer")
    station.cups.stop(kill=True)
    running.ends(1)
    assert "can't be reached" in station.portald.rows()[letter.job]["uncertain"]
    assert "failed" in station.portald.rows()[later.job]
    station.cups.start()  # it was killed before it had written down its printer, and the job
    use(station, station.cups.printer())
    station.prints()
    assert station.cups.printed() == [] and station.cups.jobs() == []
    # Only portald, told by a person, gives it out in another batch.
    station.portald.add(letter)
    station.prints()
    assert [name for name, _ in station.cups.printed()] == [letter.job]
    assert station.portald.rows()[letter.job]["pages"] == 1


def test_a_server_that_comes_back_in_time_is_followed_to_the_end(station):
    use(station, station.cups.printer(job_hold_until_default="indefinite"))
    letter, = station.portald.add(Letter())
    running = Running(station)
    running.wait_for("held at the printer")
    station.cups.stop()
    running.wait_for("can't be reached")
    station.cups.start()
    job, = station.cups.jobs()
    station.cups.run("lp", "-i", job, "-H", "resume")
    running.ends()
    assert [name for name, _ in station.cups.printed()] == [letter.job]


def test_sigterm_while_a_letter_is_at_the_printer_leaves_it_to_the_next_run(station):
    use(station, station.cups.printer(job_hold_until_default="indefinite"))
    letter, = station.portald.add(Letter())
    running = Running(station)
    running.wait_for("held at the printer")
    running.process.send_signal(signal.SIGTERM)
    running.ends()
    assert station.portald.rows() == {}
    job, = station.cups.jobs()
    station.cups.run("lp", "-i", job, "-H", "resume")
    station.prints()
    assert [name for name, _ in station.cups.printed()] == [letter.job]
    assert station.portald.rows()[letter.job]["pages"] == 1


@pytest.mark.parametrize("uri, settings, says", [
    ("ipp://printer.example/printers/x", {}, "would show the letters"),
    ("ipp://127.printer.example/printers/x", {}, "would show the letters"),
    ("http://127.0.0.1/printers/x", {}, "expected ipps://"),
    ("ipps://me:secret@127.0.0.1/printers/x", {}, "expected ipps://"),
    ("nonsense", {}, "expected ipps://"),
    ("ipp://127.0.0.1/printers/x", {"wait": "30min"}, "wait"),
])
def test_a_printer_that_cannot_be_used_is_refused(station, uri, settings, says):
    use(station, uri, **settings)
    station.portald.add(Letter())
    done = station.run()
    assert done.returncode == 1 and says in done.stderr
    assert station.portald.asked == []


# A printer that must prove who it is ----------------------------------------------------------------

@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path / "ca")


def restart(cups, certificate):
    cups.stop()
    cups.certificate(certificate)
    cups.start()


def over_tls(station, host="127.0.0.1", **settings):
    """The printer is asked for over TLS from now on."""
    use(station, station.cups.printer().replace("ipp://127.0.0.1", f"ipps://{host}"), **settings)


@pytest.mark.parametrize("host, names", [("127.0.0.1", "IP:127.0.0.1"), ("localhost", "DNS:printers.example,DNS:localhost")])
def test_a_letter_goes_over_tls_to_a_printer_that_proves_who_it_is(station, authority, host, names):
    restart(station.cups, authority.issue("printer", names))
    over_tls(station, host, ca=authority.file)
    letter, = station.portald.add(Letter())
    station.prints()
    assert [name for name, _ in station.cups.printed()] == [letter.job]
    assert station.portald.rows()[letter.job]["pages"] == 1


def test_a_printers_own_certificate_may_be_trusted_by_itself(station, authority):
    """As CUPS makes it: no authority, but a name and an end."""
    own = Authority(authority.dir / "own", "localhost")
    both = authority.dir / "own.pem"
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", own.dir / "own.key",
            "-out", own.dir / "own.crt", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-addext",
            "basicConstraints=critical,CA:FALSE", "-days", "2")
    both.write_text((own.dir / "own.crt").read_text() + (own.dir / "own.key").read_text())
    restart(station.cups, both)
    over_tls(station, "localhost", ca=own.dir / "own.crt")
    letter, = station.portald.add(Letter())
    station.prints()
    assert [name for name, _ in station.cups.printed()] == [letter.job]
    over_tls(station, ca=own.dir / "own.crt")
    station.portald.add(Letter())
    assert "another name" in station.run().stderr


@pytest.mark.parametrize("names, until, trusted, says", [
    ("IP:127.0.0.1", "20991231235959Z", "another", "nobody who is trusted"),
    ("IP:127.0.0.1", "20991231235959Z", "system", "nobody who is trusted"),
    ("IP:127.0.0.1", "20210101000000Z", "own", "expired"),
    ("IP:127.0.0.2,DNS:localhost", "20991231235959Z", "own", "another name"),
])
def test_a_printer_that_does_not_prove_who_it_is_gets_nothing(station, authority, names, until, trusted, says):
    restart(station.cups, authority.issue("printer", names, until))
    ca = {"own": {"ca": authority.file}, "another": {"ca": Authority(authority.dir / "another").file}, "system": {}}
    over_tls(station, **ca[trusted])
    letter, = station.portald.add(Letter())
    done = station.run()
    assert done.returncode == 1 and "isn't believed" in done.stderr and says in done.stderr
    # Not even letters were asked for; once it can be believed, this one is printed.
    assert station.portald.asked == [] and station.cups.printed() == []
    restart(station.cups, authority.issue("better", "IP:127.0.0.1"))
    over_tls(station, ca=authority.file)
    station.prints()
    assert [name for name, _ in station.cups.printed()] == [letter.job]


def test_one_that_takes_the_printers_place_later_is_not_believed_either(station, authority):
    """libcups connects again by itself: what it then hears counts for nothing."""
    restart(station.cups, authority.issue("printer", "IP:127.0.0.1"))
    station.cups.printer(job_hold_until_default="indefinite")
    use(station, f"ipps://127.0.0.1:{station.cups.port}/printers/letters", ca=authority.file, wait="4s")
    letter, = station.portald.add(Letter())
    running = Running(station)
    running.wait_for("held at the printer")
    restart(station.cups, Authority(authority.dir / "another").issue("printer", "IP:127.0.0.1"))
    job, = station.cups.jobs()
    station.cups.run("lp", "-i", job, "-H", "resume")
    running.ends(1)  # and no more is asked for
    assert "isn't believed" in station.portald.rows()[letter.job]["uncertain"]


@pytest.mark.parametrize("text, says", [(None, "No such file"), ("nothing\n", "there is no certificate")])
def test_a_file_of_certificates_that_cannot_be_used_is_refused_at_the_start(station, tmp_path, text, says):
    if text:
        (tmp_path / "none.pem").write_text(text)
    use(station, "ipps://127.0.0.1/printers/x", ca=tmp_path / "none.pem")
    done = station.run()
    assert done.returncode == 1 and says in done.stderr and station.portald.asked == []


def prints_whatever_was_left(station, letter):
    """What the next runs of a station do; portald hands out again what has failed. A letter may be that once: it had a job,
    but not its document."""
    station.prints()
    row = station.portald.rows()[letter.job]
    if "failed" in row:
        assert "didn't reach the printer" in row["failed"], row
        station.portald.add(letter)
        station.prints()
    return station.portald.rows()[letter.job]


def test_killed_at_every_step_no_letter_is_lost_and_none_comes_out_twice(station):
    """Nor is a job left at the printer that waits for its document."""
    given, kills, done = [], 0, None
    for step in numbers(STEPS_MOST):
        letter, = station.portald.add(Letter())
        given.append(letter)
        done = subprocess.run([*command(step), station.program, "--config", station.conf], capture_output=True, check=False,
                              timeout=60)
        if done.returncode == 0:
            break
        kills += 1
        row = prints_whatever_was_left(station, letter)
        assert "pages" in row, (step, row)
    out = [name for name, _ in station.cups.printed()]
    print(f"{kills} kills, {len(given)} letters, {len(out)} on paper, {len(set(out))} of them different")
    assert done.returncode == 0 and kills > 15
    assert sorted(out) == jobs_of(given)
    assert station.cups.jobs() == []


class LosesAnswers:
    """Between a station and its printer: takes a letter's job there, and lets no answer to that come back. While deaf, it takes
    nothing more after that."""

    def __init__(self, port):
        self.port, self.losing, self.deaf = port, True, False
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.uri = f"ipp://127.0.0.1:{self.listener.getsockname()[1]}/printers/letters"
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        with suppress(OSError):
            while True:
                threading.Thread(target=self.carry, args=self.listener.accept()[:1], daemon=True).start()

    def carry(self, near):
        lost = False
        with near, socket.create_connection(("127.0.0.1", self.port)) as far, suppress(OSError):
            while not (self.deaf and not self.losing):
                for ready in select.select([near, far], [], [], 60)[0]:
                    data = ready.recv(65536)
                    if not data or ready is far and lost:
                        self.losing = self.losing and not (lost and self.deaf)
                        return
                    lost = lost or self.losing and ready is near and CREATE_JOB in data
                    (far if ready is near else near).sendall(data)

    def stop(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


@pytest.fixture
def between(station):
    made = LosesAnswers(station.cups.port)
    use(station, made.uri)
    yield made
    made.stop()


def test_a_job_whose_making_was_never_answered_is_not_left_at_the_printer(station, between):
    letter, = station.portald.add(Letter())
    station.run()
    assert "failed" in station.portald.rows()[letter.job] and station.cups.jobs() == []
    between.losing = False
    station.portald.add(letter)
    station.prints()
    assert [name for name, _ in station.cups.printed()] == [letter.job] and station.cups.jobs() == []


def test_a_job_that_cannot_be_cleared_now_is_cleared_before_letters_are_asked_for(station, between):
    between.deaf = True
    letter, = station.portald.add(Letter())
    station.run()
    assert "failed" in station.portald.rows()[letter.job] and len(station.cups.jobs()) == 1
    station.portald.add(letter)
    asked = len(station.portald.asked)
    done = station.run()
    assert done.returncode == 1 and "may have left a job" in done.stderr and len(station.portald.asked) == asked
    between.deaf = False
    station.prints()
    assert [name for name, _ in station.cups.printed()] == [letter.job] and station.cups.jobs() == []
    assert "pages" in station.portald.rows()[letter.job]


def test_no_secret_is_in_the_log_or_in_a_jobs_name(station):
    letter, = station.portald.add(Letter())
    done = station.prints()
    log = station.cups.dir.joinpath("error_log").read_text(errors="replace")
    for secret in letter.codes() + [letter.password, letter.puk]:
        assert secret not in done.stdout + done.stderr and secret not in log
    assert re.search(letter.job, log) and not list((station.cups.dir / "spool").glob("d*"))
