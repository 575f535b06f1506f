"""portald killed a hundred times at random moments while customers register, confirm and get letters. Whoever was answered
finds that it was true, and a checker that reads sink, letters, queue and directory counts what came of it."""

import os
import random
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from audit import Audit, wait_until_settled
from customer import World, is_gone, wait_for
from flows import repeat, said
from postbox import Postbox
from sandbox import Sandbox
from tray import Tray

KILLS = 100
CUSTOMERS = 240
AT_ONCE = 6
SEED = 20261122


def live(world, postbox, customer, done):
    repeat("registering", lambda: said(world.portald.register(customer.policy, customer.birthdate, customer.mail), "OK"), 120)
    mails = wait_for(lambda: postbox.of(customer.mail), seconds=150, what=f"mail to {customer.mail}")
    repeat("confirming", lambda: said(world.portald.confirm(mails[0].token), "OK", "LINK_DONE"), 120)
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


def kill_for_a_while(world, *arguments):
    """kill(), and then what was in a killed portald's hands is due."""
    kills = kill(world.box, *arguments)
    world.clock("+12min")
    return kills


def test_a_hundred_kills_lose_nothing_and_double_no_letter():
    box = Sandbox("--customers", str(CUSTOMERS))
    try:
        drop_ins = Path(box["PORTALD_CONF"] + ".d")
        drop_ins.mkdir()
        # A mail in a killed portald's hands is sent again when its lease ends, a minute after this: once
        # the kills are over, however slow the machine, so that no mail meets two of them.
        (drop_ins / "late.conf").write_text("[mail]\ndeadline = 10min\n", encoding="utf-8")
        box.restart("portald")
        world, done, stop = World(box), set(), threading.Event()
        postbox, tray, customers = Postbox(box["PORTAL_MAIL_DIR"]), Tray(box["PORTAL_LETTER_DIR"]), list(world.unused)
        pool = ThreadPoolExecutor(AT_ONCE + 1)
        try:
            killer = pool.submit(kill_for_a_while, world, stop)
            for life in [pool.submit(live, world, postbox, c, done) for c in customers]:
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
        assert len(done) == len(audit.sheets) == len(customers)
        assert kills >= KILLS, f"only {kills} kills while there was work"
    finally:
        box.close()
