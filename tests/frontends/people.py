"""Customers for a test, made ready many at a time, since a letter takes its seconds. The way in is
People(world, host)."""

import re
import subprocess
from dataclasses import dataclass

from customer import Letter
from wire import NUMBERS

BATCH = 8
STEP_SECONDS = 30
PASSWORD = "Regen auf dem Zeltdach"


@dataclass
class Person:
    """A customer, and what they know."""

    customer: object
    letter: Letter
    password: str
    secret: str = None
    step: int = 0

    @property
    def name(self):
        return self.customer.mail

    def code(self):
        """The next code of the app that is still good. Each works once, so after some the clock moves on."""
        world = self.customer.world
        now = world.now() // STEP_SECONDS
        self.step = max(self.step + 1, now - 1)
        if self.step > now + 1:
            world.clock(f"+{(self.step - now - 1) * STEP_SECONDS}s")
        return totp(self.secret, self.step)

    def wrong_code(self):
        """Six digits that are nobody's code in these minutes."""
        now = self.customer.world.now() // STEP_SECONDS
        good = {totp(self.secret, step) for step in range(now - 4, now + 5)}
        return next(code for code in ("000000", "123456", "654321", "111111", "222222", "999999", "314159",
                                      "271828", "101010", "424242") if code not in good)


def totp(secret, step):
    """As the customer's app computes it."""
    done = subprocess.run(["oathtool", "--totp", "--base32", f"--now=@{step * STEP_SECONDS}", "-"], check=True,
                          input=secret + "\n", capture_output=True, text=True)
    return done.stdout.strip()


class People:
    def __init__(self, world, host):
        self.world, self.host = world, host
        self.waiting = {}

    def initial(self, language="de"):
        """With the letter at hand, and the initial password in force; resolvable through NSS."""
        if not self.waiting.get(language):
            self.waiting[language] = self._ready(language)
        person = self.waiting[language].pop(0)
        self.host.know(person.name)
        return person

    def active(self, password=PASSWORD, language="de"):
        """With a personal password."""
        person = self.initial(language)
        login = self.world.login(person.name, person.letter.password, password, password)
        assert login.ok, login.output
        person.password = password
        return person

    def with_code(self):
        """With a personal password and TOTP set up."""
        person = self.active()
        portald = self.world.portald
        user = {"USER": person.name, "SERVICE": "test", "LANGUAGE": "de"}
        asked = portald.authenticate(person.name, person.password, PURPOSE=NUMBERS["WIRE_PURPOSE_ENROLL"])
        offered = portald.ask("api", "ENROLL", **user, GRANT=asked.get("GRANT"))
        person.secret = re.search(r"[?&]secret=([A-Z2-7]+)", offered.get("URI").decode())[1]
        done = portald.ask("api", "ENROLL_CODE", **user, STATE=offered.get("STATE"), CODE=person.code())
        assert done.verdict == "OK", done.text
        return person

    def _ready(self, language):
        customers = [self.world.customer(language) for _ in range(BATCH)]
        for customer in customers:
            customer.register()
        for customer in customers:
            mail = self.world.wait_for_mail(customer.mail)
            assert self.world.portald.confirm(mail.token).verdict == "OK"
        letters = [customer.letter() for customer in customers]
        return [Person(customer, letter, letter.password) for customer, letter in zip(customers, letters)]
