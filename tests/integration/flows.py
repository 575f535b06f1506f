"""What customers, support and the mailroom do with Portal, as flows: what comes before, what the person does, again and
again until it works, what shows that it was done, and what must be so in the end. The way in is FLOWS."""

import json
import shlex
import subprocess
import time

import dsn
from customer import PASSWORD, wait_for
from recoverer import CODE, NEW, with_puk

PATIENCE = 90
ASK_AGAIN = 3


def repeat(what, attempt, seconds=PATIENCE):
    """What a person does whose page didn't load: tries again, until attempt() is something true, which is returned."""
    end = time.monotonic() + seconds
    while True:
        try:
            done = attempt()
        except OSError:
            done = None
        if done:
            return done
        assert time.monotonic() < end, f"{what} never worked"
        time.sleep(0.05)


def said(reply, *good):
    return reply is not None and reply.verdict in good and reply


class Place:
    """Where flows go: a world, the mails that its relay took, the letters that its printer put out."""

    def __init__(self, world, postbox, tray):
        self.world, self.portald, self.postbox, self.tray = world, world.portald, postbox, tray
        self.print_command = shlex.split(world.box["PORTAL_PRINT_COMMAND"])

    def token(self, c):
        return next((m.token for m in reversed(self.postbox.of(c.mail)) if m.token), None)

    def codes(self, c):
        return [CODE.search(m.text)[1].replace(" ", "") for m in self.postbox.of(c.mail) if CODE.search(m.text)]

    def state(self, c):
        done = self.world.box.ctl("--json", "show", c.uid)
        return done.returncode == 0 and json.loads(done.stdout)["state"]

    def print(self):
        return subprocess.run(self.print_command, capture_output=True, check=False).returncode == 0

    def letter(self, c):
        """The row of the customer's letter."""
        reply = self.portald.control("queue-list", kind="letter", entry=c.show()["uuid"])
        return next(j for j in reply["jobs"] if j["state"] != "withdrawn")

    def ctl(self, *words, text=""):
        return subprocess.run([self.world.box["PORTAL_CTL"], *words], input=text, text=True, capture_output=True,
                              check=False).returncode == 0


class Flow:
    def __init__(self, place):
        self.place, self.portald = place, place.portald

    def prepare(self):
        """A customer for whom it can begin."""

    def act(self, c):
        """What the person does; returns once it worked."""

    def seen(self, _c):
        """Whether what follows without the person has come to where it shows."""
        return True

    def finish(self, c):
        """Goes on to where an account must be at the end of any flow."""

    def hold(self, audit, c):
        """What must be so then, beyond what Audit.hold() sees."""


class Registration(Flow):
    def prepare(self):
        return self.place.world.customer()

    def act(self, c):
        repeat("registering", lambda: said(self.portald.register(c.policy, c.birthdate, c.mail), "OK"))

    def seen(self, c):
        return self.place.token(c)

    def finish(self, c):
        for token in {m.token for m in self.place.postbox.of(c.mail) if m.token}:
            assert self.portald.link(token).verdict in ("LINK_GOOD", "LINK_DONE"), f"{c.uid}: a link doesn't work"
            assert self.portald.confirm(token).verdict in ("OK", "LINK_DONE")

    def hold(self, audit, c):
        assert len(audit.of(c, "letter")) == 1, f"{c.uid}: {audit.of(c, 'letter')}"


class Confirmation(Registration):
    def prepare(self):
        c = super().prepare()
        super().act(c)
        wait_for(lambda: self.place.token(c), what="the link")
        return c

    def act(self, c):
        repeat("confirming", lambda: said(self.portald.confirm(self.place.token(c)), "OK", "LINK_DONE"))

    def seen(self, _c):
        return True

    def hold(self, audit, c):
        super().hold(audit, c)
        assert len(audit.of(c, "mail", "confirm")) == 1


class Printing(Confirmation):
    """Claimed by the real station, and said to be printed."""

    def prepare(self):
        c = super().prepare()
        super().act(c)
        return c

    def act(self, _c):
        repeat("printing", self.place.print)


class Posting(Printing):
    def prepare(self):
        c = super().prepare()
        assert self.place.print()
        c.batch = self.place.letter(c)["batch"]
        return c

    def act(self, c):
        repeat("posting", lambda: self.place.ctl("letters", "posted", c.batch))

    def hold(self, audit, c):
        super().hold(audit, c)
        assert [j["state"] for j in audit.of(c, "letter")] == ["done"]
        assert len(audit.of(c, "mail", "letter-posted")) == 1, f"{c.uid}: {audit.of(c, 'mail')}"


class FirstLogin(Printing):
    """With the initial password, and the change that it forces."""

    def prepare(self):
        c = super().prepare()
        assert self.place.print()
        c.initial_password = self.place.tray.wait_for(self.place.letter(c)["id"]).codes[0]
        return c

    def act(self, c):
        def attempt():
            if said(self.portald.authenticate(c.mail, PASSWORD), "OK"):
                return True
            reply = said(self.portald.authenticate(c.mail, c.initial_password), "OK")
            return reply and said(self.portald.change(c.mail, reply.get("GRANT"), PASSWORD), "OK") and False
        repeat("logging in", attempt)
        c.password = PASSWORD

    def hold(self, audit, c):
        super().hold(audit, c)
        assert len(audit.of(c, "mail", "password-set")) <= 1, f"{c.uid}: {audit.of(c, 'mail')}"


class Forgotten(Flow):
    """Asks for a code by mail."""

    def prepare(self):
        c = with_puk(self.place.world)
        c.password = PASSWORD
        return c

    def act(self, c):
        repeat("asking", lambda: said(self.portald.forgotten(c.mail), "OK"))

    def seen(self, c):
        return self.place.codes(c)

    def finish(self, c):
        codes = self.place.codes(c)
        assert any(said(self.portald.recover(c.mail, code, c.puk), "OK") for code in codes), f"{c.uid}: {codes}"

    def hold(self, audit, c):
        assert not audit.of(c, "letter")


class Recovery(Forgotten):
    """Code and PUK, and the new password."""

    def prepare(self):
        c = super().prepare()
        super().act(c)
        wait_for(lambda: self.place.codes(c), what="the code")
        c.asked = time.monotonic()
        return c

    def ask_again(self, c):
        if time.monotonic() - c.asked > ASK_AGAIN:
            c.asked = time.monotonic()
            self.portald.forgotten(c.mail)

    def act(self, c):
        def attempt():
            if said(self.portald.authenticate(c.mail, NEW), "OK"):
                return True
            for code in reversed(self.place.codes(c)):
                reply = said(self.portald.recover(c.mail, code, c.puk), "OK")
                if reply:
                    self.portald.change(c.mail, reply.get("GRANT"), NEW)
                    return False
            self.ask_again(c)
            return False
        repeat("recovering", attempt)
        c.password = NEW

    def finish(self, _c):
        pass

    def hold(self, audit, c):
        assert [j["topic"] for j in audit.of(c, "letter")] == ["puk"]
        assert len(audit.of(c, "mail", "puk-used")) == 1, f"{c.uid}: {audit.of(c, 'mail')}"


class Restart(Forgotten):
    """Support's wish when password and PUK are lost: another letter."""

    def act(self, c):
        def attempt():
            return self.place.ctl("restart", c.uid) or self.place.state(c) == "initial"
        repeat("restarting", attempt)
        c.password = None

    def seen(self, _c):
        return True

    def finish(self, _c):
        pass

    def hold(self, audit, c):
        assert [j["topic"] for j in audit.of(c, "letter")] == ["access"], f"{c.uid}: {audit.of(c, 'letter')}"
        assert len(audit.of(c, "mail", "restarted")) == 1, f"{c.uid}: {audit.of(c, 'mail')}"


class NewLetter(Printing):
    """Asks for another letter, after the initial password of the last one has expired."""

    def prepare(self):
        c = super().prepare()
        assert self.place.print()
        self.place.world.wait_for_rest()
        self.place.world.modify(c.uid, portalInitialPasswordExpires="20200101000000Z")
        return c

    def act(self, c):
        repeat("asking", lambda: said(self.portald.new_letter(c.policy, c.birthdate, c.mail), "OK"))

    def seen(self, c):
        return len(self.place.world.entry(c.uid)["portalLetter"]) == 2

    def finish(self, _c):
        pass

    def hold(self, audit, c):
        assert [j["topic"] for j in audit.of(c, "letter")] == ["access", "access"], f"{c.uid}: {audit.of(c, 'letter')}"
        asked = [j for j in audit.jobs.values() if j["topic"] == "new-letter" and j["subject"] == c.policy]
        told = [j["topic"] for j in audit.of(c, "mail") if j["topic"] in ("letter-new", "letter-valid")]
        # Each request is decided once: the first brings the letter, any other finds it under way.
        assert sorted(told) == ["letter-new"] + ["letter-valid"] * (len(asked) - 1), f"{c.uid}: {asked}, {told}"


class Move(Forgotten):
    """Another e-mail address: the wish, and the link that it brings."""

    def new(self, c):
        return f"neu-{c.uid}@example.org"

    def ask(self, c):
        if time.monotonic() - getattr(c, "asked", 0) > ASK_AGAIN:
            c.asked = time.monotonic()
            proven = said(self.portald.authenticate(c.mail, PASSWORD, sock="web", PURPOSE=1), "OK")
            return proven and self.portald.new_mail(c.mail, proven.get("GRANT"), self.new(c)) and False
        return False

    def act(self, c):
        def attempt():
            if said(self.portald.authenticate(self.new(c), PASSWORD), "OK"):
                return True
            tokens = [m.token for m in self.place.postbox.of(self.new(c)) if m.token]
            return any(said(self.portald.confirm(t), "OK", "LINK_DONE") for t in reversed(tokens)) and False or self.ask(c)
        repeat("changing the address", attempt)
        c.former, c.mail = c.mail, self.new(c)

    def seen(self, c):
        return any(m.reference and not m.token for m in self.place.postbox.of(f"{c.uid}@example.org"))

    def finish(self, c):
        entry = self.place.world.entry(c.uid)
        assert entry["mail"] == [c.mail] == entry["portalConfirmedMail"], f"{c.uid}: {entry}"
        assert [v.split()[0] for v in entry["portalFormerMail"]] == [c.former], f"{c.uid}: {entry}"

    def hold(self, audit, c):
        assert len(audit.of(c, "mail", "mail-moved")) == 1, f"{c.uid}: {audit.of(c, 'mail')}"


class MoveBack(Move):
    """The former address undoes it."""

    def prepare(self):
        c = super().prepare()
        super().act(c)
        self.place.world.wait_for_rest()
        c.reference = wait_for(lambda: [m.reference for m in self.place.postbox.of(c.former) if m.reference], what="it")[-1]
        return c

    def act(self, c):
        repeat("undoing", lambda: said(self.portald.not_me(c.reference), "OK"))
        c.mail = c.former

    def seen(self, _c):
        return True

    def finish(self, c):
        entry = self.place.world.entry(c.uid)
        assert entry["mail"] == [c.former] == entry["portalConfirmedMail"] and "portalFormerMail" not in entry
        assert self.portald.authenticate(c.mail, PASSWORD).verdict == "WRONG"
        recovery = Recovery(self.place)
        repeat("asking", lambda: said(self.portald.forgotten(c.mail), "OK"))
        c.asked = time.monotonic()
        recovery.act(c)

    def hold(self, audit, c):
        super().hold(audit, c)
        assert [len(audit.of(c, "mail", topic)) for topic in ("mail-back", "mail-undone")] == [1, 1], f"{c.uid}"


class Bounce(Confirmation):
    """A notification of a link that reached nobody, as a relay's pipe hands it over."""

    def prepare(self):
        c = super().prepare()
        self.place.world.wait_for_rest()
        return c

    def act(self, c):
        path = self.place.postbox.of(c.mail)[-1].message["Return-Path"].strip("<>")
        repeat("telling of a bounce", lambda: self.place.ctl("bounce", "--", path, text=dsn.postfix(path, c.mail)))

    def hold(self, audit, c):
        super().hold(audit, c)
        assert [j["state"] for j in audit.of(c, "mail", "confirm")] == ["failed"]


FLOWS = (Registration, Confirmation, Printing, Posting, FirstLogin, Forgotten, Recovery, Restart, NewLetter, Move, MoveBack, Bounce)
