"""portal-web as people use it, step by step and in both languages. The way in is the fixture portal, which makes a
Portal for a new visitor:

    p = portal(language="en", javascript=False)
    p.register(customer)                              fills the form and presses the button
    p.confirm(mail.token)
    p.log_in(customer.mail, letter.password)
    assert p.is_at("Choose your personal password")   the page's heading
    p.choose_password("Regen auf dem Zeltdach")

Texts are given in English, as the templates have them, and looked up in the catalogue that was built: a text without
German fails the test. p.tab is the browser's tab for everything else (tests/chromium/browser.py): p.tab.press(p.say("Log in"))."""

import functools
import gettext
import os
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2]
CATALOGUE = "po/C/LC_MESSAGES/portal-de.mo"
# Every page that a GET shows without a session, and those that want one.
OPEN = ("/", "/register", "/login", "/recover", "/recover/forgotten", "/recover/mailed", "/recover/letter", "/help",
        "/help/totp", "/privacy", "/terms", "/logout", "/not-me", "/confirm/unknown", "/not-me/unknown", "/nothing")
INSIDE = ("/account", "/account/mail", "/account/sessions", "/password", "/totp", "/logout", "/help")


@functools.cache
def _german():
    build = Path(os.environ.get("PORTAL_BUILDDIR") or SOURCE / "build")
    with open(build / CATALOGUE, "rb") as file:
        return gettext.GNUTranslations(file)


def in_language(text, language):
    if language == "en":
        return text
    german = _german().gettext(text)
    assert german != text or len(text) < 5, f"no German for “{text}”"
    return german


class Portal:
    def __init__(self, tab, site):
        self.tab, self.site = tab, site

    @property
    def language(self):
        """What the page is in; before there is one, what the visitor's browser asks for."""
        return self.tab.language or self.tab.visitor.language

    def say(self, text):
        """The text in the page's language."""
        return in_language(text, self.language)

    def go(self, path="/"):
        self.tab.open(self.site + path)
        return self

    def press(self, text):
        self.tab.press(self.say(text))
        return self

    def follow(self, text):
        self.tab.follow(self.say(text))
        return self

    def fill(self, label, text):
        self.tab.fill(self.say(label), text)
        return self

    def check(self, label, on=True):
        self.tab.check(self.say(label), on)
        return self

    def is_at(self, heading):
        """Asserts that the page has that heading, and says what it shows otherwise."""
        assert self.tab.heading == self.say(heading), f"not at “{self.say(heading)}” but at:\n{self.tab.text}"
        return True

    def shows(self, text):
        """Whether that is to be read on the page."""
        return " ".join(self.say(text).split()) in " ".join(self.tab.text.split())

    @property
    def complaint(self):
        """What the page says is wrong, or ""."""
        return "\n".join(element.run("function() { return this.innerText }") for element in self.tab.all("alert"))

    def switch_language(self):
        """With the button at the page's top, which names the other language in that language."""
        self.tab.all("button", "English" if self.language == "de" else "Deutsch")[0].press()
        return self

    # The journey.

    def register(self, customer, mail=None, again=None, birthdate=None, policy=None, privacy=True, terms=True):
        self.go("/register")
        mail = mail or customer.mail
        self.fill("Policy number", policy or customer.policy)
        self.fill("Date of birth of the policyholder", birthdate or customer.birthdate)
        self.fill("E-mail address", mail)
        self.fill("E-mail address once more", again or mail)
        self.check("I have read the privacy notice.", privacy)
        self.check("I accept the terms of use.", terms)
        return self.press("Register")

    def open_link(self, token):
        return self.go(f"/confirm/{token}")

    def confirm(self, token):
        return self.open_link(token).press("Confirm now")

    def log_in(self, name, password, path="/login"):
        """From that page on, which may be one that wants a login first."""
        self.go(path)
        self.fill("E-mail address", name)
        self.fill("Password", password)
        return self.press("Log in")

    def enter_code(self, digits):
        self.fill("Code from the app", digits)
        return self.press("Continue")

    def enter_puk(self, puk):
        """Instead of the code, where that is asked for."""
        self.follow("Lost the phone? Use the PUK instead")
        self.fill("PUK from your letter", puk)
        return self.press("Continue")

    def choose_password(self, password, again=None):
        """Without scripts it is asked for twice."""
        self.fill("New password", password)
        if not self.tab.visitor.javascript:
            self.fill("New password, once more", password if again is None else again)
        return self.press("Save the password")

    def forgot(self, mail):
        self.go("/recover").follow("I have forgotten my password")
        self.fill("E-mail address", mail)
        return self.press("Mail me a code")

    def enter_mailed(self, code, puk):
        self.fill("Code from the e-mail", code)
        self.fill("PUK from your letter", puk)
        return self.press("Continue")

    def ask_for_letter(self, customer, mail=None):
        self.go("/recover/letter")
        self.fill("Policy number", customer.policy)
        self.fill("Date of birth of the policyholder", customer.birthdate)
        self.fill("E-mail address", mail or customer.mail)
        return self.press("Send me a new letter")

    @property
    def secret(self):
        """What the page for setting up codes says to type into the app."""
        return self.tab.evaluate("document.getElementById('secret').textContent.replace(/\\s/g, '')")

    def log_out(self):
        return self.go("/account").press("Log out")
