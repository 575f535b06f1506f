"""Connections to a sandbox's slapd, as each of those whom the access rules know."""

import base64
import hashlib
from contextlib import contextmanager

import ldap
import ldap.modlist

CUSTOMER_PASSWORD = "ein-langes-Kennwort"
TIMEOUT_SECONDS = 10


def open_connection(uri):
    connection = ldap.initialize(uri)
    connection.set_option(ldap.OPT_NETWORK_TIMEOUT, TIMEOUT_SECONDS)
    connection.set_option(ldap.OPT_TIMEOUT, TIMEOUT_SECONDS)
    return connection


@contextmanager
def bound(box, who, dn=None, uri="PORTAL_LDAP_URI"):
    """who: anonymous, customer (dn says which), support, admin, root, or portald."""
    connection = open_connection(box[uri])
    try:
        if who == "portald":
            connection.sasl_external_bind_s()
        elif who == "customer":
            connection.simple_bind_s(dn, CUSTOMER_PASSWORD)
        elif who != "anonymous":
            name = who.upper()
            connection.simple_bind_s(box[f"PORTAL_{name}_DN"], box[f"PORTAL_{name}_PW"])
        yield connection
    finally:
        connection.unbind_s()


def customers_base(box):
    return f"ou=customers,{box['PORTAL_LDAP_BASE']}"


def ssha(password):
    salt = b"salzsalz"
    digest = hashlib.sha1(password.encode() + salt).digest()
    return b"{SSHA}" + base64.b64encode(digest + salt)


def entry(uid, **attributes):
    """A customer as an administrator would add it; attributes replace or add."""
    values = {
        "objectClass": ["inetOrgPerson", "portalCustomer"], "uid": uid, "cn": "Erika Muster",
        "sn": "Muster", "givenName": "Erika", "preferredLanguage": "de",
        "postalAddress": "Erika Muster$Weg 1$12345 Ort", "portalBirthDate": "1960-01-31",
        "portalPolicyNumber": f"T{uid.replace('-', '').upper()}",
    } | attributes
    return ldap.modlist.addModlist({name: listed(value) for name, value in values.items()
                                    if value is not None})


def listed(value):
    """The bytes that python-ldap wants, of a text, bytes, or several."""
    several = value if isinstance(value, (list, tuple)) else [value]
    return [one if isinstance(one, bytes) else str(one).encode() for one in several]


def modify(connection, dn, *changes):
    """changes: (ldap.MOD_…, name, value or None)."""
    connection.modify_s(dn, [(op, name, None if value is None else listed(value))
                             for op, name, value in changes])


def read(connection, dn, *names):
    """The attributes that this connection can see, or {} when not even the entry."""
    try:
        found = connection.search_s(dn, ldap.SCOPE_BASE, attrlist=list(names) or ["*", "+"])
    except ldap.NO_SUCH_OBJECT:
        return {}
    return found[0][1] if found else {}
