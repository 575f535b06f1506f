"""Wishes written into portalRequest, as flows (flows.py), one for each verb that portald stages something for. The way in is
WISH_FLOWS."""

from customer import wait_for
from flows import PATIENCE, Confirmation, Forgotten, Registration
from totp_customer import set_up


def wish_by_ldap(world, c, word):
    """Written once: slapd takes it, whatever becomes of portald. Returns once it has its result."""
    world.modify(c.uid, portalRequest=word)
    wait_for(lambda: "portalRequest" not in world.entry(c.uid), PATIENCE, f"the end of {word} for {c.uid}")


def hold_wish(audit, c, word):
    results = [value.split(" ", 1)[1] for value in audit.by_uid[c.uid]["portalRequestResult"]]
    assert results == [f"{word} ok"], f"{c.uid}: {results}"


class WishedByLdap(Forgotten):
    """An administrator's wish in portalRequest."""

    word = None

    def act(self, c):
        wish_by_ldap(self.place.world, c, self.word)

    def seen(self, _c):
        return True

    def finish(self, _c):
        pass

    def hold(self, audit, c):
        hold_wish(audit, c, self.word)


class LetterByLdap(WishedByLdap):
    word = "letter"

    def hold(self, audit, c):
        super().hold(audit, c)
        assert [j["topic"] for j in audit.of(c, "letter")] == ["puk"], f"{c.uid}: {audit.of(c, 'letter')}"


class RestartByLdap(WishedByLdap):
    word = "restart"

    def act(self, c):
        super().act(c)
        c.password = None

    def hold(self, audit, c):
        super().hold(audit, c)
        assert [j["topic"] for j in audit.of(c, "letter")] == ["access"], f"{c.uid}: {audit.of(c, 'letter')}"
        assert len(audit.of(c, "mail", "restarted")) == 1, f"{c.uid}: {audit.of(c, 'mail')}"


class TotpOffByLdap(WishedByLdap):
    word = "totp-off"

    def prepare(self):
        return set_up(self.place.world, super().prepare())

    def hold(self, audit, c):
        super().hold(audit, c)
        assert "portalTOTPSecret" not in audit.by_uid[c.uid]
        assert len(audit.of(c, "mail", "totp-off")) == 1, f"{c.uid}: {audit.of(c, 'mail')}"


class ConfirmationByLdap(Confirmation):
    """Another link to the same address; the customer follows both."""

    def act(self, c):
        wish_by_ldap(self.place.world, c, "confirmation")

    def hold(self, audit, c):
        Registration.hold(self, audit, c)
        hold_wish(audit, c, "confirmation")
        assert len(audit.of(c, "mail", "confirm")) == 2, f"{c.uid}: {audit.of(c, 'mail')}"


class ForgetByLdap(WishedByLdap):
    """With a letter under way, which mustn't go any more."""

    word = "forget"

    def prepare(self):
        c = super().prepare()
        assert self.place.ctl("letter", c.uid)
        c.forgotten = True
        return c

    def hold(self, audit, c):
        super().hold(audit, c)
        entry = audit.by_uid[c.uid]
        assert not {"mail", "userPassword", "portalPUK", "portalLetter", "givenName", "postalAddress"} & entry.keys(), entry
        assert entry["cn"] == ["forgotten"] and entry["portalState"] == ["closed"]
        letters = {j["state"] for j in audit.jobs.values() if j["entry"] == entry["entryUUID"][0] and j["kind"] == "letter"}
        assert letters <= {"withdrawn"}, letters


WISH_FLOWS = (LetterByLdap, RestartByLdap, TotpOffByLdap, ConfirmationByLdap, ForgetByLdap)
