"""portald's protocol as a test speaks it: well-formed frames, and any others. common/wire.h specifies it."""

import json
import re
import socket
import struct
from pathlib import Path

HEADER = Path(__file__).resolve().parents[2] / "common" / "wire.h"


def _numbers(prefix="WIRE_"):
    """Types, verdicts and tags by their names in wire.h, so that the two can't drift apart."""
    text = re.sub(r"/\*.*?\*/", "", HEADER.read_text(encoding="utf-8"), flags=re.S)
    return {name: int(value) for name, value in re.findall(rf"\b({prefix}[A-Z_]+) = (\d+)", text)}


NUMBERS = _numbers()
VERSION = 1
VERDICTS = {}
for _name in ("OK WRONG TYPING_ERROR THROTTLED EXPIRED NEW_PASSWORD LOCKED CLOSED UNKNOWN NOT_CONFIRMED BLOCKED REFUSED "
              "BUSY UNAVAILABLE LINK_GOOD LINK_DONE LINK_EXPIRED LINK_TAKEN LINK_OVER GRANT_OVER CODE_NEEDED").split():
    VERDICTS[NUMBERS["WIRE_" + _name]] = _name


def field(tag, value):
    if isinstance(value, str):
        value = value.encode()
    elif isinstance(value, int):
        value = bytes([value])
    return struct.pack(">HI", NUMBERS["WIRE_" + tag], len(value)) + value


def frame(kind, fields=b"", version=VERSION):
    if isinstance(kind, str):
        kind = NUMBERS["WIRE_" + kind]
    return struct.pack(">IBB", 2 + len(fields), version, kind) + fields


class Reply:
    """A reply's fields: by tag, the first value of each."""

    def __init__(self, data):
        self.data = data
        self.kind = data[5]
        self.values = {}
        at = 6
        while at < len(data):
            tag, length = struct.unpack_from(">HI", data, at)
            self.values.setdefault(tag, data[at + 6:at + 6 + length])
            at += 6 + length

    def get(self, tag):
        return self.values.get(NUMBERS["WIRE_" + tag])

    @property
    def verdict(self):
        code = self.get("VERDICT_CODE")
        return VERDICTS[code[0]] if code else None

    @property
    def account(self):
        code = self.get("ACCOUNT_CODE")
        return VERDICTS[code[0]] if code else None

    @property
    def text(self):
        return (self.get("TEXT") or b"").decode()

    @property
    def refused(self):
        """The request as such was refused: it never reached a handler."""
        return self.kind == NUMBERS["WIRE_ERROR"]


def connect(path, timeout=20):
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(timeout)
    s.connect(str(path))
    return s


def receive(s):
    """One whole reply, or None when the connection ended without one."""
    data = b""
    while len(data) < 4 or len(data) < 4 + struct.unpack(">I", data[:4])[0]:
        try:
            more = s.recv(65536)
        except ConnectionResetError:
            return None
        if not more:
            return None
        data += more
    return Reply(data)


def call(path, data, timeout=20):
    with connect(path, timeout) as s:
        try:
            s.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            pass
        return receive(s)


class Portald:
    """The requests, with their fields by name, on the sockets below directory."""

    def __init__(self, directory):
        self.directory = Path(directory)

    def path(self, name):
        return self.directory / f"{name}.sock"

    def ask(self, sock, kind, **fields):
        parts = b"".join(field(tag, value) for tag, value in fields.items() if value is not None)
        return call(self.path(sock), frame(kind, parts))

    def authenticate(self, user, password, sock="api", service="test", language="de", **more):
        return self.ask(sock, "AUTHENTICATE", USER=user, SERVICE=service, LANGUAGE=language, PASSWORD=password, **more)

    def second(self, user, state, code, service="test", language="de", client=None, sock="api", **more):
        return self.ask(sock, "SECOND", USER=user, SERVICE=service, LANGUAGE=language, STATE=state, CODE=code, CLIENT=client,
                        **more)

    def account(self, user, service="test", language="de", client=None):
        return self.ask("account", "ACCOUNT", USER=user, SERVICE=service, LANGUAGE=language, CLIENT=client)

    def change(self, user, grant, password, service="test", language="de", sock="api", **more):
        return self.ask(sock, "CHANGE", USER=user, SERVICE=service, LANGUAGE=language, GRANT=grant, PASSWORD=password, **more)

    def forgotten(self, user, client=None, service="test", language="de"):
        return self.ask("api", "FORGOTTEN", USER=user, SERVICE=service, LANGUAGE=language, CLIENT=client)

    def recover(self, user, code, puk, client=None, service="test", language="de"):
        return self.ask("api", "RECOVER", USER=user, SERVICE=service, LANGUAGE=language, CODE=code, PUK=puk,
                        CLIENT=client)

    def register(self, policy, birthdate, mail, again=None, privacy="1", terms="1", language="de", client=None):
        return self.ask("web", "REGISTER", POLICY=policy, BIRTHDATE=birthdate, MAIL_ADDRESS=mail,
                        MAIL_AGAIN=mail if again is None else again, PRIVACY=privacy, TERMS=terms, LANGUAGE=language,
                        CLIENT=client)

    def new_letter(self, policy, birthdate, mail, language="de", client=None):
        return self.ask("web", "LETTER_WANTED", POLICY=policy, BIRTHDATE=birthdate, MAIL_ADDRESS=mail, LANGUAGE=language,
                        CLIENT=client)

    def new_mail(self, user, grant, mail, again=None, service="test", language="de", sock="web"):
        return self.ask(sock, "NEW_MAIL", USER=user, SERVICE=service, LANGUAGE=language, GRANT=grant, MAIL_ADDRESS=mail,
                        MAIL_AGAIN=mail if again is None else again)

    def link_again(self, token, language="de", client=None):
        return self.ask("web", "LINK_AGAIN", TOKEN=token, LANGUAGE=language, CLIENT=client)

    def reference(self, reference, language="de"):
        return self.ask("web", "REFERENCE", REFERENCE_CODE=reference, LANGUAGE=language)

    def link(self, token):
        return self.ask("web", "LINK", TOKEN=token, LANGUAGE="de")

    def confirm(self, token):
        return self.ask("web", "CONFIRM", TOKEN=token, LANGUAGE="de")

    def not_me(self, reference):
        return self.ask("web", "NOT_ME", REFERENCE_CODE=reference, LANGUAGE="de")

    def control(self, verb, **more):
        reply = self.ask("control", "CONTROL", JSON=json.dumps({"verb": verb, **more}))
        return json.loads(reply.get("JSON"))
