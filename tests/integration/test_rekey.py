"""Changing the key that seals TOTP secrets: portalctl rekey, before, during and after; and a key that went too early.
Sealed secrets are made and opened here once more, so that their format can't change unnoticed."""

import hashlib
import json
import os
import subprocess
import threading
from base64 import b32encode, b64decode
from pathlib import Path

import ldap
import pytest
from nacl.bindings import (crypto_aead_xchacha20poly1305_ietf_decrypt as aead_open,
                           crypto_aead_xchacha20poly1305_ietf_encrypt as aead_seal)

import ldap_client
from customer import PASSWORD, World, wait_for, with_password
from enrollment import away_from_the_edge, code, enrolled, login
from sandbox import Sandbox

MANY = 450  # more than two pages of a search


class Key:
    """A file that portald --make-totp-key made."""

    def __init__(self, world, name):
        self.path = world.box.dir / "keys" / name
        subprocess.run([Path(world.box["PORTAL_BUILD"]) / "portald" / "portald", "--make-totp-key", self.path], check=True)
        assert self.path.stat().st_mode & 0o777 == 0o600
        self.key = b64decode(self.path.read_text())
        assert len(self.key) == 32
        self.id = hashlib.blake2b(b"portal-totp-key\0", digest_size=16, key=self.key).digest()[:4]

    def seal(self, uuid, secret):
        nonce = os.urandom(24)
        return b"\x01" + self.id + nonce + aead_seal(secret, f"portal-totp-1 {uuid}".encode(), nonce, self.key)

    def open(self, uuid, sealed):
        assert sealed[:5] == b"\x01" + self.id
        return aead_open(sealed[29:], f"portal-totp-1 {uuid}".encode(), sealed[5:29], self.key)


def use_keys(world, *keys):
    directory = world.box.dir / "portald.conf.d"
    directory.mkdir(exist_ok=True)
    (directory / "keys.conf").write_text(f"[keys]\ntotp = {' '.join(str(key.path) for key in keys)}\n")
    world.box.restart("portald")


def log_of(world):
    return (world.box.dir / "log" / "portald.log").read_text(errors="replace")


def sealed_secrets(world):
    """(uid, entryUUID, portalTOTPSecret) of every entry that has one."""
    with ldap_client.bound(world.box, "root") as connection:
        found = connection.search_s(ldap_client.customers_base(world.box), ldap.SCOPE_SUBTREE, "(portalTOTPSecret=*)",
                                    ["uid", "entryUUID", "portalTOTPSecret"])
    return [(e["uid"][0].decode(), e["entryUUID"][0].decode(), e["portalTOTPSecret"][0]) for _, e in found]


def rekey(world):
    done = world.box.ctl("--json", "rekey")
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


@pytest.fixture
def many_world():
    box = Sandbox("--customers", str(MANY))
    yield World(box)
    box.close()


def give_secrets(world, key):
    """Everybody gets TOTP, sealed with key: a customer's secret is what their uid hashes to."""
    with ldap_client.bound(world.box, "root") as connection:
        found = connection.search_s(ldap_client.customers_base(world.box), ldap.SCOPE_ONELEVEL, "(uid=*)",
                                    ["uid", "entryUUID"])
        for dn, entry in found:
            sealed = key.seal(entry["entryUUID"][0].decode(), secret_of_uid(entry["uid"][0].decode()))
            connection.modify_s(dn, [(ldap.MOD_REPLACE, "portalTOTPSecret", [sealed])])
    return len(found)


def secret_of_uid(uid):
    return hashlib.sha1(uid.encode()).digest()


def test_every_secret_moves_to_the_first_key_and_the_old_one_may_go(fresh_world):
    world = fresh_world
    customers = [enrolled(world) for _ in range(3)]
    old, new = Key(world, "2025.key"), Key(world, "2026.key")

    use_keys(world, old)
    c, secret = customers[0]
    assert login(world, c, code(world, secret, 1)).verdict == "OK", "portald's own key always opens"
    status, report = rekey(world)
    assert (status, report["seen"], report["resealed"], report["lost"]) == (0, 3, 3, 0)
    assert report["key"] == old.id.hex()

    use_keys(world, new, old)
    done = world.box.ctl("rekey")
    assert done.returncode == 0
    assert f"3 secrets, 3 of them sealed anew, now 3 with the key {new.id.hex()}." in done.stdout
    assert "may be removed" in done.stdout
    status, report = rekey(world)
    assert (status, report["seen"], report["resealed"]) == (0, 3, 0), "run again"

    use_keys(world, new)
    for uid, uuid, sealed in sealed_secrets(world):
        secret = next(s for c, s in customers if c.uid == uid)
        assert b32encode(new.open(uuid, sealed)).decode() == secret
    world.clock("+1min")
    for c, secret in customers:
        assert login(world, c, code(world, secret, 1)).verdict == "OK"
        assert login(world, c, code(world, secret, 1)).verdict == "WRONG", "the step stays used"


def test_key_that_went_too_early_lets_nobody_in_and_is_named(fresh_world):
    world = fresh_world
    old, new = Key(world, "2025.key"), Key(world, "2026.key")
    use_keys(world, old)
    c, secret = enrolled(world)
    other = with_password(world)
    use_keys(world, new)
    late, late_secret = enrolled(world)

    assert login(world, c, code(world, secret, 1)).verdict == "UNAVAILABLE"
    assert login(world, c, "000000").verdict == "UNAVAILABLE"
    assert world.portald.authenticate(c.mail, PASSWORD, MODE=1, CODE=code(world, secret, 1)).verdict == "UNAVAILABLE"
    assert login(world, other, None).verdict == "OK"
    assert login(world, late, code(world, late_secret, 1)).verdict == "OK"
    lines = [line for line in log_of(world).splitlines() if c.uid in line and old.id.hex() in line]
    assert lines and "[keys] totp" in lines[0], log_of(world)

    done = world.box.ctl("rekey")
    assert done.returncode == 1
    assert c.uid in done.stdout and old.id.hex() in done.stdout
    assert late.uid not in done.stdout
    assert "may be removed" not in done.stdout
    status, report = rekey(world)
    assert (status, report["seen"], report["lost"]) == (1, 2, 1)
    assert [entry["uid"] for entry in report["entries"]] == [c.uid]

    use_keys(world, new, old)
    assert rekey(world)[0] == 0
    use_keys(world, new)
    assert login(world, c, code(world, secret, 1)).verdict == "OK"


def test_secret_that_was_moved_or_changed_opens_nothing_and_is_named(fresh_world):
    world = fresh_world
    (c, secret), (thief, _) = enrolled(world), enrolled(world)
    sealed = {uid: value for uid, _, value in sealed_secrets(world)}
    world.modify(thief.uid, portalTOTPSecret=sealed[c.uid])
    assert login(world, thief, code(world, secret, 1)).verdict == "UNAVAILABLE"
    use_keys(world, Key(world, "2026.key"))
    status, report = rekey(world)
    assert (status, report["seen"], report["resealed"], report["lost"]) == (1, 2, 1, 1)
    assert "another entry" in report["entries"][0]["why"]
    assert report["entries"][0]["uid"] == thief.uid
    assert {uid: value for uid, _, value in sealed_secrets(world)}[thief.uid] == sealed[c.uid], "left as it was"


def test_unusable_key_file_keeps_portald_from_starting_and_is_named(fresh_world):
    world = fresh_world
    key = Key(world, "2026.key")
    key.path.chmod(0o644)
    world.box.stop("portald")
    (world.box.dir / "portald.conf.d").mkdir()
    (world.box.dir / "portald.conf.d" / "keys.conf").write_text(f"[keys]\ntotp = {key.path}\n")
    program = Path(world.box["PORTAL_BUILD"]) / "portald" / "portald"
    done = subprocess.run([program, "--config", world.box.dir / "portald.conf", "--check"], text=True, capture_output=True,
                          check=False)
    assert done.returncode == 1
    assert "2026.key" in done.stderr and "chmod 0600" in done.stderr
    key.path.chmod(0o600)
    world.box.start("portald")


def assert_all_moved(world, new):
    moved = sealed_secrets(world)
    assert len(moved) == MANY
    for uid, uuid, sealed in moved:
        assert new.open(uuid, sealed) == secret_of_uid(uid)


def test_logins_go_on_while_keys_change(many_world):
    world = many_world
    old, new = Key(world, "2025.key"), Key(world, "2026.key")
    give_secrets(world, old)
    use_keys(world, new, old)
    people = [with_password(world) for _ in range(6)]
    away_from_the_edge(world)
    answers, ended = [], threading.Event()

    def log_in(c):
        secret = b32encode(secret_of_uid(c.uid)).decode()
        for step in (-1, 0, 1):
            answers.append(login(world, c, code(world, secret, step)).verdict)
        while not ended.wait(0.02):
            answers.append("OK" if login(world, c, "000000").verdict in ("WRONG", "THROTTLED") else "let in or failed")

    threads = [threading.Thread(target=log_in, args=(c,)) for c in people]
    for t in threads:
        t.start()
    status, report = rekey(world)
    ended.set()
    for t in threads:
        t.join()
    assert (status, report["seen"], report["lost"]) == (0, MANY, 0)
    assert report["resealed"] == MANY
    assert set(answers) == {"OK"}, answers
    assert_all_moved(world, new)


def test_rekeying_is_interrupted_and_goes_on(many_world):
    world = many_world
    old, new = Key(world, "2025.key"), Key(world, "2026.key")
    give_secrets(world, old)
    use_keys(world, new, old)
    first, second = (world.portald.control("rekey") for _ in range(2))
    assert first["running"] and first["id"] == second["id"], "the second one joins"
    wait_for(lambda: world.portald.control("rekey-look")["resealed"] > 10, what="the first secrets")
    world.box.restart("portald")
    assert world.portald.control("rekey-look")["id"] == ""
    moved = sum(sealed[1:5] == new.id for _, _, sealed in sealed_secrets(world))
    assert 10 < moved < MANY, "interrupted in between"

    # And slapd goes away while it runs again.
    world.portald.control("rekey")
    wait_for(lambda: world.portald.control("rekey-look")["seen"] > moved + 5, what="new ones")
    world.box.restart("slapd")
    wait_for(lambda: not world.portald.control("rekey-look")["running"], what="the end")
    report = world.portald.control("rekey-look")
    assert (report.get("error"), report["seen"], report["lost"]) == (None, MANY, 0)
    assert rekey(world)[1]["resealed"] == 0
    assert_all_moved(world, new)


def test_portalctl_that_follows_a_restarted_portald_says_so(many_world):
    world = many_world
    old, new = Key(world, "2025.key"), Key(world, "2026.key")
    give_secrets(world, old)
    use_keys(world, new, old)
    follower = subprocess.Popen([world.box["PORTAL_CTL"], "rekey"], text=True, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE)
    wait_for(lambda: world.portald.control("rekey-look")["resealed"] > 10, what="the first secrets")
    world.box.restart("portald")
    out, err = follower.communicate(timeout=30)
    assert follower.returncode in (1, 3), out
    assert err
    assert rekey(world)[0] == 0
    assert_all_moved(world, new)
