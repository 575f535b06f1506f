"""The directory as the administration interface: wishes written into portalRequest, and what comes of each."""

import json
import os
import re
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import ldap
import pytest

import ldap_client
from customer import World, is_gone, wait_for, with_password
from recoverer import PASSWORD, asked, with_puk
from sandbox import Sandbox
from totp_customer import set_up

SECOND = 5  # what a second is on a busy machine
ROOM, CROWD = 400, 600  # WAITING_MOST of a build for tests, and more than that


def dn(world, uid):
    return f"uid={uid},{ldap_client.customers_base(world.box)}"


def wish(world, uid, *words, who="admin"):
    with ldap_client.bound(world.box, who) as connection:
        ldap_client.modify(connection, dn(world, uid), (ldap.MOD_ADD, "portalRequest", list(words)))


def results(world, uid):
    """WORD … of each result, the oldest first."""
    return [r.split(" ", 1)[1] for r in sorted(world.entry(uid).get("portalRequestResult", []))]


def done(world, uid, count=1, seconds=20):
    """All results, once there are as many and no wish waits."""
    def look():
        entry = world.entry(uid)
        return "portalRequest" not in entry and len(entry.get("portalRequestResult", [])) >= count
    wait_for(look, seconds, f"{count} results for {uid}")
    return results(world, uid)


def fulfilled(world, uid, word, who="admin", **more):
    wish(world, uid, word, who=who)
    assert f"{word.split()[0].lower()} ok" in done(world, uid, **more)


def status(world):
    return world.portald.control("status")["watcher"]


def said(log, word):
    return log.read_text(encoding="utf-8").count(f"{word} for c-")


def resident(process_id):
    """In MB."""
    return int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{process_id}/status").read_text(encoding="utf-8"))[1]) / 1024


# --- every verb ---

def test_lock_and_unlock(world):
    c = with_puk(world)
    start = time.monotonic()
    fulfilled(world, c.uid, "lock Handy gestohlen; sagt sie")
    assert time.monotonic() - start < SECOND
    assert c.show()["locked"] == "Handy gestohlen, sagt sie; before: active"
    assert world.portald.authenticate(c.mail, PASSWORD).verdict == "LOCKED"
    fulfilled(world, c.uid, "unlock", count=2)
    assert world.portald.authenticate(c.mail, PASSWORD).verdict == "OK"


def test_close_and_reopen(world):
    c = with_puk(world)
    fulfilled(world, c.uid, "close")
    assert world.portald.authenticate(c.mail, PASSWORD).verdict == "CLOSED"
    fulfilled(world, c.uid, "REOPEN", count=2)
    assert c.state == "active"


def test_support_unblocks(world):
    c = with_puk(world, portalPasswordFailures="100")
    assert world.portald.authenticate(c.mail, PASSWORD).verdict == "THROTTLED"
    fulfilled(world, c.uid, "unblock", who="support")
    assert world.portald.authenticate(c.mail, PASSWORD).verdict == "OK"


def test_support_sends_letters_and_only_an_administrator_exceeds_the_limit(world):
    """Whoever wrote the wish is who changed the entry last."""
    c = with_puk(world)
    for n in range(1, 4):
        fulfilled(world, c.uid, "letter", who="support")
        wait_for(lambda n=n: len(c.show()["letters"]) == n, what="the letter")
        world.modify(c.uid, portalRequestResult=None)
    puk = world.entry(c.uid)["portalPUK"]
    wish(world, c.uid, "letter", who="support")
    said, = done(world, c.uid)
    assert said.startswith("letter failed: 3 letters") and "30 days" in said and "Administrators may" in said
    assert world.entry(c.uid)["portalPUK"] == puk and len(c.show()["letters"]) == 3
    fulfilled(world, c.uid, "letter", who="admin")
    assert len(c.show()["letters"]) == 4
    assert all(x["kind"] == "puk" for x in c.show()["letters"])


def test_a_wish_behind_another_that_portald_answered_is_not_known_to_be_an_administrators(world):
    c = with_puk(world)
    for _ in range(3):
        fulfilled(world, c.uid, "letter", who="admin")
        world.modify(c.uid, portalRequestResult=None)
    wish(world, c.uid, "lock", "unlock", "letter")
    said = done(world, c.uid, 3)
    assert {"lock ok", "unlock ok"} < set(said) and any(s.startswith("letter failed: 3 letters") for s in said)
    fulfilled(world, c.uid, "letter", who="admin", count=4)


def test_support_unblocks_five_times_a_day_over_both_ways(world):
    c = with_puk(world)

    def over_the_socket():
        return world.portald.ask("support", "CONTROL", JSON=json.dumps({"verb": "wish", "wish": "unblock", "who": c.uid}))
    for _ in range(3):
        fulfilled(world, c.uid, "unblock", who="support")
        world.modify(c.uid, portalRequestResult=None)
    for _ in range(2):
        assert over_the_socket().get("EXIT")[0] == 0
    world.modify(c.uid, portalPasswordFailures="100")
    refused = over_the_socket()
    assert refused.get("EXIT")[0] == 1 and b"5 times in a day" in refused.get("JSON")
    wish(world, c.uid, "unblock", who="support")
    said, = done(world, c.uid)
    assert said.startswith("unblock failed: ") and "Administrators may" in said
    assert world.portald.authenticate(c.mail, PASSWORD).verdict == "THROTTLED"
    fulfilled(world, c.uid, "unblock", who="admin")
    assert world.portald.authenticate(c.mail, PASSWORD).verdict == "OK"
    assert world.box.ctl("unblock", c.uid).returncode == 0
    over_the_socket()
    assert over_the_socket().get("EXIT")[0] == 1


def test_totp_off_and_restart(world):
    c = set_up(world, with_puk(world))
    world.wait_for_rest()
    mails = len(world.mails(c.mail))
    fulfilled(world, c.uid, "totp-off")
    assert c.show()["totp"] is False
    assert world.wait_for_mail(c.mail, mails + 1).reference
    fulfilled(world, c.uid, "restart", count=2)
    assert c.state == "initial"
    assert world.login(c.mail, c.letter().password, PASSWORD + "!", PASSWORD + "!").ok


def test_confirmation_goes_to_the_latest_address(world):
    c = world.customer()
    c.registered(f"alt-{c.mail}")
    first = c.registered()
    fulfilled(world, c.uid, "confirmation", who="support")
    second = world.wait_for_mail(c.mail, 2)
    assert second.token != first.token
    assert len(world.mails(f"alt-{c.mail}")) == 1
    consents = world.entry(c.uid)["portalConsent"]
    assert len(consents) == 2
    assert world.portald.confirm(second.token).verdict == "OK"
    assert world.portald.confirm(first.token).verdict == "LINK_DONE"
    wish(world, c.uid, "confirmation")
    assert any("failed: Links go to registrations" in s for s in done(world, c.uid, 2))


def test_confirmation_keeps_to_the_limits_of_mails(world):
    c = world.customer()
    c.registered()
    for n in (2, 3):
        fulfilled(world, c.uid, "confirmation", count=n - 1)
        world.wait_for_mail(c.mail, n)
        time.sleep(1.1)  # so that the results aren't of one second, and equal
    wish(world, c.uid, "confirmation")
    assert any("failed: Too many mails" in s for s in done(world, c.uid, 3))
    world.wait_for_rest()
    assert len(world.mails(c.mail)) == 3
    assert len(c.show()["pending"]) == 3


def test_confirmation_for_an_address_that_somebody_else_has(world):
    c = world.customer()
    c.registered()
    with_puk(world, mail=c.mail)
    wish(world, c.uid, "confirmation")
    assert "failed: Meanwhile another customer" in done(world, c.uid)[-1]


# --- forget ---

PERSONAL = {"telephoneNumber": "+49 89 1234567", "description;lang-de": "ruft immer montags an", "street": "Am Anger 7"}


def rows(world, uuid):
    return world.portald.control("queue-list", entry=uuid, all=True)["jobs"]


def test_forget_erases_the_person_and_withdraws_what_waits(fresh_world):
    w = fresh_world
    w.box.stop("print")
    c = w.customer()
    c.confirmed()
    before = w.entry(c.uid)
    w.modify(c.uid, **PERSONAL)
    uuid = c.show()["uuid"]
    fulfilled(w, c.uid, "forget")
    entry = w.entry(c.uid)
    kept = {"objectClass", "uid", "cn", "sn", "portalPolicyNumber", "portalState", "portalRevision", "portalSessionEpoch",
            "portalLockReason", "portalConsent", "portalRequestResult"}
    assert set(entry) == kept
    assert entry["cn"] == entry["sn"] == ["forgotten"] and entry["portalState"] == ["closed"]
    assert entry["portalPolicyNumber"] == [f"FORGOTTEN{uuid.replace('-', '').upper()}"]
    assert entry["portalConsent"] == before["portalConsent"]
    # What only the server shows of it, and the whole of it as text.
    with ldap_client.bound(w.box, "root") as root:
        everything = str(ldap_client.read(root, dn(w, c.uid), "*", "+"))
    for name in ("cn", "sn", "givenName", "mail", "postalAddress", "portalBirthDate", "portalPolicyNumber"):
        assert before[name][0] not in everything, name
    assert "pwdReset" not in everything
    # The letter and its mails go nowhere, and the queue's history names nobody.
    states = {(j["kind"], j["state"]) for j in rows(w, uuid)}
    assert ("letter", "withdrawn") in states and not states & {("letter", "ready"), ("mail", "ready")}
    w.box.stop("portald")
    text = b"".join(p.read_bytes() for p in (w.box.dir / "queue").glob("*"))
    personal = [c.mail, c.policy, c.birthdate] + [before[n][0] for n in ("cn", "sn", "givenName")]
    for word in personal + [line.strip() for line in before["postalAddress"][0].split("$")]:
        assert word.encode() not in text, word
    w.box.start("portald")
    # Nothing can be done with it any more but to begin anew.
    assert w.portald.register(c.policy, c.birthdate, c.mail).verdict == "OK"
    fulfilled(w, c.uid, "reopen", count=2)
    assert c.state == "provisioned"


def classes(world, uid, *names, **attributes):
    with ldap_client.bound(world.box, "root") as root:
        root.modify_s(dn(world, uid), [(ldap.MOD_ADD, "objectClass", [n.encode() for n in names]),
                                       *((ldap.MOD_ADD, name, [value.encode()]) for name, value in attributes.items())])


def test_forget_drops_other_classes_only_where_they_demand_what_must_go(world):
    c, harmless = with_puk(world), with_puk(world)
    classes(world, c.uid, "posixAccount", uidNumber="4711", gidNumber="4711", homeDirectory="/home/erika.muster", gecos="Erika")
    classes(world, harmless.uid, "labeledURIObject", labeledURI="https://example.org/~erika")
    for one in (c, harmless):
        fulfilled(world, one.uid, "forget")
        entry = world.entry(one.uid)
        assert not {"uidNumber", "gidNumber", "homeDirectory", "gecos", "labeledURI", "mail"} & entry.keys()
        assert one.state == "closed"
    ours = {"inetOrgPerson", "portalCustomer"}
    assert set(world.entry(c.uid)["objectClass"]) == ours
    assert set(world.entry(harmless.uid)["objectClass"]) == ours | {"labeledURIObject"}


def test_forget_says_what_it_cannot_take_away(world):
    """A structural class that can't go, and demands something personal."""
    with ldap_client.bound(world.box, "root") as root:
        name = dn(world, "c-resident")
        root.add_s(name, ldap_client.entry("c-resident", objectClass=["residentialPerson", "uidObject", "portalCustomer"],
                                           givenName=None, preferredLanguage=None, l="Neustadt", portalState="active"))
        try:
            wish(world, "c-resident", "forget")
            assert "failed: The directory doesn't let portald take away" in done(world, "c-resident")[-1]
            assert world.entry("c-resident")["l"] == ["Neustadt"] and world.entry("c-resident")["cn"] == ["Erika Muster"]
        finally:
            root.delete_s(name)


def test_forget_again_and_in_every_state(world):
    for state in ("provisioned", "pending", "active", "locked", "closed"):
        c = with_puk(world, state)
        fulfilled(world, c.uid, "forget")
        assert c.state == "closed" and c.show()["name"] == "forgotten"
    epoch = int(c.attribute("portalSessionEpoch"))
    time.sleep(1.1)
    fulfilled(world, c.uid, "forget", count=2)
    assert int(c.attribute("portalSessionEpoch")) > epoch


def test_portalctl_forgets_only_those_who_are_sure(world):
    c = with_puk(world)
    refused = world.box.ctl("forget", c.uid)
    assert refused.returncode == 2 and "--yes" in refused.stderr and c.state == "active"
    assert world.box.ctl("forget", c.uid, "--yes", "--reason", "Antrag vom 3. Mai").returncode == 0
    assert c.state == "closed" and world.portald.authenticate(c.mail, PASSWORD).verdict == "WRONG"
    assert world.box.ctl("confirmation", c.uid).returncode == 1


# --- what is wrong ---

@pytest.mark.parametrize("typed,said", [
    ("Lok", "There is no such wish"), ("unlock, please", "There is no such wish"), ("letter bitte", "Only lock and close"),
    ("unlock", "It is not locked"), ("zu\nlock", "There is no such wish"), ("\u00dc" * 250, "There is no such wish"),
    ("x" * 500, "There is no such wish"), ("reopen", "It is not closed"), ("totp-off", "TOTP is not set up"),
])
def test_impossible_wish_changes_nothing_else(world, typed, said):
    c = with_puk(world)
    before = world.entry(c.uid)
    wish(world, c.uid, typed)
    assert f"failed: {said}" in done(world, c.uid)[-1]
    after = world.entry(c.uid)
    for name in ("portalRequestResult", "portalRevision"):
        before.pop(name, None), after.pop(name, None)
    assert after == before


def test_malformed_entry_gets_a_result(world):
    c = with_puk(world, portalCode="Unfug")
    wish(world, c.uid, "lock")
    assert "failed: The entry holds values that can't be understood" in done(world, c.uid)[-1]
    world.modify(c.uid, portalCode=None)
    fulfilled(world, c.uid, "lock", count=2)


def test_entry_that_cannot_be_written_keeps_nobody_waiting(world):
    """A revision that has no next one: nothing can be swapped."""
    c, other = with_puk(world, portalRevision="18446744073709551615"), with_puk(world)
    wish(world, c.uid, "lock")
    fulfilled(world, other.uid, "lock")
    assert world.entry(c.uid)["portalRequest"] == ["lock"]
    wait_for(lambda: status(world)["troubled"] == 1, what="trouble")
    world.modify(c.uid, portalRevision="7")
    assert done(world, c.uid, seconds=90) == ["lock ok"]
    wait_for(lambda: status(world)["troubled"] == 0, what="the end of trouble")


# --- several ---

def test_several_wishes_are_done_in_the_order_of_the_list(world):
    c = with_puk(world)
    wish(world, c.uid, "close", "letter", "lock Test", "unlock", "sowas", "reopen", "unblock")
    said = done(world, c.uid, 7)
    assert sorted(said) == sorted(["lock ok", "unlock ok", "unblock ok", "letter ok", "close ok", "reopen ok",
                                   next(s for s in said if s.startswith("sowas failed"))])
    assert c.state == "active"


def test_only_the_last_results_are_kept(world):
    c = with_puk(world)
    for n in range(11):
        world.modify(c.uid, portalRequest=f"wunsch{n}")
        wait_for(lambda: "portalRequest" not in world.entry(c.uid), what="the result")
    said = results(world, c.uid)
    assert len(said) == 8 and any(s.startswith("wunsch10 ") for s in said)


def test_two_administrators_at_once_get_one_letter(world):
    c = with_puk(world)

    def ask(who):
        try:
            wish(world, c.uid, "letter", who=who)
            return 1
        except ldap.TYPE_OR_VALUE_EXISTS:
            return 0
    for _ in range(3):
        before = len(c.show()["letters"])
        world.modify(c.uid, portalRequestResult=None)
        with ThreadPoolExecutor(2) as pool:
            written = sum(pool.map(ask, ("admin", "admin")))
        assert written
        wait_for(lambda: "portalRequest" not in world.entry(c.uid), what="the result")
        assert 1 <= len(c.show()["letters"]) - before <= written
    assert world.portald.recover(c.mail, asked(world, c), c.puk).verdict == "WRONG"


def test_wishes_while_customers_log_in(world):
    """Each login writes the entry, too: neither loses what the other has done."""
    c = with_puk(world)
    stop = threading.Event()

    def guess():
        while not stop.is_set():
            world.portald.authenticate(c.mail, "falsch geraten")
    with ThreadPoolExecutor(2) as pool:
        tasks = [pool.submit(guess) for _ in range(2)]
        try:
            for n in range(5):
                world.modify(c.uid, portalRequestResult=None)
                fulfilled(world, c.uid, "lock" if n % 2 == 0 else "unlock")
        finally:
            stop.set()
        for t in tasks:
            t.result()
    assert c.state == "locked"


# --- downtime ---

def test_wishes_wait_for_portald_and_for_slapd(fresh_world):
    w = fresh_world
    a, b = with_puk(w), with_puk(w)
    w.box.stop("portald")
    wish(w, a.uid, "lock while portald is away")
    w.box.start("portald")
    assert done(w, a.uid) == ["lock ok"]
    w.box.stop("slapd")
    log = w.box.dir / "log" / "portald.log"  # "status" would wait for slapd itself
    wait_for(lambda: "New wishes can't be seen" in log.read_text(), 60, "the loss")
    w.box.start("slapd")
    wait_for(lambda: log.read_text().count("Wishes are seen as soon") >= 2, 60, "the return")
    w.box.stop("portald")
    wish(w, b.uid, "letter")
    w.box.restart("slapd")
    w.box.start("portald")
    assert done(w, b.uid, seconds=60) == ["letter ok"]
    wait_for(lambda: status(w)["state"] == "connected", 60, "the connection")
    for _ in range(2):
        w.box.restart("slapd")
        wish(w, a.uid, "unlock")
        done(w, a.uid, seconds=60)
        wish(w, a.uid, "lock")
        done(w, a.uid, seconds=60)
    assert a.state == "locked"


def test_without_syncprov_wishes_are_looked_for(fresh_world):
    w = fresh_world
    uri = w.box["PORTAL_LDAP_URI"]
    connection = ldap_client.open_connection(uri)
    connection.simple_bind_s("cn=admin,cn=config", w.box["PORTAL_ROOT_PW"])
    found = connection.search_s("cn=config", ldap.SCOPE_SUBTREE, "(objectClass=olcSyncProvConfig)", ["1.1"])
    connection.delete_s(found[0][0])
    connection.unbind_s()
    w.box.restart("portald")
    wait_for(lambda: status(w)["state"] == "polling", 30, "polling")
    c = with_puk(w)
    fulfilled(w, c.uid, "lock")
    fulfilled(w, c.uid, "unlock", count=2)
    assert "every second" in w.box.ctl("status").stdout


def test_killed_at_any_moment_a_wish_is_done_once(fresh_world):
    w = fresh_world
    w.box.stop("print")
    customers = [with_password(w) for _ in range(10)]
    for n, c in enumerate(customers):
        wish(w, c.uid, "letter", "lock", "unlock")
        time.sleep(0.012 * n)
        portald = int(w.box["PORTALD_PID"])
        os.kill(portald, signal.SIGKILL)
        wait_for(lambda p=portald: is_gone(p), 30, "the end of portald")
        w.box.start("portald")
    for c in customers:
        assert sorted(done(w, c.uid, 3, 60)) == ["letter ok", "lock ok", "unlock ok"]
        assert c.state == "active" and int(c.attribute("portalSessionEpoch")) == 1

    def settled():
        jobs = [rows(w, c.show()["uuid"]) for c in customers]
        return all([j["state"] for j in of if j["kind"] == "letter"] == ["ready"] for of in jobs)
    wait_for(settled, 100, "one letter each")
    for c in customers:
        assert [x["state"] for x in c.show()["letters"]] == ["queued"]


def test_thousands_of_wishes_at_once_and_logins_go_on(fresh_world):
    """16 a customer, which is as many as an entry may hold."""
    w = fresh_world
    c = with_password(w)
    many = [x.uid for x in w.unused]

    def login():
        start = time.monotonic()
        assert w.portald.authenticate(c.mail, PASSWORD).verdict == "OK"
        return time.monotonic() - start
    rest = sorted(login() for _ in range(40))[20]
    w.box.stop("portald")
    words = ["lock", "unlock", "unblock", "close", "reopen", *(f"wunsch-{n}" for n in range(11))]
    with ldap_client.bound(w.box, "admin") as connection:
        for uid in many:
            ldap_client.modify(connection, dn(w, uid), (ldap.MOD_ADD, "portalRequest", words))
    w.box.start("portald")
    busy = sorted(login() for _ in range(40))[20]
    start = time.monotonic()
    for uid in many:
        done(w, uid, 8, 60)
    print(f"{len(many) * len(words)} wishes in {time.monotonic() - start:.1f} s; a login {rest * 1000:.1f} ms, then {busy * 1000:.1f} ms")
    wait_for(lambda: status(w)["waiting"] == 0, what="the end")
    for uid in many:
        assert w.portald.control("show", who=uid)["state"] == "provisioned"


def test_first_come_first_served_and_more_than_may_wait():
    """Half as many again as may wait at a time in a build for tests: those that had no room are listed again."""
    box = Sandbox("--customers", str(CROWD))
    try:
        w = World(box)
        crowd = [c.uid for c in w.unused]
        log = Path(box["PORTALD_LOG"])
        memory = []
        for word, some in (("lock", crowd[:ROOM]), ("close", crowd)):
            order = [some[n * 7 % len(some)] for n in range(len(some))]
            box.stop("portald")
            log.write_text("", encoding="utf-8")
            with ldap_client.bound(box, "admin") as connection:
                for uid in order:
                    ldap_client.modify(connection, dn(w, uid), (ldap.MOD_ADD, "portalRequest", [word]))
            box.start("portald")
            wait_for(lambda: said(log, word) >= len(some) and status(w)["waiting"] == 0, 60, "the end")
            memory.append(resident(box["PORTALD_PID"]))
            outcome = re.findall(rf"{word} for (c-\d+)", log.read_text(encoding="utf-8"))
            assert sorted(outcome) == sorted(order), "each once"
            if len(some) <= ROOM:
                assert outcome == order
        keeps = "libasan" in Path(f"/proc/{box['PORTALD_PID']}/maps").read_text(encoding="utf-8")  # what was freed, for a while
        assert memory[1] - memory[0] < (64 if keeps else 8), f"{memory} MB"
        with ldap_client.bound(box, "root") as connection:
            waits = connection.search_s(ldap_client.customers_base(box), ldap.SCOPE_ONELEVEL, "(portalRequest=*)", ["1.1"])
            closed = connection.search_s(ldap_client.customers_base(box), ldap.SCOPE_ONELEVEL, "(portalState=closed)", ["1.1"])
        assert not waits and len(closed) == CROWD
    finally:
        box.close()
