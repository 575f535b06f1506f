"""What whoever holds portald's files, its memory and the directory does not hold: no code of a letter, no link that
works, no mailed code, no password and no TOTP secret. Each is known from where it was delivered,
and looked for in every form that it may have had."""

import base64
import os
import re
import signal
import subprocess
from contextlib import contextmanager
from pathlib import Path

import ldap
import ldap_client
import pytest
from customer import wait_for, with_password
from recoverer import asked
from totp_customer import code as one_time
from totp_customer import set_up, state_of

PERSONAL = "Holunder neben Gleis vierzehn"
CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
# Memory that was given back to malloc() loses its first bytes, a line of a mail is folded: any piece betrays a secret.
PIECE = 12
HALF_CODE = 8


# Forms that a secret may have had -----------------------------------------------------------------

def pieces(value, size=PIECE):
    return {value[at:at + size] for at in range(0, len(value) - size + 1, size)} | {value[-size:]}


def in_base64(value):
    """As a mail's body would have it, wherever in it it begins."""
    found = set()
    for before in range(3):
        text = base64.b64encode(bytes(before) + value)
        found.add(text[(before * 8 + 5) // 6:(before + len(value)) * 8 // 6])
    return found


def of_text(value):
    value = value.encode()
    return {("text", piece) for whole in {value} | in_base64(value) for piece in pieces(whole)}


def of_bytes(value):
    return {("bytes", piece) for piece in pieces(value)} | of_text(base64.urlsafe_b64encode(value).decode().rstrip("="))


def of_code(printed):
    """A letter's code: printed, canonical, and as the numbers of its symbols."""
    plain = printed.replace("-", "")
    return ({("text", piece) for form in (printed, plain) for piece in pieces(form.encode(), (len(form) - 1) // 2)}
            | of_text(printed) | {("bytes", piece) for piece in pieces(bytes(map(CROCKFORD.index, plain)), HALF_CODE)})


def of_digits(digits):
    found = {("digits", form.encode()) for form in (digits, f"{digits[:4]} {digits[4:]}")}
    return found | {("bytes", form) for form in in_base64(f"{digits[:4]} {digits[4:]}".encode())}


def of_totp(secret):
    """RFC 6238's key, as its URI and its screen have it, and as HMAC begins with it (RFC 2104)."""
    text = base64.b32encode(secret).decode().rstrip("=")
    grouped = " ".join(text[at:at + 4] for at in range(0, len(text), 4))
    found = {("bytes", piece) for piece in pieces(secret, 10)}
    found |= {("bytes", bytes(b ^ pad for b in secret)) for pad in (0x36, 0x5c)}
    return found | of_text(text) | of_text(grouped)


class Place:
    """A name, and what is there."""

    def __init__(self, name, data):
        self.name, self.data, self.lower = name, data, data.lower()

    def has(self, form):
        kind, value = form
        if kind == "digits":
            return re.search(rb"(?<!\d)" + value + rb"(?!\d)", self.data) is not None
        return value.lower() in self.lower if kind == "text" else value in self.data


def found_in(places, secrets):
    return sorted({(name, place.name) for place in places for name, forms in secrets.items()
                   for form in forms if place.has(form)})


# What an attacker may hold --------------------------------------------------------------------------

@contextmanager
def stopped(process_id):
    os.kill(process_id, signal.SIGSTOP)
    try:
        tasks = Path(f"/proc/{process_id}/task")
        wait_for(lambda: all((task / "stat").read_text().rpartition(")")[2].split()[0] == "T"
                             for task in tasks.iterdir()), what="portald's stop")
        yield
    finally:
        os.kill(process_id, signal.SIGCONT)


def memory(process_id):
    """All that it can read itself, but for the kernel's own pages."""
    with open(f"/proc/{process_id}/mem", "rb", buffering=0) as mem:
        for line in Path(f"/proc/{process_id}/maps").read_text().splitlines():
            span, rights, *_, name = line.split(maxsplit=5) + ([""] if len(line.split(maxsplit=5)) < 6 else [])
            if rights[0] != "r" or name in ("[vvar]", "[vvar_vclock]", "[vsyscall]"):
                continue
            first, end = (int(number, 16) for number in span.split("-"))
            mem.seek(first)
            data = b""
            while len(data) < end - first:
                more = mem.read(end - first - len(data))
                assert more, f"{line} could not be read"
                data += more
            yield Place(f"memory {name or 'of no file'} {span}", data)


def files(box):
    """Below portald's state directory, its log, and its configuration."""
    for path in [*(box.dir / "queue").rglob("*"), Path(box["PORTALD_LOG"]), Path(box["PORTALD_CONF"])]:
        if path.is_file():
            yield Place(f"file {path.name}", path.read_bytes())


def entries(box):
    with ldap_client.bound(box, "root") as connection:
        for dn, values in connection.search_s(box["PORTAL_LDAP_BASE"], ldap.SCOPE_SUBTREE, attrlist=["*", "+"]):
            lines = [f"{name}: ".encode() + value for name, several in values.items() for value in several]
            yield Place(f"entry {dn}", b"\n".join([dn.encode(), *lines]))


def all_of(box):
    """The three together, at one moment."""
    process_id = int(box["PORTALD_PID"])
    with stopped(process_id):
        return [*memory(process_id), *files(box), *entries(box)]


# The tests ------------------------------------------------------------------------------------------

def test_the_search_finds_every_form_that_it_looks_for():
    code, token, totp = "0ZXV-Y0C9-34WZ-J53G", os.urandom(32), os.urandom(20)
    secrets = {"code": of_code(code), "token": of_bytes(token), "digits": of_digits("40719263"), "totp": of_totp(totp),
               "password": of_text(PERSONAL)}
    for name, planted in [
            ("code", code.encode()), ("code", code.lower().encode()), ("code", code.replace("-", "").encode()),
            ("code", b"????" + code.encode()[4:]), ("code", bytes(map(CROCKFORD.index, code.replace("-", "")))),
            ("token", token), ("token", bytes(16) + token[16:]), ("token", base64.urlsafe_b64encode(token)),
            ("token", base64.b64encode(b"https://x/confirm/" + base64.urlsafe_b64encode(token) + b"\r\n")),
            ("digits", b"Code: 40719263."), ("digits", b"4071 9263"), ("digits", base64.b64encode(b"  4071 9263\r\n")),
            ("totp", totp), ("totp", base64.b32encode(totp)), ("totp", bytes(b ^ 0x36 for b in totp) + b"6" * 44),
            ("password", PERSONAL.encode()), ("password", PERSONAL.upper().encode())]:
        place = Place("planted", b"\0\1before" + planted + b"\0after")
        assert found_in([place], secrets) == [(name, "planted")], planted
    assert not found_in([Place("other digits", b"140719263 407192630")], secrets)


@pytest.fixture(name="plain_world")
def _plain_world(request, build_dir):
    program = next(p for p in (build_dir / "portald/.libs/portald", build_dir / "portald/portald") if p.is_file())
    linked = subprocess.run(["ldd", program], text=True, capture_output=True, check=True).stdout
    if re.search(r"lib[at]san", linked):
        pytest.skip("a sanitizer keeps memory that was given back, as it was; the plain build is looked at")
    if os.geteuid() != 0:
        pytest.skip("only root may read another process's memory")
    return request.getfixturevalue("fresh_world")


def with_used_totp(w):
    """One who logged in with a code. Setting up was another portald's: libqrencode gives the URI that it draws back to
    malloc() as it is, and has no way to wipe it, so that until it is written over, the memory that enrolled may hold a
    secret. That, and nothing else, isn't looked at."""
    c = set_up(w, with_password(w, PERSONAL), PERSONAL)
    w.box.restart("portald")
    who = {"USER": c.mail, "SERVICE": "test", "LANGUAGE": "de"}
    reply = w.portald.ask("api", "SECOND", STATE=state_of(w, c, PERSONAL), CODE=one_time(w, c), **who)
    assert reply.verdict == "OK", reply.text
    return c


def test_files_memory_and_directory_hold_nothing_that_works(plain_world):
    """The letters are looked for twice: while they wait, sealed, and once they are printed."""
    w = plain_world
    totp = with_used_totp(w).secret
    active, registered, confirmed = (w.customer() for _ in range(3))
    drawer = active.active(PERSONAL)
    w.box.stop("print")
    used = confirmed.confirmed()
    link = registered.registered()
    code = asked(w, active)
    w.wait_for_rest()
    while_waiting = all_of(w.box)
    assert [x["state"] for x in confirmed.show()["letters"]] == ["queued"]
    w.box.start("print")
    letter = confirmed.letter()
    once_printed = all_of(w.box)

    token = base64.urlsafe_b64decode(link.token + "=")
    secrets = {"link": of_bytes(token), "link's reference": of_text(link.reference),
               "used link's reference": of_text(used.reference), "mailed code": of_digits(code),
               "TOTP secret": of_totp(totp), "initial password": of_code(letter.password), "PUK": of_code(letter.puk),
               "PUK in the drawer": of_code(drawer.puk), "personal password": of_text(PERSONAL)}
    known = {"uid": of_text(registered.uid)}
    for places in (while_waiting, once_printed):
        assert found_in(places, secrets) == []
        # The same search, in the same places, finds what has to be there.
        assert {where.split()[0] for _, where in found_in(places, known)} == {"memory", "file", "entry"}
    # All of it does work: what was looked for is what opens.
    assert w.portald.confirm(link.token).verdict == "OK"
    assert w.portald.authenticate(confirmed.mail, letter.password).account == "NEW_PASSWORD"
    assert w.portald.recover(active.mail, code, drawer.puk).verdict == "OK"
    assert w.portald.authenticate(active.mail, PERSONAL).verdict == "OK"
