"""Customers for a test, made ready many at a time, since a letter takes its seconds. The way in is
People(world, host)."""

from dataclasses import dataclass

from customer import Letter
from second_factor import Phone, set_up

BATCH = 8
PASSWORD = "Regen auf dem Zeltdach"


@dataclass
class Person:
    """A customer, and what they know."""

    customer: object
    letter: Letter
    password: str
    phone: Phone = None

    @property
    def name(self):
        return self.customer.mail


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
        person.phone = set_up(self.world, person)
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
