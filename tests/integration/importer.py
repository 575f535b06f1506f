"""portalctl import and export against a sandbox's slapd, as one of its administrators, and CSV files for them."""

import csv
import io
import json
import os
import subprocess
from pathlib import Path

import ldap
import ldap_client
from sandbox import SOURCE

PORTALCTL = Path(os.environ.get("PORTAL_BUILDDIR") or SOURCE / "build") / "portalctl" / "portalctl"
COLUMNS = ("uid", "givenName", "sn", "portalPolicyNumber", "portalBirthDate", "preferredLanguage", "postalAddress")


def line(name, **other):
    """One customer, whose every value follows from the name."""
    return {"uid": name, "givenName": "Jo", "sn": f"Au {name}", "portalPolicyNumber": f"IM{name.replace('-', '')}".upper(),
            "portalBirthDate": "1960-01-31", "preferredLanguage": "de",
            "postalAddress": f"Jo Au {name}$Weg 1$12345 Ort"} | other


class Importer:
    def __init__(self, box, directory):
        self.box, self.directory = box, Path(directory)

    def options(self, who="admin", uri=None):
        name = who.upper()
        password = self.directory / f"{who}.pw"
        password.write_text(self.box[f"PORTAL_{name}_PW"] + "\n")
        return ("-H", uri or self.box["PORTAL_LDAP_URI"], "-b", self.box["PORTAL_LDAP_BASE"],
                "-D", self.box[f"PORTAL_{name}_DN"], "-y", password)

    def file(self, lines, columns=COLUMNS, name="customers.csv"):
        """lines: dictionaries, or the bytes of a whole file."""
        path = self.directory / name
        if isinstance(lines, bytes):
            path.write_bytes(lines)
            return path
        with open(path, "w", newline="", encoding="utf-8") as out:
            writer = csv.DictWriter(out, columns)
            writer.writeheader()
            writer.writerows(lines)
        return path

    def start(self, path, *options, who="admin"):
        return subprocess.Popen([PORTALCTL, "import", path, *self.options(who), *options], text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def run(self, lines, *options, who="admin", uri=None):
        """Imports; returns what became of it. With --json, what it says as .json."""
        path = lines if isinstance(lines, Path) else self.file(lines)
        done = subprocess.run([PORTALCTL, "import", path, *self.options(who, uri), *options], text=True,
                              capture_output=True, check=False, timeout=120)
        done.json = json.loads(done.stdout) if "--json" in options and done.stdout else None
        return done

    def export(self, *options, who="admin"):
        done = subprocess.run([PORTALCTL, "export", *self.options(who), *options], text=True, encoding="utf-8",
                              capture_output=True, check=False, timeout=120)
        done.rows = list(csv.DictReader(io.StringIO(done.stdout, newline="")))
        return done

    def entries(self, filter_="(portalPolicyNumber=IM*)"):
        with ldap_client.bound(self.box, "root") as connection:
            found = connection.search_s(ldap_client.customers_base(self.box), ldap.SCOPE_SUBTREE, filter_)
        return {values["uid"][0].decode(): {name: sorted(v.decode() for v in several)
                                            for name, several in values.items()} for _, values in found}

    def modify(self, uid, **attributes):
        changes = [(ldap.MOD_REPLACE, name, None if value is None else ldap_client.listed(value))
                   for name, value in attributes.items()]
        with ldap_client.bound(self.box, "root") as connection:
            connection.modify_s(f"uid={uid},{ldap_client.customers_base(self.box)}", changes)

    def forget(self, filter_="(portalPolicyNumber=IM*)"):
        """Whatever tests imported goes again."""
        with ldap_client.bound(self.box, "root") as connection:
            for dn, _ in connection.search_s(ldap_client.customers_base(self.box), ldap.SCOPE_SUBTREE,
                                             filter_, ["1.1"]):
                connection.delete_s(dn)
