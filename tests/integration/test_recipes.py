"""The recipes and reports of doc/directory.md: each block is run as it stands there, by an administrator of a sandbox's
slapd, with the password from a file where -W would ask for it."""

import re
import subprocess
import time

import ldap
import pytest

from ldap_client import bound, customers_base, entry, read
from sandbox import SOURCE

TEXT = (SOURCE / "doc" / "directory.md").read_text(encoding="utf-8")


def sections(title):
    """{heading, or what stands before the block: the block} of each block below a heading of two #."""
    part = re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", TEXT, re.MULTILINE | re.DOTALL)[1]
    found, heading = [], ""
    for match in re.finditer(r"^### ([^\n]*)$|^(?P<before>[^\n]+)\n\n```sh\n(?P<block>.*?)^```$", part,
                             re.MULTILINE | re.DOTALL):
        if match[1]:
            heading = match[1]
        else:
            found.append((heading, match["before"], match["block"]))
    return found


RECIPES, REPORTS = sections("Recipes"), sections("Reports")
HEAD = RECIPES[0][2]
NOW = REPORTS[0][2]


def stamp(days):
    return time.strftime("%Y%m%d%H%M%SZ", time.gmtime(time.time() + days * 86400))


@pytest.fixture
def shell(directory, tmp_path):
    """Runs a block; returns what it printed, and fails where any command of it does."""
    (tmp_path / ".portal-admin").write_text(directory["PORTAL_ADMIN_PW"], encoding="utf-8")
    (tmp_path / ".portal-admin").chmod(0o600)
    head = HEAD.replace("ldapi:///", directory["PORTAL_LDAP_URI"]).replace(
        "uid=anna,ou=people,dc=example,dc=org", directory["PORTAL_ADMIN_DN"])
    assert head.count("export") == 2 and directory["PORTAL_ADMIN_DN"] in head

    def run(block):
        done = subprocess.run(["bash", "-euo", "pipefail", "-c", head + block.replace(" -W ", " -y ~/.portal-admin ")],
                              cwd=tmp_path, env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"},
                              text=True, capture_output=True, check=False, timeout=60)
        assert done.returncode == 0, f"{block}\n{done.stdout}{done.stderr}"
        return done.stdout
    yield run
    with bound(directory, "root") as root:
        for dn, _ in root.search_s(customers_base(directory), ldap.SCOPE_ONELEVEL, "(uid=c-9*)", ["1.1"]):
            root.delete_s(dn)


def blocks(heading):
    found = [block for title, _, block in RECIPES if title == heading]
    assert found, f"directory.md has no recipe '{heading}'"
    return found


def test_recipes_do_what_they_say(directory, shell):
    one, two = (f"uid=c-900{number},{customers_base(directory)}" for number in (1, 2))
    with bound(directory, "admin") as admin:
        shell(blocks("A new customer")[0])
        assert read(admin, one, "postalAddress")["postalAddress"][0].decode().endswith("Köln")
        shell(blocks("Another address, or name")[0])
        assert read(admin, one)["sn"] == [b"Beispiel-Schmitz"]
        shell(blocks("A second policy, and one that goes to somebody else")[0])
        assert read(admin, one)["portalPolicyNumber"] == [b"VN9001002"]
        assert set(read(admin, two)["portalPolicyNumber"]) == {b"VN9002001", b"VN9001001"}
        wish, result = blocks("A wish")
        shell(wish)
        assert "portalRequest: letter" in shell(result)
        shell(blocks("A customer who goes")[0])
        assert not read(admin, one) and not read(admin, two)


def test_every_wish_of_the_table_may_be_written_and_is_known(directory, shell):
    rows = re.findall(r"^\| `([a-z-]+)( [a-z ]+)?` \|", TEXT[TEXT.index("### A wish\n"):TEXT.index("### A wish for")],
                      re.MULTILINE)
    table = (SOURCE / "portald" / "account-request.c").read_text(encoding="utf-8")
    known = re.search(r"no_such_wish\[\] =(.*?);", table, re.DOTALL)[1].replace('"\n    "', "")
    known = re.findall(r"[a-z]+(?:-[a-z]+)?(?=,|\.\"| \(a reason)", known.split(":", 1)[1])
    assert sorted(word for word, _ in rows) == sorted(known)
    shell(blocks("A new customer")[0])
    for word, reason in rows:
        shell(blocks("A wish")[0].replace("portalRequest: letter", f"portalRequest: {word}{reason}"))
    with bound(directory, "admin") as admin:
        written = read(admin, f"uid=c-9001,{customers_base(directory)}")["portalRequest"]
    assert len(written) == len(rows)


def test_bulk_wishes_reach_those_who_are_meant(directory, shell, tmp_path):
    expired, listed = blocks("A wish for many")
    base = customers_base(directory)
    with bound(directory, "root") as root:
        for uid, state, days in (("c-9010", "initial", -1), ("c-9011", "initial", 1), ("c-9012", "active", None)):
            times = {} if days is None else {"portalInitialPasswordExpires": stamp(days)}
            root.add_s(f"uid={uid},{base}", entry(uid, portalState=state, **times))
        # A name that LDIF writes in base64.
        root.add_s(f"uid=c-90-ä,{base}", entry("c-90-ä", portalPolicyNumber="TAE", portalState="initial",
                                              portalInitialPasswordExpires=stamp(-1)))
        shell(expired)
        assert {dn for dn, _ in root.search_s(base, ldap.SCOPE_ONELEVEL, "(portalRequest=letter)")} == {
            f"uid=c-9010,{base}", f"uid=c-90-ä,{base}"}
        (tmp_path / "policies.txt").write_text("TC9011\nTC9012\nNOBODYS\n", encoding="utf-8")
        shell(listed)
        assert {dn for dn, _ in root.search_s(base, ldap.SCOPE_ONELEVEL, "(portalRequest=close contract ended)")} == {
            f"uid=c-9011,{base}", f"uid=c-9012,{base}"}


# What a report finds, and something near it that it doesn't.
FOUND = {
    "Initial passwords that expire within a week:": (
        {"portalState": "initial", "portalInitialPasswordExpires": stamp(6)},
        {"portalState": "initial", "portalInitialPasswordExpires": stamp(8)}),
    "Initial passwords that have expired:": (
        {"portalState": "initial", "portalInitialPasswordExpires": stamp(-1)},
        {"portalState": "initial", "portalInitialPasswordExpires": stamp(1)}),
    "Locked, by whom and why:": (
        {"portalState": "locked", "portalLockReason": "somebody"}, {"portalState": "closed"}),
    "Letters that came back, and letters of which nobody knows whether they were printed:": (
        {"portalLetter": f"initial 01J returned {stamp(-1)}"}, {"portalLetter": f"initial 01J posted {stamp(-1)}"}),
    "Registrations that wait for a confirmation:": ({"portalState": "pending"}, {"portalState": "initial"}),
    "Many failures, and accounts that are blocked (100 in a row):": (
        {"portalTOTPFailures": "10"}, {"portalTOTPFailures": "9"}),
    "Active accounts that nobody has used for a year:": (
        {"portalState": "active", "portalLastLogin": stamp(-366)},
        {"portalState": "active", "portalLastLogin": stamp(-364)}),
    "Wishes that failed, and wishes that portald hasn't done yet:": (
        {"portalRequestResult": f"{stamp(0)} letter failed: no"}, {"portalRequestResult": f"{stamp(0)} letter ok"}),
    "Customers without an address to write to:": ({"postalAddress": None}, {}),
}


def test_every_report_is_tried_here():
    assert [before for _, before, _ in REPORTS[1:]] == list(FOUND)


@pytest.mark.parametrize("before,block", [(before, block) for _, before, block in REPORTS[1:]])
def test_report_finds_whom_it_names(directory, shell, before, block):
    with bound(directory, "root") as root:
        for uid, attributes in zip(("c-9020", "c-9021"), FOUND[before]):
            root.add_s(f"uid={uid},{customers_base(directory)}", entry(uid, **attributes))
        found = shell(NOW + block)
    assert "uid=c-9020" in found and "uid=c-9021" not in found


def test_every_attribute_of_the_schema_is_in_the_guide_and_its_man_page():
    schema = (SOURCE / "schema" / "portal.schema").read_text(encoding="utf-8")
    attributes = re.findall(r"attributetype \( \S+ NAME '(\w+)'", schema)
    assert len(attributes) >= 26
    table = re.search(r"^## Attributes\n(.*?)(?=^## |\Z)", TEXT, re.MULTILINE | re.DOTALL)[1]
    cells = " ".join(re.findall(r"^\|([^|]*)\|", table, re.MULTILINE))
    assert re.findall(r"`(portal\w+)`", cells) == attributes
    page = (SOURCE / "doc" / "portal-schema.5").read_text(encoding="utf-8")
    parts = dict(re.findall(r"^\.TP\n\.B (portal\w+)\n(.*\n)", page[page.index(".SH ATTRIBUTES"):], re.MULTILINE))
    assert list(parts) == attributes
    for name in attributes:
        definition = schema[schema.index(f"NAME '{name}'"):].split("\n\n")[0]
        kind = {"15": "text", "24": "time", "26": "text", "27": "integer", "40": "octets"}[
            re.search(r"1466\.115\.121\.1\.(\d+)", definition)[1]]
        values = "one value" if "SINGLE-VALUE" in definition else "many values"
        assert parts[name].startswith(f"({kind}, {values}"), f"{name}: {parts[name]}"
    for name in re.findall(r"objectclass \( \S+ NAME '(\w+)'", schema):
        assert f".B {name}\n" in page
