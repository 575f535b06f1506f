"""Applications behind nginx that portal-web says the user of: the shipped configurations, in which only hosts, paths and
ports are others. The way in is Site(world, directory, clock); Somebody(site) is a person with curl.

    portal.example.org:PORT         the portal, and an application below /inside/
    app.example.org, other.…        applications on hosts of their own
    stranger.example.org            behind the same nginx, but not in [site] hosts"""

import base64
import hashlib
import html
import json
import os
import re
import socket
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlencode, urljoin

from sandbox import SOURCE
from wire import NUMBERS

sys.path[:0] = [str(SOURCE / "tests")]
# Behind all others: it has a browser of its own.
sys.path.append(str(SOURCE / "tests" / "frontends"))

from https import Browser  # noqa: E402
from sandboxlib import process  # noqa: E402
from sandboxlib.layout import Layout  # noqa: E402

PORTAL, APP, OTHER, STRANGER = (f"{name}.example.org" for name in ("portal", "app", "other", "stranger"))
LOCATION = re.compile(r"^(?:    #.*\n)*    location .*\{\n(?:.*\n)*?    \}\n", re.M)
TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
HIDDEN = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)">')
MOST_REDIRECTS = 20
NGINX_CONF = """\
{user}
daemon off;
worker_processes 2;
pid {dir}/nginx.pid;
error_log {dir}/nginx.log;
events {{
    worker_connections 4096;
}}
http {{
    access_log off;
{temporary}
    include {dir}/portal.conf;
    include {dir}/app.conf;
    include {dir}/other.conf;
    include {dir}/stranger.conf;
}}
"""
WEB_CONF = """\
[site]
base_url = https://{portal}:{port}
hosts = {app}:{port} {other}:{port}
locale_dir = {locale}
templates = {source}/config/web
assets = {source}/config/web

[portald]
socket_dir = {dir}/run
peer = {user}

[sessions]
cookie_key = {keys}/cookie.key
state_dir = {dir}/state
"""


def replaced(text, pairs):
    for theirs, ours in pairs:
        assert theirs in text, theirs
        text = text.replace(theirs, ours)
    return text


class Echo(BaseHTTPRequestHandler):
    """The application: a page with all that it got."""
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.server.seen.append(self.path)
        got = html.escape(json.dumps({"path": self.path, "headers": self.headers.items()}))
        page = f'<!DOCTYPE html><html lang="en"><title>x</title><link rel="icon" href="data:,"><h1>Application</h1><pre>{got}</pre></html>'.encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(page)))
        self.end_headers()
        self.wfile.write(page)

    do_POST = do_GET

    def log_message(self, *_):
        pass


class Application(ThreadingHTTPServer):
    request_queue_size = 1024
    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Echo)
        self.seen = []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, request, client_address):
        """A proxy that has read enough doesn't wait for the end."""


def got(page):
    """What the application says it got: its path, and each header's values by lower-case name."""
    said = json.loads(html.unescape(re.search(r"<pre>(.*)</pre>", page, re.S)[1]))
    headers = {}
    for name, value in said["headers"]:
        headers.setdefault(name.lower(), []).append(value)
    return said["path"], headers


class Counter(threading.Thread):
    """In front of portald: hands everything on, after a delay where that is said, and counts how often it is asked about
    sessions."""

    def __init__(self, path, real):
        super().__init__(daemon=True)
        self.real, self.asked, self.delay = real, 0, 0.0
        self.listening = socket.socket(socket.AF_UNIX)
        self.listening.bind(str(path))
        self.listening.listen(1024)
        self.start()

    def run(self):
        while True:
            try:
                client = self.listening.accept()[0]
            except OSError:
                return
            threading.Thread(target=self.relay, args=(client,), daemon=True).start()

    def relay(self, client):
        with client, socket.socket(socket.AF_UNIX) as portald:
            try:
                portald.connect(self.real)
                data = client.recv(1 << 16)
                # length, version, type
                self.asked += data[5:6] == bytes([NUMBERS["WIRE_SESSION"]])
                time.sleep(self.delay)
                portald.sendall(data)
                while data := portald.recv(1 << 16):
                    client.sendall(data)
            except OSError:
                pass

    def close(self):
        self.listening.shutdown(socket.SHUT_RDWR)
        self.listening.close()


class Certificates:
    def __init__(self, place):
        self.authority, self.file, self.key = place / "ca.pem", place / "site.pem", place / "site.key"
        self._make(self.authority, place / "ca.key", "/CN=Test CA", "basicConstraints=critical,CA:TRUE")
        self._make(self.file, self.key, "/CN=example.org", "subjectAltName=DNS:*.example.org",
                   "-CA", self.authority, "-CAkey", place / "ca.key", "-addext", "basicConstraints=critical,CA:FALSE")

    @staticmethod
    def _make(file, key, subject, extension, *more):
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
                        key, "-out", file, "-days", "2", "-subj", subject, "-addext", extension, *more],
                       check=True, capture_output=True)

    @property
    def public_key_hash(self):
        """As Chromium wants it, which has no other way to trust an authority without a database of its own."""
        pem = subprocess.run(["openssl", "x509", "-in", self.file, "-noout", "-pubkey"], check=True, capture_output=True)
        der = subprocess.run(["openssl", "pkey", "-pubin", "-outform", "der"], input=pem.stdout, check=True, capture_output=True)
        return base64.b64encode(hashlib.sha256(der.stdout).digest()).decode()


class Site:
    """clock: the library by which portal-web's own clock is moved."""

    def __init__(self, world, place, clock):
        self.world, self.dir, self.clock_library = world, place, clock
        self.layout = Layout(world.box.dir)
        self.port, self.plain_port = process.free_port(), process.free_port()
        self.portal, self.app, self.other, self.stranger = (f"https://{host}:{self.port}"
                                                            for host in (PORTAL, APP, OTHER, STRANGER))
        self.socket = place / "http.sock"
        self.certificates = Certificates(place)
        self.application = Application()
        for name in ("run", "state"):
            (place / name).mkdir(mode=0o700)
        self.portald = Counter(place / "run" / "web.sock", f"{world.box['PORTAL_SOCKET_DIR']}/web.sock")
        self.listening = socket.socket(socket.AF_UNIX)
        self.listening.bind(str(self.socket))
        self.listening.listen(1024)
        self._write()
        self.set_clock(0)
        self.web = self.nginx = None
        self.start_web()
        self.start_nginx()

    # What is shipped, with our hosts, paths and ports.

    def _write(self):
        names = {"dir": self.dir, "source": SOURCE, "locale": self.layout.build / "po", "keys": self.world.box.dir / "keys",
                 "portal": PORTAL, "app": APP, "other": OTHER, "port": self.port, "user": self._user()}
        (self.dir / "web.conf").write_text(WEB_CONF.format(**names), encoding="utf-8")
        temporary = "".join(f"    {kind}_temp_path {self.dir}/nginx-{kind};\n" for kind in TEMPORARY)
        user = f"user {self._user()};" if os.geteuid() == 0 else ""
        (self.dir / "nginx.conf").write_text(NGINX_CONF.format(user=user, dir=self.dir, temporary=temporary), encoding="utf-8")
        shipped = (SOURCE / "config/nginx/forward-auth.conf").read_text(encoding="utf-8")
        for host in (APP, OTHER, STRANGER):
            name = host.partition(".")[0]
            (self.dir / f"{name}.conf").write_text(self._ours(shipped, ("vertrag.versicherung.example", host)), encoding="utf-8")
        portal = (SOURCE / "config/nginx/portal.conf").read_text(encoding="utf-8")
        portal = self._ours(portal, (f"unix:/run/portal-web/http.sock", f"unix:{self.socket}"),
                            ("https://konto.versicherung.example", self.portal), ("konto.versicherung.example", PORTAL),
                            ("listen 80;", f"listen 127.0.0.1:{self.plain_port};"), ("    listen [::]:80;\n", ""))
        inside = self._ours("".join(self.own_locations(shipped)))
        (self.dir / "portal.conf").write_text(f"{portal.rstrip().removesuffix('}')}\n{inside}}}\n", encoding="utf-8")

    @staticmethod
    def own_locations(shipped):
        """As that file says: without the one for /auth/callback, and with a path instead of /."""
        kept = [text for text in LOCATION.findall(shipped) if "location = /auth/callback" not in text]
        assert len(kept) == 3
        return [text.replace("location / {", "location /inside/ {") for text in kept]

    def _ours(self, text, *pairs):
        found = re.findall(r"/etc/ssl/(?:certs|private)/\S+?\.(?:pem|key)", text)
        paths = [(path, str(self.certificates.key if path.endswith("key") else self.certificates.file)) for path in found]
        listens = [("listen 443 ssl http2;", f"listen 127.0.0.1:{self.port} ssl http2;"), ("    listen [::]:443 ssl http2;\n", "")]
        application = ("http://127.0.0.1:9000", f"http://127.0.0.1:{self.application.server_port}")
        return replaced(text, [*dict(paths).items(), *(listens if "listen 443" in text else ()), *pairs,
                               *([application] if application[0] in text else ())])

    def _user(self):
        return self.layout.run.owner()

    # Processes.

    def start_web(self):
        environment = {"PATH": os.environ["PATH"], "LD_PRELOAD": str(self.clock_library), "PORTAL_CLOCK": str(self.dir / "clock"),
                       "ASAN_OPTIONS": f"{os.environ.get('ASAN_OPTIONS', '')}:verify_asan_link_order=0"}
        command = [str(self.layout.program("portal-web")), "--config", str(self.dir / "web.conf")]
        self.web = process.start(command, self.dir / "web.log", environment, ("http", self.listening))
        process.wait_for("portal-web", self.web, lambda: self.ask("/healthz").returncode == 0, self.dir / "web.log")

    def stop_web(self):
        process.end(self.web)

    def restart_web(self):
        self.stop_web()
        self.start_web()

    def start_nginx(self):
        if self.nginx:
            process.end(self.nginx)
        self.nginx = process.start(["/usr/sbin/nginx", "-c", str(self.dir / "nginx.conf")], self.dir / "nginx.log")
        process.wait_for("nginx", self.nginx, lambda: listens(self.port), self.dir / "nginx.log")

    def start_caddy(self):
        """In nginx's place, from the shipped Caddyfile; it would get certificates from elsewhere."""
        text = (SOURCE / "config/caddy/Caddyfile").read_text(encoding="utf-8")
        tls = f"\ttls {self.certificates.file} {self.certificates.key}\n"
        text = replaced(text, (("konto.versicherung.example {\n", f"{self.portal} {{\n{tls}"),
                               ("vertrag.versicherung.example {\n", f"{self.app} {{\n{tls}"),
                               ("unix//run/portal-web/http.sock", f"unix/{self.socket}"),
                               ("127.0.0.1:9000", f"127.0.0.1:{self.application.server_port}")))
        options = "{\n\tadmin off\n\tauto_https disable_redirects\n\tdefault_bind 127.0.0.1\n}\n"
        (self.dir / "Caddyfile").write_text(options + text, encoding="utf-8")
        process.end(self.nginx)
        self.nginx = process.start(["/usr/bin/caddy", "run", "--adapter", "caddyfile", "--config", str(self.dir / "Caddyfile")],
                                   self.dir / "caddy.log", {"PATH": os.environ["PATH"], "HOME": str(self.dir)})
        process.wait_for("Caddy", self.nginx, lambda: listens(self.port), self.dir / "caddy.log")

    def set_clock(self, seconds):
        """portal-web's, by so much ahead of this computer's."""
        (self.dir / "clock.new").write_text(f"{seconds}\n", encoding="ascii")
        (self.dir / "clock.new").rename(self.dir / "clock")

    def ask(self, path, **headers):
        """portal-web itself, as a proxy does; a host of None is left out."""
        lines = [part for name, value in headers.items() for part in ("-H", f"{name.replace('_', '-')}: {value}")]
        return subprocess.run(["curl", "-s", "-i", "--max-time", "30", "--unix-socket", self.socket, *lines, f"http://x{path}"],
                              capture_output=True, check=False)

    def close(self):
        for one in (self.nginx, self.web):
            if one:
                process.end(one)
        self.listening.close()
        self.portald.close()
        self.application.shutdown()
        self.application.server_close()


def listens(port):
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


class Somebody(Browser):
    """With curl, cookies, and an address of their own. What is asked for is a page, as long as nothing else is said."""

    PAGE = ("Accept: text/html,*/*;q=0.8",)

    def __init__(self, site):
        super().__init__(site.dir, site.certificates.authority, site.port, site=PORTAL)
        self.site, self.url = site, ""
        for host in (APP, OTHER, STRANGER):
            self.always += ["--resolve", f"{host}:{site.port}:127.0.0.1"]
        self.trail = []

    def get(self, path="/", name=None, password=None, headers=PAGE):
        self.trail.append(path)
        return super().get(path, name, password, headers)

    def step(self, answer):
        """Where it leads, or None: a redirect, or a page that goes on by itself."""
        refresh = answer.header("Refresh")
        to = answer.header("Location") if answer.status in (302, 303) else refresh and refresh.partition("url=")[2]
        return to and urljoin(self.trail[-1], to)

    def go(self, url):
        """To where that ends, as a browser does it."""
        answer = self.get(url)
        for _ in range(MOST_REDIRECTS):
            to = self.step(answer)
            if not to:
                return answer
            answer = self.get(to)
        raise AssertionError(f"no end: {self.trail[-MOST_REDIRECTS:]}")

    def send(self, answer, path, **fields):
        """The form of that page, and on to where it ends."""
        hidden = {name: html.unescape(value) for name, value in HIDDEN.findall(answer.body.partition("<main")[2])}
        self.trail.append(self.site.portal + path)
        answer = self.post(self.site.portal + path, **{**hidden, **fields})
        to = self.step(answer)
        return self.go(to) if to else answer

    def log_in(self, customer, password, at=None):
        """At a page that wants it."""
        answer = self.go(at or f"{self.site.portal}/login")
        assert "<h1>" in answer.body and 'name="password"' in answer.body, answer.said
        return self.send(answer, "/login", mail=customer.mail, password=password)

    def code(self, url):
        """A one-time code's address that is not used yet, for an application's page."""
        answer = self.get(url)
        while "code=" not in (to := self.step(answer)):
            answer = self.get(to)
        return to

    @property
    def cookies(self):
        """host: {name: value}."""
        found = {}
        for line in Path(self.jar).read_text(encoding="ascii").splitlines():
            words = line.removeprefix("#HttpOnly_").split("\t")
            if len(words) == 7:
                found.setdefault(words[0], {})[words[5]] = words[6]
        return found
