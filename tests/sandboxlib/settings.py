"""The files that the sandbox's programs and PAM read."""

import os

from .layout import SOURCE, user_name

PORTALD_CONF = """\
# portald in a sandbox: everything private to {dir}.
[portal]
company = Beispiel Versicherung
support = Kundenservice, Telefon 0221 555-0100, service@versicherung.example
base_url = {web_url}
zone = Europe/Berlin
locale_dir = {locale}

[consent]
privacy_version = 1
privacy_file = {dir}/texts/privacy.txt
terms_version = 1
terms_file = {dir}/texts/terms.txt

[directory]
uri = {uri}
base = ou=customers,{base}
decoy_dn = cn=decoy,ou=services,{base}

[keys]
master = {dir}/keys/portald.key
station = {dir}/keys/station.pub

[queue]
file = {dir}/queue/queue.db

[mail]
sender = konto@versicherung.example
bounce_address = bounces@versicherung.example
message_domain = versicherung.example
templates = {source}/config/templates
mailer_program = {mailer}
mailer_config = {dir}/mailer.conf

[passwords]
common = {source}/config/passwords/de.txt {source}/config/passwords/en.txt

[server]
socket_dir = {dir}/run
state_dir = {dir}/queue
"""

MAILER_CONF = """\
# portal-mailer in a sandbox: the sink takes everything on loopback, without TLS.
[relay]
host = 127.0.0.1
port = {port}
starttls = off
"""

PRINT_CONF = """\
# portal-print in a sandbox.
[portald]
socket = {dir}/run/print.sock
key = {dir}/keys/portald.pub

[station]
key = {dir}/keys/station.key
state_dir = {dir}/print

[output]
directory = {dir}/letters

[letter]
texts = {source}/config/letters
company = Beispiel Versicherung
return_address = Beispiel Versicherung · Postfach 10 01 00 · 50441 Köln
support = Kundenservice, Telefon 0221 555-0100, service@versicherung.example
portal_url = {web_url}
"""

WEB_CONF = """\
# portal-web in a sandbox: on loopback, for browsers and tests that are all one client.
[site]
base_url = {web_url}
locale_dir = {locale}
templates = {source}/config/web
assets = {source}/config/web

[portald]
socket_dir = {dir}/run
peer = {user}

[http]
connections_per_client = 4096
posts_per_client = 100000

[sessions]
cookie_key = {dir}/keys/cookie.key
state_dir = {dir}/web
"""

TEXTS = {
    "privacy.txt": "Datenschutzhinweise der Beispiel Versicherung, Fassung 1.\n",
    "terms.txt": "Nutzungsbedingungen des Kundenkontos der Beispiel Versicherung, Fassung 1.\n",
}

# PAM service: what its lines have besides the common options.
PAM_SERVICES = {
    "portal": "",
    "portal-combined": "prompt=combined",
    "portal-together": "prompt=together",
    "portal-enroll": "enroll=require",
    "portal-recover": "recover",
}
PAM_TYPES = ("auth", "account", "password", "session")


def write(path, text):
    path.write_text(text, encoding="utf-8")


def write_configuration(layout, slapd_env, mail_port, web_url):
    """What portald, the mailer, the print station and portal-web read."""
    names = {
        "dir": layout.dir, "source": SOURCE, "locale": layout.build / "po",
        "uri": slapd_env["PORTAL_LDAP_URI"], "base": slapd_env["PORTAL_LDAP_BASE"],
        "mailer": layout.program("portal-mailer"), "port": mail_port, "web_url": web_url,
        "user": user_name(),
    }
    write(layout.conf("portald"), PORTALD_CONF.format(**names))
    write(layout.conf("mailer"), MAILER_CONF.format(**names))
    write(layout.conf("print"), PRINT_CONF.format(**names))
    write(layout.conf("web"), WEB_CONF.format(**names))
    layout.texts.mkdir()
    for name, text in TEXTS.items():
        write(layout.texts / name, text)


def write_pam(layout):
    module = layout.program("pam_portal.so")
    layout.pam.mkdir()
    for service, option in PAM_SERVICES.items():
        options = f"socket_dir={layout.run} peer={user_name()} {option}".rstrip()
        write(layout.pam / service,
              "".join(f"{kind:<8} required {module} {options}\n" for kind in PAM_TYPES))


def write_portalctl(layout):
    """portalctl, pointed at this sandbox, as one executable."""
    layout.bin.mkdir()
    path = layout.bin / "portalctl"
    write(path, f'#!/bin/sh\nexec "{layout.program("portalctl")}" --socket-dir "{layout.run}" "$@"\n')
    os.chmod(path, 0o755)
