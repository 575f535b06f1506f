"""What must never be, however often somebody is killed: counted at rest from the mail sink, the letters on paper, the
queue's file and the directory. The way in is Audit(world, postbox, tray), then hold(customers)."""

import shutil
import sqlite3
import tempfile
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import ldap
import ldap_client
import nacl.exceptions
import nacl.pwhash
from customer import wait_for

# portald/queue.h
KINDS = ("registration", "mail", "letter")
STATES = ("staged", "ready", "claimed", "printed", "done", "failed", "withdrawn", "uncertain", "damaged")
ENDED = {"printed", "done", "withdrawn"}
COLUMNS = ("id", "kind", "state", "topic", "entry", "subject", "untold", "note", "has_payload")
# What portalLetter calls a letter of these states.
WORDS = {"printed": {"printed"}, "done": {"posted", "returned"}, "withdrawn": {"withdrawn"}}
AT_ONCE = 2
REST_SECONDS = 120


def settled(world, but=()):
    """Nothing is on its way any more, but for READY jobs of these kinds: letters wait where no station asks for them."""
    try:
        queue = world.portald.control("status")["queue"]
    except (OSError, TypeError, AttributeError):
        return False
    return queue["untold"] == 0 and not any(
        queue[kind][state] for kind in KINDS for state in ("staged", "ready", "claimed") if state != "ready" or kind not in but)


def wait_until_settled(world, but=()):
    wait_for(lambda: settled(world, but), seconds=REST_SECONDS, what="rest")


def jobs_of(box):
    """Every row of the queue, by id, from a copy of its files: portald keeps the file to itself."""
    with tempfile.TemporaryDirectory(prefix="portal-audit-") as directory:
        for path in (Path(box.dir) / "queue").glob("queue.db*"):
            shutil.copy(path, directory)
        with closing(sqlite3.connect(Path(directory) / "queue.db")) as db:
            assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            rows = db.execute("SELECT id, kind, state, topic, ifnull(entry, ''), subject, untold, ifnull(note, ''),"
                              " EXISTS (SELECT 1 FROM payload WHERE payload.number = job.number) FROM job").fetchall()
    jobs = [dict(zip(COLUMNS, row)) for row in rows]
    for job in jobs:
        job["kind"], job["state"] = KINDS[job["kind"]], STATES[job["state"]]
    return {job["id"]: job for job in jobs}


def entries_of(box):
    """Every customer's attributes, by entryUUID."""
    with ldap_client.bound(box, "root") as connection:
        found = connection.search_s(ldap_client.customers_base(box), ldap.SCOPE_ONELEVEL, attrlist=["*", "entryUUID"])
    entries = [{name: [v.decode(errors="replace") for v in values] for name, values in attributes.items()}
               for _, attributes in found]
    return {entry["entryUUID"][0]: entry for entry in entries}


def opens(stored, code):
    """Whether a code from paper is the one whose hash the directory holds."""
    try:
        return nacl.pwhash.verify(stored.removeprefix("{ARGON2}").encode(), code.replace("-", "").encode())
    except nacl.exceptions.InvalidkeyError:
        return False


class Audit:
    """All of it as it is now; tray has every letter that was printed."""

    def __init__(self, world, postbox, tray):
        self.world = world
        self.mails, self.jobs, self.entries = postbox.all(), jobs_of(world.box), entries_of(world.box)
        self.sheets = list(tray.sheets())
        self.by_uid = {entry["uid"][0]: entry for entry in self.entries.values()}
        self.letters = defaultdict(list)
        for sheet in sorted(self.sheets, key=lambda s: s.job):
            self.letters[self.jobs[sheet.job]["subject"]].append(sheet)

    def hold(self, customers):
        """All of measures.md's "Never" that portald, mailer and station can break; then each customer's account. Returns the
        figures."""
        self.hold_queue()
        self.hold_mails()
        self.hold_letters()
        self.hold_entries()
        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(self.hold_account, [c for c in customers if not getattr(c, "forgotten", False)]))
        return {"jobs": len(self.jobs), "mails": len(self.mails), "mails twice": self.twice, "letters": len(self.sheets),
                "letters twice": len(self.sheets) - len({s.job for s in self.sheets})}

    def of(self, c, kind, topic=None):
        """A customer's jobs that took effect."""
        return [j for j in self.jobs.values() if j["subject"] == c.uid and j["kind"] == kind and topic in (None, j["topic"])
                and j["state"] != "withdrawn"]

    # The queue: no job lost, none stuck.

    def hold_queue(self):
        stuck = [j for j in self.jobs.values() if j["untold"] or j["state"] not in ENDED and not j["note"].startswith("bounced")]
        assert not stuck, f"jobs that didn't come to their end: {stuck}"
        live = [j for j in self.jobs.values() if j["has_payload"] and j["state"] != "failed"]
        assert not live, f"jobs that are over and still have their payload: {live}"

    # Mails: each at least once, at most twice, and then as one.

    def hold_mails(self):
        copies = defaultdict(list)
        for mail in self.mails:
            copies[mail.message["Message-ID"].strip("<>").partition("@")[0]].append(mail)
        strange = [j for j in copies if j not in self.jobs or self.jobs[j]["kind"] != "mail"]
        assert not strange, f"mails that the queue doesn't know: {strange}"
        sent = {j["id"] for j in self.jobs.values() if j["kind"] == "mail" and j["state"] in ("done", "failed")}
        assert sent <= set(copies), f"mails that nobody got: {[self.jobs[j] for j in sent - set(copies)]}"
        for job, mails in copies.items():
            assert len(mails) <= 2, f"{len(mails)} times: {self.jobs[job]}"
            assert len({(m.recipient, m.message["Subject"], m.text) for m in mails}) == 1, f"not the same: {self.jobs[job]}"
        self.twice = sum(len(mails) - 1 for mails in copies.values())

    # Letters: what the queue calls printed is on paper, once, and nothing else is.

    def hold_letters(self):
        on_paper = Counter(sheet.job for sheet in self.sheets)
        assert not on_paper or max(on_paper.values()) == 1, f"printed twice: {[j for j, n in on_paper.items() if n > 1]}"
        printed = {j["id"] for j in self.jobs.values() if j["kind"] == "letter" and j["state"] in ("printed", "done")}
        assert printed == set(on_paper), f"printed and on paper differ: {printed ^ set(on_paper)}"
        codes = Counter(code for sheet in self.sheets for code in sheet.codes)
        assert not codes or max(codes.values()) == 1, "the same code in two letters"

    # Entries: nothing half done, and at one with the queue.

    def hold_entries(self):
        for uuid, entry in self.entries.items():
            uid = entry["uid"][0]
            assert "portalJob" not in entry, f"{uid}: {[self.jobs.get(j, j) for j in entry['portalJob']]}"
            told = {value.split()[1]: value.split()[2] for value in entry.get("portalLetter", [])}
            mine = {j["id"]: j for j in self.jobs.values() if j["entry"] == uuid and j["kind"] == "letter"}
            forgotten = entry["cn"] == ["forgotten"]
            assert told.keys() == (set() if forgotten else mine.keys()), f"{uid}: {told}, {mine}"
            wrong = [job for job in mine.values() if not forgotten and told[job["id"]] not in WORDS[job["state"]]]
            assert not wrong, f"{uid}: {wrong}, but {told}"
            initial = entry.get("portalState") == ["initial"]
            assert ("portalInitialPasswordExpires" in entry) == initial, f"{uid}: {entry}"

    # Accounts: the customer gets in with what the last letter says, or with a password of their own.

    def hold_account(self, c):
        entry, sheets = self.by_uid[c.uid], self.letters[c.uid]
        own = getattr(c, "password", None)
        assert entry["portalState"] == ["active" if own else "initial"], f"{c.uid} is stuck: {entry}"
        initial = [s for s in sheets if self.jobs[s.job]["topic"] in ("access", "password")]
        puks = [s for s in sheets if self.jobs[s.job]["topic"] in ("access", "puk")]
        works = own or initial[-1].codes[0]
        reply = self.world.portald.authenticate(c.mail, works)
        assert reply.verdict == "OK" and (reply.account == "NEW_PASSWORD") == (not own), f"{c.uid}: {reply.verdict}"
        superseded = initial if own else initial[:-1]
        assert not any(opens(entry["userPassword"][0], s.codes[0]) for s in superseded), f"{c.uid}: an old letter works"
        assert not puks or opens(entry["portalPUK"][0], puks[-1].codes[-1]), f"{c.uid}: the PUK of the letter is another"
        assert not any(opens(entry["portalPUK"][0], s.codes[-1]) for s in puks[:-1]), f"{c.uid}: an old PUK works"
