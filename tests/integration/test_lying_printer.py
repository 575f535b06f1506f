"""portal-print with a printer on loopback that means harm: an answer that never ends is given up after a while, and none takes
the memory of the machine. What was asked for is then said not to have been answered."""

import os
import socket
import struct
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest
from fake_portald import Letter
from test_cups import use
from test_print import Station, program  # noqa: F401

LATE = 30  # seconds; a build for tests gives an answer 4
MEMORY_MOST = 160 * 1024  # KiB, of which fonts and the letter take the most
CHUNKED = b"HTTP/1.1 200 OK\r\nContent-Type: application/ipp\r\nTransfer-Encoding: chunked\r\n\r\n"
SEND_DOCUMENT, CREATE_JOB, HANDSHAKE = 6, 5, -1


def attribute(tag, name, value):
    return struct.pack(">BH", tag, len(name)) + name + struct.pack(">H", len(value)) + value


def opening(request):
    """Of an answer that says ok, and which question it is to."""
    return (b"\x02\x00\x00\x00" + request[4:8] + b"\x01" + attribute(0x47, b"attributes-charset", b"utf-8")
            + attribute(0x48, b"attributes-natural-language", b"en"))


def chunk(data):
    return b"%x\r\n%s\r\n" % (len(data), data)


def drip(near, request):
    near.sendall(CHUNKED + chunk(opening(request) + b"\x02"))
    for byte in attribute(0x41, b"a", b"x" * 1000):
        near.sendall(chunk(b"%c" % byte))
        time.sleep(0.5)


def drip_in_the_head(near, request):
    near.sendall(b"HTTP/1.1 200 OK\r\nX-Long: ")
    while True:
        near.sendall(b"a")
        time.sleep(0.5)


def go_on_forever(near, request):
    """As fast as it can, in values of one attribute after the other."""
    near.sendall(CHUNKED + chunk(opening(request) + b"\x02"))
    many = chunk(attribute(0x41, b"a", b"x" * 1000) * 32)
    while True:
        near.sendall(many)


def promise_to_continue_forever(near, request):
    while True:
        near.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        time.sleep(0.05)


def drip_a_handshake(near, _request):
    """A record of TLS that is announced and hardly comes."""
    near.sendall(b"\x16\x03\x03\x3e\x80\x02\x00\x3e\x7c\x03\x03")
    while True:
        near.sendall(b"a")
        time.sleep(0.5)


def nest(near, request):
    """Collections in collections, which a library reads by calling itself."""
    near.sendall(CHUNKED + chunk(opening(request) + b"\x02" + attribute(0x34, b"c", b"")))
    inner = attribute(0x4a, b"", b"c") + attribute(0x34, b"", b"")
    near.sendall(chunk(inner * 90000))
    time.sleep(LATE)


class Liar:
    """A printer that is honest but for its answer to one question (None: any)."""

    def __init__(self, lie, question=None):
        self.lie, self.question, self.lies = lie, question, 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.uri = f"ipp://127.0.0.1:{self.listener.getsockname()[1]}/printers/letters"
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        with suppress(OSError):
            while True:
                threading.Thread(target=self.talk, args=self.listener.accept()[:1], daemon=True).start()

    def talk(self, near):
        with near, suppress(OSError), near.makefile("rb") as lines:
            if self.question == HANDSHAKE and near.recv(1, socket.MSG_PEEK):
                self.lie(near, b"")
            while request := self.read(near, lines):
                operation = request[3]
                if self.question in (None, operation):
                    self.lies += 1
                    self.lie(near, request)
                    return
                job = attribute(0x21, b"job-id", b"\x00\x00\x00\x07") if operation == CREATE_JOB else b""
                body = opening(request) + b"\x02" + job + b"\x03"
                near.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/ipp\r\nContent-Length: %d\r\n\r\n%s"
                             % (len(body), body))

    @staticmethod
    def read(near, lines):
        length = 0
        while (line := lines.readline().strip().lower()) or not length:
            if line.startswith(b"content-length:"):
                length = int(line.split(b":")[1])
            elif line.startswith(b"expect:"):
                near.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
            elif not line and not length:
                return b""
        return lines.read(length)

    def stop(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


@pytest.fixture
def station(program, tmp_path):  # noqa: F811
    directory = tmp_path / "station"
    directory.mkdir(mode=0o700)
    made = Station(program, directory)
    yield made
    made.portald.stop()


@pytest.fixture
def liar():
    made = []

    def make(*arguments):
        made.append(Liar(*arguments))
        return made[-1]
    yield make
    for one in made:
        one.stop()


def run_measured(station):
    """How it ended, after how long, and its memory at most, in KiB."""
    began = time.monotonic()
    process = station.start()
    timer = threading.Timer(LATE * 3, process.kill)
    timer.start()
    said = process.stderr.read()
    _, status, used = os.wait4(process.pid, 0)
    timer.cancel()
    process.returncode = os.waitstatus_to_exitcode(status)
    process.communicate()
    return process.returncode, time.monotonic() - began, used.ru_maxrss, said


@pytest.mark.parametrize(("lie", "says"), [(drip, "takes too long"), (drip_in_the_head, "takes too long"),
                                           (promise_to_continue_forever, "takes too long"),
                                           (go_on_forever, "is too long"), (nest, "is too long")])
def test_a_printer_that_never_ends_its_answer_is_given_up(station, liar, lie, says):
    use(station, liar(lie).uri)
    station.portald.add(Letter())
    status, seconds, memory, said = run_measured(station)
    assert status == 1 and f"answer {says}" in said, (status, said)
    assert seconds < LATE, seconds
    if b"__asan_init" not in Path(station.program).read_bytes():
        assert memory < MEMORY_MOST, memory


def test_a_printer_that_never_ends_its_handshake_is_given_up(station, liar):
    use(station, liar(drip_a_handshake, HANDSHAKE).uri.replace("ipp:", "ipps:"))
    station.portald.add(Letter())
    status, seconds, _, said = run_measured(station)
    assert status == 1 and "handshake takes too long" in said, (status, said)
    assert seconds < LATE, seconds


def test_a_letter_whose_sending_is_never_answered_is_uncertain(station, liar):
    lying = liar(drip, SEND_DOCUMENT)
    use(station, lying.uri, wait="1s")
    letter, = station.portald.add(Letter())
    status, seconds, _, said = run_measured(station)
    assert "pages" not in station.portald.rows()[letter.job], said
    assert "failed" not in station.portald.rows()[letter.job], said
    assert lying.lies > 0 and seconds < 2 * LATE, (status, seconds, said)
