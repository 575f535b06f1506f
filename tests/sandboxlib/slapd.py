"""The sandbox's own slapd: its configuration, tree and customers. The way in is Slapd.create().

It is set up as an operator would set it up: a bare server, then portal-directory over ldapi; so
each sandbox tests that way, too.
"""

import base64
import hashlib
import os
import secrets
import subprocess
from pathlib import Path

from . import SandboxError, customers, process

SOURCE = Path(__file__).resolve().parents[2]
SUFFIX = "dc=example,dc=org"
SLAPD = "/usr/sbin/slapd"
DATABASE_SIZE_BASE = 64 << 20
DATABASE_SIZE_ENTRY = 16 << 10

BARE = """\
dn: cn=config
objectClass: olcGlobal
cn: config
olcPidFile: {dir}/slapd.pid
olcArgsFile: {dir}/slapd.args
olcLogLevel: none

dn: cn=module{{0}},cn=config
objectClass: olcModuleList
cn: module{{0}}
olcModulePath: /usr/lib/ldap
olcModuleLoad: back_mdb

dn: cn=schema,cn=config
objectClass: olcSchemaConfig
cn: schema

{schemas}
dn: olcDatabase={{-1}}frontend,cn=config
objectClass: olcDatabaseConfig
objectClass: olcFrontendConfig
olcDatabase: {{-1}}frontend
olcSizeLimit: 500
olcAccess: {{0}}to dn.exact="" by * read
olcAccess: {{1}}to dn.base="cn=Subschema" by * read

dn: olcDatabase={{0}}config,cn=config
objectClass: olcDatabaseConfig
olcDatabase: {{0}}config
olcRootDN: cn=admin,cn=config
olcRootPW: {root_pw}

dn: olcDatabase={{1}}mdb,cn=config
objectClass: olcDatabaseConfig
objectClass: olcMdbConfig
olcDatabase: {{1}}mdb
olcDbDirectory: {dir}/data
olcSuffix: {suffix}
olcRootDN: cn=admin,{suffix}
olcRootPW: {root_pw}
olcDbMaxSize: {size}
olcDbCheckpoint: 512 30
olcDbIndex: objectClass eq
olcDbIndex: cn,uid eq
olcDbIndex: uidNumber,gidNumber eq
olcDbIndex: member,memberUid eq
"""

PEOPLE = """\
dn: cn={name},ou=services,{suffix}
objectClass: organizationalRole
objectClass: simpleSecurityObject
cn: {name}
userPassword: {password}
pwdPolicySubentry: cn=services,ou=policies,{suffix}

"""


def run(*command, text=None):
    """Runs a tool that must succeed; its output is in the error when it doesn't."""
    done = subprocess.run(command, input=text, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, check=False)
    if done.returncode != 0:
        raise SandboxError(f"{' '.join(map(str, command))}: status {done.returncode}\n{done.stdout}")
    return done.stdout


def ssha(password):
    """A hash that costs nothing, for the sandbox's own administrators."""
    salt = secrets.token_bytes(8)
    digest = hashlib.sha1(password.encode() + salt).digest()
    return "{SSHA}" + base64.b64encode(digest + salt).decode()


def portal_directory(*arguments):
    return run(SOURCE / "schema" / "portal-directory", *arguments, "--suffix", SUFFIX)


class Slapd:
    """One private server under DIR/ldap; where it is and who may log in is in .env."""

    def __init__(self, directory, env):
        self.directory = Path(directory)
        self.env = env

    @classmethod
    def create(cls, directory, count):
        """Configures a server with count sample customers under directory; doesn't leave it running."""
        self = cls(directory, {})
        for name in ("config", "data"):
            (self.directory / name).mkdir(parents=True)
        self._names()
        self._configure(count)
        local = self.env["PORTAL_LDAP_URI"]
        log = self.directory / "slapd.log"
        process_id = process.start(self.command(local), log)
        try:
            process.wait_for("slapd", process_id, lambda: self.answers(local), log)
            self._apply()
        finally:
            process.end(process_id)
        self._fill(count)
        return self

    def _names(self):
        socket = str(self.directory / "ldapi").replace("/", "%2F")
        self.env = {
            "PORTAL_LDAP_URI": f"ldapi://{socket}",
            "PORTAL_LDAP_TCP_URI": "",
            "PORTAL_LDAP_BASE": SUFFIX,
            "PORTAL_ROOT_DN": f"cn=admin,{SUFFIX}",
            "PORTAL_ROOT_PW": secrets.token_urlsafe(18),
            "PORTAL_ADMIN_DN": f"cn=sandbox-admin,ou=services,{SUFFIX}",
            "PORTAL_ADMIN_PW": secrets.token_urlsafe(18),
            "PORTAL_SUPPORT_DN": f"cn=sandbox-support,ou=services,{SUFFIX}",
            "PORTAL_SUPPORT_PW": secrets.token_urlsafe(18),
        }

    def _configure(self, count):
        names = ("core", "cosine", "nis", "inetorgperson")
        schemas = "\n".join(Path(f"/etc/ldap/schema/{name}.ldif").read_text() for name in names)
        size = DATABASE_SIZE_BASE + count * DATABASE_SIZE_ENTRY
        bare = BARE.format(dir=self.directory, suffix=SUFFIX, schemas=schemas, size=size,
                           root_pw=self.env["PORTAL_ROOT_PW"])
        run("slapadd", "-n0", "-F", self.directory / "config", text=bare)

    def _apply(self):
        process.write_private(self.directory / "root.pw", self.env["PORTAL_ROOT_PW"])
        self.change_config("apply", "--private")

    def change_config(self, what, *options):
        """portal-directory apply or remove, for this running server; what it says."""
        return portal_directory(what, "--user", f"{os.getuid()}:{os.getgid()}", "--uri", self.env["PORTAL_LDAP_URI"],
                                "--record", self.directory / "record", "--bind-dn", "cn=admin,cn=config",
                                "--bind-password-file", self.directory / "root.pw", *options)

    def _fill(self, count):
        people = "".join(
            PEOPLE.format(name=name, suffix=SUFFIX, password=ssha(self.env[key]))
            for name, key in (("sandbox-admin", "PORTAL_ADMIN_PW"),
                              ("sandbox-support", "PORTAL_SUPPORT_PW")))
        tree = portal_directory("tree")
        for group in ("admin", "support"):
            head = f"cn: portal-{group}{'s' if group == 'admin' else ''}\n"
            tree = tree.replace(head, head + f"member: cn=sandbox-{group},ou=services,{SUFFIX}\n")
        ldif = self.directory / "data.ldif"
        with open(ldif, "w", encoding="utf-8") as out:
            out.write(tree.rstrip("\n") + "\n\n" + people)
            self.write_customers(out, count)
        quick = ("-q",) if count > 1000 else ()
        run("slapadd", "-n1", *quick, "-F", self.directory / "config", "-l", ldif)
        ldif.unlink()

    def write_customers(self, out, count):
        customers.write_ldif(out, count, SUFFIX)

    def choose_port(self):
        """Another program may take it before slapd does; then this is asked again."""
        self.env["PORTAL_LDAP_TCP_URI"] = f"ldap://127.0.0.1:{process.free_port()}"

    def uris(self):
        return self.env["PORTAL_LDAP_URI"], self.env["PORTAL_LDAP_TCP_URI"]

    def command(self, *uris):
        urls = " ".join(f"{uri}/" for uri in uris or self.uris())
        return [SLAPD, "-d", "0", "-F", str(self.directory / "config"), "-h", urls]

    def answers(self, *uris):
        return all(
            subprocess.run(["ldapsearch", "-x", "-LLL", "-H", uri, "-s", "base", "-b", "",
                            "namingContexts"], capture_output=True, check=False).returncode == 0
            for uri in uris or self.uris())
