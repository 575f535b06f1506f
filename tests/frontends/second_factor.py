"""A customer's phone: TOTP as an app has it, with oathtool making the codes. The way in is set_up(world, person)."""

import subprocess
from urllib.parse import parse_qs, urlsplit

from wire import NUMBERS

STEP = 30
# So long before a step's end its code may be late by the time that it arrives.
HASTE = 5


class Phone:
    """Never shows a code twice; portald takes a step's code once, and those of the steps around now."""

    def __init__(self, world, uri):
        self.world = world
        self.secret = parse_qs(urlsplit(uri).query)["secret"][0]
        self.last = 0

    def code(self):
        """A code that hasn't been used and works now. Where three have been used already, time goes on: portald's
        clock, since nobody wants to wait for ours."""
        step, into = divmod(self.world.now(), STEP)
        self.last = max(self.last + 1, step - (1 if into < STEP - HASTE else 0))
        if self.last > step + 1:
            self.world.clock(f"+{(self.last - step - 1) * STEP}s")
        return self._at(self.last)

    def wrong(self):
        """Six digits that are no code of these minutes."""
        now = self.world.now() // STEP
        right = {self._at(now + step) for step in range(-4, 5)}
        return next(code for code in (f"{number:06}" for number in range(100)) if code not in right)

    def _at(self, step):
        done = subprocess.run(["oathtool", "--totp", "--base32", "--now", f"@{step * STEP}", "-"], input=self.secret,
                              text=True, capture_output=True, check=True)
        return done.stdout.strip()


def set_up(world, person):
    """Sets TOTP up for this person, with the requests that pam_portal's enroll= makes; returns the phone."""
    portald = world.portald
    who = {"USER": person.name, "SERVICE": "test", "LANGUAGE": "de"}
    reply = portald.authenticate(person.name, person.password, PURPOSE=NUMBERS["WIRE_PURPOSE_ENROLL"])
    assert reply.verdict == "OK", reply.text
    offer = portald.ask("api", "ENROLL", GRANT=reply.get("GRANT"), **who)
    assert offer.verdict == "OK", offer.text
    phone = Phone(world, offer.get("URI").decode())
    done = portald.ask("api", "ENROLL_CODE", STATE=offer.get("STATE"), CODE=phone.code(), **who)
    assert done.verdict == "OK", done.text
    return phone
