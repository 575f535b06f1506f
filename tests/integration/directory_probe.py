"""Drives directory-probe.c, one struct directory in a process of its own. The way in is the fixture
probes; whoever uses it imports the fixtures by name."""

import itertools
import os
import subprocess

import ldap
import pytest

from ldap_client import bound, customers_base, entry, modify, read

NUMBERS = itertools.count(1)
DEADLINE_MS = 5000
# What a deadline may be overrun by on a busy machine.
GRACE_MS = 200


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


def in_time(answer, ms):
    return ms - 5 <= answer.ms <= ms + GRACE_MS
