"""Stands between portald and slapd, and holds a request back, or an answer, until told otherwise. So a test can stop the
world between any two steps that a handler takes. The way in is gate_before(box)."""

import os
import socket
import threading
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote, unquote

BIND, SEARCH, MODIFY = 0x60, 0x63, 0x66
# ExtendedResponse, message id 0: unavailable, named 1.3.6.1.4.1.1466.20036 (RFC 4511, 4.4.1).
NOTICE = bytes.fromhex("3024 020100 781f 0a0134 0400 0400 8a16") + b"1.3.6.1.4.1.1466.20036"


def receive_exactly(s, size):
    data = b""
    while len(data) < size:
        more = s.recv(size - len(data))
        if not more:
            raise EOFError
        data += more
    return data


def receive_message(s):
    """One LDAPMessage (RFC 4511, 4.1.1): its bytes, its id and the tag of what it asks or answers."""
    head = receive_exactly(s, 2)
    length = head[1]
    if length & 0x80:
        more = receive_exactly(s, length & 0x7f)
        length, head = int.from_bytes(more, "big"), head + more
    body = receive_exactly(s, length)
    end_of_id = 2 + body[1]
    return head + body, int.from_bytes(body[2:end_of_id], "big"), body[end_of_id]


class Stop:
    """A place where a request of one kind that holds certain bytes stops, or its answer: the first one, or every one."""

    def __init__(self, kind, what, answers=False, every=False, notice=False):
        self.kind, self.what, self.answers, self.every, self.notice = kind, what.encode(), answers, every, notice
        self.caught, self.go = threading.Event(), threading.Event()
        self.lost = False
        self.count = 0

    def take(self, tag, data):
        """Whether it is one that stops here."""
        takes = not self.go.is_set() and tag == self.kind and self.what in data and (self.every or not self.count)
        self.count += takes
        return takes

    def wait(self):
        """Returns whether the message goes on."""
        self.caught.set()
        self.go.wait()
        return not self.lost


class Gate:
    def __init__(self, box, directory):
        self.server = unquote(box["PORTAL_LDAP_URI"].removeprefix("ldapi://"))
        path = os.path.join(directory, "gate")
        self.uri = "ldapi://" + quote(path, safe="")
        self.stops, self.connections, self.lock = [], [], threading.Lock()
        self.silent = set()
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen(100)
        threading.Thread(target=self._accept, daemon=True).start()

    @contextmanager
    def stop(self, kind, what, **how):
        """Until the end of the block; what is held then goes on. With notice it isn't held: its connection ends as slapd
        ends one when it shuts down."""
        stop = Stop(kind, what, **how)
        with self.lock:
            self.stops.append(stop)
        try:
            yield stop
        finally:
            stop.go.set()
            with self.lock:
                self.stops.remove(stop)

    def fall_silent(self):
        """Nothing goes on any more over connections that there are now, in neither direction, and none ends."""
        self.silent = {c for c in self.connections if c.fileno() >= 0}

    def _send(self, s, data):
        if s not in self.silent:
            s.sendall(data)

    def _find(self, tag, data, answers):
        with self.lock:
            return next((s for s in self.stops if s.answers == answers and s.take(tag, data)), None)

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            server = socket.socket(socket.AF_UNIX)
            self.connections += [client, server]
            try:
                server.connect(self.server)
            except OSError:  # slapd is away
                self._hang_up(client, socket.SHUT_RDWR)
                continue
            waiting = {}
            threading.Thread(target=self._requests, args=(client, server, waiting), daemon=True).start()
            threading.Thread(target=self._answers, args=(client, server, waiting), daemon=True).start()

    def _requests(self, client, server, waiting):
        """What was held goes on to slapd even when portald has gone meanwhile, as with a slow network or a busy server."""
        try:
            while True:
                data, number, tag = receive_message(client)
                stop = self._find(tag, data, False)
                waiting[number] = self._find(tag, data, True)
                if stop and stop.notice:
                    stop.caught.set()
                    client.sendall(NOTICE)
                    raise EOFError
                if not stop or stop.wait():
                    self._send(server, data)
        except (OSError, EOFError):
            self._hang_up(server, socket.SHUT_WR)

    def _answers(self, client, server, waiting):
        try:
            while True:
                data, number, _ = receive_message(server)
                stop = waiting.get(number)
                if stop and not stop.wait():
                    continue
                try:
                    self._send(client, data)
                except OSError:
                    pass  # slapd is heard out
        except (OSError, EOFError):
            self._hang_up(client, socket.SHUT_RDWR)

    @staticmethod
    def _hang_up(s, how):
        try:
            s.shutdown(how)
        except OSError:
            pass

    def close(self):
        for stop in self.stops:
            stop.go.set()
        self._hang_up(self.listener, socket.SHUT_RDWR)
        self.listener.close()
        for s in self.connections:
            self._hang_up(s, socket.SHUT_RDWR)
            s.close()


def gate_before(box):
    """A gate that portald goes through from its next start on."""
    gate = Gate(box, box.dir)
    drop_ins = Path(box["PORTALD_CONF"] + ".d")
    drop_ins.mkdir()
    (drop_ins / "gate.conf").write_text(f"[directory]\nuri = {gate.uri}\n", encoding="utf-8")
    return gate
