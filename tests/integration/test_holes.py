"""Classes of hole that others had: those that no other test looks at, and the table that names the tests of all."""

import os
import re
import subprocess
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("PORTAL_BUILDDIR") or SOURCE / "build").resolve()
PROBE = BUILD / "tests/integration/secrecy-probe"
GUIDE = SOURCE / "doc/security.md"
SKIPPED = 77


@pytest.fixture(scope="module", autouse=True)
def not_sanitized():
    linked = subprocess.run(["ldd", PROBE], text=True, capture_output=True, check=True).stdout
    if "libasan" in linked or "libtsan" in linked:
        pytest.skip("valgrind can't run what is built with sanitizers; the plain build is looked at")


def steps(function, *arguments, directory):
    """How many instructions a function takes, by valgrind's count, which is the same each time."""
    out = directory / "callgrind"
    done = subprocess.run(["valgrind", "-q", "--tool=callgrind", f"--toggle-collect={function}",
                           f"--callgrind-out-file={out}", PROBE, "compare", *arguments],
                          text=True, capture_output=True, check=False)
    assert done.returncode == 0, f"taken for right, or failed: {done}"
    return int(re.search(r"^summary: (\d+)", out.read_text(), re.MULTILINE)[1])


@pytest.mark.parametrize("function, what, guesses", [
    # RFC 6238 at 59 s: 287082. Wrong at the first digit, in the middle, at the last, everywhere.
    ("totp_check", "totp", ("187082", "287182", "287083", "000000")),
    # Sixteen symbols whose check symbol doesn't fit, wherever that comes from.
    ("code_read", "code", ("0ZXV-Y0C9-34WZ-J53F", "DZXV-Y0C8-34WZ-J53F", "DZXV-Y0C9-34WZ-J530")),
])
def test_comparing_takes_the_same_steps_wherever_a_guess_is_wrong(tmp_path, function, what, guesses):
    counted = {guess: steps(function, what, guess, directory=tmp_path) for guess in guesses}
    assert min(counted.values()) > 1000, "nothing was counted"
    assert len(set(counted.values())) == 1, counted


def test_what_leaves_portald_was_written_to_the_last_byte():
    done = subprocess.run(["valgrind", "-q", PROBE, "replies"], text=True, capture_output=True, check=False)
    assert done.returncode != SKIPPED, "built without valgrind's header: install valgrind, and build again"
    assert done.returncode == 0, done.stdout + done.stderr


def test_module_asks_for_nothing_that_a_privileged_program_must_fear():
    """No environment, no other programs, no libraries, no signals, no threads, no files by a user's name."""
    module = BUILD / "pam_portal/.libs/pam_portal.so"
    listed = subprocess.run(["nm", "-D", "--undefined-only", module], text=True, capture_output=True, check=True)
    wanted = {line.split()[-1].split("@")[0] for line in listed.stdout.splitlines()}
    assert {"connect", "pam_get_item"} <= wanted, "this isn't how the module is looked at"
    feared = {"getenv", "secure_getenv", "environ", "setenv", "putenv", "system", "popen", "execve", "execl", "execv",
              "execvp", "fork", "vfork", "posix_spawn", "dlopen", "signal", "sigaction", "pthread_create",
              "pthread_atfork", "atexit", "select", "fopen", "creat", "unlink", "rename", "chown", "chmod", "mkdir",
              "tmpfile", "setuid", "seteuid", "setlocale", "syslog", "openlog"}
    assert not wanted & feared


def test_no_path_is_made_of_what_an_application_says(world, tmp_path):
    """Names and answers lead to no file, be they written like paths (CVE-2014-2583, CVE-2024-47191)."""
    env = world.box.env
    name = f"../../../..{tmp_path}/telltale@example.org"
    trace = tmp_path / "trace"
    subprocess.run(["strace", "-f", "-e", "trace=%file", "-o", trace, f"{env['PORTAL_BUILD']}/tests/pam-login",
                    "--dir", env["PORTAL_PAM_DIR"], "portal", name],
                   input=f"{tmp_path}/telltale\n", text=True, capture_output=True, check=False,
                   env=os.environ | {"HOME": f"{tmp_path}/telltale", "PORTAL_SOCKET_DIR": f"{tmp_path}/telltale"})
    lines = trace.read_text().splitlines()
    assert any(env["PORTAL_SOCKET_DIR"] in line for line in lines), "the module wasn't seen at work"
    assert not [line for line in lines if "telltale" in line and "execve(" not in line]


def test_every_class_of_hole_has_tests_that_exist():
    rows = re.findall(r"^\| (.+?) \| (CVE[^|]*?) \| (.+?) \|$", GUIDE.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(rows) >= 16
    for title, _others, tests in rows:
        named = re.findall(r"`([^`]+)`", tests)
        assert named, f"{title}: no test"
        for one in named:
            assert exists(one), f"{title}: there is no test {one}"


def exists(name):
    """FILE: TEST, where TEST is a function's name or the beginning of a script's case."""
    file, _, test = name.partition(": ")
    path = SOURCE / "tests" / file
    if not path.is_file():
        return False
    text = path.read_text(encoding="utf-8")
    return re.search(rf"^(def |static void |case ){re.escape(test)}", text, re.MULTILINE) is not None
