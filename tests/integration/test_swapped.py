"""Whoever can write to the queue's file, or has a batch file in hands, swaps what letters carry: the print station refuses,
says why, and prints nothing. By hand means: portald stopped, sqlite3, portald started."""

import contextlib
import json
import re
import shlex
import sqlite3
import subprocess

import pytest
from customer import World
from sandbox import Sandbox
from tray import Tray


class Hands:
    """A connection to the queue's file, and what hands may do with it."""

    def __init__(self, world, db):
        self.world, self.db = world, db

    def column(self, c, table, name):
        return self.db.execute(f"SELECT {name} FROM {table} WHERE number = ?", (c.row,)).fetchone()[0]

    def write(self, c, table, name, value):
        assert self.db.execute(f"UPDATE {table} SET {name} = ? WHERE number = ?", (value, c.row)).rowcount == 1

    def swap(self, one, other, table, name):
        first, second = self.column(one, table, name), self.column(other, table, name)
        assert first != second
        self.write(one, table, name, second)
        self.write(other, table, name, first)


@pytest.fixture(scope="module")
def world():
    """The print station is run by hand."""
    box = Sandbox("--customers", "80")
    box.stop("print")
    yield World(box)
    box.close()


@pytest.fixture(name="tray", scope="module")
def fixture_tray(world):
    tray = Tray(world.box["PORTAL_LETTER_DIR"])
    yield tray
    tray.close()


@pytest.fixture(name="two")
def fixture_two(world, tray):  # pylint: disable=unused-argument
    """Two customers whose letters wait, and nobody else's."""
    customers = [world.customer() for _ in range(2)]
    for c in customers:
        c.confirmed()
        c.job = world.portald.control("queue-list", kind="letter", entry=c.show()["uuid"])["jobs"][-1]["id"]
    world.wait_for_rest()
    yield customers
    for c in customers:
        world.box.ctl("queue", "drop", c.job)


@contextlib.contextmanager
def hands(world, customers):
    world.box.stop("portald")
    with contextlib.closing(sqlite3.connect(world.box.dir / "queue" / "queue.db")) as db, db:
        for c in customers:
            c.row = db.execute("SELECT number FROM job WHERE id = ?", (c.job,)).fetchone()[0]
        yield Hands(world, db)
    world.box.start("portald")


def station(world, *options):
    command = shlex.split(world.box["PORTAL_PRINT_COMMAND"])
    return subprocess.run([*command, *options], text=True, capture_output=True, check=False)


def state(world, c):
    job = world.portald.control("queue-show", id=c.job)["job"]
    return job["state"], job["note"]


def move_letter_in_directory(world, one, other):
    """So that portald, too, takes each letter for the other's."""
    values = {c.uid: world.entry(c.uid)["portalLetter"] for c in (one, other)}
    world.modify(one.uid, portalLetter=[v.replace(one.job, other.job) for v in values[one.uid]])
    world.modify(other.uid, portalLetter=[v.replace(other.job, one.job) for v in values[other.uid]])


def swap_payloads(_world, h, one, other):
    h.swap(one, other, "payload", "body")


def swap_entries(world, h, one, other):
    h.swap(one, other, "job", "entry")
    move_letter_in_directory(world, one, other)


def swap_ids(world, h, one, other):
    """The rows keep payload and entry, and call themselves by the other's name."""
    first, second = h.column(one, "job", "id"), h.column(other, "job", "id")
    h.write(one, "job", "id", "0" * 26)
    h.write(other, "job", "id", first)
    h.write(one, "job", "id", second)
    move_letter_in_directory(world, one, other)


def swap_kinds(_world, h, one, other):
    for c in (one, other):
        h.write(c, "job", "topic", "puk")


def damage_payloads(_world, h, one, other):
    for c in (one, other):
        body = h.column(c, "payload", "body")
        h.write(c, "payload", "body", body[:-1] + bytes([body[-1] ^ 1]))


SWAPS = [(swap_payloads, "the seal was made for another job"), (swap_entries, "the seal was made for another entry"),
         (swap_ids, "the seal was made for another job"), (swap_kinds, "the seal was made for another kind of letter"),
         (damage_payloads, "the seal can't be opened")]


@pytest.mark.parametrize("swap, why", SWAPS, ids=lambda x: getattr(x, "__name__", ""))
def test_what_was_swapped_in_the_queue_is_refused_with_the_reason(world, tray, two, swap, why):
    with hands(world, two) as h:
        swap(world, h, *two)
    before = tray.count()
    done = station(world)
    assert tray.count() == before, "a letter was printed that isn't its customer's"
    assert re.search(r"0 letters, 2 failed", done.stdout) and done.stderr.count(why) == 2, done
    for c in two:
        assert state(world, c)[0] == "ready" and why in state(world, c)[1], state(world, c)


@pytest.mark.parametrize("swap, why", SWAPS, ids=lambda x: getattr(x, "__name__", ""))
def test_what_was_swapped_in_the_queue_is_refused_out_of_a_file_too(world, tray, two, swap, why):
    with hands(world, two) as h:
        swap(world, h, *two)
    before = tray.count()
    path = export(world)
    done = station(world, "--batch", path)
    assert tray.count() == before and done.stderr.count(why) == 2, done
    assert "0 printed, 2 failed" in world.box.ctl("letters", "import", path.with_suffix(".result")).stdout
    for c in two:
        assert state(world, c)[0] == "ready" and why in state(world, c)[1], state(world, c)


@pytest.mark.parametrize("name", ["entry", "id"])
def test_a_row_that_names_another_customer_is_withdrawn_by_portald_already(world, tray, two, name):
    """The account knows nothing of that letter."""
    one, other = two
    with hands(world, two) as h:
        if name == "entry":
            h.swap(one, other, "job", "entry")
        else:
            h.write(one, "job", "id", "01ARZ3NDEKTSV4RRFFQ69G5FAV")
            one.job = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
    before = tray.count()
    station(world)
    tray.count()
    assert [job for job, _ in tray.taken[before:]] == ([] if name == "entry" else [other.job])
    assert state(world, one) == ("withdrawn", "the account has moved on")


def test_a_letter_put_back_into_the_queue_is_not_printed_again(world, tray, two):
    """The row and the payload as they were before the letter was printed."""
    with hands(world, two) as h:
        kept = {c.uid: h.column(c, "payload", "body") for c in two}
    before = tray.count()
    assert station(world).returncode == 0
    world.wait_for_rest()
    assert tray.count() == before + 2
    with hands(world, two) as h:
        for c in two:
            h.write(c, "job", "state", 1)
            h.write(c, "job", "batch", None)
            h.db.execute("INSERT INTO payload (number, body) VALUES (?, ?)", (c.row, kept[c.uid]))
    done = station(world)
    assert tray.count() == before + 2 and done.stderr.count("printed before") == 2, done


def export(world):
    directory = world.box.dir / "out"
    directory.mkdir(exist_ok=True)
    done = world.box.ctl("--json", "letters", "export", str(directory))
    assert done.returncode == 0, done.stderr
    return directory / f"{json.loads(done.stdout)['batch']}.batch"


def other_address(_world, data, one, other):
    mine, theirs = (f"{c.attribute('postalAddress').split('$')[1]}".encode() for c in (one, other))
    return data.replace(mine, theirs[:len(mine)].ljust(len(mine), b" "))


def other_entry(_world, data, one, other):
    return data.replace(one.show()["uuid"].encode(), other.show()["uuid"].encode())


def other_job(_world, data, one, other):
    return data.replace(one.job.encode(), other.job.encode())


@pytest.mark.parametrize("change", [other_address, other_entry, other_job])
def test_a_batch_file_that_was_changed_by_hand_is_refused_whole(world, tray, two, change):
    path, before = export(world), tray.count()
    data = path.read_bytes()
    path.write_bytes(change(world, data, *two))
    assert path.read_bytes() != data
    done = station(world, "--batch", path)
    assert done.returncode == 1 and "signed" in done.stderr, done
    assert tray.count() == before and not path.with_suffix(".result").exists()
    # As it was it is good.
    path.write_bytes(data)
    assert station(world, "--batch", path).returncode == 0
    assert tray.count() == before + 2
