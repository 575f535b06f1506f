"""A portald that knows letters and nothing else, for portal-print to take them from: as honest, broken
or forged as a test wants. What it gave out and what was reported to it stay for the test to look at."""

import json
import random
import secrets
import socket
import struct
import threading
import time
from base64 import b64encode
from contextlib import suppress
from hashlib import blake2b

from nacl.public import PrivateKey, SealedBox
from nacl.signing import SigningKey

VERSION = 1
CLAIM, PRINTED, VERDICT, LETTERS, ERROR = 9, 10, 64, 65, 127
BATCH, COUNT, LETTER, MANIFEST, SIGNATURE = 22, 23, 24, 25, 26
JOB, KIND, ENTRY, SEALED, ADDRESS, NAME, LAST_DAY, LOGIN = 27, 28, 29, 30, 31, 32, 33, 34
LANGUAGE, VERDICT_CODE, TEXT, TIME, REFERENCE = 3, 8, 10, 12, 21
OK, BUSY = 0, 12

SYMBOLS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
ENTRY_ID = "c0a80101-0000-4000-8000-000000000001"
NOW = 1795348407  # 22 November 2026


def times_a(value):
    return (value << 1 ^ (value >> 4) * 0x25) & 31


def code(wrong=0):
    """A new code in canonical form; wrong spoils its check symbol."""
    values = [secrets.randbelow(32) for _ in range(15)]
    check = 0
    for value in values:
        check = times_a(check ^ value)
    return "".join(SYMBOLS[value] for value in values + [check ^ wrong])


def printed(canonical):
    return "-".join(canonical[i:i + 4] for i in range(0, 16, 4))


def ulid():
    value = int(time.time() * 1000) << 80 | secrets.randbits(80)
    return "".join(SYMBOLS[value >> shift & 31] for shift in range(125, -1, -5))


def field(tag, value):
    return struct.pack(">HI", tag, len(value)) + value


def fields(values):
    """Of a dictionary of tag to bytes or text; None is left out."""
    return b"".join(field(tag, value.encode() if isinstance(value, str) else value)
                    for tag, value in values.items() if value is not None)


def parse(data):
    found, at = {}, 0
    while at < len(data):
        tag, length = struct.unpack_from(">HI", data, at)
        found[tag] = data[at + 6:at + 6 + length]
        at += 6 + length
    return found


def write_key(path, key, mode):
    path.write_text(b64encode(bytes(key)).decode() + "\n")
    path.chmod(mode)


class Letter:
    """One letter as a test describes it. inside and outside replace what belongs in the seal and
    around it; None leaves it out."""

    def __init__(self, kind="access", inside=None, outside=None, station=None):
        self.job, self.kind, self.station = ulid(), kind, station
        self.password = code() if kind != "puk" else None
        self.puk = code() if kind != "password" else None
        self.inside, self.outside = inside or {}, outside or {}

    def codes(self):
        return [printed(value) for value in (self.password, self.puk) if value]

    def content(self):
        values = {"version": 1, "job": self.job, "entry": ENTRY_ID, "kind": self.kind,
                  "password": self.password, "puk": self.puk} | self.inside
        return json.dumps({name: value for name, value in values.items() if value is not None})

    def wire(self, station):
        sealed = SealedBox(self.station or station).encrypt(self.content().encode())
        return fields({JOB: self.job, KIND: self.kind, ENTRY: ENTRY_ID, SEALED: sealed,
                       ADDRESS: "Anna Beispiel\nLindenallee 12\n50667 Köln", NAME: "Anna Beispiel",
                       LANGUAGE: "de", LOGIN: "anna@mail.example", TIME: struct.pack(">Q", NOW),
                       LAST_DAY: None if self.kind == "puk" else "2026-12-27",
                       REFERENCE: "3JH6N-X27J3-BHHYD-H5BBD-KN4AQV"} | self.outside)


class FakePortald:
    """waiting: letters not claimed; claimed: batch to letters; reports: batch to rows by job."""

    def __init__(self, directory):
        self.dir = directory
        self.path = directory / "print.sock"
        self.signing, self.station = SigningKey.generate(), PrivateKey.generate()
        self.waiting, self.claimed, self.reports, self.asked = [], {}, {}, []
        self.spoil = None        # makes of (batch, letters, digest, signature) another
        self.claim_verdict = self.report_verdict = OK
        self.claims_dropped = self.reports_dropped = 0  # how many requests get no reply
        self.lose_reports = False  # a dropped report was taken nevertheless
        self.make = None         # makes a letter when none waits
        self.lock = threading.Lock()
        self.listener = None

    def write_keys(self):
        write_key(self.dir / "portald.pub", self.signing.verify_key, 0o644)
        write_key(self.dir / "station.key", self.station, 0o600)

    # Serving ------------------------------------------------------------------------------------

    def start(self):
        with suppress(FileNotFoundError):
            self.path.unlink()
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(self.path))
        self.listener.listen(16)
        threading.Thread(target=self._serve, args=(self.listener,), daemon=True).start()

    def stop(self):
        if self.listener:
            with suppress(OSError):
                self.listener.shutdown(socket.SHUT_RDWR)
            self.listener.close()
            self.listener = None
            self.path.unlink()

    def _serve(self, listener):
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            with client:
                client.settimeout(10)
                with suppress(OSError, EOFError):
                    reply = self._answer(*self._request(client))
                    if reply:
                        client.sendall(reply)

    @staticmethod
    def _exactly(client, size):
        data = b""
        while len(data) < size:
            part = client.recv(size - len(data))
            if not part:
                raise EOFError
            data += part
        return data

    def _request(self, client):
        size, = struct.unpack(">I", self._exactly(client, 4))
        data = self._exactly(client, size)
        assert data[0] == VERSION
        return data[1], parse(data[2:])

    @staticmethod
    def _frame(kind, body):
        return struct.pack(">IBB", len(body) + 2, VERSION, kind) + body

    def _verdict(self, verdict):
        return self._frame(VERDICT, fields({VERDICT_CODE: bytes([verdict]), TEXT: "as the test wants"}))

    def _answer(self, kind, request):
        batch = request[BATCH].decode()
        with self.lock:
            if kind == CLAIM:
                count, = struct.unpack(">I", request[COUNT])
                return self._claim(batch, count)
            assert kind == PRINTED
            return self._printed(batch, request[MANIFEST])

    def _claim(self, batch, count):
        self.asked.append(batch)
        if self.claim_verdict != OK:
            return self._verdict(self.claim_verdict)
        if batch not in self.claimed:
            while self.make and len(self.waiting) < count:
                self.waiting.append(self.make())
            if not self.waiting:
                return self._letters(batch, [])
            self.claimed[batch], self.waiting = self.waiting[:count], self.waiting[count:]
        if self.claims_dropped > 0:
            self.claims_dropped -= 1
            return None
        told = self.reports.get(batch, {})
        return self._letters(batch, [l for l in self.claimed[batch] if l.job not in told])

    def _letters(self, batch, letters):
        parts = [letter.wire(self.station.public_key) for letter in letters]
        digest = blake2b(b"".join(struct.pack(">I", len(part)) + part for part in parts),
                         digest_size=32).digest()
        signature = self.signing.sign(b"portal-claim-1\0" + batch.encode() + digest).signature
        if self.spoil:
            parts, digest, signature = self.spoil(batch, parts, digest, signature)
        return self._frame(LETTERS, b"".join(field(LETTER, part) for part in parts) +
                           fields({MANIFEST: digest, SIGNATURE: signature}))

    def _printed(self, batch, manifest):
        dropped = self.reports_dropped > 0
        self.reports_dropped -= dropped
        if not dropped or self.lose_reports:
            if self.report_verdict == OK:
                rows = json.loads(manifest)
                self.reports.setdefault(batch, {}).update((row["job"], row) for row in rows)
        return None if dropped else self._verdict(self.report_verdict)

    # For tests ----------------------------------------------------------------------------------

    def add(self, *letters):
        with self.lock:
            self.waiting.extend(letters)
        return letters

    def rows(self):
        """What was reported last, by job."""
        with self.lock:
            return {job: row for rows in self.reports.values() for job, row in rows.items()}


class Mailroom:
    """Takes letters out of the directory the moment they are there, and keeps them."""

    def __init__(self, directory):
        self.dir, self.taken, self.ended = directory, [], threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def take(self):
        for path in sorted(self.dir.glob("[!.]*.pdf")):
            self.taken.append((path.stem, path.read_bytes()))
            path.unlink()

    def _run(self):
        while not self.ended.is_set():
            self.take()
            time.sleep(random.uniform(0, 0.01))

    def close(self):
        self.ended.set()
        self.thread.join()
        self.take()
