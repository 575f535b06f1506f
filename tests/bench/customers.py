"""Customers who can log in, for the measures of logins: fill() rewrites a sandbox's database."""

import base64
import hashlib
import re
import secrets

import nacl.bindings

from measuring import ssha
from sandboxlib.slapd import run


class Seal:
    """Seals the clients' TOTP secret as portald does where no key of its own is configured (totp.c)."""

    SECRET = b"12345678901234567890"  # clients.h

    def __init__(self, master):
        # crypto_kdf_derive_from_key(), number 7 (keys.c).
        self.key = hashlib.blake2b(key=master, digest_size=32, salt=(7).to_bytes(16, "little"),
                                   person=b"portald".ljust(16, b"\0")).digest()
        self.id = hashlib.blake2b(b"portal-totp-key\0", key=self.key, digest_size=16).digest()[:4]

    def __call__(self, uuid):
        nonce = secrets.token_bytes(24)
        return b"\1" + self.id + nonce + nacl.bindings.crypto_aead_xchacha20poly1305_ietf_encrypt(
            self.SECRET, f"portal-totp-1 {uuid}".encode(), nonce, self.key)


def activate(lines, out, seal, plain):
    """Makes the customers of an LDIF active ones who can log in: clients.h has the same names. Those beyond
    the first `plain` have TOTP."""
    number = uuid = None
    for line in lines:
        found = re.match(r"dn: uid=c-0*(\d+),ou=customers,", line)
        if found:
            number = int(found.group(1))
        if line.startswith("entryUUID: "):
            uuid = line.split()[1]
        if line == "\n" and number and number > plain:
            out.write(f"portalTOTPSecret:: {base64.b64encode(seal(uuid)).decode()}\n")
        if line == "\n" and number:
            out.write(f"uidNumber: {100000 + number}\ngidNumber: 100000\n"
                      f"homeDirectory: /nonexistent\nportalState: active\n"
                      f"mail: c-{number:04d}@example.org\n"
                      f"userPassword: {ssha(f'Kennwort-{number:06d}')}\n")
            number = None
        out.write(line)
        if number and line == "objectClass: portalCustomer\n":
            out.write("objectClass: posixAccount\n")


def fill(box, plain):
    """Rewrites the sandbox's database with the customers made active, while slapd is down."""
    ldap = box.layout.ldap
    key = box.layout.keys / "portald.key"
    seal = Seal(base64.b64decode(key.read_bytes())) if key.exists() else None
    box.stop("slapd")
    before, active = ldap / "before.ldif", ldap / "active.ldif"
    run("slapcat", "-n1", "-o", "ldif-wrap=no", "-F", ldap / "config", "-l", before)
    with open(before, encoding="utf-8") as lines, open(active, "w", encoding="utf-8") as out:
        activate(lines, out, seal, plain)
    for path in (ldap / "data").iterdir():
        path.unlink()
    run("slapadd", "-n1", "-q", "-F", ldap / "config", "-l", active)
    before.unlink()
    active.unlink()
    box.start("slapd")
