"""A second slapd beside a sandbox's own, replicating both ways, from the configuration that is shipped. The way in is
Pair(box); what is in it is made as doc/directory.md says.

The servers replicate over ldaps on loopback, with a certificate authority of their own; portald talks to each over its
ldapi socket, or over TLS.
"""

import os
import secrets
import subprocess
import time
from pathlib import Path

from . import SandboxError, process
from .slapd import SUFFIX, Slapd, portal_directory, run

WAIT_SECONDS = 30


class Authority:
    """A certificate authority, and certificates that it gives out: (certificate, key)."""

    def __init__(self, directory):
        self.dir = Path(directory)
        self.dir.mkdir()
        self.ca, self.key = self.dir / "ca.pem", self.dir / "ca.key"
        self._openssl("req", "-x509", *self._new_key(self.key), "-days", "2", "-subj", "/CN=test authority",
                      "-out", self.ca)

    @staticmethod
    def _openssl(*words):
        subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True, timeout=60)

    @staticmethod
    def _new_key(file):
        return "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", file

    def certificate(self, name, names="DNS:localhost,IP:127.0.0.1", subject=None, days="2"):
        key, cert, request = (self.dir / f"{name}.{end}" for end in ("key", "pem", "request"))
        extensions = self.dir / f"{name}.extensions"
        extensions.write_text(f"subjectAltName={names}\n", encoding="ascii")
        self._openssl("req", *self._new_key(key), "-subj", subject or f"/CN={name}", "-out", request)
        self._openssl("x509", "-req", "-in", request, "-CA", self.ca, "-CAkey", self.key, "-CAcreateserial", "-days",
                      days, "-extfile", extensions, "-out", cert)
        return cert, key


class Provider:
    """One of the two: a Slapd with an address for the other one, started and ended here."""

    def __init__(self, slapd, number):
        self.slapd, self.number = slapd, number
        self.peer_uri = f"ldaps://127.0.0.1:{process.free_port()}"
        self.pid = None

    @property
    def uri(self):
        return self.slapd.env["PORTAL_LDAP_URI"]

    @property
    def log(self):
        return self.slapd.directory / "provider.log"

    def start(self):
        self.pid = process.start(self.slapd.command(self.uri, self.peer_uri), self.log)
        process.wait_for("slapd", self.pid, lambda: self.slapd.answers(self.uri), self.log)

    def signal(self, number):
        os.kill(self.pid, number)

    def end(self):
        if self.pid and process.alive(self.pid):
            process.end(self.pid)
        self.pid = None

    def reached(self):
        """Options of portal-directory, to read this server's cn=config."""
        return ("--uri", self.uri, "--bind-dn", "cn=admin,cn=config", "--bind-password-file",
                self.slapd.directory / "root.pw")

    def config(self, text):
        """Applies changes to cn=config."""
        self.modify(text, "cn=admin,cn=config")

    def modify(self, text, by=None):
        """Applies changes as rootdn."""
        run("ldapmodify", "-x", "-D", by or self.slapd.env["PORTAL_ROOT_DN"], "-y", self.slapd.directory / "root.pw",
            "-H", self.uri, text=text)

    def read_config(self, dn, *attributes):
        return self.read(dn, *attributes, by="cn=admin,cn=config")

    def read(self, dn, *attributes, by=None):
        """As rootdn: {name: [values]}, or None."""
        done = subprocess.run(["ldapsearch", "-x", "-LLL", "-o", "ldif-wrap=no", "-D", by or self.slapd.env["PORTAL_ROOT_DN"],
                               "-y", self.slapd.directory / "root.pw", "-H", self.uri, "-s", "base", "-b", dn,
                               *attributes], text=True, capture_output=True, check=False)
        if done.returncode:
            return None
        found = {}
        for line in done.stdout.splitlines():
            name, colon, value = line.partition(": ")
            if colon:
                found.setdefault(name.rstrip(":"), []).append(value)
        return found

    def csns(self):
        return sorted((self.read(SUFFIX, "contextCSN") or {}).get("contextCSN", []))


class Pair:
    """box is a running sandbox, whose slapd is taken over as the first."""

    def __init__(self, box):
        self.dir = Path(box.dir) / "pair"
        self.dir.mkdir()
        self.authority = Authority(self.dir / "ca")
        self.password_file = self.dir / "replicator.pw"
        process.write_private(self.password_file, secrets.token_hex(16))
        env = {name: value for name, value in box.env.items() if name.startswith("PORTAL_")}
        box.stop("slapd")
        first = Provider(Slapd(Path(box.dir) / "ldap", env), 1)
        self.providers = [first, Provider(self._bare(env), 2)]
        try:
            self._replicate()
        except BaseException:
            self.close()
            raise

    def _bare(self, env):
        """As a freshly installed server: schema and Portal's configuration, and no data."""
        slapd = Slapd(self.dir / "ldap", dict(env))
        for name in ("config", "data"):
            (slapd.directory / name).mkdir(parents=True)
        slapd.env["PORTAL_LDAP_URI"] = "ldapi://" + str(slapd.directory / "ldapi").replace("/", "%2F")
        slapd._configure(1000)
        process.write_private(slapd.directory / "root.pw", env["PORTAL_ROOT_PW"])
        return slapd

    def _replicate(self):
        first, second = self.providers
        first.start()
        run("ldapadd", "-x", "-D", first.slapd.env["PORTAL_ROOT_DN"], "-y", first.slapd.directory / "root.pw", "-H",
            first.uri, text=portal_directory("replicator", "--password-file", self.password_file))
        second.start()
        second.slapd.change_config("apply", "--private")
        for one, other in ((first, second), (second, first)):
            cert, key = self.authority.certificate(f"server{one.number}")
            one.config("dn: cn=config\nchangetype: modify\n" + "-\n".join(
                f"replace: olcTLS{name}File\nolcTLS{name}File: {file}\n"
                for name, file in (("CertificateKey", key), ("Certificate", cert), ("CACertificate", self.authority.ca))))
            one.config(portal_directory("replication", "--server-id", str(one.number), "--peer", other.peer_uri,
                                        "--password-file", self.password_file, "--ca", self.authority.ca,
                                        "--portald", "127.0.0.1", *one.reached()))
        for one in self.providers:  # TLS certificates are taken at start
            one.end()
            one.start()
        self.wait_until_same()

    def same(self):
        first, second = (one.csns() for one in self.providers)
        return first and first == second

    def wait_until_same(self):
        end = time.monotonic() + WAIT_SECONDS
        while not self.same():
            if time.monotonic() > end:
                raise SandboxError(f"the servers differ: {[one.csns() for one in self.providers]}")
            time.sleep(0.05)

    def close(self):
        for one in self.providers:
            one.end()
