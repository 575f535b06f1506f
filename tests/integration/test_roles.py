"""Who may do what over portald's two sockets for people: every verb of control.c's table on both of them, and portalctl's
choice between the two."""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from customer import wait_for, with_password
from wire import NUMBERS, Portald

SOURCE = Path(__file__).resolve().parents[2]
# As product and directory rules have it; whatever isn't here is for administrators.
SUPPORT = {"status", "show", "explain", "queue-list", "queue-show", "queue-stats", "letters-list",
           "wish letter", "wish confirmation", "wish unblock"}
REFUSED = "Administrators may"
NOBODY = "niemand@example.net"


def table():
    """The verbs of the table."""
    text = (SOURCE / "portald" / "control.c").read_text(encoding="utf-8")
    rows = re.search(r"verbs\[\] = \{\n(.*?)^\};", text, re.S | re.M).group(1)
    return re.findall(r'^    \{"([a-z -]+)", ', rows, re.M)


def ask(world, sock, name, **more):
    verb, _, wish = name.partition(" ")
    asked = {"verb": verb, "who": NOBODY, "id": "0" * 26, **({"wish": wish} if wish else {}), **more}
    reply = world.portald.ask(sock, "CONTROL", JSON=json.dumps(asked))
    return reply.get("EXIT")[0], json.loads(reply.get("JSON")).get("error", "")


def logged(world):
    return (Path(world.box.dir) / "log" / "portald.log").read_text(encoding="utf-8", errors="replace")


def test_the_table_has_every_verb_that_support_may_use():
    assert len(table()) >= 28
    assert SUPPORT <= set(table())


@pytest.mark.parametrize("name", table())
def test_each_verb_answers_its_roles_and_nobody_else(world, name):
    status, error = ask(world, "control", name)
    assert REFUSED not in error
    assert error != "This portald has no such command"
    status, error = ask(world, "support", name)
    if name in SUPPORT:
        assert REFUSED not in error
    else:
        assert status == 1 and REFUSED in error and "portal-admin" in error
    wait_for(lambda: not world.portald.control("rekey-look")["running"], what="the end of a rekey")


@pytest.mark.parametrize("sock", ["control", "support"])
@pytest.mark.parametrize("name", ["", "nonsense", "wish", "wish nonsense", "wish  letter", "Status", "status\t", "lock",
                                  "letter", "wish letter letter", "w" * 300])
def test_what_has_no_row_is_refused_to_everybody(world, sock, name):
    status, error = ask(world, sock, name)
    assert status == 2 and error == "This portald has no such command"


def test_a_wish_that_differs_from_its_verb_is_judged_by_what_would_be_done(world):
    # The second "wish" is what counts in no reading of it: a name given twice is no JSON object.
    twice = '{"verb": "wish", "wish": "letter", "wish": "lock", "who": "x"}'
    reply = world.portald.ask("support", "CONTROL", JSON=twice)
    assert reply.get("EXIT")[0] == 2
    assert ask(world, "support", "status", wish="lock")[0] == 0
    assert REFUSED in ask(world, "support", "wish lock", role="admin", socket="control")[1]
    # Nor is one wish judged and another granted, where a row's whole name is given as the verb.
    c = world.customer()
    for name in SUPPORT | {"wish lock"}:
        if name.startswith("wish "):
            asked = {"verb": name, "wish": "lock", "who": c.uid}
            assert world.portald.ask("support", "CONTROL", JSON=json.dumps(asked)).get("EXIT")[0] == 2, name
    assert c.state == "provisioned"


@pytest.mark.parametrize("kind", sorted(name for name, number in NUMBERS.items() if re.match(
    "WIRE_(AUTHENTICATE|SECOND|ACCOUNT|CHANGE|ENROLL|ENROLL_CODE|FORGOTTEN|RECOVER|REGISTER|LINK|CONFIRM|REFERENCE|NOT_ME"
    "|CLAIM|PRINTED|BOUNCE|LETTER_WANTED)$", name)))
def test_support_sock_takes_no_other_request(world, kind):
    assert world.portald.ask("support", kind.removeprefix("WIRE_"), LANGUAGE="en").refused


def test_support_does_what_it_may_and_the_journal_says_so(world):
    c = world.customer()
    c.confirmed()
    status, error = ask(world, "support", "wish unblock", who=c.uid)
    assert status == 0, error
    assert f"The role support asked for wish unblock of {c.uid}: done" in logged(world)
    assert ask(world, "support", "wish lock", who=c.uid)[0] == 1
    assert c.state == "initial"
    assert f"The role support asked for wish lock of {c.uid}: refused" in logged(world)
    assert ask(world, "control", "wish unblock", who=c.uid)[0] == 0
    assert f"The role admin asked for wish unblock of {c.uid}: done" in logged(world)
    assert "asked for show" not in logged(world)


def test_support_sends_no_more_letters_than_customers_can_ask_for(world):
    c = world.customer()
    c.confirmed()
    for _ in range(2):
        assert ask(world, "support", "wish letter", who=c.uid)[0] == 0
    before = world.entry(c.uid)["userPassword"]
    status, error = ask(world, "support", "wish letter", who=c.uid)
    assert status == 1 and "Administrators may" in error
    assert world.entry(c.uid)["userPassword"] == before and len(c.show()["letters"]) == 3
    assert ask(world, "control", "wish letter", who=c.uid)[0] == 0
    assert len(c.show()["letters"]) == 4


def portalctl(world, directory, *words, user=None):
    command = [Path(world.box["PORTAL_BUILD"]) / "portalctl" / "portalctl", "--socket-dir", directory, *words]
    if user:
        command = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", *command]
    return subprocess.run(command, text=True, capture_output=True, check=False, timeout=60)


@pytest.fixture
def support_only(world, tmp_path):
    """A directory in which only support.sock is."""
    os.symlink(Portald(world.box["PORTAL_SOCKET_DIR"]).path("support"), tmp_path / "support.sock")
    tmp_path.chmod(0o755)
    return tmp_path


def test_portalctl_takes_support_sock_where_control_sock_is_not_open(world, support_only):
    done = portalctl(world, support_only, "status")
    assert done.returncode == 0, done.stderr
    for words in (("lock", NOBODY), ("confirm", "x" * 43), ("lint",)):
        done = portalctl(world, support_only, *words)
        assert done.returncode == 1 and REFUSED in done.stderr and "portal-admin" in done.stderr, words


def test_explain_tells_support_what_only_an_administrator_may(world, support_only):
    c = with_password(world, state="locked", portalPasswordFailures="9", portalPasswordRetryAfter="20991231235959Z")
    for directory, asks in ((support_only, True), (world.box["PORTAL_SOCKET_DIR"], False)):
        said = " ".join(portalctl(world, directory, "explain", c.uid).stdout.split())
        assert f"portalctl unlock {c.uid}" in said and f"do: portalctl unblock {c.uid}" in said
        assert (f"do: ask an administrator for: portalctl unlock {c.uid}" in said) == asks


def test_portalctl_takes_control_sock_where_both_are_open(world):
    done = portalctl(world, world.box["PORTAL_SOCKET_DIR"], "lock", NOBODY)
    assert done.returncode == 1 and REFUSED not in done.stderr, done.stderr
    done = portalctl(world, world.box["PORTAL_SOCKET_DIR"], "lint", "--json")
    assert REFUSED not in done.stderr


def test_portalctl_says_for_whom_the_sockets_are_where_neither_is_open(tmp_path, world):
    done = portalctl(world, tmp_path, "status")
    assert done.returncode == 3 and "control.sock: there is no such socket" in done.stderr
