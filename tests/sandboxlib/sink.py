#!/usr/bin/python3
"""The sandbox's mail server: takes every mail and writes it as one .eml file.

    sink.py MAIL_DIR PORT PORT_FILE ANSWER_FILE

PORT 0 takes a free one; PORT_FILE says which. Files are named so that their order is that in which
they were accepted, and appear whole. While ANSWER_FILE exists, its line ("rcpt 550 no such user",
"data 451 later") is the answer to each RCPT or DATA instead.
"""

import asyncio
import os
import signal
import sys
import time
from pathlib import Path

from aiosmtpd.smtp import SMTP

MESSAGE_MAX = 4 << 20


class Sink:
    def __init__(self, mail_dir, answer_file):
        self.mail_dir = Path(mail_dir)
        self.answer_file = Path(answer_file)
        self.number = max((int(path.name[:6]) for path in self.mail_dir.glob("[0-9]*.eml")), default=0)

    def answer(self, command):
        """What the answer file has for this command, or None."""
        try:
            word, _, reply = self.answer_file.read_text(encoding="utf-8").strip().partition(" ")
        except OSError:
            return None
        return reply if word == command else None

    async def handle_RCPT(self, _server, _session, envelope, address, _options):
        refusal = self.answer("rcpt")
        if refusal:
            return refusal
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server, _session, envelope):
        refusal = self.answer("data")
        if refusal:
            return refusal
        self.number += 1
        name = f"{self.number:06d}-{time.time_ns() // 1000000}.eml"
        head = f"Return-Path: <{envelope.mail_from}>\r\n" + "".join(
            f"Delivered-To: {address}\r\n" for address in envelope.rcpt_tos)
        new = self.mail_dir / f".{name}.new"
        new.write_bytes(head.encode() + envelope.original_content)
        new.rename(self.mail_dir / name)
        return f"250 OK {name}"


async def serve(mail_dir, port, port_file, answer_file):
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    sink = Sink(mail_dir, answer_file)
    server = await loop.create_server(
        lambda: SMTP(sink, hostname="sink.invalid", data_size_limit=MESSAGE_MAX, loop=loop),
        "127.0.0.1", port)
    new = Path(f"{port_file}.new")
    new.write_text(f"{server.sockets[0].getsockname()[1]}\n", encoding="ascii")
    os.rename(new, port_file)
    await ended.wait()
    server.close()


if __name__ == "__main__":
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    asyncio.run(serve(sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]))
