"""HTTP to the byte, for what no browser sends: broken, huge, slow and many requests. The way in is get(), post(), or
Connection(address), which sends exactly what it is given."""

import re
import select
import socket
import time
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

SECONDS = 30
READ_BYTES = 1 << 16
# What differs from one answer to the next though both say the same.
PASSING = re.compile(rb"^(Date|Set-Cookie): [^\r]*\r\n", re.M | re.I)
TOKEN = re.compile(rb'(name="token" value=")[^"]*"')


@dataclass
class Answer:
    data: bytes
    seconds: float

    @property
    def head(self):
        return self.data.partition(b"\r\n\r\n")[0].decode("latin-1")

    @property
    def body(self):
        return self.data.partition(b"\r\n\r\n")[2]

    @property
    def text(self):
        return self.body.decode()

    @property
    def size(self):
        return len(self.body)

    @property
    def status(self):
        return int(self.head.split(" ", 2)[1])

    def headers(self, name):
        return re.findall(rf"^{re.escape(name)}: *([^\r\n]*?) *\r?$", self.head, re.M | re.I)

    def header(self, name):
        return next(iter(self.headers(name)), None)

    @property
    def cookies(self):
        """name: value, as a browser would keep them."""
        return dict(line.partition(";")[0].split("=", 1) for line in self.headers("Set-Cookie"))

    @property
    def token(self):
        """The form's own, for sending it."""
        found = re.search(r'name="token" value="([^"]*)"', self.text)
        return found and found[1]

    @property
    def said(self):
        """All of it but time, cookies and tokens: what two answers that tell nothing have in common."""
        return TOKEN.sub(rb'\1"', PASSING.sub(b"", self.data))


class Connection:
    """Give source=127.x.y.z to come from another address. A connection that ends early leaves data short, not an
    exception; answer() is None where nothing came at all."""

    def __init__(self, address, source=None, seconds=SECONDS):
        parts = urlsplit(address)
        self.host, self.seconds, self.data = parts.netloc, seconds, b""
        self.socket = socket.create_connection((parts.hostname, parts.port), seconds,
                                               source_address=(source, 0) if source else None)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.began = time.monotonic()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def send(self, data):
        """False where the other side has hung up."""
        self.began = time.monotonic()
        try:
            self.socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            return False
        return True

    def send_slowly(self, data, each, until=None):
        """Byte by byte with a pause after each; until the other side hangs up or until() is true: how many went."""
        for count, byte in enumerate(data):
            if self.is_closed() or (until and until()) or not self.send(bytes([byte])):
                return count
            time.sleep(each)
        return len(data)

    def _more(self):
        try:
            data = self.socket.recv(READ_BYTES)
        except ConnectionResetError:
            return False
        self.data += data
        return bool(data)

    def answer(self, head_only=False):
        """The next whole one, by its Content-Length or to the connection's end."""
        while b"\r\n\r\n" not in self.data:
            if not self._more():
                break
        head, end, rest = self.data.partition(b"\r\n\r\n")
        if not end:
            return None
        length = re.search(rb"^content-length: *([0-9]+)", head, re.M | re.I)
        size = 0 if head_only else int(length[1]) if length else None
        while size is None or len(rest) < size:
            if not self._more():
                break
            rest = self.data.partition(b"\r\n\r\n")[2]
        end_at = len(head) + 4 + (len(rest) if size is None else size)
        taken, self.data = self.data[:end_at], self.data[end_at:]
        return Answer(taken, time.monotonic() - self.began)

    def is_closed(self, seconds=0.0):
        """Whether the other side has hung up, within that time; what it says before that is kept."""
        deadline = time.monotonic() + seconds
        while select.select([self.socket], [], [], max(0.0, deadline - time.monotonic()))[0]:
            if not self._more():
                return True
        return False


def request(address, method, path, body=b"", source=None, headers=None):
    """One request on a connection of its own. A header of None is left out, Host too."""
    with Connection(address, source) as connection:
        sent = {"Host": connection.host, "Connection": "close", **(headers or {})}
        if body or method == "POST":
            sent.setdefault("Content-Length", str(len(body)))
        lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in sent.items() if value is not None)
        connection.send(f"{method} {path} HTTP/1.1\r\n{lines}\r\n".encode() + body)
        return connection.answer(head_only=method == "HEAD")


def get(address, path, source=None, **headers):
    return request(address, "GET", path, source=source, headers=headers)


def post(address, path, fields, source=None, **headers):
    """fields: a dictionary, a list of pairs, or bytes as they are."""
    body = fields if isinstance(fields, bytes) else urlencode(fields).encode()
    return request(address, "POST", path, body, source,
                   {"Content-Type": "application/x-www-form-urlencoded", **headers})


class Client:
    """A browser to the byte: keeps cookies, and sends forms with the token of the page that it got last."""

    def __init__(self, address, source=None, language="de"):
        self.address, self.source, self.cookies, self.token = address, source, {}, None
        self.language = language

    def _sent(self, more):
        cookies = {"Cookie": "; ".join(f"{n}={v}" for n, v in self.cookies.items())} if self.cookies else {}
        return {"Accept_Language": self.language, **cookies, **more}

    def _took(self, answer):
        self.cookies.update(answer.cookies)
        self.cookies = {name: value for name, value in self.cookies.items() if value}
        self.token = answer.token or self.token
        return answer

    def get(self, path, **headers):
        return self._took(get(self.address, path, self.source, **self._sent(headers)))

    def post(self, path, fields, **headers):
        fields = {"token": self.token, **fields} if self.token else fields
        return self._took(post(self.address, path, fields, self.source, **self._sent(headers)))
