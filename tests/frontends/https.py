"""curl as the browser, and the certificate that it trusts. The way in is Browser(certificate, port)."""

import itertools
import re
import subprocess
from dataclasses import dataclass
from urllib.parse import urlencode

CERTIFICATE = "/etc/ssl/certs/customers.example.org.pem"
KEY = "/etc/ssl/private/customers.example.org.key"
SITE = "customers.example.org"
FILES_SITE = "files.example.org"
# Loopback addresses of our own, so that nobody's failures count against another test's client.
SOURCES = (f"127.20.{high}.{low}" for high, low in itertools.product(range(256), range(1, 255)))
# What tells two answers apart that say the same.
PASSING = re.compile(rb"^(Date|Set-Cookie): [^\r]*\r\n", re.M)


def next_source():
    return next(SOURCES)


def make_certificate(host):
    """For the host's daemons, where the guide has it; returns its path for clients."""
    certificate, key = host.path(CERTIFICATE), host.path(KEY)
    if not certificate.exists():
        key.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                        "-keyout", key, "-out", certificate, "-days", "2", "-subj", f"/CN={SITE}",
                        "-addext", f"subjectAltName=DNS:{SITE},DNS:{FILES_SITE}"], check=True, capture_output=True)
        key.chmod(0o600)
    return certificate


@dataclass
class Answer:
    data: bytes

    @property
    def status(self):
        return int(self.data.split(b" ", 2)[1])

    @property
    def body(self):
        return self.data.partition(b"\r\n\r\n")[2].decode()

    def header(self, name):
        found = re.search(rf"^{name}: ([^\r]*)\r$", self.data.partition(b"\r\n\r\n")[0].decode() + "\r", re.M | re.I)
        return found and found[1]

    @property
    def said(self):
        """All of it but the time and the session's sealed cookie."""
        return PASSING.sub(b"", self.data)


class Browser:
    """Someone's browser: it has an address and keeps cookies. close() throws those away."""

    def __init__(self, directory, certificate, port, site=SITE):
        self.source = next_source()
        self.jar = directory / f"cookies-{self.source}"
        self.url = f"https://{site}:{port}"
        self.always = ["curl", "--silent", "--show-error", "--include", "--max-time", "60", "--cacert", certificate,
                       "--resolve", f"{site}:{port}:127.0.0.1", "--interface", self.source,
                       "--cookie", self.jar, "--cookie-jar", self.jar]

    def get(self, path="/", name=None, password=None, headers=()):
        """With a name, as the browser's login dialog sends it."""
        return self._run(path, headers, *([("user", f"{name}:{password}")] if name is not None else []))

    def post(self, path, **fields):
        return self._run(path, (), ("data", urlencode(fields)))

    def _run(self, path, headers, *settings):
        # What is secret goes through standard input, as it must where others see the command line.
        settings = [*settings, *(("header", header) for header in headers)]
        lines = "".join('{} = "{}"\n'.format(name, value.replace("\\", "\\\\").replace('"', '\\"'))
                        for name, value in settings)
        done = subprocess.run([*self.always, "--config", "-", self.url + path], input=lines.encode(),
                              capture_output=True, check=False)
        assert done.returncode == 0, done.stderr.decode()
        return Answer(done.stdout)
