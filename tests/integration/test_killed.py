"""portald killed a hundred times at random moments while customers register, confirm and get letters. Whoever was answered
finds that it was true, and a checker that reads sink, letters, queue and directory counts what came of it."""

import os
import random
import signal
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import email
import email.policy

from customer import LINK, World, is_gone, wait_for
from sandbox import Sandbox

KILLS = 100
CUSTOMERS = 240
AT_ONCE = 6
SEED = 20261122


class Postbox:
    """The sink's mails by recipient; each file is read once."""

    def __init__(self, directory):
        self.directory, self.seen, self.by_recipient = Path(directory), set(), {}
        self.lock = threading.Lock()

    def read(self):
        with self.lock:
            for path in sorted(self.directory.glob("*.eml")):
                if path.name in self.seen:
                    continue
                self.seen.add(path.name)
                m = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
                token = LINK.search(m.get_body(("plain",)).get_content())
                self.by_recipient.setdefault(m["Delivered-To"], []).append((m["Message-ID"], token and token.group(1)))
            return self.by_recipient


def patiently(what, call, good, seconds=120):
    """What a person does whose page didn't load: tries again."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            reply = call()
            if reply and reply.verdict in good:
                return reply
        except OSError:
            pass
        time.sleep(0.05)
    raise AssertionError(f"{what} never worked")


def live(world, postbox, customer, done):
    patiently("registering", lambda: world.portald.register(customer.policy, customer.birthdate, customer.mail), {"OK"})
    mails = wait_for(lambda: postbox.read().get(customer.mail), seconds=150, what=f"mail to {customer.mail}")
    patiently("confirming", lambda: world.portald.confirm(mails[0][1]), {"OK", "LINK_DONE"})
    done.add(customer.uid)


def kill(box, stop, kills=KILLS, pause=0.35, seed=SEED):
    """Kills portald at moments up to pause seconds apart, until stop is set. Returns how often."""
    moments = random.Random(seed)
    for n in range(kills):
        time.sleep(moments.uniform(0, pause))
        portald = int(box["PORTALD_PID"])
        os.kill(portald, signal.SIGKILL)
        # A busy machine takes a moment to end it, and until then the sandbox would see it running.
        wait_for(lambda: is_gone(portald), seconds=30, what="the end of portald")
        box.start("portald")
        if stop.is_set():
            return n + 1
    return kills


def settled(world):
    """Nothing is on its way any more."""
    try:
        queue = world.portald.control("status")["queue"]
    except (OSError, TypeError, AttributeError):
        return False
    return queue["untold"] == 0 and not any(
        queue[kind][state] for kind in ("registration", "mail", "letter") for state in ("staged", "ready", "claimed"))


def check(world, postbox, customers):
    for recipient, mails in postbox.read().items():
        assert max(Counter(message_id for message_id, _ in mails).values()) <= 2, f"{recipient}: {mails}"
    letters = {j["id"]: j for j in world.portald.control("queue-list", kind="letter")["jobs"]}
    printed = {p.name for p in Path(world.box["PORTAL_LETTER_DIR"]).glob("*.pdf")}
    for c in customers:
        assert c.state == "initial", f"{c.uid} is stuck: {c.show()}"
        mine = [j for j in letters.values() if j["subject"] == c.uid and j["state"] != "withdrawn"]
        assert [j["state"] for j in mine] == ["printed"], f"{c.uid}: {mine}"
        files = [name for name in printed if mine[0]["id"] in name]
        assert len(files) == 1, f"{c.uid}: {files}"
        assert world.portald.authenticate(c.mail, c.letter().password).verdict == "OK"
        assert "portalJob" not in world.entry(c.uid)
    assert len(printed) == len(customers)


def test_a_hundred_kills_lose_nothing_and_double_no_letter():
    box = Sandbox("--customers", str(CUSTOMERS))
    try:
        drop_ins = Path(box["PORTALD_CONF"] + ".d")
        drop_ins.mkdir()
        # A mail in a killed portald's hands is sent again when its lease ends, a minute after this; three
        # kills that all hit one mail between relay and commit would take longer than they go on here.
        (drop_ins / "soon.conf").write_text("[mail]\ndeadline = 30s\n", encoding="utf-8")
        box.restart("portald")
        world, done, stop = World(box), set(), threading.Event()
        postbox, customers = Postbox(box["PORTAL_MAIL_DIR"]), list(world.unused)
        pool = ThreadPoolExecutor(AT_ONCE + 1)
        try:
            killer = pool.submit(kill, box, stop)
            for life in [pool.submit(live, world, postbox, c, done) for c in customers]:
                life.result()
            stop.set()
            kills = killer.result()
        finally:
            stop.set()
            pool.shutdown(cancel_futures=True)
        wait_for(lambda: settled(world), seconds=120, what="rest")
        check(world, postbox, customers)
        assert len(done) == len(customers)
        assert kills >= KILLS, f"only {kills} kills while there was work"
    finally:
        box.close()
