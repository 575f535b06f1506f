"""The schema: both its forms load, say the same, and fit the searches that are made."""

import re
import subprocess
import time

import ldap
import pytest

from ldap_client import bound, customers_base, entry, modify
from sandbox import SOURCE

ARC = "2.25.315081712215738430245946462474272008980"
SLAPD_SCHEMAS = ("core", "cosine", "inetorgperson")
# Name, one or many values: written down here once more, so that none changes unnoticed.
ATTRIBUTES = {
    "portalPolicyNumber": "many", "portalBirthDate": "one", "portalState": "one",
    "portalRevision": "one", "portalPending": "many", "portalJob": "many", "portalConsent": "many",
    "portalInitialPasswordExpires": "one", "portalPasswordChanged": "one", "portalPUK": "one",
    "portalLetter": "many", "portalLetterAddress": "one", "portalCode": "one",
    "portalTOTPSecret": "one", "portalTOTPLastStep": "one", "portalPasswordFailures": "one",
    "portalTOTPFailures": "one", "portalPUKFailures": "one", "portalPasswordRetryAfter": "one",
    "portalTOTPRetryAfter": "one", "portalPUKRetryAfter": "one", "portalSessionEpoch": "one",
    "portalLockReason": "one", "portalLastLogin": "one", "portalRequest": "many",
    "portalRequestResult": "many", "portalConfirmedMail": "one",
    "portalFormerMail": "many",
}
TIMES = [name for name in ATTRIBUTES
         if name.endswith(("RetryAfter", "Expires")) or name in ("portalPasswordChanged",
                                                                 "portalLastLogin")]
INTEGERS = [name for name in ATTRIBUTES
            if name.endswith(("Failures", "Epoch", "Revision", "LastStep"))]


def served_schema(uri):
    """What a running slapd says its schema is, as {name: definition without blanks}."""
    connection = ldap.initialize(uri)
    found = connection.search_s("cn=Subschema", ldap.SCOPE_BASE,
                                attrlist=["attributeTypes", "objectClasses"])[0][1]
    connection.unbind_s()
    texts = [value.decode() for values in found.values() for value in values]
    named = ((re.search(r"NAME '(portal\w+)'", text), text) for text in texts)
    return {match[1]: " ".join(text.split()) for match, text in named if match}


@pytest.fixture
def slapd_conf(tmp_path):
    """A slapd.conf that includes portal.schema."""
    (tmp_path / "data").mkdir()
    includes = [f"/etc/ldap/schema/{name}.schema" for name in SLAPD_SCHEMAS]
    includes.append(SOURCE / "schema" / "portal.schema")
    path = tmp_path / "slapd.conf"
    path.write_text("".join(f"include {name}\n" for name in includes) +
                    "modulepath /usr/lib/ldap\nmoduleload back_mdb\n"
                    f"database mdb\nsuffix dc=example,dc=org\ndirectory {tmp_path}/data\n",
                    encoding="utf-8")
    return path


def test_slapd_conf_form_loads_in_a_real_slapd_and_says_the_same(slapd_conf, tmp_path, directory):
    uri = "ldapi://" + str(tmp_path / "s").replace("/", "%2F")
    with subprocess.Popen(["/usr/sbin/slapd", "-d", "0", "-f", slapd_conf, "-h", uri],
                          stderr=subprocess.PIPE) as server:
        try:
            until = time.monotonic() + 10
            served = None
            while served is None:
                assert server.poll() is None, server.stderr.read()
                assert time.monotonic() < until
                try:
                    served = served_schema(uri)
                except ldap.SERVER_DOWN:
                    time.sleep(0.02)
        finally:
            server.terminate()
    assert set(served) == set(ATTRIBUTES) | {"portalCustomer"}
    assert served == served_schema(directory["PORTAL_LDAP_URI"])


def test_every_oid_lies_in_the_arc_and_is_given_once(directory):
    served = served_schema(directory["PORTAL_LDAP_URI"])
    oids = {name: text.split()[1] for name, text in served.items()}
    assert len(set(oids.values())) == len(oids)
    for name in ATTRIBUTES:
        assert re.fullmatch(re.escape(ARC) + r"\.1\.[1-9][0-9]*", oids[name]), name
    assert oids["portalCustomer"] == f"{ARC}.2.1"


@pytest.mark.parametrize("name", ATTRIBUTES)
def test_attribute_has_as_many_values_as_the_design_says(directory, name):
    text = served_schema(directory["PORTAL_LDAP_URI"])[name]
    assert ("SINGLE-VALUE" in text) == (ATTRIBUTES[name] == "one")


@pytest.mark.parametrize("name", TIMES + INTEGERS)
def test_times_and_integers_can_be_ordered(directory, name):
    low, high = ("20240101000000Z", "20250101000000Z") if name in TIMES else ("9", "10")
    dn = f"uid=t-order,{customers_base(directory)}"
    with bound(directory, "root") as root:
        root.add_s(dn, entry("t-order", **{name: low}))
        try:
            found = [len(root.search_s(dn, ldap.SCOPE_BASE, f"({name}{test})"))
                     for test in (f"<={low}", f"<={high}", f">={high}", f"={low}")]
        finally:
            root.delete_s(dn)
    assert found == [1, 1, 0, 1]


def test_pending_link_is_found_by_the_beginning_of_its_value(directory):
    dn = f"uid=c-0001,{customers_base(directory)}"
    value = "0123456789abcdefABCDEF 20300101000000Z Anna.Beispiel@example.org"
    with bound(directory, "root") as root:
        modify(root, dn, (ldap.MOD_ADD, "portalPending", value))
        base = customers_base(directory)
        try:
            found = [len(root.search_s(base, ldap.SCOPE_SUBTREE, f"(portalPending={test})"))
                     for test in ("0123456789abcdefABCDEF *", "0123456789ABCDEFABCDEF *", "0124*")]
        finally:
            modify(root, dn, (ldap.MOD_DELETE, "portalPending", None))
    assert found == [1, 0, 0]


def test_request_is_caseless(directory):
    dn = f"uid=c-0001,{customers_base(directory)}"
    with bound(directory, "root") as root:
        modify(root, dn, (ldap.MOD_ADD, "portalRequest", "Letter"))
        try:
            assert root.search_s(dn, ldap.SCOPE_BASE, "(portalRequest=LETTER)")
        finally:
            modify(root, dn, (ldap.MOD_DELETE, "portalRequest", None))


def test_customer_needs_a_policy_number(directory):
    with bound(directory, "root") as root, pytest.raises(ldap.OBJECT_CLASS_VIOLATION):
        root.add_s(f"uid=t-none,{customers_base(directory)}", entry("t-none", portalPolicyNumber=None))


def test_searches_of_portald_use_an_index(directory):
    """slapd says so in its configuration; an attribute without an index costs a full scan."""
    connection = ldap.initialize(directory["PORTAL_LDAP_URI"])
    connection.simple_bind_s("cn=admin,cn=config", directory["PORTAL_ROOT_PW"])
    values = connection.search_s("olcDatabase={1}mdb,cn=config", ldap.SCOPE_BASE,
                                 attrlist=["olcDbIndex"])[0][1]["olcDbIndex"]
    connection.unbind_s()
    indexes = dict(value.decode().split(" ", 1) for value in values)
    needed = {"entryUUID": "eq", "mail": "eq", "portalPolicyNumber": "eq", "portalJob": "eq",
              "portalRequest": "pres", "portalState": "eq", "portalPending": "subinitial"}
    needed |= dict.fromkeys(TIMES, "eq")
    missing = {name: kind for name, kind in needed.items()
               if kind not in indexes.get(name, "").split(",")}
    assert not missing


def portal_directory(*arguments):
    return subprocess.run([SOURCE / "schema" / "portal-directory", *arguments], text=True,
                          capture_output=True, check=False)


def test_tree_can_be_added_over_ldap(directory):
    """The sandbox loads it offline; an operator adds it to a running server."""
    base = directory["PORTAL_LDAP_BASE"]
    done = portal_directory("tree", "--suffix", f"dc=inner,{base}", "--rootdn",
                            directory["PORTAL_ROOT_DN"])
    assert done.returncode == 0, done.stderr
    bind = ["-x", "-D", directory["PORTAL_ROOT_DN"], "-w", directory["PORTAL_ROOT_PW"],
            "-H", directory["PORTAL_LDAP_URI"]]
    try:
        subprocess.run(["ldapadd", *bind], input=done.stdout, text=True, check=True,
                       capture_output=True)
        with bound(directory, "root") as root:
            assert root.search_s(f"cn=decoy,ou=services,dc=inner,{base}", ldap.SCOPE_BASE)
    finally:
        subprocess.run(["ldapdelete", "-r", *bind, f"dc=inner,{base}"], check=False)


@pytest.mark.parametrize("arguments,status", [
    ((), 2), (("nonsense",), 2), (("apply", "--suffix"), 2), (("apply", "--nonsense", "x"), 2),
    (("apply", "--user", "nobody-of-this-name"), 1), (("apply", "--user", "1:x"), 1),
    (("apply", "--suffix", "dc=a)(cn=b"), 1),
    (("tree", "--suffix", "o=example"), 1), (("tree", "--suffix", "dc=a|b"), 1),
    (("tree", "--suffix", "dc=a&b"), 1), (("tree", "--suffix", ""), 1),
])
def test_portal_directory_refuses(arguments, status):
    done = portal_directory(*arguments)
    assert done.returncode == status
    assert done.stderr and not done.stdout


def test_portal_directory_fills_everything_in():
    done = portal_directory("tree", "--suffix", "dc=foo,dc=bar")
    assert done.returncode == 0
    filled = [line for line in done.stdout.splitlines() if not line.startswith("#")]
    assert not [line for line in filled if re.search("@[A-Z]+_?[A-Z]*@|example", line)]
