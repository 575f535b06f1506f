"""Nothing that portald asks the directory may grow with the number of entries: slapd itself tells, search by search, which
entries it had to look at. A journey is done beside many other customers, on a slapd that says so."""

import re
import subprocess
from pathlib import Path

import ldap
import pytest

import ldap_client
from customer import PASSWORD, World, wait_for
from recoverer import asked, with_puk
from sandbox import Sandbox
from totp_customer import set_up

OTHERS = 300
SPARE = 60  # for the journey: the first ones
FEW = 20  # of OTHERS and the few who make the journey; what is of everybody's is far more

SEARCH = re.compile(r'^\S+ (\S+) conn=\d+ op=\d+ SRCH base="[^"]*" scope=\d deref=\d filter="(.*)"$')
WRITE = re.compile(r"^\S+ (\S+) conn=\d+ op=\d+ (?:MOD|ADD) dn=")
CANDIDATES = re.compile(r"^\S+ (\S+) mdb_search_candidates: id=(-?\d+) first=(\d+) last=(\d+)$")
VALUE = re.compile(r"(=)[^()*]+(?=[)*])")

# What portald is known to ask, the values left out. lint looks at every entry, which is what it is for.
SHAPES = {
    "(mail=)", "(portalPolicyNumber=)", "(portalPending=*)", "(uid=)", "(entryUUID=)", "(portalRequest=*)", "(portalJob=)",
    "(portalFormerMail=*)",
    "(&(mail=)(|(portalState=)(portalState=)(portalState=)(portalState=)))",
    "(&(portalInitialPasswordExpires>=)(portalInitialPasswordExpires<=))",
    "(&(entryCSN>=)(portalState=*)(!(modifiersName=)))", "(portalState=)", "(portalTOTPSecret=*)", "(objectClass=)",
}
OF_ALL = {"(objectClass=)"}
OLD = re.compile(r"^((?:entryCSN|modifyTimestamp): )20\d\d", re.M)
WRITTEN = "a write's own"  # unique looks for the value that is written


def fill(box):
    """Many who are active and weren't touched for long, as in any directory; they need no password."""
    config = box.dir / "ldap" / "config"
    ldif = subprocess.run(["slapcat", "-n1", "-o", "ldif-wrap=no", "-F", config], check=True, capture_output=True).stdout.decode()
    entries, number = ldif.split("\n\n"), -SPARE
    for at, text in enumerate(entries):
        number += "objectClass: portalCustomer" in text
        if "objectClass: portalCustomer" in text and number > 0:
            text += (f"\nportalState: active\nmail: other-{number}@example.org"
                     f"\nportalPending: {number:032x}{0:011x} 20260101000000Z x@example.org")
        entries[at] = OLD.sub(r"\g<1>2025", text)
    assert number == OTHERS
    for path in (box.dir / "ldap" / "data").iterdir():
        path.unlink()
    subprocess.run(["slapadd", "-n1", "-q", "-F", config], input="\n\n".join(entries).encode(), check=True, capture_output=True)


class Told:
    """The log of a slapd that was started anew with -d trace,stats."""

    def __init__(self, box):
        self.path = box.dir.parent / "slapd-trace.log"
        command = Path(f"/proc/{box['PORTAL_SLAPD_PID']}/cmdline").read_text().rstrip("\0").split("\0")
        command[command.index("-d") + 1] = "trace,stats"
        box.stop("slapd")
        fill(box)
        with open(self.path, "wb") as log:
            self.slapd = subprocess.Popen(command, stdout=log, stderr=log)
        wait_for(lambda: self._answers(box), what="slapd")

    @staticmethod
    def _answers(box):
        try:
            with ldap_client.bound(box, "root"):
                return True
        except ldap.SERVER_DOWN:
            return False

    def end(self):
        self.slapd.terminate()
        self.slapd.wait()

    def searches(self):
        """(shape, number of candidates) of each: a thread tells of its search, then of what it found in the indexes."""
        asked_by, found = {}, []
        for line in self.path.read_text(errors="replace").splitlines():
            if m := SEARCH.match(line):
                asked_by[m[1]] = VALUE.sub(r"\1", m[2])
            elif m := WRITE.match(line):
                asked_by[m[1]] = WRITTEN
            elif m := CANDIDATES.match(line):
                # A range instead of a list is told as -1: everything between its ends is looked at.
                count = int(m[2]) if int(m[2]) >= 0 else int(m[4]) - int(m[3]) + 1
                found.append((asked_by.get(m[1]), count))
        return found


def journey(world):
    w = world
    c, other = w.customer(), w.customer()
    w.modify(other.uid, mail=c.mail)  # written down for two, confirmed by one
    c.active()
    assert w.login(c.mail, PASSWORD).ok
    assert w.portald.authenticate(c.mail, PASSWORD + "?").verdict == "WRONG"
    assert w.portald.authenticate("nobody@example.org", PASSWORD).verdict == "WRONG"
    w.customer().register(c.mail)  # in use by c
    pending = w.customer()
    pending.registered()
    forgetful = set_up(w, with_puk(w))
    assert asked(w, forgetful)
    w.modify(c.uid, portalRequest="unblock")
    wait_for(lambda: "portalRequest" not in w.entry(c.uid), what="the wish")
    for who in (c.uid, c.policy, c.mail):
        assert w.box.ctl("show", who).returncode == 0
    assert w.box.ctl("lint").returncode in (0, 1)
    assert w.box.ctl("rekey").returncode == 0
    # What comes with a start: reminders, registrations to be forgotten, wishes.
    w.box.restart("portald")
    w.wait_for_rest()
    with ldap_client.bound(w.box, "portald") as connection:  # asked after a crash only
        connection.search_s(ldap_client.customers_base(w.box), ldap.SCOPE_SUBTREE, "(portalJob=01)")


@pytest.fixture(scope="module")
def searches():
    box = Sandbox("--customers", str(OTHERS + SPARE))
    told = None
    try:
        told = Told(box)
        journey(World(box))
        yield told.searches()
    finally:
        if told:
            told.end()
        box.close()


def test_journey_asks_all_that_portald_can_ask(searches):
    assert SHAPES - {shape for shape, _ in searches} == set()


def test_portald_asks_nothing_that_is_not_known_to_be_indexed(searches):
    assert {shape for shape, _ in searches} - SHAPES - {WRITTEN} == set()


def test_no_search_looks_at_more_than_a_few_entries(searches):
    assert {(shape, count) for shape, count in searches if count > FEW and shape not in OF_ALL} == set()


def test_the_measure_shows_what_is_not_indexed(searches):
    """lint's search is of everybody: were it told as few, the test above could not fail."""
    assert max(count for shape, count in searches if shape in OF_ALL) > OTHERS
