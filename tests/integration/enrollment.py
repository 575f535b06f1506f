"""Setting up TOTP as the protocol has it, with oathtool as the customer's telephone. The way in is enrolled(world)."""

import subprocess
import time
from urllib.parse import parse_qs, urlsplit

from customer import PASSWORD, with_password
from wire import NUMBERS

STEP = 30


def grant(world, c, **more):
    reply = world.portald.authenticate(c.mail, PASSWORD, PURPOSE=NUMBERS["WIRE_PURPOSE_ENROLL"], **more)
    assert reply.verdict == "OK", reply.text
    return reply.get("GRANT")


def ask(world, c, kind, user=None, service="test", language="de", **fields):
    return world.portald.ask("api", kind, USER=user or c.mail, SERVICE=service, LANGUAGE=language, **fields)


def offered(world, c, **more):
    reply = ask(world, c, "ENROLL", GRANT=grant(world, c), **more)
    assert reply.verdict == "OK", reply.text
    return reply


def secret_of(reply):
    return parse_qs(urlsplit(reply.get("URI").decode()).query)["secret"][0]


def code(world, secret, steps=0):
    done = subprocess.run(["oathtool", "--totp", "--base32", "--now", f"@{world.now() + steps * STEP}", "-"], input=secret,
                          text=True, capture_output=True, check=True)
    return done.stdout.strip()


def away_from_the_edge(world):
    """Where the next seconds are of the same step."""
    left = STEP - world.now() % STEP
    if left < 5:
        time.sleep(left)


def confirm(world, c, offer, typed, **more):
    return ask(world, c, "ENROLL_CODE", STATE=offer.get("STATE"), CODE=typed, **more)


def enrolled(world, language="de"):
    """A customer with TOTP, and its secret."""
    c = with_password(world, language=language)
    offer = offered(world, c)
    done = confirm(world, c, offer, code(world, secret_of(offer)))
    assert done.verdict == "OK", done.text
    return c, secret_of(offer)


def login(world, c, typed):
    """A whole login with a code; its last reply."""
    reply = world.portald.authenticate(c.mail, PASSWORD)
    if reply.verdict != "CODE_NEEDED":
        return reply
    return ask(world, c, "SECOND", STATE=reply.get("STATE"), CODE=typed)
