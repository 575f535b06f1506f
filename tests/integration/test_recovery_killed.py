"""portald killed at random moments while customers recover their passwords: nothing is lost, nothing doubled, nobody left
between two passwords."""

import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from customer import World, wait_for
from recoverer import CODE, NEW, PASSWORD, codes_of, drawer, with_puk
from sandbox import Sandbox
from test_killed import kill, settled

KILLS = 25
CUSTOMERS = 20
AT_ONCE = 4
SEED = 20261123
# Whoever is interrupted asks again, more often than any person may.
PATIENCE = """[mail]
deadline = 5s
[limits]
registrations_per_client = 1000
mails_per_address = 100
[rules]
codes_hour = 100
codes_day = 100
code_tries = 100
"""


def answered(call):
    try:
        return call()
    except OSError:
        return None


def is_new(world, c):
    reply = answered(lambda: world.portald.authenticate(c.mail, NEW))
    return reply is not None and reply.verdict == "OK"


def try_once(world, c):
    """What a customer does until it works: asks, reads the mail, types code and PUK, chooses."""
    if answered(lambda: world.portald.forgotten(c.mail)) is None:
        return
    time.sleep(0.5)
    for code in reversed(codes_of(world, c)):
        reply = answered(lambda: world.portald.recover(c.mail, code, c.puk))
        if reply is None or reply.verdict != "OK":
            continue
        answered(lambda: world.portald.change(c.mail, reply.get("GRANT"), NEW))
        return


def live(world, c, done):
    end = time.monotonic() + 150
    while not is_new(world, c):
        assert time.monotonic() < end, f"{c.uid} never got a new password: {c.show()}"
        try_once(world, c)
    done.add(c.uid)


def check(world, customers, old_puk_hash):
    letters = world.portald.control("queue-list", kind="letter")["jobs"]
    for c in customers:
        assert world.portald.authenticate(c.mail, PASSWORD).verdict == "WRONG"
        entry = world.entry(c.uid)
        assert "portalJob" not in entry, (entry["portalJob"], world.portald.control("queue-list", entry=c.show()["uuid"]))
        assert entry["portalPUK"] != [old_puk_hash]
        mine = [j for j in letters if j["subject"] == c.uid and j["topic"] == "puk"]
        assert [j["state"] for j in mine] == ["printed"], f"{c.uid}: {mine}"
        notices = Counter(m.message["Message-ID"] for m in world.mails(c.mail)
                          if "PUK" in m.message["Subject"] and not CODE.search(m.text))
        assert len(notices) == 1, f"{c.uid}: {notices}"
        # A relay that took a mail from a killed portald gets it once more: at least once, by one id.
        assert max(Counter(m.message["Message-ID"] for m in world.mails(c.mail)).values()) <= 2


def test_kills_lose_and_double_nothing_of_a_recovery():
    box = Sandbox("--customers", str(2 * CUSTOMERS))
    try:
        drop_ins = Path(box["PORTALD_CONF"] + ".d")
        drop_ins.mkdir()
        (drop_ins / "patience.conf").write_text(PATIENCE, encoding="utf-8")
        box.restart("portald")
        world, done, stop = World(box), set(), threading.Event()
        customers = [with_puk(world) for _ in range(CUSTOMERS)]
        pool = ThreadPoolExecutor(AT_ONCE + 1)
        try:
            killer = pool.submit(kill, box, stop, KILLS, 0.5, SEED)
            for life in [pool.submit(live, world, c, done) for c in customers]:
                life.result()
            stop.set()
            kills = killer.result()
        finally:
            stop.set()
            pool.shutdown(cancel_futures=True)
        wait_for(lambda: settled(world), seconds=120, what="rest")
        check(world, customers, drawer(world).hash)
        assert len(done) == CUSTOMERS
        assert kills >= 10, f"only {kills} kills while there was work"
    finally:
        box.close()
