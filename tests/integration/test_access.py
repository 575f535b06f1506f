"""Who may do what in the directory: the table of access rules, against a real slapd."""

import itertools
import re
import statistics
import time

import ldap
import pytest

from ldap_client import (CUSTOMER_PASSWORD, bound, customers_base, entry, listed, modify, open_connection,
                         read, ssha)
from sandbox import SOURCE

WHO = ("anonymous", "customer", "support", "admin", "portald")
NUMBERS = itertools.count(1)

# What each column of the table has, with a value that passes the formats.
IDENTITY = {
    "cn": "Erika Muster", "sn": "Muster", "givenName": "Erika", "mail": "erika@example.org",
    "postalAddress": "Erika Muster$Weg 1$12345 Ort", "preferredLanguage": "de",
    "portalBirthDate": "1960-01-31",
}
PASSWORD = {"userPassword": ssha(CUSTOMER_PASSWORD), "pwdReset": "FALSE"}
SECRETS = {"portalPUK": "$argon2id$x", "portalTOTPSecret": b"\x01\x02", "portalCode": "hash 1 2"}
STATE = {
    "portalState": "active", "portalRevision": "7", "portalPending": "hash 20300101000000Z a@b.example",
    "portalJob": "01J0000000000000000000000", "portalConsent": "terms 1 00 20240101000000Z",
    "portalInitialPasswordExpires": "20300101000000Z", "portalPasswordChanged": "20240101000000Z",
    "portalLetter": "initial 01J queued 20240101000000Z", "portalLetterAddress": b"\x01",
    "portalTOTPLastStep": "5", "portalPasswordFailures": "1", "portalTOTPFailures": "1",
    "portalPUKFailures": "1", "portalPasswordRetryAfter": "20240101000000Z",
    "portalTOTPRetryAfter": "20240101000000Z", "portalPUKRetryAfter": "20240101000000Z",
    "portalSessionEpoch": "1", "portalLockReason": "somebody", "portalLastLogin": "20240101000000Z",
    "portalRequestResult": "20240101000000Z letter ok", "portalConfirmedMail": "alt@example.org",
    "portalFormerMail": "alt@example.org 20300101000000Z 01JAZZZZZZ0000000000000000 -",
}
REQUEST = {"portalRequest": "letter"}
COLUMNS = {"identity": IDENTITY, "password": PASSWORD, "secrets": SECRETS, "state": STATE,
           "request": REQUEST}
# Who may read and who may write a column; nobody reads userPassword (its own test).
READERS = {
    "identity": {"support", "admin", "portald"}, "secrets": {"portald"},
    "state": {"support", "admin", "portald"}, "request": {"support", "admin", "portald"},
}
WRITERS = {
    "identity": {"admin", "portald"}, "password": {"portald"}, "secrets": {"portald"},
    "state": {"portald"},
}


def cells(*columns):
    return [(who, column, name) for column in columns for who in WHO for name in COLUMNS[column]]


@pytest.fixture
def customer(directory):
    """The DN of a new customer who has a value in every column."""
    uid = f"t-{next(NUMBERS)}"
    dn = f"uid={uid},{customers_base(directory)}"
    with bound(directory, "root") as root:
        root.add_s(dn, entry(uid, **IDENTITY, **SECRETS, **STATE, **REQUEST,
                             userPassword=PASSWORD["userPassword"], pwdReset="FALSE"))
        yield dn
        try:
            root.delete_s(dn)
        except ldap.NO_SUCH_OBJECT:
            pass


def refused(connection, dn, *changes):
    """Whether the server refuses for want of rights, and nothing else."""
    try:
        modify(connection, dn, *changes)
    except (ldap.INSUFFICIENT_ACCESS, ldap.NO_SUCH_OBJECT, ldap.STRONG_AUTH_REQUIRED):
        return True
    return False


def search(connection, base, text="(objectClass=*)"):
    """What is found below base; nothing, when base itself can't be seen."""
    try:
        return connection.search_s(base, ldap.SCOPE_SUBTREE, text, ["1.1"])
    except ldap.NO_SUCH_OBJECT:
        return []


def test_table_names_every_attribute_of_the_class():
    """One that is forgotten in the rules would fall to the last rule, as identity."""
    text = (SOURCE / "schema" / "portal.schema").read_text(encoding="utf-8")
    named = set(re.findall(r"NAME '(portal\w+)'", text)) - {"portalCustomer", "portalPolicyNumber"}
    table = {name for column in COLUMNS.values() for name in column if name.startswith("portal")}
    assert table == named


@pytest.mark.parametrize("who,column,name", cells(*READERS))
def test_read(directory, customer, who, column, name):
    with bound(directory, who, customer) as connection:
        assert (name in read(connection, customer, name)) == (who in READERS[column])


def compares(connection, dn, name, value):
    """Whether the server says that dn has this value; None where it doesn't say."""
    try:
        return connection.compare_s(dn, name, listed(value)[0])
    except (ldap.INSUFFICIENT_ACCESS, ldap.NO_SUCH_OBJECT, ldap.STRONG_AUTH_REQUIRED, ldap.NO_SUCH_ATTRIBUTE,
            ldap.UNDEFINED_TYPE, ldap.INAPPROPRIATE_MATCHING):
        return None


@pytest.mark.parametrize("who,column,name", cells(*READERS))
def test_compare_and_filter_tell_only_who_may_read(directory, customer, who, column, name):
    """A filter or a comparison on what one may not read would be an oracle for its value."""
    value = listed(COLUMNS[column][name])[0]
    may = who in READERS[column]
    text = "".join(f"\\{byte:02x}" for byte in value)
    with bound(directory, who, customer) as connection:
        assert (compares(connection, customer, name, value) is True) == may
        for test in (f"({name}=*)", f"({name}={text})"):
            assert bool(search(connection, customer, test)) == may, test
        # Nor by what isn't so: an entry that is found because the value differs.
        if column == "secrets" and not may:
            assert not search(connection, customer, f"(!({name}={text}0))")
            assert not search(connection, customer, f"({name}>={text})")


@pytest.mark.parametrize("who", WHO)
@pytest.mark.parametrize("name", ("userPassword", "pwdReset", "pwdHistory"))
def test_compare_and_filter_tell_nothing_of_a_password(directory, customer, who, name):
    value = {"userPassword": PASSWORD["userPassword"], "pwdReset": b"FALSE", "pwdHistory": b"x"}[name]
    with bound(directory, who, customer) as connection:
        if who == "portald" and name != "userPassword":
            return
        assert compares(connection, customer, name, value) is None
        text = "".join(f"\\{byte:02x}" for byte in value)
        for test in (f"({name}=*)", f"({name}={text})", f"(!({name}={text}0))", f"(!({name}=*))"):
            assert not search(connection, customer, test), test


@pytest.mark.parametrize("who", WHO)
def test_nobody_reads_a_password(directory, customer, who):
    with bound(directory, who, customer) as connection:
        assert "userPassword" not in read(connection, customer, "userPassword", "*", "+")
        assert not search(connection, directory["PORTAL_LDAP_BASE"], "(userPassword=*)")


@pytest.mark.parametrize("who", ("anonymous", "customer", "support", "admin"))
@pytest.mark.parametrize("name", ("pwdReset", "pwdHistory"))
def test_only_portald_reads_reset_and_history(directory, customer, who, name):
    with bound(directory, "portald") as portald:
        modify(portald, customer, (ldap.MOD_REPLACE, "userPassword", ssha("ein anderes")),
               (ldap.MOD_REPLACE, "pwdReset", "FALSE"))
        assert name in read(portald, customer, name)
        modify(portald, customer, (ldap.MOD_REPLACE, "userPassword", PASSWORD["userPassword"]))
    with bound(directory, who, customer) as connection:
        assert name not in read(connection, customer, name)


@pytest.mark.parametrize("who,column,name", cells(*WRITERS))
def test_write(directory, customer, who, column, name):
    value = COLUMNS[column][name]
    may = who in WRITERS[column]
    with bound(directory, who, customer) as connection:
        assert refused(connection, customer, (ldap.MOD_REPLACE, name, value)) == (not may)
        if name not in ("cn", "sn"):
            assert refused(connection, customer, (ldap.MOD_DELETE, name, None)) == (not may)


@pytest.mark.parametrize("who,wish,may", [
    ("anonymous", "letter", False), ("customer", "letter", False), ("portald", "letter", False),
    ("support", "letter", True), ("support", "confirmation", True), ("support", "unblock", True),
    ("support", "UNBLOCK", True), ("support", "restart", False), ("support", "lock", False),
    ("support", "lock letter", False), ("support", "letter x", False), ("support", "letters", False),
    ("support", "letter\nlock", False), ("support", "totp-off", False), ("support", "forget", False),
    ("support", "close", False), ("support", "leter", False), ("admin", "letter", True),
    ("admin", "restart", True), ("admin", "lock lost his phone", True), ("admin", "nonsense", True),
])
def test_add_wish(directory, customer, who, wish, may):
    with bound(directory, "root") as root:
        modify(root, customer, (ldap.MOD_DELETE, "portalRequest", None))
    with bound(directory, who, customer) as connection:
        assert refused(connection, customer, (ldap.MOD_ADD, "portalRequest", wish)) == (not may)


@pytest.mark.parametrize("who,wish,may", [
    ("anonymous", "letter", False), ("customer", "letter", False), ("support", "letter", True),
    ("support", "forget", False), ("admin", "letter", True), ("admin", "forget", True),
    ("portald", "letter", True), ("portald", "forget", True),
])
def test_take_back_wish(directory, customer, who, wish, may):
    with bound(directory, "root") as root:
        modify(root, customer, (ldap.MOD_REPLACE, "portalRequest", ["letter", "forget"]))
    with bound(directory, who, customer) as connection:
        assert refused(connection, customer, (ldap.MOD_DELETE, "portalRequest", wish)) == (not may)


def test_support_cannot_take_back_everything_at_once(directory, customer):
    with bound(directory, "support") as support:
        assert refused(support, customer, (ldap.MOD_DELETE, "portalRequest", None))
        assert refused(support, customer, (ldap.MOD_REPLACE, "portalRequest", "unblock"))


@pytest.mark.parametrize("who", ("anonymous", "support", "portald"))
def test_only_admins_add_and_delete_entries(directory, customer, who):
    with bound(directory, who) as connection:
        with pytest.raises((ldap.INSUFFICIENT_ACCESS, ldap.STRONG_AUTH_REQUIRED, ldap.NO_SUCH_OBJECT)):
            connection.add_s(f"uid=t-no,{customers_base(directory)}", entry("t-no"))
        with pytest.raises((ldap.INSUFFICIENT_ACCESS, ldap.STRONG_AUTH_REQUIRED, ldap.NO_SUCH_OBJECT)):
            connection.delete_s(customer)


@pytest.mark.parametrize("who", WHO)
def test_rename(directory, customer, who):
    """The RDN is identity, and so is the place in the tree, which nobody leaves."""
    base = customers_base(directory)
    with bound(directory, who, customer) as connection:
        for new_rdn, superior in ((f"uid=renamed-{next(NUMBERS)}", None),
                                  (customer.split(",")[0], f"ou=services,{directory['PORTAL_LDAP_BASE']}")):
            may = who == "admin" and superior is None
            try:
                connection.rename_s(customer, new_rdn, superior)
                done = True
            except (ldap.INSUFFICIENT_ACCESS, ldap.NO_SUCH_OBJECT, ldap.STRONG_AUTH_REQUIRED):
                done = False
            assert done == may
            if done:
                connection.rename_s(f"{new_rdn},{base}", customer.split(",")[0])


def test_who_deletes_and_adds_again_chose_no_password(directory, customer):
    """The new entry has nothing that lets anybody in: neither old secrets nor new ones."""
    uid = customer.split(",")[0].removeprefix("uid=")
    with bound(directory, "admin") as admin:
        admin.delete_s(customer)
        for name in ("password", "secrets", "state"):
            for attribute, value in COLUMNS[name].items():
                with pytest.raises(ldap.INSUFFICIENT_ACCESS):
                    admin.add_s(customer, entry(uid, **{attribute: value}))
        admin.add_s(customer, entry(uid, **IDENTITY))
        for attribute, value in (PASSWORD | SECRETS | STATE).items():
            assert refused(admin, customer, (ldap.MOD_ADD, attribute, value))
    with pytest.raises(ldap.INVALID_CREDENTIALS):
        with bound(directory, "customer", customer):
            pass


@pytest.mark.parametrize("who", ("support", "admin", "portald"))
def test_no_other_object_gives_somebody_rights(directory, customer, who):
    """Attributes of slapd's own that act on an entry: whom it may stand for, which policy it has."""
    with bound(directory, who) as connection:
        for name, value in (("authzTo", "dn.regex:.*"), ("authzFrom", "dn.regex:.*"),
                            ("pwdPolicySubentry", f"cn=services,ou=policies,{directory['PORTAL_LDAP_BASE']}")):
            assert refused(connection, customer, (ldap.MOD_REPLACE, name, value))


def test_admin_adds_and_deletes_an_entry(directory):
    dn = f"uid=t-yes,{customers_base(directory)}"
    with bound(directory, "admin") as admin:
        admin.add_s(dn, entry("t-yes", mail="yes@example.org"))
        admin.delete_s(dn)


@pytest.mark.parametrize("column,name", [(column, name) for column in ("password", "secrets", "state")
                                         for name in COLUMNS[column]])
def test_admin_cannot_add_an_entry_with(directory, column, name):
    """Not even by deleting one and adding it again may an administrator choose a password."""
    with bound(directory, "admin") as admin, pytest.raises(ldap.INSUFFICIENT_ACCESS):
        admin.add_s(f"uid=t-with,{customers_base(directory)}",
                    entry("t-with", **{name: COLUMNS[column][name]}))


@pytest.mark.parametrize("who", ("customer", "support", "admin"))
def test_nobody_sets_a_password_by_password_modify(directory, customer, who):
    with bound(directory, who, customer) as connection, pytest.raises(
            (ldap.INSUFFICIENT_ACCESS, ldap.NO_SUCH_OBJECT, ldap.UNWILLING_TO_PERFORM)):
        connection.passwd_s(customer, None, "ein ganz neues Kennwort")


@pytest.mark.parametrize("rdn", ("cn=decoy", "cn=portald"))
def test_a_thousand_wrong_binds_lock_nobody_out(directory, rdn, record_property):
    """The medians are for whoever looks; on a busy machine they decide nothing."""
    dn = f"{rdn},ou=services,{directory['PORTAL_LDAP_BASE']}"
    right = "ein-Kennwort-nur-fuer-hier"
    with bound(directory, "root") as root:
        # The decoy's own hash costs 19 MiB a try; here one that is quick, with the same policy.
        old = read(root, dn, "userPassword", "objectClass")
        modify(root, dn, *[] if "userPassword" in old else [(ldap.MOD_ADD, "objectClass", "simpleSecurityObject")],
               (ldap.MOD_REPLACE, "userPassword", ssha(right)))
        try:
            seconds = []
            connection = open_connection(directory["PORTAL_LDAP_URI"])
            for _ in range(1000):
                start = time.monotonic()
                with pytest.raises(ldap.INVALID_CREDENTIALS):
                    connection.simple_bind_s(dn, "falsch")
                seconds.append(time.monotonic() - start)
            connection.simple_bind_s(dn, right)
            connection.unbind_s()
            with pytest.raises(ldap.INVALID_CREDENTIALS):  # from elsewhere not even the right one
                open_connection(directory["PORTAL_LDAP_TCP_URI"]).simple_bind_s(dn, right)
            found = read(root, dn, "pwdAccountLockedTime", "pwdFailureTime")
            assert "pwdAccountLockedTime" not in found
            first, last = (statistics.median(seconds[part]) * 1e3 for part in (slice(0, 100), slice(-100, None)))
            record_property(f"median of a wrong bind of {rdn}, ms", f"{first:.2f} before, {last:.2f} after 900")
            print(f"{rdn}: median {first:.2f} ms at first, {last:.2f} ms after 900 wrong ones")
            with bound(directory, "portald") as portald:
                assert portald.whoami_s() == f"dn:cn=portald,ou=services,{directory['PORTAL_LDAP_BASE']}"
                modify(portald, f"cn=decoy,ou=services,{directory['PORTAL_LDAP_BASE']}",
                       (ldap.MOD_REPLACE, "description", "0"))
        finally:
            modify(root, dn, (ldap.MOD_REPLACE, "userPassword", old.get("userPassword")),
                   *[] if "userPassword" in old else [(ldap.MOD_DELETE, "objectClass", "simpleSecurityObject")])


def test_customer_binds_on_the_local_socket_only(directory, customer):
    with bound(directory, "customer", customer) as connection:
        assert connection.whoami_s() == f"dn:{customer}"
    with pytest.raises(ldap.INVALID_CREDENTIALS):
        with bound(directory, "customer", customer, uri="PORTAL_LDAP_TCP_URI"):
            pass


@pytest.mark.parametrize("who", ("support", "admin"))
def test_staff_bind_on_the_local_socket_only(directory, who):
    with pytest.raises(ldap.INVALID_CREDENTIALS):
        with bound(directory, who, uri="PORTAL_LDAP_TCP_URI"):
            pass


@pytest.mark.parametrize("who", ("anonymous", "customer"))
def test_outsiders_see_nothing_at_all(directory, customer, who):
    with bound(directory, who, customer) as connection:
        for base in ("", "ou=customers,", "ou=services,", "ou=groups,", "ou=policies,"):
            assert not search(connection, f"{base}{directory['PORTAL_LDAP_BASE']}")


@pytest.mark.parametrize("who,may", [("support", False), ("admin", False), ("portald", True)])
def test_only_portald_touches_the_decoy(directory, who, may):
    dn = f"cn=decoy,ou=services,{directory['PORTAL_LDAP_BASE']}"
    with bound(directory, who) as connection:
        assert refused(connection, dn, (ldap.MOD_REPLACE, "description", who)) == (not may)
        assert refused(connection, dn, (ldap.MOD_REPLACE, "userPassword", ssha("x")))


@pytest.mark.parametrize("who", ("support", "admin", "portald"))
@pytest.mark.parametrize("rdn", ("cn=portal-admins,ou=groups", "cn=customers,ou=policies",
                                 "cn=sandbox-admin,ou=services"))
def test_nobody_raises_their_own_rights(directory, who, rdn):
    with bound(directory, who) as connection:
        dn = f"{rdn},{directory['PORTAL_LDAP_BASE']}"
        me = connection.whoami_s().removeprefix("dn:")
        for name, value in (("member", me), ("userPassword", ssha("x")),
                            ("pwdMaxFailure", "0"),
                            ("description", "x")):
            assert refused(connection, dn, (ldap.MOD_ADD, name, value))


def test_portald_sees_every_entry_and_support_is_limited(directory):
    """portald's watcher would stop at 500 wishes with the limits of everybody else."""
    base = customers_base(directory)
    dns = [f"uid=t-many-{number},{base}" for number in range(510)]
    with bound(directory, "root") as root:
        for number, dn in enumerate(dns):
            root.add_s(dn, entry(f"t-many-{number}"))
        try:
            with bound(directory, "portald") as portald:
                assert len(portald.search_s(base, ldap.SCOPE_ONELEVEL, attrlist=["1.1"])) > 500
            with bound(directory, "support") as support, pytest.raises(ldap.SIZELIMIT_EXCEEDED):
                support.search_s(base, ldap.SCOPE_ONELEVEL, attrlist=["1.1"])
        finally:
            for dn in dns:
                root.delete_s(dn)


def test_empty_password_is_nobody(directory, customer):
    """RFC 4513, 5.1.2: an unauthenticated bind; whoever checks passwords has to refuse it before."""
    connection = open_connection(directory["PORTAL_LDAP_URI"])
    with pytest.raises(ldap.UNWILLING_TO_PERFORM):
        connection.simple_bind_s(customer, "")
    connection.unbind_s()
