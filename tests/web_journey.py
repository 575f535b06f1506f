"""The same journey on the web, as a customer goes it in a browser without JavaScript.

The way in is WebJourney(WebPlace).run(); everything that isn't a page is journey.py's.
"""

import re
import textwrap
from dataclasses import dataclass

from journey import BAD_PASSWORD, GOOD_PASSWORD, Journey, Place, expect, quote, say
from nojs_browser import Browser
import otp

WIDTH = 90
HIDDEN = ("password", "new-password", "new-password-again")


@dataclass
class WebPlace(Place):
    url: str = ""
    cafile: str | None = None  # of the proxy's certificate


class WebJourney(Journey):
    STEPS = (
        ("Another customer opens the portal in a browser", "open_portal"),
        ("… fills in the form, with a typing error, which is named at the field", "typing_error"),
        ("… corrects it", "register"),
        ("A mail arrives", "read_mail"),
        ("The customer opens its link: a page with one button", "confirm"),
        ("… and opens it once more: it is done already", "confirm_again"),
        ("A letter is printed", "read_letter"),
        ("The customer logs in with its initial password; a weak password is refused, a good one taken", "first_login"),
        ("… sets up codes from an app", "set_up_codes"),
        ("… and logs out", "log_out"),
        ("The next login takes password and code", "log_in"),
        ("… and each code once only", "code_again"),
    )

    def __init__(self, place, before=0, of=None):
        super().__init__(place, before, of)
        # What lies there was somebody else's.
        self.letters = {path.name for path in place.letter_dir.glob("**/*.pdf")}
        self.mails = {path.name for path in place.mail_dir.glob("*.eml")}
        self.browser = self._new_browser()
        self.page = None

    def _new_browser(self):
        return Browser(self.place.url, cafile=self.place.cafile)

    # What a person sees and does.

    def look(self, page, *words, status=200):
        """Shows a page, which must say these words."""
        if self.page:
            say("")
        self.page = page
        say(f"    {page.url}\n")
        quote("\n".join(textwrap.fill(line, WIDTH, subsequent_indent="  ", break_long_words=False)
                        for line in page.lines))
        expect(page.status == status, f"the page's status is {page.status}")
        for word in words:
            expect(any(word in line for line in page.lines), f'the page doesn\'t say "{word}"')

    def open(self, path, *words, **more):
        self.look(self.browser.open(path), *words, **more)

    def send(self, action, *words, ticked=(), status=200, **typed):
        """Fills in a form and looks at the page that comes."""
        form = self.page.form(action)
        for name, value in typed.items():
            name = name.replace("_", "-")
            say(f"    {self.page.label(form, name)}: {'*' * len(value) if name in HIDDEN else value}")
        self.look(self.browser.send(self.page, action, *ticked, **typed), *words, status=status)

    # The steps.

    def open_portal(self):
        self.open("/")
        self.open("/register", "Registrieren")

    def typing_error(self):
        place = self.place
        self.send("/register", "Bitte prüfen Sie Ihre Angaben", status=400, ticked=("privacy", "terms"), policy=place.policy,
                  birthdate="31.2.1951", mail=place.address, again=place.address)

    def register(self):
        self.send("/register", "E-Mail", birthdate=self.place.birthdate)
        expect(self.page.url.endswith("/register/done"), "the registration wasn't taken")

    def confirm(self):
        path = self.link.removeprefix(self.place.url)
        expect(path.startswith("/confirm/"), f"the link leads elsewhere: {self.link}")
        # Opened on the phone, say, where no cookie is.
        self.browser = self._new_browser()
        self.open(path)
        self.send(path, "bestätigt")
        self.state_is("initial")

    def confirm_again(self):
        self.open(self.link.removeprefix(self.place.url), "schon erledigt")
        self.state_is("initial")

    def log_in_with(self, password, *words):
        self.open("/login", "Anmelden")
        self.send("/login", *words, mail=self.place.address, password=password)

    def first_login(self):
        self.log_in_with(self.initial.lower().replace("-", ""), "persönliches Passwort")
        self.send("/password/new", status=400, new_password=BAD_PASSWORD, new_password_again=BAD_PASSWORD)
        self.send("/password/new", "Ihr Passwort ist", new_password=GOOD_PASSWORD, new_password_again=GOOD_PASSWORD)
        self.state_is("active")
        self.mail("Passwort ist eingerichtet")

    def set_up_codes(self):
        self.send("/totp/begin")
        expect("<svg" in self.page.text, "there is no QR code")
        typed = re.sub(r"[^A-Z2-7]", "", self.page.by_id["secret"].upper())
        self.secret = otp.secret_of(f"otpauth://totp/x?secret={typed}")
        self.code = otp.code(self.secret, self.now())
        self.send("/totp/first", code=self.code)
        self.mail("eingeschaltet")
        self.open("/account", self.place.address)

    def log_out(self):
        self.send("/logout")
        self.open("/account", "Anmelden")
        expect("/login" in self.page.url, "the account's page is still there")

    def log_in(self):
        self.code = otp.code(self.secret, self.now(), steps=1)
        self.log_in_with(GOOD_PASSWORD)
        self.send("/login/code", self.place.address, code=self.code)
        expect("/account" in self.page.url, "the login doesn't end at the account")
        self.send("/logout")

    def code_again(self):
        self.log_in_with(GOOD_PASSWORD)
        self.send("/login/code", "schon benutzt", status=400, code=self.code)
        expect("/account" not in self.page.url, "the code was taken twice")
