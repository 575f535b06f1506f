"""Letters between portald and a print station that doesn't keep its word."""

import struct
from pathlib import Path

from customer import wait_for

BATCH = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
OTHER_BATCH = "01ARZ3NDEKTSV4RRFFQ69G5FAW"


def claim(world, batch):
    return world.portald.ask("print", "CLAIM", BATCH=batch, COUNT=struct.pack(">I", 10))


def letter_job(world):
    return world.portald.control("queue-list", kind="letter")["jobs"][0]


def test_asking_again_with_the_same_batch_returns_the_same_letters_and_with_another_none(fresh_world):
    w = fresh_world
    w.box.stop("print")
    w.customer().confirmed()
    first = claim(w, BATCH)
    assert first.get("LETTER")
    assert letter_job(w)["state"] == "claimed"
    assert claim(w, OTHER_BATCH).get("LETTER") is None
    # The sealed content and everything else but the moment are the same.
    assert len(claim(w, BATCH).get("LETTER")) == len(first.get("LETTER"))


def test_letter_that_was_claimed_and_never_reported_is_uncertain_and_not_printed_again(fresh_world):
    w = fresh_world
    w.box.stop("print")
    c = w.customer()
    c.confirmed()
    assert claim(w, BATCH).get("LETTER")
    w.clock("+31min")
    w.box.start("print")
    wait_for(lambda: letter_job(w)["state"] == "uncertain", what="uncertainty")
    log = Path(w.box["PORTALD_LOG"])
    wait_for(lambda: "never said whether it printed" in log.read_text(encoding="utf-8"), seconds=30, what="a word about it")
    assert list(Path(w.box["PORTAL_LETTER_DIR"]).glob("*.pdf")) == []
    # Whoever finds it in the printer's tray reports it, and it counts as printed.
    report = f'[{{"job": "{letter_job(w)["id"]}", "pages": 1, "sha256": "{"0" * 64}"}}]'
    assert w.portald.ask("print", "PRINTED", BATCH=BATCH, MANIFEST=report).verdict == "OK"
    assert letter_job(w)["state"] == "printed"


def test_station_cannot_report_what_its_batch_does_not_hold(fresh_world):
    w = fresh_world
    w.box.stop("print")
    c = w.customer()
    c.confirmed()
    report = f'[{{"job": "{letter_job(w)["id"]}", "pages": 1, "sha256": "{"0" * 64}"}}]'
    assert w.portald.ask("print", "PRINTED", BATCH=BATCH, MANIFEST=report).verdict == "OK"
    assert letter_job(w)["state"] == "ready"
