"""The file that a print station on another machine sends back: only what it sealed is taken, whole, and
what is in it counts once."""

import json
import shutil
import subprocess
from base64 import b64encode
from pathlib import Path

import pytest
import station_result
from customer import wait_for
from nacl.public import PrivateKey
from nacl.signing import SigningKey
from test_batches import File, ctl, export, keys_of, letters_of, mailroom, print_file  # noqa: F401
from test_batches import Letter, rotate, station, program  # noqa: F401


def refused(world, path, *says):
    """Import is refused for these reasons, and nothing of it is taken."""
    before = letters_of(world)
    text = ctl(world, "letters", "import", str(path), status=1)
    assert all(each in text for each in says), text
    assert letters_of(world) == before
    return text


def printed(world, path):
    """One row for each of the batch's letters, as if they had been printed."""
    return [{"job": letter["id"], "pages": 1, "sha256": "0" * 64} for letter in letters_of(world)
            if letter["batch"] == path.stem]


def test_only_what_the_station_sealed_is_taken_and_it_counts_once(mailroom):  # noqa: F811
    w = mailroom
    for _ in range(2):
        w.customer().confirmed()
    path = export(w)
    stations, portald = keys_of(w)
    result, rows = path.with_suffix(".result"), printed(w, path)
    stranger, other_portald = bytes(PrivateKey.generate()), bytes(SigningKey.generate().verify_key)
    text = station_result.part(path.stem, rows)

    # Forged: without a seal, with somebody's own, for another portald, of the format before.
    for keys, whose in (([], portald), ([stranger], portald), (stations, other_portald)):
        station_result.write(result, [text], keys, whose)
        refused(w, result, "isn't sealed by this portald's print station")
    result.write_text(json.dumps({"version": 1, "batch": path.stem, "letters": rows}))
    refused(w, result, "another version")

    # Changed: any character of the text, or a seal that is cut.
    station_result.write(result, [text], stations, portald)
    whole = json.loads(result.read_text())
    for old, new in ((rows[0]["job"], rows[1]["job"]), ('"pages"', '"failed"'), (path.stem, "0" * 26)):
        whole["parts"][0]["text"] = text.replace(old, new)
        assert whole["parts"][0]["text"] != text
        result.write_text(json.dumps(whole))
        refused(w, result, "isn't sealed")
    whole["parts"][0] |= {"text": text, "seals": [whole["parts"][0]["seals"][0][:40]]}
    result.write_text(json.dumps(whole))
    refused(w, result, "isn't sealed")

    # Parts that are right, but not all of them, in a wrong order, twice, or under another batch's name.
    one, two = (station_result.part(path.stem, rows[i:i + 1], i + 1, 2) for i in range(2))
    for texts in ([one], [two], [two, one], [one, one], [one, two, two], [one, text]):
        station_result.write(result, texts, stations, portald)
        refused(w, result, "isn't whole")
    station_result.write(path.with_name("0" * 26), [text], stations, portald)
    refused(w, path.with_name("0" * 26), "isn't whole")
    for damage in (lambda data: data[:-2], lambda data: "", lambda data: "[]", lambda data: "{}"):
        station_result.write(result, [text], stations, portald)
        result.write_text(damage(result.read_text()))
        refused(w, result, "isn't a result")

    # Nothing of it can be posted as long as it isn't known to be printed.
    assert "import the print station" in ctl(w, "letters", "posted", path.stem, status=1)
    assert {letter["state"] for letter in letters_of(w)} == {"claimed"}

    # As it should be; and once more.
    station_result.write(result, [one, two], [stranger, *stations], portald)
    assert "2 printed, 0 failed, 0 uncertain" in ctl(w, "letters", "import", str(result))
    assert {letter["state"] for letter in letters_of(w)} == {"printed"}
    ctl(w, "letters", "posted", path.stem)
    again = ctl(w, "letters", "import", str(result))
    assert "2 of them were known before" in again
    assert {letter["state"] for letter in letters_of(w)} == {"done"}


def test_a_result_of_the_past_says_nothing_of_letters_that_have_moved_on(mailroom):  # noqa: F811
    w = mailroom
    c = w.customer()
    c.confirmed()
    path = export(w)
    result = path.with_suffix(".result")
    job = printed(w, path)[0]["job"]
    station_result.write(result, [station_result.part(path.stem, [{"job": job, "failed": "out of paper"}])], *keys_of(w))
    text = ctl(w, "letters", "import", str(result))
    assert "1 failed" in text and "in an hour" in text
    w.clock("+61min")
    second = export(w)
    assert second != path and letters_of(w)[0]["batch"] == second.stem
    refused(w, result, "out of date")
    assert letters_of(w)[0]["state"] == "claimed"
    # Nor is another batch's result this one's.
    shutil.copy(result, second.with_suffix(".result"))
    refused(w, second.with_suffix(".result"), "out of date")


def test_what_the_real_station_writes_is_taken_and_not_once_changed(mailroom):  # noqa: F811
    w = mailroom
    for _ in range(2):
        w.customer().confirmed()
    path = export(w)
    assert print_file(w, path).returncode == 0
    result = path.with_suffix(".result")
    text = result.read_text()
    result.write_text(text.replace("pages", "rages"))
    refused(w, result, "isn't sealed")
    result.write_text(text)
    assert "2 printed" in ctl(w, "letters", "import", str(result))


def test_a_result_is_sealed_with_every_key_of_the_station(station):  # noqa: F811
    """portald may have its new public key, or still the one before."""
    old = rotate(station, old_keys=True)
    file = File(station, *(Letter() for _ in range(30)))
    station.prints("--batch", file.path)
    parts = json.loads(file.result.read_text())["parts"]
    assert len(parts) == 2 and len(file.rows()) == 30
    for part in parts:
        assert part["seals"] == [station_result.seal(part["text"], bytes(key), bytes(station.portald.signing.verify_key))
                                 for key in (station.portald.station, old)]


def test_after_a_change_of_keys_the_result_is_written_anew(mailroom):  # noqa: F811
    """What was sealed before portald knew of the change is refused; printing again prints nothing twice."""
    w = mailroom
    w.customer().confirmed()
    path, keys = export(w), w.box.dir / "keys"
    stranger = PrivateKey.generate()
    result = path.with_suffix(".result")
    station_result.write(result, [station_result.part(path.stem, printed(w, path))], [bytes(stranger)], keys_of(w)[1])
    refused(w, result, "portal-print --batch")
    assert print_file(w, path).returncode == 0
    (keys / "old.key").write_bytes((keys / "station.key").read_bytes())
    (keys / "old.key").chmod(0o600)
    conf = Path(w.box["PORTAL_PRINT_CONF"])
    new = conf.with_name("rotated.conf")
    new.write_text(conf.read_text().replace(f"key = {keys}/station.key",
                                            f"key = {keys}/new.key\nold_keys = {keys}/old.key"))
    (keys / "new.key").write_text(b64encode(bytes(stranger)).decode() + "\n")
    (keys / "new.key").chmod(0o600)
    done = subprocess.run([Path(w.box["PORTAL_BUILD"]) / "print" / "portal-print", "--config", new, "--batch", path],
                          text=True, capture_output=True, check=False)
    assert done.returncode == 0 and "only its result is written again" in done.stderr
    assert len(json.loads(result.read_text())["parts"][0]["seals"]) == 2
    assert "1 printed" in ctl(w, "letters", "import", str(result))
    wait_for(lambda: letters_of(w)[0]["state"] == "printed", what="the letter to count")
