"""portald's directory against a real slapd: finding, verifying, swapping, and what stays in memory."""

import os
import time
from pathlib import Path

import ldap
import pytest

from directory_probe import (by_password, by_root, dn_of, epoch_of, people, probe,  # noqa: F401
                             probes, value_of)
from ldap_client import CUSTOMER_PASSWORD, bound, read, ssha, modify

HASH = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNO-_"
PENDING = HASH + " 20301122110000Z anna@example.org"
ULID = "01ARYZ6S41TSV4RRFFQ69G5FAV"
# A sanitizer's shadow is larger, and holds no text.
SPAN_MAX = 256 << 20


# Finding.

def test_each_key_finds_its_entry(directory, people, probe):
    uid = people(mail="each@example.org", portalState="active", portalPolicyNumber="EACH1",
                 portalPending=PENDING, portalJob=ULID)
    with bound(directory, "root") as root:
        uuid = read(root, dn_of(directory, uid), "entryUUID")["entryUUID"][0].decode()
    for key, value in (("mail", "each@example.org"), ("mail", "EACH@example.ORG"),
                       ("login", "each@example.org"), ("confirmed", "each@example.org"),
                       ("policy", "EACH1"), ("uid", uid),
                       ("pending", HASH), ("uuid", uuid), ("job", ULID)):
        found = probe("find", key, value)
        assert (found.result, found["uid"], found["problem"]) == ("0", uid, ""), key
        assert found["uuid"] == uuid
        assert found["dn"] == dn_of(directory, uid)


@pytest.mark.parametrize("key", ("mail", "login", "confirmed", "policy", "uid", "uuid", "job", "pending"))
@pytest.mark.parametrize("value", (
    "*)(mail=*", "*", "", "d-*", ")(uid=*", "x)(|(uid=*))", "\\2a", "\\", "((((", "(", "anna\x01",
    "é" * 40, "x" * 10000, "*" * 43, "%s%n", "1.1;binary"))
def test_nothing_in_a_value_is_a_filter(people, probe, key, value):
    people(mail="filter@example.org", portalState="active", portalPending=PENDING, portalJob=ULID)
    assert probe("find", key, value).result == "ENOENT"
    assert probe("ping").result == "0"


def test_a_confirmed_address_wins_over_those_only_written_down(people, probe):
    people(mail="many@example.org")
    winner = people(mail="many@example.org", portalState="locked")
    people(mail="many@example.org", portalState="pending")
    assert probe("find", "mail", "many@example.org")["uid"] == winner
    assert probe("find", "login", "many@example.org")["uid"] == winner
    assert probe("find", "confirmed", "many@example.org")["uid"] == winner


def test_several_that_nobody_confirmed_are_several(people, probe):
    people(mail="two@example.org")
    people(mail="two@example.org", portalState="pending")
    assert probe("find", "mail", "two@example.org").result == "ENOTUNIQ"
    assert probe("find", "login", "two@example.org").result == "ENOTUNIQ"
    assert probe("find", "confirmed", "two@example.org").result == "ENOENT"


@pytest.mark.parametrize("state", ("provisioned", "pending", None))
def test_an_address_that_is_not_confirmed_is_found_as_such(people, probe, state):
    uid = people(mail="alone@example.org", portalState=state)
    assert probe("find", "mail", "alone@example.org")["uid"] == uid
    assert probe("find", "confirmed", "alone@example.org").result == "ENOENT"


def test_a_token_is_found_by_its_whole_hash_in_its_own_case(people, probe):
    people(portalPending=PENDING)
    assert probe("find", "pending", HASH).result == "0"
    for other in (HASH[:-1], HASH[:8], HASH.swapcase(), HASH + " ", HASH[:-1] + "A"):
        assert probe("find", "pending", other).result == "ENOENT", other


def test_secrets_come_only_when_asked_for(people, probe):
    uid = people(portalPUK="$argon2id$x", userPassword=ssha("x"))
    assert probe("find", "uid", uid)["puk"] == ""
    assert probe("find", "uid", uid, "secrets")["puk"] == "there"
    # The access rules let nobody read it, portald neither.
    assert probe("find", "uid", uid, "secrets")["password"] == ""


def test_password_history_is_read_as_slapd_writes_it(directory, people, probe):
    uid = people(userPassword=ssha("first"))
    for n in range(3):
        assert probe("find", "uid", uid).result == "0"
        assert probe("swap", "set", "userPassword", ssha(f"later {n}").decode()).result == "0"
    found = probe("find", "uid", uid, "secrets")
    assert found["problem"] == ""
    assert found["history"] == str(len(value_of(directory, uid, "pwdHistory"))) != "0"


def test_a_login_reads_all_that_it_decides_on_and_nothing_else(people, probe):
    people(mail="login@example.org", portalState="active", portalRevision="5",
           portalSessionEpoch="3", portalPasswordFailures="2", portalPUK="x",
           portalPending="not one of ours")
    found = probe("find", "login", "login@example.org")
    assert (found["problem"], found["state"], found["revision"], found["epoch"], found["failures"],
            found["mail"]) == ("", "active", "5", "3", "2", "login@example.org")
    assert (found["name"], found["puk"], found["pending"]) == ("", "", "0")


def test_an_entry_that_is_not_understood_is_malformed(people, probe):
    uid = people(portalPending="not one of ours")
    assert probe("find", "uid", uid)["problem"].startswith("portalPending: ")


def test_every_sample_customer_is_understood(directory, probe):
    for line in Path(directory["PORTAL_CUSTOMERS"]).read_text(encoding="utf-8").splitlines():
        uid = line.split()[0]
        assert probe("find", "uid", uid)["problem"] == "", uid


# Verifying.

def test_the_right_password_is_right_and_all_others_are_wrong(directory, people, probe):
    dn = dn_of(directory, people(userPassword=ssha(CUSTOMER_PASSWORD)))
    for password, result in ((CUSTOMER_PASSWORD, "0"), ("wrong", "EACCES"), (CUSTOMER_PASSWORD, "0"),
                             (CUSTOMER_PASSWORD + " ", "EACCES"), (CUSTOMER_PASSWORD[:-1], "EACCES"),
                             ("", "EINVAL"), ("x" * 1025, "EINVAL"), ("\xff", "EACCES")):
        assert probe("verify", dn, password).result == result, password


def test_an_empty_password_or_name_never_reaches_slapd(directory, probe):
    with bound(directory, "root") as root:
        before = operations(root)
        assert probe("verify", dn_of(directory, "c-0001"), "").result == "EINVAL"
        assert probe("verify", "-", "").result == "EINVAL"
        assert probe("verify", "", "anything").result == "EINVAL"
        assert probe("verify", "", "").result == "EINVAL"
        assert operations(root) == before


def operations(root):
    """How many binds slapd has begun, if it counts them."""
    try:
        found = root.search_s("cn=Bind,cn=Operations,cn=Monitor", ldap.SCOPE_BASE,
                              attrlist=["monitorOpInitiated"])
    except ldap.NO_SUCH_OBJECT:
        return None
    return found[0][1]["monitorOpInitiated"]


def test_an_entry_without_a_password_and_one_that_has_gone_are_wrong(directory, people, probe):
    assert probe("verify", dn_of(directory, people()), "anything").result == "EACCES"
    assert probe("verify", dn_of(directory, "gone"), "anything").result == "EACCES"


def test_the_decoy_is_always_wrong(directory, probe):
    decoy = f"cn=decoy,ou=services,{directory['PORTAL_LDAP_BASE']}"
    assert probe("verify", "-", "anything").result == "EACCES"
    with bound(directory, "root") as root:
        old = read(root, decoy, "userPassword")["userPassword"]
        modify(root, decoy, (ldap.MOD_REPLACE, "userPassword", ssha("known")))
        try:
            assert probe("verify", decoy, "known").result == "0"
            assert probe("verify", "-", "known").result == "EACCES"
        finally:
            modify(root, decoy, (ldap.MOD_REPLACE, "userPassword", old))


def test_a_verified_customer_does_not_become_the_service(directory, people, probe):
    uid = people(userPassword=ssha(CUSTOMER_PASSWORD), pwdReset="TRUE")
    assert probe("verify", dn_of(directory, uid), CUSTOMER_PASSWORD).result == "0"
    assert probe("find", "uid", uid).result == "0"
    assert probe("swap", "set", "portalState", "active").result == "0"
    # A bind that left the handle restricted (pwdReset) doesn't hinder the next one.
    assert probe("verify", dn_of(directory, uid), "wrong").result == "EACCES"
    assert probe("verify", dn_of(directory, uid), CUSTOMER_PASSWORD).result == "0"


def test_the_decoy_is_touched(directory, probe):
    decoy = f"cn=decoy,ou=services,{directory['PORTAL_LDAP_BASE']}"
    seen = set()
    for _ in range(3):
        assert probe("touch").result == "0"
        with bound(directory, "root") as root:
            seen |= set(read(root, decoy, "description")["description"])
        time.sleep(0.002)
    assert len(seen) == 3


# Swapping.

def test_a_swap_moves_the_revision_by_one(directory, people, probe):
    uid = people()
    for revision in ("1", "2", "3"):
        assert probe("find", "uid", uid).result == "0"
        assert probe("swap", "set", "portalState", "pending").result == "0"
        assert value_of(directory, uid, "portalRevision") == [revision]


def test_changes_are_carried_out_as_listed(directory, people, probe):
    uid = people(portalLockReason="old", portalJob=ULID)
    assert probe("find", "uid", uid).result == "0"
    assert probe("swap", "set", "portalState", "active", "clear", "portalLockReason", "_",
                 "clear", "portalLastLogin", "_", "remove", "portalJob", ULID,
                 "add", "portalConsent", "privacy 1", "add", "portalConsent", "terms 1",
                 "set", "pwdReset", "TRUE", "set", "portalPUK", "$argon2id$x").result == "0"
    with bound(directory, "root") as root:
        found = read(root, dn_of(directory, uid), "*", "pwdReset")
    assert found["portalState"] == [b"active"]
    assert "portalLockReason" not in found and "portalJob" not in found
    assert sorted(found["portalConsent"]) == [b"privacy 1", b"terms 1"]
    assert found["pwdReset"] == [b"TRUE"]


@pytest.mark.parametrize("before", (None, "7"))
@pytest.mark.parametrize("moved", (1, 2))
def test_who_comes_late_is_told_so(people, probes, before, moved):
    """Without a revision, one that moved once gives typeOrValueExists, twice constraintViolation."""
    uid = people(portalRevision=before)
    late, early = probes(), probes()
    assert late("find", "uid", uid).result == "0"
    for _ in range(moved):
        assert early("find", "uid", uid).result == "0"
        assert early("swap", "set", "portalState", "active").result == "0"
    assert late("swap", "set", "portalState", "pending").result == "ESTALE"
    assert late("find", "uid", uid)["state"] == "active"
    assert late("swap", "set", "portalState", "pending").result == "0"


def test_mail_is_swapped_by_its_exact_value(directory, people, probe):
    uid = people(mail="old@example.org", portalRevision="1")
    assert probe("find", "uid", uid).result == "0"
    by_root(directory, uid, (ldap.MOD_REPLACE, "mail", "corrected@example.org"))
    assert probe("swap", "set", "mail", "new@example.org").result == "ESTALE"
    assert value_of(directory, uid, "mail") == ["corrected@example.org"]
    assert probe("find", "uid", uid).result == "0"
    assert probe("swap", "set", "mail", "new@example.org").result == "0"
    assert value_of(directory, uid, "mail") == ["new@example.org"]


@pytest.mark.parametrize("mail", (None, "mine@example.org"))
def test_an_address_in_use_is_refused_as_such(directory, people, probe, mail):
    people(mail="taken@example.org", portalState="active")
    uid = people(mail=mail, portalState="pending")
    assert probe("find", "uid", uid).result == "0"
    answer = probe("swap", "set", "mail", "taken@example.org", "set", "portalState", "initial")
    assert answer.result == "EEXIST"
    assert "taken" not in answer.error
    assert value_of(directory, uid, "mail") == ([mail] if mail else [])
    assert value_of(directory, uid, "portalState") == ["pending"]


def test_a_value_that_the_directory_refuses_is_not_an_address_in_use(people, probe):
    uid = people()
    assert probe("find", "uid", uid).result == "0"
    assert probe("swap", "set", "portalState", "asleep").result == "EIO"
    # The constraint overlay says the same of an address that is none and of one that moved meanwhile.
    assert probe("swap", "set", "mail", "two words").result == "ESTALE"


def test_what_is_gone_cannot_be_removed_and_what_is_there_not_added(people, probe):
    uid = people(portalJob=ULID, portalRevision="3")
    assert probe("find", "uid", uid).result == "0"
    assert probe("swap", "remove", "portalJob", ULID[:-1] + "W").result == "ESTALE"
    assert probe("swap", "add", "portalJob", ULID).result == "ESTALE"
    assert probe("swap", "remove", "portalJob", ULID).result == "0"


def test_an_entry_that_has_gone_is_gone(directory, people, probe):
    uid = people()
    assert probe("find", "uid", uid).result == "0"
    with bound(directory, "root") as root:
        root.delete_s(dn_of(directory, uid))
    assert probe("swap", "set", "portalState", "active").result == "ENOENT"
    assert probe("find", "uid", uid).result == "ENOENT"


def test_what_the_access_rules_refuse_is_no_permission(directory, people, probes):
    uid = people()
    options, uri = None, directory["PORTAL_LDAP_URI"]
    with bound(directory, "root") as root:
        # Who reads everything and writes nothing of ours; over ldapi, where a password is taken.
        assert read(root, directory["PORTAL_SUPPORT_DN"])
    options, _ = by_password(directory, "support")
    support = probes(*options, uri=uri)
    assert support("find", "uid", uid).result == "0"
    assert support("swap", "set", "portalState", "active").result == "EPERM"


@pytest.mark.parametrize("change", (("set", "portalRevision", "9"), ("set", "entryUUID", "x")))
def test_nobody_changes_the_revision_by_hand(people, probe, change):
    assert probe("find", "uid", people()).result == "0"
    assert probe("swap", *change).result == "EINVAL"


def test_of_two_who_count_at_the_same_time_each_step_counts_once(directory, people, probes):
    uid = people()
    both = probes(), probes()
    for one in both:
        one.send("count", 200, uid, ms=60000)
    assert [one.receive().result for one in both] == ["0", "0"]
    assert epoch_of(directory, uid) == 400
    assert value_of(directory, uid, "portalRevision") == ["400"]


def test_four_threads_share_a_process(directory, people, probe):
    uid = people()
    assert probe("threads", 25, uid, ms=60000).result == "0"
    assert epoch_of(directory, uid) == 100


# What is left in memory.

def memory_holds(pid, needle):
    """Whether any writable memory of the process holds these bytes, stack and heap among it."""
    with open(f"/proc/{pid}/maps", encoding="ascii") as maps, open(f"/proc/{pid}/mem", "rb", 0) as mem:
        for line in maps:
            span, rights = line.split()[:2]
            if "w" not in rights:
                continue
            start, end = (int(number, 16) for number in span.split("-"))
            if end - start > SPAN_MAX:
                continue
            try:
                mem.seek(start)
                if needle in mem.read(end - start):
                    return True
            except (OSError, OverflowError):
                continue
    return False


def test_passwords_and_puks_do_not_stay_in_memory(directory, people, probes):
    """LD_BIND_NOW: what binds functions when they are first called saves the vector registers on the
    stack, and in those is whatever was copied last."""
    probe = probes(environment={"LD_BIND_NOW": "1"})
    marks = {name: f"{name}-{os.urandom(8).hex()}" for name in ("right", "wrong", "puk", "hash", "name")}
    uid = people(userPassword=ssha(marks["right"]), portalPUK=marks["puk"], cn=marks["name"])
    dn = dn_of(directory, uid)
    assert probe("find", "uid", uid, "secrets")["puk"] == "there"
    # The search works, then: what is still held is found, secret or not.
    assert memory_holds(probe.process.pid, marks["puk"].encode())
    assert memory_holds(probe.process.pid, marks["name"].encode())
    assert probe("swap", "set", "portalPUK", marks["hash"]).result == "0"
    assert probe("verify", dn, marks["right"]).result == "0"
    assert probe("verify", dn, marks["wrong"]).result == "EACCES"
    assert probe("forget").result == "0"
    for name in ("right", "wrong", "puk", "hash"):
        assert not memory_holds(probe.process.pid, marks[name].encode()), name
