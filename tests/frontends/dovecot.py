"""Dovecot with the guide's configuration, and people's mail programs. The way in is Dovecot(host)."""

import imaplib
import socket
import ssl

import guide
from host import free_port, listens
from https import SITE, make_certificate, next_source

SERVICE = "portal-dovecot"
SECONDS = 30
VMAIL = 5000
# Read before the guide's local.conf, and only what makes it a test: where it listens, writes, and doesn't wait.
OURS = """\
protocols = imap
listen = 127.0.0.1
state_dir = /run/dovecot-state
log_path = /dev/stderr
auth_failure_delay = 0
service imap-login {{
  inet_listener imap {{
    port = 0
  }}
  inet_listener imaps {{
    port = {port}
    ssl = yes
  }}
}}
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
"""


class Dovecot:
    """Debian's dovecot.conf, which includes the guide's files; only the port and the mail's place are ours."""

    def __init__(self, host):
        self.host, self.port = host, free_port()
        self.files = guide.files("Dovecot")
        certificate = make_certificate(host)
        self.trust = ssl.create_default_context(cafile=certificate)
        made = host.run("useradd", "--uid", str(VMAIL), "--home-dir", "/home/vmail", "--create-home", "vmail")
        assert made.returncode == 0, made.stderr
        for path, text in self.files.items():
            if path != f"/etc/pam.d/{SERVICE}":
                host.write(path, text.replace("/var/vmail", "/home/vmail"))
        host.write("/etc/dovecot/conf.d/99-test.conf", OURS.format(port=self.port))
        self.pam()
        host.start("dovecot", "/usr/sbin/dovecot", "-F", answers=lambda: listens(self.port))

    def pam(self, options=""):
        self.host.pam(SERVICE, self.files[f"/etc/pam.d/{SERVICE}"], options=options)

    def connect(self, source=None):
        return MailProgram(self.port, self.trust, source or next_source())

    def login(self, name, password, source=None):
        """What LOGIN is answered with, in a connection of its own."""
        with self.connect(source) as program:
            return program.sign_in(name, password)

    @property
    def log(self):
        return self.host.log("dovecot")

    def close(self):
        self.host.stop("dovecot")


class MailProgram(imaplib.IMAP4_SSL):
    """With an address of its own, as every customer has."""

    def __init__(self, port, trust, source):
        self.source = source
        super().__init__(SITE, port, ssl_context=trust, timeout=SECONDS)

    def _create_socket(self, timeout):
        plain = socket.create_connection(("127.0.0.1", self.port), timeout, (self.source, 0))
        return self.ssl_context.wrap_socket(plain, server_hostname=self.host)

    def sign_in(self, name, password):
        """LOGIN's answer without its tag. The password goes as a literal, so that it may have umlauts."""
        self.literal = password.encode()
        kind, data = self._simple_command("LOGIN", self._quote(name))
        if kind == "OK":
            self.state = "AUTH"
        return f"{kind} {data[0].decode()}"
