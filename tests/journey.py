#!/usr/bin/python3
"""One customer's whole journey, from a policy number to an account, each step as a person sees it.

The way in is Journey(Place).run(): run-demo goes it in a sandbox, the system test on an installed
machine. It knows Portal only from outside: portalctl, mails, letters, PAM.
"""

import email
import email.policy
import json
import os
import re
import subprocess
import sys
import textwrap
import time
from dataclasses import dataclass, field
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parent / "integration")]

import otp  # noqa: E402
from nojs_browser import PageError  # noqa: E402

WAIT_SECONDS = 60
POLL_SECONDS = 0.1
LINK = re.compile(r"https?://\S+/confirm/[A-Za-z0-9_-]{43}")
CODE = re.compile(r"\b(?:[0-9A-HJKMNP-TV-Z]{4}-){3}[0-9A-HJKMNP-TV-Z]{4}\b")
MAILED_CODE = re.compile(r"\b(\d{4}) (\d{4})\b")
BAD_PASSWORD = "Sommer2026"
GOOD_PASSWORD = "Regen auf dem Zeltdach"
NEXT_PASSWORD = "drei Gummistiefel im Flur"


class StepFailed(Exception):
    """What a step expected and didn't get."""


@dataclass
class Place:
    """Where the journey goes: how to ask portald, and where mails and letters arrive."""
    ctl: list
    login: list  # pam-login and its options, without service and user
    mail_dir: Path
    letter_dir: Path
    uid: str
    policy: str
    birthdate: str
    address: str
    service: str = "portal"
    recover_service: str = "portal-recover"
    enroll_service: str = "portal-enroll"
    print_letters: bool = False  # by portalctl letters print; else a station prints by itself
    environment: dict = field(default_factory=lambda: dict(os.environ))


def say(text):
    print(text, flush=True)


def quote(text):
    """Text of Portal's, set apart from ours."""
    for line in text.rstrip("\n").split("\n"):
        say(f"    │ {line}".rstrip())


def expect(condition, text):
    if not condition:
        raise StepFailed(text)


def wait_for(what, look):
    """The first true thing that look() returns."""
    end = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < end:
        found = look()
        if found:
            return found
        time.sleep(POLL_SECONDS)
    raise StepFailed(f"{what}: not within {WAIT_SECONDS} seconds")


class Login:
    """What one run of pam-login said: phases with their results, and everything in order."""

    def __init__(self):
        self.results = []
        self.messages = []
        self.status = None

    def result(self, phase):
        """The last result of a phase, such as PAM_SUCCESS, or None."""
        found = [code for name, code in self.results if name == phase]
        return found[-1] if found else None


class Journey:
    def __init__(self, place, before=0, of=None):
        """before, of: how many steps were gone already, and how many there are in all."""
        self.place = place
        self.link = None
        self.initial = None
        self.puk = None
        self.letters = set()
        self.mails = set()
        self.secret = None
        self.code = None
        self.number = self.before = before
        self.of = of or len(self.STEPS)
        self.title = "the start"

    STEPS = (
        ("The insurer knows a customer, who has no account yet", "provisioned"),
        ("The customer registers", "register"),
        ("A mail arrives", "read_mail"),
        ("The customer opens the link and presses the button", "confirm"),
        ("… and presses it once more", "confirm_again"),
        ("A letter is printed", "read_letter"),
        ("The mailroom posts it", "post"),
        ("First login, with the initial password as one types it; a password of one's own must follow",
         "first_login"),
        ("The next login, with the customer's own password", "next_login"),
        ("The initial password doesn't work any more", "old_login"),
        ("Months later the password is forgotten: a mailed code and the PUK set a new one", "recover"),
        ("That PUK is used up; a letter brings the next", "next_letter"),
        ("The customer sets up codes from an app (TOTP)", "enroll"),
        ("From now on a login takes the code, too", "code_login"),
        ("… and each code once only", "code_again"),
        ("The phone is lost: password and PUK, and the code is off", "phone_lost"),
        ("… and another letter brings the next PUK", "next_letter"),
    )

    def run(self):
        for self.number, (self.title, step) in enumerate(self.STEPS, self.before + 1):
            say(f"\n── {self.number} of {self.of} ─ {self.title}\n")
            getattr(self, step)()

    # Asking portald.

    def ctl(self, *words, status=0):
        """Runs portalctl, shows what it said, and returns that."""
        say(f"    $ portalctl {' '.join(words)}")
        done = subprocess.run([*self.place.ctl, *words], text=True, capture_output=True, check=False,
                              env=self.place.environment, stdin=subprocess.DEVNULL)
        quote(done.stdout + done.stderr)
        expect(done.returncode == status,
               f"portalctl {words[0]}: exit status {done.returncode}, expected {status}")
        return done.stdout

    def state_is(self, state):
        text = self.ctl("show", self.place.uid)
        found = re.search(r"^State: *(\S+)", text, re.MULTILINE)
        expect(found and found[1] == state, f"the account isn't {state}")

    # The steps.

    def provisioned(self):
        self.state_is("provisioned")

    def register(self):
        place = self.place
        self.ctl("register", "--policy", place.policy, "--birthdate", place.birthdate,
                 "--mail", place.address, "--mail-again", place.address,
                 "--privacy", "1", "--terms", "1")

    def mail(self, about):
        """The next mail with these words in its subject, shown; its text."""
        def unread():
            for path in sorted(self.place.mail_dir.glob("*.eml")):
                message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
                if path.name not in self.mails and about in str(message["Subject"]):
                    self.mails.add(path.name)
                    return message
            return None

        message = wait_for(f"the mail \"{about}\"", unread)
        text = message.get_body(("plain",)).get_content()
        quote("".join(f"{name}: {message[name]}\n" for name in ("From", "To", "Date", "Subject")))
        quote("\n" + "\n".join(textwrap.fill(line, 90, break_long_words=False, break_on_hyphens=False)
                               for line in text.splitlines()))
        expect(self.place.address in str(message["To"]), "the mail went to somebody else")
        return text

    def read_mail(self):
        found = LINK.search(self.mail("bestätigen"))
        expect(found, "there is no link in the mail")
        self.link = found[0]

    def confirm(self):
        self.ctl("confirm", self.link)
        self.state_is("initial")

    def confirm_again(self):
        self.ctl("confirm", self.link)
        self.state_is("initial")

    def letter(self):
        """The next letter that is printed, shown; the codes in it."""
        def unread():
            return next((path for path in sorted(self.place.letter_dir.glob("**/*.pdf"))
                         if path.name not in self.letters), None)

        if self.place.print_letters:
            self.ctl("letters", "print")
        path = wait_for("the letter's PDF", unread)
        self.letters.add(path.name)
        text = subprocess.run(["pdftotext", "-layout", path, "-"], text=True, capture_output=True,
                              check=True).stdout
        say(f"    {path}\n")
        quote(re.sub(r"\n{3,}", "\n\n", text.replace("\f", "")))
        return CODE.findall(text)

    def read_letter(self):
        codes = self.letter()
        expect(len(codes) == 2, "there aren't an initial password and a PUK in the letter")
        self.initial, self.puk = codes

    def post(self):
        def batches():
            done = subprocess.run([*self.place.ctl, "--json", "letters", "list"], text=True, check=False,
                                  capture_output=True, env=self.place.environment)
            letters = json.loads(done.stdout) if done.returncode == 0 else []
            return [letter["batch"] for letter in letters if letter["state"] == "printed"]

        batch = wait_for("the letter as printed", batches)[0]
        self.ctl("letters", "list")
        self.ctl("letters", "posted", batch)

    def login(self, *typed, service=None):
        """Logs in as an application does. typed: what is answered to one hidden prompt after the other; a
        function is asked when its turn comes, with the login so far."""
        place, login, answers = self.place, Login(), iter(typed)
        with subprocess.Popen([*place.login, service or place.service, place.address], text=True, bufsize=1,
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              env=place.environment) as process:
            for line in process.stdout:
                word, _, text = line.rstrip("\n").partition(" ")
                text = text.replace("\\n", "\n")
                if word == "result":
                    name, _, code = text.partition(" ")
                    login.results.append((name, code.partition(":")[0]))
                    say(f"    {name}: {code}")
                elif word in ("hidden", "visible"):
                    answer = next(answers, "")
                    if callable(answer):
                        answer = answer(login)
                    quote(f"{text.rstrip()} {answer}")
                    process.stdin.write(answer + "\n")
                elif word != "phase":
                    login.messages.append(text)
                    quote(text)
        login.status = process.returncode
        return login

    def logged_in(self, login):
        expect(login.result("account") == "PAM_SUCCESS" and login.status == 0, "the login was refused")

    def first_login(self):
        typed = self.initial.lower().replace("-", "")
        login = self.login(typed, BAD_PASSWORD, BAD_PASSWORD, GOOD_PASSWORD, GOOD_PASSWORD)
        changes = [code for name, code in login.results if name == "change"]
        expect(login.result("authenticate") == "PAM_SUCCESS", "the initial password was refused")
        expect(login.result("account") == "PAM_NEW_AUTHTOK_REQD", "no new password was demanded")
        expect(changes == ["PAM_AUTHTOK_ERR", "PAM_SUCCESS"],
               f"the bad password should be refused and the good one taken: {changes}")
        expect(login.status == 0, "the login didn't end well")
        self.state_is("active")
        self.mail("Passwort ist eingerichtet")

    def next_login(self):
        self.logged_in(self.login(GOOD_PASSWORD))

    def refused(self, login):
        expect(login.result("authenticate") == "PAM_AUTH_ERR", "the login wasn't refused")
        expect(login.status == 1, "the login didn't end as it should")

    def old_login(self):
        self.refused(self.login(self.initial))

    def mailed_code(self, _login):
        found = MAILED_CODE.search(self.mail("Code für ein neues Passwort"))
        expect(found, "there is no code in the mail")
        return found[1] + found[2]

    def recover(self):
        self.logged_in(self.login(self.mailed_code, self.puk.lower(), NEXT_PASSWORD, NEXT_PASSWORD,
                                  service=self.place.recover_service))
        self.mail("PUK wurde verwendet")
        self.mail("Passwort wurde geändert")
        self.logged_in(self.login(NEXT_PASSWORD))

    def next_letter(self):
        codes = self.letter()
        expect(len(codes) == 1 and codes[0] != self.puk, "there isn't a new PUK in the letter")
        self.puk = codes[0]

    def first_code(self, login):
        self.secret = otp.secret_of("\n".join(login.messages))
        return otp.code(self.secret, self.now())

    def now(self):
        """portald's time, which may have been moved."""
        done = subprocess.run([*self.place.ctl, "--json", "status"], text=True, check=True,
                              capture_output=True, env=self.place.environment)
        return json.loads(done.stdout)["now"]

    def enroll(self):
        self.logged_in(self.login(NEXT_PASSWORD, self.first_code, service=self.place.enroll_service))
        self.mail("eingeschaltet")

    def code_login(self):
        # The step of the first code is used; the next one is taken a little early.
        self.code = otp.code(self.secret, self.now(), steps=1)
        self.logged_in(self.login(NEXT_PASSWORD, self.code))

    def code_again(self):
        self.refused(self.login(NEXT_PASSWORD, self.code))

    def phone_lost(self):
        self.logged_in(self.login(NEXT_PASSWORD, self.puk))
        self.mail("PUK wurde verwendet")
        self.mail("ausgeschaltet")
        self.logged_in(self.login(NEXT_PASSWORD))


def go(ways, started):
    """Goes the journeys one after the other; each way is a class of them and its place. Returns whether all were
    completed, and the line that says so or what failed."""
    steps = sum(len(kind.STEPS) for kind, _place in ways)
    before = 0
    for kind, place in ways:
        journey = kind(place, before, steps)
        try:
            journey.run()
        except (StepFailed, PageError, OSError, subprocess.SubprocessError) as error:
            return False, f"journey failed at step {journey.number} ({journey.title}): {error}"
        before = journey.number
    seconds = round(time.monotonic() - started)
    return True, f"journey complete: {steps} steps in {seconds} s"
