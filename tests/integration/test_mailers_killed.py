"""portal-mailer killed under a real portald: at each step of its dialogue with the relay, and at random. Then an audit counts.

PORTAL_KILLS in the environment: how many kills at steps (8 by itself), or "all" for one at every step, and hundreds at random."""

import contextlib
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
from steps import NEVER, command
from tray import Tray

KILLS = os.environ.get("PORTAL_KILLS", "8")
AT_RANDOM = 300 if KILLS == "all" else 20
CUSTOMERS = 6000 if KILLS == "all" else 1000
AT_ONCE = 4
SEED = 20261125
BEYOND = 3
LEAST = 8
# A mail that was under way comes again when all kills are over, so that none can meet it twice.
CONFIGURATION = """[mail]
mailer_program = {program}
retry = 1h
couriers = 2
batch = {batch}
[limits]
registrations_per_client = 1000000
"""
# Starts the real mailer, and has it killed at the step that a file names, once.
PROGRAM = """#!/bin/sh
step=$(cat '{dir}/step' 2>/dev/null) || exec '{mailer}' "$@"
rm '{dir}/step'
exec {steps} '{mailer}' "$@"
"""
STEP = "STEP"


def kill(process_id):
    """Whether it was still there."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(process_id, signal.SIGKILL)
        return True
    return False


class Relaying:
    """A sandbox whose mailers are to be killed."""

    def __init__(self, batch):
        self.box = Sandbox("--customers", str(CUSTOMERS))
        program = self.box.dir / "mailer"
        mailer = next(line.split(" = ")[1] for line in Path(self.box["PORTALD_CONF"]).read_text().splitlines()
                      if line.startswith("mailer_program"))
        steps = " ".join(command(STEP, self.box.dir / "trace", every=True)).replace(STEP, '"$step"')
        program.write_text(PROGRAM.format(dir=self.box.dir, mailer=mailer, steps=steps))
        program.chmod(0o755)
        drop_ins = Path(self.box["PORTALD_CONF"] + ".d")
        drop_ins.mkdir()
        (drop_ins / "mailer.conf").write_text(CONFIGURATION.format(program=program, batch=batch))
        self.box.restart("portald")
        self.world, self.customers = World(self.box), []
        self.postbox, self.tray = Postbox(self.box["PORTAL_MAIL_DIR"]), Tray(self.box["PORTAL_LETTER_DIR"])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.tray.close()
        self.box.close()

    def mailers(self):
        """portald's children that live."""
        found = []
        for path in Path("/proc", self.box["PORTALD_PID"], "task").glob("*/children"):
            with contextlib.suppress(OSError):  # a thread that has ended
                found += [int(word) for word in path.read_text().split() if not is_gone(word)]
        return found

    def end_mailers(self):
        for process_id in self.mailers():
            kill(process_id)
        wait_for(lambda: not self.mailers(), what="the end of the mailers")

    def register(self, c):
        repeat("registering", lambda: said(self.world.portald.register(c.policy, c.birthdate, c.mail), "OK"))
        self.customers.append(c)

    def outcome(self, c):
        """done, or ready for another try, once the mail was tried."""
        jobs = self.world.portald.control("queue-list", kind="mail", entry=c.show()["uuid"])["jobs"]
        return jobs and (jobs[0]["state"] == "done" or jobs[0]["note"]) and jobs[0]["state"]

    def run(self, n):
        """Sends one mail with its mailer killed at step n. Returns whether that happened."""
        self.end_mailers()
        (self.box.dir / "step").write_text(str(n))
        c = self.world.unused.pop()
        self.register(c)
        return wait_for(lambda: self.outcome(c), what="the outcome of a mail") == "ready"

    def hold(self):
        """All mails are due now, and nobody is killed any more. Returns the audit's figures."""
        self.world.clock("+2h")
        self.world.box.restart("portald")
        wait_until_settled(self.world)
        figures = Audit(self.world, self.postbox, self.tray).hold([])
        for c in self.customers:
            mails = self.postbox.of(c.mail)
            assert len({m.message["Message-ID"] for m in mails}) == 1, f"{c.uid}: {mails}"
            assert self.world.portald.link(mails[0].token).verdict == "LINK_GOOD", f"{c.uid}: {c.show()}"
        return figures


def test_killed_at_each_system_call_it_loses_no_mail():
    with Relaying(batch=1) as relaying:
        assert not relaying.run(NEVER)
        relaying.end_mailers()
        steps = (relaying.box.dir / "trace").read_text().splitlines()
        first = next(n for n, step in enumerate(steps, 1) if "socket" in step or "connect" in step)
        kills, missed, n = 0, 0, 0
        some = () if KILLS == "all" else random.Random(SEED).sample(range(first, len(steps)), int(KILLS))
        for n in some or range(1, CUSTOMERS):
            killed = relaying.run(n)
            kills, missed = kills + killed, 0 if killed else missed + 1
            if missed == BEYOND:
                break
        figures = relaying.hold()
        print(f"{len(steps)} steps, the dialogue from {first}, {kills} kills; {figures}")
        assert kills >= (len(some) or LEAST) - BEYOND and figures["mails"] >= len(relaying.customers)


def kill_at_random(relaying, wanted):
    """Kills mailers at work while customers register. Returns how many."""
    kills, moments = 0, random.Random(SEED)
    while kills < wanted and relaying.world.unused:
        time.sleep(moments.uniform(0, 0.03))
        for process_id in relaying.mailers()[:1]:
            kills += kill(process_id)
    return kills


def register_until(relaying, ended):
    while not ended.is_set() and relaying.world.unused:
        relaying.register(relaying.world.unused.pop())
        time.sleep(0.02)


def test_killed_at_random_it_loses_no_mail():
    with Relaying(batch=2) as relaying:
        ended, pool, portald = threading.Event(), ThreadPoolExecutor(AT_ONCE), relaying.world.portald
        try:
            customers = [pool.submit(register_until, relaying, ended) for _ in range(AT_ONCE)]
            kills = kill_at_random(relaying, AT_RANDOM)
        finally:
            ended.set()
            pool.shutdown()
        for done in customers:
            done.result()
        wait_for(lambda: not any(portald.control("status")["queue"]["registration"][s] for s in ("ready", "claimed")),
                 seconds=60, what="the end of the matching")
        figures = relaying.hold()
        print(f"{kills} kills; {figures}")
        assert kills == AT_RANDOM
