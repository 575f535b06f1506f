"""Customers who have forgotten their password: with a PUK in the drawer, and a code in the mail. The way in is with_puk(world)."""

import re

from customer import PASSWORD, wait_for, with_password

NEW = "Nebel hinter der Scheune"
CODE = re.compile(r"^\s*(\d{4} ?\d{4})\s*$", re.M)
WRONG = "00000000"


class Drawer:
    """One PUK that came by post, and its hash for other customers: making one takes a letter each."""

    def __init__(self, world):
        c = world.customer()
        letter = c.active()
        self.puk, self.other = letter.puk, letter.password  # the form of the other is right, too
        self.hash = c.attribute("portalPUK")


def drawer(world):
    if not hasattr(world, "drawer"):
        world.drawer = Drawer(world)
    return world.drawer


def with_puk(world, state="active", **more):
    """A customer who got here some other way: quick, where the way isn't what is tested."""
    d = drawer(world)
    c = with_password(world, state=state, portalPUK=d.hash, portalPasswordChanged="20260101000000Z", **more)
    c.puk, c.wrong_puk = d.puk, d.other
    return c


def code_in(mail):
    found = CODE.search(mail.text)
    assert found, mail.text
    return found.group(1).replace(" ", "")


def codes_of(world, c):
    return [code_in(m) for m in world.mails(c.mail) if CODE.search(m.text)]


def settled(world):
    """No request for a code waits any more."""
    def done():
        queue = world.portald.control("status")["queue"]
        return not any(queue["registration"][state] for state in ("ready", "claimed"))
    wait_for(done, what="the end of the requests")


def asked(world, c, client=None):
    """Asks for a code and returns it."""
    before = len(codes_of(world, c))
    reply = world.portald.forgotten(c.mail, client=client)
    assert reply.verdict == "OK", reply.text
    return wait_for(lambda: len(codes_of(world, c)) > before and codes_of(world, c), what="the code")[-1]


def tries(world, c, count, client=None, code=WRONG):
    """The verdicts of so many attempts in a row."""
    return [world.portald.recover(c.mail, code, c.puk, client=client).verdict for _ in range(count)]
