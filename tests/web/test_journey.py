"""The whole journey in a real browser, from the first visit to logging out everywhere: in German with scripts and a
mouse, in English without scripts and with nothing but the keyboard."""

import base64
import re

import otp
import pytest
import qr
from customer import PASSWORD, wait_for
from keyboard import Keyboard
from pages import Portal
from recoverer import NEW, codes_of
from totp_customer import unused

BAD = "Passwort1234"


@pytest.fixture(params=[("de", True, Portal), ("en", False, Keyboard)], ids=["german-script-mouse", "english-plain-keys"])
def p(request, visit, site):
    language, javascript, hands = request.param
    return hands(visit(language=language, javascript=javascript), site)


def scanned(p, directory):
    """The secret in the picture that the page draws, as an app on a phone would take it."""
    box = p.tab.evaluate("(() => { const r = document.querySelector('figure.qr svg').getBoundingClientRect();"
                         " return {x: r.x + scrollX, y: r.y + scrollY, width: r.width, height: r.height} })()")
    taken = p.tab.call("Page.captureScreenshot", captureBeyondViewport=True, clip={**box, "scale": 2})
    path = directory / "qr.png"
    path.write_bytes(base64.b64decode(taken["data"]))
    uri = qr.decode(path)
    assert uri and uri.startswith("otpauth://totp/"), uri
    return otp.secret_of(uri)


class Journey:
    def __init__(self, world, p, c, directory):
        self.world, self.p, self.c, self.directory = world, p, c, directory
        self.password, self.steps = PASSWORD, -1

    def digits(self):
        """The app's next code that nobody has used."""
        if self.steps > 1:
            unused(self.world, self.c)
            self.steps = 0
        self.steps += 1
        return otp.code(self.c.secret, at=self.world.now(), steps=self.steps - 1)

    def mails(self, address=None):
        return self.world.mails(address or self.c.mail)

    def next_mail(self, count, address=None):
        return self.world.wait_for_mail(address or self.c.mail, count + 1)

    def mailed_code(self):
        return wait_for(lambda: codes_of(self.world, self.c), what="the code")[-1]

    # The steps.

    def registers(self):
        p, c = self.p, self.c
        p.go("/").follow("Register").is_at("Register")
        p.go("/")
        p.register(c, again=c.mail.replace("@", ".@")).is_at("Register")
        assert p.tab.status == 400 and p.complaint
        assert p.tab.field(p.say("Policy number")).value == c.policy
        p.fill("E-mail address once more", c.mail).press("Register")
        p.is_at("Thank you. Please look into your mailbox now.")

    def confirms(self):
        p = self.p
        token = self.world.wait_for_mail(self.c.mail).token
        p.confirm(token).is_at("Your e-mail address is confirmed")
        p.open_link(token).is_at("This is done already")

    def logs_in_with_the_letter(self):
        p = self.p
        self.letter = self.c.letter()
        p.log_in(self.c.mail, self.letter.password.lower().replace("-", "")).is_at("Choose your personal password")
        p.choose_password(BAD).is_at("Choose your personal password")
        assert p.tab.status == 400 and p.complaint and BAD not in p.tab.source
        p.choose_password(self.password).is_at("Your password is set")

    def sets_up_codes(self):
        p = self.p
        p.press("Set up now").is_at("Set up codes from an app")
        self.c.secret = scanned(p, self.directory)
        assert self.c.secret == base64.b32decode(p.secret)
        p.fill("Code from the app", self.digits()).press("Finish").is_at("Codes from the app are set up")
        p.follow("Continue").is_at("My account")

    def logs_out_and_in(self):
        p = self.p
        p.go("/account").press("Log out").is_at("You are logged out")
        p.follow("Log in again")
        p.fill("E-mail address", self.c.mail).fill("Password", self.password).press("Log in").is_at("Enter the code")
        p.enter_code(self.digits()).is_at("My account")

    def changes_the_address(self):
        p, c = self.p, self.c
        former, new = c.mail, f"moved-{c.mail}"
        p.follow("Change the e-mail address").is_at("Change your e-mail address")
        p.fill("Current password", self.password).press("Continue").enter_code(self.digits())
        p.fill("New e-mail address", new).fill("New e-mail address, once more", new).press("Mail the link")
        p.is_at("Please look into your new mailbox")
        before = len(self.mails())
        p.confirm(self.next_mail(0, new).token).is_at("Your e-mail address is confirmed")
        c.mail = new
        p.log_in(new, self.password).is_at("Enter the code")
        return former, before

    def undoes_that(self, former, before):
        p, c = self.p, self.c
        reference = self.next_mail(before, former).reference
        p.go(f"/not-me/{reference}").is_at("Take back the change of e-mail address")
        p.press("Take back the change").is_at("Thank you for telling us")
        assert c.attribute("mail") == former
        c.mail = former

    def forgets_the_password(self):
        p = self.p
        p.go("/login").follow("Forgotten the password, lost the phone or the letter?")
        p.follow("I have forgotten my password").fill("E-mail address", self.c.mail).press("Mail me a code")
        p.enter_mailed(self.mailed_code(), self.letter.puk.lower()).is_at("Choose a new password")
        self.password = NEW
        p.choose_password(NEW).enter_code(self.digits()).is_at("My account")
        p.log_out().is_at("You are logged out")

    def loses_the_phone(self):
        p = self.p
        letter = wait_for(lambda: self.new_letter(), seconds=60, what="the letter with a new PUK")
        p.log_in(self.c.mail, self.password).is_at("Enter the code")
        p.enter_puk(letter.codes[-1]).is_at("Codes from the app are switched off")
        p.follow("Later").is_at("My account")
        assert p.shows("not set up")

    def new_letter(self):
        letter = self.c.letter()
        return letter if letter.path != self.letter.path else None

    def logs_out_everywhere(self, other):
        p = self.p
        other.log_in(self.c.mail, self.password).is_at("My account")
        p.follow("Where you are logged in, and logging out everywhere").is_at("Where you are logged in")
        p.press("Log out everywhere").is_at("You are logged out")
        p.go("/account").is_at("Log in")
        other.tab.wait(lambda: other.go("/account").tab.heading == other.say("Log in"), "the other session's end")


def test_whole_journey(world, p, portal, tmp_path):
    journey = Journey(world, p, world.customer(p.language), tmp_path)
    journey.registers()
    journey.confirms()
    journey.logs_in_with_the_letter()
    journey.sets_up_codes()
    journey.logs_out_and_in()
    journey.undoes_that(*journey.changes_the_address())
    journey.forgets_the_password()
    journey.loses_the_phone()
    journey.logs_out_everywhere(portal(language=p.language, javascript=False))
    assert re.fullmatch(r"(de|en)", p.tab.language) and p.tab.language == p.tab.visitor.language
