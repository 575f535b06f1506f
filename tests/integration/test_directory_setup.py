"""portal-directory on servers that have other things already: what it brings, what it leaves alone,
and what is there again after remove."""

import os
import subprocess
import sys

import ldap
import pytest

from ldap_client import CUSTOMER_PASSWORD, entry, open_connection, ssha
from sandbox import SOURCE

sys.path.append(str(SOURCE / "tests"))
from sandboxlib import process  # noqa: E402

SUFFIX = "dc=example,dc=org"
ROOT = f"cn=admin,{SUFFIX}"
CUSTOMERS = f"ou=customers,{SUFFIX}"
ROOT_PASSWORD = "nur-in-diesem-Test"
SKIPPED = ("olcModuleLoad",)  # slapd can't unload a module
TOOL = SOURCE / "schema" / "portal-directory"


class Stock:
    """slapd as Debian's postinst leaves it, from the file that it is made from."""

    def __init__(self, place):
        self.place = place
        for name in ("config", "data"):
            (place / name).mkdir()
        self.uri = "ldapi://" + str(place / "s").replace("/", "%2F")
        self.tcp_uri = f"ldap://127.0.0.1:{process.free_port()}"
        self.record = place / "record"
        self.pid = None
        self._load("0", self._init_ldif())
        self._load("1", f"dn: {SUFFIX}\nobjectClass: dcObject\nobjectClass: organization\ndc: example\no: example\n")

    def _init_ldif(self):
        with open("/usr/share/slapd/slapd.init.ldif", encoding="utf-8") as file:
            text = file.read()
        for old, new in (("/var/run/slapd", self.place), ("/var/lib/ldap", self.place / "data"), ("@SUFFIX@", SUFFIX),
                         ("@PASSWORD@", ROOT_PASSWORD), ("gidNumber=0+uidNumber=0",
                                                         f"gidNumber={os.getgid()}+uidNumber={os.getuid()}")):
            text = text.replace(old, str(new))
        lines = []
        for line in text.splitlines():
            if line.startswith("include: file://"):
                with open(line.removeprefix("include: file://"), encoding="utf-8") as file:
                    lines.append(file.read())
            lines.append("" if line.startswith("include:") else line)
        return "\n".join(lines)

    def _load(self, database, text):
        subprocess.run(["/usr/sbin/slapadd", "-n", database, "-F", self.place / "config"], input=text, text=True,
                       check=True, capture_output=True)

    def start(self):
        log = self.place / "log"
        self.pid = process.start(["/usr/sbin/slapd", "-d", "0", "-F", str(self.place / "config"), "-h",
                                  f"{self.uri} {self.tcp_uri}"], log)

        def answers():
            try:
                self.connect().unbind_s()
                return True
            except ldap.SERVER_DOWN:
                return False
        process.wait_for("slapd", self.pid, answers, log)
        return self

    def stop(self):
        process.end(self.pid)

    def connect(self, dn="", password="", uri=None):
        connection = open_connection(uri or self.uri)
        connection.simple_bind_s(dn, password)
        return connection

    def root(self):
        return self.connect(ROOT, ROOT_PASSWORD)

    def tool(self, what, *options, expect=0):
        options = ["--uri", self.uri, "--record", self.record, "--user", "7:8", *options] if what != "tree" else options
        done = subprocess.run([TOOL, what, *options], text=True, capture_output=True, check=False, timeout=60)
        assert done.returncode == expect, done.stdout + done.stderr
        return done.stdout + done.stderr

    def change(self, text):
        subprocess.run(["ldapmodify", "-Q", "-Y", "EXTERNAL", "-H", self.uri], input=text, text=True, check=True,
                       capture_output=True)

    def add_tree(self):
        subprocess.run(["ldapadd", "-c", "-x", "-D", ROOT, "-w", ROOT_PASSWORD, "-H", self.uri], text=True,
                       input=self.tool("tree"), capture_output=True, check=False)

    def config(self):
        """cn=config without the schema: {dn: {attribute: values in their order}}."""
        connection = open_connection(self.uri)
        connection.sasl_external_bind_s()
        try:
            found = connection.search_s("cn=config", ldap.SCOPE_SUBTREE, "(!(objectClass=olcSchemaConfig))")
        finally:
            connection.unbind_s()
        return {dn: {name: values for name, values in attributes.items() if name not in SKIPPED}
                for dn, attributes in found}

    def database(self):
        return self.config()[f"olcDatabase={{1}}mdb,cn=config"]


@pytest.fixture
def stock(tmp_path):
    server = Stock(tmp_path).start()
    yield server
    server.stop()


def test_a_second_time_changes_nothing(stock):
    stock.tool("apply")
    once = stock.config()
    assert "nothing to change" in stock.tool("apply")
    assert not stock.tool("apply", "--dry-run")
    assert stock.config() == once


def test_dry_run_shows_what_apply_does_and_does_nothing(stock):
    before = stock.config()
    shown = stock.tool("apply", "--dry-run")
    assert stock.config() == before and not stock.record.exists()
    stock.change(shown)
    applied = stock.config()
    assert applied != before
    stock.tool("apply")
    assert stock.config() == applied


def test_remove_gives_the_server_back_as_it_was(stock):
    before = stock.config()
    stock.tool("apply")
    assert stock.config() != before
    stock.tool("remove")
    assert stock.config() == before and not stock.record.exists()
    assert "nothing to change" in stock.tool("remove")
    stock.stop()
    stock.start()
    assert stock.config() == before


def test_customers_that_stay_are_read_by_nobody(stock):
    """Debian's own rules let everybody read everything but userPassword."""
    before = stock.config()
    stock.tool("apply")
    stock.add_tree()
    root = stock.root()
    root.add_s(f"uid=x,{CUSTOMERS}", entry("x", portalPUK="$argon2id$x", userPassword=ssha(CUSTOMER_PASSWORD)))
    assert "One access rule stays" in stock.tool("remove")
    anybody = stock.connect()
    assert not [dn for dn, _ in anybody.search_s(SUFFIX, ldap.SCOPE_SUBTREE) if dn.endswith(CUSTOMERS)]
    assert anybody.search_s(SUFFIX, ldap.SCOPE_BASE)
    with pytest.raises(ldap.INVALID_CREDENTIALS):
        stock.connect(f"uid=x,{CUSTOMERS}", CUSTOMER_PASSWORD)
    assert root.search_s(f"uid=x,{CUSTOMERS}", ldap.SCOPE_BASE)[0][1]["portalPUK"]
    for dn in (f"uid=x,{CUSTOMERS}", CUSTOMERS):
        root.delete_s(dn)
    stock.tool("remove")
    assert stock.config() == before and not stock.record.exists()


def test_a_site_and_portal_in_one_database_have_each_their_rules(stock):
    stock.tool("apply")
    stock.add_tree()
    clerk = f"cn=clerk,{SUFFIX}"
    secret = ssha(CUSTOMER_PASSWORD)
    root = stock.root()
    root.add_s(clerk, [("objectClass", [b"organizationalRole", b"simpleSecurityObject"]), ("cn", [b"clerk"]),
                       ("description", [b"of the site"]), ("userPassword", [secret])])
    root.add_s(f"uid=x,{CUSTOMERS}", entry("x", userPassword=secret))
    root.modify_s(f"cn=decoy,ou=services,{SUFFIX}", [(ldap.MOD_REPLACE, "userPassword", [secret])])
    # The site's: anybody reads, over TCP one may bind and change one's own password, as before.
    assert stock.connect().search_s(clerk, ldap.SCOPE_BASE)[0][1]["description"] == [b"of the site"]
    over_tcp = stock.connect(clerk, CUSTOMER_PASSWORD, stock.tcp_uri)
    over_tcp.modify_s(clerk, [(ldap.MOD_REPLACE, "userPassword", [secret])])
    # Portal's: neither an account of the site nor anybody else reads it, nor binds over TCP.
    for connection in (over_tcp, stock.connect()):
        found = {dn for dn, _ in connection.search_s(SUFFIX, ldap.SCOPE_SUBTREE)}
        assert found == {SUFFIX, clerk} | {f"ou={name},{SUFFIX}" for name in ("groups", "policies", "services")}
    for dn in (f"uid=x,{CUSTOMERS}", f"cn=decoy,ou=services,{SUFFIX}"):
        stock.connect(dn, CUSTOMER_PASSWORD)
        with pytest.raises(ldap.INVALID_CREDENTIALS):
            stock.connect(dn, CUSTOMER_PASSWORD, stock.tcp_uri)
    # Who administers Portal may do no more to the site than anybody.
    root.modify_s(f"cn=portal-admins,ou=groups,{SUFFIX}", [(ldap.MOD_ADD, "member", [clerk.encode()])])
    admin = stock.connect(clerk, CUSTOMER_PASSWORD)
    admin.modify_s(f"uid=x,{CUSTOMERS}", [(ldap.MOD_REPLACE, "sn", [b"Neu"])])
    for dn, name in ((clerk, "description"), (f"cn=portal-admins,ou=groups,{SUFFIX}", "description"),
                     (f"uid=x,{CUSTOMERS}", "userPassword")):
        with pytest.raises(ldap.INSUFFICIENT_ACCESS):
            admin.modify_s(dn, [(ldap.MOD_REPLACE, name, [b"x"])])


SITE = """\
dn: cn=module{0},cn=config
changetype: modify
add: olcModuleLoad
olcModuleLoad: unique.la
olcModuleLoad: ppolicy

dn: cn=config
changetype: modify
add: olcAuthzRegexp
olcAuthzRegexp: "^uid=([^,]+),cn=external,cn=auth$" "uid=$1,ou=people,dc=example,dc=org"
-
add: olcIndexSubstrIfMaxLen
olcIndexSubstrIfMaxLen: 6

dn: olcDatabase={1}mdb,cn=config
changetype: modify
add: olcDbIndex
olcDbIndex: sn,mail pres,sub
olcDbIndex: entryUUID eq
-
add: olcLimits
olcLimits: users size=2000
-
add: olcAccess
olcAccess: {0}to dn.subtree="ou=people,dc=example,dc=org" by users read by * none
-
add: olcAddContentAcl
olcAddContentAcl: FALSE

dn: olcOverlay=unique,olcDatabase={1}mdb,cn=config
changetype: add
objectClass: olcOverlayConfig
objectClass: olcUniqueConfig
olcOverlay: unique
olcUniqueURI: ldap:///ou=people,dc=example,dc=org?uid?sub

dn: olcOverlay=ppolicy,olcDatabase={1}mdb,cn=config
changetype: add
objectClass: olcOverlayConfig
objectClass: olcPPolicyConfig
olcOverlay: ppolicy
olcPPolicyDefault: cn=people,ou=policies,dc=example,dc=org
"""


def test_what_a_site_has_stays_and_comes_back(stock):
    stock.change(SITE)
    before = stock.config()
    said = stock.tool("apply")
    assert "default password policy holds for customers" in said
    after = stock.config()
    database = stock.database()
    # Its own rules are all there, behind Portal's, in their order.
    own = [rule.split(b"}", 1)[1] for rule in before["olcDatabase={1}mdb,cn=config"]["olcAccess"]]
    assert [rule.split(b"}", 1)[1] for rule in database["olcAccess"]][-len(own):] == own
    assert b"sn,mail pres,sub,eq" in database["olcDbIndex"] and b"mail eq" not in database["olcDbIndex"]
    assert database["olcDbIndex"].count(b"entryUUID eq") == 1
    unique = after["olcOverlay={0}unique,olcDatabase={1}mdb,cn=config"]["olcUniqueURI"]
    assert len(unique) == 3 and any(b"ou=people" in uri for uri in unique)
    assert (after["olcOverlay={1}ppolicy,olcDatabase={1}mdb,cn=config"] ==
            before["olcOverlay={1}ppolicy,olcDatabase={1}mdb,cn=config"])
    assert "nothing to change" in stock.tool("apply")
    stock.tool("remove")
    assert normal(stock.config()) == normal(before)


def normal(config):
    """The order of indexes and of unique's URIs means nothing."""
    return {dn: {name: sorted(values) if name in ("olcDbIndex", "olcUniqueURI") else values
                 for name, values in attributes.items()} for dn, attributes in config.items()}


def test_rules_that_came_later_stay_where_they_were_put(stock):
    stock.tool("apply")
    stock.change("dn: olcDatabase={1}mdb,cn=config\nchangetype: modify\nadd: olcAccess\n"
                 'olcAccess: {0}to dn.exact="cn=one" by * none\n')
    rules = stock.database()["olcAccess"]
    # An older record: one rule and one index too many, one too few.
    text = stock.record.read_text(encoding="utf-8").splitlines(keepends=True)
    stock.change("dn: olcDatabase={1}mdb,cn=config\nchangetype: modify\ndelete: olcAccess\nolcAccess: {2}\n-\n"
                 'add: olcAccess\nolcAccess: {1}to dn.exact="cn=former" by * none\n-\n'
                 "add: olcDbIndex\nolcDbIndex: description eq\n")
    text += ["olcdatabase={1}mdb,cn=config\tolcAccess\tto dn.exact=\"cn=former\" by * none\t\n",
             "olcdatabase={1}mdb,cn=config\tolcDbIndex\tdescription eq\t\n"]
    stock.record.write_text("".join(text), encoding="utf-8")
    stock.tool("apply")
    assert stock.database()["olcAccess"] == rules
    assert b"description eq" not in stock.database()["olcDbIndex"]
    stock.tool("remove")
    assert b'{0}to dn.exact="cn=one" by * none' in stock.database()["olcAccess"]


def test_what_an_earlier_version_left_is_brought_up_to_date(stock):
    """It kept no record, took the database's own rules away, and knew an attribute less."""
    stock.tool("apply", "--private")
    wanted = stock.config()
    stock.record.unlink()
    database = "dn: olcDatabase={1}mdb,cn=config\nchangetype: modify\n"
    own = len(stock.database()["olcAccess"]) - 3  # the last three are Debian's
    stock.change(database + "".join(f"delete: olcAccess\nolcAccess: {{{number}}}\n-\n"
                                    for number in (own + 2, own + 1, own, 5)) +
                 "delete: olcDbIndex\nolcDbIndex: portalState eq\n")
    stock.tool("apply")
    now = stock.config()
    assert ([rule for rule in now["olcDatabase={1}mdb,cn=config"]["olcAccess"]] ==
            wanted["olcDatabase={1}mdb,cn=config"]["olcAccess"][:own])
    assert b"portalState eq" in stock.database()["olcDbIndex"]
    assert "nothing to change" in stock.tool("apply")
    stock.tool("remove")
    assert not any(b"portal" in value for attributes in stock.config().values() for values in attributes.values()
                   for value in values)


def test_a_schema_that_lacks_an_attribute_gets_it(stock):
    source = (SOURCE / "schema" / "portal.schema").read_text(encoding="utf-8")
    start = source.index("attributetype ( portalAttribute:26 ")
    older = source[:start] + source[source.index("\n\n", start) + 2:]
    older = older.replace("portalRequest $\n        portalRequestResult", "portalRequest").replace(
        "portalRequestResult $ ", "")
    assert "portalRequestResult" not in older
    file = stock.place / "portal.schema"
    file.write_text(older, encoding="utf-8")
    ldif = subprocess.run(["awk", "-v", "name=portal", "-f", SOURCE / "schema" / "schema-to-ldif.awk", file], text=True,
                          check=True, capture_output=True).stdout
    subprocess.run(["ldapadd", "-Q", "-Y", "EXTERNAL", "-H", stock.uri], input=ldif, text=True, check=True,
                   capture_output=True)
    stock.tool("apply")
    stock.add_tree()
    root = stock.root()
    root.add_s(f"uid=y,{CUSTOMERS}", entry("y", portalRequestResult="20240101000000Z letter ok"))
    assert "nothing to change" in stock.tool("apply")
    stock.stop()
    stock.start()
    assert stock.root().search_s(f"uid=y,{CUSTOMERS}", ldap.SCOPE_BASE)[0][1]["portalRequestResult"]


def test_a_change_that_stops_half_way_is_gone_on_with(stock):
    """The site has an index that slapd refuses to have twice; here an overlay that can't be added."""
    before = stock.config()
    stock.tool("apply")
    # As if it had stopped after the record was written, and after the database, before the overlays.
    for dn in sorted((dn for dn in stock.config() if dn.startswith("olcOverlay=")), reverse=True):
        subprocess.run(["ldapdelete", "-Q", "-Y", "EXTERNAL", "-H", stock.uri, dn], check=True)
    stock.tool("apply")
    assert len([dn for dn in stock.config() if dn.startswith("olcOverlay=")]) == 4
    stock.tool("remove")
    assert stock.config() == before


@pytest.mark.parametrize("options,why", [
    (("--suffix", "dc=nobody"), "no database"), (("--uri", "ldapi://%2Fnowhere"), "can't be read"),
])
def test_what_cannot_be_done_changes_nothing(stock, options, why):
    before = stock.config()
    assert why in stock.tool("apply", *options, expect=1)
    assert stock.config() == before and not stock.record.exists()


def test_a_database_that_everybody_reads_is_not_taken_over_by_mistake(stock):
    stock.change("dn: olcDatabase={1}mdb,cn=config\nchangetype: modify\ndelete: olcAccess\n")
    assert "--private" in stock.tool("apply", expect=1)
    stock.tool("apply", "--private")
    # It stays private without being told again.
    assert "nothing to change" in stock.tool("apply")


def replication(stock, *options):
    """Gives the command, carries out what it says, and says what the database has then."""
    password = stock.place / "replicator.pw"
    password.write_text("nur-in-diesem-Test")
    text = stock.tool("replication", "--server-id", "1", "--password-file", str(password), "--ca", "/etc/ssl/certs/ca-certificates.crt",
                      *options)
    stock.change(text)
    return stock.database()


def test_replication_twice_changes_nothing_and_another_time_what_is_other(stock):
    stock.tool("apply")
    stock.change("dn: olcDatabase={1}mdb,cn=config\nchangetype: modify\nadd: olcLimits\n"
                 'olcLimits: {0}dn.exact="cn=site,dc=example,dc=org" size=7\n')
    before = stock.database()
    peers = ("--peer", "ldaps://127.0.0.1:9", "--peer", "ldaps://127.0.0.2:9")
    once = replication(stock, *peers, "--portald", "192.0.2.10")
    assert len(once["olcAccess"]) == len(before["olcAccess"]) + 5 and len(once["olcSyncrepl"]) == 2
    assert len(once["olcLimits"]) == len(before["olcLimits"]) + 1
    # A rule of the site's own in front of ours keeps its place.
    stock.change("dn: olcDatabase={1}mdb,cn=config\nchangetype: modify\nadd: olcAccess\n"
                 'olcAccess: {0}to attrs=pager by * none\n')
    once = stock.database()
    assert replication(stock, *peers, "--portald", "192.0.2.10") == once
    assert "nothing to change" in stock.tool("apply")
    # Another portald, and one peer less: nothing of the old is left, and nothing of the site's is gone.
    again = replication(stock, *peers[:2], "--portald", "192.0.2.11")
    assert len(again["olcSyncrepl"]) == 1 and len(again["olcAccess"]) == len(once["olcAccess"])
    assert not any(b"192.0.2.10" in value for value in again["olcAccess"])
    assert replication(stock, *peers[:2]) and not any(b"192.0.2" in value for value in stock.database()["olcAccess"])
    assert any(b"attrs=pager" in value for value in stock.database()["olcAccess"])


def test_a_server_that_replicates_is_not_taken_apart(stock):
    stock.tool("apply")
    stock.change("dn: cn=config\nchangetype: modify\nadd: olcServerID\nolcServerID: 1\n\n"
                 "dn: olcDatabase={1}mdb,cn=config\nchangetype: modify\nadd: olcSyncrepl\n"
                 "olcSyncrepl: rid=001 provider=ldapi://%2Fnowhere type=refreshAndPersist\n"
                 f'  searchbase="{SUFFIX}" bindmethod=simple retry="60 +"\n-\n'
                 "add: olcMultiProvider\nolcMultiProvider: TRUE\n")
    before = stock.config()
    assert "replicates" in stock.tool("remove", expect=1)
    assert stock.config() == before
