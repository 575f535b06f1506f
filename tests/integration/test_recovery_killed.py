"""portald killed at random moments while customers recover their passwords: nothing is lost, nothing doubled, nobody left
between two passwords."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from audit import Audit, wait_until_settled
from customer import World
from postbox import Postbox
from recoverer import NEW, PASSWORD, codes_of, drawer, with_puk
from sandbox import Sandbox
from test_killed import kill_for_a_while
from tray import Tray

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
    c.password = NEW
    done.add(c.uid)


def check(audit, c, old_puk_hash):
    """What must be so beyond what Audit.hold() sees."""
    assert audit.world.portald.authenticate(c.mail, PASSWORD).verdict == "WRONG"
    assert audit.by_uid[c.uid]["portalPUK"] != [old_puk_hash]
    assert [j["topic"] for j in audit.of(c, "letter")] == ["puk"], f"{c.uid}: {audit.of(c, 'letter')}"
    assert len(audit.of(c, "mail", "puk-used")) == 1, f"{c.uid}: {audit.of(c, 'mail')}"


def test_kills_lose_and_double_nothing_of_a_recovery():
    box = Sandbox("--customers", str(2 * CUSTOMERS))
    try:
        drop_ins = Path(box["PORTALD_CONF"] + ".d")
        drop_ins.mkdir()
        (drop_ins / "patience.conf").write_text(PATIENCE, encoding="utf-8")
        box.restart("portald")
        world, done, stop = World(box), set(), threading.Event()
        customers = [with_puk(world) for _ in range(CUSTOMERS)]
        postbox, tray = Postbox(box["PORTAL_MAIL_DIR"]), Tray(box["PORTAL_LETTER_DIR"])
        pool = ThreadPoolExecutor(AT_ONCE + 1)
        try:
            killer = pool.submit(kill_for_a_while, world, stop, KILLS, 0.5, SEED)
            for life in [pool.submit(live, world, c, done) for c in customers]:
                life.result()
            stop.set()
            kills = killer.result()
            wait_until_settled(world)
        finally:
            stop.set()
            pool.shutdown(cancel_futures=True)
            tray.close()
        audit = Audit(world, postbox, tray)
        print(f"{kills} kills; {audit.hold(customers)}")
        for c in customers:
            check(audit, c, drawer(world).hash)
        assert len(done) == CUSTOMERS
        assert kills >= 10, f"only {kills} kills while there was work"
    finally:
        box.close()
