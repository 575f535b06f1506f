"""What the overlays hold: uniqueness, formats, policies; and the swap that portald's writes are."""

import itertools
import threading

import ldap
import pytest
from ldap.syncrepl import SyncRequestControl

from ldap_client import (CUSTOMER_PASSWORD, bound, customers_base, entry, modify, open_connection,
                         read, ssha)

NUMBERS = itertools.count(1)
CONFIRMED = ("initial", "active", "locked", "closed")


@pytest.fixture
def people(directory):
    """Makes customers and takes them away again: people(mail=…) returns a DN."""
    made = []
    with bound(directory, "root") as root:
        def make(**attributes):
            uid = f"o-{next(NUMBERS)}"
            dn = f"uid={uid},{customers_base(directory)}"
            root.add_s(dn, entry(uid, **attributes))
            made.append(dn)
            return dn
        yield make
        for dn in made:
            root.delete_s(dn)


@pytest.fixture
def portald(directory):
    with bound(directory, "portald") as connection:
        yield connection


@pytest.fixture
def admin(directory):
    with bound(directory, "admin") as connection:
        yield connection


def binds(box, dn, password):
    connection = open_connection(box["PORTAL_LDAP_URI"])
    try:
        connection.simple_bind_s(dn, password)
        return True
    except ldap.INVALID_CREDENTIALS:
        return False
    finally:
        connection.unbind_s()


# Uniqueness.

@pytest.mark.parametrize("state", CONFIRMED)
@pytest.mark.parametrize("mine", ("same@example.org", "SAME@Example.ORG"))
def test_confirmed_address_belongs_to_one_customer(people, portald, state, mine):
    people(mail="same@example.org", portalState=state)
    other = people(portalState="pending")
    with pytest.raises(ldap.CONSTRAINT_VIOLATION):
        modify(portald, other, (ldap.MOD_ADD, "mail", mine),
               (ldap.MOD_REPLACE, "portalState", "initial"))
    assert read(portald, other)["portalState"] == [b"pending"]


@pytest.mark.parametrize("state", (None, "provisioned", "pending"))
def test_nobody_squats_on_an_address_before_it_is_confirmed(people, portald, state):
    people(mail="free@example.org", portalState=state)
    other = people(portalState="pending")
    modify(portald, other, (ldap.MOD_ADD, "mail", "free@example.org"),
           (ldap.MOD_REPLACE, "portalState", "initial"))


def test_policy_number_belongs_to_one_customer(people, admin, directory):
    people(portalPolicyNumber=["U100", "U101"])
    other = people()
    with pytest.raises(ldap.CONSTRAINT_VIOLATION):
        modify(admin, other, (ldap.MOD_ADD, "portalPolicyNumber", "U101"))
    with pytest.raises(ldap.CONSTRAINT_VIOLATION):
        admin.add_s(f"uid=o-none,{customers_base(directory)}",
                    entry("o-none", portalPolicyNumber="U100"))


def test_of_many_who_take_one_address_at_once_one_gets_it(people, directory):
    """Without "serialize" several would."""
    dns = [people(portalState="pending") for _ in range(6)]
    results = []

    def take(dn, barrier):
        with bound(directory, "portald") as connection:
            barrier.wait()
            try:
                modify(connection, dn, (ldap.MOD_ADD, "mail", "race@example.org"),
                       (ldap.MOD_REPLACE, "portalState", "initial"))
                results.append("taken")
            except ldap.CONSTRAINT_VIOLATION:
                results.append("refused")

    barrier = threading.Barrier(len(dns))
    threads = [threading.Thread(target=take, args=(dn, barrier)) for dn in dns]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == ["refused"] * 5 + ["taken"]


# Formats and counts.

@pytest.mark.parametrize("name,value", [
    ("portalPolicyNumber", "VN 1"), ("portalPolicyNumber", "vn1"), ("portalPolicyNumber", "VN-1"),
    ("portalPolicyNumber", "VN1Ö"), ("portalPolicyNumber", "A" * 65),
    ("portalBirthDate", "31.01.1960"), ("portalBirthDate", "1960-13-01"),
    ("portalBirthDate", "1960-01-32"), ("portalBirthDate", "1960-1-1"),
    ("portalState", "Active"), ("portalState", "gone"), ("mail", "no-at-sign"), ("mail", "a@b@c"),
    ("mail", "a b@example.org"), ("mail", "<a@example.org>"), ("mail", "a@example.org\r\nBcc:b@c"),
    ("mail", ["a@example.org", "b@example.org"]), ("mail", "a" * 250 + "@b.de"),
    ("postalAddress", "1$2$3$4$5$6$7"), ("postalAddress", "1$$3"), ("postalAddress", "1\n2"),
    ("postalAddress", ["1$2", "3$4"]), ("portalRequest", [f"lock {n}" for n in range(17)]),
    ("portalPending", "x" * 513), ("portalPending", [f"{n} x" for n in range(257)]),
])
def test_format_is_refused(people, directory, name, value):
    dn = people()
    with bound(directory, "root") as root, pytest.raises(ldap.CONSTRAINT_VIOLATION):
        modify(root, dn, (ldap.MOD_REPLACE, name, value))


@pytest.mark.parametrize("name,value", [
    ("portalPolicyNumber", ["VN1X", "0815X"]), ("portalBirthDate", "1932-02-29"),
    ("mail", "Vorname.O'Neill+tag@sub.example.org"), ("postalAddress", "1$2$3$4$5$6"),
    ("postalAddress", "Café $ Weg \\24 5$Ελλάδα"), ("portalState", "closed"),
    ("portalRequest", "lock Telefon verloren, Größe egal"),
])
def test_format_is_taken(people, directory, name, value):
    dn = people()
    with bound(directory, "root") as root:
        modify(root, dn, (ldap.MOD_REPLACE, name, value))


def test_rules_for_customers_bind_nobody_else(directory):
    dn = f"cn=somebody,ou=services,{directory['PORTAL_LDAP_BASE']}"
    with bound(directory, "root") as root:
        root.add_s(dn, [("objectClass", [b"inetOrgPerson"]), ("sn", [b"x"]),
                        ("mail", [b"a@example.org", b"b@example.org"])])
        root.delete_s(dn)


# The swap: each write of portald deletes the old portalRevision and adds the next.

def test_swap_wins_when_nobody_was_faster(people, portald):
    dn = people(portalRevision="1")
    modify(portald, dn, (ldap.MOD_DELETE, "portalRevision", "1"),
           (ldap.MOD_ADD, "portalRevision", "2"), (ldap.MOD_REPLACE, "portalState", "pending"))
    assert read(portald, dn)["portalRevision"] == [b"2"]


def test_lost_swap_is_no_such_attribute_and_changes_nothing(people, portald):
    dn = people(portalRevision="2")
    with pytest.raises(ldap.NO_SUCH_ATTRIBUTE) as error:
        modify(portald, dn, (ldap.MOD_DELETE, "portalRevision", "1"),
               (ldap.MOD_ADD, "portalRevision", "2"), (ldap.MOD_REPLACE, "portalState", "pending"))
    assert error.value.args[0]["result"] == 16
    assert "portalState" not in read(portald, dn)


def test_lost_first_swap_is_type_or_value_exists(people, portald):
    dn = people()
    modify(portald, dn, (ldap.MOD_ADD, "portalRevision", "1"))
    with pytest.raises(ldap.TYPE_OR_VALUE_EXISTS) as error:
        modify(portald, dn, (ldap.MOD_ADD, "portalRevision", "1"),
               (ldap.MOD_REPLACE, "portalState", "pending"))
    assert error.value.args[0]["result"] == 20
    assert "portalState" not in read(portald, dn)


def test_lost_first_swap_to_another_number_is_refused_too(people, portald):
    dn = people(portalRevision="1")
    with pytest.raises((ldap.TYPE_OR_VALUE_EXISTS, ldap.CONSTRAINT_VIOLATION)):
        modify(portald, dn, (ldap.MOD_ADD, "portalRevision", "2"))


def test_address_is_swapped_by_its_exact_value(people, portald):
    dn = people(mail="old@example.org", portalState="active", portalRevision="1")
    with pytest.raises(ldap.NO_SUCH_ATTRIBUTE):
        modify(portald, dn, (ldap.MOD_DELETE, "mail", "another@example.org"),
               (ldap.MOD_ADD, "mail", "new@example.org"))
    modify(portald, dn, (ldap.MOD_DELETE, "mail", "old@example.org"),
           (ldap.MOD_ADD, "mail", "new@example.org"))


def test_of_many_swaps_at_once_one_wins(people, directory):
    dn = people(portalRevision="1")
    results = []

    def swap(barrier):
        with bound(directory, "portald") as connection:
            barrier.wait()
            try:
                modify(connection, dn, (ldap.MOD_DELETE, "portalRevision", "1"),
                       (ldap.MOD_ADD, "portalRevision", "2"))
                results.append("won")
            except ldap.NO_SUCH_ATTRIBUTE:
                results.append("lost")

    barrier = threading.Barrier(6)
    threads = [threading.Thread(target=swap, args=(barrier,)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == ["lost"] * 5 + ["won"]


# Policies.

def test_one_modify_carries_hash_state_reset_and_revision(people, portald, directory):
    dn = people(portalRevision="1", portalState="pending")
    modify(portald, dn, (ldap.MOD_DELETE, "portalRevision", "1"),
           (ldap.MOD_ADD, "portalRevision", "2"),
           (ldap.MOD_REPLACE, "userPassword", ssha(CUSTOMER_PASSWORD)),
           (ldap.MOD_REPLACE, "pwdReset", "TRUE"), (ldap.MOD_REPLACE, "portalState", "initial"))
    assert read(portald, dn, "pwdReset")["pwdReset"] == [b"TRUE"]
    with bound(directory, "customer", dn) as customer, pytest.raises(ldap.INSUFFICIENT_ACCESS,
                                                                     match="restricted"):
        customer.search_s(dn, ldap.SCOPE_BASE)


def test_hash_of_libsodium_binds(people, portald, directory):
    """crypto_pwhash_str of "Korrektes Pferd", 8 MiB, so that the test is quick."""
    dn = people()
    value = ("{ARGON2}$argon2id$v=19$m=8192,t=1,p=1$mCyqx/WZtYoKuvG6hNfVIg$"
             "CynmephRjOyWkKN273XhFD7Hzj9dYhFhK/uuYkz3NSg")
    modify(portald, dn, (ldap.MOD_REPLACE, "userPassword", value))
    assert binds(directory, dn, "Korrektes Pferd")
    assert not binds(directory, dn, "Korrektes pferd")


def test_history_keeps_the_last_five_for_portald_to_check(people, portald):
    dn = people()
    for number in range(8):
        modify(portald, dn, (ldap.MOD_REPLACE, "userPassword", ssha(f"Kennwort {number}")))
    assert len(read(portald, dn, "pwdHistory")["pwdHistory"]) == 5


def test_customer_is_locked_out_at_100_until_portald_takes_it_back(people, portald, directory):
    """Taking pwdAccountLockedTime away takes pwdFailureTime along, which nobody may write."""
    dn = people(userPassword=ssha(CUSTOMER_PASSWORD))
    for _ in range(99):
        assert not binds(directory, dn, "falsch")
    assert binds(directory, dn, CUSTOMER_PASSWORD)
    for _ in range(100):
        assert not binds(directory, dn, "falsch")
    assert not binds(directory, dn, CUSTOMER_PASSWORD)
    modify(portald, dn, (ldap.MOD_DELETE, "pwdAccountLockedTime", None))
    assert "pwdFailureTime" not in read(portald, dn)
    assert binds(directory, dn, CUSTOMER_PASSWORD)


def test_wrong_binds_never_lock_the_admins_or_the_decoy(directory):
    """A decoy that is locked out answers sooner than a customer, which tells who is one."""
    base = directory["PORTAL_LDAP_BASE"]
    for dn in (f"cn=decoy,ou=services,{base}", directory["PORTAL_ADMIN_DN"]):
        for _ in range(103):
            assert not binds(directory, dn, "falsch")
        with bound(directory, "root") as root:
            found = read(root, dn)
        assert "pwdAccountLockedTime" not in found
        assert 0 < len(found["pwdFailureTime"]) <= 5, "its write takes longer than a customer's"
    assert binds(directory, directory["PORTAL_ADMIN_DN"], directory["PORTAL_ADMIN_PW"])


def test_deleted_customer_can_be_added_again(people, admin, directory):
    dn = f"uid=o-again,{customers_base(directory)}"
    for _ in range(2):
        admin.add_s(dn, entry("o-again", mail="again@example.org"))
        admin.delete_s(dn)


def test_watcher_hears_of_wishes_at_once(people, admin, directory):
    """RFC 4533 with refreshAndPersist: a wish is an entry that comes to match, done one that doesn't."""
    dn = people()
    heard = []
    ready = threading.Event()

    def watch():
        with bound(directory, "portald") as connection:
            watcher = connection.search_ext(
                customers_base(directory), ldap.SCOPE_SUBTREE, "(portalRequest=*)", ["portalRequest"],
                serverctrls=[SyncRequestControl(criticality=True, mode="refreshAndPersist")])
            ready.set()
            kind, found = ldap.RES_INTERMEDIATE, None
            while kind == ldap.RES_INTERMEDIATE:
                kind, found, _id, _controls = connection.result3(watcher, all=0, timeout=10)
            heard.append((kind, found))

    thread = threading.Thread(target=watch)
    thread.start()
    ready.wait()
    modify(admin, dn, (ldap.MOD_ADD, "portalRequest", "letter"))
    thread.join()
    assert heard[0][0] == ldap.RES_SEARCH_ENTRY
    assert heard[0][1][0][0] == dn

