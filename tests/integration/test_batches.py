"""Letters that go to a print station by file, and what only people know of letters: printed after all,
to be printed again, come back from the post."""

import hashlib
import json
import shutil
import subprocess
import time
from pathlib import Path

import pytest
import station_result
from customer import wait_for
from fake_portald import ADDRESS, ENTRY, SEALED, TIME, FakePortald, Letter, Mailroom, field, fields, parse, ulid, write_key
from nacl.public import PrivateKey
from steps import command, numbers
from test_cups import STEPS_MOST
from test_print import station, program  # noqa: F401

BATCH = 22
DAY = 86400


# A file made by hand -------------------------------------------------------------------------------

def now_in(letter):
    letter.outside.setdefault(TIME, int(time.time()).to_bytes(8, "big"))
    return letter


class File:
    """A batch file as portalctl would have written it, from letters that a test describes."""

    def __init__(self, station, *letters, spoil=None, batch=None):  # noqa: F811
        self.station, self.letters = station, [now_in(letter) for letter in letters]
        self.batch = batch or ulid()
        station.portald.spoil = spoil
        frame = station.portald._letters(self.batch, self.letters)
        station.portald.spoil = None
        body = field(BATCH, self.batch.encode()) + frame[6:]
        self.path = station.dir / f"{self.batch}.batch"
        self.path.write_bytes((len(body) + 2).to_bytes(4, "big") + frame[4:6] + body)

    @property
    def result(self):
        return self.path.with_suffix(".result")

    def rows(self):
        return station_result.rows(self.result)


def test_a_file_is_printed_and_answered(station):  # noqa: F811
    file = File(station, Letter(), Letter())
    done = station.prints("--batch", file.path)
    assert done.stdout == f"batch {file.batch}: 2 letters\n    portalctl letters import {file.result}\n"
    assert station.files() == sorted(f"{letter.job}.pdf" for letter in file.letters)
    assert all(row["pages"] == 1 for row in file.rows().values())
    assert file.result.stat().st_mode & 0o777 == 0o600
    assert station.portald.asked == []


def test_a_directory_of_files_is_printed_whole(station):  # noqa: F811
    files = [File(station, Letter()) for _ in range(3)]
    File(station, Letter()).path.rename(station.dir / "other.file")
    station.prints("--batch", station.dir)
    assert station.files() == sorted(f"{file.letters[0].job}.pdf" for file in files)


def replaced(tag, value):
    def spoil(_batch, parts, digest, signature):
        changed = parse(parts[0]) | {tag: value}
        return [fields(changed), *parts[1:]], digest, signature
    return spoil


def swapped(tag):
    """One field of two letters, each in the other's place."""
    def spoil(_batch, parts, digest, signature):
        one, two = parse(parts[0]), parse(parts[1])
        one[tag], two[tag] = two[tag], one[tag]
        return [fields(one), fields(two)], digest, signature
    return spoil


def less(_batch, parts, digest, signature):
    return parts[1:], digest, signature


@pytest.mark.parametrize("spoil", [replaced(ADDRESS, b"Mia Muster\nNebenweg 1\n10115 Berlin"),
                                   replaced(ENTRY, b"c0a80101-0000-4000-8000-000000000002"),
                                   replaced(TIME, (2**31).to_bytes(8, "big")), swapped(SEALED), less])
def test_a_file_that_was_changed_by_hand_is_refused_whole(station, spoil):  # noqa: F811
    file = File(station, Letter(), Letter(outside={ADDRESS: "Max Muster\nHauptstr. 1\n10115 Berlin"}), spoil=spoil)
    done = station.run("--batch", file.path)
    assert done.returncode == 1 and "signed" in done.stderr and station.files() == []
    assert not file.path.with_suffix(".result").exists()


def test_a_file_under_another_batchs_name_is_refused(station):  # noqa: F811
    file = File(station, Letter())
    data = file.path.read_bytes().replace(file.batch.encode(), ulid().encode())
    file.path.write_bytes(data)
    assert station.run("--batch", file.path).returncode == 1 and station.files() == []


def test_a_file_of_another_portald_is_refused(station, tmp_path):  # noqa: F811
    file = File(station, Letter())
    FakePortald(tmp_path).write_keys()
    shutil.copy(tmp_path / "portald.pub", station.dir / "portald.pub")
    done = station.run("--batch", file.path)
    assert done.returncode == 1 and "signed" in done.stderr and station.files() == []


@pytest.mark.parametrize("damage", [lambda data: data[:-1], lambda data: data + b"\0", lambda data: b"",
                                    lambda data: b"{}", lambda data: bytes(len(data))])
def test_a_damaged_file_is_refused(station, damage):  # noqa: F811
    file = File(station, Letter())
    file.path.write_bytes(damage(file.path.read_bytes()))
    assert station.run("--batch", file.path).returncode == 1 and station.files() == []


@pytest.mark.parametrize("age, says", [(7 * DAY - 600, None), (7 * DAY + 60, "older than 7 days"), (-300, None),
                                       (-900, "dated in the future"), (-10000 * DAY, "dated in the future")])
def test_a_file_is_taken_for_seven_days_and_not_from_the_future(station, age, says):  # noqa: F811
    """But clocks may differ by ten minutes."""
    file = File(station, Letter(), Letter(outside={TIME: (int(time.time()) - age).to_bytes(8, "big")}))
    done = station.run("--batch", file.path)
    assert (done.returncode == 0) == (says is None) and bool(station.files()) == (says is None)
    assert says is None or says in done.stderr and not file.result.exists()


def test_a_file_is_printed_once(station):  # noqa: F811
    file = File(station, Letter())
    station.prints("--batch", file.path)
    first = file.rows()
    station.path(file.letters[0]).unlink()  # posted
    done = station.prints("--batch", file.path)
    assert "printed before" in done.stderr and station.files() == [] and file.rows() == first
    # Nor does the letter come out of another file.
    again = File(station, file.letters[0])
    station.prints("--batch", again.path)
    assert station.files() == [] and again.rows() == first


def test_what_failed_does_not_come_out_of_the_same_file_later(station):  # noqa: F811
    """portald has it in its queue again by then."""
    file = File(station, Letter(outside={ADDRESS: "W" * 60 + "\nKöln"}), Letter())
    station.prints("--batch", file.path)
    bad, good = file.letters
    assert "failed" in file.rows()[bad.job] and "pages" in file.rows()[good.job]
    del bad.outside[ADDRESS]
    mended = File(station, bad, good, batch=file.batch)
    station.prints("--batch", mended.path)
    assert station.files() == [f"{good.job}.pdf"]
    other = File(station, bad)
    station.prints("--batch", other.path)
    assert station.files() == sorted(f"{letter.job}.pdf" for letter in (bad, good))


def test_killed_at_every_step_a_file_is_printed_once(station):  # noqa: F811
    """At its n-th call that others can see, until it gets through."""
    mailroom, files = Mailroom(station.letters), []
    for step in numbers(STEPS_MOST, 2):
        files.append(File(station, Letter()))
        words = [*command(step), station.program, "--config", station.conf, "--batch", files[-1].path]
        done = subprocess.run(words, capture_output=True, check=False, timeout=60)
        if done.returncode == 0:
            break
        station.prints("--batch", files[-1].path)
        assert "pages" in files[-1].rows()[files[-1].letters[0].job]
    mailroom.close()
    jobs = [job for job, _ in mailroom.taken]
    print(f"{len(files) - 1} kills, {len(jobs)} on paper, {len(set(jobs))} of them different")
    assert done.returncode == 0 and len(files) > 30
    assert sorted(jobs) == sorted(file.letters[0].job for file in files)


# Keys ----------------------------------------------------------------------------------------------

def rotate(station, old_keys):  # noqa: F811
    """A second pair of the station's, in use now; returns the first."""
    first = station.portald.station
    write_key(station.dir / "old.key", first, 0o600)
    station.portald.station = PrivateKey.generate()
    write_key(station.dir / "station.key", station.portald.station, 0o600)
    line = f"old_keys = {station.dir}/old.key\n" if old_keys else ""
    station.configure()
    station.conf.write_text(station.conf.read_text().replace("[station]\n", f"[station]\n{line}"))
    return first


def test_an_older_key_opens_letters_until_it_is_taken_out(station):  # noqa: F811
    first = rotate(station, old_keys=True)
    old, new = station.portald.add(Letter(station=first.public_key), Letter())
    station.prints()
    assert station.files() == sorted(f"{letter.job}.pdf" for letter in (old, new))
    station.configure()
    old, new = station.portald.add(Letter(station=first.public_key), Letter())
    station.prints()
    assert "can't be opened" in station.portald.rows()[old.job]["failed"]
    assert station.path(new).exists() and not station.path(old).exists()


def test_an_older_key_that_others_may_read_is_refused(station):  # noqa: F811
    rotate(station, old_keys=True)
    (station.dir / "old.key").chmod(0o640)
    done = station.run()
    assert done.returncode == 1 and "old.key" in done.stderr


# A station that isn't stopped by a portald gone wrong ------------------------------------------------

def test_letters_that_come_back_again_and_again_end_the_run(station):  # noqa: F811
    letter = Letter()
    station.portald.make = lambda: letter  # whatever is reported
    done = station.prints("--batch-size", "1")
    assert "hands out letters" in done.stderr and len(station.portald.asked) == 2
    assert station.files() == [f"{letter.job}.pdf"]


def test_a_report_that_is_refused_again_and_again_is_set_aside(station):  # noqa: F811
    letter, = station.portald.add(Letter())
    station.portald.report_verdict = 11
    for _ in range(3):
        assert station.run().returncode == 1
    station.portald.report_verdict = 0
    other, = station.portald.add(Letter())
    done = station.prints()
    assert letter.job not in station.portald.rows() and "pages" in station.portald.rows()[other.job]
    assert len(set(station.portald.asked)) == 3 and "1 letter" in done.stdout


# With the real portald -------------------------------------------------------------------------------

@pytest.fixture
def mailroom(fresh_world):
    """A world whose print station is on another machine: it has files only."""
    fresh_world.box.stop("print")
    return fresh_world


def ctl(world, *words, status=0):
    done = world.box.ctl(*words)
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout + done.stderr


def letters_of(world, state=None):
    listed = json.loads(ctl(world, "--json", "letters", "list", "--all"))
    return [letter for letter in listed if state in (None, letter["state"])]


def export(world, *words):
    directory = world.box.dir / "out"
    directory.mkdir(exist_ok=True)
    report = json.loads(ctl(world, "--json", "letters", "export", str(directory), *words))
    return directory / f"{report['batch']}.batch"


def print_file(world, path):
    command = [Path(world.box["PORTAL_BUILD"]) / "print" / "portal-print", "--config", world.box["PORTAL_PRINT_CONF"],
               "--batch", path]
    return subprocess.run(command, text=True, capture_output=True, check=False)


def keys_of(world):
    """The station's secret key, in a list, and portald's public one."""
    keys = world.box.dir / "keys"
    return [station_result.key_of(keys / "station.key")], station_result.key_of(keys / "portald.pub")


def test_a_batch_goes_out_by_file_and_comes_back(mailroom):
    w = mailroom
    customers = [w.customer() for _ in range(2)]
    for c in customers:
        c.confirmed()
    path = export(w)
    assert path.stat().st_mode & 0o777 == 0o600
    assert {letter["state"] for letter in letters_of(w)} == {"claimed"}
    assert "No letter is waiting" in ctl(w, "letters", "export", str(path.parent))
    done = print_file(w, path)
    assert done.returncode == 0, done.stderr
    assert "2 printed, 0 failed, 0 uncertain" in ctl(w, "letters", "import", str(path.with_suffix(".result")))
    ctl(w, "letters", "import", str(path.with_suffix(".result")))
    assert {letter["state"] for letter in letters_of(w)} == {"printed"}
    for c in customers:
        assert w.login(c.mail, c.letter().password, "Regen auf dem Zeltdach", "Regen auf dem Zeltdach").ok
    ctl(w, "letters", "posted", path.stem)
    assert {letter["state"] for letter in letters_of(w)} == {"done"}


def test_a_lost_file_is_written_again(mailroom):
    w = mailroom
    w.customer().confirmed()
    path = export(w)
    path.unlink()
    assert export(w, "--batch", path.stem) == path
    assert print_file(w, path).returncode == 0


def test_nothing_is_claimed_for_a_place_that_cannot_be_written(mailroom):
    w = mailroom
    w.customer().confirmed()
    ctl(w, "letters", "export", "/nonexistent", status=1)
    assert [letter["state"] for letter in letters_of(w)] == ["ready"]
    ctl(w, "letters", "export", "/tmp", "--batch", "nonsense", status=2)
    ctl(w, "letters", "import", "/nonexistent", status=1)
    ctl(w, "letters", "import", "/etc/passwd", status=1)


def test_a_file_that_never_comes_back_leaves_its_letters_uncertain(mailroom):
    w = mailroom
    w.customer().confirmed()
    export(w)
    w.clock("+6d")
    export(w)
    assert [letter["state"] for letter in letters_of(w)] == ["claimed"]
    w.clock("+25h")
    export(w)
    assert [letter["state"] for letter in letters_of(w)] == ["uncertain"]
    text = ctl(w, "letters", "list")
    assert "letters printed" in text and "letters again" in text


def uncertain(world):
    """One letter whose printing nobody confirmed, and its file."""
    path = export(world)
    world.clock("+8d")
    export(world)
    letter, = letters_of(world, "uncertain")
    return letter["id"], path


def test_an_uncertain_letter_is_printed_after_all_when_a_person_says_so(mailroom):
    w = mailroom
    c = w.customer()
    c.confirmed()
    job, path = uncertain(w)
    assert "counts as printed" in ctl(w, "letters", "printed", job)
    assert [letter["state"] for letter in letters_of(w)] == ["printed"]
    wait_for(lambda: c.show()["letters"][0]["state"] == "printed", what="the entry to know")
    ctl(w, "letters", "again", job, status=1)
    ctl(w, "letters", "posted", path.stem)


def test_an_uncertain_letter_is_printed_again_only_when_a_person_says_so(mailroom):
    w = mailroom
    c = w.customer()
    c.confirmed()
    job, _path = uncertain(w)
    assert letters_of(w)[0]["state"] == "uncertain" and "No letter" in ctl(w, "letters", "export", "/tmp")
    assert "next batch" in ctl(w, "letters", "again", job)
    ctl(w, "letters", "again", job, status=1)
    w.box.start("print")
    assert w.login(c.mail, c.letter().password, "Regen auf dem Zeltdach", "Regen auf dem Zeltdach").ok


def test_a_station_that_does_not_know_says_so_and_the_letter_waits_for_a_person(mailroom):
    w = mailroom
    w.customer().confirmed()
    path = export(w)
    letter, = letters_of(w, "claimed")
    result = path.with_suffix(".result")
    text = station_result.part(path.stem, [{"job": letter["id"], "uncertain": "the print server went away"}])
    station_result.write(result, [text], *keys_of(w))
    assert "1 uncertain" in ctl(w, "letters", "import", str(result))
    letter, = letters_of(w, "uncertain")
    assert letter["note"] == "the print server went away"


@pytest.mark.parametrize("words", [("printed", "nonsense"), ("again", "nonsense"), ("returned", "nonsense")])
def test_what_is_no_id_is_wrong_usage(mailroom, words):
    ctl(mailroom, "letters", *words, status=2)
    ctl(mailroom, "letters", words[0], 26 * "0", status=1)


def test_a_letter_that_came_back_is_void_at_once_and_support_sees_it(fresh_world):
    w = fresh_world
    c = w.customer()
    letter = c.initial()
    job = c.show()["letters"][0]["job"]
    batch, = {each["batch"] for each in letters_of(w)}
    ctl(w, "letters", "posted", batch)
    assert letters_of(w)[0]["letter_state"] == "posted" and "posted" in ctl(w, "letters", "list", "--all")
    before = w.entry(c.uid)
    text = ctl(w, "letters", "returned", job, "--reason", "moved\naway")
    assert "void" in text
    after = w.entry(c.uid)
    assert after["portalPUK"] != before["portalPUK"] and after["userPassword"] != before["userPassword"]
    assert not w.login(c.mail, letter.password, "Regen auf dem Zeltdach", "Regen auf dem Zeltdach").ok
    assert c.show()["letters"][0]["state"] == "returned" and "returned" in ctl(w, "show", c.uid)
    assert letters_of(w)[0]["note"] == "returned: moved away" and letters_of(w)[0]["letter_state"] == "returned"
    for words in (("letters", "list", "--all"), ("queue", "show", job), ("show", c.uid)):
        text = ctl(w, *words)
        assert "returned: moved away" in text and "  posted" not in text, text
    assert c.show()["letters"][0]["note"] == "returned: moved away"
    assert "void already" in ctl(w, "letters", "returned", job)
    # Another letter makes everything well.
    ctl(w, "letter", c.uid)
    wait_for(lambda: any(each["state"] == "printed" for each in c.show()["letters"]), what="another letter")
    assert w.login(c.mail, c.letter().password, "Regen auf dem Zeltdach", "Regen auf dem Zeltdach").ok


def test_a_personal_password_outlives_a_letter_that_came_back(fresh_world):
    w = fresh_world
    c = w.customer()
    c.active()
    job = c.show()["letters"][0]["job"]
    before = w.entry(c.uid)
    assert "password stays" in ctl(w, "letters", "returned", job)
    after = w.entry(c.uid)
    assert after["portalPUK"] != before["portalPUK"] and after["userPassword"] == before["userPassword"]
    assert w.login(c.mail, "Regen auf dem Zeltdach").ok


def test_only_a_letter_that_was_printed_can_come_back(mailroom):
    w = mailroom
    w.customer().confirmed()
    letter, = letters_of(w)
    text = ctl(w, "letters", "returned", letter["id"], status=1)
    assert "can come back" in text and f"portalctl letter {letter['subject']}" in text


@pytest.mark.parametrize("state", ["claimed", "uncertain"])
def test_what_came_back_was_printed_whatever_was_known_of_it(mailroom, state):
    w = mailroom
    c = w.customer()
    c.confirmed()
    job = uncertain(w)[0] if state == "uncertain" else [export(w), letters_of(w, "claimed")[0]["id"]][1]
    before = w.entry(c.uid)
    assert "void" in ctl(w, "letters", "returned", job, "--reason", "unknown")
    after = w.entry(c.uid)
    assert after["portalPUK"] != before["portalPUK"] and after["userPassword"] != before["userPassword"]
    assert letters_of(w)[0]["letter_state"] == "returned" and letters_of(w)[0]["note"] == "returned: unknown"
    assert c.show()["letters"][0]["state"] == "returned"
    ctl(w, "letters", "again", job, status=1)


def test_a_letter_that_came_back_after_it_was_withdrawn_says_why_too(mailroom):
    w = mailroom
    c = w.customer()
    c.confirmed()
    export(w)
    job = letters_of(w, "claimed")[0]["id"]
    ctl(w, "queue", "drop", job)
    wait_for(lambda: c.show()["letters"][0]["state"] == "withdrawn", what="its withdrawal")
    ctl(w, "letters", "returned", job, "--reason", "moved")
    assert letters_of(w)[0]["letter_state"] == "returned" and letters_of(w)[0]["note"] == "returned: moved"
    assert c.show()["letters"][0]["state"] == "returned" and c.show()["letters"][0]["note"] == "returned: moved"


# One file for a batch --------------------------------------------------------------------------------

def one_file(station):  # noqa: F811
    station.conf.write_text(station.conf.read_text().replace("[output]\n", "[output]\none_file = yes\n"))


def pages_of(path):
    text = subprocess.run(["pdftotext", "-layout", path, "-"], text=True, capture_output=True, check=True).stdout
    return text.split("\f")[:-1]


def test_a_batch_in_one_file_has_a_manifest_of_its_pages(station):  # noqa: F811
    one_file(station)
    first, bad, last = station.portald.add(Letter(), Letter(outside={ADDRESS: "W" * 60}), Letter())
    done = station.prints()
    batch, = station.portald.claimed
    assert station.files() == [f"{batch}.json", f"{batch}.pdf"] and "2 letters, 1 failed" in done.stdout
    path = station.letters / f"{batch}.pdf"
    manifest = json.loads(path.with_suffix(".json").read_text())
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert manifest == {"version": 1, "batch": batch, "sha256": digest, "letters": [
        {"job": first.job, "page": 1, "pages": 1}, {"job": last.job, "page": 2, "pages": 1}]}
    for page, letter in zip(pages_of(path), (first, last), strict=True):
        assert all(code in page for code in letter.codes()) and letter.job in page
    rows = station.portald.rows()
    assert rows[first.job]["sha256"] == rows[last.job]["sha256"] == digest and "failed" in rows[bad.job]
    assert path.stat().st_mode & 0o777 == path.with_suffix(".json").stat().st_mode & 0o777 == 0o600


def test_what_failed_is_not_made_into_a_second_file_of_the_same_batch(station):  # noqa: F811
    one_file(station)
    good, bad = station.portald.add(Letter(), Letter(outside={ADDRESS: "W" * 60}))
    station.portald.reports_dropped = 2
    assert station.run().returncode == 1
    before, = station.letters.glob("*.pdf")
    inode = before.stat().st_ino
    del bad.outside[ADDRESS]
    station.prints()
    assert before.stat().st_ino == inode and list(station.letters.glob("*.pdf")) == [before]
    assert "next one" in station.portald.rows()[bad.job]["failed"] and "pages" in station.portald.rows()[good.job]


def test_killed_at_every_step_a_batch_in_one_file_comes_out_once(station):  # noqa: F811
    one_file(station)
    given, kills = [], 0
    for step in numbers(STEPS_MOST):
        letters = station.portald.add(Letter(), Letter())
        given.extend(letters)
        words = [*command(step), station.program, "--config", station.conf]
        done = subprocess.run(words, capture_output=True, check=False, timeout=60)
        if done.returncode == 0:
            break
        kills += 1
        station.prints()
        assert all("pages" in station.portald.rows()[letter.job] for letter in letters)
    jobs = [row["job"] for path in station.letters.glob("*.json")
            for row in json.loads(path.read_text())["letters"] if path.with_suffix(".pdf").exists()]
    print(f"{kills} kills, {len(jobs)} on paper, {len(set(jobs))} of them different")
    assert done.returncode == 0 and kills > 30
    assert sorted(jobs) == sorted(letter.job for letter in given)
    assert not [name for name in station.files() if name.startswith(".")]


def test_one_file_is_not_for_a_printer(station):  # noqa: F811
    station.conf.write_text(station.conf.read_text().replace(
        "[output]\n", "[output]\none_file = yes\nprinter = ipps://127.0.0.1/printers/x\n"))
    done = station.run()
    assert done.returncode == 1 and "one_file" in done.stderr
