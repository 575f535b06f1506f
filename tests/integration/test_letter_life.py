"""The life of letters: every step shows in queue and entry alike, one to another address waits and can be stopped, and
what comes back is void."""

import json
import os
import signal
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import dsn
import pytest

from customer import is_gone, wait_for, with_password
from directory_gate import MODIFY, Gate

BATCH, OTHER_BATCH = "01ARZ3NDEKTSV4RRFFQ69G5FAV", "01ARZ3NDEKTSV4RRFFQ69G5FAW"
NO_REVISION = "18446744073709551615"  # none that portald could go on from
OTHER_ADDRESS = "Erika Mustermann$Umweg 7$54321 Anderswo"


def letters(world, c):
    """portalLetter: (kind, job, state), the oldest first."""
    return sorted((tuple(value.split()[:3]) for value in world.entry(c.uid).get("portalLetter", [])), key=lambda x: x[1])


def queue_state(world, job):
    return world.portald.control("queue-show", id=job)["job"]["state"]


def wait_for_letter(world, c, state, seconds=30):
    return wait_for(lambda: [x for x in letters(world, c) if x[2] == state], seconds=seconds, what=f"a letter that is {state}")[-1]


def wait_until_printed(world, c, job):
    wait_for(lambda: (job, "printed") in [x[1:] for x in letters(world, c)], seconds=40, what="the printed letter")


def subjects(world, c):
    return [m.message["Subject"].partition(": ")[2] for m in world.mails(c.mail)]


def mail_with(world, c, subject):
    return wait_for(lambda: [m for m in world.mails(c.mail) if subject in m.message["Subject"]], seconds=30,
                    what=f"the mail \"{subject}\"")[0]


def ctl(world, *arguments):
    done = world.box.ctl(*arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def configure(world, section="[rules]", **settings):
    drop_ins = Path(world.box["PORTALD_CONF"] + ".d")
    drop_ins.mkdir(exist_ok=True)
    lines = "".join(f"{name} = {value}\n" for name, value in settings.items())
    (drop_ins / "letters.conf").write_text(section + "\n" + lines, encoding="utf-8")
    world.box.restart("portald")


@pytest.fixture
def with_letter(fresh_world):
    """An active customer, whose first letter is printed and posted, in a world whose print station is stopped."""
    c = fresh_world.customer()
    c.active()
    fresh_world.wait_for_rest()
    fresh_world.box.stop("print")
    return c


def moved(world, c):
    world.modify(c.uid, postalAddress=OTHER_ADDRESS)


def claim(world, batch=BATCH):
    return world.portald.ask("print", "CLAIM", BATCH=batch, COUNT=b"\0\0\0\x0a").get("LETTER")


def report_printed(world, job, batch=BATCH):
    world.portald.ask("print", "PRINTED", BATCH=batch, MANIFEST=json.dumps([{"job": job, "pages": 1}]))


def note(world, job):
    return world.portald.control("queue-show", id=job)["job"]["note"]


def test_letter_to_another_address_is_announced_at_once_and_waits_three_days(with_letter):
    c, w = with_letter, with_letter.world
    moved(w, c)
    ctl(w, "letter", c.uid)
    mail = mail_with(w, c, "geht an eine andere Anschrift")
    assert "Umweg" not in mail.text
    job = letters(w, c)[-1][1]
    w.box.start("print")
    w.clock("+71h30m")
    assert w.portald.ask("print", "CLAIM", BATCH=BATCH, COUNT=b"\0\0\0\x0a").get("LETTER") is None
    assert queue_state(w, job) == "ready"
    assert letters(w, c)[-1][2] == "queued"
    w.clock("+1h")
    wait_until_printed(w, c, job)
    assert len([s for s in subjects(w, c) if "andere Anschrift" in s]) == 1
    # The next one goes where this one went, without delay.
    ctl(w, "letter", c.uid)
    wait_for(lambda: letters(w, c)[-1][1] != job and letters(w, c)[-1][2] == "printed", seconds=30, what="the next letter")


def test_announced_letter_is_withdrawn_by_this_wasnt_me(with_letter):
    c, w = with_letter, with_letter.world
    moved(w, c)
    ctl(w, "letter", c.uid)
    mail = mail_with(w, c, "geht an eine andere Anschrift")
    job = letters(w, c)[-1][1]
    ctl(w, "not-me", mail.reference)
    assert c.state == "locked"
    assert letters(w, c)[-1][1:] == (job, "withdrawn")
    assert queue_state(w, job) == "withdrawn"
    # Not after the account is unlocked, either.
    ctl(w, "unlock", c.uid)
    w.box.start("print")
    w.clock("+80h")
    assert not list(Path(w.box["PORTAL_LETTER_DIR"]).glob(f"*{job}*"))


def test_address_that_changes_after_the_letter_was_queued_is_found_when_it_is_claimed(with_letter):
    c, w = with_letter, with_letter.world
    ctl(w, "letter", c.uid)
    job = letters(w, c)[-1][1]
    moved(w, c)
    w.box.start("print")
    mail_with(w, c, "geht an eine andere Anschrift")
    wait_for(lambda: queue_state(w, job) == "ready", what="its way back")
    w.clock("+71h30m")
    assert w.portald.ask("print", "CLAIM", BATCH=BATCH, COUNT=b"\0\0\0\x0a").get("LETTER") is None
    assert queue_state(w, job) == "ready"
    w.clock("+1h")
    wait_until_printed(w, c, job)


def test_address_that_changes_while_the_letter_is_at_the_printer_does_not_count_as_one_written_to(with_letter):
    c, w = with_letter, with_letter.world
    ctl(w, "letter", c.uid)
    job = letters(w, c)[-1][1]
    assert w.portald.ask("print", "CLAIM", BATCH=BATCH, COUNT=b"\0\0\0\x0a").get("LETTER")
    moved(w, c)
    w.portald.ask("print", "PRINTED", BATCH=BATCH, MANIFEST=json.dumps([{"job": job, "pages": 1}]))
    wait_until_printed(w, c, job)
    ctl(w, "letter", c.uid)
    mail_with(w, c, "geht an eine andere Anschrift")
    assert w.portald.ask("print", "CLAIM", BATCH=OTHER_BATCH, COUNT=b"\0\0\0\x0a").get("LETTER") is None


def test_first_letter_went_where_its_claim_sent_it_though_the_address_changed_before_the_report(fresh_world):
    w = fresh_world
    w.box.stop("print")
    c = w.customer()
    home = c.attribute("postalAddress")
    c.confirmed()
    job = letters(w, c)[-1][1]
    assert claim(w)
    moved(w, c)
    report_printed(w, job)
    wait_until_printed(w, c, job)
    ctl(w, "letter", c.uid)
    mail_with(w, c, "geht an eine andere Anschrift")
    assert not claim(w, OTHER_BATCH)
    w.modify(c.uid, postalAddress=home)
    ctl(w, "letter", c.uid)
    assert claim(w, OTHER_BATCH)
    assert len([s for s in subjects(w, c) if "andere Anschrift" in s]) == 1


def test_letter_given_out_again_with_another_address_went_to_neither(fresh_world):
    w = fresh_world
    w.box.stop("print")
    c = w.customer()
    home = c.attribute("postalAddress")
    c.confirmed()
    job = letters(w, c)[-1][1]
    assert claim(w)
    moved(w, c)
    assert claim(w)
    report_printed(w, job)
    wait_until_printed(w, c, job)
    for address in (OTHER_ADDRESS, home):
        w.modify(c.uid, postalAddress=address)
        ctl(w, "letter", c.uid)
        assert not claim(w, OTHER_BATCH)


def test_the_three_days_begin_when_the_relay_takes_the_announcement(with_letter):
    c, w = with_letter, with_letter.world
    answer = Path(w.box["PORTAL_MAIL_ANSWER"])
    answer.write_text("rcpt 451 later")
    moved(w, c)
    ctl(w, "letter", c.uid)
    job = letters(w, c)[-1][1]

    def announcements():
        return [j for j in w.portald.control("queue-list", kind="mail")["jobs"] if j["topic"] == "letter-address" and j["attempts"]]
    mail = wait_for(announcements, what="an attempt")[0]
    w.clock("+80h")
    assert not claim(w)
    answer.unlink()
    w.portald.control("queue-retry", id=mail["id"])
    mail_with(w, c, "geht an eine andere Anschrift")
    w.wait_for_rest()
    w.clock("+71h30m")
    w.portald.control("queue-retry", id=job)  # even if a person is impatient
    assert not claim(w)
    assert queue_state(w, job) == "ready"
    w.box.start("print")
    w.clock("+1h")
    wait_until_printed(w, c, job)


def test_letter_waits_until_the_mail_address_before_was_told_for_three_days(with_letter):
    """Whoever had both addresses changed in one go is told of the letter in the owner's place."""
    c, w = with_letter, with_letter.world
    old, new = c.mail, f"neu-{c.uid}@example.org"
    answer = Path(w.box["PORTAL_MAIL_ANSWER"])
    answer.write_text("rcpt 451 later")
    w.modify(c.uid, mail=new, postalAddress=OTHER_ADDRESS)
    wait_for(lambda: w.entry(c.uid)["portalConfirmedMail"] == [new], what="notice of the address")

    def mails(topic):
        return [j["id"] for j in w.portald.control("queue-list", kind="mail")["jobs"] if j["topic"] == topic and j["attempts"]]
    told = wait_for(lambda: mails("mail-changed"), what="an attempt")[0]
    wait_for(lambda: mails("mail-new"), what="an attempt")
    answer.unlink()
    ctl(w, "letter", c.uid)
    job = letters(w, c)[-1][1]
    c.mail = new
    mail_with(w, c, "geht an eine andere Anschrift")
    assert w.portald.control("queue-show", id=told)["job"]["state"] == "ready"
    answer.write_text("rcpt 451 later")
    w.clock("+80h")
    assert not claim(w) and "another address" in note(w, job)
    answer.unlink()
    w.portald.control("queue-retry", id=told)
    c.mail = old
    mail = mail_with(w, c, "wurde geändert")
    w.wait_for_rest()
    w.clock("+71h30m")
    w.portald.control("queue-retry", id=job)
    assert not claim(w)
    # Its owner has a button that locks the account; the letter goes nowhere then.
    ctl(w, "not-me", mail.reference)
    assert c.state == "locked" and letters(w, c)[-1][1:] == (job, "withdrawn")


def test_letter_goes_when_only_the_mail_address_before_is_dead(with_letter):
    c, w = with_letter, with_letter.world
    new = f"neu-{c.uid}@example.org"
    w.modify(c.uid, mail=new, postalAddress=OTHER_ADDRESS)
    path = mail_with(w, c, "wurde geändert").message["Return-Path"].strip("<>")
    w.wait_for_rest()
    done = subprocess.run([w.box["PORTAL_CTL"], "bounce", path], input=dsn.postfix(path, c.mail).encode(),
                          capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    ctl(w, "letter", c.uid)
    job = letters(w, c)[-1][1]
    c.mail = new
    mail_with(w, c, "geht an eine andere Anschrift")
    w.wait_for_rest()
    w.box.start("print")
    w.clock("+73h")
    wait_until_printed(w, c, job)


def test_letter_waits_for_a_person_when_its_announcement_comes_back(with_letter):
    c, w = with_letter, with_letter.world
    moved(w, c)
    ctl(w, "letter", c.uid)
    job = letters(w, c)[-1][1]
    path = mail_with(w, c, "geht an eine andere Anschrift").message["Return-Path"].strip("<>")
    w.wait_for_rest()
    done = subprocess.run([w.box["PORTAL_CTL"], "bounce", path], input=dsn.postfix(path, c.mail).encode(),
                          capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    for by in ("+80h", "+30d"):
        w.clock(by)
        assert not claim(w)
        assert "waits for a person" in note(w, job) and queue_state(w, job) == "ready"
    w.modify(c.uid, mail=None)
    w.clock("+25h")
    assert not claim(w)
    assert "no mail address" in note(w, job)
    # The address is put right: it is told, and three days later the letter goes.
    c.mail = f"neu-{c.uid}@example.org"
    w.modify(c.uid, mail=c.mail)
    w.portald.control("queue-retry", id=job)
    assert not claim(w)
    mail_with(w, c, "geht an eine andere Anschrift")
    w.wait_for_rest()
    w.box.start("print")
    w.clock("+73h")
    wait_until_printed(w, c, job)


def test_a_newer_letter_takes_the_place_of_one_that_is_not_printed(with_letter):
    c, w = with_letter, with_letter.world
    ctl(w, "letter", c.uid)
    first = letters(w, c)[-1][1]
    ctl(w, "letter", c.uid)
    second = letters(w, c)[-1][1]
    assert {x[1]: x[2] for x in letters(w, c)}[first] == "withdrawn"
    assert (queue_state(w, first), queue_state(w, second)) == ("withdrawn", "ready")


def test_claimed_and_uncertain_show_in_the_entry_too(with_letter):
    c, w = with_letter, with_letter.world
    ctl(w, "letter", c.uid)
    job = letters(w, c)[-1][1]
    claim = w.portald.ask("print", "CLAIM", BATCH=BATCH, COUNT=b"\0\0\0\x0a")
    assert claim.get("LETTER")
    assert wait_for_letter(w, c, "claimed")[1] == job
    w.clock("+31min")
    w.portald.ask("print", "CLAIM", BATCH=OTHER_BATCH, COUNT=b"\0\0\0\x0a")
    assert wait_for_letter(w, c, "uncertain")[1] == job
    assert queue_state(w, job) == "uncertain"


def test_posted_letter_is_told_with_the_day_and_a_returned_one_is_void(fresh_world):
    w = fresh_world
    c = w.customer()
    letter = c.initial()
    job = letters(w, c)[-1][1]
    batch = w.portald.control("queue-show", id=job)["job"]["batch"]
    ctl(w, "letters", "posted", batch)
    assert "bis zum " in mail_with(w, c, "Ihr Brief ist unterwegs").text
    ctl(w, "letters", "posted", batch)
    ctl(w, "letters", "returned", job)
    mail_with(w, c, "Ihr Brief kam zurück")
    assert letters(w, c)[-1][2] == "returned"
    assert w.portald.authenticate(c.mail, letter.password).verdict != "OK"
    assert "portalPUK" in w.entry(c.uid)
    w.wait_for_rest()
    assert len([s for s in subjects(w, c) if "unterwegs" in s]) == 1


def test_batch_is_posted_though_one_of_its_entries_cannot_be_written_to(fresh_world):
    w = fresh_world
    w.box.stop("print")
    broken, sound = (with_password(w) for _ in range(2))
    for c in (broken, sound):
        ctl(w, "letter", c.uid)
    jobs = {c: letters(w, c)[-1][1] for c in (broken, sound)}
    assert claim(w)
    wait_for_letter(w, broken, "claimed")
    w.modify(broken.uid, portalRevision=NO_REVISION)
    for job in jobs.values():
        report_printed(w, job)
    ctl(w, "letters", "posted", BATCH)
    wait_for_letter(w, sound, "posted")
    assert queue_state(w, jobs[broken]) == "done"
    assert letters(w, broken)[-1][2] == "claimed"
    w.modify(broken.uid, portalRevision="7")
    ctl(w, "queue", "retry", jobs[broken])
    wait_for_letter(w, broken, "posted")
    assert "portalLetterAddress" in w.entry(broken.uid)
    w.wait_for_rest()


def test_password_and_puk_can_come_in_two_letters_some_days_apart(fresh_world):
    w = fresh_world
    configure(w, puk_letter_days=3)
    c = w.customer()
    c.confirmed()
    password = c.letter()
    assert len(password.codes) == 1
    assert sorted(x[0] for x in letters(w, c)) == ["password", "puk"]
    done = w.login(c.mail, password.password, "Regen auf dem Zeltdach", "Regen auf dem Zeltdach")
    assert done.ok, done.output
    assert {x[0]: x[2] for x in letters(w, c)}["puk"] == "queued"
    w.clock("+73h")
    job = wait_for(lambda: [x for x in letters(w, c) if x[0] == "puk" and x[2] == "printed"], seconds=30, what="the PUK")[0][1]
    puk = next(Path(w.box["PORTAL_LETTER_DIR"]).glob(f"*{job}*.pdf"))
    assert puk.stat().st_size > 0


def kill(box):
    portald = int(box["PORTALD_PID"])
    os.kill(portald, signal.SIGKILL)
    wait_for(lambda: is_gone(portald), what="the end of portald")
    box.start("portald")


def staged(world, c):
    jobs = world.portald.control("queue-list")["jobs"]
    return [j for j in jobs if j["subject"] == c.uid and j["state"] == "staged"]


@pytest.mark.parametrize("written", [True, False], ids=["answer lost", "write lost"])
def test_killed_between_write_and_settle_letter_and_announcement_come_together_or_not_at_all(with_letter, written):
    c, w = with_letter, with_letter.world
    moved(w, c)
    gate = Gate(w.box, w.box.dir)
    pool = ThreadPoolExecutor(1)
    try:
        configure(w, section="[directory]", uri=gate.uri)
        before = len(letters(w, c))
        with gate.stop(MODIFY, c.uid, answers=written) as stop:
            stop.lost = True
            pool.submit(w.box.ctl, "letter", c.uid)
            assert stop.caught.wait(10)
            assert len(staged(w, c)) == 2
            kill(w.box)
            wait_for(lambda: not staged(w, c), what="the clerk's look at the staged rows")
        w.wait_for_rest()
        announced = [s for s in subjects(w, c) if "andere Anschrift" in s]
        assert (len(announced), len(letters(w, c)) - before) == ((1, 1) if written else (0, 0))
        if written:
            assert queue_state(w, letters(w, c)[-1][1]) == "ready"
    finally:
        pool.shutdown()
        gate.close()


def test_staged_row_of_an_entry_that_cannot_be_written_to_holds_up_no_other(fresh_world):
    w = fresh_world
    w.box.stop("print")
    broken, sound = (with_password(w) for _ in range(2))
    gate = Gate(w.box, w.box.dir)
    pool = ThreadPoolExecutor(2)
    try:
        configure(w, section="[directory]", uri=gate.uri)
        with gate.stop(MODIFY, broken.uid) as first, gate.stop(MODIFY, sound.uid) as second:
            first.lost = second.lost = True
            for c, stop in ((broken, first), (sound, second)):
                pool.submit(w.box.ctl, "letter", c.uid)
                assert stop.caught.wait(10)
            assert staged(w, broken) and staged(w, sound)
            w.modify(broken.uid, portalRevision=NO_REVISION)
            kill(w.box)
            wait_for(lambda: not staged(w, sound), what="the clerk's look at the sound one's row")
        assert "isn't known" in wait_for(lambda: staged(w, broken)[0]["note"], what="the broken one's note")
    finally:
        pool.shutdown()
        gate.close()
