"""portalctl against a stand-in for portald that answers what a test wants: what is sent, what is
shown, and with which exit status it ends."""

import json
import os
import socket
import struct
import subprocess
import tempfile
import threading
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("PORTAL_BUILDDIR", SOURCE / "build"))

REGISTER, CONFIRM, NOT_ME, CONTROL, VERDICT, REPORT, ERROR = 4, 6, 8, 11, 64, 66, 127
TAG = {"language": 3, "verdict": 8, "text": 10, "policy": 13, "birthdate": 14, "mail": 15, "again": 16,
       "privacy": 17, "terms": 18, "field": 19, "token": 20, "reference": 21, "json": 35, "exit": 36}
VERSION = 1
REGISTER_WORDS = ("register", "--policy", "VN 12-34", "--birthdate", "1.2.1950", "--mail", "a@b.example",
                  "--mail-again", "a@b.example", "--privacy", "1", "--terms", "2")


def frame(kind, *fields, version=VERSION):
    body = bytes([version, kind]) + b"".join(
        struct.pack(">HI", TAG[tag], len(value)) + value for tag, value in fields)
    return struct.pack(">I", len(body)) + body


def report(value, status=0):
    return frame(REPORT, ("json", json.dumps(value).encode()), ("exit", bytes([status])))


def verdict(code, text, *more):
    return frame(VERDICT, ("verdict", bytes([code])), ("text", text.encode()), *more)


def parse(data):
    """A frame as (type, {tag number: value})."""
    fields, offset = {}, 6
    while offset < len(data):
        tag, length = struct.unpack_from(">HI", data, offset)
        fields[tag] = data[offset + 6:offset + 6 + length]
        offset += 6 + length
    return data[5], fields


class Stand:
    """Answers one connection after the other with answer(request); keeps the requests."""

    def __init__(self, directory):
        self.directory = directory
        self.requests = []
        self.answer = lambda kind, fields: report({})
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(directory / "control.sock"))
        self.listener.listen(8)
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            with client:
                data = b""
                while len(data) < 4 or len(data) < 4 + struct.unpack(">I", data[:4])[0]:
                    more = client.recv(65536)
                    if not more:
                        break
                    data += more
                self.requests.append(parse(data))
                client.sendall(self.answer(*self.requests[-1]))

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join(5)

    @property
    def asked(self):
        """The JSON of every control request."""
        return [json.loads(fields[TAG["json"]]) for _, fields in self.requests]


def run(directory, *words, **environment):
    return subprocess.run([BUILD / "portalctl" / "portalctl", "--socket-dir", directory, *words],
                          text=True, capture_output=True, check=False, timeout=60,
                          env={**os.environ, "LC_ALL": "C.UTF-8", "TZ": "UTC", **environment})


@pytest.fixture
def directory():
    with tempfile.TemporaryDirectory(prefix="portal-test-") as path:
        yield Path(path)


@pytest.fixture
def stand(directory):
    stand = Stand(directory)
    yield stand
    stand.close()


def test_nobody_listening_is_exit_status_3(directory):
    done = run(directory, "status")
    assert done.returncode == 3 and "there is no such socket" in done.stderr


def test_a_socket_that_nobody_serves_is_exit_status_3(directory):
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(directory / "control.sock"))
    done = run(directory, "status")
    assert done.returncode == 3 and "nobody listens" in done.stderr


def test_nothing_is_sent_where_others_may_write(stand, directory):
    directory.chmod(0o777)
    done = run(directory, "status")
    assert done.returncode == 3 and "others may write" in done.stderr
    assert not stand.requests


@pytest.mark.parametrize("words", [
    (), ("nonsense",), ("queue",), ("queue", "nonsense"), ("show",), ("show", "a", "b"), ("--nonsense",),
    ("status", "--all"), ("confirm",), ("status", "--json=yes"), ("queue", "list", "--kind"),
    ("queue", "list", "--kind", "nonsense"), ("queue", "list", "--state", "nonsense"),
    ("queue", "list", "--limit", "0"), ("queue", "list", "--limit", "-1"), ("-x",), REGISTER_WORDS[:-2],
    ("clock", "1"), ("clock", "+"), ("clock", "1h-"), ("clock", "+99999999999d"), ("show", "a", "b", "c", "d"),
])
def test_wrong_usage_is_exit_status_2_and_asks_nobody(stand, directory, words):
    done = run(directory, *words)
    assert done.returncode == 2
    assert done.stderr.startswith("portalctl: ") and not done.stdout
    assert not stand.requests


def test_help_and_version_ask_nobody(directory):
    done = run(directory, "--help")
    assert done.returncode == 0 and "queue retry ID" in done.stdout
    done = run(directory, "queue", "list", "--help")
    assert done.returncode == 0 and "--state STATE" in done.stdout and "--policy" not in done.stdout
    assert run(directory, "--version").stdout.startswith("portal ")


def test_register_sends_what_was_typed(stand, directory):
    stand.answer = lambda kind, fields: verdict(0, "Mail is on its way.")
    done = run(directory, *REGISTER_WORDS, LC_ALL="de_DE.UTF-8")
    assert (done.returncode, done.stdout) == (0, "Mail is on its way.\n")
    kind, fields = stand.requests[0]
    assert kind == REGISTER
    assert fields == {TAG["policy"]: b"VN 12-34", TAG["birthdate"]: b"1.2.1950", TAG["mail"]: b"a@b.example",
                      TAG["again"]: b"a@b.example", TAG["privacy"]: b"1", TAG["terms"]: b"2",
                      TAG["language"]: b"de"}


def test_a_wrong_field_is_named_by_its_option(stand, directory):
    stand.answer = lambda kind, fields: verdict(11, "Please check it.", ("field", bytes([0, TAG["again"]])))
    done = run(directory, *REGISTER_WORDS)
    assert done.returncode == 1
    assert done.stderr == "portalctl: --mail-again: Please check it.\n"
    done = run(directory, "--json", *REGISTER_WORDS)
    assert done.returncode == 1
    assert json.loads(done.stdout) == {"verdict": "refused", "text": "Please check it.", "field": "mail-again"}


@pytest.mark.parametrize("code, status", [(0, 0), (15, 0), (8, 1), (16, 1), (17, 1), (19, 1), (3, 1),
                                          (13, 1)])
def test_confirm_ends_well_also_when_it_was_done_before(stand, directory, code, status):
    stand.answer = lambda kind, fields: verdict(code, "So it is.")
    link = "https://konto.versicherung.example/confirm/" + 43 * "a"
    done = run(directory, "confirm", link)
    assert done.returncode == status
    assert "So it is." in (done.stderr if status else done.stdout)
    assert stand.requests == [(CONFIRM, {TAG["token"]: link.encode(), TAG["language"]: b"en"})]


@pytest.mark.parametrize("token", ["-" + 42 * "a", "--" + 41 * "a", "-h" + 41 * "_"])
def test_a_token_may_begin_with_a_hyphen(stand, directory, token):
    stand.answer = lambda kind, fields: verdict(0, "So it is.")
    assert run(directory, "confirm", token).returncode == 0
    assert stand.requests == [(CONFIRM, {TAG["token"]: token.encode(), TAG["language"]: b"en"})]


def test_a_link_can_come_from_standard_input(stand, directory):
    stand.answer = lambda kind, fields: verdict(0, "So it is.")
    command = [BUILD / "portalctl" / "portalctl", "--socket-dir", directory, "confirm", "-"]
    done = subprocess.run(command, input="a-token\n", text=True, capture_output=True, check=False, timeout=60)
    assert done.returncode == 0
    assert stand.requests[0][1][TAG["token"]] == b"a-token"
    done = subprocess.run(command, input="", text=True, capture_output=True, check=False, timeout=60)
    assert done.returncode == 2 and len(stand.requests) == 1


def test_not_me_sends_the_reference(stand, directory):
    stand.answer = lambda kind, fields: verdict(0, "Stopped.")
    assert run(directory, "not-me", "ABCDE-ABCDE").returncode == 0
    assert stand.requests == [(NOT_ME, {TAG["reference"]: b"ABCDE-ABCDE", TAG["language"]: b"en"})]


def test_a_value_longer_than_any_valid_one_is_wrong_usage(stand, directory):
    done = run(directory, "confirm", 10000 * "a")
    assert done.returncode == 2 and "longer" in done.stderr
    assert not stand.requests


@pytest.mark.parametrize("status", [1, 2])
def test_errors_keep_the_status_that_portald_gave(stand, directory, status):
    stand.answer = lambda kind, fields: report({"error": "There is no such customer"}, status)
    done = run(directory, "show", "nobody")
    assert (done.returncode, done.stdout) == (status, "")
    assert done.stderr == "portalctl: There is no such customer\n"
    done = run(directory, "--json", "show", "nobody")
    assert done.returncode == status and json.loads(done.stdout) == {"error": "There is no such customer"}


@pytest.mark.parametrize("answer", [
    frame(REPORT, ("json", b"[]"), ("exit", b"\0")), frame(REPORT, ("json", b"{")), verdict(0, "x"),
    frame(REPORT, ("json", b"{}"), ("exit", b"\0"), version=9), b"\xff\xff\xff\xff", b"", b"\0\0",
], ids=["array", "no exit", "verdict", "version", "4 GB", "nothing", "short"])
def test_an_answer_that_makes_no_sense_is_exit_status_3(stand, directory, answer):
    stand.answer = lambda kind, fields: answer
    done = run(directory, "status")
    assert done.returncode == 3 and done.stderr.startswith("portalctl: ")


def test_control_characters_are_shown_not_obeyed(stand, directory):
    evil = "\x1b]0;x\x07\u202eabc\u0085"
    stand.answer = lambda kind, fields: report({"uid": "c-1", "name": evil, "state": "active"})
    done = run(directory, "show", "c-1")
    assert done.returncode == 0
    assert "\\x1b]0;x\\x07\\u202eabc\\x85" in done.stdout
    assert not set(evil) - set("]0;xabc") & set(done.stdout)
    stand.answer = lambda kind, fields: report({"error": evil}, 1)
    assert "\x1b" not in run(directory, "show", "c-1").stderr


def test_show_says_what_support_needs(stand, directory):
    stand.answer = lambda kind, fields: report({
        "uid": "c-0001", "dn": "uid=c-0001,dc=x", "uuid": "u", "name": "Anna Beispiel", "state": "initial",
        "mail": "anna@post.example", "language": "de", "policies": ["VN1", "VN2"], "initial_expires": 86400,
        "password_changed": None, "last_login": None, "locked": None, "revision": 4,
        "letters": [{"kind": "access", "job": 26 * "0", "state": "queued", "time": 3600}],
        "pending": [{"address": "neu@post.example", "expires": 7200}],
        "failures": {"password": {"count": 6, "retry_after": 90, "blocked": False},
                     "totp": {"count": 100, "retry_after": None, "blocked": True}}})
    text = run(directory, "show", "c-0001").stdout
    for line in ("State:            initial", "Policies:         VN1, VN2",
                 "Initial until:    1970-01-02 00:00:00 UTC",
                 "Failures:         password: 6 in a row, nothing is checked before 1970-01-01 00:01:30 UTC",
                 "Failures:         totp: 100 in a row, blocked until 'unblock'",
                 "neu@post.example  1970-01-01 02:00:00", "access  queued  1970-01-01 01:00:00"):
        assert line in text
    assert "Locked" not in text and "Password since" not in text


def jobs_after(total):
    """portald's side of paging over jobs 1 … total."""
    def answer(_kind, fields):
        asked = json.loads(fields[TAG["json"]])
        first = int(asked.get("after", "0")) + 1
        last = min(total, first + asked["most"] - 1)
        name = "letters" if asked["verb"] == "letters-list" else "jobs"
        return report({name: [{"id": f"{n:026d}", "kind": "mail", "state": "ready"}
                              for n in range(first, last + 1)], "more": last < total})
    return answer


def test_lists_are_fetched_page_by_page(stand, directory):
    stand.answer = jobs_after(1234)
    done = run(directory, "--json", "queue", "list", "--limit", "100000")
    assert [int(job["id"]) for job in json.loads(done.stdout)] == list(range(1, 1235))
    assert len(stand.requests) > 2
    done = run(directory, "--json", "letters", "list", "--all")
    assert len(json.loads(done.stdout)) == 1234
    assert stand.asked[-1]["all"] is True


def test_queue_list_stops_at_its_limit(stand, directory):
    stand.answer = jobs_after(1234)
    assert len(json.loads(run(directory, "--json", "queue", "list").stdout)) == 100
    assert len(json.loads(run(directory, "--json", "queue", "list", "--limit", "7").stdout)) == 7


def test_queue_list_passes_its_filter_on(stand, directory):
    stand.answer = jobs_after(0)
    done = run(directory, "queue", "list", "--kind", "mail", "--state", "failed", "--entry", "e")
    assert (done.returncode, done.stdout) == (0, "No such jobs.\n")
    assert stand.asked[0] == {"verb": "queue-list", "most": 100, "untold": False, "unfinished": False, "kind": "mail",
                              "state": "failed", "entry": "e"}
    run(directory, "queue", "list")
    assert stand.asked[1]["unfinished"] is True


def test_a_table_is_as_wide_as_the_terminal(stand, directory):
    import fcntl
    import pty
    import termios
    stand.answer = lambda kind, fields: report({"jobs": [{
        "id": 26 * "0", "kind": "mail", "topic": "confirm", "state": "ready", "subject": "ß" * 90,
        "note": "long " * 50}], "more": False})
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 140, 0, 0))
    try:
        subprocess.run([BUILD / "portalctl" / "portalctl", "--socket-dir", directory, "queue", "list"],
                       stdout=theirs, check=True, timeout=60)
        lines = os.read(ours, 65536).decode().splitlines()
    finally:
        os.close(ours)
        os.close(theirs)
    assert len(lines) == 2 and all(len(line) <= 140 for line in lines)
    assert "…" in lines[1] and 26 * "0" in lines[1]
    assert "…" not in run(directory, "queue", "list").stdout


def test_status_shows_what_is_wrong(stand, directory):
    stand.answer = lambda kind, fields: report({
        "version": "1", "pid": 7, "started": 1000, "now": 1060, "clock_offset": 0, "zone": "Europe/Berlin",
        "directory": {"ok": False, "uri": "ldapi:///", "error": "Can't contact LDAP server"},
        "queue": {"mail": {"ready": 3}, "untold": 2}, "oldest": {"mail": 960}, "workers": 8,
        "logins": {"ok": 1, "failed": 2, "throttled": 3}, "last_error": None})
    text = run(directory, "status").stdout
    for part in ("since 1970-01-01 01:16:40 CET (1min)", "CAN'T BE ASKED (ldapi:///): Can't contact LDAP server",
                 "1 passed, 2 failed, 3 throttled", "1970-01-01 01:16:00", "2 outcomes"):
        assert part in text


STATUS = {"version": "1", "pid": 7, "started": 1000, "now": 1060, "clock_offset": 0, "directory": {"ok": True, "uri": "x"},
          "workers": 8, "logins": {}, "last_error": None}


def test_status_is_shown_although_the_queue_cannot_be_read(stand, directory):
    stand.answer = lambda kind, fields: report(STATUS | {"queue": {"error": "damaged: see DAMAGE"}, "oldest": None})
    done = run(directory, "status")
    assert done.returncode == 0
    assert "Queue:            damaged: see DAMAGE" in done.stdout and "Directory:        answers" in done.stdout


def test_status_tells_why_the_oldest_waits_after_a_try(stand, directory):
    job = {"id": 26 * "0", "note": "451 4.3.0 try\x1b again", "attempts": 3}
    stand.answer = lambda kind, fields: report(STATUS | {"queue": {"tried": {"mail": job}}, "oldest": {}})
    text = run(directory, "status").stdout
    line, = [line for line in text.splitlines() if line.startswith("Mails wait:")]
    assert "451 4.3.0 try" in line and "tried 3 times" in line and f"queue show {26 * '0'}" in line and "\x1b" not in text
    assert "Letters wait" not in text


def test_status_tells_of_damage_and_of_what_is_refused(stand, directory):
    stand.answer = lambda kind, fields: report(STATUS | {
        "queue": {"mail": {"damaged": 2}, "damaged": 2, "refused": ["new registrations"]}, "oldest": {}})
    text = run(directory, "status").stdout
    assert "2 jobs are DAMAGED" in text and "queue list --state damaged" in text
    assert "NO ROOM, in the queue or on its disk: new registrations are refused." in text


JOB = {"id": 26 * "0", "kind": "letter", "topic": "puk", "state": "uncertain", "subject": "c-0001", "entry": "e",
       "created": 1000, "due": 1000, "expires": None, "lease": None, "happened": None, "batch": "B", "parent": "",
       "note": "claimed, but nobody said whether it was printed", "attempts": 1, "untold": True}


def test_queue_show_says_what_to_do_in_portalds_zone(stand, directory):
    stand.answer = lambda kind, fields: report({"job": JOB, "now": 4600, "zone": "Europe/Berlin"})
    text = run(directory, "queue", "show", 26 * "0").stdout
    for part in ("Created:          1970-01-01 01:16:40 CET (1h ago)", "Not after:        -", "must still be told",
                 "portalctl letters printed ID", "portalctl letters again ID"):
        assert part in text
    assert json.loads(run(directory, "--json", "queue", "show", 26 * "0").stdout) == JOB


@pytest.mark.parametrize("state", ["staged", "ready", "claimed", "printed", "done", "failed", "withdrawn", "uncertain", "damaged"])
def test_each_state_says_what_it_means(stand, directory, state):
    stand.answer = lambda kind, fields: report({"job": JOB | {"state": state}, "now": 4600})
    assert len(run(directory, "queue", "show", 26 * "0").stdout.splitlines()[-1]) > 10
    assert run(directory, "queue", "list", "--state", state).returncode == 0


def test_queue_list_counts_what_needs_a_person_and_names_the_rest(stand, directory):
    def answer(_kind, _fields):
        return report({"jobs": [JOB | {"state": "failed"}, JOB | {"state": "failed"}, JOB | {"state": "damaged"}], "more": True})
    stand.answer = answer
    text = run(directory, "queue", "list", "--all", "--limit", "3").stdout
    assert "2 given up" in text and "1 damaged" in text and f"--after {26 * '0'}" in text


def test_queue_list_of_one_customer_from_some_job_on(stand, directory):
    stand.answer = jobs_after(0)
    run(directory, "queue", "list", "c-0001", "--after", 26 * "1")
    assert stand.asked[0]["who"] == "c-0001" and stand.asked[0]["after"] == 26 * "1"
    assert run(directory, "queue", "list", "a", "b").returncode == 2


@pytest.mark.parametrize("typed, seconds", [
    ("+47h59m", 172740), ("-1h", -3600), ("+2d", 172800), ("90s", 90), ("+1d2h3min4s", 93784)])
def test_clock_moves_by_a_span(stand, directory, typed, seconds):
    stand.answer = lambda kind, fields: report({"now": 86400, "offset": seconds})
    done = run(directory, "clock", typed)
    if "no command" in done.stderr:
        pytest.skip("built without --enable-test-clock")
    assert done.returncode == 0 and done.stdout.startswith("1970-01-02 00:00:00 UTC, moved by")
    assert stand.asked == [{"verb": "clock", "seconds": seconds}]


def letters_station(directory, status=0):
    """portald with one letter that waits; it is printed once the print command has run."""
    ran = directory / "ran"
    command = directory / "print"
    command.write_text(f'#!/bin/sh\necho "$@" >"{ran}"\nexit {status}\n')
    command.chmod(0o700)

    def answer(_kind, _fields):
        state = "printed" if ran.exists() else "ready"
        return report({"more": False, "letters": [
            {"id": f"{1:026d}", "topic": "access", "state": "printed", "batch": 26 * "A"},
            {"id": f"{2:026d}", "topic": "access", "state": state, "batch": 26 * "B"}]})
    return answer, command, ran


def test_letters_print_tells_only_what_was_printed_now(stand, directory):
    stand.answer, command, ran = letters_station(directory)
    done = run(directory, "letters", "print", PORTAL_PRINT_COMMAND=f"{command} $(x)  --config y")
    assert done.returncode == 0
    assert ran.read_text() == "$(x) --config y\n"
    assert f"{2:026d}" in done.stdout and f"{1:026d}" not in done.stdout
    assert f"portalctl letters posted {26 * 'B'}" in done.stdout


def test_letters_print_fails_with_its_command(stand, directory):
    stand.answer, command, _ran = letters_station(directory, status=7)
    done = run(directory, "letters", "print", PORTAL_PRINT_COMMAND=str(command))
    assert done.returncode == 1 and "status 7" in done.stderr
    done = run(directory, "letters", "print", PORTAL_PRINT_COMMAND="/nonexistent/print")
    assert done.returncode == 1 and "can't be run" in done.stderr


def test_letters_posted_passes_the_batch_on(stand, directory):
    stand.answer = lambda kind, fields: report({"count": 1, "text": "They are in the post."})
    done = run(directory, "letters", "posted", 26 * "B")
    assert (done.returncode, done.stdout) == (0, "They are in the post.\n")
    assert stand.asked == [{"verb": "letters-posted", "batch": 26 * "B"}]


def test_output_that_cannot_be_written_is_an_error(stand, directory):
    with open("/dev/full", "w", encoding="utf-8") as full:
        done = subprocess.run([BUILD / "portalctl" / "portalctl", "--socket-dir", directory, "queue", "stats"],
                              stdout=full, stderr=subprocess.PIPE, check=False, timeout=60)
    assert done.returncode == 1
