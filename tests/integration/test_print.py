"""portal-print against a portald that is good, broken, forged, and gone."""

import hashlib
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from nacl.public import PrivateKey
from nacl.signing import SigningKey

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from fake_portald import (ADDRESS, BUSY, ENTRY, JOB, KIND, LAST_DAY, LOGIN, NAME, OK, REFERENCE,  # noqa: E402
                          TIME, FakePortald, Letter, Mailroom, code, ulid)
from sandboxlib.layout import SOURCE, Layout  # noqa: E402
from steps import command, numbers  # noqa: E402

KILLS = 50
PATIENCE = 30
REFUSED = 11
STEPS_MOST = 200
CONFIGURATION = """\
[portald]
socket = {dir}/print.sock
key = {dir}/portald.pub
timeout = 5s

[station]
key = {dir}/station.key
state_dir = {dir}/state

[output]
directory = {dir}/letters

[letter]
texts = {source}/config/letters
company = Beispiel Versicherung
return_address = Beispiel Versicherung · Postfach 10 01 00 · 50441 Köln
support = Kundenservice, Telefon 0221 555-0100
portal_url = https://konto.versicherung.example
"""


@pytest.fixture(scope="session")
def program(build_dir):
    return Layout("/tmp/none", build_dir).program("portal-print")


class Station:
    """A print station of a test's own, with the portald that it asks."""

    def __init__(self, program, directory):
        self.program, self.dir = program, directory
        self.letters, self.conf = directory / "letters", directory / "print.conf"
        for name in ("letters", "state"):
            (directory / name).mkdir(mode=0o700)
        self.configure()
        self.portald = FakePortald(directory)
        self.portald.write_keys()
        self.portald.start()

    def configure(self, **replace):
        text = CONFIGURATION.format(dir=self.dir, source=SOURCE)
        for old, new in replace.items():
            lines = [f"{old} = {new}" if line.startswith(f"{old} =") else line
                     for line in text.splitlines()]
            text = "\n".join(lines) + "\n"
            if f"{old} = {new}\n" not in text:
                text += f"{old} = {new}\n"
        self.conf.write_text(text)

    def start(self, *options):
        return subprocess.Popen([self.program, "--config", self.conf, *options], text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def run(self, *options):
        """Runs to the end: returncode, stdout, stderr."""
        done = subprocess.run([self.program, "--config", self.conf, *options], text=True,
                              capture_output=True, timeout=PATIENCE, check=False)
        assert "Sanitizer" not in done.stderr, done.stderr
        assert done.returncode in (0, 1, 2), done.stderr
        return done

    def prints(self, *options):
        done = self.run(*options)
        assert done.returncode == 0, done.stderr
        return done

    def files(self):
        return sorted(path.name for path in self.letters.iterdir())

    def path(self, letter):
        return self.letters / f"{letter.job}.pdf"

    def text(self, letter):
        return subprocess.run(["pdftotext", "-layout", self.path(letter), "-"], text=True,
                              capture_output=True, check=True).stdout


@pytest.fixture
def station(program, tmp_path_factory):
    made = Station(program, tmp_path_factory.mktemp("print"))
    yield made
    made.portald.stop()


def test_a_batch_is_printed_and_reported(station):
    letters = station.portald.add(Letter(), Letter(), Letter())
    done = station.prints()
    batch, = station.portald.claimed
    assert done.stdout == f"batch {batch}: 3 letters\n"
    assert station.files() == sorted(f"{letter.job}.pdf" for letter in letters)
    for letter in letters:
        words = station.text(letter).split()
        assert all(words.count(each) == 1 for each in letter.codes())
        assert station.path(letter).stat().st_mode & 0o777 == 0o600
        digest = hashlib.sha256(station.path(letter).read_bytes()).hexdigest()
        assert station.portald.rows()[letter.job] == {"job": letter.job, "pages": 1, "sha256": digest}


def test_each_batch_has_its_own_name(station):
    station.prints()
    station.portald.add(Letter())
    station.prints()
    # None; the letter; none again.
    assert len(station.portald.asked) == len(set(station.portald.asked)) == 3


def test_batches_follow_until_nothing_is_left(station):
    station.portald.add(*(Letter() for _ in range(7)))
    done = station.prints("--batch-size", "3")
    assert [line.split(": ")[1] for line in done.stdout.splitlines()] == ["3 letters", "3 letters", "1 letter"]
    assert len(station.files()) == 7


def test_a_letter_with_one_code_shows_that_one_only(station):
    puk, password = station.portald.add(Letter("puk"), Letter("password"))
    station.prints()
    assert puk.codes()[0] in station.text(puk) and "Startpasswort" not in station.text(puk)
    assert password.codes()[0] in station.text(password)
    for letter in (puk, password):
        assert len(letter.codes()) == 1


# What isn't believed -----------------------------------------------------------------------------

def another_signer(batch, parts, digest, _):
    return parts, digest, SigningKey.generate().sign(b"portal-claim-1\0" + batch.encode() + digest).signature


def another_address(_batch, parts, digest, signature):
    return [parts[0].replace(b"Lindenallee", b"Lindenstr. ")] + parts[1:], digest, signature


def one_more(_batch, parts, digest, signature):
    return parts + parts[:1], digest, signature


def one_less(_batch, parts, digest, signature):
    return parts[1:], digest, signature


def other_order(_batch, parts, digest, signature):
    return parts[::-1], digest, signature


def no_signature(_batch, parts, digest, _):
    return parts, digest, None


def no_manifest(_batch, parts, _, signature):
    return parts, None, signature


def short_signature(_batch, parts, digest, signature):
    return parts, digest, signature[:63]


def of_another_batch(station):
    """A signature that was right for another batch."""
    def spoil(_, parts, digest, _signature):
        message = b"portal-claim-1\0" + ulid().encode() + digest
        return parts, digest, station.portald.signing.sign(message).signature
    return spoil


@pytest.mark.parametrize("spoil", [another_signer, another_address, one_more, one_less, other_order,
                                   no_signature, no_manifest, short_signature, of_another_batch])
def test_a_batch_that_isnt_signed_whole_is_refused_whole(station, spoil):
    letters = station.portald.add(Letter(), Letter())
    station.portald.spoil = spoil(station) if spoil is of_another_batch else spoil
    done = station.run()
    assert done.returncode == 1 and "isn't signed" in done.stderr
    assert station.files() == [] and station.portald.reports == {}
    # It stays to be asked for under its name, and is printed once what comes is right.
    station.portald.spoil = None
    station.prints()
    assert station.portald.asked[0] == station.portald.asked[1]
    assert len(station.files()) == len(letters)


OTHER_JOB = "01ARYZ6S41TSV4RRFFQ69G5FAV"
OTHER_ENTRY = "c0a80101-0000-4000-8000-000000000002"
BAD_SEALS = {
    "another job": {"inside": {"job": OTHER_JOB}},
    "another entry": {"inside": {"entry": OTHER_ENTRY}},
    "another kind": {"inside": {"kind": "puk"}},
    "a version": {"inside": {"version": 2}},
    "can't be opened": {"station": PrivateKey.generate().public_key},
    "no valid code": {"inside": {"puk": None}},
    "valid code": {"inside": {"password": code(wrong=1)}},
}
BAD_FIELDS = {
    "six lines": {ADDRESS: "\n".join(["Zeile"] * 7)},
    "too long for the address field": {ADDRESS: "W" * 60 + "\nKöln"},
    "empty": {ADDRESS: " \n "},
    "postal address": {ADDRESS: "Anna\x1b[2J"},
    "name": {NAME: None},
    "entry": {ENTRY: OTHER_ENTRY},
    "kind": {KIND: "badge"},
    "time": {TIME: None},
    "last": {LAST_DAY: "2026-02-30"},
    "last valid day": {LAST_DAY: None},
    "login name": {LOGIN: None},
    "reference": {REFERENCE: "3JH6N"},
    "font": {NAME: "Anna \U000f1234"},
}


@pytest.mark.parametrize("why, spoilt", [*BAD_SEALS.items(),
                                         *((why, {"outside": value}) for why, value in BAD_FIELDS.items())])
def test_a_letter_that_isnt_right_fails_alone_and_says_why(station, why, spoilt):
    good, bad, last = station.portald.add(Letter(), Letter(**spoilt), Letter())
    done = station.prints()
    row = station.portald.rows()[bad.job]
    assert set(row) == {"job", "failed"} and why in row["failed"] and len(row["failed"].encode()) <= 200
    assert station.files() == sorted(f"{letter.job}.pdf" for letter in (good, last))
    assert "2 letters, 1 failed" in done.stdout
    for secret in bad.codes() + [bad.password, bad.puk]:
        assert secret not in done.stdout + done.stderr


def test_a_letter_for_another_is_not_printed_under_a_signed_job(station):
    """Whoever holds the queue could swap the payloads of two jobs; both are refused."""
    one, two = Letter(), Letter()
    one.inside, two.inside = {"job": two.job}, {"job": one.job}
    station.portald.add(one, two)
    station.prints()
    assert station.files() == []
    assert all("another job" in station.portald.rows()[letter.job]["failed"] for letter in (one, two))


def test_a_job_printed_before_is_reported_and_not_printed_again(station):
    letter, = station.portald.add(Letter())
    station.prints()
    first = station.portald.rows()[letter.job]
    station.path(letter).unlink()  # posted
    again = Letter()
    again.job = letter.job
    other, = station.portald.add(Letter())
    station.portald.add(again)
    done = station.prints()
    assert station.files() == [f"{other.job}.pdf"]
    assert station.portald.rows()[letter.job] == first and "printed before" in done.stderr


def test_a_job_twice_in_one_batch_is_printed_once(station):
    letter = Letter()
    station.portald.add(letter, letter)
    station.prints()
    assert station.files() == [f"{letter.job}.pdf"]


# portald comes and goes --------------------------------------------------------------------------

def test_a_lost_reply_to_a_claim_loses_nothing(station):
    letter, = station.portald.add(Letter())
    station.portald.claims_dropped = 4  # two connections a call
    assert station.run().returncode == 1 and station.run().returncode == 1
    station.prints()
    assert station.files() == [f"{letter.job}.pdf"]
    assert list(station.portald.claimed) == [station.portald.asked[0]]


@pytest.mark.parametrize("taken", [False, True])
def test_a_report_that_may_be_lost_is_sent_again(station, taken):
    letter, = station.portald.add(Letter())
    station.portald.reports_dropped, station.portald.lose_reports = 2, taken
    assert station.run().returncode == 1
    before = station.path(letter).stat()
    station.prints()
    after = station.path(letter).stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)
    assert "sha256" in station.portald.rows()[letter.job]


def test_letters_are_reported_even_if_portald_gives_them_out_no_more(station):
    """Its lease may have ended while the report couldn't be sent."""
    letter, = station.portald.add(Letter())
    station.portald.reports_dropped = 2
    assert station.run().returncode == 1
    batch, = station.portald.claimed
    station.portald.claimed[batch] = []
    assert station.prints().stdout == f"batch {batch}: 1 letter\n"
    assert station.portald.reports[batch][letter.job]["pages"] == 1


@pytest.mark.parametrize("attribute", ["claim_verdict", "report_verdict"])
@pytest.mark.parametrize("verdict", [BUSY, REFUSED])
def test_a_refusal_is_an_error_and_the_batch_stays(station, attribute, verdict):
    letter, = station.portald.add(Letter())
    setattr(station.portald, attribute, verdict)
    done = station.run()
    assert done.returncode == 1 and "as the test wants" in done.stderr
    setattr(station.portald, attribute, OK)
    station.prints()
    assert station.portald.asked[0] == station.portald.asked[1]
    assert station.portald.rows()[letter.job]["pages"] == 1
    assert station.files() == [f"{letter.job}.pdf"]


def wait_for(condition):
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.02)


def test_with_every_it_outlives_portald_and_ends_when_told(station):
    station.portald.stop()
    process = station.start("--every", "1s")
    time.sleep(0.5)
    letter, = station.portald.add(Letter())
    station.portald.start()
    wait_for(lambda: letter.job in station.portald.rows())
    station.portald.stop()
    time.sleep(1.5)
    later, = station.portald.add(Letter())
    station.portald.start()
    wait_for(lambda: later.job in station.portald.rows())
    process.send_signal(signal.SIGTERM)
    out, error = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0 and "Sanitizer" not in error
    assert out.count("1 letter\n") == 2


def test_sigterm_ends_it_between_letters(station):
    letters = station.portald.add(*(Letter() for _ in range(200)))
    process = station.start("--batch-size", "200")
    wait_for(station.files)
    process.send_signal(signal.SIGTERM)
    out, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0
    rows = station.portald.rows()
    done = [letter for letter in letters if "pages" in rows[letter.job]]
    assert 0 < len(done) < len(letters) and " failed" in out
    assert station.files() == sorted(f"{letter.job}.pdf" for letter in done)
    assert all("stopped" in rows[letter.job]["failed"] for letter in letters if letter not in done)


def test_two_at_a_time_take_turns(station):
    letters = station.portald.add(*(Letter() for _ in range(30)))
    both = [station.start("--batch-size", "10"), station.start("--batch-size", "10")]
    for process in both:
        process.communicate(timeout=PATIENCE)
    assert [process.returncode for process in both] == [0, 0]
    assert station.files() == sorted(f"{letter.job}.pdf" for letter in letters)


# Crashes -----------------------------------------------------------------------------------------

def test_killed_at_random_it_loses_no_letter_and_doubles_none(station):
    given = []

    def make():
        given.append(Letter())
        return given[-1]

    mailroom = Mailroom(station.letters)
    station.portald.add(*(make() for _ in range(4)))
    begun = time.monotonic()
    station.prints("--batch-size", "4")
    whole = time.monotonic() - begun  # a build with sanitizers on a busy machine takes its time
    station.portald.make = make
    for _ in range(KILLS):
        process = station.start("--batch-size", "4")
        time.sleep(random.uniform(0, 2 * whole))
        process.kill()
        process.communicate()
    station.portald.make = None
    station.prints()
    mailroom.close()
    jobs = [job for job, _ in mailroom.taken]
    assert len(jobs) > KILLS / 2, "the kills came before anything was printed"
    assert sorted(jobs) == sorted(letter.job for letter in given)
    by_job, rows = dict(mailroom.taken), station.portald.rows()
    for letter in given:
        assert rows[letter.job]["sha256"] == hashlib.sha256(by_job[letter.job]).hexdigest()
    assert station.files() == []  # nothing half made, with codes in it


def test_killed_at_every_step_letters_that_share_their_flushes_come_out_once(station):
    """They are staged, entered and named together. Killed at its n-th call that others can see."""
    mailroom, given = Mailroom(station.letters), []
    for step in numbers(STEPS_MOST):
        given.extend(station.portald.add(Letter(), Letter(), Letter()))
        words = [*command(step), station.program, "--config", station.conf]
        done = subprocess.run(words, capture_output=True, check=False, timeout=PATIENCE)
        if done.returncode == 0:
            break
        station.prints()
    mailroom.close()
    jobs, rows = [job for job, _ in mailroom.taken], station.portald.rows()
    assert done.returncode == 0 and len(given) > 3 * 15
    assert sorted(jobs) == sorted(letter.job for letter in given)
    assert all("pages" in rows[letter.job] for letter in given)
    assert not [name for name in station.files() if name.startswith(".")]


def test_what_was_staged_but_never_entered_is_removed(station):
    """A crash between the two leaves a file with codes; the letter may be withdrawn meanwhile."""
    station.letters.joinpath(f".{ulid()}.pdf.staged").write_text("a letter in the making")
    station.letters.joinpath(".of-somebody-else.pdf.staged").write_text("not ours")
    station.prints()
    assert station.files() == [".of-somebody-else.pdf.staged"]


def test_a_full_disk_prints_nothing_by_halves(station):
    letter, = station.portald.add(Letter())
    # A limit that the ledger fits in and the letter doesn't; SIGXFSZ ends it like a crash would.
    process = subprocess.Popen([station.program, "--config", station.conf], text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                               preexec_fn=lambda: limit_files(32000))
    process.communicate(timeout=PATIENCE)
    assert process.returncode != 0
    assert not station.path(letter).exists() and station.portald.reports == {}
    station.prints()
    assert station.files() == [f"{letter.job}.pdf"]


def limit_files(size):
    import resource
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


# Setting it up -----------------------------------------------------------------------------------

def test_keygen_makes_a_pair_and_never_overwrites(station, tmp_path):
    def keygen():
        return subprocess.run([station.program, "keygen", tmp_path], text=True, capture_output=True,
                              check=False)
    assert keygen().returncode == 0
    secret, public = tmp_path / "station.key", tmp_path / "station.pub"
    assert secret.stat().st_mode & 0o777 == 0o600 and public.stat().st_mode & 0o777 == 0o644
    before = secret.read_bytes(), public.read_bytes()
    done = keygen()
    assert done.returncode == 1 and "never overwritten" in done.stderr
    assert (secret.read_bytes(), public.read_bytes()) == before
    secret.unlink()
    assert keygen().returncode == 1 and not secret.exists()
    assert public.read_bytes() == before[1]


def test_a_pair_that_keygen_made_opens_letters(station):
    from base64 import b64decode
    (station.dir / "station.key").unlink()
    subprocess.run([station.program, "keygen", station.dir], check=True)
    station.portald.station = PrivateKey(b64decode((station.dir / "station.key").read_text()))
    assert bytes(station.portald.station.public_key) == b64decode((station.dir / "station.pub").read_text())
    letter, = station.portald.add(Letter())
    station.prints()
    assert station.path(letter).exists()


@pytest.mark.parametrize("key, value, says", [
    ("code_font", "No Such Face", "No Such Face"),
    ("texts", "/nonexistent", "/nonexistent/de.txt"),
    ("colour", "blue", "blue"),
    ("return_address", "W" * 200, "return_address"),
    ("peer", "nobody-of-that-name", "peer"),
    ("zone", "Europe/Nowhere", "zone"),
    ("shape", "round", "shape"),
    ("state_dir", "/nonexistent", "/nonexistent"),
    ("directory", "/nonexistent", "/nonexistent"),
])
def test_a_wrong_setting_is_named(station, key, value, says):
    letter, = station.portald.add(Letter())
    section = "[station]\n" if key == "zone" else "[portald]\n" if key == "peer" else ""
    if section:
        text = station.conf.read_text().replace(section, f"{section}{key} = {value}\n")
        station.conf.write_text(text)
    else:
        station.configure(**{key: value})
    done = station.run()
    assert done.returncode == 1 and says in done.stderr, done.stderr
    assert not station.path(letter).exists()


def test_a_key_that_others_may_read_is_refused(station):
    (station.dir / "station.key").chmod(0o644)
    done = station.run()
    assert done.returncode == 1 and "station.key" in done.stderr


def test_a_socket_directory_that_others_may_write_to_is_refused(station):
    station.portald.add(Letter())
    station.dir.chmod(0o777)
    try:
        assert station.run().returncode == 1
    finally:
        station.dir.chmod(0o700)
    assert station.portald.asked == []


def test_a_damaged_ledger_prints_nothing(station):
    station.prints()
    ledger = station.dir / "state" / "ledger.db"
    ledger.write_bytes(b"not a database" + os.urandom(4096))
    station.portald.add(Letter())
    done = station.run()
    assert done.returncode == 1 and station.files() == []


@pytest.mark.parametrize("options", [["--batch-size", "0"], ["--batch-size", "201"], ["--every", "0s"],
                                     ["--every", "soon"], ["keygen"], ["print"], ["--what"]])
def test_wrong_usage_is_told(station, options):
    assert station.run(*options).returncode == 2
