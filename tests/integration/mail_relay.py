"""A relay that behaves as badly as a test wants, certificates for it, and portal-mailer run alone."""

import os
import signal
import socket
import ssl
import struct
import subprocess
import threading
import time
import warnings
from pathlib import Path

VERSION = 1
MAIL, MAIL_RESULT = 32, 33
JOB, TEXT, SENDER, RECIPIENT, MESSAGE, STATUS, RESULT = 27, 10, 37, 38, 39, 40, 41
ACCEPTED, DEFERRED, REJECTED = 1, 2, 3
PATIENCE = 20

JOB_ID = "01JD0000000000000000[0-9]{6}"
MESSAGE_TEXT = (b"From: Portal <portal@versicherung.example>\r\nTo: <erika@kunde.example>\r\n"
                b"Message-ID: <%s@portal.example>\r\nDate: Sun, 22 Nov 2026 11:00:00 +0100\r\n"
                b"Subject: Test\r\n\r\nEine Zeile.\r\n.Eine mit Punkt.\r\n..Zwei.\r\n")


# Certificates ---------------------------------------------------------------------------------

def openssl(*arguments):
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)


class Authority:
    """A CA of the test's own."""

    def __init__(self, directory, name="Test CA"):
        self.dir = Path(directory)
        self.dir.mkdir(parents=True, exist_ok=True)
        self.file = self.dir / "ca.pem"
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                "-keyout", self.dir / "ca.key", "-out", self.file, "-subj", f"/CN={name}",
                "-days", "2")
        (self.dir / "index").touch()
        (self.dir / "serial").write_text("01\n")

    def issue(self, name, names, until="20991231235959Z"):
        """A certificate and key in one file. names: what subjectAltName says."""
        base = self.dir / name
        (self.dir / f"{name}.cnf").write_text(
            "[ca]\ndefault_ca=d\n[d]\n"
            f"database={self.dir}/index\nserial={self.dir}/serial\nnew_certs_dir={self.dir}\n"
            f"certificate={self.file}\nprivate_key={self.dir}/ca.key\ndefault_md=sha256\n"
            "policy=p\nunique_subject=no\n[p]\ncommonName=supplied\n"
            f"[x]\nsubjectAltName={names}\n")
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                "-keyout", f"{base}.key", "-out", f"{base}.csr", "-subj", f"/CN={name}")
        openssl("ca", "-batch", "-notext", "-config", f"{base}.cnf", "-extensions", "x",
                "-startdate", "20200101000000Z", "-enddate", until,
                "-in", f"{base}.csr", "-out", f"{base}.crt")
        both = Path(f"{base}.pem")
        both.write_text(Path(f"{base}.crt").read_text() + Path(f"{base}.key").read_text())
        return both


# The relay ------------------------------------------------------------------------------------

class Relay:
    """Speaks SMTP by a table: verb to reply, or DROP. Everything that clients say is kept in said, as
    (under TLS?, line); whole messages in mails, as (sender, recipient, text)."""

    DROP = object()
    SILENT = object()

    def __init__(self, certificate=None, replies=None, features=(), after_starttls=b"",
                 greeting="220 relay.example ESMTP", early=b"", version=None, slow=0, patience=PATIENCE):
        self.replies = {verb: list(reply) if isinstance(reply, list) else reply
                        for verb, reply in (replies or {}).items()}
        self.features, self.after_starttls, self.greeting = features, after_starttls, greeting
        self.early, self.slow = early, slow
        self.patience = patience  # with a client that says nothing
        self.said, self.mails, self.connections = [], [], 0
        self.server_names, self.versions = [], []
        self.context = None
        if certificate:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            if version:
                self.context.set_ciphers("ALL:@SECLEVEL=0")
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")  # old versions are what a test wants
                    self.context.minimum_version = self.context.maximum_version = version
            self.context.load_cert_chain(certificate)
            self.context.sni_callback = lambda _s, name, _c: self.server_names.append(name)
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.threads = []
        self.acceptor = threading.Thread(target=self._accept, daemon=True)
        self.acceptor.start()

    def _accept(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            self.connections += 1
            thread = threading.Thread(target=self._serve, args=(connection,), daemon=True)
            self.threads.append(thread)  # before it answers: whoever waits for it to end must find it
            thread.start()

    def close(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        self.acceptor.join(PATIENCE)
        for thread in self.threads:
            thread.join(PATIENCE)
            assert not thread.is_alive(), "a relay's thread hangs"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def heard(self, verb):
        return [line for _, line in self.said if line.upper().startswith(verb)]

    def _serve(self, connection):
        connection.settimeout(self.patience)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            Conversation(self, connection).run()
        except (OSError, ssl.SSLError):
            pass
        finally:
            connection.close()


class Conversation:
    def __init__(self, relay, connection):
        self.relay, self.connection, self.secure = relay, connection, False
        self.buffer = b""
        self.sender = self.recipient = None

    def line(self):
        while b"\r\n" not in self.buffer:
            try:
                data = self.connection.recv(65536)
            except TimeoutError:
                self.say("421 4.4.2 you say nothing")
                raise
            if not data:
                raise OSError("the client left")
            self.buffer += data
        line, _, self.buffer = self.buffer.partition(b"\r\n")
        return line

    def say(self, text):
        self.connection.sendall(text.encode() + b"\r\n")
        if text.split("\r\n")[-1].startswith("421"):
            raise OSError("closed, as 421 says")

    def answer(self, verb, default):
        """Says what the table has for verb. A list is used up, one reply a time."""
        reply = self.relay.replies.get(verb, default)
        if isinstance(reply, list):
            reply = reply.pop(0) if reply else default
        if reply is Relay.DROP:
            raise OSError("dropped on purpose")
        if reply is Relay.SILENT:
            self.connection.recv(1)  # until the client leaves
            raise OSError("silent on purpose")
        self.say(reply)
        return reply

    def run(self):
        if self.relay.greeting is Relay.DROP:
            return
        self.connection.sendall(self.relay.greeting.encode() + b"\r\n" + self.relay.early)
        while True:
            line = self.line().decode("utf-8", "surrogateescape")
            self.relay.said.append((self.secure, line))
            verb = line.split(" ")[0].upper()
            if getattr(self, "on_" + verb.lower(), self.on_other)(line) is False:
                return

    def on_other(self, line):
        self.answer(line.split(" ")[0].upper(), "250 fine")

    def on_ehlo(self, _line):
        features = list(self.relay.features)
        if self.relay.context and not self.secure:
            features.append("STARTTLS")
        lines = ["relay.example", *features]
        self.answer("EHLO", "\r\n".join(
            f"250{' ' if i == len(lines) - 1 else '-'}{word}" for i, word in enumerate(lines)))

    def on_starttls(self, _line):
        if not self.answer("STARTTLS", "220 go\r\n" + self.relay.after_starttls.decode()
                           if self.relay.after_starttls else "220 go").startswith("220"):
            return
        self.connection = self.relay.context.wrap_socket(self.connection, server_side=True)
        self.relay.versions.append(self.connection.version())
        self.secure, self.buffer = True, b""
        time.sleep(self.relay.slow)

    def on_mail(self, line):
        self.sender = line.partition("<")[2].partition(">")[0]
        self.answer("MAIL", "250 sender fine")

    def on_rcpt(self, line):
        self.recipient = line.partition("<")[2].partition(">")[0]
        self.answer("RCPT", "250 recipient fine")

    def on_data(self, _line):
        if not self.answer("DATA", "354 go on").startswith("354"):
            return
        lines = []
        while (line := self.line()) != b".":
            lines.append(line[1:] if line.startswith(b".") else line)
        text = b"".join(line + b"\r\n" for line in lines)
        if self.relay.replies.get("DOT") is not Relay.DROP:
            self.relay.mails.append((self.sender, self.recipient, text))
        self.answer("DOT", "250 2.0.0 queued as 4711")

    def on_quit(self, _line):
        self.answer("QUIT", "221 bye")
        return False


# portal-mailer --------------------------------------------------------------------------------

def frame(kind, *fields):
    body = bytes([VERSION, kind])
    for tag, value in fields:
        value = value.encode("utf-8", "surrogateescape") if isinstance(value, str) else value
        body += struct.pack(">HI", tag, len(value)) + value
    return struct.pack(">I", len(body)) + body


def mail(job, recipient="erika@kunde.example", sender="portal@versicherung.example", message=None):
    return frame(MAIL, (JOB, job), (SENDER, sender), (RECIPIENT, recipient),
                 (MESSAGE, MESSAGE_TEXT % job.encode() if message is None else message))


def job_id(number):
    return f"01JD0000000000000000{number:06d}"


class Result:
    def __init__(self, body):
        assert body[0] == VERSION and body[1] == MAIL_RESULT
        fields, at = {}, 2
        while at < len(body):
            tag, length = struct.unpack_from(">HI", body, at)
            fields[tag] = body[at + 6:at + 6 + length]
            at += 6 + length
        self.job, self.text = fields[JOB].decode(), fields[TEXT].decode()
        self.result, = fields[RESULT]
        self.status, = struct.unpack(">I", fields[STATUS])

    def __repr__(self):
        return f"{self.job}: {self.result} {self.status} {self.text!r}"


class Mailer:
    """portal-mailer with one end of a socketpair as its standard input, as a courier starts it."""

    def __init__(self, program, directory, port, wrapper=(), environment=None, **keys):
        settings = {"host": "localhost", "port": port, **keys}
        limits = {key: settings.pop(key) for key in ("reply", "accept", "lifetime", "idle", "batch")
                  if key in settings}
        config = Path(directory) / "mailer.conf"
        config.write_text("[relay]\n" + "".join(f"{k} = {v}\n" for k, v in settings.items())
                          + "[limits]\n" + "".join(f"{k} = {v}\n" for k, v in limits.items()))
        self.near, far = socket.socketpair()
        self.near.settimeout(PATIENCE)
        self.log_file = Path(directory) / "mailer.log"
        self.errors = open(self.log_file, "wb")
        environment = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"),
                       **{k: v for k, v in os.environ.items() if k.endswith("SAN_OPTIONS")},
                       **(environment or {})}
        if wrapper:
            environment["ASAN_OPTIONS"] = "detect_leaks=0"  # it can't be traced by two
        self.process = subprocess.Popen([*map(str, wrapper), str(program), "--config", str(config)],
                                        stdin=far, stdout=subprocess.DEVNULL, stderr=self.errors,
                                        env=environment)
        far.close()
        self.buffer = b""

    def send(self, *mails, end=True):
        self.near.sendall(b"".join(mails))
        if end:
            self.near.shutdown(socket.SHUT_WR)

    def result(self):
        """The next result, or None at the end."""
        while len(self.buffer) < 4 or len(self.buffer) < 4 + struct.unpack(">I", self.buffer[:4])[0]:
            data = self.near.recv(65536)
            if not data:
                assert not self.buffer, "half a result"
                return None
            self.buffer += data
        size = 4 + struct.unpack(">I", self.buffer[:4])[0]
        body, self.buffer = self.buffer[4:size], self.buffer[size:]
        return Result(body)

    def results(self):
        return list(iter(self.result, None))

    def log(self):
        return self.log_file.read_text()

    def close(self):
        self.near.close()
        try:
            return self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            os.kill(self.process.pid, signal.SIGKILL)
            self.process.wait()
            raise
        finally:
            self.errors.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if not self.errors.closed:
            self.close()
