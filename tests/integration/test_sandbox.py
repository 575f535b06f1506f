"""The sandbox itself: it comes up whole or not at all, and leaves nothing behind."""

import os
import smtplib
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from sandbox import SANDBOX, Sandbox

sys.path.insert(0, str(SANDBOX.parent))
from sandboxlib import customers, process  # noqa: E402
from sandboxlib.layout import MADE, PROGRAMS  # noqa: E402


def run(*arguments, **environment):
    return subprocess.run([SANDBOX, *map(str, arguments)], text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, check=False, env=os.environ | environment)


def processes_of(directory):
    """Ids of processes that have this directory in their command line."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if os.fsencode(directory) in path.read_bytes():
                found.append(int(path.parent.name))
        except OSError:
            pass
    return found


@pytest.fixture
def place(tmp_path_factory):
    """A directory with a short name, which is taken away; what runs in it is a failure."""
    path = Path(f"/tmp/portal-place-{os.getpid()}-{time.monotonic_ns()}")
    yield path
    left = processes_of(path)
    run("down", path)
    subprocess.run(["rm", "-rf", path], check=True)
    assert not left


@pytest.fixture
def broken_build(tmp_path):
    """A build whose programs all end at once, without an error and without having done anything."""
    for places in PROGRAMS.values():
        path = tmp_path / places[-1]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(Path("/bin/true").read_bytes())
        path.chmod(0o755)
    return tmp_path


def test_down_leaves_no_process_and_no_file(place):
    place.mkdir()
    (place / "mine").write_text("kept")
    assert run("up", place, "--only", "slapd").returncode == 0
    assert processes_of(place)
    assert run("down", place).returncode == 0
    assert not processes_of(place)
    assert [path.name for path in place.iterdir()] == ["mine"]


def test_down_removes_a_directory_that_up_made(place):
    assert run("up", place, "--only", "slapd").returncode == 0
    assert run("down", place).returncode == 0
    assert not place.exists()


def test_down_and_verbs_refuse_what_is_no_sandbox(place):
    place.mkdir()
    for arguments in (("down", place), ("stop", place, "slapd"), ("start", place, "slapd")):
        done = run(*arguments)
        assert done.returncode == 1
        assert "there is no sandbox in" in done.stdout


def test_up_refuses_a_directory_in_use_and_leaves_it_alone(place):
    assert run("up", place, "--only", "slapd").returncode == 0
    before = (place / "env").read_text()
    done = run("up", place, "--only", "slapd")
    assert done.returncode == 1 and "already" in done.stdout
    assert (place / "env").read_text() == before
    assert len(processes_of(place)) == 1
    run("down", place)


def test_up_refuses_a_name_too_long_for_a_socket(place):
    done = run("up", place / ("x" * 90), "--only", "slapd")
    assert done.returncode == 1 and "too long" in done.stdout


def test_up_says_clearly_what_is_not_built(place, tmp_path):
    done = run("up", place, PORTAL_BUILDDIR=str(tmp_path))
    assert done.returncode == 1
    assert "isn't built in" in done.stdout and "Traceback" not in done.stdout
    assert not place.exists()


def test_up_that_fails_shows_why_and_cleans_up(place, broken_build):
    done = run("up", place, PORTAL_BUILDDIR=str(broken_build))
    assert done.returncode == 1
    assert "portald ended before it answered" in done.stdout and "Traceback" not in done.stdout
    assert not processes_of(place)
    assert not place.exists()


def test_up_that_is_interrupted_cleans_up(place):
    with subprocess.Popen([SANDBOX, "up", place, "--only", "slapd", "--customers", "200000"]) as up:
        until = time.monotonic() + 20
        while not (place / "ldap" / "data.ldif").exists() and time.monotonic() < until:
            time.sleep(0.01)
        up.terminate()
        assert up.wait(timeout=30) == 1
    assert not processes_of(place)
    assert not place.exists()


def test_restart_keeps_the_address_and_tells_the_new_process(place):
    assert run("up", place, "--only", "slapd").returncode == 0
    before = (place / "env").read_text().splitlines()
    assert run("restart", place, "slapd").returncode == 0
    after = (place / "env").read_text().splitlines()
    changed = [line for line in after if line not in before]
    assert [line.split("=")[0] for line in changed] == ["export PORTAL_SLAPD_PID"]
    assert processes_of(place) == [int(changed[0].split("=")[1])]
    run("down", place)


def test_customers_file_names_those_in_the_directory():
    box = Sandbox("--only", "slapd", "--customers", "25")
    try:
        lines = Path(box["PORTAL_CUSTOMERS"]).read_text(encoding="utf-8").splitlines()
        assert len(lines) == 25
        for line in lines:
            uid, policy, birthdate = line.split(" ")
            found = subprocess.run(
                ["ldapsearch", "-Q", "-Y", "EXTERNAL", "-LLL", "-H", box["PORTAL_LDAP_URI"], "-b",
                 f"uid={uid},ou=customers,{box['PORTAL_LDAP_BASE']}",
                 f"(&(portalPolicyNumber={policy})(portalBirthDate={birthdate}))", "dn"],
                capture_output=True, text=True, check=True).stdout
            assert found.startswith("dn: ")
    finally:
        box.close()


def test_samples_have_the_names_and_addresses_that_are_hard():
    sample = list(customers.sample(customers_default := 20))
    names = " ".join(f"{one.given} {one.surname}" for one in sample)
    assert [one.uid for one in sample] == [f"c-{n:04d}" for n in range(1, customers_default + 1)]
    for letters in ("äöüß", "ŁłśęŻżń", "ışğÇ", "Ελνη", "ễọịứ"):
        assert any(letter in names for letter in letters), letters
    assert sum(len(one.policies) == 2 for one in sample) >= 1
    assert sum(one.language == "en" for one in sample) >= 1
    assert any(one.address[-1].isupper() for one in sample)
    assert max(len(one.address) for one in sample) <= 6
    assert max(len(f"{one.given} {one.surname}") for one in sample) > 50


def test_many_samples_differ():
    sample = list(customers.sample(20000))
    assert len({one.uid for one in sample}) == 20000
    assert len({policy for one in sample for policy in one.policies}) == sum(
        len(one.policies) for one in sample)


@pytest.fixture
def sink(tmp_path):
    """A mail sink alone: (port, directory of mails, file with the answer)."""
    (tmp_path / "mail").mkdir()
    port_file = tmp_path / "port"
    process_id = process.start(
        ["/usr/bin/python3", str(SANDBOX.parent / "sandboxlib" / "sink.py"), str(tmp_path / "mail"),
         "0", str(port_file), str(tmp_path / "answer")], tmp_path / "log")
    process.wait_for("sink", process_id, port_file.exists, tmp_path / "log")
    yield int(port_file.read_text()), tmp_path / "mail", tmp_path / "answer"
    process.end(process_id)


def test_sink_writes_mails_in_the_order_they_came(sink):
    port, mails, _answer = sink
    with smtplib.SMTP("127.0.0.1", port) as client:
        for number in range(12):
            client.sendmail("a@example.org", ["b@example.org"], f"Subject: {number}\r\n\r\nä\r\n".encode())
    texts = [path.read_bytes() for path in sorted(mails.glob("*.eml"))]
    assert [text.split(b"Subject: ")[1].split(b"\r\n")[0] for text in texts] == [
        str(number).encode() for number in range(12)]
    assert texts[0].startswith(b"Return-Path: <a@example.org>\r\nDelivered-To: b@example.org\r\n")
    assert texts[0].endswith(b"\r\n\r\n\xc3\xa4\r\n")


def test_sink_answers_what_it_is_told_to(sink):
    port, mails, answer = sink
    with smtplib.SMTP("127.0.0.1", port) as client:
        answer.write_text("rcpt 550 no such user\n")
        with pytest.raises(smtplib.SMTPRecipientsRefused):
            client.sendmail("a@example.org", ["b@example.org"], "x")
        answer.write_text("data 451 later\n")
        with pytest.raises(smtplib.SMTPDataError, match="451"):
            client.sendmail("a@example.org", ["b@example.org"], "x")
        answer.unlink()
        client.sendmail("a@example.org", ["b@example.org"], "x")
    assert len(list(mails.glob("*.eml"))) == 1


def test_what_is_made_is_what_down_removes(sandbox):
    """A file that up makes and down doesn't know would stay."""
    assert {path.name for path in sandbox.dir.iterdir()} <= set(MADE)


def test_env_names_what_others_rely_on(sandbox):
    for name in ("PORTAL_LDAP_URI", "PORTAL_LDAP_BASE", "PORTAL_LDAP_TCP_URI", "PORTAL_ADMIN_DN",
                 "PORTAL_ADMIN_PW", "PORTAL_SUPPORT_DN", "PORTAL_SUPPORT_PW", "PORTAL_ROOT_DN",
                 "PORTAL_ROOT_PW", "PORTAL_SOCKET_DIR", "PORTAL_PAM_DIR", "PORTAL_MAIL_DIR",
                 "PORTAL_LETTER_DIR", "PORTAL_CTL", "PORTAL_CUSTOMERS", "PORTAL_WEB_URL", "PORTALD_PID",
                 "PORTAL_SLAPD_PID"):
        assert sandbox[name]
    for name, expected in (("PORTALD_PID", "portald"), ("PORTAL_SLAPD_PID", "slapd"), ("PORTAL_WEB_PID", "portal-web"),
                           ("PORTAL_PRINT_PID", "portal-print")):
        assert Path(f"/proc/{sandbox[name]}/exe").resolve().name == expected


def test_env_can_be_sourced(sandbox):
    done = subprocess.run(["sh", "-euc", '. "$1"; "$PORTAL_CTL" status', "sh", sandbox.dir / "env"],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("service", ("portal", "portal-combined", "portal-together"))
def test_pam_services_have_all_four_types_and_an_absolute_path(sandbox, service):
    lines = (Path(sandbox["PORTAL_PAM_DIR"]) / service).read_text().splitlines()
    assert [line.split()[0] for line in lines] == ["auth", "account", "password", "session"]
    for line in lines:
        assert Path(line.split()[2]).is_absolute() and Path(line.split()[2]).is_file()


@pytest.mark.parametrize("name", ("portald", "slapd", "web", "print", "sink"))
def test_each_process_can_be_restarted_alone(fresh_sandbox, name):
    before = fresh_sandbox["PORTAL_WEB_URL"]
    fresh_sandbox.restart(name)
    assert fresh_sandbox.ctl("status").returncode == 0
    assert fresh_sandbox["PORTAL_WEB_URL"] == before
    with urllib.request.urlopen(f"{before}/healthz", timeout=30) as answer:
        assert answer.status == 200
