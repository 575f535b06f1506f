"""What nobody means well by: each is a clear refusal, and portald goes on as before."""

import os
import socket
import struct
import time

import pytest

from wire import NUMBERS, connect, call, field, frame, receive

PASSWORD = "Regen auf dem Zeltdach"


@pytest.fixture(autouse=True)
def still_the_same_portald(sandbox):
    before = sandbox["PORTALD_PID"]
    yield
    os.kill(int(before), 0)
    assert sandbox["PORTALD_PID"] == before
    assert sandbox.ctl("status").returncode == 0


@pytest.mark.parametrize("password", [
    pytest.param("", id="empty"),
    pytest.param(b"\xff\xfe\xfd broken", id="not-utf-8"),
    pytest.param("x" * 511, id="511-bytes"),
    pytest.param("*", id="asterisk"),
])
def test_what_cannot_be_a_password_is_wrong_like_any_other(world, password):
    reply = world.portald.authenticate("nobody-at-all@example.org", password)
    assert reply.verdict == "WRONG"
    assert reply.account is None


@pytest.mark.parametrize("password", [
    pytest.param(b"correct\0horse", id="nul"),
    pytest.param("x" * 512, id="512-bytes"),
    pytest.param("x" * 513, id="513-bytes"),
])
def test_password_that_no_frame_may_carry_is_refused_unseen(world, password):
    assert world.portald.authenticate("nobody@example.org", password).refused


@pytest.mark.parametrize("name", [
    "*)(mail=*", "*@example.org)(uid=*", "a b@example.org", "a\tb@example.org", "a\nb@example.org", "", "@", "a@",
    "ü@example.org", "x" * 250 + "@example.org"[:4], "\"a b\"@example.org", "<a@example.org>",
])
def test_login_name_that_cannot_be_one_is_wrong_and_asks_nobody(world, name):
    reply = world.portald.authenticate(name, PASSWORD)
    assert reply.refused or reply.verdict == "WRONG"
    reply = world.portald.account(name)
    assert reply.refused or reply.verdict == "UNKNOWN"


@pytest.mark.parametrize("mail", [
    "a@example.org\r\nRCPT TO:<b@example.org>", "a@exam\nple.org", "<a@example.org>", "a@example.org,b@example.org",
    "a b@example.org", "a@localhost", "a@-x.example", "a@exa mple.org", "a" * 65 + "@example.org", "a@" + "b" * 250,
    "a@[127.0.0.1]", "",
])
def test_address_that_we_cannot_write_to_is_named_at_its_field(world, mail):
    reply = world.portald.register("VN1007922", "1984-03-17", mail)
    if reply.refused:
        return
    assert reply.verdict == "REFUSED"
    assert reply.get("FIELD") == struct.pack(">H", NUMBERS["WIRE_MAIL_ADDRESS"])
    assert reply.text


@pytest.mark.parametrize("fields, wrong", [
    ({"POLICY": ""}, "POLICY"), ({"POLICY": "VN*"}, "POLICY"), ({"POLICY": "VN)(uid=*"}, "POLICY"),
    ({"POLICY": "9" * 41}, "POLICY"), ({"BIRTHDATE": "1984-02-30"}, "BIRTHDATE"), ({"BIRTHDATE": "gestern"}, "BIRTHDATE"),
    ({"MAIL_AGAIN": "b@example.org"}, "MAIL_AGAIN"), ({"PRIVACY": "0"}, "PRIVACY"), ({"TERMS": "99"}, "TERMS"),
])
def test_each_mistake_of_the_form_is_named_at_its_field(world, fields, wrong):
    good = {"POLICY": "VN1007922", "BIRTHDATE": "1984-03-17", "MAIL_ADDRESS": "a@example.org",
            "MAIL_AGAIN": "a@example.org", "PRIVACY": "1", "TERMS": "1", "LANGUAGE": "en"}
    reply = world.portald.ask("web", "REGISTER", **(good | fields))
    assert reply.verdict == "REFUSED"
    assert reply.get("FIELD") == struct.pack(">H", NUMBERS["WIRE_" + wrong])


def test_policy_number_of_10_kb_is_refused_unseen(world):
    assert world.portald.register("9" * 10240, "1984-03-17", "a@example.org").refused


@pytest.mark.parametrize("data", [
    pytest.param(struct.pack(">I", 0xffffffff) + b"\1\1", id="4-GB"),
    pytest.param(struct.pack(">I", 65536) + b"\1\1", id="one-more-than-allowed"),
    pytest.param(struct.pack(">I", 0), id="empty"),
    pytest.param(struct.pack(">I", 1) + b"\1", id="no-type"),
    pytest.param(frame("AUTHENTICATE", version=2), id="other-version"),
    pytest.param(frame(200), id="unknown-type"),
    pytest.param(frame("VERDICT"), id="a-reply"),
    pytest.param(frame("AUTHENTICATE", b"\0\1\xff\xff\xff\xff"), id="field-longer-than-frame"),
    pytest.param(frame("AUTHENTICATE", b"\0\1\0"), id="half-a-field"),
    pytest.param(frame("AUTHENTICATE", field("USER", "a@b.de") * 2), id="field-twice"),
    pytest.param(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", id="HTTP"),
])
def test_malformed_frame_is_refused(world, data):
    assert call(world.portald.path("api"), data).refused


@pytest.mark.parametrize("sock, kind", [
    ("api", "ACCOUNT"), ("api", "REGISTER"), ("api", "CONFIRM"), ("api", "CONTROL"), ("api", "CLAIM"), ("api", "NOT_ME"),
    ("account", "CONTROL"), ("web", "ACCOUNT"), ("web", "CLAIM"), ("web", "CONTROL"), ("print", "AUTHENTICATE"),
    ("print", "CONTROL"), ("control", "CLAIM"), ("control", "AUTHENTICATE"),
])
def test_socket_takes_only_its_own_requests(world, sock, kind):
    assert world.portald.ask(sock, kind, USER="a@example.org", SERVICE="x", LANGUAGE="de").refused


def test_request_without_its_fields_opens_nothing(world):
    assert world.portald.ask("api", "AUTHENTICATE").verdict == "WRONG"
    assert world.portald.ask("api", "CHANGE").verdict == "GRANT_OVER"
    assert world.portald.ask("web", "REGISTER").verdict == "REFUSED"
    assert world.portald.ask("web", "CONFIRM").verdict == "UNKNOWN"
    assert world.portald.ask("web", "NOT_ME").verdict == "UNKNOWN"
    assert world.portald.ask("print", "CLAIM").refused
    assert world.portald.ask("print", "PRINTED").verdict == "REFUSED"
    assert "error" in world.portald.control("no-such-verb")


@pytest.mark.parametrize("token", ["", "x", "A" * 43, "../" * 20, "https://evil.example/confirm/" + "A" * 43, "\u00e4" * 43])
def test_unknown_token_is_unknown(world, token):
    assert world.portald.link(token).verdict == "UNKNOWN"
    assert world.portald.confirm(token).verdict == "UNKNOWN"


@pytest.mark.parametrize("grant", [b"", b"x", b"\0" * 300, b"\xff" * 512])
def test_forged_grant_changes_nothing(world, grant):
    assert world.portald.change("a@example.org", grant, PASSWORD).verdict == "GRANT_OVER"


def test_half_a_frame_and_a_hang_up_harm_nobody(world):
    whole = frame("AUTHENTICATE", field("USER", "a@example.org"))
    for cut in range(len(whole)):
        with connect(world.portald.path("api")) as s:
            s.sendall(whole[:cut])


def test_frame_byte_by_byte_is_understood(world):
    with connect(world.portald.path("api")) as s:
        for byte in frame("AUTHENTICATE", field("USER", "nobody") + field("PASSWORD", "x")):
            s.sendall(bytes([byte]))
            time.sleep(0.001)
        assert receive(s).verdict == "WRONG"


def test_second_request_on_one_connection_is_refused(world):
    one = frame("AUTHENTICATE", field("USER", "nobody"))
    assert call(world.portald.path("api"), one + one).refused


def test_2000_idle_connections_keep_nobody_out(world):
    idle = []
    try:
        for _ in range(2000):
            s = socket.socket(socket.AF_UNIX)
            s.connect(str(world.portald.path("api")))
            s.sendall(b"\0")
            idle.append(s)
        began = time.monotonic()
        assert world.portald.authenticate("nobody", "x").verdict == "WRONG"
        assert time.monotonic() - began < 5
    finally:
        for s in idle:
            s.close()


def test_slow_sender_is_cut_off(world):
    with connect(world.portald.path("api"), timeout=30) as s:
        s.sendall(b"\0\0")
        assert s.recv(1) == b""
