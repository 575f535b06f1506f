"""Whatever an administrator, a migration or a crash of something else may have left in an entry: each request has an answer,
and portald goes on."""

from pathlib import Path

import pytest

import ldap_client
from customer import wait_for

PASSWORD = "Regen auf dem Zeltdach"
BIG = "18446744073709551615"
AT_ONCE = 50  # outcomes that the clerk tells in one go

# Of an active customer. None: taken away.
ODD = [
    ("mail", None), ("portalRevision", None), ("portalRevision", BIG), ("portalRevision", "-1"),
    ("portalRevision", "99999999999999999999999999"), ("portalState", None), ("portalState", "pending"),
    ("portalState", "initial"), ("portalState", "locked"), ("portalState", "closed"), ("portalPasswordFailures", "4294967295"),
    ("portalPasswordFailures", "4294967296"), ("portalPasswordFailures", "-5"), ("portalPasswordRetryAfter", "99991231235959Z"),
    ("portalPasswordRetryAfter", "00000101000000Z"), ("portalSessionEpoch", BIG), ("portalPasswordChanged", "19000101000000Z"),
    ("portalInitialPasswordExpires", "99991231235959Z"), ("portalLastLogin", "99991231235959Z"), ("userPassword", None),
    ("portalBirthDate", None), ("givenName", None), ("postalAddress", None), ("preferredLanguage", None), ("portalConsent", None),
    ("preferredLanguage", "tlh"), ("cn", "x" * 8000), ("sn", "\u202e\u0007 Müller"),
    ("portalLockReason", "y"),
    ("portalJob", ["01ARZ3NDEKTSV4RRFFQ69G5FAV"]),
]


@pytest.fixture(autouse=True)
def still_the_same_portald(sandbox):
    before = sandbox["PORTALD_PID"]
    yield
    with open(f"/proc/{before}/stat", encoding="ascii") as stat:
        assert stat.read().rpartition(")")[2].split()[0] not in "ZX", "portald has died"
    assert sandbox.ctl("status").returncode == 0


def settled(world):
    queue = world.portald.control("status")["queue"]["registration"]
    return not queue["ready"] and not queue["claimed"]


@pytest.mark.parametrize("name, value", ODD, ids=lambda v: str(v)[:30])
def test_odd_value_in_an_entry_ends_nothing(world, name, value):
    c = world.customer()
    mail = c.registered()
    assert world.portald.confirm(mail.token).verdict == "OK"
    world.modify(c.uid, portalState="active", userPassword=ldap_client.ssha(PASSWORD))
    before = world.entry(c.uid).get(name)
    world.modify(c.uid, **{name: value})
    for password in (PASSWORD, "falsch falsch", PASSWORD):
        reply = world.portald.authenticate(c.mail, password, PURPOSE=1)
        assert reply.verdict, reply.kind
        if reply.get("GRANT"):
            assert world.portald.change(c.mail, reply.get("GRANT"), PASSWORD + " neu").verdict
    assert world.portald.account(c.mail).verdict
    assert world.portald.register(c.policy, c.birthdate, f"neu-{c.uid}@example.org").verdict
    wait_for(lambda: settled(world), what="the end of matching")
    assert world.portald.link(mail.token).verdict
    assert world.portald.confirm(mail.token).verdict
    assert world.portald.control("show", who=c.uid)
    assert world.portald.not_me(mail.reference).verdict
    assert world.portald.control("show", who=c.uid)
    # Mended. What couldn't be written to it meanwhile is: the next test finds everything at rest.
    world.modify(c.uid, **{name: before})


def test_odd_entries_that_are_mended_leave_nothing_behind(world):
    world.wait_for_rest()


def untold(world):
    return {j["subject"]: j for j in world.portald.control("queue-list", untold=True)["jobs"]}


def tried(world, customers):
    """The mails to customers, once each was tried and waits for another try."""
    names = {c.uid for c in customers}
    found = [j for j in world.portald.control("queue-list", kind="mail", state="ready")["jobs"]
             if j["subject"] in names and j["attempts"]]
    return found if {j["subject"] for j in found} == names else None


def test_many_entries_that_cannot_be_written_to_hold_up_nobody(world):
    answer = Path(world.box["PORTAL_MAIL_ANSWER"])
    answer.write_text("rcpt 451 later")
    customers = world.unused[-AT_ONCE - 6:]  # others take the first
    for i, c in enumerate(customers):
        c.register(client=f"192.0.2.{i + 1}")
    mails = wait_for(lambda: tried(world, customers), seconds=60, what="attempts")
    waits, = [line for line in world.box.ctl("status").stdout.splitlines() if line.startswith("Mails wait:")]
    assert "451 later" in waits and f"queue show {min(j['id'] for j in mails)}" in waits
    *broken, sound = sorted(customers, key=lambda c: next(j["id"] for j in mails if j["subject"] == c.uid))
    before = {c.uid: world.entry(c.uid).get("portalRevision") for c in broken}
    for c in broken:
        world.modify(c.uid, portalRevision=BIG)
    answer.unlink()
    for job in mails:
        world.portald.control("queue-retry", id=job["id"])
    wait_for(lambda: world.mails(sound.mail) and "portalJob" not in world.entry(sound.uid), seconds=60, what="the outcome of the last")
    waiting = wait_for(lambda: len(x := untold(world)) == len(broken) and all("tell_note" in j for j in x.values()) and x,
                       seconds=60, what="the others' turn")
    assert set(waiting) == set(before)
    one, *others = broken
    assert "portalRevision" in waiting[one.uid]["tell_note"]
    assert "portalRevision" in world.box.ctl("queue", "show", waiting[one.uid]["id"]).stdout
    world.modify(one.uid, portalRevision=before[one.uid])
    assert world.box.ctl("queue", "retry", waiting[one.uid]["id"]).returncode == 0
    wait_for(lambda: "portalJob" not in world.entry(one.uid) and one.uid not in untold(world), what="the mended one's outcome")
    for c in others:
        world.modify(c.uid, portalRevision=before[c.uid])
        world.portald.control("queue-retry", id=waiting[c.uid]["id"])
    world.wait_for_rest()
    assert not any("portalJob" in world.entry(c.uid) for c in broken)
