"""Customers with a second factor, and what they type. The way in is with_totp(world)."""

import otp
from customer import PASSWORD, wait_for, with_password
from wire import NUMBERS

TOGETHER, COMBINED = NUMBERS["WIRE_MODE_TOGETHER"], NUMBERS["WIRE_MODE_COMBINED"]
ENROLL = NUMBERS["WIRE_PURPOSE_ENROLL"]


def set_up(world, c, password=PASSWORD):
    """Sets TOTP up; no step counts as used, so that any code of these minutes may be tried."""
    who = {"USER": c.mail, "SERVICE": "test", "LANGUAGE": "de"}
    grant = world.portald.authenticate(c.mail, password, PURPOSE=ENROLL).get("GRANT")
    offer = world.portald.ask("api", "ENROLL", GRANT=grant, **who)
    assert offer.verdict == "OK", offer.text
    c.secret = otp.secret_of(offer.get("URI"))
    done = world.portald.ask("api", "ENROLL_CODE", STATE=offer.get("STATE"), CODE=code(world, c), **who)
    assert done.verdict == "OK", done.text
    unused(world, c)
    return c


def with_totp(world):
    return set_up(world, with_password(world))


def unused(world, c):
    world.modify(c.uid, portalTOTPLastStep=None)


def code(world, c, steps=0):
    return otp.code(c.secret, at=world.now(), steps=steps)


def wrong_code(world, c):
    """Six digits that are no code of these minutes."""
    right = {code(world, c, steps) for steps in range(-3, 4)}
    return next(digits for digits in (f"{n:06}" for n in range(100)) if digits not in right)


def state_of(world, c, password=PASSWORD, **more):
    """Behind a right password."""
    reply = world.portald.authenticate(c.mail, password, **more)
    assert reply.verdict == "CODE_NEEDED", reply.verdict
    return reply.get("STATE")


def failures(world, c, factor):
    """As the entry counts them."""
    return int(world.entry(c.uid).get(f"portal{factor}Failures", ["0"])[0])


def last_step(world, c):
    return int(world.entry(c.uid).get("portalTOTPLastStep", ["0"])[0])


def letters(c, kind):
    return [x for x in c.show()["letters"] if x["kind"] == kind]


def wait_for_notice(world, c, word):
    return wait_for(lambda: [m for m in world.mails(c.mail) if word in m.text], what=f"the notice with {word}")
