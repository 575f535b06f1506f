"""portald killed at each step of each flow, and whoever was interrupted tries again. Then an audit counts.

PORTAL_KILLS in the environment: kills of each flow (3 by itself), or "all" for one at every step that it has: about a
thousand in all, which takes half an hour and more."""

import os
import random
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from audit import Audit, settled, wait_until_settled
from customer import World
from flows import FLOWS, Place
from postbox import Postbox
from recoverer import with_puk
from sandbox import Sandbox
from socket_holder import Holder
from steps import NEVER, Steps
from tray import Tray
from wish_flows import WISH_FLOWS

KILLS = os.environ.get("PORTAL_KILLS", "3")
CUSTOMERS = 2000 if KILLS == "all" else 200
SEED = 20261124
QUIET_SECONDS = 0.3
FLOW_SECONDS = 120
PAPER = ("letter",)  # waits until the station is run
BEYOND = 5  # steps that it didn't come to, one after the other: it has no more
LEAST = 5  # that every flow has
# Whoever is interrupted asks again, more often than any person may; what a killed portald had in its hands is due again soon.
PATIENCE = """[mail]
deadline = 5s
[limits]
registrations_per_client = 1000000
registrations_per_policy = 1000
mails_per_address = 1000
confirmations_per_entry = 100
[rules]
free_failures = 100
codes_hour = 100
codes_day = 1000
code_tries = 100
code_life = 10h
"""
pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="portald keeps its memory from tracers who aren't root")


class Stage:
    """A sandbox whose portald is to be killed; its print station runs when it is told to."""

    def __init__(self):
        self.box = Sandbox("--customers", str(CUSTOMERS))
        world = World(self.box)
        self.bell = with_puk(world)  # takes a letter
        self.box.stop("print")
        drop_ins = Path(self.box["PORTALD_CONF"] + ".d")
        drop_ins.mkdir()
        (drop_ins / "patience.conf").write_text(PATIENCE, encoding="utf-8")
        self.holder = Holder(self.box)
        self.tray = Tray(self.box["PORTAL_LETTER_DIR"])
        self.place = Place(world, Postbox(self.box["PORTAL_MAIL_DIR"]), self.tray)
        self.pool = ThreadPoolExecutor(1)

    def close(self):
        self.pool.shutdown()
        self.tray.close()
        self.holder.close()
        self.box.close()

    def settle(self):
        """What waits for a lease of a killed portald to end waits no more; a mail to somebody wakes those who send them."""
        world = self.place.world
        if settled(world, but=PAPER):
            return
        world.clock("+3min")
        assert world.portald.forgotten(self.bell.mail).verdict == "OK"
        wait_until_settled(world, but=PAPER)

    def run(self, flow, c, n):
        """Goes through a flow with portald killed at its n-th step. Returns whether it was, and the steps."""
        with Steps(self.holder.process_id, n) as steps:
            acting, end = self.pool.submit(flow.act, c), time.monotonic() + FLOW_SECONDS
            while not steps.ended() and not (acting.done() and flow.seen(c)):
                assert time.monotonic() < end, f"{c.uid}: {c.show()}"
                time.sleep(0.005)
            if steps.wait_until_quiet(QUIET_SECONDS):
                self.holder.restart(signal.SIGKILL)
            acting.result()
        if steps.killed:
            self.settle()
        return steps.killed, steps.steps


@pytest.fixture(scope="module")
def stage():
    stage = Stage()
    yield stage
    stage.close()


def every_step(run):
    """Kills at the first step, the second, …, until the flow has none left. Returns the steps."""
    kills, n, missed = [], 0, 0
    while missed < BEYOND:
        n += 1
        step = run(n)
        kills += [step] if step else []
        missed = 0 if step else missed + 1
    return kills


def some_steps(run, steps):
    """As many as are wanted, at those that aren't like the one before: the queue writes many pages."""
    marked = [n for n in range(1, len(steps) + 1) if n == 1 or steps[n - 1] != steps[n - 2]]
    random.Random(SEED).shuffle(marked)
    kills = []
    while marked and len(kills) < int(KILLS):
        step = run(marked.pop())
        kills += [step] if step else []
    return kills


@pytest.mark.parametrize("kind", FLOWS + WISH_FLOWS, ids=lambda kind: kind.__name__)
def test_killed_at_each_step_it_loses_nothing_and_doubles_nothing(stage, kind):
    flow, customers, world = kind(stage.place), [], stage.place.world

    def run(n=NEVER):
        customers.append(flow.prepare())
        world.wait_for_rest()
        killed, steps = stage.run(flow, customers[-1], n)
        return steps if n == NEVER else killed and steps[-1]
    steps = run()
    kills = every_step(run) if KILLS == "all" else some_steps(run, steps)
    stage.settle()
    for c in customers:
        flow.finish(c)
    assert stage.place.print()
    wait_until_settled(world)
    audit = Audit(world, stage.place.postbox, stage.tray)
    figures = audit.hold(customers)
    for c in customers:
        flow.hold(audit, c)
    print(f"{kind.__name__}: {len(steps)} steps, {len(kills)} kills; by now {figures}")
    assert len(kills) >= (LEAST if KILLS == "all" else min(int(KILLS), LEAST))
