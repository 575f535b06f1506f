"""The forms of those who aren't logged in, to the byte. The way in is Forms(site)."""

import html
import itertools
import re

import raw_http
from customer import PASSWORD
from pages import in_language

SOURCES = (f"127.6.{a}.{b}" for a in range(1, 250) for b in range(1, 250))
NUMBERS = itertools.count(1)


def unknown_policy():
    """One that nobody has, and that no limit knows yet."""
    return f"XX{next(NUMBERS):07d}"


class Forms(raw_http.Client):
    """Somebody who comes from an address of their own, so that no test uses up another one's limits."""

    def __init__(self, site, language="de"):
        super().__init__(site, source=next(SOURCES), language=language)

    def say(self, text):
        return in_language(text, self.language)

    def typed(self, customer=None, mail=None, **more):
        """All of the registration's fields, filled in well."""
        page = self.get("/register").text
        mail = mail or customer.mail
        return {"policy": customer.policy if customer else unknown_policy(),
                "birthdate": customer.birthdate if customer else "24.12.1950", "mail": mail, "again": mail,
                "privacy": value_of(page, "privacy"), "terms": value_of(page, "terms"), **more}

    def register(self, *args, **more):
        return self.post("/register", self.typed(*args, **more))


def field(page, name):
    """The input's whole tag."""
    return re.search(rf'<input[^>]* name="{name}"[^>]*>', page)[0]


def value_of(page, name):
    return html.unescape(re.search(r' value="([^"]*)"', field(page, name))[1])


def errors(page):
    """field: what is said at it. What the summary says must be the same."""
    found = {name: html.unescape(text) for name, text in re.findall(r'<p class="error" id="([a-z]+)-error">([^<]*)<', page)}
    summary = re.search(r'<div class="summary".*?</div>', page, re.S)
    listed = dict(re.findall(r'<a href="#([a-z]+)">([^<]*)<', summary[0])) if summary else {}
    assert {name: html.unescape(text) for name, text in listed.items()} == found
    for name in found:
        assert 'aria-invalid="true"' in field(page, name) and f"{name}-error" in field(page, name), name
    return found


def plain(page):
    """What is to be read, without tags, blanks made one."""
    body = re.sub(r"<[^>]*>", " ", page.partition("<main")[2])
    return " ".join(html.unescape(body).split())


def wish_for_mail(world, customer, address):
    """A customer who is logged in asks for another e-mail address: a link to it is on its way."""
    reply = world.portald.authenticate(customer.mail, PASSWORD, sock="web", PURPOSE=1)
    assert reply.verdict == "OK", reply.text
    reply = world.portald.new_mail(customer.mail, reply.get("GRANT"), address)
    assert reply.verdict == "OK", reply.text
